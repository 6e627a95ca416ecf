"""Rules that choose one threshold: each a function from the counts at all candidates to a goal. NumPy alone.

Counts are (..., T) with thresholds falling from inf; leading dimensions are independent, so that a thousand resamples
are tuned at once. A threshold where the value is undefined is never chosen: F1 and recall without a positive row,
specificity without a negative row, MCC where all rows are predicted alike.
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
from core.text import counted

Ends = tuple[float, float]
WHOLE = 1e-9  # a number of rows this close below an integer is that integer


def _unit(**_params: Value) -> Ends:
    return 0.0, 1.0


def _signed(**_params: Value) -> Ends:
    return -1.0, 1.0


def _payoffs(benefit_tp: float, cost_fp: float, cost_fn: float, benefit_tn: float) -> Ends:
    return -max(cost_fp, cost_fn), max(benefit_tp, benefit_tn)


@dataclass(frozen=True)
class RuleSpec:
    """A tuning rule: `function(counts, **params)` computes its goal.

    value: name of what it reports. condition: its constraint, formatted with the parameters; "" without one.
    near: name of what is maximised where no threshold meets the constraint.
    range: `range(**params)` gives the bounds of the value.
    pooled: whether counts of several sets of rows may be summed before the value is computed; False where deviations of
    opposite sign would cancel.
    at_positives: whether it always chooses the score of a positive row, or inf.
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
    at_positives: bool = False

    def __call__(self, counts: ThresholdCounts, **params: Value) -> Choice:
        """Choose among `candidates`, counts (T,), with default values for parameters that are not given.

        Raises CutoffError for a parameter that is unknown or outside its range.
        """
        return self.bind(**params)(counts)

    def bind(self, **params: Value) -> Rule:
        """The rule with these parameters and defaults for the others; raises CutoffError as calling it does."""
        return Rule(self, tuple(checked(self.name, self.params, params).items()))


@dataclass(frozen=True)
class Rule:
    """A rule with a value for each of its parameters; made by `RuleSpec.bind`, which checks them."""

    spec: RuleSpec
    params: tuple[tuple[str, Value], ...]

    @property
    def range(self) -> Ends:
        """The bounds of its value on any rows."""
        return self.spec.range(**dict(self.params))

    def goal(self, counts: ThresholdCounts) -> Goal:
        """Its goal for counts (..., T)."""
        return self.spec.function(counts, **dict(self.params))

    def pick(self, counts: ThresholdCounts) -> Pick:
        """Its choices from counts (..., T), each (...,)."""
        return pick(self.goal(counts), counts.thresholds)

    def __call__(self, counts: ThresholdCounts) -> Choice:
        """Choose among `candidates`, counts (T,)."""
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
        positive, total = (round(count.item(), 3) for count in (counts.predicted_positive, counts.total))  # or weights
        predicts = f"predicts {positive:,} of {counted(f'{total:,}', 'row')} positive"
        value = "undefined" if np.isnan(found.value) else f"{found.value:.4g}"
        given = f" with {condition}" if condition else ""
        return f"{self.spec.value} is {value}{given} at threshold {where}, which {predicts}."


def bind(name: str, **params: Value) -> Rule:
    """The rule of that name with these parameters and defaults for the others.

    Raises CutoffError for an unknown rule, and for a parameter that is unknown or outside its range.
    """
    every = rules()
    if name not in every:
        raise CutoffError(f"Expected `rule` to be one of {', '.join(every)}, but got {name!r}.")
    return every[name].bind(**params)


def rules() -> dict[str, RuleSpec]:
    """All rules by name: those of RULES, and the optimum of every metric whose name is not among them."""
    return RULES | {name: _optimum(spec) for name, spec in METRICS.items() if name not in RULES}


def _optimum(metric: MetricSpec) -> RuleSpec:
    """The rule that maximises a metric, or minimises it where lower is better."""

    def goal(counts: ThresholdCounts, **params: Value) -> Goal:
        value = metric(counts, **params)
        sign = 1 if metric.higher_is_better else -1
        return Goal(value, objective=sign * value, size=np.abs(value) + 1)

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
    """The threshold on the true probability that maximises the expected payoff.

    A positive prediction is at least as good as a negative one where q (b_tp + c_fn) >= (1 - q) (b_tn + c_fp).

    Parameters
    ----------
    benefit_tp, benefit_tn : benefits of correct predictions, in one unit.
    cost_fp, cost_fn : costs of wrong predictions, in the same unit.

    Returns
    -------
    (b_tn + c_fp) / (b_tn + c_fp + b_tp + c_fn), to be used as `q >= t`; NaN if the denominator is 0.

    References
    ----------
    Elkan, The foundations of cost-sensitive learning (2001).
    """
    of_negative, of_positive = benefit_tn + cost_fp, benefit_tp + cost_fn
    return float(ratio(of_negative, of_negative + of_positive))


