"""Vertical lines across a figure, with their names in separate rows above it, so that no names overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.plots.style import GROUND, MARGIN, MUTED, POSITIVE_FILL, TEXT, plain

ROW = 17  # pixels of a row of names
LEGEND = 26  # pixels of a legend above the names


class Mark(NamedTuple):
    """A vertical line: its name, axis coordinate, dash, and whether it is heavy (for a chosen value)."""

    name: str
    x: float
    dash: str = "solid"
    heavy: bool = False


def add_marks(figure: go.Figure, marks: Sequence[Mark], ends: tuple[float, float], legend: bool = True) -> None:
    """Draw the marks within `ends` of the x axis, and make room for their names and a legend above them.

    Names extend towards the middle. On each side the innermost name is lowest, so that no line crosses a name.
    """
    low, high = ends
    middle = (low + high) / 2
    shown = [mark for mark in marks if np.isfinite(mark.x) and low <= mark.x <= high]
    left = sorted((mark for mark in shown if mark.x < middle), key=lambda mark: -mark.x)
    right = sorted((mark for mark in shown if mark.x >= middle), key=lambda mark: mark.x)
    shapes: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    for row, mark in enumerate([*left, *right]):
        ink = TEXT if mark.heavy else MUTED
        line = {"color": ink, "width": 2.5 if mark.heavy else 1.5, "dash": mark.dash}
        across = {"type": "line", "xref": "x", "yref": "paper", "x0": mark.x, "x1": mark.x, "line": line}
        leader = {"ysizemode": "pixel", "yanchor": 1, "y0": 0, "y1": ROW * row + ROW // 2}
        shapes += [across | {"y0": 0, "y1": 1}, across | leader | {"line": line | {"width": 1}}]
        names.append(
            {"text": plain(mark.name), "x": mark.x, "xref": "x", "y": 1, "yref": "paper", "yshift": ROW * row}
            | {"xanchor": "left" if mark.x < middle else "right", "yanchor": "bottom", "showarrow": False}
            | {"xshift": 2 if mark.x < middle else -2, "borderpad": 1, "bgcolor": GROUND}
            | {"font": {"size": 12, "color": ink}}
        )
    figure.update_layout(
        shapes=[*figure.to_plotly_json()["layout"].get("shapes", ()), *shapes],
        annotations=[*figure.to_plotly_json()["layout"].get("annotations", ()), *names],
        margin=MARGIN | {"t": 14 + ROW * len(names) + LEGEND * legend},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"}
        | {"traceorder": "normal"},
    )


def add_band(figure: go.Figure, x: ArrayLike, low: ArrayLike, high: ArrayLike) -> None:
    """An interval (N,) around a line as a band, without a name in the legend."""
    for y, fill in ((low, None), (high, "tonexty")):
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=POSITIVE_FILL,
            hoverinfo="skip",
            showlegend=False,
            name="interval",
        )
