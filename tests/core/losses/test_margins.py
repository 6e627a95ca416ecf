"""Margin losses against torch and scikit-learn, their identities, and what can be trained at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import hinge_loss
from torch import Tensor, nn

from core.losses import LOSSES
from core.losses.objective import Objective
from tests.support.optimal_score import optimal_score

HINGE, SQUARED, MULTI, DEAD = (LOSSES[name] for name in ("hinge", "squared_hinge", "multi_margin", "dead_zone"))
PLAIN = {"pos_weight": torch.ones(1, 1, 1, dtype=torch.float64)}
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
MARGIN = st.floats(0.1, 10)
LABEL = st.integers(0, 1)


def numbers(**values: float) -> dict[str, Tensor]:
    return {name: torch.full((1, 1, 1), value, dtype=torch.float64) for name, value in values.items()}


def column(*values: float) -> Tensor:
    """One output for each row of one run, (1, B, 1)."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


def by_autograd(spec, u: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
    leaf = u.clone().requires_grad_()
    return torch.autograd.grad(spec.function(leaf, y, params).sum(), leaf)[0]


@st.composite
def several_classes(draw) -> tuple[Tensor, Tensor]:
    """Logits (1, B, K) and labels (1, B)."""
    rows, classes = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    z = draw(st.lists(LOGIT, min_size=rows * classes, max_size=rows * classes))
    y = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return torch.tensor(z, dtype=torch.float64).view(1, rows, classes), torch.tensor(y)[None]


# --- against torch and scikit-learn


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6))
def test_hinge_equals_scikit_learn(z):
    y = [row % 2 for row in range(len(z))]
    losses = HINGE.function(column(*z), column(*y), numbers(margin=1))
    assert losses.mean().item() == pytest.approx(hinge_loss(y, z), rel=1e-9, abs=1e-12)


@untimed
@given(LOGIT, LABEL, MARGIN)
def test_hinge_equals_torchs_hinge_embedding_of_a_distance_s_z(z, y, margin):
    expected = nn.HingeEmbeddingLoss(margin=margin, reduction="none")(column((2 * y - 1) * z), column(-1))
    torch.testing.assert_close(HINGE.function(column(z), column(y), numbers(margin=margin)), expected)


@untimed
@given(several_classes(), MARGIN, st.sampled_from([1, 2]))
def test_multi_margin_equals_torch_in_value_and_gradient(case, margin, p):
    z, y = case
    leaf = z[0].clone().requires_grad_()
    expected = nn.MultiMarginLoss(p=p, margin=margin, reduction="none")(leaf, y[0])
    params = numbers(margin=margin, p=p)
    torch.testing.assert_close(MULTI.function(z, y, params)[0], expected.detach(), rtol=1e-9, atol=1e-9)
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(MULTI.gradient(z, y, params)[0], gradient, rtol=1e-9, atol=1e-9)


# --- gradients


@untimed
@given(st.sampled_from([HINGE, SQUARED]), st.lists(LOGIT, min_size=4, max_size=4), MARGIN)
def test_closed_form_of_hinges_equals_autograd(spec, z, margin):
    u, y, params = column(*z), column(0, 1, 0, 1), numbers(margin=margin)
    torch.testing.assert_close(spec.gradient(u, y, params), by_autograd(spec, u, y, params), rtol=1e-9, atol=1e-9)


@untimed
@given(several_classes(), MARGIN, st.sampled_from([1, 2]))
def test_closed_form_of_multi_margin_equals_autograd_and_sums_to_zero(case, margin, p):
    z, y = case
    params = numbers(margin=margin, p=p)
    gradient = MULTI.gradient(z, y, params)
    torch.testing.assert_close(gradient, by_autograd(MULTI, z, y, params), rtol=1e-9, atol=1e-9)
    assert gradient.sum(-1).abs().max() <= 1e-9 * max(1.0, gradient.abs().max().item())


@untimed
@given(st.lists(LOGIT, min_size=4, max_size=4), st.floats(0.5, 1))
def test_closed_form_of_dead_zone_equals_autograd(z, accept):
    u, y, params = column(*z), column(0, 1, 0, 1), numbers(accept=accept)
    torch.testing.assert_close(DEAD.gradient(u, y, params), by_autograd(DEAD, u, y, params), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("spec", "params", "outputs"),
    [
        (HINGE, numbers(margin=1), 1),
        (SQUARED, numbers(margin=1.5), 1),
        (MULTI, numbers(margin=1, p=1), 3),
        (MULTI, numbers(margin=2, p=2), 3),
        (DEAD, numbers(accept=0.7), 1),
    ],
    ids=["hinge", "squared_hinge", "multi_margin 1", "multi_margin 2", "dead_zone"],
)
def test_gradients_pass_gradcheck_away_from_kinks(spec, params, outputs):
    z = torch.tensor([-3.0, -0.4, 0.3, 2.9, 0.6, -1.7], dtype=torch.float64)[: 2 * (outputs if outputs > 1 else 3)]
    z = z.view(1, -1, outputs).requires_grad_()
    y = torch.tensor([[0, 2]]) if outputs > 1 else column(*[i % 2 for i in range(z.shape[1])])
    assert torch.autograd.gradcheck(lambda u: spec.function(u, y, params), z)


