"""The few numbers that say how good scores and thresholds are, for any task. Numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.counts import ThresholdCounts
from core.evaluation.decisions import NO_CLASS, decide, predicted_positive
from core.evaluation.metrics import METRICS, ratio
from core.evaluation.ranking import Rankings
from core.evaluation.scores import Scores

BINARY = ("accuracy", "precision", "recall", "f1")
Decide = Callable[[NDArray[np.floating], ArrayLike], NDArray[np.intp]]  # scores (N, C), thresholds (C,) -> classes (N,)


class ClassTotals(NamedTuple):
    """How good the decisions among classes are. Means over classes leave out those where the metric is undefined."""

    accuracy: float  # a row without a class is wrong
    precision: float  # macro, as are recall and F1
    recall: float
    f1: float
    without: int  # rows without a class


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
    without: int  # rows without a predicted label
    several: int  # rows with more than one predicted label


class Changes(NamedTuple):
    """Rows that two ways to decide decide differently, and how many of them one way or the other decides rightly."""

    rows: int
    righted: int  # wrong before, right after
    wronged: int  # right before, wrong after


def class_totals(matrix: NDArray) -> ClassTotals:
    """The totals of a confusion matrix (K, K), or (K, K + 1) with the rows without a class in the last column.

    NaN where undefined: without rows everything is.
    """
    counts = decided_counts(matrix)
    precision, recall, f1 = (float(_mean(METRICS[name](counts))) for name in ("precision", "recall", "f1"))
    right = float(ratio(counts.tp.sum(), matrix.sum()))
    return ClassTotals(right, precision, recall, f1, without=int(matrix[:, len(matrix) :].sum()))


def label_totals(y_true: ArrayLike, predicted: NDArray[np.bool_]) -> LabelTotals:
    """The totals of decisions `predicted` (N, C) about labels y_true (N, C) in {0, 1}, however they were made.

    NaN where undefined. Raises CutoffError for shapes that differ.
    """
    truth = np.asarray(y_true) == 1
    if predicted.ndim != 2 or truth.shape != predicted.shape:
        raise CutoffError(
            f"Expected `y_true` and `predicted` to have one shape (N, C), but got {truth.shape} and {predicted.shape}."
        )
    rows, labels = truth.shape
    right, has, gets = truth & predicted, truth.sum(1), predicted.sum(1)
    counts = _counted(truth, predicted[None])[0]
    f1 = METRICS["f1"](counts)
    known = np.isfinite(f1)
    return LabelTotals(
        micro_f1=float(_micro_f1(counts)),
        macro_f1=float(_mean(f1)),
        weighted_f1=float(ratio((f1 * truth.sum(0))[known].sum(), has.sum())),
        samples_f1=float(_mean(ratio(2 * right.sum(1), has + gets))),
        hamming=float(ratio((predicted != truth).sum(), rows * labels)),
        subset=float(ratio((predicted == truth).all(1).sum(), rows)),
        cardinality_true=float(ratio(has.sum(), rows)),
        cardinality=float(ratio(gets.sum(), rows)),
        without=int(np.count_nonzero(gets == 0)),
        several=int(np.count_nonzero(gets > 1)),
    )


def changes(y_true: ArrayLike, before: ArrayLike, after: ArrayLike) -> Changes:
    """How decisions `after` (N,) differ from those `before` (N,), where y_true (N,) is right; NO_CLASS never is."""
    true, old, new = np.asarray(y_true), np.asarray(before), np.asarray(after)
    changed = old != new
    return Changes(
        int(np.count_nonzero(changed)),
        int(np.count_nonzero(changed & (new == true))),
        int(np.count_nonzero(changed & (old == true))),
    )


def decided_counts(matrix: NDArray) -> ThresholdCounts:
    """Counts (K,) of each class against the rest in a confusion matrix (K, K) or (K, K + 1); thresholds are NaN.

    A last column more than there are classes holds rows without a class: no class's positive, and a miss of its own.
    """
    tp = np.diagonal(matrix)
    fp, fn = matrix[:, : len(matrix)].sum(0) - tp, matrix.sum(1) - tp
    return ThresholdCounts(np.full(len(matrix), np.nan), tp, fp, fn, matrix.sum() - tp - fp - fn)


def default_accuracy(scores: Scores) -> float:
    """Share of right default decisions: `score >= .5` in a binary task and for each label, argmax among classes.

    NaN without rows.
    """
    return float(default_accuracies(scores, scores.y_score[None])[0])


def default_accuracies(rows: Scores, y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """`default_accuracy` (R,) of R models of the same rows: those of `rows`, with y_score (R, N, C) in place of its
    own."""
    if rows.task == "multiclass":
        right = y_score.argmax(-1) == rows.y_true
    else:
        right = predicted_positive(y_score, 0.5) == (rows.y_true.reshape(y_score.shape[1:]) == 1)
    right = right.reshape(len(y_score), -1)
    return ratio(right.sum(1), right.shape[1])


def predicted_per_row(scores: Scores, thresholds: ArrayLike) -> tuple[int, int]:
    """Rows with no column at its threshold or above, and rows with several; thresholds (C,), or one for all."""
    predicted = predicted_positive(scores.y_score, thresholds).sum(axis=1)
    return int(np.count_nonzero(predicted == 0)), int(np.count_nonzero(predicted > 1))


def summary(scores: Scores, thresholds: ArrayLike, by: Decide = decide) -> dict[str, float]:
    """The numbers of `summaries` for one model."""
    found = summaries(scores, scores.y_score[None], thresholds, by)
    return {name: float(values[0]) for name, values in found.items()}


def summaries(
    rows: Scores, y_score: NDArray[np.floating], thresholds: ArrayLike, by: Decide = decide
) -> dict[str, NDArray[np.float64]]:
    """Numbers by label, best known first, (R,) for R models of the same rows: those of `rows`, with y_score (R, N, C)
    in place of its own; thresholds (C,), one a column.

    Binary: the metrics of BINARY at the threshold. Multi-class, decided `by` a rule, argmax(p / t) by default: accuracy
    and the mean over classes of recall, precision and F1, a class without decisions left out of the mean of precision.
    A row that the rule gives to no class is wrong. Multi-label,
    each label decided at its own threshold: the share of rows with every label right, the share of wrong labels
    (Hamming loss), F1 of all decisions together (micro) and its mean over labels (macro). All: average precision,
    over classes or labels their mean (NaN left out), and ROC-AUC likewise.
    """
    if rows.task == "multiclass":
        truth = np.arange(rows.n_columns) == rows.y_true[:, None]
        found = _multiclass(rows.y_true, y_score, thresholds, by)
    else:
        truth = rows.y_true.reshape(rows.n_rows, rows.n_columns) == 1
        predicted = predicted_positive(y_score, np.ravel(thresholds))
        counts = _counted(truth, predicted)
        found = _binary(counts[:, 0]) if rows.task == "binary" else _multilabel(truth, predicted, counts)
    mean = "" if rows.task == "binary" else "Macro "
    ranked = Rankings.of(truth.T if mean else truth[:, 0], np.moveaxis(y_score, 1, 2))
    shape = len(y_score), rows.n_columns
    found[f"{mean}average precision" if mean else "Average precision"] = _mean(
        ranked.average_precisions().reshape(shape)
    )
    found[f"{mean}ROC-AUC"] = _mean(ranked.roc_aucs().reshape(shape))
    return found


def _counted(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> ThresholdCounts:
    """Counts (R, C) of decisions (R, N, C) about rows (N, C)."""
    tp, predicted_in_all = (predicted & truth).sum(1), predicted.sum(1)
    fp, fn = predicted_in_all - tp, truth.sum(0) - tp
    return ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, truth.shape[0] - tp - fp - fn)


def _binary(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    return {METRICS[name].label: METRICS[name](counts) for name in BINARY}


def _multiclass(
    y_true: NDArray[np.int64], y_score: NDArray[np.floating], thresholds: ArrayLike, by: Decide
) -> dict[str, NDArray[np.float64]]:
    models, rows, classes = y_score.shape
    predicted = by(y_score.reshape(-1, classes), thresholds).reshape(models, rows)
    predicted = np.where(predicted == NO_CLASS, classes, predicted)  # the last column of each matrix
    cells = (np.arange(models)[:, None] * classes + y_true) * (classes + 1) + predicted
    matrices = np.bincount(cells.ravel(), minlength=models * classes * (classes + 1))
    matrices = matrices.reshape(models, classes, classes + 1)
    tp = np.diagonal(matrices, axis1=1, axis2=2)
    fp, fn = matrices[..., :classes].sum(1) - tp, matrices.sum(2) - tp
    counts = ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, rows - tp - fp - fn)
    found = {"Accuracy": ratio(tp.sum(1), rows)}
    for name in ("precision", "recall", "f1"):
        label = METRICS[name].label.lower() if name != "f1" else "F1"
        found[f"Macro {label}"] = _mean(METRICS[name](counts))
    return found


def _multilabel(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], counts: ThresholdCounts
) -> dict[str, NDArray[np.float64]]:
    wrong = predicted != truth
    rows, labels = truth.shape
    return {
        "All labels right": ratio((~wrong.any(axis=2)).sum(1), rows),
        "Hamming loss": ratio(wrong.sum((1, 2)), rows * labels),
        "Micro F1": _micro_f1(counts),
        "Macro F1": _mean(METRICS["f1"](counts)),
    }


def _micro_f1(counts: ThresholdCounts) -> NDArray[np.float64]:
    """F1 (R,) of the decisions about all columns together, from counts (R, C)."""
    tp, wrong = counts.tp.sum(-1), counts.fp.sum(-1) + counts.fn.sum(-1)
    return ratio(2 * tp, 2 * tp + wrong)


def _mean(values: NDArray) -> NDArray[np.float64]:
    """The mean over the last axis without NaN; NaN where nothing else is."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0).sum(-1), known.sum(-1))
