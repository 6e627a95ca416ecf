"""The few numbers that say how good scores and thresholds are, for any task. Numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.counts import ThresholdCounts
from core.evaluation.decisions import NO_CLASS, decide, predicted_positive
from core.evaluation.metrics import METRICS, MetricSpec, ratio
from core.evaluation.ranking import Rankings
from core.evaluation.scores import Scores, as_weights

LABELS = {
    "subset": "All labels right",
    "hamming": "Hamming loss",
    "micro_f1": "Micro F1",
    "average_precision": "Average precision",
    "roc_auc": "ROC-AUC",
}  # of the numbers that are no metric at a threshold
MACRO = "macro_"
Decide = Callable[[NDArray[np.floating], ArrayLike], NDArray[np.intp]]  # scores (N, C), thresholds (C,) -> classes (N,)


class ClassTotals(NamedTuple):
    """How good the decisions among classes are. Means over classes leave out those where the metric is undefined."""

    accuracy: float  # a row without a class is wrong
    precision: float  # macro, as are recall and F1
    recall: float
    f1: float
    without: float  # number (or weight) of the rows without a class


class LabelTotals(NamedTuple):
    """How good the decisions about all labels are.

    An F1 without a positive and without a decision is undefined and left out of the means over labels (macro) and over
    rows (samples); scikit-learn counts it as `zero_division`, 0 by default, and leaves it out if that is NaN.
    """

    micro_f1: float  # of all decisions together
    macro_f1: float  # mean over labels
    weighted_f1: float  # mean over labels, each weighing as many as it has positives
    samples_f1: float  # mean over rows
    hamming: float  # share of decisions that are wrong
    subset: float  # share of rows with every label right
    cardinality_true: float  # labels a row
    cardinality: float  # labels predicted per row
    without: float  # number (or weight) of the rows without a predicted label
    several: float  # and of those with more than one


class Changes(NamedTuple):
    """Rows that two ways to decide decide differently, and how many of them one way or the other decides rightly."""

    rows: float  # their number, or weight
    righted: float  # wrong before, right after
    wronged: float  # right before, wrong after


def class_totals(matrix: NDArray) -> ClassTotals:
    """The totals of a confusion matrix (K, K), or (K, K + 1) with the rows without a class in the last column.

    The matrix counts rows, or sums their weights. NaN where undefined: without rows everything is.
    """
    counts = decided_counts(matrix)
    precision, recall, f1 = (float(_mean(METRICS[name](counts))) for name in ("precision", "recall", "f1"))
    right = float(ratio(counts.tp.sum(), matrix.sum()))
    return ClassTotals(right, precision, recall, f1, without=matrix[:, len(matrix) :].sum().item())


def label_totals(
    y_true: ArrayLike, predicted: NDArray[np.bool_], sample_weight: ArrayLike | None = None
) -> LabelTotals:
    """The totals of decisions `predicted` (N, C) about labels y_true (N, C) in {0, 1}, however they were made.

    sample_weight (N,), >= 0, by default 1 a row. NaN where undefined. Raises CutoffError for shapes that differ.
    """
    truth = np.asarray(y_true) == 1
    if predicted.ndim != 2 or truth.shape != predicted.shape:
        raise CutoffError(
            f"Expected `y_true` and `predicted` to have one shape (N, C), but got {truth.shape} and {predicted.shape}."
        )
    weight = _weights(sample_weight, len(truth))
    right, has, gets = truth & predicted, truth.sum(1), predicted.sum(1)
    counts = _counted(truth, predicted[None], weight)[0]
    f1, f1_of_row = METRICS["f1"](counts), ratio(2 * right.sum(1), has + gets)
    known, known_rows = np.isfinite(f1), np.isfinite(f1_of_row)
    positives = counts.tp + counts.fn
    rows = _sum(np.ones(len(truth), np.int64), weight)

    def mean(of_rows: NDArray) -> float:
        return float(ratio(_sum(of_rows, weight), rows))

    return LabelTotals(
        micro_f1=float(_micro_f1(counts)),
        macro_f1=float(_mean(f1)),
        weighted_f1=float(ratio((f1 * positives)[known].sum(), positives.sum())),
        samples_f1=float(ratio(_sum(np.where(known_rows, f1_of_row, 0), weight), _sum(known_rows, weight))),
        hamming=float(ratio((counts.fp + counts.fn).sum(), counts.total.sum())),
        subset=mean((predicted == truth).all(1)),
        cardinality_true=mean(has),
        cardinality=mean(gets),
        without=_sum(gets == 0, weight).item(),
        several=_sum(gets > 1, weight).item(),
    )


def changes(y_true: ArrayLike, before: ArrayLike, after: ArrayLike, sample_weight: ArrayLike | None = None) -> Changes:
    """How decisions `after` (N,) differ from those `before` (N,), where y_true (N,) is right; NO_CLASS never is.

    sample_weight (N,), >= 0, by default 1 a row.
    """
    true, old, new = np.asarray(y_true), np.asarray(before), np.asarray(after)
    weight, changed = _weights(sample_weight, len(true)), old != new
    return Changes(
        _sum(changed, weight).item(),
        _sum(changed & (new == true), weight).item(),
        _sum(changed & (old == true), weight).item(),
    )


def decided_counts(matrix: NDArray) -> ThresholdCounts:
    """Counts (K,) of each class against the rest in a confusion matrix (K, K) or (K, K + 1); thresholds are NaN.

    A last column more than there are classes holds rows without a class: no class's positive, and a miss of its own.
    """
    tp = np.diagonal(matrix)
    fp, fn = matrix[:, : len(matrix)].sum(0) - tp, matrix.sum(1) - tp
    return ThresholdCounts(np.full(len(matrix), np.nan), tp, fp, fn, matrix.sum() - tp - fp - fn)


def default_accuracy(scores: Scores, sample_weight: ArrayLike | None = None) -> float:
    """Share of right default decisions: `score >= .5` in a binary task and for each label, argmax among classes.

    sample_weight (N,), >= 0, by default 1 a row. NaN without rows.
    """
    return float(default_accuracies(scores, scores.y_score[None], sample_weight)[0])


def default_accuracies(
    rows: Scores, y_score: NDArray[np.floating], sample_weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """`default_accuracy` (R,) of R models of the same rows: those of `rows`, with y_score (R, N, C) in place of its
    own."""
    if rows.task == "multiclass":
        right = (y_score.argmax(-1) == rows.y_true)[..., None]
    else:
        right = predicted_positive(y_score, 0.5) == (rows.y_true.reshape(y_score.shape[1:]) == 1)
    weight = _weights(sample_weight, rows.n_rows)
    return ratio(_sum(right, weight, 1).sum(1), _sum(np.ones(right.shape[1:], np.int64), weight).sum())


def predicted_per_row(
    scores: Scores, thresholds: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[float, float]:
    """Number (or weight) of the rows with no column at its threshold or above, and of those with several; thresholds
    (C,), or one for all."""
    weight = _weights(sample_weight, scores.n_rows)
    predicted = predicted_positive(scores.y_score, thresholds).sum(axis=1)
    return _sum(predicted == 0, weight).item(), _sum(predicted > 1, weight).item()


def summary(
    scores: Scores, thresholds: ArrayLike, by: Decide = decide, sample_weight: ArrayLike | None = None
) -> dict[str, float]:
    """The numbers of `summaries` for one model."""
    found = summaries(scores, scores.y_score[None], thresholds, by, sample_weight)
    return {name: float(values[0]) for name, values in found.items()}


def summaries(
    rows: Scores,
    y_score: NDArray[np.floating],
    thresholds: ArrayLike,
    by: Decide = decide,
    sample_weight: ArrayLike | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Numbers by identifier, see `number_label`, best known first, (R,) for R models of the same rows.

    The rows are those of `rows`, with y_score (R, N, C) in place of its own; thresholds (C,), one a column;
    sample_weight (N,), >= 0, by default 1 a row. Binary: the METRICS in summaries, at the threshold. Multi-class,
    decided `by` a rule, argmax(p / t) by default: accuracy, and the means over classes (macro) of the others, classes
    where one is undefined left out of its mean. A row that the rule gives to no class is wrong. Multi-label, each label
    decided at its own threshold: the share of rows with every label right (subset), the share of wrong labels
    (hamming), F1 of all decisions together (micro), and means over labels (macro) likewise. All: average precision and
    ROC-AUC, over classes or labels their means likewise.
    """
    weight = _weights(sample_weight, rows.n_rows)
    if rows.task == "multiclass":
        truth = np.arange(rows.n_columns) == rows.y_true[:, None]
        found = _multiclass(rows.y_true, y_score, thresholds, by, weight)
    else:
        truth = rows.y_true.reshape(rows.n_rows, rows.n_columns) == 1
        predicted = predicted_positive(y_score, np.ravel(thresholds))
        counts = _counted(truth, predicted, weight)
        found = _binary(counts[:, 0]) if rows.task == "binary" else _multilabel(truth, predicted, counts, weight)
    mean = "" if rows.task == "binary" else MACRO
    ranked = Rankings.of(truth.T if mean else truth[:, 0], np.moveaxis(y_score, 1, 2), weight)
    shape = len(y_score), rows.n_columns
    found[f"{mean}average_precision"] = _mean(ranked.average_precisions().reshape(shape))
    found[f"{mean}roc_auc"] = _mean(ranked.roc_aucs().reshape(shape))
    return found


