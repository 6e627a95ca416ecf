"""Intervals in closed form: of shares, scipy's at any level, and of ROC-AUC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from core.evaluation import ScoreIndex
from core.evaluation.intervals import roc_auc_interval, wilson


@given(n=st.integers(1, 500), level=st.sampled_from([0.8, 0.9, 0.95]), data=st.data())
def test_wilsons_interval_is_scipys(n: int, level: float, data: st.DataObject):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson(k, n, level), [expected.low, expected.high], atol=1e-9)


def test_a_share_of_no_rows_has_no_interval():
    assert np.isnan(wilson(0, 0, 0.9)).all()


# --- ROC-AUC


def placements(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By each positive row the share of negatives below it, and by each negative row of positives above it."""
    wins = (score[y][:, None] > score[~y]) + 0.5 * (score[y][:, None] == score[~y])
    return wins.mean(1), wins.mean(0)


def test_the_interval_of_roc_auc_is_that_of_delong():
    rng = np.random.default_rng(0)
    y = rng.random(300) < 0.3
    score = np.round(rng.random(300) + 0.3 * y, 1)
    of_positives, of_negatives = placements(y, score)
    deviation = np.sqrt(np.var(of_positives, ddof=1) / y.sum() + np.var(of_negatives, ddof=1) / (~y).sum())
    area, low, high = roc_auc_interval(ScoreIndex.of(y, score), 0.9)
    assert area == pytest.approx(roc_auc_score(y, score))
    assert (low, high) == pytest.approx(norm.interval(0.9, area, deviation))


def test_weights_of_one_change_no_interval_of_roc_auc_and_others_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    y, score, weight = rng.random(200) < 0.3, rng.random(200), rng.random(200)
    plain = roc_auc_interval(ScoreIndex.of(y, score), 0.9)
    assert roc_auc_interval(ScoreIndex.of(y, score, np.ones(200)), 0.9) == pytest.approx(plain)
    weighted = roc_auc_interval(ScoreIndex.of(y, score, weight), 0.9)
    assert weighted[0] == pytest.approx(roc_auc_score(y, score, sample_weight=weight))
    assert weighted[2] - weighted[1] > plain[2] - plain[1]  # weights are worth fewer rows


def test_the_interval_of_roc_auc_covers():
    rng = np.random.default_rng(2)
    truth = norm.cdf(1 / np.sqrt(2))
    y = np.arange(120) < 40
    held = 0
    for _ in range(400):
        _, low, high = roc_auc_interval(ScoreIndex.of(y, rng.normal(size=120) + y), 0.9)
        held += low <= truth <= high
    assert 0.85 <= held / 400 <= 0.95


def test_roc_auc_of_one_class_has_no_interval():
    assert np.isnan(roc_auc_interval(ScoreIndex.of(np.zeros(5), np.arange(5.0)), 0.9)).all()
