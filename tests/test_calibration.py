"""Calibration against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as sklearn_log_loss

from core.calibration import calibration_error, log_loss


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_error_is_that_of_the_curve_of_scikit_learn_weighted_by_rows(seed: int, bins: int):
    rng = np.random.default_rng(seed)
    p = rng.random(200)
    y = rng.random(200) < p**2
    share, score = calibration_curve(y, p, n_bins=bins)
    edges = np.linspace(0, 1, bins + 1)
    rows = np.histogram(p, edges)[0]
    expected = np.abs(share - score) @ rows[rows > 0] / 200
    assert calibration_error(y, p, bins) == pytest.approx(expected)


def test_error_by_hand():
    y = np.array([True, False, True, True])
    assert calibration_error(y, np.array([0.1, 0.1, 0.9, 0.9]), 2) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    assert calibration_error(y, np.array([1.0, 0.0, 1.0, 1.0])) == 0
    assert np.isnan(calibration_error(np.zeros(0, bool), np.zeros(0)))


def test_score_on_an_edge_belongs_to_the_upper_bin():
    assert calibration_error(np.array([True, False]), np.array([0.5, 0.4]), 2) == pytest.approx((0.5 + 0.4) / 2)


def test_log_loss_is_that_of_scikit_learn_and_finite_for_certain_mistakes():
    y, p = np.array([True, False, True]), np.array([0.9, 0.2, 0.4], np.float32)
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p.astype(float)))
    assert np.isfinite(log_loss(y, np.array([0.0, 1.0, 0.0])))
    assert log_loss(np.array([True]), np.array([0.5])) == pytest.approx(np.log(2))


def test_many_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    y, p = rng.random(50) < 0.3, rng.random((4, 3, 50))
    for function in (log_loss, calibration_error):
        alone = [[float(function(y, p[r, c])) for c in range(3)] for r in range(4)]
        np.testing.assert_allclose(function(y, p), alone)
