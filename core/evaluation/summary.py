"""Summary numbers of scores and thresholds, for any task. NumPy alone."""

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
    "subset": "Subset accuracy",
    "hamming": "Hamming loss",
    "micro_f1": "Micro F1",
    "average_precision": "Average precision",
    "roc_auc": "ROC-AUC",
}  # of the numbers that are not in METRICS
MACRO = "macro_"
Decide = Callable[[NDArray[np.floating], ArrayLike], NDArray[np.intp]]  # scores (N, C), thresholds (C,) -> classes (N,)


class Changes(NamedTuple):
    """Rows that two sets of decisions decide differently, and which of the two is correct."""

    rows: float  # number (or weight)
    righted: float  # wrong before, correct after
    wronged: float  # correct before, wrong after


def class_totals(matrix: NDArray) -> dict[str, float]:
    """Compute the totals of a confusion matrix.

    Parameters
    ----------
    matrix : number (or weight) of rows, (K, K), or (K, K + 1) with the rows without a class in the last column.

    Returns
    -------
    By identifier, NaN where undefined, as everything is without rows:
        accuracy : share of correct rows; a row without a class counts as wrong.
        each other metric in summaries : its mean over classes (macro), without those where it is undefined.
        without : number (or weight) of the rows without a class.
    """
    accuracy = float(ratio(np.trace(matrix), matrix.sum()))
    macro = {name: float(mean) for name, mean in _macro(decided_counts(matrix)).items()}
    return {"accuracy": accuracy} | macro | {"without": matrix[:, len(matrix) :].sum().item()}


def label_totals(
    y_true: ArrayLike, predicted: NDArray[np.bool_], sample_weight: ArrayLike | None = None
) -> dict[str, float]:
    """Compute the totals of decisions about labels.

    Parameters
    ----------
    y_true : labels (N, C) in {0, 1}.
    predicted : whether each label is predicted, (N, C).
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    By identifier, NaN where undefined:
        micro_, macro_, weighted_ and samples_ with each metric in summaries but accuracy : of all decisions pooled,
            and its mean over labels, over labels weighted by their number of positives, and over rows. Means leave out
            labels and rows where the metric is undefined, as an F1 without an actual and without a predicted positive;
            scikit-learn counts it as `zero_division`, 0 by default, and leaves it out if that is NaN.
        hamming : share of decisions that are wrong.
        subset : share of rows with every label correct.
        cardinality_true, cardinality : actual and predicted labels per row.
        without, several : number (or weight) of the rows without a predicted label, and of those with more than one.

    Raises
    ------
    CutoffError for shapes that differ, and for invalid weights.
    """
    truth = np.asarray(y_true) == 1
    if predicted.ndim != 2 or truth.shape != predicted.shape:
        raise CutoffError(
            f"Expected `y_true` and `predicted` to have one shape (N, C), but got {truth.shape} and {predicted.shape}."
        )
    weight = _weights(sample_weight, len(truth))
    of_label, of_row = label_counts(truth, predicted, weight), label_counts(truth.T, predicted.T)
    pooled, positives = _pooled(of_label), of_label.tp + of_label.fn
    found = {}
    for name, spec in _averaged().items():
        found[f"micro_{name}"] = spec(pooled)
        found[f"macro_{name}"] = _mean(spec(of_label))
        found[f"weighted_{name}"] = _mean(spec(of_label), positives)
        found[f"samples_{name}"] = _mean(spec(of_row), weight)
    gets = predicted.sum(1)
    found["hamming"] = ratio(pooled.fp + pooled.fn, pooled.total)
    found["subset"] = _mean((predicted == truth).all(1), weight)
    found["cardinality_true"], found["cardinality"] = _mean(truth.sum(1), weight), _mean(gets, weight)
    rows = {"without": _sum(gets == 0, weight).item(), "several": _sum(gets > 1, weight).item()}
    return {name: float(value) for name, value in found.items()} | rows


def label_counts(
    y_true: ArrayLike, predicted: NDArray[np.bool_], sample_weight: ArrayLike | None = None
) -> ThresholdCounts:
    """Counts (..., C) of decisions (..., N, C) about labels y_true (N, C) in {0, 1}; thresholds are NaN.

    sample_weight (N,), >= 0, is by default 1 per row; raises CutoffError for invalid weights.
    """
    truth = np.asarray(y_true) == 1
    weight, rows = _weights(sample_weight, len(truth)), predicted.ndim - 2
    tp, total = _sum(predicted & truth, weight, rows), _sum(np.ones(len(truth), np.int64), weight)
    fp, fn = _sum(predicted, weight, rows) - tp, _sum(truth, weight) - tp
    return ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, total - tp - fp - fn)


