"""Rules that choose one threshold: each a function from counts at all candidates to what it wants of them. Numpy alone.

Counts are (..., T), thresholds falling from inf; all functions work on any number of leading dimensions, so that a
thousand resamples are chosen for at once. What is undefined is never chosen: F1, recall and whatever comes from it
without a positive row; specificity without a negative one; MCC where every row is decided alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, MetricSpec, ThresholdCounts, metrics
from core.evaluation.metrics import ratio
from core.evaluation.tuning.choice import Choice, Goal, Pick, pick
from core.parameters import Param, Value, checked

Ends = tuple[float, float]
WHOLE = 1e-9  # a share of the rows this close below a whole number of them is that number


def _unit(**_params: Value) -> Ends:
    return 0.0, 1.0


def _signed(**_params: Value) -> Ends:
    return -1.0, 1.0


def _payoffs(benefit_tp: float, cost_fp: float, cost_fn: float, benefit_tn: float) -> Ends:
    return -max(cost_fp, cost_fn), max(benefit_tp, benefit_tn)


@dataclass(frozen=True)
class RuleSpec:
    """A rule: `function(counts, **params)` is its goal, `value` names what it reports and `condition` its constraint.

    near: what a constraint that can't be met is about. A greater value is better unless higher_is_better is false.
    `range(**params)`: the ends between which the value lies. pooled: whether the counts of several sets of rows may be
    summed before the value is taken; not where deviations of either sign would cancel.
    """

    name: str
    label: str
    function: Callable[..., Goal]
    value: str
    help: str
    reference: str
    params: tuple[Param, ...] = ()
    condition: str = ""
    near: str = ""
    higher_is_better: bool = True
    range: Callable[..., Ends] = _unit
    pooled: bool = True

    def __call__(self, counts: ThresholdCounts, **params: Value) -> Choice:
        """The choice among `candidates`, counts (T,); defaults for the params not given.

        Raises CutoffError for an unknown param or one outside its range.
        """
        return self.bind(**params)(counts)

    def bind(self, **params: Value) -> Rule:
        """The rule with these params, checked, and defaults for the others; raises CutoffError."""
        return Rule(self, tuple(checked(self.name, self.params, params).items()))


@dataclass(frozen=True)
class Rule:
    """A rule with a value for each of its params; made by `RuleSpec.bind`, which checks them."""

    spec: RuleSpec
    params: tuple[tuple[str, Value], ...]

    @property
    def range(self) -> Ends:
        """The ends between which its value lies, whatever the rows are."""
        return self.spec.range(**dict(self.params))

    def goal(self, counts: ThresholdCounts) -> Goal:
        """What it wants of counts (..., T)."""
        return self.spec.function(counts, **dict(self.params))

    def pick(self, counts: ThresholdCounts) -> Pick:
        """What it chooses from counts (..., T), each (...,)."""
        return pick(self.goal(counts), counts.thresholds)

    def __call__(self, counts: ThresholdCounts) -> Choice:
        """The choice among `candidates`, counts (T,)."""
        goal = self.goal(counts)
        found = pick(goal, counts.thresholds)
        return Choice(
            threshold=float(found.threshold),
            value=float(found.value),
            feasible=bool(found.feasible),
            said=self._said(counts[found.place], goal, found),
        )

    def _said(self, counts: ThresholdCounts, goal: Goal, found: Pick) -> str:
        """The choice in a sentence; counts () are those at the chosen threshold."""
        condition = self.spec.condition.format(**dict(self.params))
        if not found.feasible:
            near = np.nan if goal.near is None else goal.near[found.place]
            if np.isnan(near):
                return f"Infeasible: {self.spec.value} is undefined at every threshold, since {_lack(counts)}."
            best = f"the best reachable {self.spec.near} is {near:.4g} at threshold {found.threshold:.4g}"
            return f"Infeasible: no threshold has {condition}; {best}."
        where = "above every score" if np.isposinf(found.threshold) else f"{found.threshold:.4g}"
        predicts = f"predicts {counts.predicted_positive:,} of {counts.total:,} rows positive"
        value = "undefined" if np.isnan(found.value) else f"{found.value:.4g}"
        given = f" with {condition}" if condition else ""
        return f"{self.spec.value} is {value}{given} at threshold {where}, which {predicts}."


def bind(name: str, **params: Value) -> Rule:
    """The named rule with these params, and defaults for the others.

    Raises CutoffError for an unknown rule or param, or a param outside its range.
    """
    every = rules()
    if name not in every:
        raise CutoffError(f"Expected `rule` to be one of {', '.join(every)}, but got {name!r}.")
    return every[name].bind(**params)


def rules() -> dict[str, RuleSpec]:
    """Every rule: those of RULES, and one for the optimum of each metric that none of them is named after."""
    return RULES | {name: _optimum(spec) for name, spec in METRICS.items() if name not in RULES}


def _optimum(metric: MetricSpec) -> RuleSpec:
    """The rule that chooses the greatest value of a metric, or the least of one of which less is better."""

    def goal(counts: ThresholdCounts, **params: Value) -> Goal:
        value = metric(counts, **params)
        sign = 1 if metric.higher_is_better else -1
        return Goal(value, wanted=sign * value, size=np.abs(value) + 1)

    return RuleSpec(
        name=metric.name,
        label=f"{'Maximum' if metric.higher_is_better else 'Minimum'} {metric.label}",
        function=goal,
        value=metric.label,
        help=metric.help,
        reference=metric.reference,
        params=metric.params,
        higher_is_better=metric.higher_is_better,
        range=lambda **_params: metric.range,
    )


def threshold_by_payoffs(benefit_tp: float, cost_fp: float, cost_fn: float, benefit_tn: float) -> float:
    """The threshold on the true probability q at and above which calling a row positive pays no less than not to:

    q (b_tp + c_fn) >= (1 - q) (b_tn + c_fp), so (b_tn + c_fp) / (b_tn + c_fp + b_tp + c_fn); with costs alone
    c_fp / (c_fp + c_fn) (Elkan, The foundations of cost-sensitive learning, 2001). NaN if nothing costs or pays.
    """
    of_negative, of_positive = benefit_tn + cost_fp, benefit_tp + cost_fn
    return float(ratio(of_negative, of_negative + of_positive))


def fixed(counts: ThresholdCounts, threshold: float) -> Goal:
    return Goal(_f_beta(counts, 1), threshold=np.full(counts.tp.shape[:-1], threshold))


def f1(counts: ThresholdCounts) -> Goal:
    return Goal(_f_beta(counts, 1))


def f_beta(counts: ThresholdCounts, beta: float) -> Goal:
    return Goal(_f_beta(counts, beta))


def half_f1(counts: ThresholdCounts) -> Goal:
    """F*/2, where F* is the greatest F1 on these rows."""
    values = _f_beta(counts, 1)
    return Goal(values, threshold=np.fmax.reduce(values, axis=-1) / 2)


def youden(counts: ThresholdCounts) -> Goal:
    return Goal(metrics.youden(counts))


def balanced_accuracy(counts: ThresholdCounts) -> Goal:
    return Goal(metrics.balanced_accuracy(counts))


def mcc(counts: ThresholdCounts) -> Goal:
    return Goal(metrics.mcc(counts))


def accuracy(counts: ThresholdCounts) -> Goal:
    return Goal(metrics.accuracy(counts))


def cost(counts: ThresholdCounts, benefit_tp: float, cost_fp: float, cost_fn: float, benefit_tn: float) -> Goal:
    """(b_tp TP + b_tn TN - c_fp FP - c_fn FN) / N, in the unit of the params."""
    gained = benefit_tp * counts.tp + benefit_tn * counts.tn
    lost = cost_fp * counts.fp + cost_fn * counts.fn
    value = ratio(gained - lost, counts.total)
    return Goal(value, wanted=np.where(np.isnan(value), np.nan, gained - lost), size=gained + lost)


def precision(counts: ThresholdCounts, least: float) -> Goal:
    return _at_least(metrics.recall(counts), metrics.precision(counts), least)


def recall(counts: ThresholdCounts, least: float) -> Goal:
    return _at_least(metrics.precision(counts), metrics.recall(counts), least)


def specificity(counts: ThresholdCounts, least: float) -> Goal:
    return _at_least(metrics.recall(counts), metrics.specificity(counts), least)


def top_percent(counts: ThresholdCounts, percent: float) -> Goal:
    return _budget(counts, np.floor(percent / 100 * counts.total + WHOLE))


def top_rows(counts: ThresholdCounts, rows: int) -> Goal:
    return _budget(counts, np.asarray(rows))


def prevalence(counts: ThresholdCounts) -> Goal:
    gap = ratio(np.abs(counts.fp - counts.fn), counts.total)  # predicted positives less positives is FP less FN
    return Goal(gap, wanted=-gap)


def _f_beta(counts: ThresholdCounts, beta: float) -> NDArray[np.float64]:
    """F-beta, NaN at every threshold without a positive row, where none is better than another."""
    without = counts.tp[..., :1] + counts.fn[..., :1] == 0
    values = metrics.f_beta(counts, beta)
    return np.where(without, np.nan, values) if without.any() else values


def _at_least(value: NDArray[np.float64], measure: NDArray[np.float64], least: float) -> Goal:
    """The greatest value where the measure is >= least; the greatest measure if it nowhere is."""
    return Goal(value, met=measure >= least, near=np.where(np.isnan(value), np.nan, measure))


def _budget(counts: ThresholdCounts, rows: NDArray) -> Goal:
    """As many rows predicted positive as the budget allows: rows with one score are predicted positive all or none."""
    predicted = counts.predicted_positive.astype(np.float64)
    return Goal(metrics.recall(counts), wanted=predicted, met=predicted <= rows)


def _lack(counts: ThresholdCounts) -> str:
    """Why nothing is defined at any threshold."""
    if counts.total == 0:
        return "there are no rows"
    if counts.tp + counts.fn == 0:
        return "no row is positive"
    return "no row is negative" if counts.fp + counts.tn == 0 else "all rows have one score"


def _least(of: str) -> Param:
    return Param(
        "least", f"At least this {of}", 0.9, 0.0, 1.0, 0.01, help=f"Thresholds with a {of} below it are left out."
    )


def _money(name: str, label: str, default: float) -> Param:
    return Param(name, label, default, 0.0, 1e9, 0.5, help="In your own unit, the same for all four.")


RULES: dict[str, RuleSpec] = {
    "fixed": RuleSpec(
        name="fixed",
        label="Fixed",
        function=fixed,
        value="F1",
        help="A threshold that you set yourself; nothing is tuned, and F1 is what it is compared by.",
        reference="Duda and Hart, Pattern classification and scene analysis, 1973: .5 for equal costs",
        params=(Param("threshold", "Threshold", 0.5, -1e9, 1e9, 0.01, help="On the score, as the model gives it."),),
    ),
    "f1": RuleSpec(
        name="f1",
        label="Greatest F1",
        function=f1,
        value="F1",
        help="Balances precision and recall of the positive class; true negatives play no part.",
        reference="Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to maximize F1 measure, 2014, "
        "https://doi.org/10.1007/978-3-662-44851-9_15",
    ),
    "f_beta": RuleSpec(
        name="f_beta",
        label="Greatest F-beta",
        function=f_beta,
        value="F-beta",
        help="As F1, but recall counts beta times as much as precision.",
        reference="van Rijsbergen, Information Retrieval, 2nd edition, 1979, chapter 7",
        params=(Param("beta", "Beta", 2.0, 0.01, 100.0, 0.1, log=True, help="Above 1 favours recall."),),
    ),
    "youden": RuleSpec(
        name="youden",
        label="Youden's J",
        function=youden,
        value="Youden's J",
        help="The point of the ROC curve farthest above its diagonal, whatever the prevalence is.",
        reference="Youden, Index for rating diagnostic tests, 1950, "
        "https://doi.org/10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3",
        range=_signed,
    ),
    "balanced_accuracy": RuleSpec(
        name="balanced_accuracy",
        label="Greatest balanced accuracy",
        function=balanced_accuracy,
        value="Balanced accuracy",
        help="The greatest mean of recall and specificity; the same threshold as Youden's J.",
        reference="Brodersen et al., The balanced accuracy and its posterior distribution, 2010, "
        "https://doi.org/10.1109/ICPR.2010.764",
    ),
    "mcc": RuleSpec(
        name="mcc",
        label="Greatest MCC",
        function=mcc,
        value="MCC",
        help="The greatest correlation of truth and decision; all four cells of the confusion matrix count.",
        reference="Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, 1975, "
        "https://doi.org/10.1016/0005-2795(75)90109-9",
        range=_signed,
    ),
    "accuracy": RuleSpec(
        name="accuracy",
        label="Greatest accuracy",
        function=accuracy,
        value="Accuracy",
        help="The fewest errors of either kind; with a rare class often no row is predicted positive.",
        reference="Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010",
    ),
    "cost": RuleSpec(
        name="cost",
        label="Greatest payoff",
        function=cost,
        value="Payoff per row",
        help="The greatest sum of what right decisions bring less what wrong ones cost, in your own unit.",
        reference="Elkan, The foundations of cost-sensitive learning, IJCAI 2001, "
        "https://dl.acm.org/doi/10.5555/1642194.1642224",
        params=(
            _money("benefit_tp", "Benefit of a true positive", 0.0),
            _money("cost_fp", "Cost of a false positive", 1.0),
            _money("cost_fn", "Cost of a false negative", 5.0),
            _money("benefit_tn", "Benefit of a true negative", 0.0),
        ),
        range=_payoffs,
    ),
    "precision": RuleSpec(
        name="precision",
        label="Most recall at a precision",
        function=precision,
        value="Recall",
        help="Finds as many positives as it can while enough of the rows predicted positive are.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        params=(_least("precision"),),
        condition="precision >= {least:g}",
        near="precision",
    ),
    "recall": RuleSpec(
        name="recall",
        label="Most precision at a recall",
        function=recall,
        value="Precision",
        help="Finds enough of the positives with as few false positives as it can.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        params=(_least("recall"),),
        condition="recall >= {least:g}",
        near="recall",
    ),
    "specificity": RuleSpec(
        name="specificity",
        label="Most recall at a specificity",
        function=specificity,
        value="Recall",
        help="Finds as many positives as it can while enough of the negative rows are left alone (Neyman and Pearson).",
        reference="Neyman and Pearson, On the problem of the most efficient tests of statistical hypotheses, 1933, "
        "https://doi.org/10.1098/rsta.1933.0009",
        params=(_least("specificity"),),
        condition="specificity >= {least:g}",
        near="specificity",
    ),
    "top_percent": RuleSpec(
        name="top_percent",
        label="Top share",
        function=top_percent,
        value="Recall",
        help="Calls the highest-scored share of the rows positive; of rows with one score all or none.",
        reference="Yang, A study on thresholding strategies for text categorization, 2001, "
        "https://doi.org/10.1145/383952.383975",
        params=(Param("percent", "Percent of rows", 5.0, 0.0, 100.0, 0.5, help="Never more rows than this."),),
        condition="at most {percent:g}% of rows predicted positive",
    ),
    "top_rows": RuleSpec(
        name="top_rows",
        label="Alert budget",
        function=top_rows,
        value="Recall",
        help="Calls as many of these rows positive as somebody can look at, the highest-scored first.",
        reference="Yang, A study on thresholding strategies for text categorization, 2001, "
        "https://doi.org/10.1145/383952.383975",
        params=(
            Param(
                "rows", "Rows", 100, 0, 1_000_000_000, 1, integer=True, help="Of these rows; use a share for others."
            ),
        ),
        condition="at most {rows:,} rows predicted positive",
    ),
    "prevalence": RuleSpec(
        name="prevalence",
        label="Prevalence matching",
        function=prevalence,
        value="Distance from the prevalence",
        help="Calls as many rows positive as there are positive ones, so that counts come out right.",
        reference="Yang, A study on thresholding strategies for text categorization, 2001, "
        "https://doi.org/10.1145/383952.383975",
        higher_is_better=False,
        pooled=False,
    ),
    "half_f1": RuleSpec(
        name="half_f1",
        label="Half the greatest F1",
        function=half_f1,
        value="F1",
        help="On true probabilities the best threshold for F1 is half the greatest F1; smoother than searching for it.",
        reference="Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to maximize F1 measure, 2014, "
        "https://doi.org/10.1007/978-3-662-44851-9_15",
    ),
}
