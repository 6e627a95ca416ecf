"""Losses against torch's modules, plain float64 formulas, autograd, and what theory says of their optima."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, logit, logsumexp
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from core.errors import CutoffError
from core.losses import LOSSES, class_weights, loss_tensors

CPU = torch.device("cpu")
BCE, CE = LOSSES["bce"], LOSSES["cross_entropy"]
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
WEIGHT = st.floats(0.01, 1000)
SMOOTHING = st.floats(0, 0.9)


def bce_params(*weights: float) -> dict[str, Tensor]:
    return {"pos_weight": torch.tensor(weights, dtype=torch.float64)[:, None]}


def ce_params(weights: list[list[float]], smoothing: list[float]) -> dict[str, Tensor]:
    return {
        "class_weight": torch.tensor(weights, dtype=torch.float64),
        "label_smoothing": torch.tensor(smoothing, dtype=torch.float64)[:, None],
    }


@st.composite
def bce_cases(draw) -> tuple[Tensor, Tensor, list[float]]:
    """Logits (R, B, 1), labels (R, B) and one pos_weight a run."""
    runs, batch = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    z = draw(st.lists(LOGIT, min_size=runs * batch, max_size=runs * batch))
    y = draw(st.lists(st.integers(0, 1), min_size=runs * batch, max_size=runs * batch))
    weights = draw(st.lists(WEIGHT, min_size=runs, max_size=runs))
    return torch.tensor(z, dtype=torch.float64).view(runs, batch, 1), torch.tensor(y).view(runs, batch), weights


@st.composite
def ce_cases(draw) -> tuple[Tensor, Tensor, list[list[float]], list[float]]:
    """Logits (R, B, K), labels (R, B), K class weights a run and one smoothing a run."""
    runs, batch, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    z = draw(st.lists(LOGIT, min_size=runs * batch * classes, max_size=runs * batch * classes))
    y = draw(st.lists(st.integers(0, classes - 1), min_size=runs * batch, max_size=runs * batch))
    weights = draw(st.lists(st.lists(WEIGHT, min_size=classes, max_size=classes), min_size=runs, max_size=runs))
    smoothing = draw(st.lists(SMOOTHING, min_size=runs, max_size=runs))
    logits = torch.tensor(z, dtype=torch.float64).view(runs, batch, classes)
    return logits, torch.tensor(y).view(runs, batch), weights, smoothing


def mean_ce(logits: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
    return CE.function(logits, y, params).sum(1) / CE.mean_over(y, params).sum(1)


# --- against torch and against plain formulas


@untimed
@given(bce_cases())
def test_bce_equals_torch_and_the_plain_formula(case):
    z, y, weights = case
    losses = BCE.function(z, y, bce_params(*weights))
    assert losses.shape == y.shape
    for run, w in enumerate(weights):
        module = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([w], dtype=torch.float64))
        torch.testing.assert_close(losses[run].mean(), module(z[run, :, 0], y[run].double()))
        plain = -w * y[run].numpy() * log_expit(z[run, :, 0].numpy())
        plain -= (1 - y[run].numpy()) * log_expit(-z[run, :, 0].numpy())
        np.testing.assert_allclose(losses[run], plain, rtol=1e-10, atol=1e-12)


@untimed
@given(ce_cases())
def test_cross_entropy_equals_torch_run_by_run(case):
    z, y, weights, smoothing = case
    params = ce_params(weights, smoothing)
    losses, means = CE.function(z, y, params), mean_ce(z, y, params)
    assert losses.shape == y.shape
    for run, (w, e) in enumerate(zip(weights, smoothing, strict=True)):
        w = torch.tensor(w, dtype=torch.float64)
        unreduced = nn.CrossEntropyLoss(weight=w, label_smoothing=e, reduction="none")
        torch.testing.assert_close(losses[run], unreduced(z[run], y[run]), rtol=1e-9, atol=1e-9)
        reduced = nn.CrossEntropyLoss(weight=w, label_smoothing=e)
        torch.testing.assert_close(means[run], reduced(z[run], y[run]), rtol=1e-9, atol=1e-9)


@untimed
@given(ce_cases())
def test_cross_entropy_equals_the_plain_formula(case):
    z, y, weights, smoothing = case
    losses = CE.function(z, y, ce_params(weights, smoothing))
    for run, (w, e) in enumerate(zip(np.array(weights), smoothing, strict=True)):
        terms = -w * log_softmax(z[run].numpy(), axis=1)
        of_label = terms[np.arange(len(terms)), y[run].numpy()]
        np.testing.assert_allclose(losses[run], (1 - e) * of_label + e * terms.mean(1), rtol=1e-9, atol=1e-9)


# --- gradients


@untimed
@given(bce_cases())
def test_bce_gradient_in_closed_form_equals_autograd(case):
    z, y, weights = case
    leaf = z.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(BCE.function(leaf, y, bce_params(*weights)).sum(), leaf)
    torch.testing.assert_close(BCE.gradient(z, y, bce_params(*weights)), by_autograd, rtol=1e-9, atol=1e-9)


@untimed
@given(ce_cases())
def test_cross_entropy_gradient_in_closed_form_equals_autograd(case):
    z, y, *rest = case
    leaf = z.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(CE.function(leaf, y, ce_params(*rest)).sum(), leaf)
    torch.testing.assert_close(CE.gradient(z, y, ce_params(*rest)), by_autograd, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("spec", "params", "outputs"),
    [(BCE, bce_params(9.0, 0.5), 1), (CE, ce_params([[1, 9, 2], [3, 1, 1]], [0.1, 0.0]), 3)],
    ids=["bce", "cross_entropy"],
)
def test_gradients_pass_gradcheck_by_finite_differences(spec, params, outputs):
    z = torch.randn(2, 4, outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 1]])
    assert torch.autograd.gradcheck(lambda logits: spec.function(logits, y, params), z)
    step = 1e-6
    for k in range(outputs):
        moved = torch.zeros_like(z.detach())
        moved[..., k] = step
        rise = spec.function(z.detach() + moved, y, params) - spec.function(z.detach() - moved, y, params)
        torch.testing.assert_close(
            spec.gradient(z.detach(), y, params)[..., k], rise / (2 * step), rtol=1e-6, atol=1e-8
        )


@untimed
@given(ce_cases())
def test_cross_entropy_gradients_of_a_row_sum_to_zero_since_only_differences_of_logits_matter(case):
    z, y, *rest = case
    gradient = CE.gradient(z, y, ce_params(*rest))
    assert gradient.sum(-1).abs().max() <= 1e-9 * max(1.0, gradient.abs().max().item())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("label", [0, 1])
def test_value_and_gradient_are_finite_at_extreme_logits(name, size, label):
    spec = LOSSES[name]
    outputs = 1 if name == "bce" else 2
    params = loss_tensors(name, [{}], np.array([3, 1]), CPU)
    z = torch.zeros(1, 2, outputs)
    z[..., -1] = size
    y = torch.full((1, 2), label)
    losses, gradient = spec.function(z, y, params), spec.gradient(z, y, params)
    assert losses.isfinite().all()
    assert gradient.isfinite().all()
    assert (losses >= 0).all()
    wrong = size * (1 if label == 0 else -1)  # how far the logit points the wrong way
    torch.testing.assert_close(losses, torch.full((1, 2), np.logaddexp(0, wrong).item()), rtol=1e-5, atol=1e-5)
    assert gradient[..., -1].abs().max() == pytest.approx(expit(wrong), abs=1e-6)


# --- what theory says


@pytest.mark.parametrize("q", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("w", [0.1, 1.0, 9.0, 100.0])
def test_pos_weight_moves_the_best_logit_by_ln_w(q, w):
    labels = torch.tensor([[0, 1]])

    def risk(z: np.ndarray) -> float:
        losses = BCE.function(torch.tensor(z).expand(1, 2)[..., None], labels, bce_params(w))[0]
        return float((1 - q) * losses[0] + q * losses[1])

    best = minimize(risk, 0.0, tol=1e-12).x[0]
    assert best == pytest.approx(logit(q) + np.log(w), abs=1e-4)


@pytest.mark.parametrize("w", [0.25, 1.0, 9.0])
def test_probability_of_one_half_then_stands_for_a_true_probability_of_one_over_one_plus_w(w):
    q = 1 / (1 + w)
    gradient = BCE.gradient(torch.zeros(1, 2, 1, dtype=torch.float64), torch.tensor([[0, 1]]), bce_params(w))[0, :, 0]
    assert (1 - q) * gradient[0] + q * gradient[1] == pytest.approx(0, abs=1e-12)


@untimed
@given(z0=LOGIT, z1=LOGIT, y=st.integers(0, 1), w=WEIGHT)
def test_one_logit_is_the_difference_of_two(z0, z1, y, w):
    label, two = torch.tensor([[y]]), torch.tensor([[[z0, z1]]], dtype=torch.float64)
    one = two[..., 1:] - two[..., :1]
    bce, ce = bce_params(w), ce_params([[1.0, w]], [0.0])
    torch.testing.assert_close(BCE.function(one, label, bce), CE.function(two, label, ce), rtol=1e-9, atol=1e-9)
    gradient = BCE.gradient(one, label, bce)
    torch.testing.assert_close(torch.cat([-gradient, gradient], -1), CE.gradient(two, label, ce), rtol=1e-9, atol=1e-9)


@untimed
@given(ce_cases(), st.floats(0.01, 100))
def test_scale_of_class_weights_does_nothing_under_the_mean(case, scale):
    z, y, weights, smoothing = case
    scaled = [[scale * w for w in row] for row in weights]
    torch.testing.assert_close(
        mean_ce(z, y, ce_params(weights, smoothing)), mean_ce(z, y, ce_params(scaled, smoothing)), rtol=1e-9, atol=1e-9
    )


@untimed
@given(st.lists(LOGIT, min_size=3, max_size=3), st.integers(0, 2), st.lists(WEIGHT, min_size=3, max_size=3))
def test_class_weights_do_nothing_at_batch_size_one(z, y, weights):
    logits, label = torch.tensor([[z]], dtype=torch.float64), torch.tensor([[y]])
    torch.testing.assert_close(
        mean_ce(logits, label, ce_params([weights], [0.0])), mean_ce(logits, label, ce_params([[1.0] * 3], [0.0]))
    )


def test_weighted_means_differ_by_the_mean_weight_1_8_at_a_tenth_positives_and_weight_9():
    y = torch.tensor([[1] + [0] * 9])
    z = torch.linspace(-2, 2, 10, dtype=torch.float64)[None, :, None]
    bce = BCE.function(z, y, bce_params(9.0))
    two = torch.cat([torch.zeros_like(z), z], -1)
    params = ce_params([[1.0, 9.0]], [0.0])
    torch.testing.assert_close(bce.sum(), CE.function(two, y, params).sum())
    assert BCE.mean_over is None
    assert (bce.mean(1) / mean_ce(two, y, params)).item() == pytest.approx(1.8)


def test_smoothing_of_a_tenth_in_ten_classes_stops_at_p_91_gap_4_511_and_loss_5003():
    classes, e = 10, 0.1
    params = ce_params([[1.0] * classes], [e])

    def loss_and_slope(gap: np.ndarray) -> tuple[float, float]:
        z = torch.zeros(1, 1, classes, dtype=torch.float64)
        z[..., 0] = gap[0]
        label = torch.tensor([[0]])
        return CE.function(z, label, params).item(), CE.gradient(z, label, params)[0, 0, 0].item()

    best = minimize(loss_and_slope, [0.0], jac=True, tol=1e-12)
    gap = best.x[0]
    assert gap == pytest.approx(np.log(1 + classes * (1 - e) / e), abs=1e-4)
    assert gap == pytest.approx(4.511, abs=5e-4)
    assert np.exp(gap - logsumexp([gap] + [0.0] * 9)) == pytest.approx(1 - e + e / classes, abs=1e-5)
    assert best.fun == pytest.approx(0.5003, abs=5e-5)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_loss_of_equal_logits_is_ln_k(classes):
    logits, y = torch.zeros(1, classes, classes, dtype=torch.float64), torch.arange(classes)[None]
    losses = CE.function(logits, y, ce_params([[1.0] * classes], [0.0]))
    torch.testing.assert_close(losses, torch.full_like(losses, np.log(classes)))


def test_loss_of_a_zero_logit_is_ln_2():
    losses = BCE.function(torch.zeros(1, 2, 1, dtype=torch.float64), torch.tensor([[0, 1]]), bce_params(1.0))
    torch.testing.assert_close(losses, torch.full_like(losses, np.log(2)))


# --- parameters as the user writes them


@untimed
@given(st.text(), st.lists(st.integers(1, 1000), min_size=2, max_size=5))
def test_class_weights_of_any_text_are_positive_float32_numbers_or_one_sentence(text, counts):
    try:
        weights = class_weights(text, np.array(counts))
    except CutoffError as error:
        sentence = str(error)
        weights = np.ones(len(counts))
        assert sentence.startswith("Expected `class_weight` to be equal, balanced or ")
    assert weights.shape == (len(counts),)
    assert (weights.astype(np.float32) > 0).all()


@untimed
@given(st.lists(st.floats(0.001, 1000), min_size=2, max_size=6))
def test_class_weights_read_back_the_numbers_that_were_written(numbers):
    text = ", ".join(map(str, numbers))
    np.testing.assert_array_equal(class_weights(text, np.ones(len(numbers), int)), numbers)


@untimed
@given(st.lists(st.integers(1, 50), min_size=2, max_size=6))
def test_balanced_equals_scikit_learn(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    np.testing.assert_allclose(class_weights("balanced", np.array(counts)), expected)


def test_equal_is_one_each():
    np.testing.assert_array_equal(class_weights("equal", np.array([5, 1, 1])), [1, 1, 1])


@pytest.mark.parametrize(
    "text", ["", "1", "1, 2, 3", "1, 0", "1, -2", "1, nan", "1, inf", "1, 1e60", "1, 1e-60", "a, b"]
)
def test_class_weights_that_are_none_are_refused_with_the_number_of_classes(text):
    with pytest.raises(CutoffError) as caught:
        class_weights(text, np.array([3, 1]))
    assert str(caught.value).startswith("Expected `class_weight` to be equal, balanced or 2 ")
    assert str(caught.value).endswith(f"but got {text!r}.")


def test_loss_tensors_hold_one_row_a_run_and_fill_in_defaults():
    counts = np.array([9, 1])
    bce = loss_tensors("bce", [{"pos_weight": 9}, {}], counts, CPU)
    assert bce["pos_weight"].tolist() == [[9.0], [1.0]]
    ce = loss_tensors("cross_entropy", [{"class_weight": "1, 9", "label_smoothing": 0.5}, {}], counts, CPU)
    assert ce["class_weight"].tolist() == [[1.0, 9.0], [1.0, 1.0]]
    assert ce["label_smoothing"].tolist() == [[0.5], [0.0]]
    assert {tensor.dtype for tensor in (*bce.values(), *ce.values())} == {torch.float32}


def test_loss_tensors_refuse_a_value_out_of_range():
    with pytest.raises(CutoffError, match=r"Expected `pos_weight` to be a number from 0.01 to 1000, but got 0"):
        loss_tensors("bce", [{"pos_weight": 0}], np.array([1, 1]), CPU)


# --- what is said about chosen parameters


@pytest.mark.parametrize("name", LOSSES)
def test_remark_is_about_any_counts_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LOSSES[name].remark({}, np.array([90, 10])).endswith(".")


def test_remark_on_pos_weight_names_the_threshold_and_the_balance():
    remark = BCE.remark({"pos_weight": 9.0}, np.array([90, 10]))
    assert "pos_weight 9," in remark
    assert "a score of 0.5 means a true probability of 0.100" in remark
    assert "a true 0.5 is a score of 0.900" in remark
    assert "9.0 negatives to a positive" in remark


@pytest.mark.parametrize(("weights", "e"), [("1, 1", 0.0), ("1, 9", 0.0), ("3, 2", 0.2), ("1, 4", 0.3)])
def test_remark_on_class_weights_names_the_true_probability_at_which_both_logits_are_best_equal(weights, e):
    remark = CE.remark({"class_weight": weights, "label_smoothing": e}, np.array([90, 10]))
    q = float(remark.removesuffix(".").rsplit(" ", 1)[1])
    params = ce_params([[float(w) for w in weights.split(",")]], [e])
    gradient = CE.gradient(torch.zeros(1, 2, 2, dtype=torch.float64), torch.tensor([[0, 1]]), params)[0, :, 1]
    assert (1 - q) * gradient[0] + q * gradient[1] == pytest.approx(0, abs=5e-3)
