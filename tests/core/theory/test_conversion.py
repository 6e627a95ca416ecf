"""Scores converted back to probabilities: exact in logits over the whole range, and never another ranking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from core.data import load_dataset, load_split
from core.evaluation.calibration import calibration_error, log_loss
from core.experiment.config import RunConfig, make_config
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.parameters import Param
from core.theory.binary_loss import loss_on_data
from core.theory.conversion import converts, to_posterior_logits, to_probabilities, why_not
from core.theory.optimal_scores import optimal_logits, posterior_logits
from core.training.engine import train

WEIGHTED = {"loss_params": {"pos_weight": 9.0}}
TWO = {"head": "softmax2", "loss": "cross_entropy"}
ULP = np.finfo(np.float64).eps
ENDS = float(logit(1e-12)), -float(logit(1e-12))


def values_of(param: Param) -> st.SearchStrategy:
    """Every value that a parameter of a loss takes with two classes."""
    if not isinstance(param.default, str):
        assert param.low is not None
        assert param.high is not None
        return st.integers(int(param.low), int(param.high)) if param.integer else st.floats(param.low, param.high)
    two = st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)).map(lambda pair: f"{pair[0]!r},{pair[1]!r}")
    return st.sampled_from(param.options) | two if param.free else st.sampled_from(param.options)


def configs(loss: str) -> st.SearchStrategy[RunConfig]:
    """Runs on two classes with any parameters of a loss."""
    heads = [head for head in LOSSES[loss].heads if "binary" in HEADS[head].tasks]
    params = st.fixed_dictionaries({param.name: values_of(param) for param in LOSSES[loss].params})
    return st.builds(lambda head, of: make_config(head=head, loss=loss, loss_params=of), st.sampled_from(heads), params)


DECLARED = [loss for loss, spec in LOSSES.items() if spec.posterior_logit and "binary" in spec.tasks]
CONVERTED = ["bce", "cross_entropy", "nll", "focal", "asymmetric", "logit_adjusted", "squared_hinge", "multi_margin"]


def step(*sizes: np.ndarray) -> np.ndarray:
    """A few rounding errors of numbers as large as these."""
    return 32 * ULP * (1 + sum(map(np.abs, sizes)))


# --- over the whole range


@pytest.mark.parametrize("loss", DECLARED)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_back_is_the_inverse_of_there_to_the_precision_of_float64(loss, data):
    """There is the optimal score of a true probability from 1e-12 to 1 - 1e-12. Its logit z is rounded, and so is what
    comes back: the true logit lies between what a slightly smaller and a slightly larger z become. That is equality to
    a few rounding errors where the map has a slope, and the right end where several probabilities share a score."""
    config = data.draw(configs(loss))
    x = np.array(data.draw(st.lists(st.floats(*ENDS), min_size=1, max_size=6)))
    of = loss_on_data(config)
    assert of is not None
    z = optimal_logits(of.build(), x)
    x, z = x[np.isfinite(z)], z[np.isfinite(z)]  # 0 or 1 is the optimal score of many where a class has no weight
    below, above = (posterior_logits(of.build(), z + side * step(z, x)) for side in (-1, 1))
    assert (below - step(x, z) <= x).all()
    assert (above + step(x, z) >= x).all()


@pytest.mark.parametrize("loss", CONVERTED)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_ranking_never_changes_but_for_scores_that_are_clipped(loss, data):
    config = data.draw(configs(loss))
    assume(converts(config))
    z = np.unique(np.round(data.draw(st.lists(st.floats(*ENDS), min_size=2, max_size=20)), 6))
    found = to_posterior_logits(config, z)
    of = loss_on_data(config)
    assert found is not None
    assert of is not None
    low, high = optimal_logits(of.build(), np.array([-np.inf, np.inf]))
    surely = np.count_nonzero((z < low - 1e-9) | (z > high + 1e-9))  # an end itself, up to rounding, is optimal
    assert surely <= found.clipped <= np.count_nonzero((z < low) | (z > high))
    assert (found.logits[z < low] == -np.inf).all()
    assert (found.logits[z > high] == np.inf).all()
    inside = found.logits[(z > low + 1e-6) & (z < high - 1e-6)]
    assert (np.diff(inside) > 0).all()
    assert (np.diff(expit(found.logits)) >= 0).all()


@pytest.mark.parametrize("loss", sorted({*LOSSES} - {*CONVERTED}))
@settings(deadline=None, max_examples=5)
@given(data=st.data())
def test_where_scores_are_probabilities_or_have_no_inverse_nothing_is_converted(loss, data):
    if "binary" not in LOSSES[loss].tasks:
        return
    config = data.draw(configs(loss))
    assert not converts(config)
    assert to_probabilities(config, np.array([0.5])) is None


@pytest.mark.parametrize(
    ("choices", "there"),
    [
        (WEIGHTED, lambda q: 9 * q / (9 * q + 1 - q)),
        ({**TWO, "loss_params": {"class_weight": "1, 9"}}, lambda q: 9 * q / (9 * q + 1 - q)),
        ({**TWO, "loss_params": {"label_smoothing": 0.1}}, lambda q: 0.9 * q + 0.05),
        ({"loss": "squared_hinge"}, lambda q: expit(2 * q - 1)),
        ({"loss": "focal", "loss_params": {"gamma": 0.0, "alpha": 0.25}}, lambda q: q / (q + 3 * (1 - q))),
    ],
)
def test_formulas_by_hand_are_inverted(choices, there):
    q = np.array([0.001, 0.02, 0.3, 0.5, 0.9, 0.999])
    found = to_probabilities(make_config(**choices), there(q))
    assert found is not None
    np.testing.assert_allclose(found.probabilities, q, rtol=1e-12)
    assert found.clipped == 0


# --- values


def test_scores_near_0_keep_their_digits():
    p = np.array([1e-9, 1e-8, 1e-7, 1e-6])
    found = to_probabilities(make_config(**WEIGHTED), p)
    assert found is not None
    np.testing.assert_allclose(found.probabilities, p / (p + 9 * (1 - p)), rtol=1e-13)


def test_scores_of_float32_are_read_as_they_stand():
    p = expit(np.array([-12.0, -13.0])).astype(np.float32)
    found = to_probabilities(make_config(loss_params={"pos_weight": 100.0}), p)
    assert found is not None
    np.testing.assert_allclose(found.probabilities, [6.144e-8, 2.260e-8], rtol=5e-4)
    exact = p.astype(np.float64)
    np.testing.assert_allclose(found.probabilities, exact / (exact + 100 * (1 - exact)), rtol=1e-13)


def test_logits_keep_more_digits_than_scores():
    found = to_posterior_logits(make_config(**WEIGHTED), np.array([-500.0, 500.0]))
    assert found is not None
    np.testing.assert_allclose(found.logits, np.array([-500, 500]) - np.log(9), rtol=1e-15)


def test_scores_of_0_and_1_stay():
    found = to_probabilities(make_config(**WEIGHTED), np.array([0.0, 1.0], np.float32))
    assert found is not None
    assert (found.probabilities.tolist(), found.clipped) == ([0, 1], 0)


def test_scores_beyond_the_range_of_label_smoothing_are_clipped_and_counted():
    config = make_config(**TWO, loss_params={"label_smoothing": 0.1})
    found = to_probabilities(config, np.array([[0.02, 0.049, 0.5], [0.951, 0.06, 1.0]]))
    assert found is not None
    np.testing.assert_allclose(found.probabilities, [[0, 0, 0.5], [1, 0.01 / 0.9, 1]], atol=1e-15)
    assert found.clipped == 4
    at_the_ends = to_probabilities(config, np.array([0.05, 0.95]))
    assert at_the_ends is not None
    assert at_the_ends.clipped == 0


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({}, "nothing to convert"),
        ({"loss": "brier"}, "nothing to convert"),
        ({"loss": "hinge"}, "same optimal score"),
        ({"loss": "soft_f1"}, "whole batch"),
        ({"loss": "dead_zone"}, "same optimal score"),
        ({"loss": "focal", "loss_params": {"gamma": 0.0, "alpha": 0.5}}, "nothing to convert"),
        ({"activation": "sigmoid"}, "does not expect this final activation"),
        ({"dataset": "diabetes", "head": "identity", "loss": "mse"}, "two classes only"),
        ({"dataset": "wine", "head": "softmax", "loss": "cross_entropy"}, "two classes only"),
    ],
)
def test_where_there_is_nothing_to_convert_one_sentence_says_why(choices, reason):
    config = make_config(**choices)
    assert not converts(config)
    assert to_probabilities(config, np.array([0.3])) is None
    assert reason in why_not(config)
    assert why_not(config).count(".") == 1
    assert why_not(make_config(**WEIGHTED)) == ""


def test_a_log_softmax_before_its_own_changes_nothing():
    config = make_config(**TWO, activation="log_softmax", loss_params={"class_weight": "1, 9"})
    found = to_probabilities(config, np.array([0.9]))
    assert found is not None
    assert found.probabilities[0] == pytest.approx(0.5)


# --- on models


def test_converting_restores_log_loss_and_calibration_of_a_weighted_logistic_regression():
    data, split = load_dataset("gaussians", (("samples", 4000),)), load_split("gaussians", (("samples", 4000),))
    assert data.task == "binary"
    x, y = split.x["train"], split.y["train"]
    plain, heavy = (LogisticRegression(C=1e3, class_weight=weight).fit(x, y) for weight in (None, {0: 1, 1: 9}))
    truth = split.y["validation"] == 1
    p, weighted = (model.predict_proba(split.x["validation"])[:, 1] for model in (plain, heavy))
    found = to_probabilities(make_config(dataset="gaussians", **WEIGHTED), weighted)
    assert found is not None
    back = found.probabilities
    assert log_loss(truth, weighted) > 1.3 * log_loss(truth, p)
    assert log_loss(truth, back) == pytest.approx(log_loss(truth, p), rel=0.02)
    assert calibration_error(truth, back) < 0.5 * calibration_error(truth, weighted)


@pytest.mark.slow
def test_an_overfitted_network_keeps_its_ranking_and_gains_log_loss():
    """Breast cancer, whose scores of float32 come as close to 0 and 1 as they can."""
    config = make_config(
        dataset="breast_cancer",
        model="mlp",
        widths=(64, 64),
        loss_params={"pos_weight": 10.0},
        lr=0.01,
        epochs=100,
    )
    *_, last = train([config])
    p, y = last.test[0][:, 0], load_split("breast_cancer").y["test"] == 1
    found = to_probabilities(config, p)
    assert found is not None
    exact = logit(p.astype(np.float64)) - np.log(10)
    np.testing.assert_allclose(found.logits, exact, rtol=1e-13)
    assert roc_auc_score(y, found.probabilities) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert len(np.unique(found.logits)) == len(np.unique(p))
