"""What the thresholds of all classes or labels come to, together and each, for several models on the same rows.

NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.counts import ThresholdCounts
from core.evaluation.decisions import confusion_matrix, decide, predicted_positive
from core.evaluation.scores import Scores
from core.evaluation.summary import Decide, changes, class_totals, decided_counts, label_counts, label_totals


@dataclass(frozen=True, eq=False)
class Outcome:
    """What thresholds (C,) decide.

    counts: (C,), of each class or label; their thresholds are NaN.
    totals: by identifier. Of classes those of `class_totals`, and the `Changes` against argmax as `changed`, `righted`
        and `wronged`; of labels those of `label_totals`.
    matrix: of classes, the confusion matrix (K, K + 1), rows without a class in the last column; None of labels.
    """

    counts: ThresholdCounts
    totals: dict[str, float]
    matrix: NDArray | None = None


def outcomes(
    models: Sequence[Scores], thresholds: ArrayLike, by: Decide = decide, sample_weight: ArrayLike | None = None
) -> list[Outcome]:
    """What thresholds decide about the rows of each model.

    Parameters
    ----------
    models : scores of R >= 1 models of several classes or labels, on the same rows.
    thresholds : (C,), t for `score >= t`.
    by : decision rule of classes, by default argmax(p / t).
    sample_weight : (N,), >= 0, by default 1 per row.

    Raises
    ------
    CutoffError for invalid weights, and as the decision rule does.
    """
    if models[0].task == "multilabel":
        return [_of_labels(scores, thresholds, sample_weight) for scores in models]
    y_score = np.stack([scores.y_score for scores in models])
    decided = by(y_score.reshape(-1, y_score.shape[-1]), thresholds).reshape(y_score.shape[:2])
    return [_of_classes(scores, of_model, sample_weight) for scores, of_model in zip(models, decided, strict=True)]


def _of_classes(scores: Scores, decided: NDArray[np.intp], sample_weight: ArrayLike | None) -> Outcome:
    matrix = confusion_matrix(scores.y_true, decided, scores.n_columns, no_class=True, sample_weight=sample_weight)
    against = changes(scores.y_true, scores.y_score.argmax(axis=1), decided, sample_weight)
    moved = {"changed": against.rows, "righted": against.righted, "wronged": against.wronged}
    return Outcome(decided_counts(matrix), class_totals(matrix) | moved, matrix)


def _of_labels(scores: Scores, thresholds: ArrayLike, sample_weight: ArrayLike | None) -> Outcome:
    predicted = predicted_positive(scores.y_score, thresholds)
    totals = label_totals(scores.y_true, predicted, sample_weight)
    return Outcome(label_counts(scores.y_true, predicted, sample_weight), totals)
