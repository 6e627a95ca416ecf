"""Measured thresholds: those that cost least on given rows, and their spread over resamples of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.bootstrap import AT_ONCE, RankedRows, affordable, draws, percentile_interval
from core.evaluation.tuning.choice import taken

RESAMPLES, LEVEL = 200, 0.9


@dataclass(frozen=True)
class Measured:
    """The thresholds t, low < t <= high, that cost least on some rows, what they cost a row, and the spread of such
    thresholds over resamples of the rows, from `least` to `greatest`."""

    low: float
    high: float
    cost: float
    least: float
    greatest: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def holds(self, predicted: float) -> bool:
        """Whether a predicted threshold lies in the spread."""
        return self.least <= predicted <= self.greatest


def measured_threshold(y_true: NDArray[np.bool_], y_score: NDArray[np.floating], q: float = 0.5) -> Measured:
    """The empirical optimum: the thresholds that cost least on these rows, a false positive costing q and a false
    negative 1 - q.

    Parameters: y_true (N,), N >= 1; y_score (S, N), the scores of S seeds on the same rows, which are measured
    together; q in (0, 1), with these costs the best threshold on a true probability (Elkan, 2001).

    Every distinct score is a candidate, and predicting all negative is another one; decisions are the same for all t
    between neighbouring scores. Of several intervals of thresholds that cost the least the widest is given.

    The spread is over resamples of the rows, drawn without regard to class (Efron, 1979), at most RESAMPLES of them:
    LEVEL of the thresholds that cost least there lie between its ends. The same rows are drawn for all seeds. It is no
    confidence interval.
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
    """Ends of the cheapest thresholds and their cost, (B,), if row n counts times[b, n] times, (B, N)."""
    counts = ranked.counts(times)
    cost = q * counts.fp + (1 - q) * counts.fn
    falling = ranked.thresholds[1:].astype(np.float64)
    top, bottom = falling[0], falling[-1]  # above the top no row is predicted positive, from the bottom down all
    lows = np.append(falling, 0.0 if bottom > 0 else np.nextafter(bottom, -np.inf))
    highs = np.append(1.0 if top < 1 else np.nextafter(top, np.inf), falling)
    # A score that no drawn row has decides as the next larger one, so that their intervals are one.
    drawn = np.diff(counts.predicted_positive, axis=1, prepend=-1.0) > 0
    next_drawn = np.where(drawn, np.arange(highs.size), highs.size)[:, :0:-1]
    last = np.full(drawn.shape, highs.size - 1)
    last[:, :-1] = np.minimum.accumulate(next_drawn, axis=1)[:, ::-1] - 1
    least = cost.min(axis=1, keepdims=True)
    chosen = np.where(drawn & (cost <= least + 1e-9), highs - lows[last], -1.0).argmax(axis=1)
    return lows[taken(last, chosen)], highs[chosen], least[:, 0]
