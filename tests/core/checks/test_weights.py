"""Which findings a weight raises follows from the optimal score alone: a shift of the logit by its logarithm."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from core.checks.finding import Finding
from core.experiment.config import make_config
from tests.support.check_cases import BALANCED, RARE, REST, TWO, sentences

WEIGHTS = (0.01, 0.1, 0.3, 0.7, 0.9, 1.0, 1.2, 1.7, 3.0, 9.0, 30.0, 99.0, 400.0)
# Four ways to shift the optimal logit by ln w, and the code of each that inverts the ratio.
WAYS = {
    "C201": lambda w: {"loss_params": {"pos_weight": w}},
    "C206": lambda w: {"loss": "focal", "loss_params": {"gamma": 0.0, "alpha": w / (1 + w)}},
    "C203": lambda w: TWO | {"loss_params": {"class_weight": f"1, {w}"}},
    "C215": lambda w: {"head": "softmax2", "loss": "logit_adjusted", "loss_params": {"prior": f"{w}, 1"}},
}


def found(prevalence: float, **choices: object) -> dict[str, Finding]:
    data = {"dataset": "gaussians", "dataset_params": {"prevalence": prevalence, "samples": 400}}
    return sentences(make_config(**data, **choices))


@pytest.mark.parametrize("prevalence", [0.05, 0.2, 0.35, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("inverting", WAYS)
def test_weights_are_judged_by_the_shift_that_they_are(inverting, prevalence):
    rare, balance = min(prevalence, 1 - prevalence) < 0.3, abs(math.log(1 / prevalence - 1))
    for weight in WEIGHTS:
        towards = math.log(weight) if prevalence <= 0.5 else -math.log(weight)
        inverted = rare and towards <= math.log(0.8)
        far = not inverted and max(towards - balance, -towards) >= math.log(2)
        seen = found(prevalence, **WAYS[inverting](weight))
        assert {code for code in seen if code in (*WAYS, "C202", "C216")} == (
            {inverting} if inverted else {"C202"} if far else set()
        ), weight
        assert ("C210" in seen) == (weight != 1)
        if weight != 1:
            half = 1 / (1 + weight)
            assert f"shifted by {math.log(weight):+.4g}" in seen["C210"].sentence
            assert f"a score of 0.5 stands for a true probability of {half:.3g}." in seen["C210"].sentence


@pytest.mark.parametrize("inverting", WAYS)
def test_a_third_on_balanced_data_raises_the_same_whatever_the_weight_is_called(inverting):
    seen = sentences(make_config(**BALANCED, **WAYS[inverting](1 / 3)))
    assert "true P(positive) of 0.75, as with a pos_weight of 0.3333, far below balance" in seen["C202"].sentence


def test_a_weight_far_above_what_balances_is_said_with_what_does():
    seen = found(0.01, loss_params={"pos_weight": 1000.0})["C202"]
    assert "as with a pos_weight of 1000, far above balance: 1.0% of the rows are positive" in seen.sentence
    assert seen.sentence.endswith("or 99.00 negatives per positive.")
    assert dict(seen.remedy["loss_params"]) == {"pos_weight": 99.0}


def test_an_inverted_prior_doubles_the_imbalance():
    seen = found(0.01, head="softmax2", loss="logit_adjusted", loss_params={"prior": "1, 99"})
    assert "stands for a true P(positive) of 0.99, as with a pos_weight of 0.0101" in seen["C215"].sentence
    assert "C202" not in seen


@settings(deadline=None, max_examples=25)
@given(st.floats(0.05, 0.95), st.floats(0, 5))
def test_focal_moves_a_half_to_one_less_alpha_whatever_gamma_is(alpha, gamma):
    weight = alpha / (1 - alpha)
    seen = sentences(make_config(**BALANCED, loss="focal", loss_params={"gamma": gamma, "alpha": alpha}))
    if abs(abs(math.log(weight)) - math.log(2)) > 0.01:
        assert ("C202" in seen) == (abs(math.log(weight)) > math.log(2))
    if "C202" in seen:
        assert f"true P(positive) of {1 - alpha:.3g}, " in seen["C202"].sentence


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.5, 0.9])
def test_label_smoothing_is_not_proper_and_squeezes(smoothing):
    seen = sentences(make_config(**BALANCED, **TWO, loss_params={"label_smoothing": smoothing}))
    assert ("C210" in seen) == (smoothing > 0)
    assert "C202" not in seen
    if smoothing:
        low, optimal = smoothing / 2, (1 - smoothing) * 0.8 + smoothing / 2
        assert seen["C210"].sentence.startswith(
            f"Optimal scores lie in [{low:.3g}, {1 - low:.3g}]. For a true probability of 0.8 the optimal score is "
            f"{optimal:.3f}."
        )


def test_smoothing_over_several_classes_is_not_given_the_range_of_two():
    ten = {"dataset": "digits", "head": "softmax", "loss": "cross_entropy", "loss_params": {"label_smoothing": 0.1}}
    assert sentences(make_config(**ten))["C210"].sentence.startswith(
        "The optimal scores are not the true probabilities."
    )


def test_margins_and_dead_zones_tie_and_stop_and_asl_stops_for_negatives():
    hinge = sentences(make_config(loss="hinge", loss_params={"margin": 2.0}))["C210"].sentence
    assert f"[{expit(-2):.3g}, {expit(2):.3g}]" in hinge
    assert "Several true probabilities share one optimal score. For negatives and positives the gradient is 0" in hinge
    asl = sentences(make_config(loss="asymmetric"))["C210"].sentence
    assert "For negatives the gradient is 0 over a range of scores." in asl
    assert "gradient" not in sentences(make_config(loss="asymmetric", loss_params={"margin": 0.0}))["C210"].sentence


def test_two_weights_of_one_output_are_judged_by_their_product():
    ten, a_tenth = ", ".join(["10"] * 10), ", ".join(["0.1"] * 10)
    assert not {"C201", "C202", "C214", "C210"} & set(
        sentences(make_config(**REST, loss_params={"pos_weight": 0.1, "output_weight": ten}))
    )
    both = sentences(make_config(**REST, loss_params={"pos_weight": 0.1, "output_weight": a_tenth}))
    assert len({"C201", "C214"} & set(both)) == 1


def test_what_balances_by_one_weight_makes_the_other_even():
    wine = {"dataset": "wine", "head": "one_vs_rest"}
    config = make_config(**wine, loss_params={"pos_weight": 0.01, "output_weight": "balanced"})
    (finding,) = [one for code, one in sentences(config).items() if code in ("C201", "C202", "C214")]
    assert dict(finding.remedy["loss_params"])["output_weight"] == "equal"
    assert not {"C201", "C202", "C214"} & set(sentences(config.model_copy(update=finding.remedy)))


def test_a_label_with_a_weight_of_its_own_is_named():
    weights = ["1"] * 10
    weights[3] = "0.2"
    seen = sentences(make_config(**REST, loss_params={"output_weight": ", ".join(weights)}))["C214"]
    assert "a true P(3) of 0.833, as with a pos_weight of 0.2, so the weights are inverted" in seen.sentence


def test_classes_of_one_softmax_are_compared_in_pairs():
    wine = {"dataset": "wine", "head": "softmax", "loss": "cross_entropy"}
    seen = sentences(make_config(**wine, loss_params={"class_weight": "1, 9, 2"}))["C202"].sentence
    assert "as with a pos_weight of 9, far above balance" in seen
    assert "of the rows of grower 1 and grower 0 are grower 1" in seen
    assert "C202" not in sentences(make_config(**wine, loss_params={"class_weight": "1, 1.5, 1.2"}))


def test_a_loss_whose_gradient_is_0_at_the_truth_is_not_said_to_move_scores():
    assert "C210" not in sentences(make_config(loss="gated_bce"))
    assert "C210" not in sentences(make_config(loss="gated_bce", loss_params={"above": 0.1, "below": 1.0}))


def test_weights_that_balance_raise_nothing_about_weights():
    for choices in ({"loss_params": {"pos_weight": 9.0}}, TWO | {"loss_params": {"class_weight": "balanced"}}):
        assert not {"C201", "C202", "C203"} & set(sentences(make_config(**RARE, **choices)))
