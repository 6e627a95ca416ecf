"""Precision-recall curves of several variants, with their operating points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.thinning import evenly_spaced
from core.plots.race.common import FEW, KEY, Line, Spec, Sweep, colour_bar, focus_last, points_each, short
from core.plots.style import GROUND, LEGEND_SMALL, MARGIN, MUTED, packed, plain, unit_axis


def precision_recall(
    lines: Sequence[Line],
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    points: Sequence[tuple[float, float] | None],
    prevalence: float,
    sweep: Sweep | None = None,
    focus: int | None = None,
) -> Spec:
    """Precision-recall curves of all variants, with rings at their operating points and the prevalence dashed.

    A curve is thinned to at most 200 points, fewer for many curves: both ends of the vertical lines at evenly chosen
    recalls, including the first and the last. These points are exact.

    Parameters
    ----------
    lines : name, colour and dash of each variant (V,).
    curves : recall (T,), ascending, and precision (T,) of each variant; non-finite values are dropped.
    points : recall and precision of each variant at its threshold; None or NaN draws no ring.
    prevalence : fraction of positives in [0, 1]; NaN draws no line.
    sweep : the swept parameter, for a colour bar with more than FEW variants.
    focus : index of the emphasised variant.
    """
    few = len(lines) <= FEW
    room = points_each(2 * len(lines))
    data: list[dict[str, Any]] = []
    names = short(lines, KEY) if few else [plain(line.name) for line in lines]
    for at in focus_last(len(lines), focus):
        line = lines[at]
        x, y = (np.asarray(values, np.float64) for values in curves[at])
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        drawn = finite[_ends_of_recalls(x[finite], room)]
        width = 3 if at == focus else 2 if few else 1.2
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": names[at],
                "hovertemplate": "recall %{x:.3f}, precision %{y:.3f}",
                "x": packed(x[drawn]),
                "y": packed(y[drawn]),
                "line": {"color": line.colour, "dash": line.dash, "width": width},
                "showlegend": few,
            }
        )
    marked = [(line, point) for line, point in zip(lines, points, strict=True) if point and np.isfinite(point).all()]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "at the threshold",
            "x": packed([point[0] for _, point in marked]),
            "y": packed([point[1] for _, point in marked]),
            "text": [plain(line.name) for line, _ in marked],
            "marker": {
                "size": 11 if few else 7,
                "color": GROUND,
                "line": {"color": [line.colour for line, _ in marked], "width": 3 if few else 2},
            },
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": "%{text}<br>at its threshold: recall %{x:.3f}, precision %{y:.3f}<extra></extra>",
        }
    )
    if not few and sweep:
        data.append(colour_bar(sweep))
    baseline = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": prevalence, "y1": prevalence}
    layout = LEGEND_SMALL | {
        "showlegend": few,
        "hoverlabel": {"namelength": -1},
        "xaxis": unit_axis("recall"),
        "yaxis": unit_axis("precision"),
        "shapes": [baseline | {"line": {"color": MUTED, "dash": "dash", "width": 1}}] if prevalence >= 0 else [],
    }
    if not few:
        layout["margin"] = MARGIN
    return {"data": data, "layout": layout}


def _ends_of_recalls(recall: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Indices of at most `most` points of a curve: all, or the first and last point of evenly chosen recalls.

    Points of equal recall have falling precision, so between the two the curve is a vertical line.
    """
    if len(recall) <= most:
        return np.arange(len(recall))
    begin = np.flatnonzero(np.append(True, recall[1:] != recall[:-1]))
    end = np.append(begin[1:], len(recall)) - 1
    chosen = evenly_spaced(len(begin), most // 2)
    return np.unique(np.append(begin[chosen], end[chosen]))
