"""Theory beside measurement: closed forms, brute force, and a model on data whose posterior is known."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from core.data import load_dataset, load_split
from core.evaluation.calibration import calibration_error, log_loss
from core.experiment.config import make_config
from core.losses import LOSSES
from core.theory.thresholds import (
    RESAMPLES,
    Measured,
    corrected,
    is_undone,
    measured_threshold,
    predicted_threshold,
    undone,
    why_unpredicted,
)
from tests.support.scored_rows import Rows, rows

WEIGHTED = {"loss_params": {"pos_weight": 9.0}}
TWO = {"head": "softmax2", "loss": "cross_entropy"}


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
@pytest.mark.parametrize(
    ("choices", "score"),
    [
        ({}, lambda q: q),
        (WEIGHTED, lambda q: 9 * q / (9 * q + 1 - q)),
        ({**TWO, "loss_params": {"class_weight": "1, 9"}}, lambda q: 9 * q / (9 * q + 1 - q)),
        ({**TWO, "loss_params": {"label_smoothing": 0.2}}, lambda q: 0.8 * q + 0.1),
        ({"loss": "brier"}, lambda q: q),
        ({"loss": "squared_hinge"}, lambda q: expit(2 * q - 1)),
    ],
)
def test_predicted_threshold_is_the_score_that_is_best_at_q(choices, score, q):
    assert predicted_threshold(make_config(**choices), q) == pytest.approx(score(q), abs=1e-6)


def test_threshold_of_focal_loss_is_that_of_the_paper_on_its_calibration():
    config = make_config(loss="focal", loss_params={"gamma": 2.0, "alpha": 0.5})
    assert predicted_threshold(config, 0.8) == pytest.approx(0.627, abs=5e-4)
    assert predicted_threshold(config, 0.99) == pytest.approx(0.846, abs=5e-4)


def test_logit_adjustment_takes_the_prevalence_of_the_training_rows_out():
    config = make_config(head="softmax2", loss="logit_adjusted")
    share = load_split("digit").y["train"].mean()
    assert predicted_threshold(config, float(share)) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "choices",
    [
        {"loss": "hinge"},
        {"loss": "soft_f1"},
        {"dataset": "diabetes", "head": "identity", "loss": "mse"},
        {"dataset": "wine", "head": "softmax", "loss": "cross_entropy"},
        {"loss": "dead_zone", "activation": "auto"},
    ],
)
def test_where_theory_has_no_single_threshold_none_is_given(choices):
    config = make_config(**choices)
    assert predicted_threshold(config, 0.9) is None
    assert not is_undone(config)
    assert undone(config, np.array([0.5])) is None


def test_why_there_is_no_prediction_is_said():
    assert why_unpredicted(make_config(loss="soft_f1")) == f"{LOSSES['soft_f1'].label} is a loss of whole batches"
    assert "one score for several" in why_unpredicted(make_config(loss="hinge"))


def test_double_sigmoid_is_solved_for():
    assert predicted_threshold(make_config(activation="sigmoid"), 0.6225) == pytest.approx(0.6225, abs=1e-3)


# --- measured


def brute(y: np.ndarray, score: np.ndarray, q: float, t: float) -> float:
    called = score >= t
    return q * np.count_nonzero(called & ~y) + (1 - q) * np.count_nonzero(~called & y)


@given(rows(weighted=False), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_no_threshold_costs_less_than_the_measured_ones(data: Rows, q: float):
    y, score = data.y_true == 1, data.y_score.astype(np.float64)
    found = measured_threshold(y, score[None], q)
    assert found.low < found.high
    candidates = [*score, np.inf, found.high, np.nextafter(found.low, np.inf)]
    least = min(brute(y, score, q, t) for t in candidates)
    assert found.cost * len(y) == pytest.approx(least)
    for t in (found.high, np.nextafter(found.low, np.inf)):
        assert brute(y, score, q, t) == pytest.approx(least)


def test_seeds_are_measured_together():
    y = np.array([False, True])
    found = measured_threshold(y, np.array([[0.2, 0.6], [0.4, 0.8]]))
    assert (found.low, found.high, found.cost) == (0.4, 0.6, 0)


def test_memory_for_resamples_does_not_grow_with_their_number():
    rng = np.random.default_rng(6)
    y = rng.random(2000) < 0.3
    score = rng.random((10, 2000))
    tracemalloc.start()
    measured_threshold(y, score)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * RESAMPLES * score.size / 4


def test_gap_is_the_distance_to_the_spread():
    found = Measured(0.4, 0.5, 0.0, 0.3, 0.6)
    assert [found.gap(t) for t in (0.2, 0.3, 0.55, 0.6, 0.7)] == pytest.approx([-0.1, 0, 0, 0, 0.1])


def test_spread_holds_the_truth_of_most_samples_where_scores_are_true_probabilities():
    """Of 60 samples of 400 rows whose scores are the posterior, four in five spreads must hold q."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        p = expit(rng.normal(0, 2, 400))
        found = measured_threshold(rng.random(400) < p, p[None], 0.3)
        held += found.gap(0.3) == 0
    assert held >= 48


