"""Cross-entropies against torch's modules, plain float64 formulas, autograd, and what theory says of their optima."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, logit, logsumexp
from scipy.stats import norm
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from core.errors import CutoffError
from core.losses import LOSSES, Counts, loss_tensors
from core.losses.objective import Objective
from core.losses.spec import class_weights, output_weights
from tests.support.optimal_score import optimal_score

BCE, CE, NLL = LOSSES["bce"], LOSSES["cross_entropy"], LOSSES["nll"]
PROBABILITIES, MULTIHOT, FLOATS = (
    LOSSES[name] for name in ("bce_probabilities", "cross_entropy_multihot", "cross_entropy_float")
)
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
WEIGHT = st.floats(0.01, 1000)
SMOOTHING = st.floats(0, 0.9)


def column(*values: float) -> Tensor:
    """One output for each row of one run, (1, B, 1)."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


def bce_params(*weights: float) -> dict[str, Tensor]:
    return {"pos_weight": torch.tensor(weights, dtype=torch.float64).view(-1, 1, 1)}


def ce_params(weights: list[list[float]], smoothing: list[float]) -> dict[str, Tensor]:
    return {
        "class_weight": torch.tensor(weights, dtype=torch.float64)[:, None],
        "label_smoothing": torch.tensor(smoothing, dtype=torch.float64).view(-1, 1, 1),
    }


def plain(classes: int) -> dict[str, Tensor]:
    return ce_params([[1.0] * classes], [0.0])


@st.composite
def bce_cases(draw) -> tuple[Tensor, Tensor, list[float]]:
    """Logits and labels (R, B, K), and one pos_weight a run."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    z = draw(st.lists(LOGIT, min_size=math.prod(shape), max_size=math.prod(shape)))
    y = draw(st.lists(st.integers(0, 1), min_size=math.prod(shape), max_size=math.prod(shape)))
    weights = draw(st.lists(WEIGHT, min_size=shape[0], max_size=shape[0]))
    return torch.tensor(z, dtype=torch.float64).view(shape), torch.tensor(y).double().view(shape), weights


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
    return Objective("softmax", "none", "cross_entropy", params).mean(logits, y)


def twice(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and gradient of a softmax in the network before cross-entropy, for rows z (B, K)."""
    objective = Objective("softmax", "softmax", "cross_entropy", plain(z.shape[-1]))
    return objective.losses(z[None], y[None])[0], objective.gradient(z[None], y[None])[0] * len(z)


# --- against torch and against plain formulas


@untimed
@given(bce_cases())
def test_bce_equals_torch_and_the_plain_formula(case):
    z, y, weights = case
    losses = BCE.function(z, y, bce_params(*weights))
    assert losses.shape == y.shape
    for run, w in enumerate(weights):
        module = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([w], dtype=torch.float64))
        torch.testing.assert_close(losses[run].mean(), module(z[run], y[run]))
        expected = -w * y[run].numpy() * log_expit(z[run].numpy())
        expected -= (1 - y[run].numpy()) * log_expit(-z[run].numpy())
        np.testing.assert_allclose(losses[run], expected, rtol=1e-10, atol=1e-12)


@untimed
@given(bce_cases(), st.lists(WEIGHT, min_size=3, max_size=3))
def test_bce_with_a_weight_for_each_output_equals_torch(case, each):
    z, y, weights = case
    outputs = z.shape[-1]
    params = bce_params(*weights) | {"output_weight": torch.tensor(each[:outputs], dtype=torch.float64).view(1, 1, -1)}
    losses = BCE.function(z, y, params)
    for run, w in enumerate(weights):
        of_outputs = w * torch.tensor(each[:outputs], dtype=torch.float64)
        module = nn.BCEWithLogitsLoss(pos_weight=of_outputs, reduction="none")
        torch.testing.assert_close(losses[run], module(z[run], y[run]), rtol=1e-9, atol=1e-9)


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
def test_smoothed_and_weighted_cross_entropy_equals_the_plain_formula(case):
    z, y, weights, smoothing = case
    losses = CE.function(z, y, ce_params(weights, smoothing))
    for run, (w, e) in enumerate(zip(np.array(weights), smoothing, strict=True)):
        terms = -w * log_softmax(z[run].numpy(), axis=1)
        of_label = terms[np.arange(len(terms)), y[run].numpy()]
        np.testing.assert_allclose(losses[run], (1 - e) * of_label + e * terms.mean(1), rtol=1e-9, atol=1e-9)


