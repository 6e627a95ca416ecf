"""Brier and the losses of a regression against torch and scikit-learn, and where they agree or stop to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import brier_score_loss, mean_absolute_error, mean_squared_error
from torch import Tensor, nn

from core.losses import LOSSES
from core.losses.objective import Objective
from tests.support.optimal_score import optimal_score

BRIER, MSE, MAE, HUBER = (LOSSES[name] for name in ("brier", "mse", "mae", "huber"))
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
VALUE = st.floats(-100, 100)
DELTA = st.floats(0.05, 10)
ROWS = st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=6)


def numbers(**values: float) -> dict[str, Tensor]:
    return {name: torch.full((1, 1, 1), value, dtype=torch.float64) for name, value in values.items()}


def column(*values: float) -> Tensor:
    """One output for each row of one run, (1, B, 1)."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


# --- against torch and scikit-learn


@untimed
@given(ROWS)
def test_mse_equals_torch_and_scikit_learn(rows):
    values, y = zip(*rows, strict=True)
    losses = MSE.function(column(*values), column(*y), {})
    torch.testing.assert_close(losses, nn.MSELoss(reduction="none")(column(*values), column(*y)))
    assert losses.mean().item() == pytest.approx(mean_squared_error(y, values))


@untimed
@given(ROWS)
def test_mae_equals_torch_and_scikit_learn(rows):
    values, y = zip(*rows, strict=True)
    losses = MAE.function(column(*values), column(*y), {})
    torch.testing.assert_close(losses, nn.L1Loss(reduction="none")(column(*values), column(*y)))
    assert losses.mean().item() == pytest.approx(mean_absolute_error(y, values))


@untimed
@given(ROWS, DELTA)
def test_huber_equals_torch_in_value_and_gradient(rows, delta):
    values, y = zip(*rows, strict=True)
    leaf = column(*values).requires_grad_()
    expected = nn.HuberLoss(delta=delta, reduction="none")(leaf, column(*y))
    params = numbers(delta=delta)
    torch.testing.assert_close(HUBER.function(leaf.detach(), column(*y), params), expected.detach())
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(HUBER.gradient(leaf.detach(), column(*y), params), gradient)


@untimed
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=6))
def test_brier_equals_scikit_learn(rows):
    p, y = zip(*rows, strict=True)
    losses = BRIER.function(column(*p), column(*y), {})
    assert losses.mean().item() == pytest.approx(brier_score_loss(y, p, labels=[0, 1]), abs=1e-12)


@untimed
@given(st.lists(st.lists(LOGIT, min_size=3, max_size=3), min_size=1, max_size=4))
def test_brier_of_several_classes_summed_equals_scikit_learn(logits):
    z = torch.tensor([logits], dtype=torch.float64)
    y = torch.arange(len(logits))[None] % 3
    objective = Objective("softmax", "softmax", "brier", numbers(over_outputs=1))
    expected = brier_score_loss(y[0], torch.softmax(z, -1)[0].numpy(), labels=[0, 1, 2], scale_by_half=False)
    assert objective.mean(z, y).item() == pytest.approx(expected, abs=1e-12)


# --- gradients


@untimed
@given(st.sampled_from(["brier", "mse", "mae", "huber"]), ROWS, DELTA)
def test_closed_form_equals_autograd(name, rows, delta):
    spec, (values, y) = LOSSES[name], zip(*rows, strict=True)
    params = numbers(delta=delta)
    leaf = column(*values).requires_grad_()
    (by_autograd,) = torch.autograd.grad(spec.function(leaf, column(*y), params).sum(), leaf)
    torch.testing.assert_close(spec.gradient(leaf.detach(), column(*y), params), by_autograd)


@pytest.mark.parametrize("name", ["brier", "mse", "mae", "huber"])
def test_gradients_pass_gradcheck_away_from_kinks(name):
    u, y = column(-2.1, 0.3, 0.6, 1.4).requires_grad_(), column(0, 1, 0, 1)
    assert torch.autograd.gradcheck(lambda values: LOSSES[name].function(values, y, numbers(delta=0.9)), u)


@untimed
@given(VALUE, VALUE, DELTA)
def test_no_row_pulls_harder_than_delta_under_huber(value, y, delta):
    gradient = HUBER.gradient(column(value), column(y), numbers(delta=delta)).item()
    assert abs(gradient) <= delta
    assert gradient == pytest.approx(np.clip(value - y, -delta, delta))


# --- identities


@untimed
@given(VALUE, VALUE)
def test_huber_with_a_large_delta_is_half_the_mse(value, y):
    huber = HUBER.function(column(value), column(y), numbers(delta=1e4))
    torch.testing.assert_close(huber, MSE.function(column(value), column(y), {}) / 2)


