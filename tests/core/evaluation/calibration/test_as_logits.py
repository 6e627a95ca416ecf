from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.evaluation.calibration import AsLogits

ANY = arrays(np.float64, st.integers(1, 20), elements=st.floats(-1e6, 1e6))


@given(ANY)
def test_reading_keeps_the_order_and_stays_within_0_and_1(scores: np.ndarray):
    p = AsLogits.of(scores).probabilities(scores)
    assert ((p > 0) & (p < 1)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(p[order]) >= 0).all()
    apart = np.diff(scores[order]) > 1e-6 * max(np.ptp(scores), 1)
    assert (np.diff(p[order])[apart] > 0).all()


@given(ANY, st.floats(1e-6, 1 - 1e-6))
def test_a_score_and_its_probability_lead_back_to_each_other(scores: np.ndarray, p: float):
    reading = AsLogits.of(scores)
    assert float(reading.probabilities(reading.score(p))) == pytest.approx(p, rel=1e-6)


def test_small_scores_are_logits_as_they_are():
    scores = np.array([-20.0, -1.0, 0.0, 2.5])
    np.testing.assert_allclose(AsLogits.of(scores).probabilities(scores), 1 / (1 + np.exp(-scores)))
    rows = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(AsLogits.of(rows).of_classes(rows), np.exp(rows) / np.exp(rows).sum())


@pytest.mark.parametrize("scores", [np.empty(0), np.array([700.0, 700.0])])
def test_no_score_and_one_score_can_be_read(scores: np.ndarray):
    assert (AsLogits.of(scores).probabilities(scores) == 0.5).all()
