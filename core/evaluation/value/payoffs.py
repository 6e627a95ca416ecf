"""The value of decisions: payoffs, the net value of a threshold, and a band of scores to review. NumPy alone.

Net value is benefits minus costs in one unit; higher is better. A band has two thresholds: `score >= high` is predicted
positive, `score < low` negative, and rows in between are reviewed. Of equally good bands the one with the largest high,
then the largest low, is chosen; with low == high nothing is reviewed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
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
from core.experiment.config import LIMIT
from core.parameters import Value

NET_VALUE = "cost"  # the tuning rule that maximises net value
NO_LIMIT = math.inf


@dataclass(frozen=True)
class Payoffs:
    """Benefit of each correct prediction and cost of each wrong one, per row and in one unit.

    Each is in [-1e9, 1e9]; a negative benefit is a cost, as when a true positive still costs work. Raises CutoffError
    for any other number.
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
        """By how much a correct prediction is better than a wrong one, for a positive and for a negative row."""
        return self.benefit_tp + self.cost_fn, self.benefit_tn + self.cost_fp

    @property
    def flaw(self) -> str:
        """Why there is no best threshold, in a sentence; "" if there is one."""
        positive, negative = self.at_stake
        if positive == negative == 0:
            return "Correct and wrong predictions have the same payoff, so all thresholds are equally good."
        if positive < 0 and negative < 0:
            return "Wrong predictions have a higher payoff than correct ones, so no threshold is best: check the signs."
        if positive < 0:
            return (
                "A false negative has a higher payoff than a true positive: predict all negative, whatever the scores."
            )
        if negative < 0:
            return (
                "A false positive has a higher payoff than a true negative: predict all positive, whatever the scores."
            )
        return ""

    @property
    def threshold(self) -> float:
        """Elkan's threshold on calibrated scores, in [0, 1]; NaN where there is no best threshold."""
        if self.flaw:
            return math.nan
        return threshold_by_payoffs(self.benefit_tp, self.cost_fp, self.cost_fn, self.benefit_tn)

    @property
    def rule(self) -> Rule:
        """The rule that maximises net value and reports it per row.

        The choice depends only on `at_stake`, so it compares the cost of errors, in units of the larger stake. Raises
        CutoffError where there is no best threshold.
        """
        if self.flaw:
            raise CutoffError(self.flaw)
        positive, negative = self.at_stake
        unit = max(positive, negative)
        errors = bind(NET_VALUE, benefit_tp=0.0, cost_fp=negative / unit, cost_fn=positive / unit, benefit_tn=0.0)

        def net(counts: ThresholdCounts, **_payoffs: float) -> Goal:
            return Goal(net_value(counts, self), objective=errors.goal(counts).objective)

        paid = self.benefit_tp, -self.cost_fp, -self.cost_fn, self.benefit_tn
        spec = replace(errors.spec, function=net, range=lambda **_payoffs: (min(paid), max(paid)))
        return Rule(spec, tuple(asdict(self).items()))


def bind_paid(name: str, params: Mapping[str, Value]) -> Rule:
    """A tuning rule by name with these params. For the rule of net value they are payoffs, which may be negative.

    Raises CutoffError as `bind` and `Payoffs` do, and for payoffs that have no best threshold.
    """
    if name != NET_VALUE:
        return bind(name, **params)
    if unknown := sorted(params.keys() - {field.name for field in fields(Payoffs)}):
        raise CutoffError(f"{unknown[0]} is not a payoff.")
    return Payoffs(**{payoff: float(value) for payoff, value in params.items()}).rule


def net_value(counts: ThresholdCounts, payoffs: Payoffs, rows: float = 1.0) -> NDArray[np.float64]:
    """Net value of the counts (...), scaled to `rows` >= 0 rows, in the unit of the payoffs; NaN without rows."""
    gained = payoffs.benefit_tp * counts.tp + payoffs.benefit_tn * counts.tn
    return rows * ratio(gained - payoffs.cost_fp * counts.fp - payoffs.cost_fn * counts.fn, counts.total)


def value_curve(index: ScoreIndex, payoffs: Payoffs, rows: float = 1.0, eps: float = EPS) -> Curve:
    """Net value (y) against the threshold (x), thinned.

    Parameters
    ----------
    index : the scores.
    payoffs : per row.
    rows : number of rows that the net value is scaled to, >= 0.
    eps : maximum distance to the full curve, as a share of the range of net values over all thresholds.

    Returns
    -------
    The curve; every point kept is exact.

    Raises
    ------
    CutoffError where there is no best threshold.
    """
    if payoffs.flaw:
        raise CutoffError(payoffs.flaw)
    values = net_value(candidates(index), payoffs)
    low, height = float(values.min()), float(values.max() - values.min()) or 1.0

    def share(counts: ThresholdCounts) -> NDArray[np.float64]:
        return (net_value(counts, payoffs) - low) / height

    # Thinning requires a metric that rises with true positives and falls with false positives.
    spec = MetricSpec(
        "net_value", "Net value", share, "", (0, 1), higher_is_better=True, help="", reference="", undefined=""
    )
    curve = metric_curve(index, spec, eps)
    y = net_value(curve, payoffs, rows)
    return Curve(curve.thresholds, curve.tp, curve.fp, curve.fn, curve.tn, curve.x, y, curve.max_error)


@dataclass(frozen=True)
class Optimum:
    """The threshold of maximum net value and what it is worth.

    threshold: t for `score >= t`, inf to predict all negative. value: its in-sample net value per row (optimistic).
    threshold_spread: range of the central 90% of the thresholds tuned on resamples, not a confidence interval.
    interval: 90% confidence interval for the population's net value per row. See `Bootstrap` for both.
    """

    threshold: float
    value: float
    threshold_spread: tuple[float, float]
    interval: tuple[float, float]