def changes(y_true: ArrayLike, before: ArrayLike, after: ArrayLike, sample_weight: ArrayLike | None = None) -> Changes:
    """Compare two sets of decisions.

    Parameters
    ----------
    y_true : class indices (N,).
    before, after : predicted class indices (N,), or NO_CLASS, which counts as wrong.
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    Number (or weight) of the rows that differ.

    Raises
    ------
    CutoffError for invalid weights.
    """
    true, old, new = np.asarray(y_true), np.asarray(before), np.asarray(after)
    weight, changed = _weights(sample_weight, len(true)), old != new
    return Changes(
        _sum(changed, weight).item(),
        _sum(changed & (new == true), weight).item(),
        _sum(changed & (old == true), weight).item(),
    )


def decided_counts(matrix: NDArray) -> ThresholdCounts:
    """Counts (K,) of each class (one-vs-rest) from a confusion matrix (K, K) or (K, K + 1); thresholds are NaN.

    An additional last column holds rows without a class: false negatives of their actual class.
    """
    tp = np.diagonal(matrix)
    fp, fn = matrix[:, : len(matrix)].sum(0) - tp, matrix.sum(1) - tp
    return ThresholdCounts(np.full(len(matrix), np.nan), tp, fp, fn, matrix.sum() - tp - fp - fn)


def default_accuracy(scores: Scores, sample_weight: ArrayLike | None = None) -> float:
    """Share of correct default decisions: `score >= .5` in a binary task and for each label, argmax among classes.

    NaN without rows. sample_weight (N,), >= 0, is by default 1 per row; raises CutoffError for invalid weights.
    """
    return float(default_accuracies(scores, scores.y_score[None], sample_weight)[0])


