"""Metrics as functions of the counts at thresholds, for counts of any shape. NumPy alone.

A ratio with denominator 0 is NaN, and so is everything computed from it. scikit-learn instead warns and returns
`zero_division` (0 by default), returns 0 for MCC, and leaves an absent class out of balanced accuracy. F1, F-beta and
Jaccard are defined wherever a positive row exists, and 0 there if none is found.

For fixed totals every metric is non-decreasing in true positives and non-increasing in false positives (cost the other
way round), so that curves can be thinned within a known error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.counts import ThresholdCounts
from core.parameters import Param, Value, checked


@dataclass(frozen=True)
class MetricSpec:
    """A metric: `function(counts, **params)` has the shape of the counts and lies in `range`, or is NaN.

    undefined: when it is NaN, as in "no row is positive". in_summary: whether summaries and comparisons list it.
    """

    name: str
    label: str
    function: Callable[..., NDArray[np.float64]]
    formula: str  # LaTeX
    range: tuple[float, float]
    higher_is_better: bool
    help: str
    reference: str
    undefined: str
    params: tuple[Param, ...] = ()
    in_summary: bool = True

    @property
    def details(self) -> str:
        """Formula, meaning, when it is undefined and reference, as Markdown."""
        return f"${self.formula}$\n\n{self.help} Undefined when {self.undefined}.\n\n{self.reference}"

    def __call__(self, counts: ThresholdCounts, **params: Value) -> NDArray[np.float64]:
        """The metric at each threshold, in the shape of the counts, with defaults for parameters that are not given.

        Raises CutoffError for a parameter that is unknown or outside its range.
        """
        return self.function(counts, **checked(self.name, self.params, params))


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """numerator / denominator, broadcast, NaN where the denominator is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)


def accuracy(counts: ThresholdCounts) -> NDArray[np.float64]:
    """(TP + TN) / N, in [0, 1]."""
    return ratio(counts.tp + counts.tn, counts.total)


def precision(counts: ThresholdCounts) -> NDArray[np.float64]:
    """TP / (TP + FP), in [0, 1]."""
    return ratio(counts.tp, counts.predicted_positive)


def recall(counts: ThresholdCounts) -> NDArray[np.float64]:
    """TP / (TP + FN), in [0, 1]."""
    return ratio(counts.tp, counts.tp + counts.fn)


def specificity(counts: ThresholdCounts) -> NDArray[np.float64]:
    """TN / (TN + FP), in [0, 1]."""
    return ratio(counts.tn, counts.tn + counts.fp)


def false_positive_rate(counts: ThresholdCounts) -> NDArray[np.float64]:
    """FP / (FP + TN) = 1 - specificity, in [0, 1]."""
    return ratio(counts.fp, counts.tn + counts.fp)


def balanced_accuracy(counts: ThresholdCounts) -> NDArray[np.float64]:
    """Mean of recall and specificity, in [0, 1]."""
    return (recall(counts) + specificity(counts)) / 2


def youden(counts: ThresholdCounts) -> NDArray[np.float64]:
    """Youden's J: recall - false positive rate, in [-1, 1]."""
    return recall(counts) - false_positive_rate(counts)


def f_beta(counts: ThresholdCounts, beta: float) -> NDArray[np.float64]:
    """F-beta, in [0, 1]: recall counts beta > 0 times as much as precision."""
    weighted_tp = (1 + beta**2) * counts.tp
    return ratio(weighted_tp, weighted_tp + beta**2 * counts.fn + counts.fp)


def f1(counts: ThresholdCounts) -> NDArray[np.float64]:
    """2 TP / (2 TP + FP + FN), in [0, 1]."""
    return f_beta(counts, beta=1)


def jaccard(counts: ThresholdCounts) -> NDArray[np.float64]:
    """TP / (TP + FP + FN), in [0, 1]."""
    return ratio(counts.tp, counts.tp + counts.fp + counts.fn)


def mcc(counts: ThresholdCounts) -> NDArray[np.float64]:
    """Matthews correlation coefficient, in [-1, 1]."""
    tp, fp, fn, tn = (np.asarray(count, np.float64) for count in (counts.tp, counts.fp, counts.fn, counts.tn))
    # As floats, since the product of all four sums overflows int64 at 1e5 rows.
    spread = np.sqrt((tp + fp) * (tn + fn)) * np.sqrt((tp + fn) * (tn + fp))
    return np.clip(ratio(tp * tn - fp * fn, spread), -1, 1)


def cost(counts: ThresholdCounts, cost_fp: float, cost_fn: float) -> NDArray[np.float64]:
    """Cost per row, >= 0: (cost_fp FP + cost_fn FN) / N, with costs >= 0."""
    return ratio(cost_fp * counts.fp + cost_fn * counts.fn, counts.total)


