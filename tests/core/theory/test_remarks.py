"""What scores mean, in a sentence: with parameters away from the defaults, at jumps, with two optimal scores."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import CutoffError
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.theory.effect import is_proper
from core.theory.remarks import PROPER, remark

# Parameters away from the defaults; a loss that is not named is looked at with its defaults only.
OTHER = {
    "bce": [{"pos_weight": 9.0}, {"pos_weight": 0.2}],
    "cross_entropy": [{"class_weight": "1, 9"}, {"class_weight": "balanced", "label_smoothing": 0.3}],
    "nll": [{"class_weight": "3, 2"}],
    "focal": [{"gamma": 0.5, "alpha": 0.5}, {"gamma": 5.0, "alpha": 0.75}],
    "logit_adjusted": [{"tau": 0.5}, {"prior": "1, 4"}],
    "hinge": [{"margin": 2.5}],
    "squared_hinge": [{"margin": 2.5}],
    "multi_margin": [{"margin": 0.5, "p": 2}],
    "dead_zone": [{"accept": 0.9}, {"accept": 1.0}],
    "gated_bce": [{"threshold": 0.6, "above": 2.0, "below": 0.3}, {"above": 0.1, "below": 1.0}],
    "loss_gated_mse": [{"tau": 0.2, "factor": 3.0}],
}

PROPER_OR_NOT = [
    ("bce", "sigmoid", {"pos_weight": 9.0}, False),
    ("focal", "sigmoid", {"gamma": 0.0}, False),  # alpha .25 is a weight
    ("focal", "sigmoid", {"gamma": 0.0, "alpha": 0.5}, True),
    ("asymmetric", "sigmoid", {"gamma_neg": 0.0, "margin": 0.0}, True),
    ("dead_zone", "sigmoid", {"accept": 1.0}, True),
    ("band_mse", "sigmoid", {"penalty": 0.0}, True),
    ("loss_gated_mse", "sigmoid", {"tau": 0.3}, False),
    ("loss_gated_mse", "sigmoid", {"tau": 0.3, "factor": 1.0}, True),
    ("gated_bce", "sigmoid", {"above": 0.1}, True),
    ("nll", "softmax2", {"class_weight": "balanced"}, False),
    ("cross_entropy", "softmax", {"class_weight": "2, 2, 2"}, True),
    ("cross_entropy", "softmax", {"class_weight": "2, 2, 1"}, False),
    ("cross_entropy", "softmax", {"label_smoothing": 0.1}, False),
    ("logit_adjusted", "softmax", {"tau": 0.0}, True),
    ("logit_adjusted", "softmax", {"prior": "1, 1, 1"}, True),
    ("bce", "one_vs_rest", {"output_weight": "1, 1, 2"}, False),
    ("bce", "one_vs_rest", {"output_weight": "2, 2, 2", "pos_weight": 0.5}, True),
    ("brier", "softmax", {"over_outputs": "sum"}, True),
]


@pytest.mark.parametrize(("loss", "head", "values", "proper"), PROPER_OR_NOT)
def test_proper_depends_on_the_parameters(loss, head, values, proper):
    counts = np.array([90, 10] if "binary" in HEADS[head].tasks else [50, 30, 20])
    assert is_proper(loss, head, values, counts) == proper
    assert (remark(loss, head, values, counts) == PROPER) == proper


@pytest.mark.parametrize(("loss", "head"), [(loss, head) for loss, spec in LOSSES.items() for head in spec.heads])
def test_proper_at_the_defaults_is_what_the_registry_says(loss, head):
    counts = np.array([90, 10] if "binary" in HEADS[head].tasks else [50, 30, 20])
    assert is_proper(loss, head, {}, counts) == (None if head == "identity" else LOSSES[loss].proper)


# --- remarks


@pytest.mark.parametrize(("loss", "head"), [(loss, head) for loss, spec in LOSSES.items() for head in spec.heads])
def test_every_remark_is_one_sentence_or_nothing(loss, head):
    counts = np.array([90, 10]) if "binary" in HEADS[head].tasks else np.array([50, 30, 20, 7])
    for values in [{}, *(OTHER.get(loss, []) if len(counts) == 2 else [])]:
        said = remark(loss, head, values, counts)
        assert "nan" not in said
        if said:
            assert said[0].isupper()
            assert said.endswith(".")


def test_scores_of_a_proper_loss_estimate_the_true_probability():
    counts = np.array([90, 10])
    for loss in ("bce", "bce_probabilities", "brier"):
        assert remark(loss, "sigmoid", {}, counts) == PROPER


def test_remark_on_pos_weight_names_both_thresholds():
    said = remark("bce", "sigmoid", {"pos_weight": 9.0}, np.array([90, 10]))
    assert said == (
        "With pos_weight 9, a score of 0.5 means a true probability of 0.100; a true probability of 0.5 has the "
        "optimal score 0.900."
    )


@pytest.mark.parametrize(("weights", "e"), [("1, 9", 0.0), ("3, 2", 0.2), ("1, 4", 0.3)])
def test_remark_on_class_weights_names_the_true_probability_at_which_both_logits_are_best_equal(weights, e):
    said = remark("cross_entropy", "softmax2", {"class_weight": weights, "label_smoothing": e}, np.array([90, 10]))
    w0, w1 = (float(part) for part in weights.split(","))
    # w1 ((1 - e) q + e / 2) = w0 ((1 - e) (1 - q) + e / 2)
    q = (w0 * (1 - e / 2) - w1 * e / 2) / ((1 - e) * (w0 + w1))
    assert f"means a true probability of {q:.3f};" in said


def test_remark_says_when_a_half_is_always_reached():
    said = remark("cross_entropy", "softmax2", {"class_weight": "1, 9", "label_smoothing": 0.9}, np.array([90, 10]))
    assert said.endswith("a score of 0.5 is always reached.")


def test_remark_on_balanced_weights_takes_the_rows():
    said = remark("cross_entropy", "softmax2", {"class_weight": "balanced"}, np.array([90, 10]))
    assert "a true probability of 0.100" in said
    assert "class weights 0.5556, 5" in said


def test_remark_on_the_output_gate_says_that_the_gradient_does_not_see_it():
    said = remark("gated_bce", "sigmoid", {}, np.array([90, 10]))
    assert said.startswith("Scores estimate the true probability, where the gradient is 0")


def test_remark_on_hinge_speaks_of_a_side():
    assert "above 0.5 means a true probability above 0.5" in remark("hinge", "sigmoid", {}, np.array([90, 10]))


def test_remark_on_one_output_a_label_is_that_of_two_classes():
    counts = np.array([10, 20, 30])
    said = remark("bce", "sigmoids", {"pos_weight": 3.0}, counts)
    assert said == remark("bce", "sigmoid", {"pos_weight": 3.0}, np.array([1, 1]))
    assert "1 / (1 + w)" in remark("bce", "sigmoids", {"output_weight": "1, 2, 3"}, counts)


def test_remark_refuses_what_can_not_be_used():
    with pytest.raises(CutoffError, match="class_weight"):
        remark("cross_entropy", "softmax2", {"class_weight": "one"}, np.array([90, 10]))
    with pytest.raises(CutoffError, match="output_weight"):
        remark("bce", "sigmoids", {"output_weight": "1, 2"}, np.array([1, 2, 3]))


def test_remark_names_both_optimal_scores_of_a_band():
    said = remark("band_mse", "sigmoid", {"penalty": 5.0}, np.array([90, 10]))
    assert "two optimal scores, 0.300 and 0.700" in said


def test_remark_says_where_the_loss_is_lower_at_a_single_point():
    single = "At exactly 0.5 the loss is lower than next to it"
    assert single in remark("loss_gated_mse", "sigmoid", {"tau": 0.25}, np.array([90, 10]))
    assert single not in remark("loss_gated_mse", "sigmoid", {"tau": 0.2}, np.array([90, 10]))
