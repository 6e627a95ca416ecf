"""How well a tuned threshold performs: regret on other rows, and a bootstrap of the tuning step. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.bootstrap import (
    FEWEST,
    MOST_SINGLE,
    RESAMPLES,
    affordable,
    check,
    expanded_level,
    percentile_interval,
    resampled,
)
from core.evaluation.condensed import condensed
from core.evaluation.recent import Recent
from core.evaluation.scores import as_scores, as_weights
from core.evaluation.source import Key, ScoreSource, held_out, tuned_on
from core.evaluation.tuning.choice import Choice, Pick, candidates, pick, place_of, taken
from core.evaluation.tuning.rules import Rule
from core.parameters import Value

LEVEL = 0.9
SHARED_WORK = 1_000_000  # drawn rows of a shared bootstrap, which takes about .05 s
BOUND = 2e-4  # share of a class between two neighbouring thresholds that resamples of many rows are tuned among
OUT_OF_BAG = 0.632  # weight of the out-of-bag value: 1 - 1/e, the expected share of distinct rows in a resample


@dataclass(frozen=True)
class Regret:
    """Value of a rule on some rows at a threshold tuned on others, compared with the best on these rows.

    value, best: the rule's value at the threshold and at `best_threshold`.
    loss: by how much `value` is worse than `best`, >= 0 where the threshold meets the rule's constraint (`kept`); a
    threshold that violates it can be better than `best`. NaN where either is undefined.
    """

    value: float
    best: float
    best_threshold: float
    loss: float
    kept: bool


def regret(rule: Rule, threshold: float, counts: ThresholdCounts) -> Regret:
    """Regret of a threshold on rows that it was not tuned on.

    Parameters
    ----------
    rule : its value is compared.
    threshold : t for `score >= t`, tuned on other rows.
    counts : counts (T,) at the `candidates` of these rows.

    Returns
    -------
    The regret to the rule's own choice on these rows; for a fixed threshold and F*/2, which compare no thresholds, the
    regret to the maximum F1.
    """
    goal = rule.goal(counts)
    best = pick(goal._replace(threshold=None), counts.thresholds)
    place = place_of(counts.thresholds, threshold)
    value, kept = float(goal.value[place]), bool(goal.met is None or goal.met[place])
    loss = float(best.value) - value if rule.spec.higher_is_better else value - float(best.value)
    return Regret(value, float(best.value), float(best.threshold), loss, kept)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Thresholds tuned on the rows and on each of B resamples of them, with their values.

    choice: tuned on all rows. thresholds, feasible (B,): tuned on each resample.
    values (B,): the value of each threshold on another resample, NaN where it is undefined.
    out_of_bag: the value at a resample's threshold on its out-of-bag rows; NaN where it is undefined.
    level: of the intervals, in (0, 1). range: the bounds of the rule's value.
    """

    choice: Choice
    thresholds: NDArray[np.float64]
    values: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    out_of_bag: float
    level: float
    range: tuple[float, float]

    @cached_property
    def threshold_spread(self) -> tuple[float, float]:
        """The range, ends included, of the central share `level` of the tuned thresholds; an end may be inf.

        It is not a confidence interval: in simulations it covers the population's best threshold far less often than
        `level`.
        """
        low, high = percentile_interval(self.thresholds, self.level)
        return float(low), float(high)

    @property
    def estimate(self) -> float:
        """The .632 estimate of the population value of the threshold tuned on all rows.

        It is .368 times the in-sample value plus .632 times the out-of-bag value (Efron, Estimating the error rate of a
        prediction rule, 1983, https://doi.org/10.1080/01621459.1983.10477973).
        """
        return (1 - OUT_OF_BAG) * self.choice.value + OUT_OF_BAG * self.out_of_bag

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Confidence interval at `level` for the population value of the threshold tuned on all rows.

        Percentiles of `values`, shifted so that their mean is the .632 estimate and clipped to `range`; (NaN, NaN)
        if all values are NaN.
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
    """Repeat the tuning step on resamples of the rows to estimate how well the tuned threshold performs.

    A threshold is tuned on each resample and evaluated on the next one, so that both vary. A score that was not drawn
    has the same counts as the next larger one, which is chosen instead. Of more than MOST_SINGLE rows, whose resamples
    `resampled` draws in groups, it is tuned among scores between two of which lie at most a share BOUND of the rows of
    either class; the choice on all rows is among all scores. On 1,000 samples each of 100, 300 and 1,000
    rows from a calibrated population with a tenth of the rows positive, the interval at .9 covers the population value
    of the tuned threshold in .88 to 1.00 of the samples, depending on the rule (benchmarks/coverage.py).

    Parameters
    ----------
    rule : tunes the threshold.
    y_true : labels (N,) in {0, 1}.
    y_score : finite scores (N,).
    resamples : number of resamples, >= 1, by default `affordable`; the time grows with N * resamples up
        to MOST_SINGLE rows.
    seed : of the resamples, which are the same for every rule.
    level : of the intervals, in (0, 1).
    sample_weight : (N,), >= 0, by default 1 per row; rows of weight 0 are left out.
    stratified : whether each resample has as many rows of each class as there are; by default the class is ignored.

    Returns
    -------
    The choice on all rows, and the thresholds and values over resamples.

    Raises
    ------
    CutoffError for invalid rows or weights, fewer than one resample, and a level outside (0, 1).
    """
    index = ScoreIndex.of(y_true, y_score, sample_weight)
    y, score, weight = np.asarray(y_true) == 1, as_scores(y_score), None
    if sample_weight is not None:
        weight = as_weights(sample_weight, y.shape)
        y, score, weight = y[weight > 0], score[weight > 0], weight[weight > 0]
    resamples = affordable(y.size) if resamples is None else resamples
    check(resamples, level)
    every = candidates(index)
    picks: list[Pick] = []
    left_out: list[ThresholdCounts] = []
    values: list[NDArray[np.float64]] = []
    first, before = np.zeros((0, 0)), np.zeros(0, np.intp)  # values on the first resample; index of the last threshold
    for block in resampled(y, score, _compared(rule, index, every), resamples, seed, weight, stratified):
        goal = rule.goal(block.counts)
        found = pick(goal, block.counts.thresholds)
        places, on = np.concatenate([before, found.place]), goal.value
        if not picks:
            first, on = goal.value[:1], goal.value[1:]
        values.append(taken(on, places[:-1]))
        before = places[-1:]
        picks.append(found)
        left_out.append(block.left_out()[np.arange(found.place.size), found.place])
    values.append(taken(first, before))
    return Bootstrap(
        choice=rule(every),
        thresholds=np.concatenate([found.threshold for found in picks]),
        values=np.concatenate(values),
        feasible=np.concatenate([found.feasible for found in picks]),
        out_of_bag=_out_of_bag(rule, left_out),
        level=level,
        range=rule.range,
    )


