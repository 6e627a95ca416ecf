"""Curves of two to six runs on one chart, each with its own threshold, and their differences, as dicts for plotly.

Each run has a letter, a colour and a dash. A ring marks its threshold, with the letter beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation import METRICS, Curve, ThresholdCounts
from core.evaluation.metrics import false_positive_rate
from core.plots.race import Line, Spec, short
from core.plots.race.common import marked
from core.plots.race.labels import apart
from core.plots.style import (
    GROUND,
    LEGEND_SMALL,
    LINE,
    MARGIN,
    MUTED,
    TEXT,
    Scale,
    limits,
    packed,
    place_within,
    plain,
    score_axis,
    scores_at,
    unit_axis,
    unit_of,
)
from core.plots.thresholds import ISO_F1

LETTERS = "ABCDEF"
NAME = 28  # characters of a name in a legend
HEIGHT, AXES = 500, 110  # pixels of a chart, of which legend, ticks and titles take AXES
ASIDE, APART = 22, 20  # pixels from a ring to its letter, and between letters above each other
NEAR = 0.06  # distance, as a fraction of the axis, below which neighbouring rings share a column of letters
ROW, AROUND = 38, 100  # pixels of each row of differences, and of the space above and below all rows
DASHED = {"width": 1.5, "dash": "dash", "color": MUTED}


class Ring(NamedTuple):
    """The point of a run's threshold on its curve; NaN draws none."""

    x: float
    y: float
    tooltip: str


def names(lines: Sequence[Line], longest: int = NAME) -> list[str]:
    """Letter and name of each run, escaped for plotly; names have at most `longest` characters."""
    return [f"<b>{letter}</b> {name}" for letter, name in zip(LETTERS, short(lines, longest), strict=False)]


def pr_curves(
    lines: Sequence[Line], curves: Sequence[Curve], points: Sequence[ThresholdCounts], prevalence: float
) -> Spec:
    """Precision-recall curves with lines of constant F1 and the prevalence dashed.

    Parameters
    ----------
    lines : name, colour and dash of each run (R,).
    curves : recall (x) and precision (y) of each run.
    points : counts (), at the threshold of each run. There is no ring where recall or precision is undefined.
    prevalence : fraction of positives in [0, 1]; NaN draws no line.
    """
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": prevalence, "y1": prevalence, "line": DASHED}
    layout = {
        "margin": LEGEND_SMALL["margin"] | {"r": 44},
        "xaxis": unit_axis("recall"),
        "yaxis": unit_axis("precision"),
        "shapes": [level] if np.isfinite(prevalence) else [],
        "annotations": [_at_the_edge(f"F1 {f1:g}", f1 / (2 - f1)) for f1 in ISO_F1],
    }
    rings = [
        Ring(float(METRICS["recall"](at)), float(METRICS["precision"](at)), _threshold(float(at.thresholds)))
        for at in points
    ]
    hover = "recall %{x:.3f}, precision %{y:.3f}"
    return _chart(lines, [_of_counts(curve) for curve in curves], rings, hover, layout, [*map(_iso_f1, ISO_F1)])


def roc_curves(lines: Sequence[Line], curves: Sequence[Curve], points: Sequence[ThresholdCounts]) -> Spec:
    """ROC curves with a dashed diagonal.

    Parameters
    ----------
    lines : name, colour and dash of each run (R,).
    curves : false positive rate (x) and recall (y) of each run.
    points : counts (), at the threshold of each run. There is no ring where a rate is undefined.
    """
    layout = {"xaxis": unit_axis("false positive rate"), "yaxis": unit_axis("recall (true positive rate)")}
    rings = [
        Ring(float(false_positive_rate(at)), float(METRICS["recall"](at)), _threshold(float(at.thresholds)))
        for at in points
    ]
    hover = "false positive rate %{x:.3f}, recall %{y:.3f}"
    return _chart(lines, [_of_counts(curve) for curve in curves], rings, hover, layout, [_diagonal()])


def cost_curves(
    lines: Sequence[Line],
    curves: Sequence[Curve],
    thresholds: Sequence[float],
    costs: Sequence[float],
    scale: Scale = "probability",
) -> Spec:
    """Mean cost per row against the threshold.

    Parameters
    ----------
    lines : name, colour and dash of each run (R,).
    curves : mean cost per row (y) of each run by threshold (x), in axis coordinates as in `metrics_figure`. They are
        continued to the ends of the axis, since costs are constant beyond all scores.
    thresholds : the threshold of each run; inf is drawn at the end of the axis.
    costs : mean cost per row at these thresholds.
    scale : scale of the thresholds.
    """
    low, high = limits(scale)
    drawn = []
    for curve in curves:
        x = np.concatenate([[high], curve.x, [low]])
        y = np.pad(curve.y, 1, mode="edge") if len(curve.y) else np.full(2, np.nan)
        drawn.append((x, y, scores_at(x, scale)))
    rings = [
        Ring(float(place_within(t, scale)), cost, _threshold(t)) for t, cost in zip(thresholds, costs, strict=True)
    ]
    highest = max((float(y.max()) for _, y, _ in drawn if np.isfinite(y).all()), default=0.0) or 1.0
    layout = {
        "xaxis": score_axis(scale, f"threshold ({unit_of(scale)})"),
        "yaxis": {
            "title": {"text": "cost per row"},
            "range": [-0.02 * highest, 1.05 * highest],
            "hoverformat": ".4~g",
            "nticks": 6,
            "zeroline": False,
        },
    }
    return _chart(lines, drawn, rings, "cost per row %{y:.4~g}", layout)