def optimum(payoffs: Payoffs, y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> Optimum:
    """Tune for maximum net value on the rows and on resamples of them.

    Parameters
    ----------
    payoffs : per row.
    y_true : labels (N,) in {0, 1}.
    y_score : finite scores (N,).
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    The threshold with its value and intervals.

    Raises
    ------
    CutoffError for invalid rows, and where there is no best threshold.
    """
    tuned = bootstrap(payoffs.rule, y_true, y_score, sample_weight=sample_weight)
    return Optimum(tuned.choice.threshold, tuned.choice.value, tuned.threshold_spread, tuned.interval)


# --- the review band


class Band(NamedTuple):
    """Thresholds low <= high: predict positive if `score >= high`, negative if `score < low`, otherwise review."""

    low: float
    high: float


@dataclass(frozen=True)
class Review:
    """Cost of reviewing one row, in [0, 1e9] and the unit of the payoffs, and accuracy of the reviewer, in [0, 1].

    A reviewed row has the payoff of the reviewer's decision minus the cost. Raises CutoffError for other numbers.
    """

    cost: float
    accuracy: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= LIMIT:
            raise CutoffError(f"Expected `cost` to be from 0 to {LIMIT:g}, but got {self.cost!r}.")
        if not 0 <= self.accuracy <= 1:
            raise CutoffError(f"Expected `accuracy` to be from 0 to 1, but got {self.accuracy!r}.")

    def pays(self, payoffs: Payoffs) -> tuple[float, float]:
        """Expected net value of reviewing a positive and a negative row."""
        positive, negative = payoffs.at_stake
        wrong = 1 - self.accuracy
        return payoffs.benefit_tp - wrong * positive - self.cost, payoffs.benefit_tn - wrong * negative - self.cost


@dataclass(frozen=True)
class Outcome:
    """Number (or weight) of rows that a band predicts (tn, fn, fp, tp) or sends to review, by actual class.

    errors: expected number of wrong decisions, the reviewer's included. value: net value per row; NaN without rows.
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
        """Shares of rows predicted negative, reviewed and predicted positive; NaN without rows."""
        negative, reviewed, positive = ratio([self.tn + self.fn, self.reviewed, self.fp + self.tp], self.total).tolist()
        return negative, reviewed, positive


def best_band(counts: ThresholdCounts, payoffs: Payoffs, review: Review, most: float = NO_LIMIT) -> Band:
    """The band of maximum net value among all pairs of candidate thresholds.

    Exact, in O(T log T): the net value of a pair is one term in high plus one in low, the gains over reviewing of
    predicting positive at or above high and of predicting negative below low.

    Parameters
    ----------
    counts : counts (T,) at all `candidates`.
    payoffs : per row.
    review : its cost and accuracy.
    most : maximum number (or weight) of rows to review, >= 0; 0 gives the best single threshold.

    Returns
    -------
    The band, low <= high.

    Raises
    ------
    CutoffError for a negative `most`.
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
    """Scale `rows` of a volume > 0 down to `here` rows: rows / volume * here, at most `here`, rounded down."""
    return int(min(rows / volume, 1.0) * here + WHOLE)


def outcome(index: ScoreIndex, payoffs: Payoffs, review: Review, band: Band) -> Outcome:
    """Counts and net value of a band on the rows of an index."""
    low, high = index.counts(band.low), index.counts(band.high)
    positive, negative = (low.tp - high.tp).item(), (low.fp - high.fp).item()
    tn, fn, fp, tp = (count.item() for count in (low.tn, low.fn, high.fp, high.tp))
    of_positive, of_negative = review.pays(payoffs)
    decided = payoffs.benefit_tp * tp + payoffs.benefit_tn * tn - payoffs.cost_fp * fp - payoffs.cost_fn * fn
    value = decided + of_positive * positive + of_negative * negative
    errors = fp + fn + (1 - review.accuracy) * (positive + negative)
    return Outcome(tn, fn, fp, tp, negative, positive, errors, float(ratio(value, low.total)))


def chow(payoffs: Payoffs, review: Review) -> Band:
    """The optimal band for calibrated scores.

    With stakes s = b_tp + c_fn and n = b_tn + c_fp, review cost r, reviewer accuracy a and e = 1 - a, predict negative
    below (e n + r) / (a s + e n) and positive at or above (a n - r) / (a n + e s). For s = n = 1 and e = 0 this is
    Chow's rule: review where max p < 1 - r.

    Parameters
    ----------
    payoffs : per row.
    review : its cost and accuracy.

    Returns
    -------
    The band in [0, 1]; both ends are Elkan's threshold where review is never worth its cost, and NaN where there is no
    best threshold.

    References
    ----------
    Chow, On optimum recognition error and reject tradeoff (1970), https://doi.org/10.1109/TIT.1970.1054406.
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
    """Maximum of values[first .. last], ends included: each span is covered by two overlapping runs of length 2**k."""
    found = np.empty(first.size)
    level = np.frexp(last - first + 1)[1] - 1  # the longest run that fits is 2**level
    runs = values  # maximum of the 2**k values from each place on
    for k in range(int(level.max()) + 1):
        spans = np.flatnonzero(level == k)
        found[spans] = np.maximum(runs[first[spans]], runs[last[spans] - 2**k + 1])
        runs = np.maximum(runs[: -(2**k)], runs[2**k :])
    return found
