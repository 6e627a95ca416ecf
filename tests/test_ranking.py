"""Areas under curves, against scikit-learn, for one score vector and for many at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.thresholds import average_precisions, roc_aucs
from tests.scored_rows import Rows, rows


@given(rows(weighted=False, both_classes=True))
def test_areas_equal_scikit_learn(data: Rows):
    y = data.y_true == 1
    assert average_precisions(y, data.y_score) == pytest.approx(sk.average_precision_score(y, data.y_score), rel=1e-12)
    assert roc_aucs(y, data.y_score) == pytest.approx(sk.roc_auc_score(y, data.y_score), rel=1e-12)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([0.0, 0.3, -5.0]))
def test_constant_scores_know_nothing(positives: int, negatives: int, score: float):
    y = np.repeat([True, False], [positives, negatives])
    assert roc_aucs(y, np.full(y.size, score)) == 0.5
    assert average_precisions(y, np.full(y.size, score)) == pytest.approx(positives / (positives + negatives))


def test_areas_of_one_class_are_undefined_or_trivial():
    scores = np.array([0.1, 0.2])
    assert np.isnan(average_precisions(np.zeros(2, bool), scores))
    assert average_precisions(np.ones(2, bool), scores) == 1
    for y in (np.zeros(2, bool), np.ones(2, bool)):
        assert np.isnan(roc_aucs(y, scores))
    for area in (average_precisions, roc_aucs):
        assert np.isnan(area(np.zeros(0, bool), np.zeros(0)))


def test_many_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    y, score = rng.random((3, 50)) < 0.3, rng.random((4, 3, 50)).round(1)
    for area in (average_precisions, roc_aucs):
        together = area(y, score)
        assert together.shape == (4, 3)
        alone = [[area(y[c], score[r, c]) for c in range(3)] for r in range(4)]
        np.testing.assert_array_equal(together, alone)
