"""From scores and thresholds to decisions, and from decisions to a confusion matrix. Numpy alone."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.scores import as_labels, as_scores

Normalise = Literal["none", "row", "column"]


def called_positive(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.bool_]:
    """Whether y_score >= thresholds, compared in the scores' own dtype.

    y_score (N,) or (N, C); thresholds () or (C,): the decisions of a binary classifier, or of each label.
    """
    score = as_scores(y_score)
    with np.errstate(over="ignore"):
        return score >= np.asarray(thresholds).astype(score.dtype)


def decide(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """One class for each row, argmax of score / threshold: the largest multiple of its class's threshold.

    y_score (N, C) >= 0, thresholds (C,) finite and >= 0; returns (N,) class indices. Equal thresholds give
    plain argmax; ties go to the lowest index. A threshold of 0 acts as the limit of ever smaller ones: its
    class takes every row where its score is not 0, and among several such classes the largest score wins.
    Raises CutoffError for negative scores, such as logits, since dividing them by a threshold would turn
    their order around.
    """
    score, t = as_scores(y_score), np.asarray(thresholds, dtype=np.float64)
    if score.ndim != 2 or score.shape[1] == 0 or t.shape != score.shape[1:]:
        raise CutoffError(
            f"Expected `y_score` (N, C) and `thresholds` (C,), but got shapes {score.shape} and {t.shape}."
        )
    if not (np.isfinite(t) & (t >= 0)).all():
        raise CutoffError(f"Expected `thresholds` to be finite and >= 0, but got {t.tolist()}.")
    if score.size and score.min() < 0:
        raise CutoffError(f"Expected `y_score` to be probabilities, but got {score.min()}.")
    t = np.maximum(t, 1e-300)  # 0, near enough, and far enough from it to divide by
    # Only the ratios between thresholds matter. Scaled so that equal ones are exactly 1, they leave every
    # score, and so every tie, as it was.
    return np.argmax(score / (t / t.max()), axis=1)


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int, normalise: Normalise = "none") -> NDArray:
    """Rows of each true class (row) decided as each class (column), (K, K); see `normalised`.

    y_true, y_pred: (N,) class indices in [0, K); raises CutoffError for any other.
    """
    true, pred = as_labels(y_true, n_classes), as_labels(y_pred, n_classes)
    if true.ndim != 1 or true.shape != pred.shape:
        raise CutoffError(
            f"Expected `y_true` and `y_pred` to have one shape (N,), but got {true.shape} and {pred.shape}."
        )
    pairs = np.bincount(true * n_classes + pred, minlength=n_classes * n_classes)
    return normalised(pairs.reshape(n_classes, n_classes), normalise)


def normalised(matrix: NDArray, by: Normalise) -> NDArray:
    """A confusion matrix (..., K, K) as it is ('none'), or with each 'row' or each 'column' summing to 1.

    By row the diagonal is recall, by column precision. A row or column without any count becomes NaN.
    """
    if by not in get_args(Normalise):
        raise CutoffError(f"Expected `normalise` to be one of {', '.join(get_args(Normalise))}, but got {by!r}.")
    if by == "none":
        return matrix
    total = matrix.sum(axis=-1 if by == "row" else -2, keepdims=True)
    return np.divide(matrix, total, out=np.full(matrix.shape, np.nan), where=total > 0)
