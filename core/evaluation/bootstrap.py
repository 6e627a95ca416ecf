"""The bootstrap: how often each row is drawn in resamples of the rows, and percentiles of values on resamples.

A resample draws as many rows as there are, with replacement and without regard to class (Efron, Bootstrap methods:
another look at the jackknife, 1979, https://doi.org/10.1214/aos/1176344552), so the number of positive rows varies
between resamples as it does between samples. Drawing within strata keeps that number fixed; an interval then holds for
samples with these numbers of rows per class only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex, ThresholdCounts
from core.evaluation.row_groups import RowGroups

RESAMPLES = 1000
FEWEST, WORK = 100, 20_000_000  # minimum number of resamples, and total number of drawn rows to aim at
AT_ONCE = 2**14  # counts of a block of resamples that fit into the cache of a core
MOST_SINGLE = 100_000  # rows up to which each is drawn by itself


def affordable(rows: int) -> int:
    """Number of resamples, from FEWEST to RESAMPLES, that takes at most a few seconds for `rows` >= 0 rows.

    It is RESAMPLES for up to WORK / RESAMPLES rows and lower for more, where intervals are narrow and need fewer
    resamples.
    """
    return int(np.clip(WORK // max(rows, 1), FEWEST, RESAMPLES))


def check(resamples: int, level: float) -> None:
    """Raise CutoffError for fewer than one resample or a level outside (0, 1)."""
    if resamples < 1:
        raise CutoffError(f"Expected `resamples` to be at least 1, but got {resamples!r}.")
    if not 0 < level < 1:  # NaN compares false
        raise CutoffError(f"Expected `level` to be above 0 and below 1, but got {level!r}.")


def draws(
    rows: int,
    resamples: int,
    seed: int = 0,
    strata: NDArray | None = None,
    at_once: int | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Draw resamples of N rows in blocks.

    Parameters
    ----------
    rows : N >= 0.
    resamples : total number, >= 0.
    seed : of the draws.
    strata : labels (N,) of groups from each of which as many rows are drawn as it has; by default one group.
    at_once : resamples per block, >= 1, by default as many as fit into the cache; it does not change the draws.

    Yields
    ------
    How often each row is drawn, (B, N). Multiply by the weights of rows to get what each row counts.
    """
    members = [np.arange(rows)] if strata is None else [np.flatnonzero(strata == one) for one in np.unique(strata)]
    generators = [np.random.default_rng(seed)] if strata is None else np.random.default_rng(seed).spawn(len(members))
    size = at_once or max(1, AT_ONCE // (rows + 1))
    for start in range(0, resamples, size):
        block = min(size, resamples - start)
        times = np.zeros((block, rows), np.int64)
        for rows_of, generator in zip(members, generators, strict=True):
            if rows_of.size:
                drawn = generator.integers(rows_of.size, size=(block, rows_of.size))
                drawn += rows_of.size * np.arange(block)[:, None]
                counted = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
                times[:, rows_of] = counted
        yield times


def percentile_interval(values: ArrayLike, level: float) -> NDArray[np.float64]:
    """Percentile interval of values on resamples.

    Parameters
    ----------
    values : (..., B); NaN is left out.
    level : in (0, 1).

    Returns
    -------
    Lower and upper end, (..., 2), with a share of (1 - level) / 2 of the values outside either. Both are among the
    values, not interpolated, since values may be infinite. NaN if all values are.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)  # NaN last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)
    beyond = ((1 - level) / 2 * known + 1e-9).astype(int)  # 1e-9 so that (1 - .9) / 2 * 200 becomes 10 despite rounding
    places = np.stack([beyond, np.maximum(known - 1 - beyond, 0)], axis=-1)
    return np.take_along_axis(ordered, places, axis=-1)


def expanded_level(level: float, rows: int) -> float:
    """Level of percentiles that makes an interval from few rows as wide as Student's t interval at `level`.

    Plain percentile intervals are too narrow by sqrt((n - 1) / n) and by using the normal instead of Student's
    distribution.

    Parameters
    ----------
    level : in (0, 1).
    rows : n; fewer than two count as two.

    Returns
    -------
    The level to pass to `percentile_interval`, at least `level` and at most 1.

    References
    ----------
    Hesterberg, What teachers should know about the bootstrap (2015), https://doi.org/10.1080/00031305.2015.1089789.
    """
    n = max(rows, 2)
    return float(1 - 2 * ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - level) / 2)))


@dataclass(frozen=True, eq=False)
class RankedRows:
    """Rows sorted once, to compute the counts at all thresholds on any resample.

    thresholds (T,): falling. positive_rows (P,), negative_rows (M,): indices of the rows of each class, the highest
    score first. positives_above, negatives_above (T,): number of them with `score >= threshold`.
    """

    thresholds: NDArray[np.floating]
    positive_rows: NDArray[np.intp]
    negative_rows: NDArray[np.intp]
    positives_above: NDArray[np.intp]
    negatives_above: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        y_true: NDArray[np.bool_],
        y_score: NDArray[np.floating],
        thresholds: NDArray[np.floating] | None = None,
    ) -> Self:
        """Rank rows by their scores.

        Parameters
        ----------
        y_true : whether each row is positive, (N,).
        y_score : finite scores (N,), or (S, N) of S models; each row then counts S times.
        thresholds : (T,), falling, by default inf and every distinct score.
        """
        score, row = y_score.ravel(), np.tile(np.arange(len(y_true)), y_score.size // max(len(y_true), 1))
        positive = y_true[row]
        index = ScoreIndex.of(positive, score)
        if thresholds is None:
            thresholds = np.append(score.dtype.type(np.inf), index.distinct_scores())
        counts = index.counts(thresholds[::-1])[::-1]
        falling = [side[np.argsort(-score[side])] for side in (np.flatnonzero(positive), np.flatnonzero(~positive))]
        return cls(thresholds, row[falling[0]], row[falling[1]], counts.tp, counts.fp)

    def counts(self, times: NDArray) -> ThresholdCounts:
        """Counts (B, T) at the thresholds if row n counts times[b, n], (B, N), in the dtype of `times`."""
        positives, negatives = (running(times.take(rows, 1)) for rows in (self.positive_rows, self.negative_rows))
        tp, fp = positives.take(self.positives_above, 1), negatives.take(self.negatives_above, 1)
        thresholds = np.broadcast_to(self.thresholds, tp.shape)
        return ThresholdCounts(thresholds, tp, fp, positives[:, -1:] - tp, negatives[:, -1:] - fp)


def running(times: NDArray) -> NDArray:
    """Cumulative sums (B, N + 1) of times (B, N), starting with 0."""
    sums = np.zeros((len(times), times.shape[1] + 1), times.dtype)
    np.cumsum(times, axis=1, out=sums[:, 1:])
    return sums


class Resampled(NamedTuple):
    """A block of B resamples: counts (B, T) at T falling thresholds, and a function that gives those of the rows that
    each resample leaves out."""

    counts: ThresholdCounts
    left_out: Callable[[], ThresholdCounts]


def resampled(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    resamples: int,
    seed: int = 0,
    sample_weight: NDArray[np.floating] | None = None,
    stratified: bool = False,
) -> Iterator[Resampled]:
    """Count resamples of the rows at thresholds, in blocks.

    Of more than MOST_SINGLE rows, those between two thresholds are drawn together, which takes no longer for more rows:
    counts have the same distribution. Only those of rows that are left out, and sums of weights that differ, are drawn
    with the same mean and variance.

    Parameters
    ----------
    y_true : whether each row is positive, (N,).
    y_score : finite scores (N,).
    thresholds : (T,), falling.
    resamples : total number, >= 0.
    seed : of the draws.
    sample_weight : (N,), >= 0, by default 1 per row.
    stratified : whether a resample has as many rows of each class as there are.
    """
    if y_true.size > MOST_SINGLE:
        groups = RowGroups.of(ScoreIndex.of(y_true, y_score, sample_weight), thresholds)
        generator = np.random.default_rng([seed, 1])  # not that of the draws, which are the same whatever is asked
        for drawn in groups.draws(resamples, seed, stratified):
            yield Resampled(groups.counts(drawn, generator), partial(groups.left_out, drawn, generator))
        return
    weight: NDArray = np.ones(1, np.int64) if sample_weight is None else sample_weight
    ranked = RankedRows.of(y_true, y_score, thresholds)
    for times in draws(y_true.size, resamples, seed, strata=y_true if stratified else None):
        yield Resampled(ranked.counts(times * weight), partial(ranked.counts, (times == 0) * weight))