def _weights(sample_weight: ArrayLike | None, rows: int) -> NDArray[np.float64] | None:
    """The weights of the rows (N,), checked; None where each counts once."""
    return None if sample_weight is None else as_weights(sample_weight, (rows,))


def _sum(of_rows: NDArray, weight: NDArray[np.float64] | None, axis: int = 0) -> NDArray:
    """The sum over the rows, which lie along the axis, each as it weighs."""
    return np.asarray(of_rows.sum(axis) if weight is None else np.tensordot(of_rows, weight, (axis, 0)))


def _counted(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], weight: NDArray[np.float64] | None
) -> ThresholdCounts:
    """Counts (R, C) of decisions (R, N, C) about rows (N, C)."""
    tp, total = _sum(predicted & truth, weight, 1), _sum(np.ones(len(truth), np.int64), weight)
    fp, fn = _sum(predicted, weight, 1) - tp, _sum(truth, weight) - tp
    return ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, total - tp - fp - fn)


def number_label(name: str) -> str:
    """What a number of `summaries` is called where it is shown."""
    if name.startswith(MACRO):
        label = number_label(name.removeprefix(MACRO))
        return f"Macro {label if label[1:2].isupper() or label[1:2].isdigit() else label[0].lower() + label[1:]}"
    return LABELS[name] if name in LABELS else METRICS[name].label


