"""Errors of the predictions of a regression, in the target's own unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import ratio
from core.evaluation.source import Predictions


@dataclass(frozen=True)
class ErrorSpec:
    """An error: `function(y_true, y_pred)` of values (N,), float64, N >= 1, is a number, NaN where it is undefined."""

    label: str
    help: str
    function: Callable[[NDArray[np.float64], NDArray[np.float64]], float | np.floating]
    higher_is_better: bool = False

    def __call__(self, predictions: Predictions) -> float:
        """The error of predictions; NaN without a row."""
        y_true, y_pred = (np.asarray(values, np.float64) for values in predictions)
        return float(self.function(y_true, y_pred)) if y_true.size else float("nan")


ERRORS: dict[str, ErrorSpec] = {
    "mae": ErrorSpec("MAE", "Mean absolute error, in the target's unit.", lambda y, p: np.abs(p - y).mean()),
    "rmse": ErrorSpec(
        "RMSE", "Root of the mean squared error, in the target's unit.", lambda y, p: np.sqrt(((p - y) ** 2).mean())
    ),
    "mean_residual": ErrorSpec(
        "Mean residual", "Mean of predicted minus actual, in the target's unit; 0 is best.", lambda y, p: (p - y).mean()
    ),
    "r2": ErrorSpec(
        "R²",
        "1 minus squared errors over those of predicting the mean. 1 is perfect, 0 no better than it.",
        lambda y, p: 1 - float(ratio(((p - y) ** 2).sum(), ((y - y.mean()) ** 2).sum())),
        higher_is_better=True,
    ),
}
