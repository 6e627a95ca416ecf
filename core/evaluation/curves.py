"""Curves over thresholds, thinned within a known error. NumPy alone.

A full curve is the polyline through the exact points at every distinct score. A thinned curve keeps some of these
points, with their thresholds and exact counts, within `eps` of the full curve: the Chebyshev distance between the two,
as a fraction of the plot's width and height, is at most `max_error` <= eps.

Thinning takes two steps. Thresholds are bracketed until the curve between neighbours fits into a box smaller than
eps / 2, or there is no score between them. Then points are dropped by Douglas and Peucker's algorithm at eps / 2.
Points with an undefined coordinate are left out, so a precision-recall curve without a positive row, or a ROC curve of
one class, has no points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex, ThresholdCounts
from core.evaluation.metrics import MetricSpec, false_positive_rate, precision, recall
from core.evaluation.thinning import Places, douglas_peucker, evenly_spaced
from core.parameters import Value

EPS = 1e-3
Coordinate = Callable[[ThresholdCounts], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Curve(ThresholdCounts):
    """The counts at the kept thresholds, falling, and their coordinates x and y in the plot, float64 (T,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    max_error: float


def pr_curve(index: ScoreIndex, eps: float = EPS) -> Curve:
    """Precision (y) against recall (x), from t = inf to the smallest score.

    At t = inf, where precision is undefined, it is set to that at the largest score, where the interpolation of Davis
    and Goadrich (2006) from (TP, FP) = (0, 0) starts.

    Parameters
    ----------
    index : the scores.
    eps : maximum distance to the full curve, as a share of the plot's width and height, > 0.

    Returns
    -------
    The curve.
    """
    counts, box_error = _bracketed(index, recall, precision, eps / 2)
    y = precision(counts)
    y[:1] = y[1:2]
    return _thinned(counts, recall(counts), y, eps / 2, box_error)


def roc_curve(index: ScoreIndex, eps: float = EPS) -> Curve:
    """True positive rate (y) against false positive rate (x), from (0, 0) to (1, 1); parameters as for `pr_curve`."""
    counts, box_error = _bracketed(index, false_positive_rate, recall, eps / 2)
    return _thinned(counts, false_positive_rate(counts), recall(counts), eps / 2, box_error)


def metric_curve(index: ScoreIndex, spec: MetricSpec, eps: float = EPS, **params: Value) -> Curve:
    """A metric (y) against the threshold (x), from just above the largest score to the smallest.

    A metric is constant between scores and jumps just above each, so a step has points at a score and at the next
    number above it.

    Parameters
    ----------
    index : the scores.
    spec : the metric.
    eps : maximum distance to the full curve, > 0, as a share of the plot's width and height. The width is 1 if all
        scores are in [0, 1] and otherwise their range; the height is 1 or, for a metric without an upper bound, the
        larger of its values at the two ends.
    params : parameters of the metric; the others keep their defaults.

    Returns
    -------
    The curve.
    """
    width = height = 1.0
    if index.n_rows:
        low, high = index.score_range
        width = 1.0 if low >= 0 and high <= 1 else (high - low) or 1.0
        if np.isinf(spec.range[1]):
            height = float(np.max(spec(index.counts([np.inf, low]), **params))) or 1.0

    def x_of(counts: ThresholdCounts) -> NDArray[np.float64]:
        return counts.thresholds.astype(np.float64)

    def y_of(counts: ThresholdCounts) -> NDArray[np.float64]:
        return spec(counts, **params)

    counts, box_error = _bracketed(index, x_of, y_of, eps / 2, width, height)
    at = counts.thresholds[np.isfinite(counts.thresholds)]
    counts = index.counts(np.unique(np.concatenate([at, np.nextafter(at, np.inf, dtype=at.dtype)])))[::-1]
    return _thinned(counts, x_of(counts), y_of(counts), eps / 2, box_error, width, height)


def _bracketed(
    index: ScoreIndex, x_of: Coordinate, y_of: Coordinate, eps: float, width: float = 1.0, height: float = 1.0
) -> tuple[ThresholdCounts, float]:
    """Counts from t = inf to the smallest score with the curve between neighbours in a box smaller than eps.

    Between two thresholds tp and fp lie between the counts at both, so a coordinate that rises with one and falls with
    the other has its extremes at the box's corners. Also returns the size of the largest box.
    """
    sides = index.positive_scores, index.negative_scores
    ascending = np.unique(np.concatenate([side[evenly_spaced(side.size, round(2 / eps))] for side in sides]))
    thresholds = [np.append(ascending, np.inf) if ascending.size else ascending]
    upper, lower = thresholds[0][:0:-1], thresholds[0][-2::-1]
    largest = 0.0
    while upper.size:
        above, below = index.counts(upper), index.counts(lower)
        worst = ThresholdCounts(above.thresholds, above.tp, below.fp, above.fn, below.tn)
        best = ThresholdCounts(below.thresholds, below.tp, above.fp, below.fn, above.tn)
        size_x, size_y = _distance(x_of(worst), x_of(best)), _distance(y_of(worst), y_of(best))
        size = np.maximum(size_x / width, size_y / height)
        middle, inside = _middle(index, above.thresholds, below.thresholds)
        wide = inside & (size > eps)
        largest = float(np.max(size, where=inside & ~wide, initial=largest))
        upper, middle, lower = upper[wide], middle[wide], lower[wide]
        upper, lower = np.concatenate([upper, middle]), np.concatenate([middle, lower])
        thresholds.append(middle)
    return index.counts(np.unique(np.concatenate(thresholds)))[::-1], largest


def _middle(index: ScoreIndex, upper: NDArray, lower: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
    """The median score strictly between lower and upper, of the class with more scores there, and whether it exists."""
    middle, most = lower.copy(), np.zeros(lower.size, dtype=np.intp)
    for side in (index.positive_scores, index.negative_scores):
        first, end = side.searchsorted(lower, "right"), side.searchsorted(upper, "left")
        more = end - first > most
        middle[more] = side[(first + end)[more] // 2]
        most[more] = (end - first)[more]
    return middle, most > 0


def _distance(a: NDArray, b: NDArray) -> NDArray:
    """|a - b|; 0 where both are undefined, and inf where one is."""
    undefined = np.isnan(a).astype(int) + np.isnan(b)
    return np.choose(undefined, [np.abs(a - b), np.inf, 0.0])


def _thinned(
    counts: ThresholdCounts,
    x: NDArray,
    y: NDArray,
    eps: float,
    box_error: float,
    width: float = 1.0,
    height: float = 1.0,
) -> Curve:
    """The curve through the points that Douglas and Peucker's algorithm keeps at eps."""
    defined = np.isfinite(x) & np.isfinite(y)
    counts, x, y = counts[defined], x[defined], y[defined]
    ends = np.arange(x.size)[:1], np.arange(x.size)[-1:]
    kept, error = douglas_peucker(*ends, partial(_from_segments, x / width, y / height), eps)
    counts = counts[kept]
    return Curve(counts.thresholds, counts.tp, counts.fp, counts.fn, counts.tn, x[kept], y[kept], box_error + error)


def _from_segments(x: NDArray, y: NDArray, begin: Places, end: Places, sizes: Places, places: Places) -> NDArray:
    """Euclidean distance, which is >= the Chebyshev distance, of points from their segments."""
    along_x, along_y, first = (np.repeat(of, sizes) for of in (x[end] - x[begin], y[end] - y[begin], begin))
    from_x, from_y = x[places] - x[first], y[places] - y[first]
    squared = along_x**2 + along_y**2
    along = from_x * along_x + from_y * along_y
    share = np.clip(np.divide(along, squared, out=np.zeros_like(along), where=squared > 0), 0, 1)
    return np.hypot(from_x - share * along_x, from_y - share * along_y)