def higher_is_better(name: str) -> bool:
    """Whether more of a number of `summaries` is better."""
    name = name.removeprefix(MACRO)
    return METRICS[name].higher_is_better if name in METRICS else name != "hamming"


def _in_summary() -> dict[str, MetricSpec]:
    return {name: spec for name, spec in METRICS.items() if spec.in_summary}


def _binary(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    return {name: spec(counts) for name, spec in _in_summary().items()}


def _macro(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    """Means (R,) over the columns of counts (R, C); none of accuracy, of which there is one over all classes."""
    return {f"{MACRO}{name}": _mean(spec(counts)) for name, spec in _in_summary().items() if name != "accuracy"}


def _multiclass(
    y_true: NDArray[np.int64],
    y_score: NDArray[np.floating],
    thresholds: ArrayLike,
    by: Decide,
    weight: NDArray[np.float64] | None,
) -> dict[str, NDArray[np.float64]]:
    models, rows, classes = y_score.shape
    predicted = by(y_score.reshape(-1, classes), thresholds).reshape(models, rows)
    predicted = np.where(predicted == NO_CLASS, classes, predicted)  # the last column of each matrix
    cells = (np.arange(models)[:, None] * classes + y_true) * (classes + 1) + predicted
    weights = None if weight is None else np.tile(weight, models)
    matrices = np.bincount(cells.ravel(), weights, minlength=models * classes * (classes + 1))
    matrices = matrices.reshape(models, classes, classes + 1)
    tp = np.diagonal(matrices, axis1=1, axis2=2)
    fp, fn = matrices[..., :classes].sum(1) - tp, matrices.sum(2) - tp
    total = matrices.sum((1, 2))
    counts = ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, total[:, None] - tp - fp - fn)
    return {"accuracy": ratio(tp.sum(1), total)} | _macro(counts)


def _multilabel(
    truth: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    counts: ThresholdCounts,
    weight: NDArray[np.float64] | None,
) -> dict[str, NDArray[np.float64]]:
    right = ~(predicted != truth).any(axis=2)
    return {
        "subset": ratio(_sum(right, weight, 1), counts.total[:, 0]),
        "hamming": ratio((counts.fp + counts.fn).sum(-1), counts.total.sum(-1)),
        "micro_f1": _micro_f1(counts),
    } | _macro(counts)


def _micro_f1(counts: ThresholdCounts) -> NDArray[np.float64]:
    """F1 (R,) of the decisions about all columns together, from counts (R, C)."""
    tp, wrong = counts.tp.sum(-1), counts.fp.sum(-1) + counts.fn.sum(-1)
    return ratio(2 * tp, 2 * tp + wrong)


def _mean(values: NDArray) -> NDArray[np.float64]:
    """The mean over the last axis without NaN; NaN where nothing else is."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0).sum(-1), known.sum(-1))
