"""The one bootstrap: how much every row counts on resamples of the rows, and percentiles of what is measured there.

A resample draws as many rows as there are, with replacement and without regard to class (Efron, Bootstrap methods:
another look at the jackknife, 1979, https://doi.org/10.1214/aos/1176344552): the number of positive rows varies from
resample to resample as it does from sample to sample. Drawing within strata, so that it stays, is a choice to be
stated: an interval is then of rows whose classes were counted out beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex, ThresholdCounts

RESAMPLES = 1000
FEWEST, WORK = 100, 20_000_000  # resamples of very many rows, and rows drawn in all that they are kept to
AT_ONCE = 2**14  # counts of a block of resamples: few enough to stay in a core's cache


def affordable(rows: int) -> int:
    """Number of resamples that are drawn in a second or a few, from FEWEST to RESAMPLES.

    RESAMPLES for up to WORK / RESAMPLES rows, fewer for more: the interval of very many rows is narrow, and known well
    enough from few resamples.
    """
    return int(np.clip(WORK // max(rows, 1), FEWEST, RESAMPLES))


def check(resamples: int, level: float) -> None:
    """Raise CutoffError for less than one resample or a level outside (0, 1)."""
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
    """Draw resamples of N rows, block by block.

    Parameters: rows, N >= 0; resamples, how many in all; seed, of which the same one draws the same rows; strata (N,),
    labels of groups within each of which as many rows are drawn as it has, by default one group of all rows; at_once,
    the resamples of a block, by default as many as stay in cache. The size of a block changes no draw.

    Yields how often each row is drawn, (B, N); times a row's weight it is what the row counts.
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
    """Percentile interval of values (..., B) measured on resamples.

    Returns the two ends, (..., 2): of the values a share of (1 - level) / 2 lies below the first and above the second.
    Both are values themselves, not means of two, since infinity may be among them. NaN values are left out; NaN if all
    are.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)  # NaN last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)
    beyond = ((1 - level) / 2 * known + 1e-9).astype(int)  # (1 - .9) / 2 x 200 is 10, and not what floats make of it
    places = np.stack([beyond, np.maximum(known - 1 - beyond, 0)], axis=-1)
    return np.take_along_axis(ordered, places, axis=-1)


def expanded_level(level: float, rows: int) -> float:
    """Level at which to take percentiles so that an interval of few rows is as wide as Student's at `level`.

    Percentiles alone are narrow by sqrt((n - 1) / n) and by the normal distribution in place of Student's (Hesterberg,
    What teachers should know about the bootstrap, 2015, https://doi.org/10.1080/00031305.2015.1089789). rows: n, where
    fewer than two count as two.
    """
    n = max(rows, 2)
    return float(1 - 2 * ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - level) / 2)))


@dataclass(frozen=True, eq=False)
class RankedRows:
    """Rows sorted once, so that counts at thresholds follow from how much each row counts.

    thresholds (T,): falling. positive_rows (P,), negative_rows (M,): the rows of each
    class, the highest score first. positives_above, negatives_above (T,): how many of them score at least as high.
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
        """Rank N rows with labels y_true (N,) by finite scores y_score (N,), or (S, N) where S models score each row.

        A row of S models stands S times among the rows and counts as often. thresholds (T,): falling, by default inf
        and every distinct score, which are all that make a difference.
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
        """Counts (B, T) at the thresholds where row n counts times[b, n], (B, N); of the dtype of `times`."""
        positives, negatives = (running(times.take(rows, 1)) for rows in (self.positive_rows, self.negative_rows))
        tp, fp = positives.take(self.positives_above, 1), negatives.take(self.negatives_above, 1)
        thresholds = np.broadcast_to(self.thresholds, tp.shape)
        return ThresholdCounts(thresholds, tp, fp, positives[:, -1:] - tp, negatives[:, -1:] - fp)


def running(times: NDArray) -> NDArray:
    """Sums (B, N + 1) of the first n of times (B, N), n from 0 to N."""
    sums = np.zeros((len(times), times.shape[1] + 1), times.dtype)
    np.cumsum(times, axis=1, out=sums[:, 1:])
    return sums