def reliability_curves(
    lines: Sequence[Line],
    curves: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
    thresholds: Sequence[float],
) -> Spec:
    """Fraction of positives against mean score by bin, with the diagonal of calibrated scores dashed.

    Parameters
    ----------
    lines : name, colour and dash of each run (R,).
    curves : mean score (K,), ascending, fraction of positives (K,) and number of rows (K,) of each run's K bins with
        rows.
    thresholds : the threshold of each run, in [0, 1]. Its ring is on the line between two bins; a threshold outside the
        bins has none.
    """
    drawn = [tuple(np.asarray(values, np.float64) for values in curve) for curve in curves]
    rings = [
        Ring(t, float(np.interp(t, x, share, np.nan, np.nan)) if len(x) else np.nan, _threshold(t))
        for t, (x, share, _) in zip(thresholds, drawn, strict=True)
    ]
    layout = {"xaxis": unit_axis("mean score"), "yaxis": unit_axis("fraction of positives")}
    hover = "mean score %{x:.3f}, positive %{y:.1%}<br>rows: %{customdata:,}"
    return _chart(lines, drawn, rings, hover, layout, [_diagonal()], mode="lines+markers")


def differences(
    lines: Sequence[Line],
    differences: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    measure: str,
    higher_is_better: bool,
) -> Spec:
    """Differences of runs from the first one, with confidence intervals.

    Parameters
    ----------
    lines : name, colour and dash of each run (R,).
    differences : measure of each run minus that of the first (R,); NaN is not drawn.
    low, high : ends of their intervals (R,). A dot is filled if its interval excludes 0.
    measure : name of the measure.
    higher_is_better : whether positive differences are improvements.
    """
    value, lower, upper = (np.asarray(values, np.float64) for values in (differences, low, high))
    data = []
    for at in range(1, len(lines)):
        if not np.isfinite([value[at], lower[at], upper[at]]).all():
            continue
        colour, excludes_zero = lines[at].colour, bool(lower[at] > 0 or upper[at] < 0)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [value[at]],
                "y": [at],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [upper[at] - value[at]],
                    "arrayminus": [value[at] - lower[at]],
                    "color": colour,
                    "thickness": 2.5,
                    "width": 6,
                },
                "marker": {
                    "size": 13,
                    "color": colour if excludes_zero else GROUND,
                    "line": {"color": colour, "width": 2.5},
                    "opacity": 1,
                },
                "cliponaxis": False,
                "showlegend": False,
                "name": LETTERS[at],
                "hovertemplate": f"{LETTERS[at]} {plain(lines[at].name)}<br>{value[at]:+.4f} "
                f"({lower[at]:+.4f} to {upper[at]:+.4f})<extra></extra>",
            }
        )
    labels = [marked(name, lines[at].colour) for at, name in enumerate(short(lines, NAME))]
    sides = ("worse than A", "better than A") if higher_is_better else ("better than A", "worse than A")
    layout = {
        "margin": MARGIN | {"t": 28},
        "showlegend": False,
        "hoverlabel": {"namelength": -1},
        "xaxis": {
            "title": {"text": f"{plain(measure)} minus that of A"},
            "range": _around_zero(np.concatenate([lower[1:], upper[1:]])),
            "zeroline": False,
            "showgrid": True,
            "gridcolor": LINE,
            "nticks": 5,
            "tickformat": "~g",
            "tickangle": 0,
        },
        "yaxis": {
            "range": [len(lines) - 0.5, 0.5],
            "tickvals": list(range(1, len(lines))),
            "ticktext": [f"<b>{LETTERS[at]}</b> {labels[at]}" for at in range(1, len(lines))],
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
        "shapes": [
            {"type": "line", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "line": {"color": TEXT, "width": 1.5}}
        ],
        "annotations": [
            _above(f"← {sides[0]}", 0, "right", -8),
            _above(f"{sides[1]} →", 0, "left", 8),
        ],
    }
    return {"data": data, "layout": layout}


def height_of_differences(runs: int) -> int:
    """Height in pixels of the figure of differences of `runs` runs."""
    return AROUND + ROW * max(runs - 1, 1)


def _chart(
    lines: Sequence[Line],
    curves: Sequence[tuple[NDArray, ...]],
    rings: Sequence[Ring],
    hover: str,
    layout: dict[str, Any],
    behind: Sequence[dict[str, Any]] = (),
    mode: str = "lines",
) -> Spec:
    """Curves (x, y, number for the tooltip) in front of the traces `behind`, with the rings on top."""
    shown = names(lines)
    data = list(behind)
    for line, name, (x, y, number) in zip(lines, shown, curves, strict=True):
        data.append(
            {
                "type": "scatter",
                "mode": mode,
                "name": name,
                "x": packed(x),
                "y": packed(y),
                "customdata": packed(number),
                "line": {"color": line.colour, "dash": line.dash, "width": 2},
                "hovertemplate": hover if "customdata" in hover else f"{hover}<br>at threshold %{{customdata:.4~g}}",
            }
        )
    there = [at for at, ring in enumerate(rings) if np.isfinite(ring[:2]).all()]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "at the threshold",
            "x": [rings[at].x for at in there],
            "y": [rings[at].y for at in there],
            "customdata": [f"{shown[at]}<br>{rings[at].tooltip}" for at in there],
            "marker": {
                "size": 11,
                "color": GROUND,
                "opacity": 1,
                "line": {"color": [lines[at].colour for at in there], "width": 3},
            },
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": f"%{{customdata}}: {hover.partition('<br>')[0]}<extra></extra>",
        }
    )
    letters = _letters(lines, rings, there, layout["xaxis"]["range"], layout["yaxis"]["range"])
    layout["annotations"] = [*layout.get("annotations", ()), *letters]
    return {"data": data, "layout": LEGEND_SMALL | {"hoverlabel": {"namelength": -1}} | layout}


