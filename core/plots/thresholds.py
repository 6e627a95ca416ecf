"""Metrics against the threshold. Curves in, a plotly figure out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from scipy.special import logit

from core.evaluation import Curve, ThresholdCounts
from core.plots.style import (
    LEGEND_ABOVE,
    POSITIVE,
    TEXT,
    Scale,
    ScoreRange,
    place,
    score_axis,
    scores_at,
    unit_axis,
    unit_of,
)

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