@untimed
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(0, 1))
def test_bce_on_probabilities_is_torch_s_and_stops_at_100(p, y):
    losses = PROBABILITIES.function(column(*p), torch.full((1, len(p), 1), float(y)).double(), {})
    torch.testing.assert_close(losses, nn.BCELoss(reduction="none")(column(*p), torch.full_like(losses, y)))
    assert losses.max() <= 100
    assert PROBABILITIES.function(column(1.0), column(0), {}).item() == 100


@untimed
@given(ce_cases())
def test_nll_after_log_softmax_is_cross_entropy_and_torch_s_nll(case):
    z, y, weights, _ = case
    params = ce_params(weights, [0.0] * len(weights))
    nll = Objective("softmax", "log_softmax", "nll", params)
    torch.testing.assert_close(nll.mean(z, y), mean_ce(z, y, params), rtol=1e-9, atol=1e-9)
    for run, w in enumerate(weights):
        module = nn.NLLLoss(weight=torch.tensor(w, dtype=torch.float64))
        torch.testing.assert_close(nll.mean(z, y)[run], module(torch.log_softmax(z[run], -1), y[run]))


@untimed
@given(ce_cases(), st.data())
def test_cross_entropy_over_labels_equals_torch_with_float_targets(case, data):
    z, *_ = case
    flags = data.draw(st.lists(st.booleans(), min_size=z.numel(), max_size=z.numel()))
    y = torch.tensor(flags).view(z.shape).long()
    module = nn.CrossEntropyLoss(reduction="none")
    for targets, divisor in ((0.0, torch.ones_like(y[..., :1])), (1.0, y.sum(-1, keepdim=True).clamp(min=1))):
        losses = MULTIHOT.function(z, y, {"targets": torch.full((len(z), 1, 1), targets, dtype=torch.float64)})
        expected = torch.stack([module(z[run], (y.double() / divisor)[run]) for run in range(len(z))])
        torch.testing.assert_close(losses, expected, rtol=1e-9, atol=1e-9)


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
def test_cross_entropy_gradient_in_closed_form_equals_autograd_and_sums_to_zero(case):
    z, y, *rest = case
    leaf = z.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(CE.function(leaf, y, ce_params(*rest)).sum(), leaf)
    gradient = CE.gradient(z, y, ce_params(*rest))
    torch.testing.assert_close(gradient, by_autograd, rtol=1e-9, atol=1e-9)
    assert gradient.sum(-1).abs().max() <= 1e-9 * max(1.0, gradient.abs().max().item())


