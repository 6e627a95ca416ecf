"""Measured thresholds: the empirical optimum on given rows, and its spread over resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.bootstrap import AT_ONCE, RankedRows, affordable, draws, percentile_interval
from core.evaluation.tuning.choice import taken

RESAMPLES, LEVEL = 200, 0.9


@dataclass(frozen=True)
class Measured:
    """The empirical optimum on some rows.

    low, high: every threshold t with low < t <= high has the minimum cost.
    cost: the minimum cost per row.
    least, greatest: ends of the spread of these thresholds over resamples.
    """

    low: float
    high: float
    cost: float
    least: float
    greatest: float

    @property
    def middle(self) -> float:
        """The middle of the interval of optimal thresholds."""
        return (self.low + self.high) / 2

    def holds(self, predicted: float) -> bool:
        """Whether a predicted threshold is in the spread, least <= predicted <= greatest."""
        return self.least <= predicted <= self.greatest


def measured_threshold(y_true: NDArray[np.bool_], y_score: NDArray[np.floating], q: float = 0.5) -> Measured:
    """The empirical optimum: the thresholds of minimum cost if a false positive costs q and a false negative 1 - q.

    Candidates are all distinct scores and predicting all negative; predictions are the same for all thresholds between
    neighbouring scores. The widest of several optimal intervals is returned.

    The spread is the range of the central share LEVEL of the optimal thresholds on at most RESAMPLES resamples, drawn
    without regard to class (Efron, 1979) and with the same rows for all seeds. It is not a confidence interval.

    Parameters
    ----------
    y_true : whether each row is positive, (N,), N >= 1.
    y_score : scores (S, N) of S seeds on the same rows, which are pooled.
    q : in (0, 1), for these costs the optimal threshold on the true probability.

    Returns
    -------
    The thresholds, their cost and their spread.

    References
    ----------
    Elkan, The Foundations of Cost-Sensitive Learning (2001).
    Efron, Bootstrap methods: another look at the jackknife (1979).
    """
    ranked = RankedRows.of(y_true, y_score)
    low, high, cost = _cheapest(ranked, np.ones((1, len(y_true))), q)
    width = y_score.size + 1
    lows, highs = [], []
    for times in draws(len(y_true), min(RESAMPLES, affordable(width)), at_once=max(1, AT_ONCE // width)):
        found = _cheapest(ranked, times.astype(np.float64), q)
        lows.append(found[0])
        highs.append(found[1])
    return Measured(
        low=float(low[0]),
        high=float(high[0]),
        cost=float(cost[0] / y_score.size),
        least=float(percentile_interval(np.concatenate(lows), LEVEL)[0]),
        greatest=float(percentile_interval(np.concatenate(highs), LEVEL)[1]),
    )


def _cheapest(
    ranked: RankedRows, times: NDArray[np.float64], q: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the interval of minimum cost, and that cost, (B,), if row n counts times[b, n] times, (B, N)."""
    counts = ranked.counts(times)
    cost = q * counts.fp + (1 - q) * counts.fn
    falling = ranked.thresholds[1:].astype(np.float64)
    top, bottom = falling[0], falling[-1]  # above top no row is predicted positive, at or below bottom all are
    lows = np.append(falling, 0.0 if bottom > 0 else np.nextafter(bottom, -np.inf))
    highs = np.append(1.0 if top < 1 else np.nextafter(top, np.inf), falling)
    # A score of no drawn row gives the same decisions as the next larger score, so their intervals are merged.
    drawn = np.diff(counts.predicted_positive, axis=1, prepend=-1.0) > 0
    next_drawn = np.where(drawn, np.arange(highs.size), highs.size)[:, :0:-1]
    last = np.full(drawn.shape, highs.size - 1)
    last[:, :-1] = np.minimum.accumulate(next_drawn, axis=1)[:, ::-1] - 1
    least = cost.min(axis=1, keepdims=True)
    chosen = np.where(drawn & (cost <= least + 1e-9), highs - lows[last], -1.0).argmax(axis=1)
    return lows[taken(last, chosen)], highs[chosen], least[:, 0]
