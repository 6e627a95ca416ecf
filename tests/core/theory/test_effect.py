"""What a loss does to scores, against closed forms by hand: shifts, squeezes, ties, reorders, stops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.errors import CutoffError
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.theory.effect import Effect, effect, is_proper
from core.theory.remarks import PROPER, remark

COUNTS = np.array([90, 10])


def of(loss: str, head: str = "sigmoid", activation: str = "auto", **values) -> Effect:
    found = effect(loss, head, values, COUNTS, activation)
    assert found is not None
    return found


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 1000))
def test_pos_weight_shifts_the_logit_by_its_logarithm(weight):
    found = of("bce", pos_weight=weight)
    assert found.shift == pytest.approx(np.log(weight), rel=1e-9, abs=1e-9)
    assert (found.low, found.high, found.order, found.stops, found.learns) == (0, 1, "kept", (), True)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 0.99))
def test_focal_without_gamma_shifts_by_the_log_odds_of_alpha(alpha):
    assert of("focal", gamma=0.0, alpha=alpha).shift == pytest.approx(logit(alpha), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "head", "values", "shift"),
    [
        ("bce", "sigmoid", {"pos_weight": 1 / 3}, -np.log(3)),
        ("focal", "sigmoid", {"gamma": 0.0, "alpha": 0.25}, -np.log(3)),
        ("cross_entropy", "softmax2", {"class_weight": "1, 9"}, np.log(9)),
        ("cross_entropy", "softmax2", {"class_weight": "3, 1"}, -np.log(3)),
        ("cross_entropy", "softmax2", {"class_weight": "1, 100000"}, np.log(1e5)),
        ("cross_entropy", "softmax2", {"class_weight": "balanced"}, np.log(9)),
        ("nll", "softmax2", {"class_weight": "balanced"}, np.log(9)),
        ("logit_adjusted", "softmax2", {}, np.log(9)),
        ("logit_adjusted", "softmax2", {"tau": 0.5, "prior": "1, 99"}, -np.log(99) / 2),
        ("logit_adjusted", "softmax2", {"prior": "99, 1"}, np.log(99)),
    ],
)
def test_weights_and_shares_are_shifts(loss, head, values, shift):
    found = of(loss, head, **values)
    assert found.shift == pytest.approx(shift)
    assert (found.order, found.proper, found.squeezes) == ("kept", False, False)


def test_a_proper_scoring_rule_does_nothing_to_scores():
    for loss, head in [("bce", "sigmoid"), ("brier", "sigmoid"), ("cross_entropy", "softmax2")]:
        assert of(loss, head) == Effect(0.0, 0.0, 1.0, "kept", (), True)
        assert of(loss, head).proper


@pytest.mark.parametrize("e", [0.05, 0.5, 0.9])
def test_label_smoothing_squeezes_scores_and_is_not_proper(e):
    found = of("cross_entropy", "softmax2", label_smoothing=e)
    assert (found.low, found.high) == pytest.approx((e / 2, 1 - e / 2))
    assert (found.shift, found.order, found.proper, found.squeezes) == (None, "kept", False, True)


def test_focal_keeps_the_order_and_is_no_shift():
    found = of("focal", alpha=0.95)
    assert (found.shift, found.low, found.high, found.order) == (None, 0, 1, "kept")


@pytest.mark.parametrize("accept", [0.6, 0.9])
def test_a_dead_zone_ties_what_lies_beyond_it_and_stops_for_both_labels(accept):
    found = of("dead_zone", accept=accept)
    assert (found.low, found.high) == pytest.approx((1 - accept, accept))
    assert (found.order, found.stops) == ("tied", (0, 1))


def test_hinge_ties_and_its_square_does_not():
    assert of("hinge").order == "tied"
    squared = of("squared_hinge", margin=2.0)
    assert (squared.low, squared.high) == pytest.approx((expit(-2), expit(2)), abs=1e-6)
    assert (squared.order, squared.stops) == ("kept", (0, 1))


def test_the_margin_of_asl_stops_for_negatives_only():
    assert of("asymmetric").stops == (0,)
    assert of("asymmetric", margin=0.0).stops == ()


def test_a_band_ties_or_reorders_scores():
    assert of("band_mse").order != "kept"
    assert of("band_mse", penalty=0.0).order == "kept"


def test_one_column_of_cross_entropy_learns_nothing():
    found = of("cross_entropy_float")
    assert (found.learns, found.stops, found.proper) == (False, (0, 1), False)


def test_a_wrong_final_activation_squeezes():
    twice = of("bce", activation="sigmoid")
    assert (twice.low, twice.high) == pytest.approx((0.5, expit(1)), abs=1e-6)
    assert twice.order == "tied"
    softmax_twice = of("cross_entropy", "softmax2", "softmax")
    assert (softmax_twice.low, softmax_twice.high) == pytest.approx((expit(-1), expit(1)), abs=1e-6)
    # A log-softmax of a log-softmax changes nothing.
    assert of("cross_entropy", "softmax2", "log_softmax").proper


def test_each_label_and_each_pair_of_classes_has_an_effect_of_its_own():
    counts = np.array([50, 30, 20])
    for label, weight in enumerate((1, 2, 5)):
        found = effect("bce", "sigmoids", {"output_weight": "1, 2, 5"}, counts, positive=label)
        assert found is not None
        assert found.shift == pytest.approx(np.log(weight), rel=1e-9, abs=1e-9)
    found = effect("cross_entropy", "softmax", {"class_weight": "1, 2, 5"}, counts, negative=1, positive=2)
    assert found is not None
    assert found.shift == pytest.approx(np.log(5 / 2))


@pytest.mark.parametrize("label", range(3))
def test_balanced_weights_of_labels_are_the_rows_without_a_label_per_row_with_it(label):
    counts, rows = np.array([300, 100, 50]), 1000  # most rows have no label, and some have several
    found = effect("bce", "sigmoids", {"output_weight": "balanced"}, counts, positive=label, rows=rows)
    assert found is not None
    assert found.shift == pytest.approx(np.log([700 / 300, 900 / 100, 950 / 50])[label])


def test_labels_of_half_the_rows_each_are_balanced_whatever_they_sum_to():
    counts = np.array([500, 500, 500])
    assert is_proper("bce", "sigmoids", {"output_weight": "balanced"}, counts, rows=1000)
    assert remark("bce", "sigmoids", {"output_weight": "balanced"}, counts, 1000) == PROPER


def test_there_is_no_effect_of_one_score_in_a_batch_or_in_a_regression():
    assert effect("soft_f1", "sigmoid", {}, COUNTS) is None
    assert effect("mse", "identity", {}, COUNTS) is None


@pytest.mark.parametrize(
    ("loss", "head"), [(loss, head) for loss in LOSSES for head in HEADS if head in LOSSES[loss].heads]
)
def test_proper_is_what_the_definition_says(loss, head):
    found = effect(loss, head, {}, COUNTS)
    assert found is None or LOSSES[loss].mistake or found.proper == is_proper(loss, head, {}, COUNTS)


def test_a_bad_parameter_is_refused():
    with pytest.raises(CutoffError, match="pos_weight"):
        effect("bce", "sigmoid", {"pos_weight": -1.0}, COUNTS)