def fixed(counts: ThresholdCounts, threshold: float) -> Goal:
    """The given threshold; reports F1."""
    return Goal(_f_beta(counts, 1), threshold=np.full(counts.tp.shape[:-1], threshold))


def f1(counts: ThresholdCounts) -> Goal:
    """Maximise F1."""
    return Goal(_f_beta(counts, 1))


def f_beta(counts: ThresholdCounts, beta: float) -> Goal:
    """Maximise F-beta, beta > 0."""
    return Goal(_f_beta(counts, beta))


def half_f1(counts: ThresholdCounts) -> Goal:
    """The threshold F*/2, where F* is the maximum F1 on these rows; reports F1."""
    values = _f_beta(counts, 1)
    return Goal(values, threshold=np.fmax.reduce(values, axis=-1) / 2)


def youden(counts: ThresholdCounts) -> Goal:
    """Maximise Youden's J."""
    return Goal(metrics.youden(counts))


def balanced_accuracy(counts: ThresholdCounts) -> Goal:
    """Maximise the mean of recall and specificity."""
    return Goal(metrics.balanced_accuracy(counts))


def mcc(counts: ThresholdCounts) -> Goal:
    """Maximise the Matthews correlation coefficient."""
    return Goal(metrics.mcc(counts))


def accuracy(counts: ThresholdCounts) -> Goal:
    """Maximise accuracy."""
    return Goal(metrics.accuracy(counts))


def cost(counts: ThresholdCounts, benefit_tp: float, cost_fp: float, cost_fn: float, benefit_tn: float) -> Goal:
    """Maximise (b_tp TP + b_tn TN - c_fp FP - c_fn FN) / N, in the unit of the parameters."""
    gained = benefit_tp * counts.tp + benefit_tn * counts.tn
    lost = cost_fp * counts.fp + cost_fn * counts.fn
    value = ratio(gained - lost, counts.total)
    return Goal(value, objective=np.where(np.isnan(value), np.nan, gained - lost), size=gained + lost)


def precision(counts: ThresholdCounts, least: float) -> Goal:
    """Maximise recall subject to precision >= `least`, in [0, 1]."""
    return _at_least(metrics.recall(counts), metrics.precision(counts), least)


def recall(counts: ThresholdCounts, least: float) -> Goal:
    """Maximise precision subject to recall >= `least`, in [0, 1]."""
    return _at_least(metrics.precision(counts), metrics.recall(counts), least)


def specificity(counts: ThresholdCounts, least: float) -> Goal:
    """Maximise recall subject to specificity >= `least`, in [0, 1]."""
    return _at_least(metrics.recall(counts), metrics.specificity(counts), least)


def top_percent(counts: ThresholdCounts, percent: float) -> Goal:
    """Predict at most `percent` of the rows positive, in [0, 100]; reports recall."""
    return _budget(counts, np.floor(percent / 100 * counts.total + WHOLE))


def top_rows(counts: ThresholdCounts, rows: int) -> Goal:
    """Predict at most `rows` >= 0 rows positive; reports recall."""
    return _budget(counts, np.asarray(rows))


def prevalence(counts: ThresholdCounts) -> Goal:
    """Minimise the distance, in [0, 1], between the share predicted positive and the share of positives."""
    gap = ratio(np.abs(counts.fp - counts.fn), counts.total)  # predicted positives minus positives is FP - FN
    return Goal(gap, objective=-gap)


def _f_beta(counts: ThresholdCounts, beta: float) -> NDArray[np.float64]:
    """F-beta; NaN at every threshold without a positive row, where all thresholds are equally good."""
    without = counts.tp[..., :1] + counts.fn[..., :1] == 0
    values = metrics.f_beta(counts, beta)
    return np.where(without, np.nan, values) if without.any() else values


def _at_least(value: NDArray[np.float64], measure: NDArray[np.float64], least: float) -> Goal:
    """Maximise the value subject to measure >= least; maximise the measure if no threshold meets that."""
    return Goal(value, met=measure >= least, near=np.where(np.isnan(value), np.nan, measure))


def _budget(counts: ThresholdCounts, rows: NDArray) -> Goal:
    """Predict as many rows positive as the budget allows; tied rows are all predicted positive or none."""
    predicted = counts.predicted_positive.astype(np.float64)
    return Goal(metrics.recall(counts), objective=predicted, met=predicted <= rows)


def _lack(counts: ThresholdCounts) -> str:
    """Why the value is undefined at every threshold."""
    if counts.total == 0:
        return "there are no rows"
    if counts.tp + counts.fn == 0:
        return "no row is positive"
    return "no row is negative" if counts.fp + counts.tn == 0 else "all rows have one score"