@untimed
@given(VALUE, VALUE)
def test_huber_over_a_small_delta_is_the_mae(value, y):
    huber = HUBER.function(column(value), column(y), numbers(delta=1e-6)) / 1e-6
    torch.testing.assert_close(huber, MAE.function(column(value), column(y), {}), rtol=0, atol=1e-6)


@untimed
@given(LOGIT, LOGIT, st.integers(0, 1))
def test_brier_of_two_softmax_outputs_summed_is_twice_that_of_one_sigmoid(z0, z1, y):
    two, label = torch.tensor([[[z0, z1]]], dtype=torch.float64), torch.tensor([[y]])
    one = Objective("sigmoid", "sigmoid", "brier", {})
    summed = Objective("softmax2", "softmax", "brier", numbers(over_outputs=1))
    averaged = Objective("softmax2", "softmax", "brier", numbers(over_outputs=0.5))
    torch.testing.assert_close(summed.mean(two, label), 2 * one.mean(two[..., 1:] - two[..., :1], label))
    torch.testing.assert_close(averaged.mean(two, label), one.mean(two[..., 1:] - two[..., :1], label))


def test_each_run_has_its_own_delta():
    params = {"delta": torch.tensor([1.0, 2.0]).view(2, 1, 1)}
    losses = HUBER.function(torch.full((2, 1, 1), 3.0), torch.zeros(2, 1, 1), params)
    assert losses.flatten().tolist() == [2.5, 4.0]


# --- what theory says


@untimed
@given(st.floats(0, 1))
def test_brier_is_least_at_the_true_probability(q):
    p = torch.linspace(0, 1, 1001, dtype=torch.float64).view(1, -1, 1)
    ones = torch.ones_like(p)
    risk = q * BRIER.function(p, ones, {}) + (1 - q) * BRIER.function(p, 0 * ones, {})
    assert p.flatten()[risk.flatten().argmin()].item() == pytest.approx(q, abs=6e-4)
    assert optimal_score(BRIER, q, {}) == pytest.approx(q)
    assert BRIER.proper


def test_brier_on_a_sigmoid_wrong_at_z_10_has_a_gradient_of_9e_5():
    objective = Objective("sigmoid", "sigmoid", "brier", {})
    gradient = objective.gradient(column(10.0), torch.tensor([[0]])).item()
    p = expit(10.0)
    assert gradient == pytest.approx(2 * p * p * (1 - p))
    assert gradient == pytest.approx(9e-5, abs=5e-6)
    bce = Objective("sigmoid", "none", "bce", numbers(pos_weight=1))
    assert bce.gradient(column(10.0), torch.tensor([[0]])).item() == pytest.approx(1, abs=1e-4)


def best_constant(loss: str, y: np.ndarray, params: dict[str, Tensor]) -> float:
    """The constant that minimises the mean loss on y, by bisection of its slope, which never falls."""
    objective = Objective("identity", "none", loss, params)
    low, high = y.min(), y.max()
    for _ in range(60):
        middle = (low + high) / 2
        slope = objective.gradient(torch.full((1, len(y), 1), middle, dtype=torch.float64), torch.tensor(y)[None]).sum()
        low, high = (middle, high) if slope < 0 else (low, middle)
    return middle


@untimed
@given(st.lists(VALUE, min_size=3, max_size=15, unique=True))
def test_mse_is_least_at_the_mean_and_mae_at_the_median(values):
    y = np.array(values)
    assume(np.diff(np.sort(y)).min() > 1e-6)
    assert best_constant("mse", y, {}) == pytest.approx(y.mean(), abs=1e-6)
    if len(y) % 2:
        assert best_constant("mae", y, {}) == pytest.approx(np.median(y), abs=1e-6)


@pytest.mark.parametrize("outlier", [10.0, 1000.0])
def test_an_outlier_moves_the_mean_without_bound_but_huber_and_mae_by_a_fixed_step(outlier):
    y = np.array([-1.0, -0.5, 0.0, 0.5, 1.0, outlier])
    assert best_constant("mse", y, {}) == pytest.approx(outlier / 6, abs=1e-9)
    assert best_constant("huber", y, numbers(delta=1)) == pytest.approx(0.25, abs=1e-9)
    assert -1e-9 <= best_constant("mae", y, {}) <= 0.5 + 1e-9  # anything between the two middle values


def test_mse_is_the_default_of_a_regression():
    assert next(name for name, spec in LOSSES.items() if "identity" in spec.heads) == "mse"
