"""The few numbers that say how good scores and thresholds are, for any task. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.scores import Scores
from core.thresholds.counts import ThresholdCounts, class_counts, index_scores
from core.thresholds.curves import average_precision, roc_auc
from core.thresholds.decisions import confusion_matrix, decide
from core.thresholds.metrics import METRICS, ratio

BINARY = ("accuracy", "precision", "recall", "f1")


def decided_counts(matrix: NDArray) -> ThresholdCounts:
    """Counts (K,) of each class against the rest in a confusion matrix (K, K); thresholds are NaN."""
    tp = np.diagonal(matrix)
    fp, fn = matrix.sum(0) - tp, matrix.sum(1) - tp
    return ThresholdCounts(np.full(len(matrix), np.nan), tp, fp, fn, matrix.sum() - tp - fp - fn)


def summary(scores: Scores, thresholds: ArrayLike) -> dict[str, float]:
    """Numbers by label, best known first; thresholds (C,), one a column.

    Binary: the metrics of BINARY at the threshold. Multi-class, decided by argmax(p / t): accuracy and the mean over
    classes of recall, precision and F1, a class without decisions left out of the mean of precision. Both: average
    precision, over classes their mean (NaN left out), and ROC-AUC likewise.
    """
    indexes = index_scores(scores)
    if scores.task == "multiclass":
        matrix = confusion_matrix(scores.y_true, decide(scores.y_score, thresholds), scores.n_columns)
        counts = decided_counts(matrix)
        found = {"Accuracy": float(ratio(np.trace(matrix), matrix.sum()))}
        found |= {
            f"Macro {METRICS[name].label.lower() if name != 'f1' else 'F1'}": _mean(METRICS[name](counts))
            for name in ("precision", "recall", "f1")
        }
    else:
        counts = class_counts(indexes, np.reshape(thresholds, (-1, 1)))
        found = {METRICS[name].label: _mean(METRICS[name](counts)) for name in BINARY}
    kind = "Macro average" if scores.task == "multiclass" else "Average"
    found[f"{kind} precision"] = _mean(np.array([average_precision(index) for index in indexes]))
    found["Macro ROC-AUC" if scores.task == "multiclass" else "ROC-AUC"] = _mean(
        np.array([roc_auc(index) for index in indexes])
    )
    return found


def _mean(values: NDArray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
