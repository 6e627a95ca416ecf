"""What every entry of every registry owes, and every sensible combination of them trained for two epochs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from core.data import DATASETS, load_dataset, load_split
from core.data.thinning import PREVALENCE
from core.errors import CutoffError
from core.evaluation.tuning import LABEL_RULES, RULES
from core.experiment.compatibility import (
    activations_for,
    check,
    describe,
    heads_for,
    losses_for,
    models_for,
)
from core.experiment.config import HIDDEN, OPTIMIZERS, RunConfig, make_config
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved
from core.models import MODELS
from core.parameters import Param
from core.training.engine import train

CPU = torch.device("cpu")
SPECS = {f"data {k}": v.params for k, v in DATASETS.items()}
SPECS |= {f"loss {k}": (*v.params, *v.class_params) for k, v in LOSSES.items()}
SPECS |= {f"rule {k}": v.params for k, v in RULES.items()}
SPECS |= {f"rule of labels {k}": v.params for k, v in LABEL_RULES.items()}
PARAMS = [pytest.param(param, id=f"{name} {param.name}") for name, params in SPECS.items() for param in params]
RATES = {"adam": 0.01, "adamw": 0.01, "sgd": 0.1}


# Larger batches and smaller networks where there are many rows, and smaller steps where there are many features.
LARGE: dict[str, dict[str, object]] = {
    "mnist_5k": {"batch_size": 256, "lr": 0.003},
    "shuttle": {"batch_size": 1024},
    "fraud": {"batch_size": 512},
}
WIDTHS = {"linear": (), "mlp": (32,), "cnn": (4, 8)}


def config_of(dataset: str, head: str, loss: str, **others: object) -> RunConfig:
    return make_config(**{"dataset": dataset, "head": head, "loss": loss, "epochs": 2, "lr": 0.01} | others)


def stacks() -> dict[str, list[RunConfig]]:
    """Every sensible combination, by data and model: what is trained together.

    Each data set with every head, every loss that fits and every model, plain ones and, where there are layers between,
    with batch norm and tanh; on the linear model every output activation that torch lets a loss follow as well.
    """
    found = {}
    for dataset in DATASETS:
        for model in models_for(dataset):
            shape = {"model": model, "widths": WIDTHS[model], **LARGE.get(dataset, {})}
            ways: list[dict[str, object]] = [shape]
            if MODELS[model].widths:
                ways.append(shape | {"hidden": "tanh", "batch_norm": True})
            for way in ways:
                name = " ".join([dataset, model, *(["tanh with batch norm"] if "batch_norm" in way else [])])
                found[name] = [
                    config_of(dataset, head, loss, activation=activation, **way)
                    for head in heads_for(dataset)
                    for loss in losses_for(dataset, head)
                    for activation in (activations_for(head, loss) if model == "linear" else ["auto"])
                    if activation == "auto" or activation != resolved(head, "auto", loss)
                ]
    return found


STACKS = stacks()


# --- every parameter


@pytest.mark.parametrize("param", PARAMS)
def test_parameter_has_a_default_that_passes_its_own_check(param: Param):
    assert param.check(param.default) == param.default
    assert param.label
    assert param.help


@pytest.mark.parametrize("param", PARAMS)
def test_parameter_refuses_what_is_out_of_its_range_with_one_sentence(param: Param):
    bad: list[object] = [None, [], float("nan")]
    if param.options:
        bad += [1.0] if param.free else ["none such", 1.0]
    else:
        assert param.low is not None
        assert param.high is not None
        assert param.check(param.low) == param.low
        assert param.check(param.high) == param.high
        bad += [param.low - 1, param.high + 1, float("inf"), "1"]
    for value in bad:
        with pytest.raises(CutoffError) as caught:
            param.check(value)
        assert str(caught.value).startswith(f"Expected `{param.name}` to be ")
        assert str(caught.value).endswith(f", but got {value!r}.")


@pytest.mark.parametrize("registry", [DATASETS, HEADS, LOSSES, MODELS], ids=["data", "heads", "losses", "models"])
def test_entries_have_their_own_labels_and_explain_themselves(registry):
    assert len({spec.label for spec in registry.values()}) == len(registry)
    assert all(spec.about.endswith(".") for spec in registry.values())


@pytest.mark.parametrize("registry", [RULES, LABEL_RULES], ids=["rules", "rules of labels"])
def test_rules_have_their_own_labels_and_explain_themselves(registry):
    assert all(spec.name == name for name, spec in registry.items())
    assert len({spec.label for spec in registry.values()}) == len(registry)
    assert all(spec.help.endswith(".") for spec in registry.values())


# --- every data set


@pytest.mark.parametrize("name", DATASETS)
def test_data_set_has_finite_features_and_the_labels_of_its_task(name):
    data = load_dataset(name)
    spec = DATASETS[name]
    assert (data.name, data.task) == (name, spec.task)
    assert data.x.ndim == 2
    assert data.x.dtype == np.float32
    assert len(data.y) == len(data.x)
    assert np.isfinite(data.x).all()
    assert np.isfinite(data.y).all()
    assert data.y.dtype == (np.float32 if data.task == "regression" else np.int64)
    if data.task == "multilabel":
        assert data.y.shape == (len(data.x), len(data.class_names))
        assert set(np.unique(data.y)) == {0, 1}
    elif data.task == "regression":
        assert data.y.shape == (len(data.x),)
        assert data.target
    else:
        np.testing.assert_array_equal(np.unique(data.y), np.arange(len(data.class_names)))
    assert len(set(data.class_names)) == len(data.class_names)
    assert (data.task == "binary") == (len(data.class_names) == 2)
    assert len(data.feature_names) == data.x.shape[1]
    assert spec.source
    assert spec.licence


@pytest.mark.parametrize("name", DATASETS)
def test_data_set_is_the_same_every_time_and_read_only(name):
    data = load_dataset(name)
    given = {param.name: param.default for param in DATASETS[name].params if param is not PREVALENCE}
    again = DATASETS[name].load(**given)
    np.testing.assert_array_equal(data.x, again.x)
    np.testing.assert_array_equal(data.y, again.y)
    for array in (data.x, data.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("name", DATASETS)
def test_data_set_splits_into_parts_that_each_have_every_class(name):
    data, split = load_dataset(name), load_split(name)
    for part, y in split.y.items():
        assert split.x[part].shape == (len(y), data.x.shape[1])
        assert np.isfinite(split.x[part]).all()
        if data.task == "multilabel":
            assert ((y.sum(0) > 0) & (y.sum(0) < len(y))).all()
        elif data.task != "regression":
            assert set(y) == set(range(len(data.class_names)))


# --- every head


@pytest.mark.parametrize("name", HEADS)
def test_head_explains_itself(name):
    head = HEADS[name]
    assert set(head.decision) == set(head.tasks)
    assert all(head.decision.values())
    assert head.link in ACTIVATIONS


# --- everything together


def test_every_registry_entry_is_among_the_combinations():
    every = [config for configs in STACKS.values() for config in configs]
    assert {(c.dataset, c.head, c.loss, c.model) for c in every} == {
        (dataset, head, loss, model)
        for dataset in DATASETS
        for head in heads_for(dataset)
        for loss in losses_for(dataset, head)
        for model in models_for(dataset)
    }
    assert {config.model for config in every} == set(MODELS)
    assert {config.head for config in every} == set(HEADS)
    assert {config.loss for config in every} == set(LOSSES)
    assert {config.hidden for config in every} == set(HIDDEN)
    assert {resolved(c.head, c.activation, c.loss) for c in every} == set(ACTIVATIONS)


def name_of(config: RunConfig) -> str:
    return " ".join((config.dataset, config.head, config.activation, config.loss, config.model))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith(tuple(LARGE))) for name in STACKS]
)
def test_every_combination_trains_for_two_epochs_to_finite_scores(name: str):
    configs = STACKS[name]
    for config in configs:
        check(config)
        assert describe(config)
    first, *_, last = train(configs, CPU)
    data, split = load_dataset(configs[0].dataset), load_split(configs[0].dataset)
    assert last.index == configs[0].epochs
    columns = {"binary": 1, "regression": 1}.get(data.task, len(data.class_names))
    for run, config in enumerate(configs):
        assert last.finite[run], name_of(config)
        assert np.isfinite(last.validation_loss[run]), name_of(config)
        for part, scores in (("validation", last.validation[run]), ("test", last.test[run])):
            assert scores.shape == (len(split.y[part]), columns)
            assert scores.dtype == np.float32
            if data.task != "regression":
                assert ((scores >= 0) & (scores <= 1)).all(), name_of(config)
        # With a gate, a band or a batch the mean may rise while it learns.
        jumps = config.loss in ("gated_bce", "band_mse") or LOSSES[config.loss].of == "batch"
        if config.activation == "auto" and not jumps and not LOSSES[config.loss].mistake:
            assert last.train_loss[run] < first.train_loss[run], name_of(config)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("dataset", "head", "loss"), [("digit", "sigmoid", "bce"), ("digits", "softmax", "cross_entropy")]
)
def test_every_optimizer_learns_to_rank(dataset, head, loss, optimizer):
    *_, last = train([config_of(dataset, head, loss, optimizer=optimizer, lr=RATES[optimizer])], CPU)
    y = load_split(dataset).y["test"]
    if head == "sigmoid":
        assert roc_auc_score(y, last.test[0][:, 0]) > 0.7
    else:
        assert (last.test[0].argmax(1) == y).mean() > 0.5


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_batch_norm_and_convolutions_learn_ten_digits(model):
    config = config_of("digits", "softmax", "cross_entropy", model=model, widths=(16,), batch_norm=True, epochs=5)
    *_, last = train([config], CPU)
    assert (last.test[0].argmax(1) == load_split("digits").y["test"]).mean() > 0.85


def test_regression_learns_the_line():
    config = config_of("line", "identity", "huber", epochs=40, dataset_params={"outliers": 0.0})
    *_, last = train([config], CPU)
    y = load_split("line", config.dataset_params).y["test"]
    assert np.corrcoef(last.test[0][:, 0], y)[0, 1] > 0.9
