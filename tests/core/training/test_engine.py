"""The engine against plain PyTorch loops, against itself (alone, stacked, in pieces, in turns) and against theory."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, repeat

import numpy as np
import pytest
import torch
from scipy.special import logit
from torch import Tensor, nn

from core.data import load_dataset, load_split
from core.errors import CutoffError
from core.experiment.config import RunConfig, make_config
from core.losses import LOSSES, Counts
from core.losses.spec import class_weights
from core.training import engine
from core.training.engine import Epoch, Stack, train, train_in_turns, without_pauses
from tests.support.networks import flat, network

CPU = torch.device("cpu")
SMALL = {"dataset": "gaussians", "dataset_params": {"samples": 300, "prevalence": 0.3}, "batch_size": 16}
MIXED = (  # heads, losses, parameters, rates and seeds, in an order that the engine has to sort
    {"head": "softmax2", "loss": "cross_entropy", "loss_params": {"class_weight": "1, 9"}, "lr": 0.02, "seed": 1},
    {"loss_params": {"pos_weight": 9}, "lr": 0.01, "seed": 1},
    {"head": "softmax2", "loss": "cross_entropy", "loss_params": {"label_smoothing": 0.2}, "lr": 0.05, "seed": 0},
    {"loss_params": {"pos_weight": 0.5}, "lr": 0.03, "seed": 2, "weight_decay": 0.1},
    {"lr": 0.02, "seed": 0},
)


def configs(*variants: dict, **common: object) -> list[RunConfig]:
    return [make_config(**{**SMALL, **common, **variant}) for variant in variants or ({},)]


def a_stack(runs: Sequence[RunConfig], device: torch.device = CPU) -> Stack:
    first = runs[0]
    data = load_dataset(first.dataset, first.dataset_params)
    return Stack(runs, data, load_split(first.dataset, first.dataset_params, first.split_seed), device)


def take_steps(stack: Stack, count: int) -> Stack:
    """The stack after `count` steps, epoch after epoch."""
    for _ in islice(chain.from_iterable(stack.steps() for _ in repeat(None)), count):
        pass
    return stack


def training_rows(stack: Stack) -> tuple[Tensor, Tensor]:
    """What the stack trains on, (N, F), and its labels (N,)."""
    first = stack.configs[0]
    split = load_split(first.dataset, first.dataset_params, first.split_seed)
    return torch.from_numpy(split.x["train"]), torch.from_numpy(split.y["train"])


def weights(stack: Stack, run: int) -> Tensor:
    """All weights of run `run`, in the order in which the configurations were given."""
    return stack.model.parameters[stack.model.owner == stack.order.index(run)].cpu()


def batches(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, Tensor]]:
    """A list that grows by the batches (R, B, F), (R, B) of each step."""
    seen: list[tuple[Tensor, Tensor]] = []
    step = stack.step
    x, y = training_rows(stack)

    def watched(rows: Tensor) -> None:
        chosen = rows.expand(len(stack.configs), -1)
        seen.append((x[chosen], y[chosen]))
        step(rows)

    monkeypatch.setattr(stack, "step", watched)
    return seen


def torch_loss(config: RunConfig, counts: np.ndarray) -> nn.Module:
    """The torch module that a configuration's loss stands for."""
    params = dict(config.loss_params)
    if config.loss == "bce":
        return nn.BCEWithLogitsLoss(pos_weight=torch.tensor([float(params.get("pos_weight", 1))]))
    per_class = torch.tensor(
        class_weights(params.get("class_weight", "equal"), Counts(int(counts.sum()), counts)), dtype=torch.float32
    )
    return nn.CrossEntropyLoss(weight=per_class, label_smoothing=params.get("label_smoothing", 0.0))


def loss_of(module: nn.Module, logits: Tensor, y: Tensor) -> Tensor:
    return module(logits[:, 0], y.float()) if isinstance(module, nn.BCEWithLogitsLoss) else module(logits, y)


def assert_same(a: Epoch, b: Epoch, atol: float = 0.0, rtol: float = 0.0) -> None:
    assert a.index == b.index
    for one, other in zip((a.train_loss, a.validation_loss), (b.train_loss, b.validation_loss), strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=rtol)
    for one, other in zip((*a.validation, *a.test), (*b.validation, *b.test), strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=rtol)
    np.testing.assert_array_equal(a.finite, b.finite)


