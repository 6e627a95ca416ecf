"""The few numbers that say how good scores and thresholds are, for any task. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.scores import Scores
from core.thresholds.counts import ThresholdCounts
from core.thresholds.decisions import called_positive, decide
from core.thresholds.metrics import METRICS, ratio
from core.thresholds.ranking import Rankings

BINARY = ("accuracy", "precision", "recall", "f1")


def decided_counts(matrix: NDArray) -> ThresholdCounts:
    """Counts (K,) of each class against the rest in a confusion matrix (K, K); thresholds are NaN."""
    tp = np.diagonal(matrix)
    fp, fn = matrix.sum(0) - tp, matrix.sum(1) - tp
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
        right = called_positive(y_score, 0.5) == (rows.y_true.reshape(y_score.shape[1:]) == 1)
    right = right.reshape(len(y_score), -1)
    return ratio(right.sum(1), right.shape[1])


def called_per_row(scores: Scores, thresholds: ArrayLike) -> tuple[int, int]:
    """Rows with no column at its threshold or above, and rows with several; thresholds (C,), or one for all."""
    called = called_positive(scores.y_score, thresholds).sum(axis=1)
    return int(np.count_nonzero(called == 0)), int(np.count_nonzero(called > 1))


def summary(scores: Scores, thresholds: ArrayLike) -> dict[str, float]:
    """The numbers of `summaries` for one model."""
    found = summaries(scores, scores.y_score[None], thresholds)
    return {name: float(values[0]) for name, values in found.items()}


def summaries(rows: Scores, y_score: NDArray[np.floating], thresholds: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Numbers by label, best known first, (R,) for R models of the same rows: those of `rows`, with y_score (R, N, C)
    in place of its own; thresholds (C,), one a column.

    Binary: the metrics of BINARY at the threshold. Multi-class, decided by argmax(p / t): accuracy and the mean over
    classes of recall, precision and F1, a class without decisions left out of the mean of precision. Multi-label,
    each label decided at its own threshold: the share of rows with every label right, the share of wrong labels
    (Hamming loss), F1 of all decisions together (micro) and its mean over labels (macro). All: average precision,
    over classes or labels their mean (NaN left out), and ROC-AUC likewise.
    """
    if rows.task == "multiclass":
        truth = np.arange(rows.n_columns) == rows.y_true[:, None]
        found = _multiclass(rows.y_true, y_score, thresholds)
    else:
        truth = rows.y_true.reshape(rows.n_rows, rows.n_columns) == 1
        called = called_positive(y_score, np.ravel(thresholds))
        counts = _counted(truth, called)
        found = _binary(counts[:, 0]) if rows.task == "binary" else _multilabel(truth, called, counts)
    mean = "" if rows.task == "binary" else "Macro "
    ranked = Rankings.of(truth.T if mean else truth[:, 0], np.moveaxis(y_score, 1, 2))
    shape = len(y_score), rows.n_columns
    found[f"{mean}average precision" if mean else "Average precision"] = _mean(
        ranked.average_precisions().reshape(shape)
    )
    found[f"{mean}ROC-AUC"] = _mean(ranked.roc_aucs().reshape(shape))
    return found


def _counted(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> ThresholdCounts:
    """Counts (R, C) of decisions (R, N, C) about rows (N, C)."""
    tp, called_in_all = (called & truth).sum(1), called.sum(1)
    fp, fn = called_in_all - tp, truth.sum(0) - tp
    return ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, truth.shape[0] - tp - fp - fn)


def _binary(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    return {METRICS[name].label: METRICS[name](counts) for name in BINARY}


def _multiclass(
    y_true: NDArray[np.int64], y_score: NDArray[np.floating], thresholds: ArrayLike
) -> dict[str, NDArray[np.float64]]:
    models, rows, classes = y_score.shape
    called = decide(y_score.reshape(-1, classes), thresholds).reshape(models, rows)
    cells = (np.arange(models)[:, None] * classes + y_true) * classes + called
    matrices = np.bincount(cells.ravel(), minlength=models * classes**2).reshape(models, classes, classes)
    tp = np.diagonal(matrices, axis1=1, axis2=2)
    fp, fn = matrices.sum(1) - tp, matrices.sum(2) - tp
    counts = ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, rows - tp - fp - fn)
    found = {"Accuracy": ratio(tp.sum(1), rows)}
    for name in ("precision", "recall", "f1"):
        label = METRICS[name].label.lower() if name != "f1" else "F1"
        found[f"Macro {label}"] = _mean(METRICS[name](counts))
    return found


def _multilabel(
    truth: NDArray[np.bool_], called: NDArray[np.bool_], counts: ThresholdCounts
) -> dict[str, NDArray[np.float64]]:
    wrong = called != truth
    sums = (counts.tp.sum(1), counts.fp.sum(1), counts.fn.sum(1), counts.tn.sum(1))
    pooled = ThresholdCounts(np.full(len(called), np.nan), *sums)
    rows, labels = truth.shape
    return {
        "All labels right": ratio((~wrong.any(axis=2)).sum(1), rows),
        "Hamming loss": ratio(wrong.sum((1, 2)), rows * labels),
        "Micro F1": METRICS["f1"](pooled),
        "Macro F1": _mean(METRICS["f1"](counts)),
    }


def _mean(values: NDArray) -> NDArray[np.float64]:
    """The mean over the last axis without NaN; NaN where nothing else is."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0).sum(-1), known.sum(-1))
