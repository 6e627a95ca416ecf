"""What a browser needs to move a threshold by itself: counts at some scores, a histogram by true class, an axis.

With few distinct scores it holds them all and counts exactly. With many it holds some, so that a count between two of
them is off by at most BOUND of its class; whoever shows a number at rest gives it the exact counts beside.
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
    """An axis of scores: thresholds can be chosen in [low, high]; `ticks` are (score, text) pairs.

    A score is drawn at its logit where kind is "logit", else at itself, cut at `start` and `end`.
    """

    kind: AxisKind
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def edges(self, bins: int = BINS) -> NDArray[np.float64]:
        """The scores (B + 1,) between which bins lie that are drawn equally wide."""
        placed = np.linspace(self.start, self.end, bins + 1)
        return expit(placed) if self.kind == "logit" else placed


@dataclass(frozen=True, eq=False)
class Held:
    """What the browser holds of the scores of one class or label.

    `points` (T,) are counts at distinct scores, ascending: all of them if `exact`, else at most 2 / BOUND + 1, the
    smallest and the largest among them, with at most BOUND of the rows of either class strictly between neighbours.
    At a threshold t it counts as at the first of them that is >= t, and none above the last.
    `bins` (B + 1,) are counts at the edges of the histogram's bins, ascending, from all rows to none.
    """

    points: ThresholdCounts
    bins: ThresholdCounts
    positives: int
    negatives: int
    distinct: int
    axis: Axis

    @property
    def exact(self) -> bool:
        return self.distinct == self.points.thresholds.size


def held(index: ScoreIndex, scale: Scale = "probability") -> Held:
    """What to send of an index without weights; `scale` is how probabilities are spaced."""
    axis = axis_of(index, scale)
    edges = axis.edges()
    edges[[0, -1]] = -np.inf, np.inf  # the outermost bins hold whatever lies beyond
    return Held(
        points=condensed(index),
        bins=index.counts(edges),
        positives=index.positive_scores.size,
        negatives=index.negative_scores.size,
        distinct=index.distinct_scores().size,
        axis=axis,
    )


def axis_of(index: ScoreIndex, scale: Scale = "probability") -> Axis:
    """The axis of this scale, or where scores leave that of probabilities, of their range and a bit more."""
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
    """Multiples of 1, 2 or 5 times a power of ten in [low, high], some `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    return [float(tick) for tick in step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)]
