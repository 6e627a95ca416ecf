"""Optimal scores: closed forms against a search over the loss itself, and the numbers that theory gives by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from core.losses import LOSSES
from core.losses.heads import HEADS
from core.theory.binary_loss import binary_head, binary_loss, class_heads
from core.theory.optimal_scores import (
    all_optimal_scores,
    has_closed_form,
    has_single_point_at_half,
    optimal_logits,
    optimal_scores,
    posterior_logits,
    resting_points,
    searched_scores,
    softmax_twice,
    stands_for,
    threshold_on_score,
)

Q = np.linspace(0.02, 0.98, 25)
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
CLOSED = [
    pytest.param(loss, head, values, id=f"{loss} {head} {values}")
    for loss, spec in LOSSES.items()
    if spec.optimal_logit or spec.posterior_logit
    for head in spec.heads
    if "binary" in HEADS[head].tasks
    for values in [{}, *OTHER.get(loss, [])]
]
# The band's penalty makes outputs near its threshold dear, so the order of its scores is not promised.
BINARY = [loss for loss in LOSSES if binary_head(loss) != "identity" and loss != "band_mse"]


@pytest.mark.parametrize(("loss", "head", "values"), CLOSED)
def test_closed_form_is_where_the_expected_loss_is_least(loss, head, values):
    of = binary_loss(loss, head, values)
    assert has_closed_form(of)
    np.testing.assert_allclose(searched_scores(of, Q), optimal_scores(of, Q), atol=2e-6)


DECLARED = [loss for loss, spec in LOSSES.items() if spec.optimal_logit or spec.posterior_logit]
# On two outputs: every loss of single outputs, and those of the first one weighted in another way than the second.
ON_TWO = [
    (loss, head, values)
    for loss, spec in LOSSES.items()
    if spec.of == "output" and binary_head(loss) != "identity"
    for head in class_heads(loss)[1:]
    for values in (
        {},
        {"over_outputs": "sum"},
        *([{"output_weight": "5, 9", "pos_weight": 2.0}] if loss == "bce" else []),
    )
]


@pytest.mark.parametrize(("loss", "head", "values"), ON_TWO)
def test_loss_on_two_outputs_is_what_training_minimises_on_one_row(loss, head, values):
    of = binary_loss(loss, head, values)
    for z in (-1.3, 0.4, 2.0):
        for y in (0, 1):
            labels = [[1, y]] if head == "sigmoids" else [y]
            outputs = torch.tensor([[[0, z]]], dtype=torch.float64)
            trained = of.objective.mean(outputs, torch.tensor([labels]))
            torch.testing.assert_close(of.values(torch.tensor([z], dtype=torch.float64), y), trained)


@pytest.mark.parametrize(
    ("loss", "head", "values"),
    [one for one in ON_TWO if one[0] in DECLARED],
)
def test_closed_form_on_two_outputs_is_that_of_the_output_that_moves(loss, head, values):
    of = binary_loss(loss, head, values)
    np.testing.assert_allclose(searched_scores(of, Q), optimal_scores(of, Q), atol=2e-6)
    if "output_weight" in values:
        np.testing.assert_allclose(optimal_scores(of, Q), 18 * Q / (18 * Q + 1 - Q))


@pytest.mark.parametrize("head", ["sigmoids", "one_vs_rest"])
@pytest.mark.parametrize("loss", ["soft_f1", "tversky"])
def test_a_batch_loss_of_two_outputs_moves_the_second_one(loss, head):
    z = torch.tensor([-2.0, 0.5], dtype=torch.float64)
    one, two = binary_loss(loss, "sigmoid", {}), binary_loss(loss, head, {"over_outputs": "sum"})
    for y in (0, 1):
        torch.testing.assert_close(two.gradients(z, y), one.gradients(z, y))


def test_heads_to_look_at_a_loss_are_its_own_without_the_softmax_of_two_twice():
    for loss, spec in LOSSES.items():
        heads = class_heads(loss)
        assert heads[0] == binary_head(loss)
        assert set(heads) <= set(spec.heads)
        assert all(head == "identity" or {head, "softmax2"} & set(heads) for head in spec.heads)


@pytest.mark.parametrize("loss", ["bce", "focal", "cross_entropy", "asymmetric", "squared_hinge"])
@pytest.mark.parametrize("q", [0.1, 0.5, 0.83])
def test_search_agrees_with_scipy_where_a_loss_has_one_minimum(loss, q):
    of = binary_loss(loss, binary_head(loss), {})

    def risk(z: float) -> float:
        at = torch.tensor([z], dtype=torch.float64)
        return float(q * of.values(at, 1) + (1 - q) * of.values(at, 0))

    best = minimize_scalar(risk, bounds=(-12, 12), method="bounded", options={"xatol": 1e-10}).x
    assert searched_scores(of, np.array([q]))[0] == pytest.approx(expit(best), abs=1e-5)


def test_two_outputs_are_one_logit():
    z = torch.linspace(-9, 9, 101, dtype=torch.float64)
    one, two = binary_loss("bce", "sigmoid", {}), binary_loss("cross_entropy", "softmax2", {})
    for y in (0, 1):
        torch.testing.assert_close(two.values(z, y), one.values(z, y))
        torch.testing.assert_close(two.gradients(z, y), one.gradients(z, y))
    torch.testing.assert_close(two.scores(z), one.scores(z))


def test_pos_weight_9_puts_the_threshold_at_nine_tenths():
    of = binary_loss("bce", "sigmoid", {"pos_weight": 9.0})
    assert threshold_on_score(of, 0.5).score == pytest.approx(0.9)
    assert logit(threshold_on_score(of, 0.5).score) == pytest.approx(np.log(9))
    assert stands_for(of, 0.5) == pytest.approx(0.1)
    assert stands_for(of, 0.9) == pytest.approx(0.5)


def test_focal_2_has_a_lower_optimal_score_than_the_true_probability():
    of = binary_loss("focal", "sigmoid", {"gamma": 2.0, "alpha": 0.5})
    np.testing.assert_allclose(searched_scores(of, np.array([0.8, 0.99])), [0.627, 0.846], atol=5e-4)


def test_softmax_before_cross_entropy_clips_the_optimal_score():
    """The inner p is clip((logit q + 1) / 2), so the shown sigmoid(2 p - 1) is q clipped to [.2689, .7311]."""
    of = binary_loss("cross_entropy", "softmax2", {}, activation="softmax")
    assert not has_closed_form(of)
    ends = expit([-1.0, 1.0])
    np.testing.assert_allclose(searched_scores(of, Q), np.clip(Q, *ends), atol=2e-6)
    np.testing.assert_allclose(ends, [0.2689, 0.7311], atol=5e-5)


def test_double_sigmoid_has_no_optimal_score_below_a_half():
    of = binary_loss("bce", "sigmoid", {}, activation="sigmoid")
    np.testing.assert_allclose(searched_scores(of, Q), np.clip(Q, 0.5, expit(1)), atol=2e-6)
    inner = binary_loss("bce", "sigmoid", {})
    z = torch.tensor([0.0], dtype=torch.float64)
    # .5 of the inner sigmoid is the best for q = sigmoid(.5) = .6225.
    assert of.scores(z).item() == pytest.approx(0.6225, abs=5e-5)
    assert inner.scores(z).item() == 0.5


def test_hinge_tells_only_the_side():
    of = binary_loss("hinge", "sigmoid", {})
    cut = threshold_on_score(of, 0.8)
    assert cut.score == pytest.approx(expit(1))
    assert cut.low <= 0.51
    assert cut.high == 1
    assert stands_for(of, 0.7) == pytest.approx(0.5)


def test_gated_bce_is_least_just_below_its_threshold_for_seven_and_nine_tenths():
    of = binary_loss("gated_bce", "sigmoid", {"threshold": 0.6, "above": 2.0, "below": 0.3})
    np.testing.assert_allclose(searched_scores(of, np.array([0.7, 0.9])), 0.6, atol=1e-6)


def test_a_batch_loss_moves_one_row_of_sixteen():
    """The others give sum p = 7.5, of which 2.5 on their five positives."""
    of = binary_loss("soft_f1", "sigmoid", {})
    z = torch.tensor([-2.0, 0.5], dtype=torch.float64)
    p = torch.sigmoid(z)
    for y in (0, 1):
        torch.testing.assert_close(of.values(z, y), 1 - 2 * (2.5 + p * y) / (p + 12.5 + y))


def test_labels_that_compete_halve_the_optimal_score():
    """Normalised, y = 1 has targets (.5, .5) and y = 0 has (1, 0), so that the second label's share is q / 2."""
    of = binary_loss("cross_entropy_multihot", "softmax", {})
    np.testing.assert_allclose(searched_scores(of, Q), Q / 2, atol=2e-6)


