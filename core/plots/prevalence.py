"""Metrics of a threshold, and the best threshold, against the prevalence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core.evaluation import Curve
from core.evaluation.prevalence import GRID, BestThresholds
from core.evaluation.source import rows_label
from core.plots.marks import Mark, add_band, add_marks
from core.plots.style import (
    MUTED,
    POSITIVE,
    Scale,
    limits,
    place_within,
    score_axis,
    unit_axis,
    unit_of,
)
from core.plots.thresholds import DASHES, metrics_figure

TICKS = np.array([0.0001, 0.001, 0.01, 0.1, 0.99])


def share_mark(name: str, prevalence: float, dash: str = "solid", heavy: bool = False) -> Mark:
    """The mark of a prevalence, labelled with its value."""
    return Mark(f"{name} {_percent(prevalence)}", float(np.log10(prevalence)), dash, heavy)


def prevalence_figure(
    prevalences: ArrayLike,
    lines: Mapping[str, NDArray[np.float64]],
    band: tuple[NDArray[np.float64], NDArray[np.float64]],
    marks: Sequence[Mark],
) -> go.Figure:
    """Metrics (P,) of one threshold against prevalences (P,); the band is an interval of the first."""
    at = np.asarray(prevalences, np.float64)
    x = np.log10(at)
    figure = go.Figure()
    add_band(figure, x, *band)
    for (name, y), dash in zip(lines.items(), DASHES, strict=False):
        figure.add_scatter(
            x=x,
            y=y,
            customdata=_percents(at),
            name=name,
            mode="lines",
            line={"color": POSITIVE, "dash": dash, "width": 2},
            hovertemplate=f"{name} %{{y:.3f}}<br>prevalence %{{customdata}}<extra></extra>",
        )
    figure.update_layout(xaxis=_share_axis(), yaxis=unit_axis("value of the metric"))
    add_marks(figure, marks, _ends())
    return figure


def best_figure(best: BestThresholds, tuned_on: str, marks: Sequence[Mark], scale: Scale = "probability") -> go.Figure:
    """The best threshold against the prevalence: tuned on a split as steps, predicted dashed.

    "Above every score" is at the top.
    """
    x = np.log10(best.prevalences)
    figure = go.Figure()
    for name, thresholds, line in (
        (f"tuned on {rows_label(tuned_on)}", best.tuned, {"color": POSITIVE, "width": 2, "shape": "hvh"}),
        ("predicted", best.predicted, {"color": MUTED, "width": 2, "dash": "dash"}),
    ):
        figure.add_scatter(
            x=x,
            y=place_within(thresholds, scale),
            customdata=np.stack([_percents(best.prevalences), _thresholds(thresholds)], axis=1),
            name=name,
            mode="lines",
            line=line,
            hovertemplate=f"{name}: %{{customdata[1]}}<br>prevalence %{{customdata[0]}}<extra></extra>",
        )
    axis = score_axis(scale, f"best threshold ({unit_of(scale)})") | {"showgrid": True}
    figure.update_layout(xaxis=_share_axis(), yaxis=axis)
    add_marks(figure, marks, _ends())
    return figure


def metrics_at_figure(
    curves: Mapping[str, Curve], threshold: float, marks: Sequence[Mark], scale: Scale = "probability"
) -> go.Figure:
    """`metrics_figure` of metrics at another prevalence, with further thresholds marked."""
    figure = metrics_figure(curves, threshold, scale)
    add_marks(figure, marks, limits(scale))
    return figure


def _share_axis() -> dict[str, Any]:
    """The layout of an axis of prevalences, spaced by their logarithm; places on it are log10."""
    low, high = _ends()
    return {
        "range": [low - 0.03, high + 0.03],
        "tickvals": np.log10(TICKS).tolist(),
        "ticktext": [_percent(tick) for tick in TICKS],
        "tickangle": 0,
        "showgrid": False,
        "zeroline": False,
        "title": {"text": "prevalence in production"},
    }


def _ends() -> tuple[float, float]:
    return float(np.log10(GRID[0])), float(np.log10(GRID[-1]))


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _percents(shares: NDArray[np.float64]) -> NDArray[np.str_]:
    return np.array([_percent(float(share)) for share in shares])


def _thresholds(thresholds: NDArray[np.float64]) -> NDArray[np.str_]:
    return np.array(["above every score" if np.isposinf(t) else f"{t:.4g}" for t in thresholds])
