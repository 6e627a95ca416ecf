"""The few numbers that say how good scores and thresholds are, for any task. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.scores import Scores
from core.thresholds.counts import ThresholdCounts, class_counts, index_scores
from core.thresholds.curves import average_precision, roc_auc
from core.thresholds.decisions import called_positive, confusion_matrix, decide
from core.thresholds.metrics import METRICS, ratio

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
    if scores.task == "multiclass":
        right = decide(scores.y_score, np.ones(scores.n_columns)) == scores.y_true
    else:
        right = called_positive(scores.y_score, 0.5) == (scores.y_true.reshape(scores.y_score.shape) == 1)
    return float(ratio(np.count_nonzero(right), right.size))


def called_per_row(scores: Scores, thresholds: ArrayLike) -> tuple[int, int]:
    """Rows with no column at its threshold or above, and rows with several; thresholds (C,), or one for all."""
    called = called_positive(scores.y_score, thresholds).sum(axis=1)
    return int(np.count_nonzero(called == 0)), int(np.count_nonzero(called > 1))


def summary(scores: Scores, thresholds: ArrayLike) -> dict[str, float]:
    """Numbers by label, best known first; thresholds (C,), one a column.

    Binary: the metrics of BINARY at the threshold. Multi-class, decided by argmax(p / t): accuracy and the mean over
    classes of recall, precision and F1, a class without decisions left out of the mean of precision. Multi-label,
    each label decided at its own threshold: the share of rows with every label right, the share of wrong labels
    (Hamming loss), F1 of all decisions together (micro) and its mean over labels (macro). All: average precision,
    over classes or labels their mean (NaN left out), and ROC-AUC likewise.
    """
    indexes = index_scores(scores)
    mean = "" if scores.task == "binary" else "Macro "
    if scores.task == "multiclass":
        found = _multiclass(scores, thresholds)
    else:
        counts = class_counts(indexes, np.reshape(thresholds, (-1, 1)))
        found = _binary(counts) if scores.task == "binary" else _multilabel(scores, thresholds, counts)
    precisions = np.array([average_precision(index) for index in indexes])
    found[f"{mean}average precision" if mean else "Average precision"] = _mean(precisions)
    found[f"{mean}ROC-AUC"] = _mean(np.array([roc_auc(index) for index in indexes]))
    return found


def _binary(counts: ThresholdCounts) -> dict[str, float]:
    return {METRICS[name].label: _mean(METRICS[name](counts)) for name in BINARY}


def _multiclass(scores: Scores, thresholds: ArrayLike) -> dict[str, float]:
    matrix = confusion_matrix(scores.y_true, decide(scores.y_score, thresholds), scores.n_columns)
    counts = decided_counts(matrix)
    found = {"Accuracy": float(ratio(np.trace(matrix), matrix.sum()))}
    for name in ("precision", "recall", "f1"):
        label = METRICS[name].label.lower() if name != "f1" else "F1"
        found[f"Macro {label}"] = _mean(METRICS[name](counts))
    return found


def _multilabel(scores: Scores, thresholds: ArrayLike, counts: ThresholdCounts) -> dict[str, float]:
    called = called_positive(scores.y_score, np.ravel(thresholds))
    wrong = called != (scores.y_true == 1)
    pooled = ThresholdCounts(np.full((), np.nan), counts.tp.sum(), counts.fp.sum(), counts.fn.sum(), counts.tn.sum())
    return {
        "All labels right": float(ratio(np.count_nonzero(~wrong.any(axis=1)), scores.n_rows)),
        "Hamming loss": float(ratio(np.count_nonzero(wrong), wrong.size)),
        "Micro F1": float(METRICS["f1"](pooled)),
        "Macro F1": _mean(METRICS["f1"](counts)),
    }


def _mean(values: NDArray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
