"""Net value against the threshold, and the band of reviewed scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.evaluation import Curve, predicted_positive
from core.evaluation.scores import ClassView
from core.evaluation.value.payoffs import Band
from core.plots.marks import Mark, add_marks
from core.plots.scores import score_histograms
from core.plots.style import (
    LINE,
    MUTED,
    POSITIVE,
    Scale,
    limits,
    place,
    place_within,
    plain,
    score_axis,
    scores_at,
    unit_of,
)

DASHES = ("solid", "dot")
SHADE = {"fillcolor": LINE, "opacity": 0.4, "line_width": 0, "layer": "below"}


def threshold_mark(name: str, threshold: float, scale: Scale, dash: str = "solid", heavy: bool = False) -> Mark:
    """The mark of a threshold, labelled with its value; inf and NaN are not drawn."""
    x = float(place(threshold, scale)) if np.isfinite(threshold) else float("nan")
    return Mark(f"{name} {threshold:.3f}", x, dash, heavy)


def value_figure(
    curves: Mapping[str, Curve],
    marks: Sequence[Mark],
    interval: tuple[float, float],
    unit: str,
    scale: Scale = "probability",
) -> go.Figure:
    """Net value against the threshold, one line per split, with the values of predicting all or none positive.

    Parameters
    ----------
    curves : net value by split; their thresholds are axis coordinates, as in `metrics_figure`.
    marks : marked thresholds, in axis coordinates.
    interval : shaded interval of thresholds; its upper end may be inf.
    unit : unit of the net value; "" without one.
    scale : scale of the thresholds.
    """
    figure = go.Figure()
    for (name, curve), dash in zip(curves.items(), DASHES, strict=False):
        placed = np.asarray(curve.thresholds, np.float64)
        thresholds = scores_at(placed, scale)
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            customdata=np.stack([thresholds, curve.tp, curve.fp, curve.fn, curve.tn], axis=1),
            name=plain(name),
            mode="lines",
            line={"color": POSITIVE, "width": 2, "dash": dash},
            hovertemplate=f"{plain(name)}: %{{y:,.4~g}} {plain(unit)}<br>threshold %{{customdata[0]:.6~g}}<br>"
            "TP %{customdata[1]:,} · FP %{customdata[2]:,} · FN %{customdata[3]:,} · TN %{customdata[4]:,}"
            "<extra></extra>",
        )
    low, high = map(float, place_within(interval, scale))
    if np.isfinite(low + high):
        figure.add_vrect(x0=low, x1=high, **SHADE)
    first = next(iter(curves.values()))
    if first.y.size:
        ends = (("predict all negative", first.y[0], 1, "right"), ("predict all positive", first.y[-1], 0, "left"))
        for text, y, x, anchor in ends:
            figure.add_hline(y=float(y), line={"color": MUTED, "dash": "dot", "width": 1}, layer="below")
            figure.add_annotation(
                text=text,
                x=x,
                xref="paper",
                xanchor=anchor,
                y=float(y),
                yanchor="bottom",
                showarrow=False,
                font={"size": 12, "color": MUTED},
            )
    title = f"net value ({plain(unit)})" if unit else "net value"
    figure.update_layout(
        xaxis=score_axis(scale, f"threshold ({unit_of(scale)})"),
        yaxis={"title": {"text": title}, "tickformat": "~s", "zeroline": True, "nticks": 6},
    )
    add_marks(figure, marks, limits(scale))
    return figure


def band_figure(view: ClassView, band: Band, marks: Sequence[Mark], scale: Scale = "probability") -> go.Figure:
    """Mirrored histogram with the review band shaded; misclassified rows outside the band are hatched.

    Rows in the band are drawn as correct, since the reviewer decides them.
    """
    high = predicted_positive(view.score, band.high)
    reviewed = predicted_positive(view.score, band.low) & ~high
    figure = score_histograms([view], [band.high], scale, predicted=(high | (reviewed & view.y))[:, None])
    left, right = map(float, place_within(band, scale))
    if band.low < band.high:
        figure.add_vrect(x0=left, x1=right, **SHADE)
    add_marks(figure, marks, limits(scale), legend=False)
    return figure