def _compared(rule: Rule, index: ScoreIndex, every: ThresholdCounts) -> NDArray[np.floating]:
    """The thresholds (T,), falling, among which resamples are tuned, given the counts at all candidates."""
    scores = every.thresholds[1:]
    if index.n_rows > MOST_SINGLE:
        scores = condensed(every[1:], bound=BOUND).thresholds[::-1]
    elif rule.spec.at_positives:
        scores = np.unique(index.positive_scores)[::-1]
    return np.append(every.thresholds[:1], scores)


_shared: Recent[tuple[Key, str, int, str, tuple[tuple[str, Value], ...]], Bootstrap] = Recent(128)


def bootstrap_of(source: ScoreSource, column: int, rule: Rule, part: str = "validation") -> Bootstrap:
    """The one `bootstrap` of a rule on a score column of a source, for all that show it; cached by id and version.

    It has RESAMPLES resamples, fewer for more than SHARED_WORK / RESAMPLES rows, but at least FEWEST. Raises
    CutoffError as `source.scores` does.
    """

    def repeated() -> Bootstrap:
        view = source.scores(part).view(column)
        resamples = _shared_resamples(len(view.y))
        return bootstrap(rule, view.y, view.score, resamples, sample_weight=source.row_columns(part).weight)

    return _shared.get(((source.id, source.version), part, column, rule.spec.name, rule.params), repeated)


class Tuned(NamedTuple):
    """A rule tuned on its split, and how its threshold performs on the held-out rows, None without."""

    bootstrap: Bootstrap
    regret: Regret | None


def tune(source: ScoreSource, column: int, rule: Rule) -> Tuned:
    """Tune a rule on a score column of a source, on `tuned_on`; raises CutoffError as `source.scores` does."""
    found, other = bootstrap_of(source, column, rule, tuned_on(source)), held_out(source)
    if other is None:
        return Tuned(found, None)
    return Tuned(found, regret(rule, found.choice.threshold, candidates(source.index(other, column))))


def value_interval(
    source: ScoreSource, column: int, rule: Rule, threshold: float, part: str, level: float = LEVEL
) -> tuple[float, float]:
    """Confidence interval of a rule's value at a threshold, from rows that it was not tuned on.

    Percentiles over as many resamples as `bootstrap_of` has, widened for few rows of the rarer class by
    `expanded_level`; (NaN, NaN) if the value is undefined on all of them.
    """
    view, weight = source.scores(part).view(column), source.row_columns(part).weight
    y, score = view.y, view.score
    if weight is not None:
        y, score, weight = y[weight > 0], score[weight > 0], weight[weight > 0]
    blocks = resampled(y, score, np.array([threshold], score.dtype), _shared_resamples(y.size), sample_weight=weight)
    values = np.concatenate([rule.goal(block.counts).value[:, 0] for block in blocks])
    rarer = int(min(np.count_nonzero(y), np.count_nonzero(~y)))
    low, high = percentile_interval(values, expanded_level(level, rarer))
    return float(low), float(high)


def _shared_resamples(rows: int) -> int:
    return int(np.clip(SHARED_WORK // max(rows, 1), FEWEST, RESAMPLES))


def _out_of_bag(rule: Rule, blocks: list[ThresholdCounts]) -> float:
    """A rule's value on the out-of-bag rows, from their counts (B,) in all resamples, given in blocks.

    The counts are summed first, since ratios of few rows are biased or undefined, unless the rule is not `pooled`.
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
