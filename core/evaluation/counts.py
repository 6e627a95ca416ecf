"""Counts at thresholds, the primitive that every count, metric and curve comes from. Numpy alone.

The rule, said once: a row is predicted positive when `score >= t`, compared in the scores' own dtype. A
threshold of another dtype is first rounded to the scores' dtype, so that .7 means the float32 nearest to .7
when the scores are float32: compared in float64 instead, scores that were rounded to .70 in float32 would
fall below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.scores import Scores, as_scores, as_weights

BLOCK = 2**15  # rows that a processor's cache holds from one operation to the next


@dataclass(frozen=True, eq=False)
class ThresholdCounts:
    """True and false positives and negatives at each threshold.

    thresholds, in the scores' dtype, and tp, fp, fn, tn have one shape: () for one threshold, (T,), or (C, T)
    for C classes. Counts are int64, or float64 sums of weights. tp + fn and fp + tn do not depend on the
    threshold.
    """

    thresholds: NDArray[np.floating]
    tp: NDArray
    fp: NDArray
    fn: NDArray
    tn: NDArray

    def __getitem__(self, key: Any) -> ThresholdCounts:
        """Some of the thresholds, chosen as numpy chooses from an array of their shape."""
        return ThresholdCounts(self.thresholds[key], self.tp[key], self.fp[key], self.fn[key], self.tn[key])

    @property
    def total(self) -> NDArray:
        """Number (or weight) of all rows, in the shape of the counts."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def predicted_positive(self) -> NDArray:
        """Number (or weight) of the rows that are predicted positive, in the shape of the counts."""
        return self.tp + self.fp