@pytest.mark.parametrize("size", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("label", [0, 1])
def test_value_and_gradient_at_extreme_logits_are_those_of_log_sum_exp(size, label):
    wrong = size * (1 if label == 0 else -1)  # how far the logit points the wrong way
    one, two = torch.full((1, 1, 1), size), torch.tensor([[[0.0, size]]])
    row, of_output, unit = torch.tensor([[label]]), torch.full((1, 1, 1), float(label)), torch.ones(1, 1, 1)
    bce, ce = {"pos_weight": unit}, {"class_weight": unit.expand(1, 1, 2), "label_smoothing": 0 * unit}
    for spec, z, y, params in ((BCE, one, of_output, bce), (CE, two, row, ce)):
        assert spec.function(z, y, params).item() == pytest.approx(np.logaddexp(0, wrong), rel=1e-5, abs=1e-5)
        slope = spec.gradient(z, y, params).flatten()[-1].abs().item()
        assert slope == pytest.approx(expit(wrong), abs=1e-6)


# --- is the threshold part of the loss?


def test_loss_knows_no_threshold_55_costs_more_than_95_though_both_decide_the_same():
    losses = BCE.function(column(logit(0.55), logit(0.95)), column(1, 1), bce_params(1))[0, :, 0]
    np.testing.assert_allclose(losses, [0.598, 0.051], atol=5e-4)


def test_double_sigmoid_has_floors_3133_and_6931_and_calls_everything_positive():
    objective = Objective("sigmoid", "sigmoid", "bce", bce_params(1))
    at_best = objective.losses(column(1e3, -1e3), torch.tensor([[1, 0]]))[0, :, 0]
    np.testing.assert_allclose(at_best, [0.3133, 0.6931], atol=5e-5)
    z = torch.linspace(-50, 50, 101, dtype=torch.float64).view(1, -1, 1)
    assert (objective.probabilities(z) >= 0.5).all()
    assert objective.probabilities(column(0)).item() == pytest.approx(0.6225, abs=5e-5)


def test_hard_threshold_and_argmax_have_no_gradient():
    z = torch.linspace(-3, 3, 7, requires_grad=True)
    assert not (z >= 0).requires_grad
    assert not z.argmax().requires_grad


# --- softmax before cross-entropy


@pytest.mark.parametrize(
    ("classes", "ceiling", "floor"),
    [(2, 0.7311, 0.3133), (3, 0.5761, 0.5514), (4, 0.4754, 0.7437), (10, 0.2320, 1.4612)],
)
def test_softmax_twice_has_the_ceiling_e_over_e_plus_k_minus_1_and_a_loss_floor(classes, ceiling, floor):
    z = torch.zeros(1, classes, dtype=torch.float64)
    z[0, 0] = 1e3
    losses, _ = twice(z, torch.tensor([0]))
    assert math.exp(-losses.item()) == pytest.approx(ceiling, abs=5e-5)
    assert losses.item() == pytest.approx(math.log(1 + (classes - 1) / math.e))
    assert losses.item() == pytest.approx(floor, abs=5e-5)


def test_softmax_twice_has_gradients_25_instead_of_5_and_0256_instead_of_982():
    z = torch.tensor([[0.0, 0.0], [-2.0, 2.0]], dtype=torch.float64)
    y = torch.tensor([1, 0])
    _, gradient = twice(z, y)
    np.testing.assert_allclose(gradient[:, 1].abs(), [0.25, 0.0256], atol=5e-5)
    once = CE.gradient(z[None], y[None], plain(2))[0]
    np.testing.assert_allclose(once[:, 1].abs(), [0.5, 0.982], atol=5e-4)


@pytest.mark.parametrize("q", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_softmax_twice_wants_the_inner_probability_half_of_logit_q_plus_one_within_0_and_1(q):
    def risk(z: np.ndarray) -> float:
        rows = torch.tensor([[0.0, z[0]], [0.0, z[0]]], dtype=torch.float64)
        losses, _ = twice(rows, torch.tensor([1, 0]))
        return float(q * losses[0] + (1 - q) * losses[1])

    start = min((risk(np.array([z])), z) for z in np.linspace(-20, 20, 401))[1]
    inner = expit(minimize(risk, [start], tol=1e-13, method="Nelder-Mead").x[0])
    assert inner == pytest.approx(np.clip((logit(q) + 1) / 2, 0, 1), abs=1e-4)


def test_log_softmax_before_cross_entropy_is_harmless():
    z = torch.randn(1, 1000, 10, generator=torch.Generator().manual_seed(0)) * 5
    y = torch.zeros(1, 1000, dtype=torch.long)
    params = {name: value.float() for name, value in plain(10).items()}
    once = Objective("softmax", "none", "cross_entropy", params)
    again = Objective("softmax", "log_softmax", "cross_entropy", params)
    assert (once.probabilities(z) - again.probabilities(z)).abs().max() <= 2.4e-7
    torch.testing.assert_close(once.mean(z, y), again.mean(z, y))
    torch.testing.assert_close(once.gradient(z, y), again.gradient(z, y), rtol=1e-4, atol=1e-7)


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=5))
def test_softmax_before_nll_gives_negative_losses(z):
    objective = Objective("softmax", "softmax", "nll", plain(len(z)))
    losses = objective.losses(torch.tensor([[z]], dtype=torch.float64), torch.tensor([[0]]))
    assert -1 <= losses.item() <= 0


