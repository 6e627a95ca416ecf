"""What decisions are worth: payoffs, the net value of a threshold, and a band of scores to review. Numpy alone.

Net value is benefits less costs in one unit: above 0 earns, below 0 costs, the greater is better. A band has two
thresholds: `score >= high` is predicted positive, `score < low` negative, and what lies between goes to review. Ties go
to the largest high and then to the largest low; with low == high nothing is reviewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import Curve, MetricSpec, ScoreIndex, ThresholdCounts, metric_curve
from core.evaluation.curves import EPS
from core.evaluation.metrics import ratio
from core.evaluation.tuning import Rule, bind, bootstrap, candidates, threshold_by_payoffs
from core.evaluation.tuning.choice import TIE, Goal
from core.evaluation.tuning.rules import WHOLE

LIMIT = 1e9  # of a payoff, either way
NO_LIMIT = math.inf


@dataclass(frozen=True)
class Payoffs:
    """What one row is worth by truth and decision, in one unit: benefits of right decisions, costs of wrong ones.

    Each in [-1e9, 1e9]; a negative benefit is a cost, as when a true alarm costs work. Raises CutoffError.
    """

    benefit_tp: float = 0.0
    cost_fp: float = 1.0
    cost_fn: float = 5.0
    benefit_tn: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not abs(value) <= LIMIT:  # NaN compares false
                raise CutoffError(f"Expected `{field.name}` to be from {-LIMIT:g} to {LIMIT:g}, but got {value!r}.")

    @property
    def at_stake(self) -> tuple[float, float]:
        """How much more a right decision pays than a wrong one, for a positive and for a negative row."""
        return self.benefit_tp + self.cost_fn, self.benefit_tn + self.cost_fp

    @property
    def flaw(self) -> str:
        """Why no threshold can be best, in a sentence; "" where one can."""
        positive, negative = self.at_stake
        if positive == negative == 0:
            return "Right and wrong decisions pay the same, so no threshold is better than another."
        if positive < 0 and negative < 0:
            return "Wrong decisions pay more than right ones, so no threshold is best: check the signs."
        if positive < 0:
            return "A false negative pays more than a true positive, so it is best to call none, whatever the scores."
        if negative < 0:
            return "A false positive pays more than a true negative, so it is best to call all, whatever the scores."
        return ""

    @property
    def threshold(self) -> float:
        """Elkan's threshold on calibrated scores, in [0, 1]; NaN where no threshold can be best."""
        if self.flaw:
            return math.nan
        return threshold_by_payoffs(self.benefit_tp, self.cost_fp, self.cost_fn, self.benefit_tn)

    @property
    def rule(self) -> Rule:
        """The rule that finds the threshold of greatest net value, and reports the net value of a row.

        Only what is at stake decides: what errors cost is compared, in units of the larger stake. Raises CutoffError
        where no threshold can be best.
        """
        if self.flaw:
            raise CutoffError(self.flaw)
        positive, negative = self.at_stake
        unit = max(positive, negative)
        errors = bind("cost", benefit_tp=0.0, cost_fp=negative / unit, cost_fn=positive / unit, benefit_tn=0.0)

        def net(counts: ThresholdCounts) -> Goal:
            return Goal(net_value(counts, self), wanted=errors.goal(counts).wanted)

        paid = self.benefit_tp, -self.cost_fp, -self.cost_fn, self.benefit_tn
        return Rule(replace(errors.spec, function=net, params=(), range=lambda: (min(paid), max(paid))), ())


def net_value(counts: ThresholdCounts, payoffs: Payoffs, rows: float = 1.0) -> NDArray[np.float64]:
    """Net value of so many rows like those counted, in the shape of the counts; NaN without rows."""
    gained = payoffs.benefit_tp * counts.tp + payoffs.benefit_tn * counts.tn
    return rows * ratio(gained - payoffs.cost_fp * counts.fp - payoffs.cost_fn * counts.fn, counts.total)


