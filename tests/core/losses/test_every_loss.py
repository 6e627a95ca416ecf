"""What every loss of the registry owes: shapes, gradients, finite numbers, independence of runs, and its optimum."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from core.experiment.compatibility import activations_for
from core.losses import LOSSES, Counts, Params, loss_tensors, params_of
from core.losses.heads import HEADS
from core.losses.objective import Objective, resolved
from core.parameters import Value
from tests.support.optimal_score import optimal_score

CLASSES = {"binary": 2, "multiclass": 4, "multilabel": 3, "regression": 0}
COMBINATIONS = [
    pytest.param(loss, head, task, id=f"{loss} {head} {task}")
    for loss, spec in LOSSES.items()
    for head in spec.heads
    for task in HEADS[head].tasks
    if task in spec.tasks
]
# One run at the defaults and two beside it, which must not notice each other.
SETTINGS: dict[str, tuple[dict[str, Value], ...]] = {
    "bce": ({"pos_weight": 9.0}, {"pos_weight": 0.3}),
    "cross_entropy": ({"class_weight": "balanced"}, {"label_smoothing": 0.2}),
    "nll": ({"class_weight": "balanced"}, {}),
    "focal": ({"gamma": 0.5, "alpha": 0.5}, {"gamma": 3.0, "alpha": 0.75}),
    "asymmetric": ({"gamma_pos": 1.0, "gamma_neg": 2.0, "margin": 0.2}, {"gamma_neg": 0.0, "margin": 0.0}),
    "logit_adjusted": ({"tau": 0.5}, {"tau": 2.0}),
    "tversky": ({"alpha": 1.0, "beta": 0.5}, {"alpha": 0.5, "beta": 0.5}),
    "hinge": ({"margin": 2.0}, {"margin": 0.5}),
    "squared_hinge": ({"margin": 2.0}, {"margin": 0.5}),
    "multi_margin": ({"p": 2}, {"margin": 2.0}),
    "dead_zone": ({"accept": 0.6}, {"accept": 0.9}),
    "gated_bce": ({"threshold": 0.6, "above": 2.0, "below": 0.3}, {"above": 1.0, "below": 1.0}),
    "loss_gated_mse": ({"tau": 0.5}, {"tau": 0.1, "factor": 4.0}),
    "huber": ({"delta": 0.5}, {"delta": 3.0}),
    "band_mse": ({"penalty": 0.5}, {"threshold": 0.2, "radius": 0.5}),
}


def labels(task: str, rows: int, runs: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    if task == "regression":
        return torch.randn(runs, rows, generator=generator)
    if task == "multilabel":
        return torch.randint(2, (runs, rows, CLASSES[task]), generator=generator)
    return torch.randint(CLASSES[task], (runs, rows), generator=generator)


def tensors(
    loss: str, head: str, task: str, runs: list[dict[str, Value]], dtype: torch.dtype = torch.float32
) -> Params:
    outputs = HEADS[head].outputs(CLASSES[task])
    return loss_tensors(loss, runs, Counts(100, np.arange(10, 10 + 10 * outputs, 10)), dtype=dtype)


def an_objective(loss: str, head: str, params: Params, activation: str = "auto") -> Objective:
    return Objective(head, resolved(head, activation, loss), loss, params)


def some_logits(head: str, task: str, rows: int, runs: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(6)
    return torch.randn(runs, rows, HEADS[head].outputs(CLASSES[task]), generator=generator, dtype=dtype)


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_loss_has_the_shape_that_it_belongs_to(loss, head, task):
    z, y = some_logits(head, task, 6, runs=2), labels(task, 6, runs=2)
    objective = an_objective(loss, head, tensors(loss, head, task, [{}, {}]))
    wanted = {"output": z.shape, "row": z.shape[:2], "batch": (2, z.shape[-1])}[LOSSES[loss].of]
    assert objective.losses(z, y).shape == wanted
    assert objective.mean(z, y).shape == (2,)
    assert objective.gradient(z, y).shape == z.shape


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_targets_made_beforehand_and_a_gradient_in_the_place_of_the_logits_change_nothing(loss, head, task):
    z, y = some_logits(head, task, 6, runs=2), labels(task, 6, runs=2)
    objective = an_objective(loss, head, tensors(loss, head, task, [{}, {}]))
    targets, gradient = objective.targets(z, y), objective.gradient(z, y)
    torch.testing.assert_close(objective.mean(z, targets), objective.mean(z, y), rtol=0, atol=0)
    in_place = z.clone()
    assert objective.gradient(in_place, targets, out=in_place) is in_place
    torch.testing.assert_close(in_place, gradient, rtol=0, atol=0)


def ends_of_ranges(loss: str, head: str) -> list[dict[str, Value]]:
    """The defaults, every parameter alone at each end of its range, and all of them there together."""
    numbers = [param for param in params_of(loss, HEADS[head].outputs(3) > 1) if param.low is not None]
    alone = [{param.name: end} for param in numbers for end in (param.low, param.high)]
    together = [
        {param.name: end for param, end in zip(numbers, ends, strict=True)}
        for ends in zip(*[(param.low, param.high) for param in numbers], strict=True)
    ]
    return [{}, *alone, *together]


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_value_and_gradient_are_finite_at_logits_of_100_with_parameters_at_the_ends_of_their_ranges(loss, head, task):
    settings = ends_of_ranges(loss, head)
    objective = an_objective(loss, head, tensors(loss, head, task, settings))
    y = labels(task, 8).expand(len(settings), *labels(task, 8).shape[1:])
    plain = some_logits(head, task, 8).expand(len(settings), -1, -1)
    for z in (100 * plain, torch.full_like(plain, 100), torch.full_like(plain, -100), torch.zeros_like(plain)):
        assert objective.losses(z, y).isfinite().all()
        assert objective.gradient(z, y).isfinite().all()


@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_value_and_gradient_are_finite_up_to_logits_of_100_either_way(loss, head, task, size):
    y = labels(task, 8)
    objective = an_objective(loss, head, tensors(loss, head, task, [{}]))
    for z in (size * some_logits(head, task, 8), torch.full_like(some_logits(head, task, 8), size), -size):
        z = z if isinstance(z, Tensor) else torch.full_like(some_logits(head, task, 8), z)
        assert objective.losses(z, y).isfinite().all()
        assert objective.gradient(z, y).isfinite().all()


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_gradient_is_that_of_autograd_through_the_mean_and_passes_gradcheck(loss, head, task):
    z, y = some_logits(head, task, 6, dtype=torch.float64), labels(task, 6)
    for settings in ({}, *SETTINGS.get(loss, ())):
        objective = an_objective(loss, head, tensors(loss, head, task, [settings], torch.float64))
        leaf = z.clone().requires_grad_()
        (by_autograd,) = torch.autograd.grad(objective.mean(leaf, y).sum(), leaf)
        torch.testing.assert_close(objective.gradient(z, y), by_autograd, rtol=1e-8, atol=1e-10)
        if (
            loss != "gated_bce" and loss != "loss_gated_mse"
        ):  # their gates are constants to autograd, not to differences
            assert torch.autograd.gradcheck(lambda logits, o=objective: o.mean(logits, y), leaf)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "log_softmax"])
@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_wrong_output_activation_has_the_gradient_of_autograd_too(loss, head, task, activation):
    if activation not in activations_for(head, loss):
        pytest.skip("not offered")
    z, y = some_logits(head, task, 6, dtype=torch.float64), labels(task, 6)
    objective = an_objective(loss, head, tensors(loss, head, task, [{}], torch.float64), activation)
    leaf = z.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(objective.mean(leaf, y).sum(), leaf, allow_unused=True)
    torch.testing.assert_close(objective.gradient(z, y), by_autograd, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_runs_of_a_stack_do_not_touch_each_other(loss, head, task):
    settings = [{}, *SETTINGS.get(loss, ({}, {}))]
    z, y = some_logits(head, task, 6, runs=3), labels(task, 6, runs=3)
    together = an_objective(loss, head, tensors(loss, head, task, settings))
    z[1, 0, 0] = float("nan")
    for run in (0, 2):
        alone = an_objective(loss, head, tensors(loss, head, task, [settings[run]]))
        one = slice(run, run + 1)
        torch.testing.assert_close(together.mean(z, y)[one], alone.mean(z[one], y[one]), rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(together.gradient(z, y)[one], alone.gradient(z[one], y[one]), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("loss", "head", "task"), COMBINATIONS)
def test_nothing_that_a_loss_is_given_is_changed(loss, head, task):
    z, y = some_logits(head, task, 5), labels(task, 5)
    params = tensors(loss, head, task, [{}])
    kept = z.clone(), y.clone(), {name: value.clone() for name, value in params.items()}
    objective = an_objective(loss, head, params)
    objective.mean(z, y)
    objective.gradient(z, y)
    assert torch.equal(z, kept[0])
    assert torch.equal(y, kept[1])
    assert all(torch.equal(value, kept[2][name]) for name, value in params.items())


def binary_risk(loss: str, head: str, settings: dict[str, Value]) -> tuple[np.ndarray, Tensor, Tensor]:
    """Scores (S,) on a fine grid of logits, and the loss at each for y = 1 and y = 0."""
    params = tensors(loss, head, "binary", [settings], torch.float64)
    objective = an_objective(loss, head, params)
    z = torch.linspace(-14, 14, 28001, dtype=torch.float64)
    outputs = z[None, :, None] if HEADS[head].outputs(2) == 1 else torch.stack([0 * z, z], -1)[None]
    score = objective.probabilities(outputs)[0, :, 0].numpy()
    sides = []
    for label in (1, 0):
        losses = objective.losses(outputs, torch.full((1, len(z)), label))
        sides.append(losses[0].sum(-1) if losses.dim() == 3 else losses[0])
    return score, *sides


WITH_OPTIMUM = [
    pytest.param(loss, settings, id=f"{loss} {settings}")
    for loss, spec in LOSSES.items()
    if (spec.optimal_logit or spec.posterior_logit) and "binary" in spec.tasks
    for settings in ({}, *SETTINGS.get(loss, ()))
]


@pytest.mark.parametrize(("loss", "settings"), WITH_OPTIMUM)
def test_optimum_in_closed_form_is_where_the_expected_loss_is_least(loss, settings):
    head = next(h for h in LOSSES[loss].heads if "binary" in HEADS[h].tasks)
    score, positive, negative = binary_risk(loss, head, settings)
    params = tensors(loss, head, "binary", [settings], torch.float64)
    q = np.array([0.03, 0.2, 0.35, 0.61, 0.8, 0.96])
    for true, optimal in zip(q, optimal_score(LOSSES[loss], q, params), strict=True):
        risk = true * positive + (1 - true) * negative
        # The risk may jump at the score itself, so it is compared with that of the scores right beside it.
        beside = risk[np.abs(score - optimal) <= 1e-3].min()
        assert beside.item() <= risk.min().item() + 1e-6


@pytest.mark.parametrize("name", dict.fromkeys(param.values[0] for param in WITH_OPTIMUM))
def test_proper_means_that_the_true_probability_is_the_optimal_score(name):
    head = next(h for h in LOSSES[name].heads if "binary" in HEADS[h].tasks)
    q = np.linspace(0.02, 0.98, 25)
    optimal = optimal_score(LOSSES[name], q, tensors(name, head, "binary", [{}], torch.float64))
    assert LOSSES[name].proper == np.allclose(optimal, q, atol=1e-9)


def test_which_heads_each_loss_fits():
    one_sigmoid_an_output = {"sigmoid", "sigmoids", "one_vs_rest"}
    a_softmax_over_classes = {"softmax2", "softmax"}
    assert {name: set(spec.heads) for name, spec in LOSSES.items()} == {
        "bce": one_sigmoid_an_output,
        "bce_probabilities": one_sigmoid_an_output,
        "cross_entropy": a_softmax_over_classes,
        "nll": a_softmax_over_classes,
        "cross_entropy_float": {"sigmoid"},
        "cross_entropy_multihot": {"softmax"},
        "focal": one_sigmoid_an_output,
        "asymmetric": one_sigmoid_an_output,
        "logit_adjusted": a_softmax_over_classes,
        "soft_f1": one_sigmoid_an_output,
        "tversky": one_sigmoid_an_output,
        "hinge": one_sigmoid_an_output,
        "squared_hinge": one_sigmoid_an_output,
        "multi_margin": a_softmax_over_classes,
        "dead_zone": one_sigmoid_an_output,
        "brier": one_sigmoid_an_output | a_softmax_over_classes,
        "mse": {"identity"},
        "mae": {"identity"},
        "huber": {"identity"},
        "gated_bce": one_sigmoid_an_output,
        "band_mse": {"identity", "sigmoid"},
        "loss_gated_mse": {"identity", "sigmoid"},
    }


@pytest.mark.parametrize("name", LOSSES)
def test_entry_explains_itself(name):
    spec = LOSSES[name]
    assert spec.heads
    assert spec.formula.count("{") == spec.formula.count("}") > -1
    assert spec.formula
    assert re.search(r"\((19|20)\d\d\)", spec.reference)
    assert (spec.proper is None) == (spec.tasks == ("regression",))
    assert set(spec.read) == {p.name for p in (*spec.params, *spec.class_params) if isinstance(p.default, str)}
    names = [param.name for param in params_of(name, several=True)]
    assert len(set(names)) == len(names)