METRICS: dict[str, MetricSpec] = {
    "accuracy": MetricSpec(
        name="accuracy",
        label="Accuracy",
        function=accuracy,
        formula=r"\frac{TP + TN}{TP + FP + FN + TN}",
        range=(0, 1),
        higher_is_better=True,
        help="Share of all rows that are predicted correctly; 1 - prevalence when none is predicted positive.",
        reference="Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010",
        undefined="there are no rows",
    ),
    "balanced_accuracy": MetricSpec(
        name="balanced_accuracy",
        label="Balanced accuracy",
        function=balanced_accuracy,
        formula=r"\frac{1}{2}\left(\frac{TP}{TP + FN} + \frac{TN}{TN + FP}\right)",
        range=(0, 1),
        higher_is_better=True,
        help="Mean of recall and specificity: the accuracy if both classes were equally frequent.",
        reference="Brodersen et al., The balanced accuracy and its posterior distribution, 2010, "
        "https://doi.org/10.1109/ICPR.2010.764",
        undefined="no row is positive or none is negative",
        in_summary=False,
    ),
    "precision": MetricSpec(
        name="precision",
        label="Precision",
        function=precision,
        formula=r"\frac{TP}{TP + FP}",
        range=(0, 1),
        higher_is_better=True,
        help="Share of the rows predicted positive that are positive.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        undefined="no row is predicted positive",
    ),
    "recall": MetricSpec(
        name="recall",
        label="Recall",
        function=recall,
        formula=r"\frac{TP}{TP + FN}",
        range=(0, 1),
        higher_is_better=True,
        help="Share of the positive rows that are predicted positive; also sensitivity or true positive rate.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
        undefined="no row is positive",
    ),
    "specificity": MetricSpec(
        name="specificity",
        label="Specificity",
        function=specificity,
        formula=r"\frac{TN}{TN + FP}",
        range=(0, 1),
        higher_is_better=True,
        help="Share of the negative rows that are predicted negative; 1 - false positive rate.",
        reference="Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010",
        undefined="no row is negative",
        in_summary=False,
    ),
    "f1": MetricSpec(
        name="f1",
        label="F1",
        function=f1,
        formula=r"\frac{2\,TP}{2\,TP + FP + FN}",
        range=(0, 1),
        higher_is_better=True,
        help="Harmonic mean of precision and recall, the Dice coefficient; true negatives are ignored.",
        reference="Dice, Measures of the amount of ecologic association between species, 1945, "
        "https://doi.org/10.2307/1932409",
        undefined="no row is positive or predicted positive",
    ),
    "f_beta": MetricSpec(
        name="f_beta",
        label="F-beta",
        function=f_beta,
        formula=r"\frac{(1 + \beta^2)\,TP}{(1 + \beta^2)\,TP + \beta^2\,FN + FP}",
        range=(0, 1),
        higher_is_better=True,
        help="Weighted harmonic mean of precision and recall; recall counts beta times as much as precision.",
        reference="van Rijsbergen, Information Retrieval, 2nd edition, 1979, chapter 7",
        undefined="no row is positive or predicted positive",
        in_summary=False,
        params=(Param("beta", "Beta", 2.0, low=0.01, high=100.0, step=0.1, log=True, help="Above 1 favours recall."),),
    ),
    "mcc": MetricSpec(
        name="mcc",
        label="MCC",
        function=mcc,
        formula=r"\frac{TP \cdot TN - FP \cdot FN}{\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}}",
        range=(-1, 1),
        higher_is_better=True,
        help="Matthews correlation coefficient of actual and predicted class.",
        reference="Matthews, Comparison of the predicted and observed secondary structure of T4 phage "
        "lysozyme, 1975, https://doi.org/10.1016/0005-2795(75)90109-9",
        undefined="all rows are of one class, or all are predicted alike",
        in_summary=False,
    ),
    "youden": MetricSpec(
        name="youden",
        label="Youden's J",
        function=youden,
        formula=r"\frac{TP}{TP + FN} - \frac{FP}{FP + TN}",
        range=(-1, 1),
        higher_is_better=True,
        help="True positive rate minus false positive rate: the height of the ROC curve above its diagonal.",
        reference="Youden, Index for rating diagnostic tests, 1950, "
        "https://doi.org/10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3",
        undefined="no row is positive or none is negative",
        in_summary=False,
    ),
    "jaccard": MetricSpec(
        name="jaccard",
        label="Jaccard",
        function=jaccard,
        formula=r"\frac{TP}{TP + FP + FN}",
        range=(0, 1),
        higher_is_better=True,
        help="Share of the rows positive or predicted positive that are both; the same best threshold as F1.",
        reference="Jaccard, The distribution of the flora in the alpine zone, 1912, "
        "https://doi.org/10.1111/j.1469-8137.1912.tb05611.x",
        undefined="no row is positive or predicted positive",
        in_summary=False,
    ),
    "cost": MetricSpec(
        name="cost",
        label="Cost per row",
        function=cost,
        formula=r"\frac{c_{FP}\,FP + c_{FN}\,FN}{TP + FP + FN + TN}",
        range=(0, np.inf),
        higher_is_better=False,
        help="Mean cost per row for these costs of a false positive and a false negative.",
        reference="Elkan, The foundations of cost-sensitive learning, IJCAI 2001, "
        "https://dl.acm.org/doi/10.5555/1642194.1642224",
        undefined="there are no rows",
        in_summary=False,
        params=(
            Param(
                "cost_fp",
                "Cost of a false positive",
                1.0,
                low=0.0,
                high=1e9,
                step=0.5,
                help="In any unit, the same for both.",
            ),
            Param(
                "cost_fn",
                "Cost of a false negative",
                5.0,
                low=0.0,
                high=1e9,
                step=0.5,
                help="In any unit, the same for both.",
            ),
        ),
    ),
}