def value_curve(index: ScoreIndex, payoffs: Payoffs, rows: float = 1.0, eps: float = EPS) -> Curve:
    """Net value of so many rows (y) against the threshold (x), thinned: at most eps of the plot's height is lost.

    The height is from the least to the greatest net value of all thresholds. Every point that is kept is exact. Raises
    CutoffError where no threshold can be best.
    """
    if payoffs.flaw:
        raise CutoffError(payoffs.flaw)
    values = net_value(candidates(index), payoffs)
    low, height = float(values.min()), float(values.max() - values.min()) or 1.0

    def share(counts: ThresholdCounts) -> NDArray[np.float64]:
        return (net_value(counts, payoffs) - low) / height

    # A metric as the thinning wants it: it rises with true positives and falls with false ones.
    spec = MetricSpec(
        "net_value", "Net value", share, "", (0, 1), higher_is_better=True, help="", reference="", undefined=""
    )
    curve = metric_curve(index, spec, eps)
    y = net_value(curve, payoffs, rows)
    return Curve(curve.thresholds, curve.tp, curve.fp, curve.fn, curve.tn, curve.x, y, curve.max_error)


@dataclass(frozen=True)
class Optimum:
    """The threshold of greatest net value, inf to predict all negative, and its net value a row on the rows that it was
    tuned on, which is optimistic.

    interval: of the net value a row of this threshold in the population, at 90%. threshold_spread: 90% of the
    thresholds tuned on resamples lie between these ends; no confidence interval. See `Bootstrap` for both.
    """

    threshold: float
    value: float
    threshold_spread: tuple[float, float]
    interval: tuple[float, float]


