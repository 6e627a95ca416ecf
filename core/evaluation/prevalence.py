"""Another prevalence in production: what metrics, rules and thresholds become when only the mix of classes changes.

Assumed is a label shift: within each class the scores stay as they are, and so do the true and false positive rates
(Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, 2002,
https://doi.org/10.1162/089976602753284446). Rows then only weigh differently, each class by the ratio of its new share
to its old one. Numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, MetricSpec, ThresholdCounts
from core.evaluation.intervals import wilson
from core.evaluation.metrics import ratio
from core.evaluation.tuning import Rule, bind
from core.evaluation.value.payoffs import Payoffs

LEVEL = 0.9
# Prevalences to look at, from .01% to 99%, about evenly spaced by their logarithm.
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
GRID = (*(step / 10**power for power in (4, 3, 2, 1) for step in STEPS), 0.95, 0.99)
Aim = Literal["f1", "cost", "accuracy"]


def nearest(prevalence: float, options: Sequence[float]) -> float:
    """The option that is the least factor away; all above 0."""
    return min(options, key=lambda option: abs(math.log(option / prevalence)))


def ppv(tpr: ArrayLike, fpr: ArrayLike, prevalence: ArrayLike) -> NDArray[np.float64]:
    """Precision from the rates and the prevalence, all in [0, 1]: tpr pi / (tpr pi + fpr (1 - pi)); NaN for 0 / 0."""
    found = np.multiply(tpr, prevalence)
    return ratio(found, found + np.multiply(fpr, np.subtract(1, prevalence)))


def shifted(counts: ThresholdCounts, prevalence: ArrayLike) -> ThresholdCounts:
    """The counts at another prevalence in (0, 1), float64, as many rows in all; shapes broadcast.

    Without a row of either class all counts are NaN: nothing is known of it. Raises CutoffError for a prevalence
    outside (0, 1).
    """
    pi = np.asarray(prevalence, np.float64)
    if not ((pi > 0) & (pi < 1)).all():
        raise CutoffError(f"Expected `prevalence` to be above 0 and below 1, but got {prevalence!r}.")
    positives, negatives = counts.tp + counts.fn, counts.fp + counts.tn
    both = (positives > 0) & (negatives > 0)
    of_positive = ratio(pi * counts.total, np.where(both, positives, 0))
    of_negative = ratio((1 - pi) * counts.total, np.where(both, negatives, 0))
    return ThresholdCounts(
        np.broadcast_to(counts.thresholds, of_positive.shape),
        counts.tp * of_positive,
        counts.fp * of_negative,
        counts.fn * of_positive,
        counts.tn * of_negative,
    )


def metric_at(spec: MetricSpec, prevalence: float) -> MetricSpec:
    """The metric of the rows at another prevalence; counts, and the points of curves, stay those of the rows."""
    return replace(spec, function=partial(_at, spec.function, prevalence))


def rule_at(rule: Rule, prevalence: float) -> Rule:
    """The rule at another prevalence: it chooses for rows that weigh as they will, and so does its bootstrap."""
    function: Any = partial(_at, rule.spec.function, prevalence)
    return Rule(replace(rule.spec, function=function), rule.params)


def _at(function: Any, prevalence: float, counts: ThresholdCounts, **params: Any) -> Any:
    return function(shifted(counts, prevalence), **params)


def same_row(threshold: ArrayLike, old: float, new: ArrayLike) -> NDArray[np.float64]:
    """The calibrated score at prevalence `old` of the row whose true probability at `new` is the threshold.

    logit p = logit t - logit new + logit old. 0 and 1 stay, and so does NaN.
    """
    t, new = np.asarray(threshold, np.float64), np.asarray(new, np.float64)
    # In odds, which need no logarithm of 0: t / (1 - t) times old / (1 - old) times (1 - new) / new.
    yes, no = t * old * (1 - new), (1 - t) * (1 - old) * new
    return ratio(yes, yes + no)


# --- the best threshold


def rule_of(aim: Aim, payoffs: Payoffs) -> Rule:
    """The rule that tunes for an aim; payoffs say what costs are. Raises CutoffError where no threshold can be best."""
    return payoffs.rule if aim == "cost" else bind(aim)


def predicted(aim: Aim, payoffs: Payoffs, counts: ThresholdCounts, prevalence: float) -> float:
    """The best threshold at another prevalence, for scores that are calibrated on the rows of the counts (T,).

    On true probabilities at the new prevalence it is F*/2 for F1, Elkan's threshold for costs and .5 for accuracy; the
    row that has such a probability there is looked up by its score here. F* is the greatest F1 of the counts, shifted.
    NaN where one class has no row or no threshold can be best.
    """
    if aim == "f1":
        there = float(np.fmax.reduce(METRICS["f1"](shifted(counts, prevalence)), initial=np.nan)) / 2
    else:
        there = payoffs.threshold if aim == "cost" else 0.5
    positive, total = int(counts.tp[0] + counts.fn[0]), int(counts.total[0])
    return float(same_row(there, positive / total, prevalence)) if 0 < positive < total else float("nan")


@dataclass(frozen=True, eq=False)
class BestThresholds:
    """The best threshold at each prevalence, (P,) each: tuned on rows, inf to call none, and predicted; NaN unknown."""

    prevalences: NDArray[np.float64]
    tuned: NDArray[np.float64]
    predicted: NDArray[np.float64]


def best_thresholds(aim: Aim, payoffs: Payoffs, counts: ThresholdCounts, prevalences: ArrayLike) -> BestThresholds:
    """At prevalences (P,), from the counts (T,) at all `candidates`, in O(P T)."""
    rule, at = rule_of(aim, payoffs), np.asarray(prevalences, np.float64)
    return BestThresholds(
        at,
        np.array([rule_at(rule, float(pi)).pick(counts).threshold for pi in at]),
        np.array([predicted(aim, payoffs, counts, float(pi)) for pi in at]),
    )


# --- how sure a precision is


def precision_interval(
    counts: ThresholdCounts, prevalence: ArrayLike, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """An interval that holds the precision at another prevalence in at least `level` of all samples.

    Its ends are the precisions at the ends of Wilson's intervals of both rates, each wider by Bonferroni's rule. NaN
    where no row is predicted positive or a class has no row.
    """
    each = (1 + level) / 2
    tpr = wilson(counts.tp, counts.tp + counts.fn, each)
    fpr = wilson(counts.fp, counts.fp + counts.tn, each)
    predicted = ratio(counts.predicted_positive, counts.predicted_positive)  # 1, or NaN for none
    return ppv(tpr[0], fpr[1], prevalence) * predicted, ppv(tpr[1], fpr[0], prevalence) * predicted
