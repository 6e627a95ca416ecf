"""The axis that scores are drawn on in a browser: its ends, its ticks, and the edges of a histogram's bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.plots.scores import BINS
from core.plots.style import Scale, ScoreRange, limits, score_axis, score_range, scores_at

AxisKind = Literal["probability", "logit", "score"]  # "score": evenly spaced scores that are not probabilities


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of scores.

    kind: "logit" if scores are drawn at their logit; "probability" or "score" if they are drawn at their value.
    low, high: range of thresholds that can be chosen.
    start, end: ends of the axis in its coordinates, to which scores are clipped.
    ticks: pairs of score and text.
    """

    kind: AxisKind
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def edges(self, bins: int = BINS) -> NDArray[np.float64]:
        """Edges (B + 1,) of B bins of equal width on the axis, as scores in ascending order."""
        placed = np.linspace(self.start, self.end, bins + 1)
        return expit(placed) if self.kind == "logit" else placed


def axes_between(low: float, high: float) -> dict[AxisKind, Axis]:
    """Both axes of probabilities, or the one of other scores, by the smallest and largest score; NaN without scores."""
    scales: tuple[Scale, ...] = ("probability", "logit") if not (low < 0 or high > 1) else (score_range(low, high),)
    found = (_axis(low, high, scale) for scale in scales)
    return {axis.kind: axis for axis in found}


def _axis(low: float, high: float, scale: Scale) -> Axis:
    if not isinstance(scale, ScoreRange) and not (low < 0 or high > 1):
        spec = score_axis(scale)
        start, end = limits(scale)
        placed = spec["tickvals"]
        scores = scores_at(placed, scale)
        words = spec.get("ticktext", [f"{tick:g}" for tick in placed])
        return Axis(scale, 0.0, 1.0, start, end, tuple(zip(map(float, scores), words, strict=True)))
    start, end = scale if isinstance(scale, ScoreRange) else score_range(low, high)
    ticks = tuple((tick, f"{tick:.6g}".replace("-", "−")) for tick in round_numbers(start, end))
    return Axis("score", start, end, start, end, ticks)


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten in [low, high], about `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    return [float(tick) for tick in step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)]
