"""A histogram for selecting rows: each bar has its range of scores, as plain dicts for plotly."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.evaluation import predicted_positive
from core.evaluation.bins import bin_of, outcomes_by_bin
from core.evaluation.scores import ClassView
from core.plots.race import Spec
from core.plots.scores import BINS
from core.plots.style import (
    MARGIN,
    MUTED,
    NEGATIVE,
    POSITIVE,
    TEXT,
    Scale,
    bin_edges,
    limits,
    place,
    plain,
    score_axis,
)

# By side (1 is up): the colour of the actual class, and the hatching of its correct and misclassified outcomes.
SIDES = {1: (POSITIVE, {"tp": "", "fn": "/"}), -1: (NEGATIVE, {"tn": "", "fp": "/"})}
BAR, ROOM = 0.94, 1.15  # width of a bar relative to its bin; height of the plot relative to the tallest bar


def outcome_bars(
    view: ClassView,
    threshold: float,
    scale: Scale = "probability",
    low: float | None = None,
    high: float | None = None,
    bins: int = BINS,
) -> Spec:
    """Mirrored histogram by outcome: actual positives up, negatives down, misclassified rows hatched.

    The height of a bar is the square root of its fraction of its class. Traces are named "tp", "fn", "tn" and "fp". The
    customdata of a bar is (rows, low, high): these rows have low <= score < high in the dtype of the scores; None is an
    open end.

    Parameters
    ----------
    view : labels and scores of a class.
    threshold : rows with score >= threshold are predicted positive.
    scale : scale of the scores.
    low, high : shaded range of scores, low <= score < high; None is an open end, twice None shades nothing.
    bins : number of bins.
    """
    start, end = limits(scale)
    edges = bin_edges(scale, bins)
    places = place(edges, scale)
    ends: list[float | None] = [None, *edges[1:-1].tolist(), None]
    tn, fp, fn, tp = outcomes_by_bin(view.y, predicted_positive(view.score, threshold), bin_of(view.score, edges), bins)
    counts = {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    data: list[dict[str, Any]] = []
    tallest = 0.0
    for sign, (colour, outcomes) in SIDES.items():
        rows = np.sum([counts[name] for name in outcomes], axis=0)
        heights = np.sqrt(rows / max(rows.sum(), 1))
        tallest = max(tallest, float(heights.max()))
        for name, hatch in outcomes.items():
            data.append(
                {
                    "type": "bar",
                    "name": name,
                    "x": ((places[1:] + places[:-1]) / 2).tolist(),
                    "y": (sign * heights * counts[name] / np.maximum(rows, 1)).tolist(),
                    "width": BAR * (end - start) / bins,
                    "customdata": list(zip(counts[name].tolist(), ends[:-1], ends[1:], strict=True)),
                    "hovertemplate": f"{name.upper()}: %{{customdata[0]:,}}<extra></extra>",
                    "marker": {
                        "color": colour,
                        "line": {"width": 0},
                        "pattern": {"shape": hatch, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6},
                    },
                }
            )
    reach = tallest * ROOM or 1.0
    line = float(place(threshold, scale))
    shapes: list[dict[str, Any]] = [
        {"type": "line", "x0": line, "x1": line, "y0": -reach, "y1": reach, "line": {"color": TEXT, "width": 2.5}}
    ]
    if low is not None or high is not None:
        first, last = (bound if at is None else float(place(at, scale)) for at, bound in ((low, start), (high, end)))
        shapes.append(
            {"type": "rect", "x0": first, "x1": last, "y0": 0, "y1": 1, "yref": "paper"}
            | {"fillcolor": MUTED, "opacity": 0.2, "line": {"width": 0}, "layer": "below"}
        )
    layout = {
        "barmode": "relative",
        "showlegend": False,
        "margin": MARGIN,
        "shapes": shapes,
        "annotations": [_name(view.label, POSITIVE, 1, "top"), _name(view.rest, NEGATIVE, 0, "bottom")],
        "xaxis": score_axis(scale) | {"fixedrange": True},
        "yaxis": {"range": [-reach, reach], "fixedrange": True, "showticklabels": False}
        | {"showgrid": False, "showline": False, "zeroline": True},
    }
    return {"data": data, "layout": layout}


def _name(name: str, colour: str, y: float, anchor: str) -> dict[str, Any]:
    where = {"xref": "paper", "yref": "paper", "x": 0.01, "y": y, "xanchor": "left", "yanchor": anchor}
    return where | {
        "text": f"<b>actual {plain(name, 40)}</b>",
        "showarrow": False,
        "font": {"color": colour, "size": 13},
    }