@dataclass(frozen=True, eq=False)
class ScoreIndex:
    """The scores of each class in ascending order: built by one sort, then asked by binary search.

    positive_scores (P,), negative_scores (N,): ascending, one dtype. positive_weight (P + 1,),
    negative_weight (N + 1,): total weight of the rows from that rank up, or None when every row counts once.
    """

    positive_scores: NDArray[np.floating]
    negative_scores: NDArray[np.floating]
    positive_weight: NDArray[np.float64] | None = None
    negative_weight: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> ScoreIndex:
        """Index y_true (N,) in {0, 1} and finite y_score (N,), leaving rows of weight 0 out as scikit-learn does.

        Integer scores become float64. Raises CutoffError for NaN or infinite scores, other labels, shapes
        that differ, and weights that are negative or not finite.
        """
        keys = None if sample_weight is not None else _keys(np.asarray(y_true), np.asarray(y_score))
        if keys is not None:
            keys.sort()
            sign = _sign(keys.dtype)
            n_negative = int(keys.searchsorted(sign))
            keys[n_negative:] ^= sign
            ordered = keys.view(np.dtype(f"f{keys.itemsize}"))
            return cls(ordered[n_negative:], ordered[:n_negative])
        score, positive = as_scores(y_score), _as_bool(y_true)
        if score.ndim != 1 or positive.shape != score.shape:
            raise CutoffError(
                f"Expected `y_true` and `y_score` to have one shape (N,), but got {positive.shape} and {score.shape}."
            )
        if sample_weight is not None:
            return cls._weighted(positive, score, as_weights(sample_weight, score.shape))
        score = score + 0.0  # turns -0.0 into 0.0, which it equals
        return cls(np.sort(score[positive]), np.sort(score[~positive]))

    @classmethod
    def _weighted(cls, positive: NDArray, score: NDArray, weight: NDArray) -> ScoreIndex:
        sides = []
        for member in (positive & (weight > 0), ~positive & (weight > 0)):
            values = score[member] + 0.0
            order = np.argsort(values)
            from_rank = np.zeros(values.size + 1)
            from_rank[:-1] = np.cumsum(weight[member][order][::-1])[::-1]
            sides.append((values[order], from_rank))
        (positive_scores, positive_weight), (negative_scores, negative_weight) = sides
        return cls(positive_scores, negative_scores, positive_weight, negative_weight)

    @property
    def n_rows(self) -> int:
        """Number of rows, whatever they weigh."""
        return self.positive_scores.size + self.negative_scores.size

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = (self.positive_scores, self.negative_scores, self.positive_weight, self.negative_weight)
        return sum(array.nbytes for array in arrays if array is not None)

    @property
    def positives(self) -> float:
        """Number (or weight) of the positive rows."""
        return self.positive_scores.size if self.positive_weight is None else float(self.positive_weight[0])

    @property
    def negatives(self) -> float:
        """Number (or weight) of the negative rows."""
        return self.negative_scores.size if self.negative_weight is None else float(self.negative_weight[0])

    @property
    def prevalence(self) -> float:
        """Share of positives, the average precision of scores that know nothing; NaN without rows."""
        return self.positives / (self.positives + self.negatives) if self.n_rows else float("nan")

    @property
    def score_range(self) -> tuple[float, float]:
        """The smallest and the largest score; (NaN, NaN) without rows."""
        ends = [side[[0, -1]] for side in (self.positive_scores, self.negative_scores) if side.size]
        return (float(np.min(ends)), float(np.max(ends))) if ends else (float("nan"), float("nan"))

    def counts(self, thresholds: ArrayLike) -> ThresholdCounts:
        """Counts at thresholds of any shape and order, each by two binary searches.

        t = inf predicts no row positive, t <= the smallest score everything. As in `score >= nan`, NaN predicts
        none.
        """
        t = np.asarray(thresholds)
        if t.dtype != self.positive_scores.dtype:
            with np.errstate(over="ignore"):  # beyond the dtype's range a threshold is infinite, which is right
                t = t.astype(self.positive_scores.dtype)
        below = self.positive_scores.searchsorted(t)
        negatives_below = self.negative_scores.searchsorted(t)
        if self.positive_weight is None or self.negative_weight is None:
            tp, fp = self.positive_scores.size - below, self.negative_scores.size - negatives_below
            return ThresholdCounts(t, tp, fp, below, negatives_below)
        tp_weight, fp_weight = self.positive_weight[below], self.negative_weight[negatives_below]
        fn_weight, tn_weight = self.positive_weight[0] - tp_weight, self.negative_weight[0] - fp_weight
        return ThresholdCounts(t, tp_weight, fp_weight, fn_weight, tn_weight)

    def mapped(self, function: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> ScoreIndex:
        """The index of the scores (M,) that a function which never falls makes of these, without another sort."""
        return replace(
            self, positive_scores=function(self.positive_scores), negative_scores=function(self.negative_scores)
        )

    def distinct_scores(self) -> NDArray[np.floating]:
        """Every score that occurs, once, the largest first: all thresholds that make a difference, but inf."""
        merged = np.concatenate([self.positive_scores, self.negative_scores])
        merged.sort(kind="stable")  # merges the two sorted halves in linear time
        last = np.ones(merged.size, dtype=bool)
        np.not_equal(merged[1:], merged[:-1], out=last[1:])
        return merged[last][::-1]

    def counts_at_scores(self) -> ThresholdCounts:
        """Counts at every distinct score, the largest first; t = inf is not among them.

        The same thresholds and order as in sklearn.metrics.confusion_matrix_at_thresholds.
        """
        ascending = self.distinct_scores()[::-1]  # which the binary search gets through twice as fast
        return self.counts(ascending)[::-1]


def index_scores(scores: Scores, sample_weight: ArrayLike | None = None) -> tuple[ScoreIndex, ...]:
    """One index for each score column, its class against the rest; sample_weight (N,) weighs the rows."""
    views = (scores.view(column) for column in range(scores.n_columns))
    return tuple(ScoreIndex.of(view.y, view.score, sample_weight) for view in views)


def class_counts(indexes: Sequence[ScoreIndex], thresholds: ArrayLike) -> ThresholdCounts:
    """Counts (C, T) of C classes, each against the rest, at thresholds (T,) for all of them or (C, T).

    One threshold for each class is (C, 1). Raises CutoffError for any other shape, or without a class.
    """
    t = np.asarray(thresholds)
    if not indexes or t.ndim not in (1, 2) or (t.ndim == 2 and t.shape[0] != len(indexes)):
        raise CutoffError(f"Expected `thresholds` of shape (T,) or ({len(indexes)}, T), but got {t.shape}.")
    rows = [
        index.counts(row) for index, row in zip(indexes, np.broadcast_to(t, (len(indexes), t.shape[-1])), strict=True)
    ]
    return ThresholdCounts(
        *(np.stack([getattr(row, field) for row in rows]) for field in ("thresholds", "tp", "fp", "fn", "tn"))
    )


def _keys(label: NDArray, score: NDArray) -> NDArray[np.unsignedinteger] | None:
    """The bits of each score (N,) with its label (N,) in the sign bit: whole numbers that rise as the scores do, those
    of negative rows first, so that one sort does for both classes.

    None where the sign bit is not free, as in -0.0, a score is not finite, or anything else is not as it should be.
    Block by block, so that all of this reads the memory once.
    """
    as_they_should = label.dtype.kind in "iub" and score.dtype in (np.float16, np.float32, np.float64)
    if not as_they_should or score.ndim != 1 or label.shape != score.shape:
        return None
    bits = score.view(f"u{score.itemsize}")
    keys = np.empty_like(bits)
    infinite = int(np.array(np.inf, score.dtype).view(bits.dtype))
    shift = bits.dtype.type(8 * score.itemsize - 1)
    labels = 0
    for start in range(0, len(keys), BLOCK):
        rows = slice(start, start + BLOCK)
        labels |= int(np.bitwise_or.reduce(label[rows]))  # any bit above the lowest, the sign among them, survives `or`
        if labels not in (0, 1) or bits[rows].max() >= infinite:  # NaN lies above, and so does whatever has a sign bit
            return None
        block = keys[rows]
        block[...] = label[rows]
        block <<= shift
        block |= bits[rows]
    return keys


def _sign(bits: np.dtype) -> np.unsignedinteger:
    """The sign bit of a float of so many bits."""
    return bits.type(1 << (8 * bits.itemsize - 1))


def _as_bool(y_true: ArrayLike) -> NDArray[np.bool_]:
    """Labels in {0, 1} as bool, side by side in memory; raises CutoffError for any other."""
    given = np.asarray(y_true)
    if given.dtype.kind not in "iubf":
        raise CutoffError(f"Expected `y_true` to be 0 or 1, but got dtype {given.dtype}.")
    positive = np.ascontiguousarray(given, dtype=bool)
    if not np.array_equal(positive, given):
        raise CutoffError(f"Expected `y_true` to be 0 or 1, but got {given[positive != given].flat[0]}.")
    return positive
