"""Errors of a regression equal scikit-learn's, and are undefined where there is nothing to measure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from core.evaluation.errors import ERRORS
from core.evaluation.source import Predictions

ORACLES = {
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "mean_residual": lambda y_true, y_pred: np.mean(y_pred - y_true),
    "r2": r2_score,
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_scikit_learns(name: str):
    rng = np.random.default_rng(3)
    y_true = (150 + 60 * rng.normal(size=500)).astype(np.float32)
    y_pred = (y_true + 20 * rng.normal(size=500) + 4).astype(np.float32)
    assert ERRORS[name](Predictions(y_true, y_pred)) == pytest.approx(ORACLES[name](y_true, y_pred), rel=1e-5)


def test_without_rows_all_are_undefined_and_without_variance_r2_is():
    nothing = np.empty(0)
    assert all(math.isnan(error(Predictions(nothing, nothing))) for error in ERRORS.values())
    assert math.isnan(ERRORS["r2"](Predictions(np.ones(3), np.arange(3.0))))
