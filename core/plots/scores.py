"""Mirrored histograms of scores by actual class, split at the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation import predicted_positive
from core.evaluation.bins import bin_of, outcomes_by_bin
from core.evaluation.scores import ClassView
from core.plots.style import (
    MARGIN,
    NEGATIVE,
    NEGATIVE_TEXT,
    POSITIVE,
    TEXT,
    Scale,
    ScoreRange,
    bin_edges,
    limits,
    place,
    score_axis,
)

BINS = 40
GAP = 0.03, 0.16  # between panels, as fractions of the figure's width and height


def score_histograms(
    views: Sequence[ClassView],
    thresholds: Sequence[float],
    scale: Scale = "probability",
    columns: int = 5,
    predicted: NDArray[np.bool_] | None = None,
) -> go.Figure:
    """One mirrored histogram per class: rows of the class up, all others down.

    The height of a bar is the square root of its fraction of its side, so that small bars stay visible. Correct rows
    are solid, misclassified rows hatched; the threshold's bar is split in proportion.

    Parameters
    ----------
    views : labels and scores of each class (C,).
    thresholds : threshold of each class (C,); rows with score >= threshold are predicted positive.
    scale : scale of the scores.
    columns : maximum number of histograms per row.
    predicted : which rows are predicted to be in each class (N, C), for decisions without thresholds such as argmax;
        no lines are drawn then. None uses the thresholds.
    """
    columns = min(columns, len(views))
    rows = -(-len(views) // columns)
    # One go.Figure from plain dicts: adding traces and shapes one by one takes ten times as long.
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"barmode": "relative", "bargap": 0.06, "showlegend": False, "margin": MARGIN | {"t": 24}}
    layout |= {"shapes": [], "annotations": []}
    for at, (view, threshold) in enumerate(zip(views, thresholds, strict=True)):
        number = "" if at == 0 else str(at + 1)
        positive = predicted_positive(view.score, threshold) if predicted is None else predicted[:, at]
        bars, reach = _bars(view, positive, scale, BINS if len(views) == 1 else BINS // 2)
        data += [bar | {"xaxis": f"x{number}", "yaxis": f"y{number}"} for bar in bars]
        if predicted is None:
            x = float(place(threshold, scale))
            layout["shapes"].append(
                {"type": "line", "x0": x, "x1": x, "y0": -reach, "y1": reach, "line": {"color": TEXT, "width": 2.5}}
                | {"xref": f"x{number}", "yref": f"y{number}"}
            )
        layout["annotations"] += _names(view, number, alone=len(views) == 1)
        layout[f"xaxis{number}"] = _score_axis(scale, alone=len(views) == 1) | {
            "domain": _share(at % columns, columns, GAP[0]),
            "anchor": f"y{number}",
        }
        layout[f"yaxis{number}"] = {
            "domain": _share(rows - 1 - at // columns, rows, min(GAP[1], 3 * GAP[1] / rows)),
            "anchor": f"x{number}",
            "range": [-reach, reach],
            "title": {"text": "√ share of class" if len(views) == 1 else None},
            "showticklabels": False,
            "showgrid": False,
            "showline": False,
            "zeroline": True,
        }
    return go.Figure(data, layout)


def _bars(view: ClassView, positive: NDArray[np.bool_], scale: Scale, bins: int) -> tuple[list[dict[str, Any]], float]:
    """Four sets of bars, by actual and predicted class, and the limit of the vertical axis."""
    low, high = limits(scale)
    edges = bin_edges(scale, bins)
    places = place(edges, scale)
    ranges = [f"scores {start:.3g} to {end:.3g}" for start, end in pairwise(edges)]
    tn, fp, fn, tp = outcomes_by_bin(view.y, positive, bin_of(view.score, edges), bins)
    bars = []
    tallest = 0.0
    sides = ((view.label, tp, fn, POSITIVE, 1), (view.rest, fp, tn, NEGATIVE, -1))
    for name, as_positive, as_negative, colour, sign in sides:
        in_bar = as_positive + as_negative
        total = max(int(in_bar.sum()), 1)
        per_row = np.sqrt(in_bar / total) / np.maximum(in_bar, 1)  # height of a row in each bar
        for counts, predicted in ((as_positive, view.label), (as_negative, view.rest)):
            hatch = "" if predicted == name else "/"
            bars.append(
                {
                    "type": "bar",
                    "name": f"actual {name}, predicted {predicted}",
                    "x": (places[1:] + places[:-1]) / 2,
                    "y": sign * counts * per_row,
                    "width": (high - low) / bins,
                    "customdata": counts,
                    "hovertext": ranges,
                    "marker": {
                        "color": colour,
                        "line": {"width": 0},
                        "pattern": {"shape": hatch, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6},
                    },
                    "hovertemplate": f"actual {name}, predicted {predicted}: %{{customdata}} of {total:,}<br>"
                    "%{hovertext}<extra></extra>",
                }
            )
        tallest = max(tallest, float(np.sqrt(in_bar.max() / total)))
    return bars, tallest * 1.25 or 1.0


def _names(view: ClassView, number: str, alone: bool) -> list[dict[str, Any]]:
    """The names of both sides with their numbers of rows if the histogram is alone; else only the class's name."""
    where = {"xref": f"x{number} domain", "yref": f"y{number} domain", "xanchor": "left", "showarrow": False}
    if not alone:
        return [where | {"text": view.label, "x": 0, "y": 1, "yanchor": "bottom"}]
    sides = ((view.label, view.y, POSITIVE, 1, "top"), (view.rest, ~view.y, NEGATIVE_TEXT, 0, "bottom"))
    return [
        where
        | {"text": f"<b>actual {name} (n = {int(member.sum()):,})</b>", "x": 0.01, "y": y, "yanchor": anchor}
        | {"font": {"color": colour, "size": 14}}
        for name, member, colour, y, anchor in sides
    ]


def _score_axis(scale: Scale, alone: bool) -> dict[str, Any]:
    """The axis, with its title if the histogram is alone, else with fewer ticks."""
    if alone:
        return score_axis(scale, "score" if isinstance(scale, ScoreRange) else "score (probability)")
    if isinstance(scale, ScoreRange):
        return score_axis(scale) | {"nticks": 3}
    ticks = {"tickvals": [0, 0.5, 1]} if scale == "probability" else {"tickvals": [0], "ticktext": ["0.5"]}
    return score_axis(scale) | ticks


def _share(at: int, of: int, gap: float) -> list[float]:
    """The domain of panel `at` among `of`, with gaps between them."""
    size = (1 - gap * (of - 1)) / of
    return [at * (size + gap), at * (size + gap) + size]
