"""Counts at thresholds, from which all metrics and curves are computed. NumPy alone.

A row is predicted positive when `score >= t`, compared in the scores' own dtype. A threshold of another dtype is first
rounded to the scores' dtype, so that .7 means the float32 nearest to .7 when the scores are float32. If they were
compared in float64, a float32 score of .7 could fall below the threshold .7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.scores import Scores, as_scores, as_weights

BLOCK = 2**15  # rows that stay in the processor's cache between operations


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
        """The counts at some of the thresholds, by any index into an array of their shape."""
        return ThresholdCounts(self.thresholds[key], self.tp[key], self.fp[key], self.fn[key], self.tn[key])

    @property
    def total(self) -> NDArray:
        """Number (or weight) of all rows, in the shape of the counts."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def predicted_positive(self) -> NDArray:
        """Number (or weight) of rows predicted positive, in the shape of the counts."""
        return self.tp + self.fp


@dataclass(frozen=True, eq=False)
class ScoreIndex:
    """The sorted scores of each class: built by one sort, then queried by binary search.

    positive_scores (P,), negative_scores (N,): ascending, one dtype. positive_weight (P + 1,),
    negative_weight (N + 1,): total weight of the rows from that rank up, or None if every row counts once.
    """

    positive_scores: NDArray[np.floating]
    negative_scores: NDArray[np.floating]
    positive_weight: NDArray[np.float64] | None = None
    negative_weight: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> ScoreIndex:
        """Sort the scores of each class.

        Parameters
        ----------
        y_true : labels (N,) in {0, 1}.
        y_score : finite scores (N,); integers become float64.
        sample_weight : (N,), >= 0, by default 1 per row; rows of weight 0 are left out, as in scikit-learn.

        Raises
        ------
        CutoffError for NaN or infinite scores, other labels, shapes that differ, and weights that are negative or not
        finite.
        """
        keys = None if sample_weight is not None else _keys(np.asarray(y_true), np.asarray(y_score))
        if keys is not None:
            keys.sort()
            negative, positive = _sides(keys)
            return cls(positive, negative)
        score, labels = as_scores(y_score), _as_bool(y_true)
        if score.ndim != 1 or labels.shape != score.shape:
            raise CutoffError(
                f"Expected `y_true` and `y_score` to have one shape (N,), but got {labels.shape} and {score.shape}."
            )
        if sample_weight is None:
            score = score + 0.0  # turns -0.0 into 0.0
            return cls(np.sort(score[labels]), np.sort(score[~labels]))
        weight = as_weights(sample_weight, score.shape)
        counted = weight > 0
        by_rank = _by_rank_of_bits if score.itemsize <= 4 and score.size < 1 << 32 else _by_rank
        positive, of_positive = by_rank(score, weight, labels & counted)
        negative, of_negative = by_rank(score, weight, ~labels & counted)
        return cls(positive, negative, of_positive, of_negative)

    @property
    def n_rows(self) -> int:
        """Number of rows, not their weight."""
        return self.positive_scores.size + self.negative_scores.size

    @property
    def nbytes(self) -> int:
        """Size of its arrays in bytes."""
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
        """Share of positives, the average precision of uninformative scores; NaN without rows."""
        return self.positives / (self.positives + self.negatives) if self.n_rows else float("nan")

    @property
    def score_range(self) -> tuple[float, float]:
        """The smallest and the largest score; (NaN, NaN) without rows."""
        ends = [side[[0, -1]] for side in (self.positive_scores, self.negative_scores) if side.size]
        return (float(np.min(ends)), float(np.max(ends))) if ends else (float("nan"), float("nan"))

    def counts(self, thresholds: ArrayLike) -> ThresholdCounts:
        """Counts at thresholds of any shape and order, by two binary searches each.

        t = inf and NaN predict no row positive, t <= the smallest score predicts all.
        """
        t = np.asarray(thresholds)
        if t.dtype != self.positive_scores.dtype:
            with np.errstate(over="ignore"):  # a threshold beyond the range of the dtype becomes infinite, as it should
                t = t.astype(self.positive_scores.dtype)
        return self._counts(t, self.positive_scores.searchsorted(t), self.negative_scores.searchsorted(t))

    def _counts(self, thresholds: NDArray, below: NDArray, negatives_below: NDArray) -> ThresholdCounts:
        """Counts at thresholds, given the number of rows of each class below them."""
        if self.positive_weight is None or self.negative_weight is None:
            tp, fp = self.positive_scores.size - below, self.negative_scores.size - negatives_below
            return ThresholdCounts(thresholds, tp, fp, below, negatives_below)
        tp_weight, fp_weight = self.positive_weight[below], self.negative_weight[negatives_below]
        fn_weight, tn_weight = self.positive_weight[0] - tp_weight, self.negative_weight[0] - fp_weight
        return ThresholdCounts(thresholds, tp_weight, fp_weight, fn_weight, tn_weight)

    def mapped(self, function: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> ScoreIndex:
        """The index of the scores transformed by a non-decreasing function, (M,) to (M,), without sorting again."""
        return replace(
            self, positive_scores=function(self.positive_scores), negative_scores=function(self.negative_scores)
        )

    def distinct_scores(self) -> NDArray[np.floating]:
        """The distinct scores, falling: together with inf, all thresholds that give different predictions."""
        merged = np.concatenate([self.positive_scores, self.negative_scores])
        merged.sort(kind="stable")  # merges two sorted halves in linear time
        last = np.ones(merged.size, dtype=bool)
        np.not_equal(merged[1:], merged[:-1], out=last[1:])
        return merged[last][::-1]

    def counts_at_scores(self, above_all: bool = False) -> ThresholdCounts:
        """Counts at every distinct score, the largest first; with `above_all` at t = inf before them.

        The thresholds and their order are those of sklearn.metrics.confusion_matrix_at_thresholds. Takes linear time:
        both classes are merged, and no score is searched for.
        """
        both = np.concatenate([self.positive_scores, self.negative_scores])
        order = both.argsort(kind="stable")  # merges two sorted halves
        ascending = np.full(order.size + 1, np.inf, both.dtype)
        both.take(order, out=ascending[:-1])
        up_to = np.cumsum(order < self.positive_scores.size, out=order)  # positive rows up to each row, in its memory
        last = np.flatnonzero(ascending[1:] != ascending[:-1])[::-1]  # of the rows that share a score
        below = np.zeros((2, last.size + 1), np.int64)  # of positive, of all rows
        up_to.take(last, out=below[0, :-1])
        np.add(last, 1, out=below[1, :-1])
        thresholds = ascending.take(below[1])
        below[1] -= below[0]
        counts = self._counts(thresholds, *below)
        return counts if above_all else counts[1:]


def index_scores(scores: Scores, sample_weight: ArrayLike | None = None) -> tuple[ScoreIndex, ...]:
    """One index per score column (one-vs-rest), with optional sample_weight (N,), >= 0."""
    views = (scores.view(column) for column in range(scores.n_columns))
    return tuple(ScoreIndex.of(view.y, view.score, sample_weight) for view in views)


def class_counts(indexes: Sequence[ScoreIndex], thresholds: ArrayLike) -> ThresholdCounts:
    """Counts of C classes (one-vs-rest).

    Parameters
    ----------
    indexes : one per class, C >= 1.
    thresholds : (T,) for all classes, or (C, T); one per class is (C, 1).

    Returns
    -------
    Counts (C, T).

    Raises
    ------
    CutoffError for any other shape, and without a class.
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
    """The bits of each score (N,) with its label (N,) in the sign bit: integers in the order of the scores, those of
    negative rows first, so that one sort orders both classes.

    None if a sign bit is set, as in -0.0, if a score is not finite, or if dtypes or shapes are not supported. Works in
    blocks to read the memory only once.
    """
    supported = label.dtype.kind in "iub" and score.dtype in (np.float16, np.float32, np.float64)
    if not supported or score.ndim != 1 or label.shape != score.shape:
        return None
    bits = score.view(f"u{score.itemsize}")
    keys = np.empty_like(bits)
    infinite = int(np.array(np.inf, score.dtype).view(bits.dtype))
    shift = bits.dtype.type(8 * score.itemsize - 1)
    labels = 0
    for start in range(0, len(keys), BLOCK):
        rows = slice(start, start + BLOCK)
        labels |= int(np.bitwise_or.reduce(label[rows]))  # any label but 0 and 1 sets a higher bit
        if labels not in (0, 1) or bits[rows].max() >= infinite:  # NaN and negative numbers are above
            return None
        block = keys[rows]
        block[...] = label[rows]
        block <<= shift
        block |= bits[rows]
    return keys


def _sides(keys: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The scores of the negative and of the positive rows, ascending, from sorted keys, which become them."""
    sign = _sign(keys.dtype)
    n_negative = int(keys.searchsorted(sign))
    keys[n_negative:] ^= sign
    ordered = keys.view(np.dtype(f"f{keys.itemsize}"))
    return ordered[:n_negative], ordered[n_negative:]


def _by_rank(
    score: NDArray[np.floating], weight: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """The scores (M,) of the chosen rows, ascending, and the total weight from each rank up, (M + 1,)."""
    rows = np.flatnonzero(chosen)
    ordered = score[rows] + 0.0
    order = ordered.argsort()
    rows = rows[order]
    total = np.zeros(rows.size + 1)
    np.cumsum(weight[rows[::-1]], out=total[-2::-1])
    return ordered[order], total


def _by_rank_of_bits(
    score: NDArray[np.floating], weight: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """The same for fewer than 2^32 scores of at most 32 bits: integers in the order of the scores that end in the
    number of their row, whose sort takes a fraction of the time of argsort. The weights then take their memory."""
    bits = np.dtype(f"u{score.itemsize}")
    sign, n_chosen = _sign(bits), int(np.count_nonzero(chosen))
    memory = np.empty(n_chosen + 1, np.uint64)
    with_row, filled = memory[:n_chosen], 0
    for start in range(0, chosen.size, BLOCK):
        rows = np.flatnonzero(chosen[start : start + BLOCK]) + start
        given = (score[rows] + score.dtype.type(0)).view(bits)  # -0.0 becomes 0.0
        block = with_row[filled : filled + rows.size]
        block[...] = np.where(given & sign, ~given, given | sign)  # negative scores fall as their bits grow
        block <<= np.uint64(32)
        block |= rows.astype(np.uint64)
        filled += rows.size
    with_row.sort()
    ordered, total = np.empty(n_chosen, bits), memory.view(np.float64)
    total[n_chosen] = above = 0.0
    for stop in range(n_chosen, 0, -BLOCK):
        block = with_row[max(0, stop - BLOCK) : stop]
        keys = (block >> np.uint64(32)).astype(bits)
        ordered[max(0, stop - BLOCK) : stop] = np.where(keys & sign, keys ^ sign, ~keys)
        ranked = weight[block.astype(np.uint32)][::-1]  # the lower half is the row
        ranked[0] += above
        total[max(0, stop - BLOCK) : stop] = np.cumsum(ranked)[::-1]
        above = total[max(0, stop - BLOCK)]
    return ordered.view(score.dtype), total


def _sign(bits: np.dtype) -> np.unsignedinteger:
    """The sign bit of the float with as many bits."""
    return bits.type(1 << (8 * bits.itemsize - 1))


def _as_bool(y_true: ArrayLike) -> NDArray[np.bool_]:
    """Labels in {0, 1} as a contiguous bool array; raises CutoffError for any other."""
    given = np.asarray(y_true)
    if given.dtype.kind not in "iubf":
        raise CutoffError(f"Expected `y_true` to be 0 or 1, but got dtype {given.dtype}.")
    positive = np.ascontiguousarray(given, dtype=bool)
    if not np.array_equal(positive, given):
        raise CutoffError(f"Expected `y_true` to be 0 or 1, but got {given[positive != given].flat[0]}.")
    return positive
