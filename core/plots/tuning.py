"""Figures of a tuned threshold: its value on the rows it was tuned on and on others, and how optimistic tuning is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core.evaluation.tuning import Bootstrap, Choice, Optimism, Regret
from core.plots.style import (
    GROUND,
    LEGEND_SMALL,
    MUTED,
    POSITIVE,
    POSITIVE_FILL,
    TEXT,
    VARIANTS,
    Scale,
    ScoreRange,
    faded,
    limits,
    place,
    place_within,
    score_axis,
    unit_axis,
    unit_of,
)

CELLS = 1000  # cells along each axis; a point in the same cell as the previous one is dropped
BINS = 60
AROUND, NARROWEST = 0.4, 3.0  # logits: padding of the axis on each side, and its smallest width
ASIDE = 0.015  # distance from the line to the interval of the value, as a fraction of the axis
TEST = VARIANTS[1]
UNIT = (0.0, 1.0)


class Steps(NamedTuple):
    """Thresholds (T,), ascending, and the tuned value (T,) at each, which is constant down to the next lower one."""

    thresholds: NDArray[np.float64]
    values: NDArray[np.float64]


def thinned(thresholds: ArrayLike, values: ArrayLike, scale: Scale) -> Steps:
    """Drop steps that are too close to be seen.

    Parameters
    ----------
    thresholds : (T,), descending; inf is dropped.
    values : the value at each threshold (T,); NaN is dropped.
    scale : scale of the thresholds.

    Returns
    -------
    steps : the kept steps. A dropped one is within 1 / CELLS of a kept one, relative to the axis of this scale and to
        the range of values.
    """
    t, value = np.asarray(thresholds, np.float64)[::-1], np.asarray(values, np.float64)[::-1]
    known = np.isfinite(value) & np.isfinite(t)
    t, value = t[known], value[known]
    if not t.size:
        return Steps(t, value)
    x = place(t, scale)
    start, end = limits(scale)
    width = end - start
    height = float(np.ptp(value)) or 1.0
    cells = np.stack([np.floor(x / width * CELLS), np.floor(value / height * CELLS)])
    kept = np.append(True, (np.diff(cells) != 0).any(axis=0))
    kept[-1] = True
    return Steps(t[kept], value[kept])


def tuned_figure(
    name: str,
    steps: Mapping[str, Steps],
    tuned: Bootstrap,
    lost: Regret | None,
    scale: Scale = "probability",
) -> go.Figure:
    """The tuned value against the threshold, on the rows it was tuned on (solid) and on others (dashed).

    The heavy line is the tuned threshold, the band the spread of the thresholds of resamples, with their histogram
    below. The bar beside the line is the .632 bootstrap estimate of the value with its interval. On the other rows the
    ring is the value at this threshold, the diamond the best value, and the dotted line their difference, the regret.

    Parameters
    ----------
    name : name of the value.
    steps : the value by threshold, by split: first the one it was tuned on, then the other one if there is one.
    tuned : the tuned threshold and its bootstrap.
    lost : the regret on the other split; None without one.
    scale : scale of the thresholds.
    """
    t, low, high = map(float, place((tuned.choice.threshold, *tuned.threshold_spread), scale))
    ends = _ends(list(steps.values()), (t, low, high), scale)
    looks = ({"color": POSITIVE, "width": 2}, {"color": TEST, "width": 2, "dash": "dash"})
    tuned_on, *others = steps
    data = [
        *(_steps(of, f"{name}, {part}", scale, look) for (part, of), look in zip(steps.items(), looks, strict=False)),
        _worth(t + ASIDE * (ends[1] - ends[0]), tuned, name),
        _mark(t, tuned.choice.value, f"{name}, {tuned_on}, tuned", "circle", POSITIVE),
    ]
    if lost:
        (other,) = others
        data.append(_mark(t, lost.value, f"{name}, {other}, at this threshold", "circle", TEST))
        if np.isfinite(lost.loss):
            best = float(place(lost.best_threshold, scale))
            data += [_regret(t, best, lost), _mark(best, lost.best, f"best on {other}", "diamond", TEST, named=True)]
    data.append(_resamples(tuned, scale, ends))
    band = {"type": "rect", "xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1, "layer": "below"}
    line = {"type": "line", "xref": "x", "yref": "paper", "x0": t, "x1": t, "y0": 0, "y1": 1}
    values = unit_axis(name) if tuned.range == UNIT else {"title": {"text": name}, "zeroline": False, "nticks": 6}
    layout = LEGEND_SMALL | {
        "bargap": 0,
        "shapes": [
            band | {"fillcolor": POSITIVE_FILL, "line": {"width": 0}},
            line | {"line": {"color": TEXT, "width": 2.5}},
        ],
        "xaxis": score_axis(scale, f"threshold ({unit_of(scale)})") | {"anchor": "y2", "range": list(ends)},
        "yaxis": values | {"domain": [0.27, 1]},
        "yaxis2": {
            "domain": [0, 0.17],
            "anchor": "x",
            "title": {"text": "resamples"},
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
        },
    }
    return go.Figure(data, layout)


def optimism_figure(found: Sequence[Optimism], best: Choice, chosen: int) -> go.Figure:
    """In-sample and population F1, and the tuned threshold, against the number of rows for tuning.

    Lines are means over samples, bands one standard deviation to either side.

    Parameters
    ----------
    found : the simulation for each number of rows, ascending.
    best : the best threshold in the population and its F1, dashed.
    chosen : number of rows, marked by the heavy line.
    """
    n = np.array([one.n for one in found])
    data: list[dict[str, Any]] = []
    data += _spread(n, [one.in_sample for one in found], "F1, in-sample", TEST, "solid")
    data += _spread(n, [one.true for one in found], "F1, population", POSITIVE, "dashdot")
    data += [
        trace | {"yaxis": "y2"}
        for trace in _spread(n, [one.thresholds for one in found], "threshold tuned", VARIANTS[2], "solid")
    ]
    ends = [float(n[0]), float(n[-1])]
    for value, axis, said in ((best.value, "y", "best F1"), (best.threshold, "y2", "best threshold")):
        data.append(
            {"type": "scatter", "mode": "lines", "x": ends, "y": [value, value], "yaxis": axis, "name": said}
            | {"line": {"color": MUTED, "width": 1.5, "dash": "dash"}, "showlegend": axis == "y"}
            | {"hovertemplate": f"{said} in the population: {value:.3f}<extra></extra>"}
        )
    layout = LEGEND_SMALL | {
        "shapes": [
            {"type": "line", "xref": "x", "yref": "paper", "x0": chosen, "x1": chosen, "y0": 0, "y1": 1}
            | {"line": {"color": TEXT, "width": 2.5}}
        ],
        "xaxis": {
            "type": "log",
            "anchor": "y2",
            "range": [float(np.log10(n[0] / 1.1)), float(np.log10(n[-1] * 1.1))],
            "title": {"text": "rows to tune on"},
            "tickvals": n.tolist(),
            "ticktext": [f"{rows:,}" for rows in n],
            "tickangle": 0,
            "tickfont": {"size": 11},
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "F1"}, "domain": [0.5, 1], "rangemode": "tozero", "nticks": 5, "zeroline": False},
        "yaxis2": {"title": {"text": "threshold"}, "domain": [0, 0.4], "rangemode": "tozero", "nticks": 4}
        | {"anchor": "x", "zeroline": False},
    }
    return go.Figure(data, layout)


def _ends(drawn: Sequence[Steps], others: Sequence[float], scale: Scale) -> tuple[float, float]:
    """The ends of the axis: all scores, or on a logit axis the range of what is drawn."""
    if isinstance(scale, ScoreRange):
        return scale
    if scale == "probability":
        return -0.005, 1.005
    x = np.concatenate([*(place(steps.thresholds, scale) for steps in drawn), others])
    low, high = x.min() - AROUND, x.max() + AROUND
    short = max(NARROWEST - (high - low), 0) / 2
    return float(low - short), float(high + short)


def _steps(steps: Steps, name: str, scale: Scale, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": place(steps.thresholds, scale),
        "y": steps.values,
        "customdata": steps.thresholds,
        "line": line | {"shape": "vh"},  # a value is constant from its threshold down to the next lower one
        "hovertemplate": f"{name} %{{y:.3f}}<br>at threshold %{{customdata:.4g}}<extra></extra>",
    }


def _mark(x: float, y: float, name: str, symbol: str, colour: str, named: bool = False) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [x],
        "y": [y],
        "marker": {"size": 12, "symbol": symbol, "color": GROUND, "line": {"color": colour, "width": 3}},
        "cliponaxis": False,
        "showlegend": named,
        "hovertemplate": f"{name}: %{{y:.3f}}<extra></extra>",
    }


def _worth(x: float, tuned: Bootstrap, name: str) -> dict[str, Any]:
    """The .632 bootstrap estimate of the value, with its interval."""
    low, high = tuned.interval
    said = f"{name}, .632 bootstrap estimate"
    return _mark(x, tuned.estimate, said, "square", TEXT) | {
        "marker": {"size": 7, "symbol": "square", "color": TEXT},
        "error_y": {"type": "data", "symmetric": False, "array": [high - tuned.estimate]}
        | {"arrayminus": [tuned.estimate - low], "color": TEXT, "thickness": 2, "width": 4},
        "hovertemplate": f"{said}: %{{y:.3f}} ({low:.3f} to {high:.3f})<extra></extra>",
    }


def _regret(x: float, best: float, lost: Regret) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"regret {lost.loss:.3f}",
        "x": [x, x, best],
        "y": [lost.value, lost.best, lost.best],
        "line": {"color": TEST, "width": 2, "dash": "dot"},
        "hovertemplate": f"regret {lost.loss:.3f}<extra></extra>",
    }


def _resamples(tuned: Bootstrap, scale: Scale, ends: tuple[float, float]) -> dict[str, Any]:
    """A histogram of the thresholds that resamples chose; those above every score are at the end of the axis."""
    x = place_within(tuned.thresholds, scale).clip(*ends)
    counts, edges = np.histogram(x, np.linspace(*ends, BINS + 1))
    return {
        "type": "bar",
        "name": "resamples",
        "x": (edges[1:] + edges[:-1]) / 2,
        "y": counts,
        "yaxis": "y2",
        "marker": {"color": MUTED, "line": {"width": 0}},
        "showlegend": False,
        "hovertemplate": "resamples: %{y:,}<extra></extra>",
    }


def _spread(n: NDArray, values: Sequence[NDArray], name: str, colour: str, dash: str) -> list[dict[str, Any]]:
    """A line of means against n, with a band of one standard deviation."""
    mean, deviation = (np.array([function(value) for value in values]) for function in (np.mean, np.std))
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([n, n[::-1]]),
        "y": np.concatenate([mean + deviation, (mean - deviation)[::-1]]),
        "fill": "toself",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": n,
        "y": mean,
        "customdata": deviation,
        "hovertemplate": f"rows: %{{x:,}}, {name} %{{y:.3f}} ± %{{customdata:.3f}}<extra></extra>",
    }
    return [
        band | {"fillcolor": faded(colour, 0.15) if colour.startswith("#") else POSITIVE_FILL},
        line | {"line": {"color": colour, "width": 2, "dash": dash}},
    ]
