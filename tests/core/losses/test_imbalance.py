"""Focal, asymmetric, logit-adjusted, soft F1 and Tversky against kornia, plain formulas, autograd and theory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.losses import binary_focal_loss_with_logits, dice_loss, tversky_loss
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.metrics import f1_score
from torch import Tensor, nn

from core.errors import CutoffError
from core.losses import LOSSES, Counts, loss_tensors
from core.losses.imbalance import read_prior
from core.losses.objective import Objective
from tests.support.optimal_score import optimal_score

FOCAL, ASL, ADJUSTED, F1, TVERSKY = (
    LOSSES[name] for name in ("focal", "asymmetric", "logit_adjusted", "soft_f1", "tversky")
)
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
LABELS = st.lists(st.integers(0, 1), min_size=1, max_size=6)


def column(*values: float) -> Tensor:
    """One output for each row of one run, (1, B, 1)."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


def numbers(**values: float) -> dict[str, Tensor]:
    return {name: torch.full((1, 1, 1), value, dtype=torch.float64) for name, value in values.items()}


def slope(spec, u: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
    leaf = u.clone().requires_grad_()
    return torch.autograd.grad(spec.function(leaf, y, params).sum(), leaf)[0]


def best_score(spec, q: float, params: dict[str, Tensor]) -> float:
    """The probability that minimises the expected loss, found on the loss itself."""

    def risk(z: float) -> float:
        losses = spec.function(column(z, z), column(0, 1), params)[0, :, 0]
        return float((1 - q) * losses[0] + q * losses[1])

    return float(expit(minimize_scalar(risk, bounds=(-30, 30), method="bounded", options={"xatol": 1e-10}).x))


# --- focal


@untimed
@given(st.lists(LOGIT, min_size=1, max_size=5), st.integers(0, 1), st.floats(0, 5), st.floats(0, 1))
def test_focal_equals_kornia(z, y, gamma, alpha):
    labels = torch.full((len(z), 1), float(y), dtype=torch.float64)
    ours = FOCAL.function(column(*z), labels[None], numbers(gamma=gamma, alpha=alpha))[0]
    theirs = binary_focal_loss_with_logits(column(*z)[0], labels, alpha=alpha, gamma=gamma, reduction="none")
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@untimed
@given(LOGIT, st.integers(0, 1))
def test_focal_with_gamma_0_and_alpha_a_half_is_half_of_bce(z, y):
    bce = nn.BCEWithLogitsLoss(reduction="none")(column(z), column(y))
    torch.testing.assert_close(FOCAL.function(column(z), column(y), numbers(gamma=0, alpha=0.5)), bce / 2)


@untimed
@given(LOGIT, st.integers(0, 1), st.floats(0, 5), st.floats(0, 1))
def test_focal_gradient_in_closed_form_equals_autograd(z, y, gamma, alpha):
    params = numbers(gamma=gamma, alpha=alpha)
    torch.testing.assert_close(
        FOCAL.gradient(column(z), column(y), params),
        slope(FOCAL, column(z), column(y), params),
        rtol=1e-7,
        atol=1e-10,
    )


@pytest.mark.parametrize(("q", "score"), [(0.8, 0.627), (0.99, 0.846)])
def test_focal_with_gamma_2_wants_less_than_the_truth(q, score):
    params = numbers(gamma=2, alpha=0.5)
    optimal = optimal_score(FOCAL, q, params)
    assert optimal == pytest.approx(score, abs=5e-4)
    assert best_score(FOCAL, q, params) == pytest.approx(optimal, abs=1e-5)


@pytest.mark.parametrize("q", [0.05, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize(("gamma", "alpha"), [(0.0, 0.25), (2.0, 0.25), (3.5, 0.8)])
def test_focal_optimum_is_that_of_the_loss_and_alpha_acts_as_aq_over_aq_plus_1_minus_a_1_minus_q(q, gamma, alpha):
    params = numbers(gamma=gamma, alpha=alpha)
    optimal = optimal_score(FOCAL, q, params)
    assert best_score(FOCAL, q, params) == pytest.approx(optimal, abs=1e-5)
    weighted = alpha * q / (alpha * q + (1 - alpha) * (1 - q))
    assert optimal_score(FOCAL, weighted, {"gamma": gamma, "alpha": 0.5}) == pytest.approx(optimal, abs=1e-9)


def test_usual_alpha_of_a_quarter_weighs_positives_less():
    losses = FOCAL.function(column(0, 0), column(1, 0), numbers(gamma=2, alpha=0.25))[0, :, 0]
    assert losses[0] * 3 == pytest.approx(losses[1].item())
    assert {param.name: param.default for param in FOCAL.params} == {"gamma": 2.0, "alpha": 0.25}


# --- asymmetric


@untimed
@given(st.floats(-8, 8), st.integers(0, 1), st.floats(0, 5), st.floats(0, 8), st.floats(0.01, 0.5))
def test_asymmetric_equals_the_plain_formula(z, y, gamma_pos, gamma_neg, margin):
    p = expit(z)
    shifted = max(p - margin, 0)
    positive = -((1 - p) ** gamma_pos) * np.log(p)
    negative = -(shifted**gamma_neg) * np.log(1 - shifted) if shifted else 0.0
    params = numbers(gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin)
    assert ASL.function(column(z), column(y), params).item() == pytest.approx(positive if y else negative, rel=1e-6)


@untimed
@given(LOGIT, st.integers(0, 1))
def test_asymmetric_without_gammas_and_margin_is_bce(z, y):
    bce = nn.BCEWithLogitsLoss(reduction="none")(column(z), column(y))
    params = numbers(gamma_pos=0, gamma_neg=0, margin=0)
    torch.testing.assert_close(ASL.function(column(z), column(y), params), bce)


@pytest.mark.parametrize("p", [1e-6, 0.01, 0.049])
def test_negatives_below_the_margin_have_a_gradient_of_exactly_0(p):
    params = numbers(gamma_pos=0, gamma_neg=4, margin=0.05)
    assert slope(ASL, column(logit(p)), column(0), params).item() == 0
    assert slope(ASL, column(logit(0.06)), column(0), params).item() > 0
    assert slope(ASL, column(logit(p)), column(1), params).item() < 0


# --- logit adjustment


@untimed
@given(st.lists(LOGIT, min_size=3, max_size=3), st.integers(0, 2), st.floats(0, 2))
def test_logit_adjustment_is_cross_entropy_of_shifted_logits_and_its_gradient_that_of_autograd(z, y, tau):
    prior = torch.tensor([[[0.7, 0.2, 0.1]]], dtype=torch.float64)
    params = numbers(tau=tau) | {"prior": prior}
    logits, label = torch.tensor([[z]], dtype=torch.float64), torch.tensor([[y]])
    theirs = nn.CrossEntropyLoss()((logits + tau * prior.log())[0], label[0])
    assert ADJUSTED.function(logits, label, params).item() == pytest.approx(theirs.item(), rel=1e-9, abs=1e-12)
    torch.testing.assert_close(
        ADJUSTED.gradient(logits, label, params), slope(ADJUSTED, logits, label, params), rtol=1e-9, atol=1e-12
    )


@untimed
@given(st.lists(LOGIT, min_size=3, max_size=3), st.integers(0, 2))
def test_tau_1_is_balanced_softmax(z, y):
    counts = np.array([70.0, 20.0, 10.0])
    params = numbers(tau=1) | {"prior": torch.tensor(counts / counts.sum()).view(1, 1, 3)}
    balanced = counts * np.exp(z) / (counts * np.exp(z)).sum()
    found = ADJUSTED.function(torch.tensor([[z]], dtype=torch.float64), torch.tensor([[y]]), params).item()
    assert found == pytest.approx(-np.log(balanced[y]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("q", [0.02, 0.1, 0.5, 0.9])
def test_logit_adjustment_wants_logit_q_minus_logit_of_the_prevalence(q):
    prevalence = 0.1
    optimal = optimal_score(ADJUSTED, q, {"tau": 1.0, "prior": [1 - prevalence, prevalence]})
    assert logit(optimal) == pytest.approx(logit(q) - logit(prevalence))
    full = numbers(tau=1) | {"prior": torch.tensor([[[1 - prevalence, prevalence]]], dtype=torch.float64)}

    def risk(z: float) -> float:
        rows = torch.tensor([[[0, z], [0, z]]], dtype=torch.float64)
        losses = ADJUSTED.function(rows, torch.tensor([[0, 1]]), full)[0]
        return float((1 - q) * losses[0] + q * losses[1])

    best = minimize_scalar(risk, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10}).x
    assert expit(best) == pytest.approx(optimal, abs=1e-5)


def test_prior_comes_from_the_training_rows_or_from_what_is_typed():
    counts = Counts(100, np.array([90, 10]))
    np.testing.assert_allclose(read_prior("training", counts), [0.9, 0.1])
    np.testing.assert_allclose(read_prior("3, 1", counts), [0.75, 0.25])
    for text in ("1", "1, 2, 3", "1, 0", "equal", "1, nan"):
        with pytest.raises(CutoffError, match="Expected `prior` to be training or 2 numbers"):
            read_prior(text, counts)


# --- soft F1 and Tversky


@untimed
@given(LABELS, st.data())
def test_soft_f1_of_hard_decisions_is_one_minus_f1(y, data):
    called = data.draw(st.lists(st.integers(0, 1), min_size=len(y), max_size=len(y)))
    found = F1.function(column(*called), column(*y), {}).item()
    assert found == pytest.approx(1 - f1_score(y, called, zero_division=1.0))


@st.composite
def rows_of_every_class(draw) -> tuple[Tensor, Tensor]:
    """Logits (B, K) and class indices (B,), with at least one row of each class."""
    classes = draw(st.integers(2, 4))
    y = [*range(classes), *draw(st.lists(st.integers(0, classes - 1), max_size=5))]
    z = draw(st.lists(st.lists(LOGIT, min_size=classes, max_size=classes), min_size=len(y), max_size=len(y)))
    return torch.tensor(z, dtype=torch.float64), torch.tensor(y)


@untimed
@given(rows_of_every_class(), st.floats(0, 2), st.floats(0.05, 2))
def test_tversky_and_soft_f1_averaged_over_classes_equal_kornia_on_an_image_of_these_rows(case, alpha, beta):
    z, y = case
    image, truth = z.T[None, :, None], y[None, None]  # (1, K, 1, B) and (1, 1, B)
    p, each = torch.softmax(z, -1)[None], nn.functional.one_hot(y, z.shape[-1])[None].double()
    ours = TVERSKY.function(p, each, numbers(alpha=alpha, beta=beta)).mean()
    torch.testing.assert_close(ours, tversky_loss(image, truth, alpha, beta, eps=0), rtol=1e-9, atol=1e-12)
    dice = dice_loss(image, truth, average="macro", eps=0)
    torch.testing.assert_close(F1.function(p, each, {}).mean(), dice, rtol=1e-9, atol=1e-12)


@untimed
@given(LABELS, st.data())
def test_tversky_of_two_halves_is_soft_f1_which_is_dice(y, data):
    p = data.draw(st.lists(st.floats(0.01, 1), min_size=len(y), max_size=len(y)))
    soft = F1.function(column(*p), column(*y), {})
    torch.testing.assert_close(TVERSKY.function(column(*p), column(*y), numbers(alpha=0.5, beta=0.5)), soft)
    assert soft.item() == pytest.approx(1 - 2 * np.dot(p, y) / (np.sum(p) + np.sum(y)))


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.7), (1.0, 1.0)])
def test_tversky_equals_its_formula_and_with_ones_is_one_minus_jaccard(alpha, beta):
    p, y = np.array([0.9, 0.2, 0.4, 0.7]), np.array([1, 0, 1, 0])
    tp, fp, fn = p @ y, p @ (1 - y), (1 - p) @ y
    found = TVERSKY.function(column(*p), column(*y), numbers(alpha=alpha, beta=beta)).item()
    assert found == pytest.approx(1 - tp / (tp + alpha * fp + beta * fn))


def test_gradient_of_soft_f1_is_minus_2_s_minus_tp_over_s_squared_for_positives_and_2_tp_over_s_squared_for_negatives():
    p, y = np.array([0.9, 0.2, 0.4, 0.7]), np.array([1, 0, 1, 0])
    tp, s = p @ y, p.sum() + y.sum()
    gradient = slope(F1, column(*p), column(*y), {})[0, :, 0]
    np.testing.assert_allclose(gradient, np.where(y == 1, -2 * (s - tp) / s**2, 2 * tp / s**2))


@pytest.mark.parametrize("name", ["soft_f1", "tversky"])
def test_batch_without_positives_gives_no_gradient(name):
    params = loss_tensors(name, [{}], Counts(10, np.array([1])), dtype=torch.float64)
    objective = Objective("sigmoid", "sigmoid", name, params)
    z, y = column(-2.0, 0.5, 3.0), torch.zeros(1, 3, dtype=torch.long)
    assert objective.mean(z, y).item() == 1
    assert objective.gradient(z, y).abs().sum() == 0


@pytest.mark.parametrize("spec", [F1, TVERSKY], ids=lambda spec: spec.label)
def test_nothing_called_and_nothing_to_call_costs_nothing(spec):
    params = numbers(alpha=0.3, beta=0.7)
    zeros = torch.zeros(1, 3, 1, dtype=torch.float64)
    assert spec.function(zeros, zeros, params).item() == 0
    assert slope(spec, zeros, zeros, params).isfinite().all()


@pytest.mark.parametrize("spec", [FOCAL, ASL, F1, TVERSKY], ids=lambda spec: spec.label)
def test_gradients_pass_gradcheck(spec):
    params = numbers(gamma=2, alpha=0.3, beta=0.7, gamma_pos=1, gamma_neg=3, margin=0.05)
    u = column(0.2, 0.9, 0.6, 0.35).requires_grad_()
    y = column(0, 1, 1, 0)
    assert torch.autograd.gradcheck(lambda values: spec.function(values, y, params), u)