@pytest.mark.parametrize(
    ("target", "rests"), [(0.0, [0, 0.7]), (0.3, [0.3, 0.7]), (0.36, [0.36, 0.7]), (0.38, [0.38]), (1.0, [0.3, 1])]
)
def test_the_band_traps_predictions_at_its_far_edge(target, rests):
    of = binary_loss("band_mse", "identity", {"threshold": 0.5, "radius": 0.2, "penalty": 1.2})
    np.testing.assert_allclose(resting_points(of, target, -1.5, 2.5), rests, atol=1e-8)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "loss_gated_mse"])
def test_other_losses_of_values_rest_at_the_target_only(loss):
    of = binary_loss(loss, "identity", {})
    np.testing.assert_allclose(resting_points(of, 0.25, -1.5, 2.5), [0.25], atol=1e-8)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.02, 50), st.floats(0.02, 0.98))
def test_standing_for_is_the_inverse_of_the_optimal_score(weight, q):
    of = binary_loss("bce", "sigmoid", {"pos_weight": weight})
    assert stands_for(of, optimal_scores(of, np.array([q]))[0]) == pytest.approx(q, abs=1e-6)
    assert stands_for(of, 0.5) == pytest.approx(1 / (1 + weight), abs=1e-6)


@pytest.mark.parametrize(
    ("classes", "largest", "floor"),
    [(2, 0.7311, 0.3133), (3, 0.5761, 0.5514), (4, 0.4754, 0.7437), (10, 0.2320, 1.4612)],
)
def test_softmax_twice_reaches_no_further(classes, largest, floor):
    found = softmax_twice(classes)
    np.testing.assert_allclose(found, (largest, floor), atol=5e-5)
    z = torch.zeros(1, classes, dtype=torch.float64)
    z[0, 0] = 1e3
    twice = torch.softmax(torch.softmax(z, -1), -1)[0, 0].item()
    assert twice == pytest.approx(float(found[0]))
    loss = torch.nn.functional.cross_entropy(torch.softmax(z, -1), torch.tensor([0])).item()
    assert loss == pytest.approx(float(found[1]))


