"""Loss curves of a run."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.plots.style import LEGEND_ABOVE, MUTED, TEXT


def loss_curves(train: np.ndarray, validation: np.ndarray, epochs: int, log: bool = False) -> go.Figure:
    """Mean losses by epoch: validation solid, training dashed.

    Parameters
    ----------
    train, validation : losses (E,) after each epoch; entry 0 is before training.
    epochs : end of the horizontal axis, which is fixed while a run trains.
    log : whether the vertical axis is logarithmic.
    """
    figure = go.Figure()
    for name, losses, dash, colour in (("validation", validation, "solid", TEXT), ("training", train, "dash", MUTED)):
        figure.add_scatter(
            x=np.arange(len(losses)),
            y=losses,
            name=name,
            mode="lines" if len(losses) > 1 else "markers",  # a line needs two points
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "size": 8},
            hovertemplate="%{y:.4f}",
        )
    figure.update_layout(
        hovermode="x unified",
        **LEGEND_ABOVE,
        xaxis={"range": [0, epochs], "title": {"text": "epoch"}, "hoverformat": "d", "showgrid": False},
        yaxis={"title": {"text": "mean loss"}} | ({"type": "log"} if log else {"rangemode": "tozero"}),
    )
    return figure