# --- identities


@untimed
@given(LOGIT, LABEL, MARGIN)
def test_squared_hinge_is_the_hinge_squared(z, y, margin):
    params = numbers(margin=margin)
    expected = HINGE.function(column(z), column(y), params) ** 2
    torch.testing.assert_close(SQUARED.function(column(z), column(y), params), expected)


@untimed
@given(LOGIT, LOGIT, LABEL, MARGIN, st.sampled_from([1, 2]))
def test_multi_margin_of_two_logits_is_half_the_hinge_of_their_difference(z0, z1, y, margin, p):
    two = torch.tensor([[[z0, z1]]], dtype=torch.float64)
    one = (HINGE, SQUARED)[p - 1].function(two[..., 1:] - two[..., :1], column(y), numbers(margin=margin))
    losses = MULTI.function(two, torch.tensor([[y]]), numbers(margin=margin, p=p))
    torch.testing.assert_close(losses, one[..., 0] / 2, rtol=1e-9, atol=1e-9)


@untimed
@given(LOGIT, LABEL)
def test_dead_zone_that_accepts_only_1_is_bce(z, y):
    bce = LOSSES["bce"]
    for part in ("function", "gradient"):
        actual = getattr(DEAD, part)(column(z), column(y), numbers(accept=1))
        torch.testing.assert_close(actual, getattr(bce, part)(column(z), column(y), PLAIN), rtol=1e-9, atol=1e-15)


@untimed
@given(LOGIT, LABEL, st.floats(0.5, 0.99))
def test_dead_zone_is_bce_above_its_value_at_the_bound(z, y, accept):
    bce = LOSSES["bce"].function(column(z), column(y), PLAIN).item()
    loss = DEAD.function(column(z), column(y), numbers(accept=accept)).item()
    assert loss == pytest.approx(max(0, bce + np.log(accept)), abs=1e-12)


def test_each_run_has_its_own_margin_power_and_bound():
    z, y = torch.full((2, 1, 1), 0.5), torch.ones(2, 1, 1)
    margins = {"margin": torch.tensor([1.0, 3.0]).view(2, 1, 1)}
    assert HINGE.function(z, y, margins).flatten().tolist() == [0.5, 2.5]
    accepts = {"accept": torch.tensor([0.6, 0.9]).view(2, 1, 1)}
    assert (DEAD.function(z, y, accepts) > 0).flatten().tolist() == [False, True]  # sigmoid(.5) = .62
    two, label = torch.zeros(2, 1, 2), torch.zeros(2, 1, dtype=torch.long)
    powers = margins | {"p": torch.tensor([1.0, 2.0]).view(2, 1, 1)}
    assert MULTI.function(two, label, powers).flatten().tolist() == [0.5, 4.5]


# --- the dead zone


@untimed
@given(st.floats(0.5, 0.99), st.floats(0, 1), LABEL)
def test_dead_zone_has_no_loss_and_no_gradient_once_the_true_class_has_enough(accept, share, y):
    p = accept + (1 - accept) * share
    assume(accept + 1e-9 < p < 1 - 1e-9)
    z = column(logit(p) if y else -logit(p))
    assert DEAD.function(z, column(y), numbers(accept=accept)).item() == 0
    assert DEAD.gradient(z, column(y), numbers(accept=accept)).item() == 0
    assert LOSSES["bce"].gradient(z, column(y), PLAIN).item() != 0


@pytest.mark.parametrize("accept", [0.5, 0.7, 0.9])
def test_dead_zone_is_continuous_at_its_bound_and_its_gradient_jumps_to_that_of_bce(accept):
    z = column(logit(accept) - 1e-9, logit(accept) + 1e-9)
    losses = DEAD.function(z, column(1, 1), numbers(accept=accept)).flatten()
    gradient = DEAD.gradient(z, column(1, 1), numbers(accept=accept)).flatten()
    assert losses[0] == pytest.approx(0, abs=1e-8)
    assert losses[1] == 0
    assert gradient.tolist() == pytest.approx([accept - 1, 0], abs=1e-8)


def test_dead_zone_training_stops_at_the_bound_and_leaves_a_sure_label_uncalibrated():
    objective = Objective("sigmoid", "none", "dead_zone", numbers(accept=0.7))
    z = descend(objective, column(-2.0), column(1)[..., 0], rate=0.1, steps=2000)
    assert expit(z.item()) == pytest.approx(0.7, abs=0.02)


def descend(objective: Objective, z: Tensor, y: Tensor, rate: float, steps: int) -> Tensor:
    for _ in range(steps):
        z = z - rate * objective.gradient(z, y)
    return z


# --- what they want for a true probability q


