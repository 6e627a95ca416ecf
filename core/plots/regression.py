"""Figures of regression: predicted vs. actual values, and residuals."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation.thinning import evenly_spaced
from core.plots.style import LEGEND_ABOVE, LINE, MARGIN, MUTED, NEGATIVE, NEGATIVE_FILL, POSITIVE, TEXT

POINTS = 2000  # maximum number of drawn rows; more would slow down the browser
BINS = 40


def predicted_vs_actual(
    y_true: NDArray, y_pred: NDArray, target: str, band: tuple[float, float] | None = None
) -> go.Figure:
    """Predicted vs. actual values, one point per row, with the diagonal of no error.

    Parameters
    ----------
    y_true : actual values (N,). At most POINTS rows, evenly spaced, are drawn; the axes span all rows.
    y_pred : predicted values (N,).
    target : name of the target.
    band : shaded interval of predictions, where the loss is higher; None for none.
    """
    low, high = _range(np.concatenate([y_true, y_pred]))
    shown = evenly_spaced(len(y_true), POINTS)
    figure = go.Figure()
    if band:
        figure.add_hrect(y0=band[0], y1=band[1], fillcolor=NEGATIVE_FILL, line={"width": 0}, layer="below")
        for edge in band:
            figure.add_hline(y=edge, line={"color": NEGATIVE, "dash": "dot", "width": 1})
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        name="no error",
        line={"color": MUTED, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=y_true[shown],
        y=y_pred[shown],
        mode="markers",
        name="rows",
        marker={"color": POSITIVE, "size": 6, "opacity": 0.6},
        hovertemplate="actual %{x:.4g}<br>predicted %{y:.4g}<extra></extra>",
    )
    axis = {"range": [low, high], "zeroline": False}
    figure.update_layout(
        **LEGEND_ABOVE,
        xaxis=axis | {"title": {"text": f"actual {target}"}, "showgrid": False},
        yaxis=axis | {"title": {"text": f"predicted {target}"}},
    )
    return figure


def residual_histogram(y_true: NDArray, y_pred: NDArray, limit: float | None = None) -> go.Figure:
    """Histogram of the residuals, predicted minus actual, with a line at 0.

    Parameters
    ----------
    y_true : actual values (N,).
    y_pred : predicted values (N,).
    limit : absolute residual at which the loss changes its form; larger ones are shaded. None for none.
    """
    residual = np.asarray(y_pred, np.float64) - y_true
    reach = float(np.abs(residual).max(initial=0)) * 1.02 or 1.0
    counts, edges = np.histogram(residual, np.arange(-BINS // 2, BINS // 2 + 1) * (reach / (BINS // 2)))
    tick = float(f"{reach * 0.6:.1g}")  # at most 0.8 of the reach, so that it does not overlap the other axis's label
    figure = go.Figure()
    figure.add_bar(
        x=(edges[1:] + edges[:-1]) / 2,
        y=counts,
        width=np.diff(edges),
        customdata=np.stack([edges[:-1], edges[1:]], axis=1),
        marker={"color": POSITIVE, "line": {"color": LINE, "width": 0.5}},
        hovertemplate="rows: %{y:,}, residual %{customdata[0]:.4g} to %{customdata[1]:.4g}<extra></extra>",
        name="residuals",
    )
    for edge in (-limit, limit) if limit is not None and limit < reach else ():
        ends = sorted((edge, float(np.copysign(reach, edge))))
        figure.add_vrect(x0=ends[0], x1=ends[1], fillcolor=NEGATIVE_FILL, line={"width": 0}, layer="below")
        figure.add_vline(x=edge, line={"color": NEGATIVE, "dash": "dot", "width": 1})
    figure.add_vline(x=0, line={"color": TEXT, "width": 2})
    figure.update_layout(
        margin=MARGIN | {"t": 24},
        bargap=0,
        showlegend=False,
        xaxis={
            "range": [-reach, reach],
            "tickvals": [-tick, -tick / 2, 0, tick / 2, tick],
            "title": {"text": "predicted minus actual"},
            "zeroline": False,
            "showgrid": False,
        },
        yaxis={"title": {"text": "rows"}, "rangemode": "tozero"},
    )
    return figure


def _range(values: NDArray) -> tuple[float, float]:
    """The range of the values with padding; (0, 1) without values."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.04 or 1.0
    return low - room, high + room
