"""Figures of losses: value and gradient, optimal scores, floating-point types. Arrays in, a plotly figure out.

Losses differ in colour and dash; blue and amber are reserved for the classes. Figures are built from plain dicts:
adding traces and shapes one by one takes many times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from core.plots.style import GROUND, LEGEND_ABOVE, LINE, MARGIN, MUTED, TEXT, unit_axis

COLOURS = (TEXT, "var(--st-green-text-color)", "var(--st-violet-text-color)", "var(--st-red-text-color)")
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
# The most precise type is a broad band below the others, so that all are visible where they agree.
FORMAT_LOOKS = (
    {"color": LINE, "dash": "solid", "width": 9},
    {"color": TEXT, "dash": "solid", "width": 2},
    {"color": COLOURS[2], "dash": "dash", "width": 2.5},
    {"color": COLOURS[3], "dash": "dot", "width": 2.5},
)
RINGS = (MUTED, TEXT, COLOURS[2], COLOURS[3])


class Line(NamedTuple):
    """Value and gradient (Q,) of one loss at x (Q,); `slot` is its index in COLOURS, DASHES and SYMBOLS."""

    slot: int
    name: str
    x: np.ndarray
    value: np.ndarray
    gradient: np.ndarray


class OptimalScores(NamedTuple):
    """Optimal scores of a loss: in closed form (Q,) at true probabilities q (Q,), None without one, and found by search
    (P,) at the true probabilities `points` (P,); `slot` as in Line."""

    slot: int
    name: str
    q: np.ndarray
    closed: np.ndarray | None
    points: np.ndarray
    solved: np.ndarray


def _look(slot: int) -> dict[str, object]:
    return {"color": COLOURS[slot], "dash": DASHES[slot], "width": 2.5}


def loss_figure(lines: Sequence[Line], x_title: str, y_title: str, mark: float | None = None) -> go.Figure:
    """Values above and gradients below, on the same horizontal axis.

    Parameters
    ----------
    lines : value and gradient of each loss.
    x_title : title of the horizontal axis.
    y_title : title of the axis of the gradient.
    mark : coordinate of a vertical line, such as a target; None for none.
    """
    data: list[dict[str, Any]] = []
    for line in lines:
        for y, axis, what in ((line.value, "y", "value"), (line.gradient, "y2", "gradient")):
            data.append(
                {
                    "type": "scatter",
                    "x": line.x,
                    "y": y,
                    "yaxis": axis,
                    "mode": "lines",
                    "name": line.name,
                    "meta": what,
                    "uid": f"{line.slot} {what}",
                    "line": _look(line.slot),
                    "hovertemplate": f"%{{x:.3~f}}: {what} %{{y:.4~g}}<extra>{line.name}</extra>",
                }
            )
    layout = _two_floors(x_title, "loss", y_title)
    if mark is not None:
        layout["shapes"] = [_upright(mark, {"color": MUTED, "dash": "dash", "width": 1})]
    return go.Figure(data, layout)


def _two_floors(x_title: str, above: str, below: str) -> dict[str, Any]:
    """The layout of two plots above each other with one horizontal axis."""
    return {
        "margin": MARGIN,
        "showlegend": False,
        "hoversubplots": "axis",
        "xaxis": {"anchor": "y2", "title": {"text": x_title}, "showgrid": False, "zeroline": False},
        "yaxis": {"domain": [0.54, 1], "title": {"text": above}, "nticks": 5, "rangemode": "tozero"},
        "yaxis2": {"domain": [0, 0.46], "title": {"text": below}, "nticks": 5},
    }


def _upright(x: float, line: dict[str, Any]) -> dict[str, Any]:
    """A vertical line of full height."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def score_figure(optimal: Sequence[OptimalScores], threshold: float) -> go.Figure:
    """Optimal score of each loss against the true probability: closed forms as lines, numerical solutions as symbols.

    The diagonal, where the score equals the true probability, is dashed.

    Parameters
    ----------
    optimal : optimal scores of each loss.
    threshold : threshold on the true probability, in [0, 1], as a vertical line.
    """
    data: list[dict[str, Any]] = []
    data.append(
        {
            "type": "scatter",
            "x": [0, 1],
            "y": [0, 1],
            "mode": "lines",
            "line": {"color": MUTED, "dash": "dash", "width": 1},
            "hoverinfo": "skip",
        }
    )
    for one in optimal:
        if one.closed is not None:
            data.append(
                {
                    "type": "scatter",
                    "x": one.q,
                    "y": one.closed,
                    "mode": "lines",
                    "name": one.name,
                    "meta": "closed form",
                    "uid": f"{one.slot} closed",
                    "line": _look(one.slot),
                    "hovertemplate": f"true %{{x:.3f}}, score %{{y:.4f}}<extra>{one.name}</extra>",
                }
            )
        data.append(
            {
                "type": "scatter",
                "x": one.points,
                "y": one.solved,
                "mode": "markers",
                "name": one.name,
                "meta": "solved",
                "uid": f"{one.slot} solved",
                "cliponaxis": False,
                "marker": {
                    "symbol": SYMBOLS[one.slot],
                    "size": 8,
                    "color": GROUND,
                    "line": {"color": COLOURS[one.slot], "width": 1.5},
                },
                "hovertemplate": f"solved: true %{{x:.3f}}, score %{{y:.4f}}<extra>{one.name}</extra>",
            }
        )
    layout = {
        "margin": MARGIN,
        "showlegend": False,
        "xaxis": unit_axis("true probability q"),
        "yaxis": unit_axis("optimal score"),
        "shapes": [_upright(threshold, {"color": TEXT, "width": 2.5})],
    }
    return go.Figure(data, layout)