def _letters(
    lines: Sequence[Line], rings: Sequence[Ring], there: Sequence[int], across: Sequence[float], up: Sequence[float]
) -> list[dict[str, Any]]:
    """The runs' letters beside their rings; letters of rings above each other are moved apart, so that none overlap."""
    tall = HEIGHT - AXES
    x = [(rings[at].x - across[0]) / (across[1] - across[0]) for at in there]
    y = np.array([(rings[at].y - up[0]) / (up[1] - up[0]) * tall for at in there])
    shifts = np.zeros(len(there))
    for column in _columns(x):
        shifts[column] = apart(y[column], APART, tall) - y[column]
    return [
        {
            "text": f"<b>{LETTERS[at]}</b>",
            "x": rings[at].x,
            "y": rings[at].y,
            "ax": ASIDE if x[i] < 0.9 else -ASIDE,
            "ay": -round(float(shifts[i]), 1),
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 1.5,
            "arrowcolor": lines[at].colour,
            "standoff": 7,
            "bgcolor": GROUND,
            "bordercolor": lines[at].colour,
            "borderwidth": 1.5,
            "borderpad": 2,
            "font": {"size": 11, "color": TEXT},
        }
        for i, at in enumerate(there)
    ]


def _columns(x: Sequence[float]) -> list[list[int]]:
    """Indices of rings, grouped into columns of near neighbours from left to right."""
    columns: list[list[int]] = []
    for place_of in np.argsort(x, kind="stable").tolist():
        if columns and x[place_of] - x[columns[-1][-1]] < NEAR:
            columns[-1].append(place_of)
        else:
            columns.append([place_of])
    return columns


def _of_counts(curve: Curve) -> tuple[NDArray, NDArray, NDArray]:
    return curve.x, curve.y, curve.thresholds


def _threshold(t: float) -> str:
    return "above every score" if np.isinf(t) else f"at its threshold {t:.4g}"


def _iso_f1(f1: float) -> dict[str, Any]:
    """Precision at which recall gives this F1."""
    recall = np.linspace(f1 / (2 - f1), 1, 60)
    return _behind(recall, f1 * recall / (2 * recall - f1), {"color": LINE, "width": 1})


def _diagonal() -> dict[str, Any]:
    return _behind([0, 1], [0, 1], DASHED)


def _behind(x: ArrayLike, y: ArrayLike, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(x),
        "y": packed(y),
        "line": line,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _at_the_edge(text: str, y: float) -> dict[str, Any]:
    """Text to the right of the plot."""
    place = {"x": 1, "xref": "paper", "y": y, "xanchor": "left", "yanchor": "middle"}
    return place | {"text": text, "showarrow": False, "font": {"size": 11, "color": MUTED}}


def _above(text: str, x: float, anchor: str, shift: int) -> dict[str, Any]:
    """Text above the plot, beside x."""
    place = {"x": x, "y": 1, "yref": "paper", "xanchor": anchor, "yanchor": "bottom", "xshift": shift, "yshift": 4}
    return place | {"text": text, "showarrow": False, "font": {"size": 12, "color": MUTED}}


def _around_zero(ends: NDArray[np.float64]) -> list[float]:
    """A range symmetric around 0, so that there is room for text on both sides."""
    far = np.abs(ends[np.isfinite(ends)]).max(initial=0.0) or 0.01
    return [-1.1 * float(far), 1.1 * float(far)]
