"""Metrics against the threshold, and confusion matrices. Curves and counts in, a plotly figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from scipy.special import logit

from core.evaluation import Curve, ThresholdCounts, normalised
from core.evaluation.decisions import Normalise
from core.plots.style import (
    GROUND,
    LEGEND_ABOVE,
    MARGIN,
    NEGATIVE_FILL,
    POSITIVE,
    POSITIVE_FILL,
    TEXT,
    Scale,
    ScoreRange,
    place,
    score_axis,
    scores_at,
    unit_axis,
    unit_of,
)

NO_CLASS = "no class"  # the name of the last column, for rows without a class
MOST_NAMES = 24  # maximum number of classes with names and numbers in a matrix
ISO_F1 = (0.2, 0.4, 0.6, 0.8)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def metrics_figure(curves: Mapping[str, Curve], threshold: float, scale: Scale = "probability") -> go.Figure:
    """Metrics against the threshold, each with its own dash; the current threshold is the heavy line.

    Parameters
    ----------
    curves : values by name of the metric. Their thresholds are axis coordinates: the curves are of an index of
        `place(scores, scale)`, which has the order of the scores and so their counts, and are thinned to the accuracy
        of the drawing.
    threshold : the current threshold, as a score.
    scale : scale of the thresholds.
    """
    figure = go.Figure()
    for (name, curve), dash in zip(curves.items(), DASHES, strict=False):
        placed = np.asarray(curve.thresholds, np.float64)
        scores = scores_at(placed, scale)
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            customdata=scores,
            hovertext=_texts(curve, scores, scale),
            name=name,
            mode="lines",
            line={"color": POSITIVE, "dash": dash, "width": 2},
            hovertemplate=f"{name} %{{y:.3f}}<br>%{{hovertext}}<extra></extra>",
        )
    figure.add_vline(x=float(place(threshold, scale)), line={"color": TEXT, "width": 2.5})
    figure.update_layout(
        **LEGEND_ABOVE, xaxis=score_axis(scale, f"threshold ({unit_of(scale)})"), yaxis=unit_axis("value of the metric")
    )
    return figure


def confusion_figure(matrix: np.ndarray, names: Sequence[str], normalise: Normalise = "none") -> go.Figure:
    """A confusion matrix: actual classes down, predicted classes across.

    Cells are shaded by their fraction of the row: the diagonal in blue, misclassified rows in amber. With more than
    MOST_NAMES classes numbers are shown on hover only.

    Parameters
    ----------
    matrix : counts (K, K), or (K, K + 1) with the rows without a class in the last column.
    names : names of the classes (K,).
    normalise : number in a cell: the count ("none"), or its fraction of the "row" or "column".
    """
    by_row = normalised(matrix, "row")
    diagonal = np.eye(matrix.shape[0], matrix.shape[1], dtype=bool)
    few = len(matrix) <= MOST_NAMES
    text = np.array(
        [
            [_cell_text(c, s, normalise) if c and few else "" for c, s in zip(*r, strict=True)]
            for r in zip(matrix, normalised(matrix, normalise), strict=True)
        ]
    )
    figure = go.Figure()
    for cells, colour, top in ((diagonal, POSITIVE_FILL, 1.0), (~diagonal, NEGATIVE_FILL, 0.2)):
        figure.add_heatmap(
            z=np.where(cells, by_row, np.nan),
            zmin=0,
            zmax=top,
            colorscale=[[0, GROUND], [1, colour]],
            text=np.where(cells, text, ""),
            texttemplate="%{text}",
            customdata=matrix,
            hovertemplate="actual %{y}, predicted %{x}: %{customdata:,}, %{z:.1%} of row<extra></extra>",
            showscale=False,
            textfont={"size": 12},
            xgap=2 if few else 0,
            ygap=2 if few else 0,
        )
    predicted = [*names, NO_CLASS][: matrix.shape[1]]
    figure.update_layout(
        margin=MARGIN,
        xaxis=_class_axis(predicted)
        | {"title": {"text": "predicted"}, "side": "top", "range": [-0.5, len(predicted) - 0.5]},
        yaxis=_class_axis(list(names)) | {"title": {"text": "actual"}, "range": [len(names) - 0.5, -0.5]},
    )
    return figure


def _class_axis(names: list[str]) -> dict[str, Any]:
    """The layout of an axis of classes, at most MOST_NAMES of them named."""
    every = -(-len(names) // MOST_NAMES)
    ticks = {"tickvals": list(range(0, len(names), every)), "ticktext": names[::every]}
    return ticks | {"showgrid": False, "zeroline": False, "showline": False, "fixedrange": True}


def _cell_text(count: float, share: float, normalise: Normalise) -> str:
    return f"{count:,}" if normalise == "none" else f"{share:.1%}"


def _texts(counts: ThresholdCounts, thresholds: np.ndarray, scale: Scale) -> np.ndarray:
    """The tooltip of each point (T,): threshold, its logit for probabilities, and the counts."""
    rows = zip(
        thresholds.ravel(), *(np.ravel(c).round(3) for c in (counts.tp, counts.fp, counts.fn, counts.tn)), strict=True
    )
    return np.array(
        [f"{_threshold(t, scale)}<br>TP {tp:,} · FP {fp:,} · FN {fn:,} · TN {tn:,}" for t, tp, fp, fn, tn in rows]
    )


def _threshold(t: float, scale: Scale) -> str:
    if isinstance(scale, ScoreRange):
        return f"threshold {t:.6g}" if t < scale.high else "threshold above every score"
    if t > 1:
        return "threshold above every score"
    return f"threshold {t:.6g} (logit {float(logit(t)):.2f})"
