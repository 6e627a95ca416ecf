"""Figures of every threshold at once, with the chosen one marked. Curves and counts in, a plotly figure out."""

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

NO_CLASS = "no class"  # the decisions in a last column
MOST_NAMES = 24  # largest number of classes with names and numbers in a matrix
ISO_F1 = (0.2, 0.4, 0.6, 0.8)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def metrics_figure(curves: Mapping[str, Curve], threshold: float, scale: Scale = "probability") -> go.Figure:
    """Metrics against the threshold, told apart by dash; the chosen threshold is the heavy line.

    The curves' thresholds are places on the axis: those of an index of `place(scores, scale)`, which keeps the order
    of the scores and so every count, and lets a curve be thinned as exactly as it is drawn.
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
    """A confusion matrix (K, K): actual classes down, predicted classes across.

    Cells are shaded by their share of the row: the diagonal, which is right, in blue and the mistakes in amber. (K, K +
    1) has the rows without a class in a last column. `normalise` chooses the number in a cell: the count, or its share
    of the row or of the column. Of very many classes the cells have no room for a number, which is then seen on hover.
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
    """The layout of an axis of classes; if there are too many, only some of them are named."""
    every = -(-len(names) // MOST_NAMES)
    ticks = {"tickvals": list(range(0, len(names), every)), "ticktext": names[::every]}
    return ticks | {"showgrid": False, "zeroline": False, "showline": False, "fixedrange": True}


def _cell_text(count: float, share: float, normalise: Normalise) -> str:
    return f"{count:,}" if normalise == "none" else f"{share:.1%}"


def _texts(counts: ThresholdCounts, thresholds: np.ndarray, scale: Scale) -> np.ndarray:
    """What a tooltip says of each point, (T,): `thresholds`, probabilities as logit too, and the counts."""
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