def optimum(payoffs: Payoffs, y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> Optimum:
    """Tune for net value on rows and on resamples of them, drawn without regard to class.

    Parameters: y_true (N,) in {0, 1}; y_score (N,), finite; sample_weight (N,), >= 0. Raises CutoffError for other rows
    and where no threshold can be best.
    """
    tuned = bootstrap(payoffs.rule, y_true, y_score, sample_weight=sample_weight)
    return Optimum(tuned.choice.threshold, tuned.choice.value, tuned.threshold_spread, tuned.interval)


# --- the band of review


class Band(NamedTuple):
    """Two thresholds, low <= high: `score >= high` is predicted positive, `score < low` negative, else is reviewed."""

    low: float
    high: float


@dataclass(frozen=True)
class Review:
    """What reviewing one row costs, in [0, 1e9] of the payoffs' unit, and how often the reviewer is right, in [0, 1].

    A reviewed row then pays as any other that is decided as the reviewer does. Raises CutoffError.
    """

    cost: float
    accuracy: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= LIMIT:
            raise CutoffError(f"Expected `cost` to be from 0 to {LIMIT:g}, but got {self.cost!r}.")
        if not 0 <= self.accuracy <= 1:
            raise CutoffError(f"Expected `accuracy` to be from 0 to 1, but got {self.accuracy!r}.")

    def pays(self, payoffs: Payoffs) -> tuple[float, float]:
        """Net value of reviewing a positive and a negative row."""
        positive, negative = payoffs.at_stake
        wrong = 1 - self.accuracy
        return payoffs.benefit_tp - wrong * positive - self.cost, payoffs.benefit_tn - wrong * negative - self.cost


@dataclass(frozen=True)
class Outcome:
    """Number (or weight) of the rows by where a band sends them: decided (tn, fn predicted negative; fp, tp positive),
    or reviewed, by truth.

    errors: wrong decisions that are left, those of the reviewer as expected. value: net value of a row; NaN without.
    """

    tn: float
    fn: float
    fp: float
    tp: float
    reviewed_negative: float
    reviewed_positive: float
    errors: float
    value: float

    @property
    def reviewed(self) -> float:
        return self.reviewed_negative + self.reviewed_positive

    @property
    def total(self) -> float:
        return self.tn + self.fn + self.fp + self.tp + self.reviewed

    def shares(self) -> tuple[float, float, float]:
        """Share of the rows that is predicted negative, reviewed, and predicted positive; NaN without rows."""
        negative, reviewed, positive = ratio([self.tn + self.fn, self.reviewed, self.fp + self.tp], self.total).tolist()
        return negative, reviewed, positive


def best_band(counts: ThresholdCounts, payoffs: Payoffs, review: Review, most: float = NO_LIMIT) -> Band:
    """The band of greatest net value among all pairs of `candidates`, counts (T,), that reviews at most so many rows.

    Exact, in O(T log T). A pair's value is a sum of one term of high and one of low: what calling positive rows at or
    above high brings over their review, and what calling negative those below low does. most = 0 gives the best single
    threshold. Raises CutoffError for a negative `most`.
    """
    if not most >= 0:
        raise CutoffError(f"Expected `most` to be at least 0, but got {most!r}.")
    of_positive, of_negative = review.pays(payoffs)
    above = (payoffs.benefit_tp - of_positive) * counts.tp - (payoffs.cost_fp + of_negative) * counts.fp
    below = (payoffs.benefit_tn - of_negative) * counts.tn - (payoffs.cost_fn + of_positive) * counts.fn
    predicted = counts.predicted_positive
    first, last = np.arange(predicted.size), predicted.searchsorted(predicted + most, side="right") - 1
    best = above + _greatest_between(below, first, last)
    tie = 2 * TIE * predicted[-1] * (max(map(abs, (*payoffs.at_stake, review.cost))) or 1.0)
    high = int((best >= best.max() - tie).argmax())
    reached = above[high] + below[high : last[high] + 1]
    low = high + int((reached >= best.max() - tie).argmax())
    return Band(float(counts.thresholds[low]), float(counts.thresholds[high]))


def rows_here(rows: float, volume: float, here: float) -> int:
    """How many of the rows here are, rounded down, the share that `rows` are of `volume`; not more than all."""
    return int(min(rows / volume, 1.0) * here + WHOLE)


def outcome(index: ScoreIndex, payoffs: Payoffs, review: Review, band: Band) -> Outcome:
    """What a band does with the rows of an index."""
    low, high = index.counts(band.low), index.counts(band.high)
    positive, negative = (low.tp - high.tp).item(), (low.fp - high.fp).item()
    tn, fn, fp, tp = (count.item() for count in (low.tn, low.fn, high.fp, high.tp))
    of_positive, of_negative = review.pays(payoffs)
    decided = payoffs.benefit_tp * tp + payoffs.benefit_tn * tn - payoffs.cost_fp * fp - payoffs.cost_fn * fn
    value = decided + of_positive * positive + of_negative * negative
    errors = fp + fn + (1 - review.accuracy) * (positive + negative)
    return Outcome(tn, fn, fp, tp, negative, positive, errors, float(ratio(value, low.total)))


def chow(payoffs: Payoffs, review: Review) -> Band:
    """The band that theory gives for calibrated scores, both ends in [0, 1].

    With s = b_tp + c_fn and n = b_tn + c_fp at stake, cost r and a share e = 1 - a of wrong reviews, predict negative
    below (e n + r) / (a s + e n) and positive from (a n - r) / (a n + e s) on. For s = n = 1 and e = 0 that is Chow's
    rule, review where max p < 1 - r (On optimum recognition error and reject tradeoff, 1970,
    https://doi.org/10.1109/TIT.1970.1054406). Where review never pays both ends are Elkan's threshold; NaN where no
    threshold can be best.
    """
    single = payoffs.threshold
    positive, negative = payoffs.at_stake
    right, wrong = review.accuracy, 1 - review.accuracy
    low = ratio(wrong * negative + review.cost, right * positive + wrong * negative)
    high = ratio(right * negative - review.cost, right * negative + wrong * positive)
    if math.isnan(single) or not low < high:
        return Band(single, single)
    return Band(float(low), float(high))


def _greatest_between(
    values: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The greatest of values[first .. last], ends included: each span is two runs of a power of two, overlapping."""
    found = np.empty(first.size)
    level = np.frexp(last - first + 1)[1] - 1  # the longest run that fits is 2**level
    runs = values  # the greatest of the 2**k values from each place on
    for k in range(int(level.max()) + 1):
        spans = np.flatnonzero(level == k)
        found[spans] = np.maximum(runs[first[spans]], runs[last[spans] - 2**k + 1])
        runs = np.maximum(runs[: -(2**k)], runs[2**k :])
    return found
