"""Metrics, rules and thresholds at another prevalence, as in production. NumPy alone.

A label shift is assumed: the distribution of scores within each class does not change, nor do the true and false
positive rates (Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities,
2002, https://doi.org/10.1162/089976602753284446). Rows are then weighted by the ratio of their class's new share to its
old one.
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
# Prevalences of figures, from .01% to 99%, about evenly spaced on a log scale.
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
GRID = (*(step / 10**power for power in (4, 3, 2, 1) for step in STEPS), 0.95, 0.99)
Aim = Literal["f1", "cost", "accuracy"]


def nearest(prevalence: float, options: Sequence[float]) -> float:
    """The option closest to the prevalence on a log scale; all are > 0."""
    return min(options, key=lambda option: abs(math.log(option / prevalence)))


def ppv(tpr: ArrayLike, fpr: ArrayLike, prevalence: ArrayLike) -> NDArray[np.float64]:
    """Precision tpr pi / (tpr pi + fpr (1 - pi)) at prevalence pi, all in [0, 1] and broadcast; NaN for 0 / 0."""
    found = np.multiply(tpr, prevalence)
    return ratio(found, found + np.multiply(fpr, np.subtract(1, prevalence)))


def shifted(counts: ThresholdCounts, prevalence: ArrayLike) -> ThresholdCounts:
    """Reweight counts to another prevalence.

    Parameters
    ----------
    counts : (...); they broadcast with the prevalence.
    prevalence : share of positives, in (0, 1).

    Returns
    -------
    Counts in float64 with the same total; NaN if a class has no row.

    Raises
    ------
    CutoffError for a prevalence outside (0, 1).
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
    """The metric at another prevalence in (0, 1), computed from the unchanged counts of the rows."""
    return replace(spec, function=partial(_at, spec.function, prevalence))


def rule_at(rule: Rule, prevalence: float) -> Rule:
    """The rule at another prevalence in (0, 1); its bootstrap is at that prevalence too."""
    function: Any = partial(_at, rule.spec.function, prevalence)
    return Rule(replace(rule.spec, function=function), rule.params)


def _at(function: Any, prevalence: float, counts: ThresholdCounts, **params: Any) -> Any:
    return function(shifted(counts, prevalence), **params)


def same_row(threshold: ArrayLike, old: float, new: ArrayLike) -> NDArray[np.float64]:
    """Translate a threshold on probabilities at one prevalence into one on scores calibrated at another.

    logit p = logit t - logit new + logit old (Saerens et al., 2002).

    Parameters
    ----------
    threshold : on the true probability at prevalence `new`, in [0, 1].
    old, new : prevalences in (0, 1); `new` broadcasts with the threshold.

    Returns
    -------
    The threshold on scores calibrated at prevalence `old`; 0, 1 and NaN are unchanged.
    """
    t, new = np.asarray(threshold, np.float64), np.asarray(new, np.float64)
    # In odds, to avoid log 0: t / (1 - t) * old / (1 - old) * (1 - new) / new.
    yes, no = t * old * (1 - new), (1 - t) * (1 - old) * new
    return ratio(yes, yes + no)


# --- the best threshold


def rule_of(aim: Aim, payoffs: Payoffs) -> Rule:
    """The tuning rule of an aim, with payoffs for "cost"; raises CutoffError where there is no best threshold."""
    return payoffs.rule if aim == "cost" else bind(aim)


def predicted(aim: Aim, payoffs: Payoffs, counts: ThresholdCounts, prevalence: float) -> float:
    """The optimal threshold at another prevalence for scores calibrated on the counted rows.

    On true probabilities at the new prevalence it is F*/2 for F1, Elkan's threshold for costs and .5 for accuracy;
    `same_row` translates it to the scores. F* is the maximum F1 at the new prevalence.

    Parameters
    ----------
    aim : what is optimised.
    payoffs : per row, for "cost".
    counts : counts (T,) at all `candidates`.
    prevalence : the new one, in (0, 1).

    Returns
    -------
    The threshold; NaN if a class has no row, or where there is no best threshold.

    Raises
    ------
    CutoffError for a prevalence outside (0, 1), for F1.
    """
    if aim == "f1":
        there = float(np.fmax.reduce(METRICS["f1"](shifted(counts, prevalence)), initial=np.nan)) / 2
    else:
        there = payoffs.threshold if aim == "cost" else 0.5
    positive, total = (counts.tp[0] + counts.fn[0]).item(), counts.total[0].item()
    return float(same_row(there, positive / total, prevalence)) if 0 < positive < total else float("nan")


@dataclass(frozen=True, eq=False)
class BestThresholds:
    """The best threshold at each prevalence.

    prevalences, tuned, predicted (P,): tuned on the rows, inf to predict all negative; predicted, NaN where unknown.
    """

    prevalences: NDArray[np.float64]
    tuned: NDArray[np.float64]
    predicted: NDArray[np.float64]


def best_thresholds(aim: Aim, payoffs: Payoffs, counts: ThresholdCounts, prevalences: ArrayLike) -> BestThresholds:
    """Tune and predict thresholds at prevalences (P,) in (0, 1), from counts (T,) at all `candidates`, in O(P T).

    Raises CutoffError where there is no best threshold, and for a prevalence outside (0, 1).
    """
    rule, at = rule_of(aim, payoffs), np.asarray(prevalences, np.float64)
    return BestThresholds(
        at,
        np.array([rule_at(rule, float(pi)).pick(counts).threshold for pi in at]),
        np.array([predicted(aim, payoffs, counts, float(pi)) for pi in at]),
    )


# --- an interval of precision


def precision_interval(
    counts: ThresholdCounts, prevalence: ArrayLike, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidence interval of precision at another prevalence, with a coverage of at least about `level`.

    The ends are the precisions at the ends of Wilson's intervals of both rates, with Bonferroni's correction.

    Parameters
    ----------
    counts : (...); they broadcast with the prevalence.
    prevalence : in [0, 1].
    level : in (0, 1).

    Returns
    -------
    Lower and upper ends, in [0, 1]; NaN where no row is predicted positive or a class has no row.
    """
    each = (1 + level) / 2
    tpr = wilson(counts.tp, counts.tp + counts.fn, each)
    fpr = wilson(counts.fp, counts.fp + counts.tn, each)
    predicted = ratio(counts.predicted_positive, counts.predicted_positive)  # 1, or NaN for none
    return ppv(tpr[0], fpr[1], prevalence) * predicted, ppv(tpr[1], fpr[0], prevalence) * predicted
