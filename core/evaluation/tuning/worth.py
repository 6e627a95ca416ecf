"""What a tuned threshold is worth: regret on other rows, and a bootstrap of the whole tuning step. Numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.bootstrap import RankedRows, affordable, check, draws, percentile_interval
from core.evaluation.scores import as_scores, as_weights
from core.evaluation.tuning.choice import Choice, Pick, candidates, pick, place_of, taken
from core.evaluation.tuning.rules import Rule

LEVEL = 0.9
OUT_OF_BAG = 0.632  # weight of the out-of-bag value: 1 - 1/e, the share of the rows that a resample holds


@dataclass(frozen=True)
class Regret:
    """Value of a rule on some rows at a threshold chosen elsewhere, beside the best that it could be on them.

    loss: how far the value falls short of the best, >= 0 where the constraint of the rule holds at the threshold
    (`kept`); a threshold that breaks it can have a greater value. NaN where either is undefined.
    """

    value: float
    best: float
    best_threshold: float
    loss: float
    kept: bool


def regret(rule: Rule, threshold: float, counts: ThresholdCounts) -> Regret:
    """Regret of a threshold on the rows whose `candidates` have counts (T,).

    The best is what the rule would choose knowing their labels; for a fixed threshold and for F*/2, which choose
    without comparing, it is the greatest F1.
    """
    goal = rule.goal(counts)
    best = pick(goal._replace(threshold=None), counts.thresholds)
    place = place_of(counts.thresholds, threshold)
    value, kept = float(goal.value[place]), bool(goal.met is None or goal.met[place])
    loss = float(best.value) - value if rule.spec.higher_is_better else value - float(best.value)
    return Regret(value, float(best.value), float(best.threshold), loss, kept)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What tuning chose on the rows and on each of B resamples of them, and what that is worth.

    thresholds (B,): tuned on each resample. values (B,): what each of them is worth on another resample, NaN where it
    is undefined. feasible (B,). out_of_bag: the value on the rows that a resample leaves out, at its threshold; NaN
    where it is undefined. range: the ends between which the rule's value lies.
    """

    choice: Choice
    thresholds: NDArray[np.float64]
    values: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    out_of_bag: float
    level: float
    range: tuple[float, float]

    @property
    def threshold_spread(self) -> tuple[float, float]:
        """Spread over resamples: `level` of the tuned thresholds lie between the ends, which are thresholds themselves,
        inf perhaps. No confidence interval: in simulations such percentiles hold the population's best threshold far
        less often than `level`."""
        low, high = percentile_interval(self.thresholds, self.level)
        return float(low), float(high)

    @property
    def estimate(self) -> float:
        """The .632 estimate of what the threshold tuned on all rows is worth in the population: .368 of the value on
        the rows that it was tuned on and .632 of the out-of-bag value (Efron, Estimating the error rate of a prediction
        rule, 1983, https://doi.org/10.1080/01621459.1983.10477973)."""
        return (1 - OUT_OF_BAG) * self.choice.value + OUT_OF_BAG * self.out_of_bag

    @property
    def interval(self) -> tuple[float, float]:
        """Interval at `level` of what the threshold tuned on all rows is worth in the population.

        Percentiles of `values`, moved so that their mean falls on the .632 estimate and cut off at the range's ends;
        (NaN, NaN) without a value.
        """
        known = self.values[~np.isnan(self.values)]
        shift = self.estimate - float(known.mean()) if known.size else float("nan")
        low, high = np.clip(percentile_interval(self.values, self.level) + shift, *self.range)
        return float(low), float(high)


def bootstrap(
    rule: Rule,
    y_true: ArrayLike,
    y_score: ArrayLike,
    resamples: int | None = None,
    seed: int = 0,
    level: float = LEVEL,
    sample_weight: ArrayLike | None = None,
    stratified: bool = False,
) -> Bootstrap:
    """Repeat the whole tuning step on resamples of the rows, to say what the tuned threshold is worth.

    Parameters: rule; y_true (N,) in {0, 1}; y_score (N,), finite; resamples, >= 1, by default `affordable`, since
    time grows with N x resamples; seed, of which the same one draws the same rows for every rule; level of the
    intervals, in (0, 1); sample_weight (N,), >= 0, rows of weight 0 being left out; stratified, to draw as many rows of
    each class as there are, where by default rows are drawn without regard to class.

    A threshold is tuned on each resample and valued on the next one, so that both what was tuned on and what it is
    valued on vary. A score that was not drawn has the counts of the next larger one, which is then chosen. Out of bag
    are the rows that a resample leaves out, which had no part in its threshold. On 1,000 samples each of 100, 300 and
    1,000 rows from a calibrated population, a tenth of it positive, the interval at .9 holds the population's value at
    the tuned threshold in .88 to 1.00 of them, by rule (benchmarks/coverage.py).

    Raises CutoffError for bad rows or weights, less than one resample and a level outside (0, 1).
    """
    index = ScoreIndex.of(y_true, y_score, sample_weight)
    y, score = np.asarray(y_true) == 1, as_scores(y_score)
    weight = as_weights(np.ones(y.shape) if sample_weight is None else sample_weight, y.shape)
    y, score, weight = y[weight > 0], score[weight > 0], weight[weight > 0]
    resamples = affordable(y.size) if resamples is None else resamples
    check(resamples, level)
    ranked = RankedRows.of(y, score)
    picks: list[Pick] = []
    left_out: list[ThresholdCounts] = []
    values: list[NDArray[np.float64]] = []
    first, before = np.zeros((0, 0)), np.zeros(0, np.intp)  # values on the first resample; place of the last threshold
    for times in draws(y.size, resamples, seed, strata=y if stratified else None):
        counts = ranked.counts(times * weight)
        goal = rule.goal(counts)
        found = pick(goal, counts.thresholds)
        places, on = np.concatenate([before, found.place]), goal.value
        if not picks:
            first, on = goal.value[:1], goal.value[1:]
        values.append(taken(on, places[:-1]))
        before = places[-1:]
        picks.append(found)
        left_out.append(ranked.counts((times == 0) * weight)[np.arange(len(times)), found.place])
    values.append(taken(first, before))
    return Bootstrap(
        choice=rule(candidates(index)),
        thresholds=np.concatenate([found.threshold for found in picks]),
        values=np.concatenate(values),
        feasible=np.concatenate([found.feasible for found in picks]),
        out_of_bag=_out_of_bag(rule, left_out),
        level=level,
        range=rule.range,
    )


def _out_of_bag(rule: Rule, blocks: list[ThresholdCounts]) -> float:
    """What a rule reports of rows left out, from their counts (B,) on all resamples, block by block.

    The counts are summed first, since a ratio of few rows is biased or undefined, unless that would let deviations of
    either sign cancel.
    """
    counts = ThresholdCounts(
        *(
            np.concatenate([getattr(block, field.name) for block in blocks])[:, None]
            for field in fields(ThresholdCounts)
        )
    )
    if rule.spec.pooled:
        counts = ThresholdCounts(
            counts.thresholds[:1], *(n.sum(0, keepdims=True) for n in (counts.tp, counts.fp, counts.fn, counts.tn))
        )
    values = rule.goal(counts).value
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