@pytest.mark.parametrize("loss", BINARY)
def test_optimal_scores_rise_with_the_true_probability(loss):
    assert (np.diff(searched_scores(binary_loss(loss, binary_head(loss), {}), Q)) > -1e-6).all()


# --- logits near the ends


@settings(deadline=None, max_examples=50)
@given(st.floats(-700, 700), st.floats(0.01, 1000))
def test_a_weight_is_a_shift_of_every_logit_that_float64_has(x, weight):
    of = binary_loss("bce", "sigmoid", {"pos_weight": weight})
    assert optimal_logits(of, np.array([x]))[0] == x + np.log(weight)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.5), (5.0, 0.95)])
def test_focal_far_below_is_the_root_of_its_limit(gamma, alpha):
    """For p near 0 a positive pulls with alpha (1 - p - g p ln p), a negative with (1 - alpha) (1 + g) p^(1 + g)."""
    z = optimal_logits(binary_loss("focal", "sigmoid", {"gamma": gamma, "alpha": alpha}), np.array([-90.0]))[0]
    p = np.exp(z)
    pulls = np.log1p(-alpha) + np.log1p(gamma) + (1 + gamma) * z, np.log(alpha) + np.log1p(-p - gamma * p * z)
    assert pulls[0] - pulls[1] == pytest.approx(-90, abs=1e-6)


@pytest.mark.parametrize(("weights", "score"), [("1,100000", 1e5 / (1e5 + 1)), ("100000,1", 1 / (1e5 + 1))])
def test_a_threshold_near_the_end_stands_for_one_true_probability(weights, score):
    cut = threshold_on_score(binary_loss("cross_entropy", "softmax2", {"class_weight": weights}), 0.5)
    assert cut.score == pytest.approx(score, rel=1e-12)
    assert cut.high - cut.low < 1e-12


# --- several optimal scores


def test_the_band_has_two_optimal_scores_at_a_half():
    of = binary_loss("band_mse", "sigmoid", {"penalty": 5.0})
    np.testing.assert_allclose(all_optimal_scores(of, 0.5), [0.3, 0.7], atol=1e-6)
    np.testing.assert_allclose(all_optimal_scores(of, 0.2), [0.2], atol=1e-6)
    np.testing.assert_allclose(threshold_on_score(of, 0.5).scores, [0.3, 0.7], atol=1e-6)


def test_gates_at_both_sides_of_a_half_have_two_optimal_scores():
    of = binary_loss("loss_gated_mse", "sigmoid", {"tau": 0.2, "factor": 3.0})
    np.testing.assert_allclose(all_optimal_scores(of, 0.5), [np.sqrt(0.2), 1 - np.sqrt(0.2)], atol=1e-6)


def test_a_flat_minimum_counts_as_one_optimal_score():
    np.testing.assert_allclose(all_optimal_scores(binary_loss("hinge", "sigmoid", {}), 0.5), [0.5])


def test_a_single_point_where_both_losses_equal_tau_is_said_and_not_the_optimal_score():
    of = binary_loss("loss_gated_mse", "sigmoid", {"tau": 0.25, "factor": 2.0})
    for found in (optimal_scores, searched_scores):
        assert found(of, np.array([0.214]))[0] == pytest.approx(0.428 / 1.214, abs=1e-6)
    assert has_single_point_at_half(of, 0.214)
    assert not has_single_point_at_half(binary_loss("loss_gated_mse", "sigmoid", {"tau": 0.2}), 0.214)


# --- inverses


@pytest.mark.parametrize(("loss", "head", "values"), CLOSED)
def test_the_inverse_is_the_least_true_probability_whose_optimal_score_reaches(loss, head, values):
    of = binary_loss(loss, head, values)
    z = np.linspace(-4.1, 4.1, 42)
    x = posterior_logits(of, z)
    if x is None:
        return
    inside = np.isfinite(x)
    assert (optimal_logits(of, x[inside] + 1e-9) >= z[inside] - 1e-6).all()
    assert (optimal_logits(of, x[inside] - 1e-6) <= z[inside]).all()
    low, high = optimal_logits(of, np.array([-np.inf, np.inf]))
    assert (z[x == -np.inf] <= low + 1e-9).all()
    assert (z[x == np.inf] >= high - 1e-9).all()