def test_spread_is_narrower_with_more_rows():
    rng = np.random.default_rng(0)
    widths = []
    for n in (100, 10_000):
        p = expit(rng.normal(0, 2, n))
        found = measured_threshold(rng.random(n) < p, p[None])
        widths.append(found.greatest - found.least)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("seeds", [1, 3])
def test_spread_is_that_of_a_plain_loop_over_the_drawn_rows(seeds: int):
    generator = np.random.default_rng(0)
    p = expit(generator.normal(0, 2, 120))
    y, score = generator.random(120) < p, expit(logit(p) + generator.normal(0, 0.5, (seeds, 120))).round(2)
    found, draw = measured_threshold(y, score, 0.3), np.random.default_rng(0)
    alone = []
    for _ in range(200):
        drawn = draw.choice(120, 120)
        alone.append(measured_threshold(y[drawn], score[:, drawn], 0.3))
    # 200 thresholds: ten of them lie below the one that ends the lower twentieth.
    assert found.least == sorted(one.low for one in alone)[10]
    assert found.greatest == sorted(one.high for one in alone)[-11]


# --- undone


@pytest.mark.parametrize(
    "choices",
    [
        WEIGHTED,
        {**TWO, "loss_params": {"class_weight": "1, 9"}},
        {"loss": "focal", "loss_params": {"gamma": 2.0, "alpha": 0.25}},
        {"head": "softmax2", "loss": "logit_adjusted"},
        {**TWO, "loss_params": {"label_smoothing": 0.1}},
    ],
)
def test_undoing_gives_the_true_probability_back(choices):
    config = make_config(**choices)
    q = np.array([0.001, 0.02, 0.3, 0.5, 0.9, 0.999])
    wanted = np.array([predicted_threshold(config, float(one)) for one in q])
    np.testing.assert_allclose(undone(config, wanted), q, atol=2e-4)


def test_undoing_pos_weight_subtracts_its_logarithm_from_the_logit():
    score = np.array([0.01, 0.3, 0.97])
    found = undone(make_config(**WEIGHTED), score)
    np.testing.assert_allclose(logit(found), logit(score) - math.log(9), atol=1e-3)


def test_corrected_scores_keep_their_dtype_and_those_without_an_effect_are_as_they_were():
    score = np.array([0.01, 0.3, 0.97], np.float32)
    found = corrected(make_config(**WEIGHTED), score)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, undone(make_config(**WEIGHTED), score), rtol=1e-6)
    assert corrected(make_config(), score) is score


def test_there_is_nothing_to_undo_in_a_proper_loss():
    assert undone(make_config(), np.array([0.3])) is None
    assert undone(make_config(loss="brier"), np.array([0.3])) is None


def test_undoing_restores_log_loss_and_calibration_of_a_weighted_logistic_regression():
    data, split = load_dataset("gaussians", (("samples", 4000),)), load_split("gaussians", (("samples", 4000),))
    assert data.task == "binary"
    x, y = split.x["train"], split.y["train"]
    plain, heavy = (LogisticRegression(C=1e3, class_weight=weight).fit(x, y) for weight in (None, {0: 1, 1: 9}))
    truth = split.y["validation"] == 1
    p, weighted = (model.predict_proba(split.x["validation"])[:, 1] for model in (plain, heavy))
    cured = undone(make_config(dataset="gaussians", **WEIGHTED), weighted)
    assert log_loss(truth, weighted) > 1.3 * log_loss(truth, p)
    assert log_loss(truth, cured) == pytest.approx(log_loss(truth, p), rel=0.02)
    assert calibration_error(truth, cured) < 0.5 * calibration_error(truth, weighted)
