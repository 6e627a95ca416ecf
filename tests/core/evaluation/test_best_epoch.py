"""Measures of an epoch against scikit-learn and every threshold, and which epoch is the best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from sklearn import metrics as sklearn

from core.evaluation import ScoreIndex
from core.evaluation.best_epoch import best, epoch_measures
from core.evaluation.scores import Scores
from core.evaluation.tuning import candidates
from core.evaluation.value.payoffs import Payoffs
from core.experiment.config import EARLY_STOPPING, PAYOFFS
from core.parameters import defaults
from tests.support.scored_rows import rows

EPOCH_MEASURES = epoch_measures(Payoffs(benefit_tp=3, cost_fp=1, cost_fn=7, benefit_tn=0.5))
LABELS = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 1]])
SCORES = np.array([[0.2, 0.4, 0.9], [0.8, 0.1, 0.9], [0.7, 0.5, 0.3], [0.1, 0.2, 0.6]])


def of(name: str, y: np.ndarray, score: np.ndarray) -> float:
    return EPOCH_MEASURES[name].function(candidates(ScoreIndex.of(y, score)))


@given(rows())
def test_they_are_those_of_scikit_learn_at_every_threshold(drawn):
    y, score = drawn.y_true, drawn.y_score
    if not np.any(y):
        assert all(math.isnan(of(name, y, score)) for name in ("average_precision", "f1"))
        return
    assert of("average_precision", y, score) == pytest.approx(sklearn.average_precision_score(y, score))
    every = [sklearn.f1_score(y, score >= t, zero_division=0) for t in np.unique(score)]
    assert of("f1", y, score) == pytest.approx(max(every))


@given(rows())
def test_net_value_is_that_of_the_best_of_all_thresholds(drawn):
    y, score = drawn.y_true == 1, drawn.y_score
    every = [score >= t for t in [*np.unique(score), np.inf]]
    paid = [np.mean(np.where(y, np.where(p, 3, -7), np.where(p, -1, 0.5))) for p in every]
    assert of("net_value", y, score) == pytest.approx(max(paid))


@pytest.mark.parametrize("name", ["average_precision", "f1"])
def test_several_labels_have_the_mean_of_those_that_are_defined(name: str):
    scores = Scores(LABELS, SCORES, "multilabel", ("a", "b", "c"))
    expected = np.mean([of(name, LABELS[:, column], SCORES[:, column]) for column in (0, 2)])  # no row has b
    assert EPOCH_MEASURES[name](scores) == pytest.approx(expected)


def test_the_best_is_the_first_of_the_largest():
    assert best([math.nan, 0.5, 0.9, 0.9, 0.1]) == 2
    assert best([math.nan, math.nan]) is None


def test_each_measure_is_a_choice_of_early_stopping():
    assert list(EARLY_STOPPING) == ["loss", *EPOCH_MEASURES]
    assert [EARLY_STOPPING[name] for name in EPOCH_MEASURES] == [one.label for one in EPOCH_MEASURES.values()]


def test_the_payoffs_of_a_run_have_the_defaults_of_net_value():
    assert Payoffs(**defaults(PAYOFFS)) == Payoffs()