def test_raw_outputs_into_nll_have_no_lower_bound():
    objective = Objective("softmax", "none", "nll", plain(2))
    assert objective.losses(torch.tensor([[[1e6, 0.0]]]), torch.tensor([[0]])).item() == -1e6


# --- what torch refuses, and what it lets pass


def test_cross_entropy_on_one_column_is_0_for_target_0_and_an_index_error_for_target_1():
    z = torch.tensor([[3.0], [-2.0]], requires_grad=True)
    loss = nn.CrossEntropyLoss()(z, torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0
    assert z.grad.abs().sum() == 0
    with pytest.raises(IndexError, match="Target 1 is out of bounds"):
        nn.CrossEntropyLoss()(z, torch.tensor([0, 1]))
    with pytest.raises(RuntimeError):
        nn.CrossEntropyLoss(weight=torch.ones(2))(z, torch.tensor([0, 0]))


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6))
def test_cross_entropy_on_one_column_with_float_targets_is_0_as_in_torch(z):
    y = torch.tensor([[float(row % 2)] for row in range(len(z))], dtype=torch.float64)
    objective = Objective("sigmoid", "none", "cross_entropy_float", {})
    assert objective.mean(column(*z), y[:, 0].long()[None]).item() == 0
    assert objective.gradient(column(*z), y[:, 0].long()[None]).abs().sum() == 0
    assert nn.CrossEntropyLoss()(column(*z)[0], y).item() == 0


def test_bce_loss_takes_no_pos_weight_and_no_logits():
    with pytest.raises(TypeError, match="pos_weight"):
        nn.BCELoss(pos_weight=torch.tensor([9.0]))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.BCELoss()(torch.tensor([3.0]), torch.tensor([1.0]))


def test_two_weights_do_not_fit_one_column_nor_into_torch_tensor_as_two_arguments():
    with pytest.raises(RuntimeError, match="shape"):
        nn.BCEWithLogitsLoss(pos_weight=torch.ones(2))(torch.zeros(4, 1), torch.zeros(4, 1))
    with pytest.raises(TypeError):
        torch.tensor(1.0, 9.0)


def test_unnormalised_multi_hot_targets_cost_2_197_instead_of_1_0986():
    y = torch.tensor([[[1, 1, 0]]])
    z = torch.zeros(1, 1, 3, dtype=torch.float64)
    for targets, expected in ((0.0, 2.197), (1.0, 1.0986)):
        params = {"targets": torch.full((1, 1, 1), targets, dtype=torch.float64)}
        assert MULTIHOT.function(z, y, params).item() == pytest.approx(expected, abs=5e-4)


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6))
def test_softmax_never_has_two_classes_above_a_half(z):
    assert (torch.softmax(torch.tensor(z, dtype=torch.float64), -1) > 0.5).sum() <= 1


# --- what theory says of the optimum


