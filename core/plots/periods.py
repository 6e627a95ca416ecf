"""Numbers of each period of time as lines, with intervals as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plots.marks import add_band
from core.plots.style import DASHES, LEGEND_SMALL, MUTED, NEGATIVE, POSITIVE, plain, unit_axis


class Series(NamedTuple):
    """A number (T,) of each period and, if known, the ends of its interval (T,)."""

    values: NDArray[np.floating]
    low: NDArray[np.floating] | None = None
    high: NDArray[np.floating] | None = None


def periods_figure(
    names: Sequence[str], series: Mapping[str, Series], title: str, test: int | None = None
) -> go.Figure:
    """Rates in [0, 1] by period, a line each; the first has its interval as a band.

    Parameters
    ----------
    names : of the periods (T,), in the order of time.
    series : by name, at most five.
    title : of the vertical axis.
    test : the period in [0, T) in which test rows begin, marked by a line; None without.
    """
    figure = go.Figure()
    looks = [(POSITIVE, dash) for dash in DASHES] if len(series) != 2 else [(POSITIVE, "solid"), (NEGATIVE, "dash")]
    for (name, one), (colour, dash) in zip(series.items(), looks, strict=False):
        if one.low is not None and one.high is not None:
            add_band(figure, list(names), one.low, one.high)
        figure.add_scatter(
            x=list(names),
            y=one.values,
            name=plain(name),
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"size": 5},
            hovertemplate=f"{plain(name)} %{{y:.3f}}<br>%{{x}}<extra></extra>",
        )
    tops = [one.values if one.high is None else one.high for one in series.values()]
    most = float(np.nanmax(np.concatenate(tops), initial=0.0))
    axis = unit_axis(title) | ({"range": [0, max(1.15 * most, 0.02)], "tickvals": None} if most < 0.5 else {})
    figure.update_layout(
        xaxis={"type": "category", "nticks": 6, "autotickangles": [0, 45], "showgrid": False},
        yaxis=axis,
        showlegend=len(series) > 1,
        **LEGEND_SMALL,
    )
    if test is not None:
        label = {"text": "test rows", "font": {"size": 11, "color": MUTED}}
        line = {"color": MUTED, "dash": "dot", "width": 1}
        figure.add_vline(x=test - 0.5, line=line, annotation=label, annotation_position="top right")
    return figure
