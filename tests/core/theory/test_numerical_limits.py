"""What four number formats do to a loss: every number was measured with torch 2.13 on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.losses import LOSSES
from core.theory.binary_loss import BinaryLoss, binary_head, binary_loss
from core.theory.numerical_limits import (
    DTYPES,
    END,
    FAR,
    Finding,
    decisions,
    findings,
    gradient,
    largest_tie,
    naive_bce,
    numbers,
    overflows,
)

HALF, SINGLE = torch.float16, torch.float32


def in_format(loss: str, dtype: torch.dtype, activation: str = "auto") -> BinaryLoss:
    return binary_loss(loss, binary_head(loss), {}, activation=activation).to(dtype)


def found(loss: str, y: int, dtype: torch.dtype, activation: str = "auto") -> dict[str, Finding]:
    """The findings by what they say; the nearest to 0 where there is one on each side."""
    of = in_format(loss, dtype, activation)
    return {one.what: one for one in reversed(findings(lambda z: of.values(z, y), of.scores, y, dtype))}


def at(loss: str, y: int, z: float, dtype: torch.dtype) -> tuple[float, float]:
    """Loss and gradient at one logit."""
    of = in_format(loss, dtype)
    logits = torch.tensor([z], dtype=dtype)
    return of.values(logits, y).item(), of.gradients(logits, y).item()


@pytest.mark.parametrize(("dtype", "one", "zero"), [(SINGLE, 16.636, -88.72), (HALF, 8.32, -17.34)])
def test_the_sigmoid_is_exactly_1_and_0_from_here(dtype, one, zero):
    named = found("bce_probabilities", 0, dtype)
    assert named["The score is exactly 1"].z == pytest.approx(one, abs=5e-3)
    assert named["The score is exactly 0"].z == pytest.approx(zero, abs=5e-3)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_a_finding_is_the_first_number_of_its_format(dtype):
    z = torch.tensor(found("bce_probabilities", 0, dtype)["The score is exactly 1"].z, dtype=dtype)
    before = torch.nextafter(z, torch.zeros_like(z))
    assert torch.sigmoid(z) == 1
    assert torch.sigmoid(before) < 1


def test_bce_on_probabilities_stops_at_100_without_a_gradient():
    assert at("bce_probabilities", 0, 17, SINGLE) == (100, 0)
    named = found("bce_probabilities", 0, SINGLE)
    assert named["The loss stops at 100"].z == pytest.approx(16.636, abs=1e-3)
    assert named["The row is misclassified, but its gradient is 0"].z == pytest.approx(16.636, abs=1e-3)


def test_bce_on_probabilities_has_no_gradient_in_half_precision():
    assert np.isnan(at("bce_probabilities", 0, 17, HALF)[1])
    assert np.isnan(at("bce_probabilities", 1, 9, HALF)[1])  # although the row is right
    assert found("bce_probabilities", 1, HALF)["The gradient is NaN"].z == pytest.approx(8.32, abs=5e-3)


@pytest.mark.parametrize(("z", "slope"), [(-28, -0.69), (-30, -0.094), (-40, -4e-6)])
def test_bce_on_probabilities_loses_the_gradient_of_a_missed_positive(z, slope):
    assert at("bce_probabilities", 1, z, SINGLE)[1] == pytest.approx(slope, rel=0.07)


def test_the_gradient_of_a_missed_positive_dies_at_the_floor_of_the_denominator():
    """The gradient is -p / max(p, 1e-12): whole down to z = -ln 1e12 = -27.63, below a hundredth from -32.24."""
    assert at("bce_probabilities", 1, -27.6, SINGLE)[1] == pytest.approx(-1, abs=1e-3)
    dying = found("bce_probabilities", 1, SINGLE)[
        "The row is misclassified, but its gradient is below 1% of its maximum"
    ]
    assert dying.z == pytest.approx(np.log(1e-14), abs=1e-3)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("y", [0, 1])
def test_bce_with_logits_keeps_its_gradient(y, dtype):
    for z in (17, 40, 100):
        assert abs(at("bce", y, z if y == 0 else -z, dtype)[1]) == pytest.approx(1, abs=1e-7)
    assert {what for what in found("bce", y, dtype) if "score" not in what} == set()


@pytest.mark.parametrize("dtype", [SINGLE, HALF])
def test_bce_written_by_hand_is_infinite_and_its_gradient_is_none(dtype):
    z = torch.tensor([17.0], dtype=dtype)
    assert naive_bce(z, 0).isinf()
    assert gradient(lambda at: naive_bce(at, 0), z).isnan()
    named = {one.what: one.z for one in findings(lambda at: naive_bce(at, 0), torch.sigmoid, 0, dtype)}
    assert named["The loss is infinite"] == named["The gradient is NaN"] == named["The score is exactly 1"]


def test_brier_on_a_sigmoid_has_hardly_a_gradient_for_a_row_that_is_wrong():
    assert at("brier", 0, 10, SINGLE)[1] == pytest.approx(9e-5, rel=0.02)
    dying = found("brier", 0, SINGLE)["The row is misclassified, but its gradient is below 1% of its maximum"]
    assert 6 < dying.z < 7


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_a_second_sigmoid_or_softmax_stops_the_loss_at_its_ceiling(loss):
    """The outputs reach 1 and 0 only, so the loss of a wrong row ends at log(1 + e) = 1.3133."""
    named = found(loss, 0, SINGLE, activation="sigmoid" if loss == "bce" else "softmax")
    assert "The loss stops at 1.31326" in named
    assert "The row is misclassified, but its gradient is below 1% of its maximum" in named


def test_cross_entropy_over_one_column_has_no_gradient_anywhere():
    assert [str(one) for one in found("cross_entropy_float", 1, SINGLE).values()] == [
        "The gradient is 0, at every logit."
    ]


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if binary_head(loss) != "identity"])
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_every_loss_can_be_looked_at_in_every_format(loss, dtype):
    of = in_format(loss, dtype)
    whole = numbers(lambda z: of.values(z, 1), dtype, points=201)
    assert of.values(torch.zeros(2, dtype=dtype), 1).dtype == dtype
    assert whole.z[0] == -END
    assert whole.z[-1] == END
    for one in findings(lambda z: of.values(z, 1), of.scores, 1, dtype):
        assert one.z is None or -END <= one.z <= END


def test_a_finding_says_where_it_begins_and_ends():
    assert str(Finding("The loss is NaN", 8.25)) == "The loss is NaN, from z = 8.25 on up."
    assert str(Finding("The loss is NaN", -8.25)) == "The loss is NaN, from z = -8.25 on down."
    assert str(Finding("The loss is NaN", -8.25, -9.5)) == "The loss is NaN, from z = -8.25 to -9.5."


@pytest.mark.parametrize("side", [1, -1])
def test_the_square_of_an_error_of_256_is_beyond_half_precision(side):
    of = binary_loss("mse", "identity", {}).to(HALF)
    (found,) = [one for one in overflows(lambda z: of.values(z, 0), HALF, FAR, "ŷ") if one.z * side > 0]
    before = torch.nextafter(torch.tensor(found.z, dtype=HALF), torch.zeros((), dtype=HALF))
    assert before.square().isfinite()
    assert str(found) == f"The loss is infinite, from ŷ = {side * 256} on {'up' if side > 0 else 'down'}."
    single = of.to(SINGLE)
    assert overflows(lambda z: single.values(z, 0), SINGLE, FAR) == ()


# --- from probability to decision


def test_a_tie_is_rounded_to_the_even_number():
    assert torch.round(torch.tensor(0.5)) == 0
    found = decisions(0.0, SINGLE)
    assert (found.score, found.rounded, found.score_reaches_half, found.logit_reaches_0) == (0.5, 0, 1, 1)


@pytest.mark.parametrize(
    ("name", "end"), [("float32", 8.94e-8), ("float16", 9.77e-4), ("bfloat16", 7.81e-3), ("float64", 1.67e-16)]
)
def test_logits_up_to_here_have_a_sigmoid_of_exactly_a_half(name, end):
    tie = largest_tie(DTYPES[name])
    assert tie == pytest.approx(end, rel=2e-3)
    assert torch.sigmoid(torch.tensor(tie, dtype=DTYPES[name])) == 0.5
    after = torch.nextafter(torch.tensor(tie, dtype=DTYPES[name]), torch.tensor(1.0, dtype=DTYPES[name]))
    assert torch.sigmoid(after) > 0.5
    assert decisions(tie, DTYPES[name]).rounded == 0
    assert decisions(float(after), DTYPES[name]).rounded == 1


@settings(deadline=None)
@given(st.floats(-100, 100), st.sampled_from(list(DTYPES.values())))
def test_ways_to_decide_agree_but_for_ties_and_argmax(z, dtype):
    made = decisions(z, dtype)
    assert made.argmax == 0
    assert made.logit_reaches_0 == (made.logit >= 0)
    assert made.rounded == (made.score > 0.5)
    assert made.score_reaches_half == (made.score >= 0.5)


@pytest.mark.parametrize("dtype", DTYPES.values())
@pytest.mark.parametrize("y", [0, 1])
def test_bce_with_logits_follows_its_formula_where_its_score_rounds(dtype: torch.dtype, y: int):
    of = binary_loss("bce", "sigmoid", {}).to(dtype)
    found = findings(lambda z: of.values(z, y), of.scores, y, dtype)
    assert found
    assert all(one.of_score for one in found)
    z = torch.linspace(-90, 90, 181, dtype=torch.float64)
    exact = np.logaddexp(0, (1 - 2 * y) * z.numpy())
    np.testing.assert_allclose(of.values(z.to(dtype), y).double(), exact, rtol=0.02, atol=90 * torch.finfo(dtype).eps)


def test_bce_on_probabilities_leaves_its_formula_itself():
    of = binary_loss("bce_probabilities", "sigmoid", {}).to(torch.float32)
    assert any(not one.of_score for one in findings(lambda z: of.values(z, 0), of.scores, 0, torch.float32))
