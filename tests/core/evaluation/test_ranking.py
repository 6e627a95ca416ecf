"""Areas under curves and the curves themselves, against scikit-learn, for one model and for many at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation import Rankings
from tests.support.scored_rows import Rows, rows


@given(rows(weighted=False, both_classes=True))
def test_areas_equal_scikit_learn(data: Rows):
    y = data.y_true == 1
    ranked = Rankings.of(y, data.y_score[None])
    assert ranked.average_precisions() == pytest.approx([sk.average_precision_score(y, data.y_score)], rel=1e-12)
    assert ranked.roc_aucs() == pytest.approx([sk.roc_auc_score(y, data.y_score)], rel=1e-12)


@given(rows(weighted=False, both_classes=True))
def test_a_curve_is_that_of_scikit_learn(data: Rows):
    y = data.y_true == 1
    recall, precision = Rankings.of(y, data.y_score[None]).curve(0)
    their_precision, their_recall, _ = sk.precision_recall_curve(y, data.y_score)
    np.testing.assert_allclose(recall, their_recall[::-1], rtol=1e-12)
    np.testing.assert_allclose(precision[1:], their_precision[-2::-1], rtol=1e-12)
    assert precision[0] == precision[1]


@given(rows(weighted=True, both_classes=True))
def test_areas_and_curves_of_weighted_rows_equal_scikit_learn(data: Rows):
    y, score, weight = data.y_true == 1, data.y_score, data.weight
    ranked = Rankings.of(y, score[None], weight)
    ap = sk.average_precision_score(y, score, sample_weight=weight)
    assert ranked.average_precisions() == pytest.approx([ap], rel=1e-12)
    assert ranked.roc_aucs() == pytest.approx([sk.roc_auc_score(y, score, sample_weight=weight)], rel=1e-12)
    recall, precision = ranked.curve(0)
    kept = weight > 0
    their_precision, their_recall, _ = sk.precision_recall_curve(y[kept], score[kept], sample_weight=weight[kept])
    np.testing.assert_allclose(recall, their_recall[::-1], rtol=1e-12)
    np.testing.assert_allclose(precision[1:], their_precision[-2::-1], rtol=1e-12)


@given(rows(weighted=False), st.integers(0, 100))
def test_whole_weights_are_rows_repeated(data: Rows, seed: int):
    y, score = data.y_true == 1, data.y_score
    weight = np.random.default_rng(seed).integers(0, 3, y.size)
    weighted = Rankings.of(y, score[None], weight.astype(float))
    repeated = Rankings.of(np.repeat(y, weight), np.repeat(score, weight)[None])
    np.testing.assert_array_equal(weighted.tp, repeated.tp)
    np.testing.assert_array_equal(weighted.predicted_positive, repeated.predicted_positive)
    np.testing.assert_array_equal(weighted.average_precisions(), repeated.average_precisions())
    np.testing.assert_array_equal(weighted.roc_aucs(), repeated.roc_aucs())


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([0.0, 0.3, -5.0]))
def test_constant_scores_know_nothing(positives: int, negatives: int, score: float):
    ranked = Rankings.of(np.repeat([True, False], [positives, negatives]), np.full((1, positives + negatives), score))
    assert ranked.roc_aucs() == 0.5
    assert ranked.average_precisions() == pytest.approx(positives / (positives + negatives))


def test_areas_of_one_class_are_undefined_or_trivial():
    scores = np.array([[0.1, 0.2]])
    none, all_ = (Rankings.of(np.full(2, value), scores) for value in (False, True))
    assert np.isnan(none.average_precisions())
    assert np.isnan(none.curve(0)[0]).all()
    assert all_.average_precisions() == 1
    empty = Rankings.of(np.zeros(0, bool), np.zeros((1, 0)))
    assert np.isnan(empty.average_precisions())
    for ranked in (none, all_, empty):
        assert np.isnan(ranked.roc_aucs())


def test_many_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    y, score = rng.random((3, 50)) < 0.3, rng.random((4, 3, 50)).round(1)
    together = Rankings.of(y, score)
    alone = [Rankings.of(y[c], score[r, c][None]) for r in range(4) for c in range(3)]
    np.testing.assert_array_equal(together.average_precisions(), [one.average_precisions()[0] for one in alone])
    np.testing.assert_array_equal(together.roc_aucs(), [one.roc_aucs()[0] for one in alone])
    for at, one in enumerate(alone):
        np.testing.assert_array_equal(together.curve(at), one.curve(0))
