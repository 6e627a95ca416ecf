"""Groups of rows that resamples draw together, where there are too many rows to draw one by one. NumPy alone.

A group is the rows of one class between two neighbouring thresholds. How many rows a resample draws from each group is
multinomial, so counts at the thresholds have exactly the distribution that drawing single rows gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex, ThresholdCounts

EQUAL = 1e-9  # variance of weights, as a share of their squared mean, up to which they are equal
AT_ONCE = 2**18  # groups of a block of resamples


@dataclass(frozen=True, eq=False)
class RowGroups:
    """The groups between T falling thresholds: positive rows, then negative ones, each from the highest scores down.

    rows (2, T + 1): number in each group. mean, variance (2, T + 1): of the weights of its rows, 1 and 0 without
    weights.
    """

    thresholds: NDArray[np.floating]
    rows: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(cls, index: ScoreIndex, thresholds: NDArray[np.floating]) -> RowGroups:
        """Group the rows of an index at thresholds (T,), falling."""
        sides = (
            (index.positive_scores, index.positive_weight),
            (index.negative_scores, index.negative_weight),
        )
        grouped = [_grouped(scores.searchsorted(thresholds), scores.size, weight) for scores, weight in sides]
        return cls(thresholds, *(np.stack(parts) for parts in zip(*grouped, strict=True)))

    def draws(self, resamples: int, seed: int = 0, stratified: bool = False) -> Iterator[NDArray[np.int64]]:
        """Draw resamples in blocks: how many rows each takes from each group, (B, 2, T + 1).

        Parameters
        ----------
        resamples : total number, >= 0.
        seed : of the draws.
        stratified : whether a resample has as many rows of each class as there are.
        """
        generator = np.random.default_rng(seed)
        strata = list(self.rows) if stratified else [self.rows.ravel()]
        size = max(1, AT_ONCE // self.rows.size)
        for start in range(0, resamples, size):
            block = min(size, resamples - start)
            drawn = [generator.multinomial(rows.sum(), rows / max(rows.sum(), 1), block) for rows in strata]
            yield np.concatenate(drawn, axis=1).reshape(block, *self.rows.shape)

    def counts(self, drawn: NDArray[np.int64], generator: np.random.Generator) -> ThresholdCounts:
        """Counts (B, T) at the thresholds of resamples that draw so many rows of each group, (B, 2, T + 1).

        Where weights in a group differ, the weight of what is drawn has a gamma distribution with the mean and the
        variance that drawing its rows has.
        """
        return self._summed(self._weighed(drawn, self.variance, generator))

    def left_out(self, drawn: NDArray[np.int64], generator: np.random.Generator) -> ThresholdCounts:
        """Counts (B, T) of the rows that resamples leave out, given how many they draw of each group, (B, 2, T + 1).

        Of n rows a normal number is left out, with the mean that drawing `drawn` of them with replacement has,
        n (1 - 1 / n)^drawn, and with the variance that drawing n of them has; weights are as for `counts`.
        """
        n = np.maximum(self.rows, 1)
        missed, pair_missed = (1 - 1 / n) ** n, (1 - 2 / n) ** n  # chances of one row, and of two
        variance = np.maximum(n * (n - 1.0) * pair_missed + n * missed - (n * missed) ** 2, 0)
        rows = np.maximum(generator.normal(self.rows * (1 - 1 / n) ** drawn, np.sqrt(variance)), 0)
        of_weights = self.variance * (1 - missed) * n / np.maximum(n - 1, 1)  # no row is left out twice
        return self._summed(self._weighed(rows, of_weights, generator))

    def _weighed(self, rows: NDArray, variance: NDArray[np.float64], generator: np.random.Generator) -> NDArray:
        """The weight of so many rows of each group, (B, 2, T + 1), given the variance a row adds; without weights the
        rows."""
        differ = variance > EQUAL * self.mean**2
        if not differ.any():
            return rows if (self.mean == 1).all() else rows * self.mean
        scale = np.divide(variance, self.mean, out=np.ones_like(self.mean), where=differ)
        return np.where(differ, generator.standard_gamma(rows * self.mean / scale) * scale, rows * self.mean)

    def _summed(self, weights: NDArray) -> ThresholdCounts:
        """Counts (B, T) at the thresholds if groups weigh so much, (B, 2, T + 1)."""
        positives, negatives = np.moveaxis(np.cumsum(weights, axis=-1), 1, 0)
        tp, fp = positives[:, :-1], negatives[:, :-1]
        thresholds = np.broadcast_to(self.thresholds, tp.shape)
        return ThresholdCounts(thresholds, tp, fp, positives[:, -1:] - tp, negatives[:, -1:] - fp)


def _grouped(
    below: NDArray[np.intp], size: int, weight: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows of one class in each group (T + 1,), and mean and variance of their weights, given how many of `size` rows
    are below each threshold, (T,), and the total weight from each rank up, (size + 1,)."""
    ranks = np.concatenate([[size], below, [0]])
    rows = -np.diff(ranks)
    if weight is None:
        return rows, np.ones(rows.size), np.zeros(rows.size)
    squared = np.append(0, np.cumsum(np.diff(weight) ** 2))
    mean = np.diff(weight[ranks]) / np.maximum(rows, 1)
    return rows, mean, np.maximum(-np.diff(squared[ranks]) / np.maximum(rows, 1) - mean**2, 0)
