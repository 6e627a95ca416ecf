"""Figures of losses: value and gradient, wanted scores, four number formats. Arrays in, a plotly figure out.

Losses are told apart by colour and dash; blue and amber stay with the classes. Figures are built from plain dicts:
adding traces and shapes one by one takes plotly many times as long.
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
# The finest format lies as a broad band under the others, so that all are seen where they agree.
FORMAT_LOOKS = (
    {"color": LINE, "dash": "solid", "width": 9},
    {"color": TEXT, "dash": "solid", "width": 2},
    {"color": COLOURS[2], "dash": "dash", "width": 2.5},
    {"color": COLOURS[3], "dash": "dot", "width": 2.5},
)
RINGS = (MUTED, TEXT, COLOURS[2], COLOURS[3])


class Line(NamedTuple):
    """Value and gradient (Q,) of one loss at places x (Q,); `slot` gives it its colour, dash and symbol."""

    slot: int
    name: str
    x: np.ndarray
    value: np.ndarray
    gradient: np.ndarray


class Wanted(NamedTuple):
    """Optimal scores of a loss: `closed` form at true probabilities q (Q,), or None, and `solved` at `points` (P,)."""

    slot: int
    name: str
    q: np.ndarray
    closed: np.ndarray | None
    points: np.ndarray
    solved: np.ndarray


def _look(slot: int) -> dict[str, object]:
    return {"color": COLOURS[slot], "dash": DASHES[slot], "width": 2.5}


def loss_figure(lines: Sequence[Line], x_title: str, y_title: str, mark: float | None = None) -> go.Figure:
    """Value above and gradient (`y_title`) below, on the same axis; `mark` is a vertical line, as at a target."""
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
    """The layout of one horizontal axis, with a plot above and one below."""
    return {
        "margin": MARGIN,
        "showlegend": False,
        "hoversubplots": "axis",
        "xaxis": {"anchor": "y2", "title": {"text": x_title}, "showgrid": False, "zeroline": False},
        "yaxis": {"domain": [0.54, 1], "title": {"text": above}, "nticks": 5, "rangemode": "tozero"},
        "yaxis2": {"domain": [0, 0.46], "title": {"text": below}, "nticks": 5},
    }


def _upright(x: float, line: dict[str, Any]) -> dict[str, Any]:
    """A vertical line over the full height."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def score_figure(wanted: Sequence[Wanted], threshold: float) -> go.Figure:
    """Optimal score of each loss against the true probability: closed form as a line, numerical solutions as symbols.

    The dashed diagonal is a score that is the true probability; the vertical line is the threshold on it.
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
    for one in wanted:
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
    """A loss in one number format: value and gradient (Q,) at logits z (Q,), and logits (P,) of findings on them."""

    z: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    marks: np.ndarray
    texts: tuple[str, ...]


def format_figure(formats: Mapping[str, Format], x_title: str = "logit z", y_title: str = "gradient by z") -> go.Figure:
    """Value above and gradient below (`y_title`) for each number format; rings on the lines are its findings."""
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
    """After a softmax of a softmax, against the number of classes: the largest probability, and the least loss.

    Dashed below is the loss before any training, ln K; `chosen` is marked on both.
    """
    data: list[dict[str, Any]] = []
    rows = (
        (largest, "y", "reachable probability", TEXT, "solid"),
        (floor, "y2", "least loss", TEXT, "solid"),
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
    layout = _two_floors("classes K", "largest probability", "loss")
    ends = [np.log10(1.9), np.log10(105)]
    layout["xaxis"] |= {"type": "log", "tickvals": [2, 3, 5, 10, 20, 50, 100], "range": ends}
    layout["yaxis"] |= {"range": [0, 1], "tickvals": [0, 0.5, 1]}
    return go.Figure(data, layout)
