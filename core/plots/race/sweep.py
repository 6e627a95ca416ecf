"""Metrics against the swept parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.plots.race.common import Line, Spec, Spread, Sweep, band, log_ticks, there_and_back
from core.plots.style import LINE, MARGIN, TEXT, packed, plain


def metric_sweep(
    sweep: Sweep, metric_name: str, mean: ArrayLike, low: ArrayLike, high: ArrayLike, lines: Sequence[Line] = ()
) -> Spec:
    """A metric against the swept value: mean over seeds as a line, minimum to maximum as a band.

    Parameters
    ----------
    sweep : the swept parameter and its values (V,).
    metric_name : name of the metric.
    mean, low, high : mean, minimum and maximum over seeds (V,); non-finite values are dropped.
    lines : the variants (V,), whose colours the points have; empty for one colour.
    """
    order = np.argsort(sweep.values, kind="stable")
    spread = Spread(*(np.asarray(a, np.float64)[order] for a in (mean, low, high)))
    x = np.asarray(sweep.values, np.float64)[order]
    data = swept(x, spread, metric_name, [lines[at].colour for at in order] if lines else TEXT)
    layout = {
        "margin": MARGIN,
        "showlegend": False,
        "xaxis": sweep_axis(sweep),
        "yaxis": {"title": {"text": plain(metric_name)}, "hoverformat": ".4~g", "zeroline": False, "nticks": 6},
    }
    return {"data": data, "layout": layout}


def swept(x: NDArray, spread: Spread, name: str, colours: str | Sequence[str]) -> list[dict[str, Any]]:
    """Band and line over ascending x (V,), with points of one colour or of one colour each."""
    finite = np.isfinite(spread.low) & np.isfinite(spread.high)
    filled = Spread(*(values[finite] for values in spread))
    return [
        band(packed(there_and_back(x[finite]), "f8"), filled, LINE),
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain(name),
            "x": packed(x, "f8"),
            "y": packed(spread.mean),
            "customdata": packed(np.stack([spread.low, spread.high], axis=1)),
            "line": {"color": TEXT, "width": 2},
            "marker": {"color": colours, "size": 8},
            "hovertemplate": f"%{{x:.4~g}}: {plain(name)} %{{y:.4~g}}"
            " (%{customdata[0]:.4~g} to %{customdata[1]:.4~g})<extra></extra>",
        },
    ]


def sweep_axis(sweep: Sweep) -> dict[str, Any]:
    """The layout of the axis of a swept parameter."""
    axis: dict[str, Any] = {"title": {"text": plain(sweep.label)}, "showgrid": False, "zeroline": False}
    if not sweep.log:
        return axis
    positive = [value for value in sweep.values if value > 0]
    decades = float(np.log10(max(positive) / min(positive))) if positive else 0.0
    return axis | {"type": "log"} | log_ticks(decades)