@pytest.mark.parametrize("q", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("w", [0.1, 1.0, 9.0, 100.0])
def test_pos_weight_moves_the_best_logit_by_ln_w(q, w):
    def risk(z: np.ndarray) -> float:
        losses = BCE.function(column(z[0], z[0]), column(0, 1), bce_params(w))[0, :, 0]
        return float((1 - q) * losses[0] + q * losses[1])

    best = minimize(risk, 0.0, tol=1e-12).x[0]
    assert best == pytest.approx(logit(q) + np.log(w), abs=1e-4)


@pytest.mark.parametrize("w", [0.25, 1.0, 9.0])
def test_probability_of_one_half_then_stands_for_a_true_probability_of_one_over_one_plus_w(w):
    q = 1 / (1 + w)
    gradient = BCE.gradient(column(0, 0), column(0, 1), bce_params(w))[0, :, 0]
    assert (1 - q) * gradient[0] + q * gradient[1] == pytest.approx(0, abs=1e-12)
    assert optimal_score(BCE, q, {"pos_weight": w}) == pytest.approx(0.5)


def test_logit_of_9_tenths_is_ln_9():
    assert logit(0.9) == pytest.approx(2.1972, abs=5e-5)
    assert expit(2.2) == pytest.approx(0.90025, abs=5e-6)


@pytest.mark.parametrize(("w0", "w1"), [(1.0, 9.0), (3.0, 2.0)])
def test_class_weights_put_a_half_at_w0_over_w0_plus_w1(w0, w1):
    params = {"class_weight": [w0, w1], "label_smoothing": 0.0}
    q = w0 / (w0 + w1)
    for spec in (CE, NLL):
        assert optimal_score(spec, q, params) == pytest.approx(0.5)


def test_balanced_weight_puts_a_half_at_the_prevalence():
    counts = Counts(1000, np.array([900, 100]))
    w = class_weights("balanced", counts)
    assert w[0] / w.sum() == pytest.approx(0.1)
    assert 1 / (1 + output_weights("balanced", Counts(1000, np.array([100])))[0]) == pytest.approx(0.1)


@untimed
@given(z0=LOGIT, z1=LOGIT, y=st.integers(0, 1), w=WEIGHT)
def test_one_logit_is_the_difference_of_two(z0, z1, y, w):
    label, two = torch.tensor([[y]]), torch.tensor([[[z0, z1]]], dtype=torch.float64)
    one, bce, ce = two[..., 1:] - two[..., :1], bce_params(w), ce_params([[1.0, w]], [0.0])
    torch.testing.assert_close(BCE.function(one, column(y), bce)[..., 0], CE.function(two, label, ce))
    gradient = BCE.gradient(one, column(y), bce)
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
    torch.testing.assert_close(mean_ce(logits, label, ce_params([weights], [0.0])), mean_ce(logits, label, plain(3)))


def test_weighted_means_differ_by_the_mean_weight_1_8_at_a_tenth_positives_and_weight_9():
    y = torch.tensor([[1] + [0] * 9])
    z = torch.linspace(-2, 2, 10, dtype=torch.float64)[None, :, None]
    two, params = torch.cat([torch.zeros_like(z), z], -1), ce_params([[1.0, 9.0]], [0.0])
    bce = BCE.function(z, y[..., None].double(), bce_params(9.0))
    torch.testing.assert_close(bce.sum(), CE.function(two, y, params).sum())
    by_rows = Objective("sigmoid", "none", "bce", bce_params(9.0)).mean(z, y)
    assert (by_rows / mean_ce(two, y, params)).item() == pytest.approx(1.8)


@pytest.mark.parametrize("classes", [3, 10])
def test_mean_over_k_outputs_takes_steps_k_times_smaller_than_the_sum(classes):
    z = torch.randn(1, 6, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(6)[None] % classes
    counts = Counts(100, np.full(classes, 10))
    mean, total = (
        Objective("one_vs_rest", "none", "bce", loss_tensors("bce", [{"over_outputs": how}], counts, dtype=z.dtype))
        for how in ("mean", "sum")
    )
    torch.testing.assert_close(mean.gradient(z, y) * classes, total.gradient(z, y))
    torch.testing.assert_close(mean.mean(z, y) * classes, total.mean(z, y))
    one_hot = nn.functional.one_hot(y[0], classes).double()
    torch.testing.assert_close(mean.mean(z, y)[0], nn.BCEWithLogitsLoss()(z[0], one_hot))


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


@pytest.mark.parametrize(("q", "e"), [(0.3, 0.1), (0.8, 0.2)])
def test_smoothed_score_p_stands_for_q_equal_to_p_minus_half_e_over_1_minus_e(q, e):
    p = optimal_score(CE, q, {"class_weight": [1, 1], "label_smoothing": e})
    assert (p - e / 2) / (1 - e) == pytest.approx(q)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_equal_logits_cost_ln_k_and_a_zero_logit_ln_2(classes):
    logits, y = torch.zeros(1, classes, classes, dtype=torch.float64), torch.arange(classes)[None]
    losses = CE.function(logits, y, plain(classes))
    torch.testing.assert_close(losses, torch.full_like(losses, np.log(classes)))
    losses = BCE.function(column(0, 0), column(0, 1), bce_params(1.0))
    torch.testing.assert_close(losses, torch.full_like(losses, np.log(2)))


def test_constant_predictor_of_ten_equal_classes_costs_3251_under_bce():
    best = minimize(
        lambda z: BCE.function(column(*[z[0]] * 10), column(1, *[0] * 9), bce_params(1)).mean().item(), 0.0, tol=1e-12
    )
    assert best.fun == pytest.approx(0.3251, abs=5e-5)
    assert expit(best.x[0]) == pytest.approx(0.1, abs=1e-5)


def test_79_80_81_are_three_labels_and_one_class():
    z = torch.logit(torch.tensor([[[0.79, 0.80, 0.81]]]))
    p = Objective("sigmoids", "none", "bce", bce_params(1)).probabilities(z)
    assert (p >= 0.5).sum() == 3
    assert Objective("softmax", "none", "cross_entropy", plain(3)).probabilities(z).argmax() == 2


def test_2_3_4_tenths_are_no_label_and_the_last_class():
    z = torch.logit(torch.tensor([[[0.2, 0.3, 0.4]]]))
    p = Objective("sigmoids", "none", "bce", bce_params(1)).probabilities(z)
    assert (p >= 0.5).sum() == 0
    assert p.argmax() == 2
    # None is right for equal costs; where a missed label costs twice a false one, calls begin at a third.
    assert (p >= 1 / 3).sum() == 1


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd_on_two_logits_is_sgd_on_their_difference_with_twice_the_rate_and_half_the_decay(decay):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 5, dtype=torch.float64, generator=generator)
    y = torch.randint(2, (1, 64), generator=generator)
    two = torch.randn(5, 2, dtype=torch.float64, generator=generator) / 10
    one, rate = two[:, 1:] - two[:, :1], 0.05
    ce, bce = (
        Objective("softmax2", "none", "cross_entropy", plain(2)),
        Objective("sigmoid", "none", "bce", bce_params(1)),
    )
    for _ in range(100):
        two = two - rate * (x.T @ ce.gradient((x @ two)[None], y)[0] + decay * two)
        one = one - 2 * rate * (x.T @ bce.gradient((x @ one)[None], y)[0] + decay / 2 * one)
    assert one.abs().max() > 0.1
    assert (two[:, 1:] - two[:, :1] - one).abs().max() <= 1e-15


# --- a tenth of positives around 0, the others around 2 standard deviations below


def posterior(x: np.ndarray, pi: float) -> np.ndarray:
    """P(y = 1 | x) with x normal around 0 for positives and around -2 for negatives, of which 1 - pi."""
    return expit(norm.logpdf(x) - norm.logpdf(x + 2) + logit(pi))


@pytest.mark.parametrize("pi", [0.01, 0.1, 0.4])
def test_balanced_accuracy_is_best_where_the_balanced_weight_puts_a_half_at_the_prevalence(pi):
    x = np.linspace(-6, 6, 1201)
    balanced = (norm.sf(x) + norm.cdf(x + 2)) / 2  # of calling everything beyond x positive
    best = x[balanced.argmax()]
    assert posterior(best, pi) == pytest.approx(pi)
    w = output_weights("balanced", Counts(1000, np.array([round(1000 * pi)])))[0]
    assert optimal_score(BCE, posterior(best, pi), {"pos_weight": w}) == pytest.approx(0.5)


@pytest.mark.parametrize(("pi", "elsewhere"), [(0.1, 0.5), (0.1, 0.01), (0.4, 0.1)])
def test_another_prevalence_shifts_the_logit_by_the_difference_of_the_logits_of_both(pi, elsewhere):
    x = np.linspace(-6, 4, 101)
    q = posterior(x, pi)
    shifted = logit(q) + logit(elsewhere) - logit(pi)
    np.testing.assert_allclose(expit(shifted), posterior(x, elsewhere))
    # Logit adjustment has taken logit pi out already, so that only the other prevalence is to be added.
    adjusted = optimal_score(LOSSES["logit_adjusted"], q, {"tau": 1.0, "prior": [1 - pi, pi]})
    np.testing.assert_allclose(logit(adjusted) + logit(elsewhere), shifted, atol=1e-9)


# --- parameters as the user writes them


@untimed
@given(st.text(), st.lists(st.integers(1, 1000), min_size=2, max_size=5))
def test_weights_of_any_text_are_positive_float32_numbers_or_one_sentence(text, counts):
    for name, read in (("class_weight", class_weights), ("output_weight", output_weights)):
        try:
            weights = read(text, Counts(sum(counts), np.array(counts)))
        except CutoffError as error:
            sentence = str(error)
            weights = np.ones(len(counts))
            assert sentence.startswith(f"Expected `{name}` to be equal, balanced or ")
        assert weights.shape == (len(counts),)
        assert (weights.astype(np.float32) > 0).all()


@untimed
@given(st.lists(st.floats(0.001, 1000), min_size=2, max_size=6))
def test_class_weights_read_back_the_numbers_that_were_written(numbers):
    text = ", ".join(map(str, numbers))
    counts = Counts(len(numbers), np.ones(len(numbers), int))
    np.testing.assert_array_equal(class_weights(text, counts), numbers)


@untimed
@given(st.lists(st.integers(1, 50), min_size=2, max_size=6))
def test_balanced_equals_scikit_learn(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    np.testing.assert_allclose(class_weights("balanced", Counts(sum(counts), np.array(counts))), expected)


def test_balanced_output_weights_are_negatives_to_a_positive_even_without_any():
    found = output_weights("balanced", Counts(100, np.array([10, 50, 0, 100])))
    np.testing.assert_allclose(found, [9, 1, 99, 0.01])


@pytest.mark.parametrize(
    "text", ["", "1", "1, 2, 3", "1, 0", "1, -2", "1, nan", "1, inf", "1, 1e60", "1, 1e-60", "a, b"]
)
def test_class_weights_that_are_none_are_refused_with_the_number_of_classes(text):
    with pytest.raises(CutoffError) as caught:
        class_weights(text, Counts(4, np.array([3, 1])))
    assert str(caught.value).startswith("Expected `class_weight` to be equal, balanced or 2 ")
    assert str(caught.value).endswith(f"but got {text!r}.")


def test_loss_tensors_hold_one_row_a_run_and_fill_in_defaults():
    bce = loss_tensors("bce", [{"pos_weight": 9}, {}], Counts(10, np.array([1])))
    assert bce["pos_weight"].tolist() == [[[9.0]], [[1.0]]]
    assert set(bce) == {"pos_weight"}
    ce = loss_tensors(
        "cross_entropy", [{"class_weight": "1, 9", "label_smoothing": 0.5}, {}], Counts(10, np.array([9, 1]))
    )
    assert ce["class_weight"].tolist() == [[[1.0, 9.0]], [[1.0, 1.0]]]
    assert ce["label_smoothing"].tolist() == [[[0.5]], [[0.0]]]
    several = loss_tensors("bce", [{}, {"over_outputs": "sum"}], Counts(10, np.array([1, 5])))
    assert several["over_outputs"].tolist() == [[[0.5]], [[1.0]]]
    assert {tensor.dtype for tensor in (*bce.values(), *ce.values(), *several.values())} == {torch.float32}


def test_loss_tensors_refuse_a_value_out_of_range():
    with pytest.raises(CutoffError, match=r"Expected `pos_weight` to be a number from 0.01 to 1000, but got 0"):
        loss_tensors("bce", [{"pos_weight": 0}], Counts(2, np.array([1])))