@pytest.mark.parametrize(
    ("spec", "params"),
    [
        (HINGE, numbers(margin=1)),
        (HINGE, numbers(margin=2.5)),
        (SQUARED, numbers(margin=1)),
        (SQUARED, numbers(margin=3)),
        (DEAD, numbers(accept=0.7)),
        (DEAD, numbers(accept=0.9)),
    ],
)
@pytest.mark.parametrize("q", [0.05, 0.2, 0.45, 0.6, 0.9])
def test_optimum_minimises_the_expected_loss_of_one_output(spec, params, q):
    z = torch.linspace(-5, 5, 100_001, dtype=torch.float64).view(1, -1, 1)
    risk = q * spec.function(z, torch.ones_like(z), params) + (1 - q) * spec.function(z, torch.zeros_like(z), params)
    best = z.flatten()[risk.flatten().argmin()].item()
    assert optimal_score(spec, q, params) == pytest.approx(expit(best), abs=1e-4)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("q", [0.05, 0.2, 0.45, 0.6, 0.9])
def test_optimum_minimises_the_expected_multi_margin(p, q):
    params = numbers(margin=1.5, p=p)
    gap = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    two = torch.stack([torch.zeros_like(gap), gap], -1)[None]
    ones = torch.ones(1, len(gap), dtype=torch.long)
    risk = q * MULTI.function(two, ones, params) + (1 - q) * MULTI.function(two, 0 * ones, params)
    assert optimal_score(MULTI, q, params) == pytest.approx(expit(gap[risk[0].argmin()].item()), abs=1e-4)


@pytest.mark.parametrize("z", [-1.0, -0.3, 0.0, 0.8, 1.0])
def test_hinge_at_q_one_half_is_as_good_anywhere_within_the_margin(z):
    losses = HINGE.function(column(z, z), column(0, 1), numbers(margin=1))
    assert losses.mean().item() == pytest.approx(1)
    assert optimal_score(HINGE, 0.5, numbers(margin=1)) == 0.5


@pytest.mark.parametrize("spec", [HINGE, SQUARED, MULTI, DEAD], ids=lambda spec: spec.label)
def test_margin_losses_keep_the_side_of_one_half_but_not_the_probability(spec):
    params = {param.name: torch.tensor(float(param.default), dtype=torch.float64) for param in spec.params}
    q = np.linspace(0.01, 0.99, 99)
    best = optimal_score(spec, q, params)
    off_half = np.abs(q - 0.5) > 1e-9
    assert ((best > 0.5) == (q > 0.5))[off_half].all()
    assert spec.proper is False
    assert np.abs(best - q).max() > 0.1


# --- what can be trained at all


def accuracy_after_training(loss) -> float:
    """Gradient descent with autograd on one weight and one bias; two classes that a threshold at 1 separates."""
    x = torch.linspace(-3, 3, 60, dtype=torch.float64)
    y = (x > 1).double()
    parameters = torch.tensor([-0.5, 0.3], dtype=torch.float64, requires_grad=True)
    for _ in range(600):
        (gradient,) = torch.autograd.grad(loss(parameters[0] * x + parameters[1], y).mean(), parameters)
        parameters = (parameters - 0.3 * gradient).detach().requires_grad_()
    return ((parameters[0] * x + parameters[1] >= 0).double() == y).double().mean().item()


def test_hinge_trains_what_the_0_1_loss_and_a_hard_threshold_leave_as_it_was():
    def hinged(z: Tensor, y: Tensor) -> Tensor:
        return HINGE.function(z.view(1, -1, 1), y.view(1, -1, 1), numbers(margin=1))

    def zero_one(z: Tensor, y: Tensor) -> Tensor:
        return (1 - (2 * y - 1) * torch.sign(z)) / 2

    def rounded(z: Tensor, y: Tensor) -> Tensor:
        return (torch.round(torch.sigmoid(z)) - y).square()

    start = accuracy_after_training(lambda z, y: 0 * z)
    assert start < 0.5
    assert accuracy_after_training(zero_one) == start
    assert accuracy_after_training(rounded) == start
    assert accuracy_after_training(hinged) == 1


@untimed
@given(st.lists(LOGIT.filter(lambda z: abs(z) > 1e-3), min_size=1, max_size=8))
def test_0_1_loss_and_rounded_probabilities_have_no_gradient(z):
    leaf = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    for step in ((1 - torch.sign(leaf)) / 2, torch.round(torch.sigmoid(leaf))):
        assert not torch.autograd.grad(step.sum(), leaf)[0].any()


def test_argmax_and_a_comparison_are_cut_off_from_autograd():
    leaf = torch.randn(4, 3, requires_grad=True)
    assert not leaf.argmax(-1).requires_grad
    assert not (leaf >= 0).requires_grad


def test_hinge_at_its_kink_gets_a_subgradient():
    z, y, params = column(1.0), column(1), numbers(margin=1)
    for gradient in (HINGE.gradient(z, y, params), by_autograd(HINGE, z, y, params)):
        assert -1 <= gradient.item() <= 0


@pytest.mark.parametrize(("z", "y", "loss", "slope"), [(0.3, 1, 0.7, -1), (0.3, 0, 1.3, 1), (1.2, 1, 0, 0)])
def test_hinge_by_hand(z, y, loss, slope):
    assert HINGE.function(column(z), column(y), numbers(margin=1)).item() == pytest.approx(loss)
    assert HINGE.gradient(column(z), column(y), numbers(margin=1)).item() == slope