# --- against plain PyTorch


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("shape", [{"model": "linear"}, {"model": "mlp", "widths": (8, 6)}], ids=["linear", "mlp"])
def test_every_run_of_a_stack_equals_a_plain_torch_loop_on_the_same_batches(shape, optimizer, monkeypatch):
    runs = configs(*MIXED, optimizer=optimizer, **shape)
    stack = a_stack(runs)
    networks = [network(stack.model, stack.order.index(i)) for i in range(len(runs))]
    seen = batches(stack, monkeypatch)
    take_steps(stack, 64)
    counts = load_dataset(runs[0].dataset, runs[0].dataset_params).counts
    for i, (config, model) in enumerate(zip(runs, networks, strict=True)):
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
        descent = kind(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        module = torch_loss(config, counts)
        for x, y in seen:
            row = stack.order.index(i)
            descent.zero_grad()
            loss_of(module, model(x[row]), y[row]).backward()
            descent.step()
        torch.testing.assert_close(weights(stack, i), flat(model), rtol=0, atol=2e-6)


@pytest.mark.parametrize("epochs", [0, 2])
def test_epoch_reports_the_losses_and_probabilities_of_the_weights_at_that_moment(epochs):
    runs = configs(*MIXED, model="mlp", widths=(8,), epochs=max(epochs, 1))
    stack = a_stack(runs)
    for _ in chain.from_iterable(stack.steps() for _ in range(epochs)):
        pass
    epoch = without_pauses(stack.evaluation(epochs))
    reported = next(islice(train(runs, CPU), epochs, None))
    assert_same(epoch, reported)
    split = load_split(runs[0].dataset, runs[0].dataset_params)
    counts = np.bincount(split.y["train"])
    for i, config in enumerate(runs):
        model, module = network(stack.model, stack.order.index(i)), torch_loss(config, counts)
        with torch.inference_mode():
            logits = {part: model(torch.from_numpy(x)) for part, x in split.x.items()}
            losses = {part: loss_of(module, z, torch.from_numpy(split.y[part])).item() for part, z in logits.items()}
        assert epoch.train_loss[i] == pytest.approx(losses["train"], rel=1e-5)
        assert epoch.validation_loss[i] == pytest.approx(losses["validation"], rel=1e-5)
        for part, shown in (("validation", epoch.validation[i]), ("test", epoch.test[i])):
            z = logits[part]
            p = torch.sigmoid(z) if config.head == "sigmoid" else torch.softmax(z, 1)[:, 1:]
            np.testing.assert_allclose(shown, p.numpy(), atol=1e-6)


# --- against itself


SHAPES = {  # with ReLU fewer steps: what rounds to the other side of 0 makes a difference at once
    "linear": ({"model": "linear"}, 64),
    "mlp": ({"model": "mlp", "widths": (64, 64)}, 16),
    "tanh": ({"model": "mlp", "widths": (64, 64), "hidden": "tanh"}, 64),
}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(("shape", "steps"), SHAPES.values(), ids=SHAPES)
def test_run_in_a_stack_equals_the_same_run_alone_after_many_steps(shape, steps, optimizer):
    runs = configs(*MIXED, optimizer=optimizer, dataset="breast_cancer", dataset_params={}, batch_size=64, **shape)
    together = take_steps(a_stack(runs), steps)
    for i, run in enumerate(runs):
        alone = take_steps(a_stack([run]), steps)
        assert (weights(together, i) - weights(alone, 0)).abs().max() <= 1e-6


# Not batch norm with Adam: it takes constant pixels away again, so their gradients are rounding noise, of which Adam
# makes whole steps.
@pytest.mark.parametrize(
    ("batch_norm", "optimizer", "epochs"), [(False, "sgd", 3), (True, "sgd", 3), (False, "adam", 1)]
)
@pytest.mark.parametrize(("model", "widths"), [("mlp", (16,)), ("cnn", (4, 8))], ids=["mlp", "cnn"])
def test_images_in_a_stack_are_trained_and_evaluated_as_alone(model, widths, batch_norm, optimizer, epochs):
    shape = {"model": model, "widths": widths, "batch_norm": batch_norm, "epochs": epochs, "batch_size": 32}
    runs = configs(*MIXED, optimizer=optimizer, dataset="digit", dataset_params={}, **shape)
    for together, *alone in zip(train(runs, CPU), *(train([run], CPU) for run in runs), strict=True):
        for i, single in enumerate(alone):
            np.testing.assert_allclose(together.train_loss[i], single.train_loss[0], rtol=1e-3)
            assert np.abs(together.test[i] - single.test[0]).mean() < 1e-3


def test_ten_class_runs_in_a_stack_equal_the_same_runs_alone():
    many = {"head": "softmax", "loss": "cross_entropy", "dataset": "digits", "dataset_params": {}, "epochs": 2}
    runs = configs({"seed": 1}, {"lr": 0.1, "loss_params": {"class_weight": "balanced"}}, **many)
    for together, *alone in zip(train(runs, CPU), *(train([run], CPU) for run in runs), strict=True):
        for i, single in enumerate(alone):
            np.testing.assert_allclose(together.train_loss[i], single.train_loss[0], rtol=1e-5)
            np.testing.assert_allclose(together.test[i], single.test[0], atol=1e-5)


def test_training_twice_gives_the_same_bits():
    runs = configs(*MIXED, model="mlp", widths=(8,), epochs=2)
    for first, second in zip(train(runs, CPU), train(runs, CPU), strict=True):
        assert_same(first, second)


def test_order_of_the_configurations_does_not_matter():
    runs = configs(*MIXED, epochs=2)
    for forward, backward in zip(train(runs, CPU), train(runs[::-1], CPU), strict=True):
        turned = replace(
            backward,
            train_loss=backward.train_loss[::-1],
            validation_loss=backward.validation_loss[::-1],
            validation=backward.validation[::-1],
            test=backward.test[::-1],
            finite=backward.finite[::-1],
        )
        assert_same(forward, turned, atol=1e-6)


def test_runs_of_one_seed_see_the_same_batches_and_others_see_different_ones(monkeypatch):
    stack = a_stack(configs(*MIXED, model="mlp", widths=(4,)))
    seen = batches(stack, monkeypatch)
    take_steps(stack, 3)
    seeds = [config.seed for config in stack.configs]
    for x, y in seen:
        for i, one in enumerate(seeds):
            for j, other in enumerate(seeds):
                assert torch.equal(x[i], x[j]) == (one == other)
                assert one != other or torch.equal(y[i], y[j])


def test_runs_of_one_seed_start_with_the_same_hidden_weights_for_different_heads():
    stack = a_stack(configs(*MIXED, model="mlp", widths=(4, 3)))
    for layer in stack.model.hidden:
        for i, one in enumerate(stack.configs):
            for j, other in enumerate(stack.configs):
                assert torch.equal(layer.weight[i], layer.weight[j]) == (one.seed == other.seed)


def test_batches_do_not_depend_on_the_model_or_on_the_neighbours(monkeypatch):
    one, other = a_stack(configs(*MIXED)), a_stack(configs(MIXED[4], model="mlp", widths=(16,)))
    seen, expected = batches(one, monkeypatch), batches(other, monkeypatch)
    take_steps(one, 12)
    take_steps(other, 12)
    row = one.order.index(4)
    for (x, y), (x_alone, y_alone) in zip(seen, expected, strict=True):
        torch.testing.assert_close(x[row], x_alone[0], rtol=0, atol=0)
        torch.testing.assert_close(y[row], y_alone[0], rtol=0, atol=0)


@pytest.mark.parametrize("batch_size", [1, 16, 150])
def test_every_epoch_sees_every_training_row_once_and_the_last_batch_may_be_smaller(batch_size, monkeypatch):
    stack = a_stack(configs({}, batch_size=batch_size))
    seen = batches(stack, monkeypatch)
    rows, labels = training_rows(stack)
    orders = []
    for _ in range(2):
        seen.clear()
        for _ in stack.steps():
            pass
        assert [x.shape[1] for x, _ in seen[:-1]] == [batch_size] * (len(seen) - 1)
        assert seen[-1][0].shape[1] == (len(rows) % batch_size or batch_size)
        x, y = (torch.cat(parts, 1)[0] for parts in zip(*seen, strict=True))
        expected = torch.cat([rows, labels[:, None]], 1)
        orders.append(torch.cat([x, y[:, None]], 1))
        torch.testing.assert_close(orders[-1].unique(dim=0), expected.unique(dim=0), rtol=0, atol=0)
        assert len(orders[-1]) == len(rows)
    assert not torch.equal(*orders)


def test_closed_form_gradients_give_what_differentiating_the_loss_gives(monkeypatch):
    runs = configs(*MIXED, model="mlp", widths=(8,))
    by_formula = take_steps(a_stack(runs), 20)
    for name, spec in LOSSES.items():
        monkeypatch.setitem(LOSSES, name, replace(spec, gradient=None))
    by_autograd = take_steps(a_stack(runs), 20)
    torch.testing.assert_close(by_formula.model.parameters, by_autograd.model.parameters, rtol=0, atol=1e-6)


def test_evaluating_in_small_pieces_changes_nothing(monkeypatch):
    runs = configs(*MIXED, model="mlp", widths=(8,), epochs=1)
    whole = list(train(runs, CPU))
    monkeypatch.setattr(engine, "EVALUATION_BYTES", 1)
    for pieces, expected in zip(train(runs, CPU), whole, strict=True):
        assert_same(pieces, expected, atol=1e-6)


# --- turns


def test_turn_of_no_time_pauses_after_every_step_and_gives_the_same_epochs():
    runs = configs(*MIXED, epochs=3)
    in_turns = list(train_in_turns(runs, (CPU,), turn=0.0))
    steps, pieces = [None] * -(-150 // 16), [None] * 4  # a piece for each split and one for the plane
    a_pass = [*steps, *pieces]
    assert [None if e is None else e.index for e in in_turns] == [*pieces, 0, *a_pass, 1, *a_pass, 2, *a_pass, 3]
    for paused, expected in zip(filter(None, in_turns), train(runs, CPU), strict=True):
        assert_same(paused, expected)


def test_long_turn_never_pauses():
    assert None not in list(train_in_turns(configs(epochs=2), (CPU,), turn=1e9))


def test_epochs_are_numbered_from_before_training():
    epochs = list(train(configs(epochs=3), CPU))
    assert [epoch.index for epoch in epochs] == [0, 1, 2, 3]
    assert all(epoch.finite.tolist() == [True] for epoch in epochs)


# --- runs that diverge

EXPLODES = {"lr": 1e6, "weight_decay": 10.0}  # each step multiplies a weight by about -1e7


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("shape", [{"model": "linear"}, {"model": "mlp", "widths": (8,)}], ids=["linear", "mlp"])
def test_diverged_run_leaves_the_others_bit_identical(shape, optimizer):
    common = {**shape, "optimizer": optimizer, "epochs": 2}
    bad = {**MIXED[1], **EXPLODES}
    calm = take_steps(a_stack(configs(*MIXED, **common)), 30)
    stormy = a_stack(configs(MIXED[0], bad, *MIXED[2:], **common))
    stormy.model.parameters[stormy.model.owner == stormy.order.index(1)] = torch.nan
    take_steps(stormy, 30)
    for i in (0, 2, 3, 4):
        torch.testing.assert_close(weights(stormy, i), weights(calm, i), rtol=0, atol=0)
    assert without_pauses(stormy.evaluation(2)).finite.tolist() == [True, False, True, True, True]


def test_diverged_run_is_marked_from_its_epoch_on_and_the_others_train_to_the_end():
    epochs = list(train(configs({}, EXPLODES, optimizer="sgd", epochs=3), CPU))
    assert [epoch.finite.tolist() for epoch in epochs] == [[True, True], *[[True, False]] * 3]
    assert np.isfinite([epoch.train_loss[0] for epoch in epochs]).all()
    assert epochs[-1].train_loss[0] < epochs[0].train_loss[0]


def test_training_ends_when_no_run_is_finite_any_more():
    epochs = list(train(configs({**EXPLODES, "seed": 0}, {**EXPLODES, "seed": 1}, optimizer="sgd", epochs=50), CPU))
    assert [epoch.index for epoch in epochs] == [0, 1]
    assert not epochs[-1].finite.any()


def test_run_that_is_not_finite_once_stays_marked():
    stack = a_stack(configs())
    saved = stack.model.parameters.clone()
    stack.model.parameters[0] = torch.nan
    assert not without_pauses(stack.evaluation(1)).finite[0]
    stack.model.parameters.copy_(saved)
    assert not without_pauses(stack.evaluation(2)).finite[0]


# --- theory


def test_rate_eta_on_two_logits_is_rate_two_eta_on_one_and_decay_half():
    eta, decay = 0.05, 0.2
    one = {"lr": 2 * eta, "weight_decay": decay / 2}
    two = {"head": "softmax2", "loss": "cross_entropy", "lr": eta, "weight_decay": decay}
    stack = a_stack(configs(one, two, optimizer="sgd"))
    single, pair = stack.model.last
    single.weight.copy_(pair.weight[..., 1:] - pair.weight[..., :1])
    single.bias.copy_(pair.bias[..., 1:] - pair.bias[..., :1])
    take_steps(stack, 100)
    torch.testing.assert_close(single.weight, pair.weight[..., 1:] - pair.weight[..., :1], rtol=0, atol=1e-6)
    epoch = without_pauses(stack.evaluation(1))
    np.testing.assert_allclose(epoch.test[0], epoch.test[1], atol=1e-6)
    np.testing.assert_allclose(epoch.train_loss[0], epoch.train_loss[1], rtol=1e-5)


def test_linear_model_recovers_the_true_posterior_and_pos_weight_9_adds_ln_9():
    params = {"samples": 40_000, "prevalence": 0.3}
    runs = configs(
        {},
        {"loss_params": {"pos_weight": 9}},
        {"head": "softmax2", "loss": "cross_entropy", "loss_params": {"class_weight": "1, 9"}},
        dataset_params=params,
        batch_size=1000,
        epochs=60,
        lr=0.03,
    )
    *_, last = train(runs, CPU)
    data, split = load_dataset("gaussians", runs[0].dataset_params), load_split("gaussians", runs[0].dataset_params)
    truth = logit(data.posterior(data.x[split.rows["test"]]))
    plain, by_bce, by_ce = (logit(p[:, 0].astype(np.float64)) for p in last.test)
    inside = np.abs(truth) < 3
    assert np.abs(plain - truth)[inside].max() < 0.2
    assert np.abs(plain - truth).mean() < 0.1
    for weighted in (by_bce, by_ce):
        assert np.median(weighted - plain) == pytest.approx(np.log(9), abs=0.1)
        assert np.abs(weighted - np.log(9) - truth)[inside].max() < 0.35
    true_loss = -np.log(np.where(split.y["test"] == 1, 1 / (1 + np.exp(-truth)), 1 / (1 + np.exp(truth)))).mean()
    assert last.validation_loss[0] == pytest.approx(true_loss, abs=0.02)


def test_training_lowers_the_loss_on_both_splits():
    runs = configs({}, {"loss_params": {"pos_weight": 9}}, dataset="digit", dataset_params={}, epochs=5)
    first, *_, last = train(runs, CPU)
    assert (last.train_loss < first.train_loss).all()
    assert (last.validation_loss < first.validation_loss).all()


def test_what_a_stack_holds_is_freed_with_it_and_waits_for_no_collection():
    stack = take_steps(a_stack(configs(*MIXED, model="mlp", widths=(8,))), 3)
    rows = weakref.ref(stack.rows["train"])
    gc.disable()
    try:
        del stack
        assert rows() is None
    finally:
        gc.enable()


# --- devices and bad input


def test_runs_that_cannot_share_a_stack_are_refused():
    with pytest.raises(CutoffError) as caught:
        next(train(configs({}, {"batch_size": 8}, {"epochs": 2}), CPU))
    assert str(caught.value) == (
        "Expected all runs of a stack to share data, split, model, optimizer, batch size and epochs, but got 3 kinds."
    )


def test_training_is_lazy():
    steps: Iterator[Epoch] = train(configs(dataset="none such", dataset_params={}), CPU)
    with pytest.raises(CutoffError, match="Expected `dataset`"):
        next(steps)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize(
    "shape",
    [
        {"model": "linear"},
        {"model": "linear", "optimizer": "sgd", "schedule": "cosine"},
        {"model": "mlp", "widths": (8, 6)},
        {"model": "mlp", "widths": (8,), "hidden": "tanh", "optimizer": "adamw"},
        {"model": "mlp", "widths": (8,), "batch_norm": True, "optimizer": "sgd"},
        {"model": "cnn", "widths": (4, 8), "optimizer": "sgd", "dataset": "digit", "dataset_params": {}},
    ],
    ids=str,
)
def test_cuda_gives_what_the_cpu_gives(shape):
    runs = configs(*MIXED, **{"epochs": 6, "patience": 4, **shape})  # more steps than a CUDA graph waits for
    for on_cuda, on_cpu in zip(train(runs, torch.device("cuda")), train(runs, CPU), strict=True):
        assert_same(on_cuda, on_cpu, atol=1e-4, rtol=1e-4)