def _least(of: str) -> Param:
    return Param("least", f"Minimum {of}", 0.9, 0.0, 1.0, 0.01, help=f"Thresholds with a lower {of} are left out.")


def _money(name: str, label: str, default: float) -> Param:
    return Param(name, label, default, 0.0, 1e9, 0.5, help="In your own unit, the same for all four.")


RULES: dict[str, RuleSpec] = {
    "fixed": RuleSpec(
        name="fixed",
        label="Fixed",
        function=fixed,
        value="F1",
        help="A threshold that you set yourself; nothing is tuned, and F1 is reported.",
        reference="Duda and Hart, Pattern classification and scene analysis, 1973: .5 for equal costs",
        params=(Param("threshold", "Threshold", 0.5, -1e9, 1e9, 0.01, help="On the score, as the model gives it."),),
    ),
    "f1": RuleSpec(
        name="f1",
        label="Maximum F1",
        function=f1,
        value="F1",
        help="Balances precision and recall of the positive class; true negatives play no part.",
        reference="Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to maximize F1 measure, 2014, "
        "https://doi.org/10.1007/978-3-662-44851-9_15",
        at_positives=True,
    ),
    "f_beta": RuleSpec(
        name="f_beta",
        label="Maximum F-beta",
        function=f_beta,
        value="F-beta",
        help="As F1, but recall counts beta times as much as precision.",
        reference="van Rijsbergen, Information Retrieval, 2nd edition, 1979, chapter 7",
        params=(Param("beta", "Beta", 2.0, 0.01, 100.0, 0.1, log=True, help="Above 1 favours recall."),),
        at_positives=True,
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
        label="Maximum balanced accuracy",
        function=balanced_accuracy,
        value="Balanced accuracy",
        help="Maximises the mean of recall and specificity; the same threshold as Youden's J.",
        reference="Brodersen et al., The balanced accuracy and its posterior distribution, 2010, "
        "https://doi.org/10.1109/ICPR.2010.764",
    ),
    "mcc": RuleSpec(
        name="mcc",
        label="Maximum MCC",
        function=mcc,
        value="MCC",
        help="Maximises the correlation of actual and predicted class; all four cells of the confusion matrix count.",
        reference="Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, 1975, "
        "https://doi.org/10.1016/0005-2795(75)90109-9",
        range=_signed,
    ),
    "accuracy": RuleSpec(
        name="accuracy",
        label="Maximum accuracy",
        function=accuracy,
        value="Accuracy",
        help="Minimises the number of errors; with a rare class often no row is predicted positive.",
        reference="Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010",
    ),
    "cost": RuleSpec(
        name="cost",
        label="Maximum net value",
        function=cost,
        value="Net value per row",
        help="Maximises benefits of correct predictions minus costs of wrong ones, in your own unit.",
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
        label="Maximum recall at a precision",
        function=precision,
        value="Recall",
        help="Maximises recall among thresholds with at least this precision.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        params=(_least("precision"),),
        condition="precision >= {least:g}",
        near="precision",
    ),
    "recall": RuleSpec(
        name="recall",
        label="Maximum precision at a recall",
        function=recall,
        value="Precision",
        help="Maximises precision among thresholds with at least this recall.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        params=(_least("recall"),),
        condition="recall >= {least:g}",
        near="recall",
    ),
    "specificity": RuleSpec(
        name="specificity",
        label="Maximum recall at a specificity",
        function=specificity,
        value="Recall",
        help="Maximises recall among thresholds with at least this specificity (Neyman and Pearson).",
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
        help="Predicts the highest-scored share of the rows positive; tied rows all or none.",
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
        help="Predicts as many of these rows positive as can be reviewed, the highest-scored first.",
        reference="Yang, A study on thresholding strategies for text categorization, 2001, "
        "https://doi.org/10.1145/383952.383975",
        params=(
            Param(
                "rows",
                "Rows",
                100,
                0,
                1_000_000_000,
                1,
                integer=True,
                help="Of these rows; use a share for other rows.",
            ),
        ),
        condition="at most {rows:,} predicted positive",
    ),
    "prevalence": RuleSpec(
        name="prevalence",
        label="Prevalence matching",
        function=prevalence,
        value="Distance from the prevalence",
        help="Predicts as many rows positive as are positive, so that totals are right.",
        reference="Yang, A study on thresholding strategies for text categorization, 2001, "
        "https://doi.org/10.1145/383952.383975",
        higher_is_better=False,
        pooled=False,
    ),
    "half_f1": RuleSpec(
        name="half_f1",
        label="Half the maximum F1",
        function=half_f1,
        value="F1",
        help="For calibrated scores the best threshold for F1 is half the maximum F1; it varies less than a search.",
        reference="Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to maximize F1 measure, 2014, "
        "https://doi.org/10.1007/978-3-662-44851-9_15",
    ),
}
