"""Predicted thresholds beside measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.plots.race.common import NAME, Line, Spec, Spread, Sweep, marked, short
from core.plots.race.sweep import sweep_axis, swept
from core.plots.style import GROUND, LEGEND_SMALL, MUTED, TEXT, faded, packed, plain, score_axis, unit_axis

NAMED_ROWS = 16  # more names would overlap
HOLLOW = {"symbol": "diamond", "size": 12, "color": GROUND}


def threshold_gaps(
    lines: Sequence[Line],
    predicted: ArrayLike,
    measured: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    sweep: Sweep | None = None,
) -> Spec:
    """Predicted thresholds beside measured ones.

    Without a sweep each variant is a row: a bar from low to high, a disc at the measured threshold, a diamond at the
    predicted one, and a dashed line between them. With a sweep the horizontal axis is the swept value, measured
    thresholds are a line with a band, and predicted ones are dashed.

    Parameters
    ----------
    lines : name and colour of each variant (V,).
    predicted : thresholds predicted by theory (V,), in [0, 1]; NaN for none.
    measured : measured thresholds (V,), in [0, 1]; NaN for none.
    low, high : ends of the intervals of the measured ones (V,).
    sweep : the swept parameter; None if the variants are not a sweep.
    """
    guess, value, lower, upper = (np.asarray(a, np.float64) for a in (predicted, measured, low, high))
    if sweep:
        return _swept_thresholds(lines, sweep, guess, Spread(value, lower, upper))
    rows = np.arange(len(lines))
    colours = [line.colour for line in lines]
    names = [plain(line.name) for line in lines]
    both = np.stack([value, guess, np.full(len(lines), np.nan)], axis=1).ravel()
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "base": packed(lower),
            "x": packed(upper - lower),
            "y": packed(rows, "i4"),
            "width": 0.5,
            "marker": {"color": [faded(colour, 0.3) for colour in colours], "line": {"width": 0}},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(both),
            "y": packed(np.repeat(rows, 3)),
            "line": {"color": MUTED, "dash": "dash", "width": 1.5},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        _threshold_marks("measured", value, rows, colours, names)
        | {
            "customdata": packed(np.stack([lower, upper], axis=1)),
            "hovertemplate": "%{text}<br>measured %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
            "<extra></extra>",
        },
        _threshold_marks("predicted", guess, rows, colours, names, hollow=True)
        | {"hovertemplate": "%{text}<br>predicted %{x:.3f}<extra></extra>"},
        _key("measured", {"color": MUTED, "size": 10}),
        _key("predicted", HOLLOW | {"line": {"color": MUTED, "width": 2.5}}),
    ]
    labels = [marked(name, line.colour) for name, line in zip(short(lines, NAME), lines, strict=True)]
    layout = LEGEND_SMALL | {
        "hoverlabel": {"namelength": -1},
        "xaxis": score_axis("probability", "threshold (score)") | {"showgrid": True},
        "yaxis": {
            "range": [len(lines) - 0.4, -0.6],
            "tickvals": list(range(len(lines))) if len(lines) <= NAMED_ROWS else [],
            "ticktext": labels,
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
    }
    return {"data": data, "layout": layout}


def _swept_thresholds(lines: Sequence[Line], sweep: Sweep, guess: NDArray, spread: Spread) -> Spec:
    order = np.argsort(sweep.values, kind="stable")
    x = np.asarray(sweep.values, np.float64)[order]
    sorted_spread = Spread(*(values[order] for values in spread))
    data = swept(x, sorted_spread, "measured", [lines[at].colour for at in order])
    data.append(
        {
            "type": "scatter",
            "mode": "lines" if len(x) > 1 else "markers",
            "name": "predicted",
            "x": packed(x, "f8"),
            "y": packed(guess[order]),
            "line": {"color": TEXT, "dash": "dash", "width": 2},
            "marker": HOLLOW | {"line": {"color": TEXT, "width": 2.5}},
            "hovertemplate": "%{x:.4~g}: predicted %{y:.3f}<extra></extra>",
        }
    )
    layout = LEGEND_SMALL | {"xaxis": sweep_axis(sweep), "yaxis": unit_axis("threshold (score)")}
    return {"data": data, "layout": layout}


def _threshold_marks(
    name: str, x: NDArray, rows: NDArray, colours: Sequence[str], names: Sequence[str], hollow: bool = False
) -> dict[str, Any]:
    marker: dict[str, Any] = {"size": 10, "color": list(colours)}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": packed(x),
        "y": packed(rows, "i4"),
        "text": list(names),
        "marker": HOLLOW | {"line": {"color": list(colours), "width": 2.5}} if hollow else marker,
        "cliponaxis": False,
        "showlegend": False,
    }


def _key(name: str, marker: dict[str, Any]) -> dict[str, Any]:
    """A legend entry in a neutral colour."""
    return {"type": "scatter", "mode": "markers", "name": name, "x": [None], "y": [None], "marker": marker}
