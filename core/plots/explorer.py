"""The data with which a browser moves a threshold without the server: counts, a histogram by actual class, an axis.

Few distinct scores are sent all, and counts are exact. Of many only some are sent, and a count between two of them is
off by at most BOUND of its class; numbers shown at rest use exact counts from the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.condensed import condensed
from core.plots.scores import BINS
from core.plots.style import Scale, ScoreRange, limits, score_axis, score_range, scores_at

AxisKind = Literal["probability", "logit", "score"]  # "score": evenly spaced scores that are no probabilities


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


@dataclass(frozen=True, eq=False)
class Held:
    """The data of one class or label that the browser holds.

    points: counts (T,) at distinct scores, ascending: at all of them if `exact`, else at no more than 2 / BOUND + 1,
        including the smallest and the largest, with at most BOUND of the rows of either class strictly between
        neighbours. The counts at a threshold t are those of the first point >= t; above the last, no row is predicted
        positive.
    bins: counts (B + 1,) at the edges of the histogram's bins, ascending, from all rows to none.
    positives, negatives: number of rows of each class.
    distinct: number of distinct scores.
    axis: the axis of the scores.
    """

    points: ThresholdCounts
    bins: ThresholdCounts
    positives: int
    negatives: int
    distinct: int
    axis: Axis

    @property
    def exact(self) -> bool:
        """Whether `points` has all distinct scores."""
        return self.distinct == self.points.thresholds.size


def held(index: ScoreIndex, scale: Scale = "probability") -> Held:
    """The data to send for an index without weights; `scale` is the scale of probabilities."""
    axis = axis_of(index, scale)
    edges = axis.edges()
    edges[[0, -1]] = -np.inf, np.inf  # the outermost bins include the scores beyond them
    return Held(
        points=condensed(index),
        bins=index.counts(edges),
        positives=index.positive_scores.size,
        negatives=index.negative_scores.size,
        distinct=index.distinct_scores().size,
        axis=axis,
    )


def axis_of(index: ScoreIndex, scale: Scale = "probability") -> Axis:
    """The axis of this scale; for scores outside [0, 1] an axis of their range with padding."""
    low, high = index.score_range
    if not isinstance(scale, ScoreRange) and (not index.n_rows or (low >= 0 and high <= 1)):
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
