"""Predicted thresholds: closed forms, a paper's numbers, and where theory gives none."""

from __future__ import annotations

import pytest
from scipy.special import expit

from core.data import load_split
from core.experiment.config import make_config
from core.losses import LOSSES
from core.theory.predicted import predicted_threshold, why_unpredicted

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
    assert predicted_threshold(make_config(**choices), q) == pytest.approx(score(q))


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


def test_why_there_is_no_prediction_is_said():
    assert why_unpredicted(make_config(loss="soft_f1")) == f"{LOSSES['soft_f1'].label} is computed on whole batches"
    assert "one optimal score for several" in why_unpredicted(make_config(loss="hinge"))


def test_double_sigmoid_is_solved_for():
    assert predicted_threshold(make_config(activation="sigmoid"), 0.6225) == pytest.approx(0.6225, abs=1e-3)


def test_a_heavy_class_is_predicted_near_the_end():
    config = make_config(**TWO, loss_params={"class_weight": "1,100000"})
    assert predicted_threshold(config) == pytest.approx(1e5 / (1e5 + 1), rel=1e-12)
