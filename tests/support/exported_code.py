"""Exported code: what several test files share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from core.evaluation import DECISIONS, predicted_positive
from core.training.runs import Run


def decisions(
    run: Run, thresholds: list[float], name: str, params: dict[str, Any], part: str = "validation"
) -> np.ndarray:
    """What core decides about every row."""
    scores = run.scores(part)
    if scores.task == "multiclass":
        return DECISIONS[name](scores.y_score, thresholds, **params)
    called = predicted_positive(scores.y_score, np.array(thresholds))
    return called[:, 0].astype(int) if scores.task == "binary" else called


def executed(source: str, **given: object) -> dict[str, Any]:
    namespace: dict[str, Any] = dict(given)
    exec(compile(source, "export.py", "exec"), namespace)  # our own source, in a test
    return namespace


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are its rows."""

    def __init__(self, n_classes: int = 2) -> None:
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X):
        return np.column_stack([1 - X, X]) if self.n_classes == 2 and X.shape[1] == 1 else X


def scikit_learn_decisions(source: str, p: np.ndarray) -> np.ndarray:
    space = executed(source, estimator=Given(max(p.shape[1], 2)))
    return space["classifier"].predict(p) if "classifier" in space else space["predict"](p)


def pytorch_decisions(source: str, p: np.ndarray) -> np.ndarray:
    space = executed(source)
    tensor = torch.tensor(p)
    return space["decide"](tensor[:, 0] if "THRESHOLD" in space else tensor).numpy()
