"""Optimizers and the learning-rate schedule against torch's own; early stopping; tanh."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.data import load_dataset, load_split
from core.evaluation.best_epoch import measures_of
from core.evaluation.scores import Scores
from core.experiment.config import RunConfig, make_config
from core.training.engine import Epoch, Stack, train
from core.training.optimizers import schedule_factor

CPU = torch.device("cpu")
PLAIN: dict[str, Any] = {
    "dataset": "gaussians",
    "dataset_params": {"samples": 200},
    "model": "mlp",
    "widths": (5,),
    "batch_size": 16,
    "epochs": 4,
    "lr": 0.05,
}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
KINDS: list[dict[str, Any]] = [
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    {"optimizer": "adam", "weight_decay": 0.1},
    {"optimizer": "adamw"},
    {"optimizer": "adamw", "weight_decay": 0.3},
]


def stack_of(*configs: RunConfig) -> Stack:
    first = configs[0]
    data, split = (load(first.dataset, first.dataset_params) for load in (load_dataset, load_split))
    return Stack(configs, data, split, CPU)


def by_torch(config: RunConfig) -> list[torch.Tensor]:
    """Weights and biases after the same batches, trained by torch.nn and torch.optim."""
    stack = stack_of(config)
    layers = [*stack.model.hidden, *stack.model.last]
    linears = [nn.Linear(*layer.weight.shape[1:]) for layer in layers]
    with torch.no_grad():
        for linear, layer in zip(linears, layers, strict=True):
            linear.weight.copy_(layer.weight[0].T)
            linear.bias.copy_(layer.bias[0, 0])
    net = nn.Sequential(linears[0], nn.Tanh() if config.hidden == "tanh" else nn.ReLU(), linears[1])
    options = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        options["momentum"] = config.momentum
    optimizer = OPTIMIZERS[config.optimizer](net.parameters(), **options)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    rows = stack.rows["train"]
    x, y = rows.x[:, :-1], rows.targets(1)[:, 0]
    batches = torch.Generator().manual_seed(2**32 + config.seed)
    for _ in range(config.epochs):
        for rows in torch.randperm(len(y), generator=batches).split(config.batch_size):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(net(x[rows])[:, 0], y[rows]).backward()
            optimizer.step()
        if config.schedule == "cosine":
            schedule.step()
    return [part.detach() for linear in linears for part in (linear.weight, linear.bias)]


def trained(*configs: RunConfig) -> Stack:
    stack = stack_of(*configs)
    for epoch in range(1, configs[0].epochs + 1):
        for _ in stack.steps(epoch):
            pass
    return stack


def weights(stack: Stack, run: int) -> list[torch.Tensor]:
    layers = [*stack.model.hidden, *stack.model.last]
    return [part for layer in layers for part in (layer.weight[run].T, layer.bias[run, 0])]


@pytest.mark.parametrize("hidden", ["relu", "tanh"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_training_is_that_of_torch(kind, schedule, hidden):
    config = make_config(**PLAIN, **kind, schedule=schedule, hidden=hidden)
    for ours, theirs in zip(weights(trained(config), 0), by_torch(config), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_runs_with_rates_decays_and_momenta_of_their_own_equal_the_runs_alone(optimizer):
    rates = ((0.1, 0.0, 0.9), (0.01, 0.2, 0.0), (0.003, 0.05, 0.5))
    configs = [
        make_config(**{**PLAIN, "lr": lr}, optimizer=optimizer, weight_decay=decay)
        if optimizer != "sgd"
        else make_config(**{**PLAIN, "lr": lr}, optimizer=optimizer, weight_decay=decay, momentum=momentum)
        for lr, decay, momentum in rates
    ]
    together = trained(*configs)
    for at, config in enumerate(configs):
        for ours, alone in zip(weights(together, at), weights(trained(config), 0), strict=True):
            torch.testing.assert_close(ours, alone, rtol=1e-5, atol=1e-6)


def test_schedule_falls_from_one_by_half_a_cosine():
    config = make_config(schedule="cosine", epochs=10)
    factors = [schedule_factor(config, epoch) for epoch in range(1, 11)]
    assert factors[0] == 1
    assert factors[5] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx((1 + np.cos(0.9 * np.pi)) / 2)
    assert factors == sorted(factors, reverse=True)
    assert schedule_factor(make_config(), 7) == 1


# --- early stopping

RISING: dict[str, Any] = {**PLAIN, "dataset_params": {"samples": 200, "noise": 2.0}, "widths": (64,), "epochs": 60}


def losses(config: RunConfig, *others: RunConfig) -> tuple[list[Epoch], np.ndarray]:
    found = list(train([config, *others], CPU))
    return found, np.array([epoch.validation_loss[0] for epoch in found])


def test_a_run_stops_so_many_epochs_after_its_lowest_validation_loss():
    _, free = losses(make_config(**RISING))
    patience = 5
    since = [i - int(free[: i + 1].argmin()) for i in range(len(free))]
    expected = next(i for i, epochs in enumerate(since) if epochs >= patience)
    assert expected < RISING["epochs"]
    found, stopped = losses(make_config(**RISING, patience=patience))
    assert len(found) == expected + 1
    assert found[-1].stopped.tolist() == [True]
    assert not any(epoch.stopped[0] for epoch in found[:-1])
    np.testing.assert_array_equal(stopped, free[: expected + 1])


@pytest.mark.parametrize("kind", [KINDS[1], KINDS[2], KINDS[4]], ids=str)
def test_a_stopped_run_stands_still_and_the_others_go_on(kind):
    choices = {**RISING, "lr": 0.1, "epochs": 30, **kind}
    stops, goes = make_config(**choices, patience=3), make_config(**choices)
    stack = stack_of(stops, goes)
    list(stack.evaluation(0))
    before: list[torch.Tensor] | None = None
    for epoch in range(1, 31):
        for _ in stack.steps(epoch):
            pass
        list(stack.evaluation(epoch))
        if before is not None:
            for now, then in zip(weights(stack, 0), before, strict=True):
                assert torch.equal(now, then)
        elif stack._stopping.stopped[0]:
            before = [part.clone() for part in weights(stack, 0)]
    assert before is not None
    for ours, alone in zip(weights(stack, 1), weights(trained(goes), 0), strict=True):
        torch.testing.assert_close(ours, alone, rtol=1e-4, atol=1e-5)


def test_what_is_said_of_a_stopped_run_does_not_change():
    found, _ = losses(make_config(**RISING, patience=5), make_config(**RISING))
    assert len(found) == RISING["epochs"] + 1
    at = next(i for i, epoch in enumerate(found) if epoch.stopped[0])
    for epoch in found[at:]:
        assert epoch.validation_loss[0] == found[at].validation_loss[0]
        np.testing.assert_array_equal(epoch.validation[0], found[at].validation[0])
        np.testing.assert_array_equal(epoch.surface[0], found[at].surface[0])
    assert found[-1].validation_loss[1] != found[at].validation_loss[1]


@pytest.mark.parametrize("best_by", list(measures_of(RunConfig())))
def test_a_run_stops_so_many_epochs_after_the_best_of_its_metric_alone_and_in_a_stack(best_by: str):
    free, _ = losses(make_config(**RISING))
    config = make_config(**RISING)
    data = load_dataset(config.dataset, config.dataset_params)
    y = load_split(config.dataset, config.dataset_params, config.split_seed).y["validation"]
    measure = measures_of(RunConfig())[best_by]
    values = [measure(Scores(y, one.validation[0], "binary", data.class_names)) for one in free]
    patience = 5
    expected = next(at for at in range(len(values)) if at - int(np.argmax(values[: at + 1])) >= patience)
    assert expected < RISING["epochs"]
    stops = make_config(**RISING, patience=patience, best_by=best_by)
    alone, _ = losses(stops)
    assert len(alone) == expected + 1
    together, _ = losses(stops, make_config(**RISING), make_config(**RISING, patience=patience))
    assert next(epoch.index for epoch in together if epoch.stopped[0]) == expected
    np.testing.assert_allclose(together[-1].validation[0], alone[-1].validation[0], rtol=1e-4, atol=1e-5)