def default_accuracies(
    rows: Scores, y_score: NDArray[np.floating], sample_weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """`default_accuracy` (R,) of R models on the same `rows`, with scores y_score (R, N, C)."""
    if rows.task == "multiclass":
        right = (y_score.argmax(-1) == rows.y_true)[..., None]
    else:
        right = predicted_positive(y_score, 0.5) == (rows.y_true.reshape(y_score.shape[1:]) == 1)
    weight = _weights(sample_weight, rows.n_rows)
    return ratio(_sum(right, weight, 1).sum(1), _sum(np.ones(right.shape[1:], np.int64), weight).sum())


def predicted_per_row(
    scores: Scores, thresholds: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[float, float]:
    """Number (or weight) of rows in which no column, and in which several columns, have `score >= threshold`.

    thresholds: (C,), or () for all columns. sample_weight: (N,), >= 0, by default 1 per row.
    """
    weight = _weights(sample_weight, scores.n_rows)
    predicted = predicted_positive(scores.y_score, thresholds).sum(axis=1)
    return _sum(predicted == 0, weight).item(), _sum(predicted > 1, weight).item()


def summary(
    scores: Scores, thresholds: ArrayLike, by: Decide = decide, sample_weight: ArrayLike | None = None
) -> dict[str, float]:
    """The numbers of `summaries` for one model, whose scores are in `scores`."""
    found = summaries(scores, scores.y_score[None], thresholds, by, sample_weight)
    return {name: float(values[0]) for name, values in found.items()}


def summaries(
    rows: Scores,
    y_score: NDArray[np.floating],
    thresholds: ArrayLike,
    by: Decide = decide,
    sample_weight: ArrayLike | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Summary numbers of R models on the same rows.

    Binary: the METRICS in summaries. Multi-class: accuracy, where a row without a class counts as wrong, and macro
    means of the other metrics. Multi-label: subset accuracy, Hamming loss, micro F1 and macro means. All: average
    precision and ROC-AUC, or their macro means. Macro means leave out classes or labels where the metric is undefined.

    Parameters
    ----------
    rows : labels and task; its scores are not used.
    y_score : scores (R, N, C) of the models.
    thresholds : (C,), t for `score >= t`.
    by : decision rule of a multi-class task, by default argmax(p / t).
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    Values (R,) by identifier, see `number_label`, the best-known first; NaN where undefined.

    Raises
    ------
    CutoffError for invalid weights, and as the decision rule does.
    """
    weight = _weights(sample_weight, rows.n_rows)
    if rows.task == "multiclass":
        truth = np.arange(rows.n_columns) == rows.y_true[:, None]
        found = _multiclass(rows.y_true, y_score, thresholds, by, weight)
    else:
        truth = rows.y_true.reshape(rows.n_rows, rows.n_columns) == 1
        predicted = predicted_positive(y_score, np.ravel(thresholds))
        counts = label_counts(truth, predicted, weight)
        found = _binary(counts[:, 0]) if rows.task == "binary" else _multilabel(truth, predicted, counts, weight)
    mean = "" if rows.task == "binary" else MACRO
    ranked = Rankings.of(truth.T if mean else truth[:, 0], np.moveaxis(y_score, 1, 2), weight)
    shape = len(y_score), rows.n_columns
    found[f"{mean}average_precision"] = _mean(ranked.average_precisions().reshape(shape))
    found[f"{mean}roc_auc"] = _mean(ranked.roc_aucs().reshape(shape))
    return found


def _weights(sample_weight: ArrayLike | None, rows: int) -> NDArray[np.float64] | None:
    """The weights of the rows (N,), checked; None if each row counts once."""
    return None if sample_weight is None else as_weights(sample_weight, (rows,))


def _sum(of_rows: NDArray, weight: NDArray[np.float64] | None, axis: int = 0) -> NDArray:
    """The weighted sum over the rows, which lie along the axis."""
    return np.asarray(of_rows.sum(axis) if weight is None else np.tensordot(of_rows, weight, (axis, 0)))


def number_label(name: str) -> str:
    """The label of a number of `summaries`."""
    if name.startswith(MACRO):
        label = number_label(name.removeprefix(MACRO))
        return f"Macro {label if label[1:2].isupper() or label[1:2].isdigit() else label[0].lower() + label[1:]}"
    return LABELS[name] if name in LABELS else METRICS[name].label


def higher_is_better(name: str) -> bool:
    """Whether a higher value of a number of `summaries` is better."""
    name = name.removeprefix(MACRO)
    return METRICS[name].higher_is_better if name in METRICS else name != "hamming"


def _in_summary() -> dict[str, MetricSpec]:
    return {name: spec for name, spec in METRICS.items() if spec.in_summary}


def _averaged() -> dict[str, MetricSpec]:
    """The metrics in summaries that are averaged over classes or labels: all but accuracy, which is over all."""
    return {name: spec for name, spec in _in_summary().items() if name != "accuracy"}


def _binary(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    return {name: spec(counts) for name, spec in _in_summary().items()}


def _macro(counts: ThresholdCounts) -> dict[str, NDArray[np.float64]]:
    """Means (...) over the columns of counts (..., C), by metric."""
    return {name: _mean(spec(counts)) for name, spec in _averaged().items()}


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
    return {"accuracy": ratio(tp.sum(1), total)} | {f"{MACRO}{name}": mean for name, mean in _macro(counts).items()}


def _multilabel(
    truth: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    counts: ThresholdCounts,
    weight: NDArray[np.float64] | None,
) -> dict[str, NDArray[np.float64]]:
    right, pooled = ~(predicted != truth).any(axis=2), _pooled(counts)
    return {
        "subset": ratio(_sum(right, weight, 1), counts.total[:, 0]),
        "hamming": ratio(pooled.fp + pooled.fn, pooled.total),
        "micro_f1": METRICS["f1"](pooled),
    } | {f"{MACRO}{name}": mean for name, mean in _macro(counts).items()}


def _pooled(counts: ThresholdCounts) -> ThresholdCounts:
    """Counts (...) of the decisions about all columns together, from counts (..., C)."""
    tp, fp, fn, tn = (count.sum(-1) for count in (counts.tp, counts.fp, counts.fn, counts.tn))
    return ThresholdCounts(np.full(tp.shape, np.nan), tp, fp, fn, tn)


def _mean(values: NDArray, weights: NDArray | None = None) -> NDArray[np.float64]:
    """The mean over the last axis, weighted by weights of its length, NaN left out; NaN if all are."""
    known = np.isfinite(values)
    counted = known if weights is None else np.where(known, weights, 0)
    return ratio((np.where(known, values, 0) * counted).sum(-1), counted.sum(-1))