class Format(NamedTuple):
    """A loss in one floating-point type.

    z: logits, or predictions, (Q,).
    value, gradient: of the loss at z (Q,).
    marks: the logits or predictions of its numerical limits (P,).
    texts: their tooltips (P,).
    """

    z: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    marks: np.ndarray
    texts: tuple[str, ...]


def format_figure(formats: Mapping[str, Format], x_title: str = "logit z", y_title: str = "gradient by z") -> go.Figure:
    """Values above and gradients below for each floating-point type, with rings at its numerical limits.

    Parameters
    ----------
    formats : the loss in each type by name, the most precise first.
    x_title : title of the horizontal axis.
    y_title : title of the axis of the gradient.
    """
    data: list[dict[str, Any]] = []
    for (name, one), look, ring in zip(formats.items(), FORMAT_LOOKS, RINGS, strict=True):
        for y, axis, what in ((one.value, "y", "value"), (one.gradient, "y2", "gradient")):
            finite = np.where(np.isfinite(y), y, np.nan)
            data.append(
                {
                    "type": "scatter",
                    "x": one.z,
                    "y": finite,
                    "yaxis": axis,
                    "mode": "lines",
                    "name": name,
                    "meta": what,
                    "legendgroup": name,
                    "showlegend": axis == "y",
                    "line": look,
                    "hovertemplate": f"%{{x:.4~g}}: {what} %{{y:.4~g}}<extra>{name}</extra>",
                }
            )
            at = np.interp(one.marks, one.z[np.isfinite(y)], y[np.isfinite(y)]) if np.isfinite(y).any() else one.marks
            data.append(
                {
                    "type": "scatter",
                    "x": one.marks,
                    "y": at,
                    "yaxis": axis,
                    "mode": "markers",
                    "name": name,
                    "meta": f"findings on the {what}",
                    "legendgroup": name,
                    "showlegend": False,
                    "hovertext": list(one.texts),
                    "hovertemplate": f"%{{hovertext}}<extra>{name}</extra>",
                    "marker": {"size": 9, "color": GROUND, "line": {"color": ring, "width": 2}},
                }
            )
    return go.Figure(data, _two_floors(x_title, "loss", y_title) | LEGEND_ABOVE | {"showlegend": True})


def twice_figure(classes: np.ndarray, largest: np.ndarray, floor: np.ndarray, chosen: int) -> go.Figure:
    """Maximum probability and minimum loss after a softmax of a softmax, against the number of classes.

    The loss of equal scores, ln K, is dashed.

    Parameters
    ----------
    classes : numbers of classes K (T,), ascending.
    largest : maximum probability (T,).
    floor : minimum loss (T,), in nats.
    chosen : the marked number of classes, one of `classes`.
    """
    data: list[dict[str, Any]] = []
    rows = (
        (largest, "y", "maximum probability", TEXT, "solid"),
        (floor, "y2", "minimum loss", TEXT, "solid"),
        (np.log(classes), "y2", "loss of equal scores, ln K", MUTED, "dash"),
    )
    for y, axis, name, colour, dash in rows:
        data.append(
            {
                "type": "scatter",
                "x": classes,
                "y": y,
                "yaxis": axis,
                "mode": "lines",
                "name": name,
                "line": {"color": colour, "dash": dash, "width": 2.5},
                "hovertemplate": f"K = %{{x}}: {name} %{{y:.4f}}<extra></extra>",
            }
        )
    at = int(np.flatnonzero(classes == chosen)[0])
    for y, axis in ((largest, "y"), (floor, "y2")):
        data.append(
            {
                "type": "scatter",
                "x": [chosen],
                "y": [y[at]],
                "yaxis": axis,
                "mode": "markers",
                "name": "chosen",
                "marker": {"size": 12, "color": GROUND, "line": {"color": TEXT, "width": 3}},
                "hovertemplate": "K = %{x}: %{y:.4f}<extra></extra>",
            }
        )
    layout = _two_floors("classes K", "maximum probability", "loss")
    ends = [np.log10(1.9), np.log10(105)]
    layout["xaxis"] |= {"type": "log", "tickvals": [2, 3, 5, 10, 20, 50, 100], "range": ends}
    layout["yaxis"] |= {"range": [0, 1], "tickvals": [0, 0.5, 1]}
    return go.Figure(data, layout)
