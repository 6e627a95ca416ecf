"""What every entry of every registry owes, and every sensible combination of them trained for two epochs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.engine import train
from core.errors import CutoffError
from core.heads import HEADS
from core.losses import LOSSES, loss_tensors
from core.models import MODELS
from core.specs import Param
from core.wiring import OPTIMIZERS, check, describe, heads_for, losses_for

CPU = torch.device("cpu")
SPECS = {**{f"data {k}": v for k, v in DATASETS.items()}, **{f"loss {k}": v for k, v in LOSSES.items()}}
PARAMS = [pytest.param(param, id=f"{name} {param.name}") for name, spec in SPECS.items() for param in spec.params]
CLASSES = {"binary": 2, "multiclass": 5}
RATES = {"adam": 0.01, "sgd": 0.1}


# Every loss with every head that it understands, and the number of classes of each task that this head serves.
LOSSES_WITH_HEADS = [
    (loss, head, CLASSES[task]) for loss, spec in LOSSES.items() for head in spec.heads for task in HEADS[head].tasks
]


def combinations() -> list[RunConfig]:
    """Every data set, head and loss: the linear model with every optimizer, and an mlp (but on MNIST, the largest)."""
    found = []
    for dataset in DATASETS:
        for head in heads_for(dataset):
            for loss in losses_for(head):
                names = {"dataset": dataset, "head": head, "loss": loss, "epochs": 2}
                found += [make_config(**names, optimizer=optimizer, lr=lr) for optimizer, lr in RATES.items()]
                if dataset != "mnist_5k":
                    found.append(make_config(**names, model="mlp", widths=(16,), lr=RATES["adam"]))
    return found


# --- every parameter


@pytest.mark.parametrize("param", PARAMS)
def test_parameter_has_a_default_that_passes_its_own_check(param: Param):
    assert param.check(param.default) == param.default
    assert param.label
    assert param.help or param.options


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


# --- every data set


@pytest.mark.parametrize("name", DATASETS)
def test_data_set_has_finite_features_and_labels_from_0_to_c_minus_1(name):
    data = load_dataset(name)
    spec = DATASETS[name]
    assert (data.name, data.task) == (name, spec.task)
    assert (data.x.dtype, data.y.dtype) == (np.float32, np.int64)
    assert data.x.ndim == 2
    assert data.y.shape == (len(data.x),)
    assert np.isfinite(data.x).all()
    np.testing.assert_array_equal(np.unique(data.y), np.arange(len(data.class_names)))
    assert len(set(data.class_names)) == len(data.class_names)
    assert (data.task == "binary") == (len(data.class_names) == 2)
    assert spec.source
    assert spec.licence


@pytest.mark.parametrize("name", DATASETS)
def test_data_set_is_the_same_every_time_and_read_only(name):
    data = load_dataset(name)
    again = DATASETS[name].load(**{param.name: param.default for param in DATASETS[name].params})
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
        assert set(y) == set(range(len(data.class_names)))


# --- every head and loss


@pytest.mark.parametrize("name", HEADS)
def test_head_gives_one_probability_in_a_binary_task_and_one_a_class_otherwise(name):
    head = HEADS[name]
    for task in head.tasks:
        classes = CLASSES[task]
        logits = torch.randn(3, 7, head.outputs(classes), generator=torch.Generator().manual_seed(0)) * 5
        p = head.probabilities(logits)
        assert p.shape == (3, 7, 1 if task == "binary" else classes)
        assert ((p >= 0) & (p <= 1)).all()
    assert head.formula
    assert head.decision


@pytest.mark.parametrize(("loss", "head", "classes"), LOSSES_WITH_HEADS)
def test_loss_is_one_finite_number_a_row_and_its_gradient_is_that_of_autograd(loss, head, classes):
    spec, outputs = LOSSES[loss], HEADS[head].outputs(classes)
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(classes, (2, 9), generator=generator)
    params = loss_tensors(loss, [{}, {}], np.arange(1, classes + 1), CPU)
    for scale in (0.0, 1.0, 100.0):
        z = torch.randn(2, 9, outputs, generator=generator) * scale
        leaf = z.clone().requires_grad_()
        losses = spec.function(leaf, y, params)
        assert losses.shape == y.shape
        assert losses.isfinite().all()
        (by_autograd,) = torch.autograd.grad(losses.sum(), leaf)
        assert by_autograd.isfinite().all()
        assert by_autograd.abs().sum() > 0
        if spec.gradient is not None:
            torch.testing.assert_close(spec.gradient(z, y, params), by_autograd, rtol=1e-4, atol=1e-6)
        if spec.mean_over is not None:
            assert spec.mean_over(y, params).shape == y.shape


@pytest.mark.parametrize(("loss", "head", "classes"), LOSSES_WITH_HEADS)
def test_loss_does_not_change_what_it_is_given(loss, head, classes):
    spec = LOSSES[loss]
    z, y = torch.randn(1, 5, HEADS[head].outputs(classes)), torch.randint(classes, (1, 5))
    params = loss_tensors(loss, [{}], np.ones(classes), CPU)
    kept = z.clone(), y.clone(), {name: value.clone() for name, value in params.items()}
    spec.function(z, y, params)
    if spec.gradient is not None:
        spec.gradient(z, y, params)
    assert torch.equal(z, kept[0])
    assert torch.equal(y, kept[1])
    assert all(torch.equal(value, kept[2][name]) for name, value in params.items())


@pytest.mark.parametrize("name", LOSSES)
def test_loss_names_heads_that_exist_its_formula_and_its_source(name):
    spec = LOSSES[name]
    assert set(spec.heads) <= set(HEADS)
    assert spec.formula
    assert "(20" in spec.reference or "(19" in spec.reference


@pytest.mark.parametrize(("loss", "head", "classes"), LOSSES_WITH_HEADS)
def test_remark_on_the_defaults_is_a_sentence(loss, head, classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        remark = LOSSES[loss].remark({}, np.arange(5, 5 + classes))
    assert remark.endswith(".")


# --- everything together


def test_every_optimizer_and_model_is_among_the_combinations():
    assert {config.optimizer for config in combinations()} == set(OPTIMIZERS)
    assert {config.model for config in combinations()} == set(MODELS)


@pytest.mark.parametrize(
    "config", combinations(), ids=lambda c: f"{c.dataset} {c.head} {c.loss} {c.model} {c.optimizer}"
)
def test_combination_trains_with_a_falling_loss_and_scores_that_rank(config: RunConfig):
    check(config)
    assert describe(config)
    first, *_, last = train([config], CPU)
    assert last.index == config.epochs
    assert last.finite.all()
    assert last.train_loss[0] < first.train_loss[0]
    assert np.isfinite(last.validation_loss).all()
    data, split = load_dataset(config.dataset), load_split(config.dataset)
    columns = 1 if data.task == "binary" else len(data.class_names)
    for part, scores in (("validation", last.validation[0]), ("test", last.test[0])):
        assert scores.shape == (len(split.y[part]), columns)
        assert scores.dtype == np.float32
        assert ((scores >= 0) & (scores <= 1)).all()
    if data.task == "binary":
        assert roc_auc_score(split.y["test"], last.test[0][:, 0]) > 0.7
    else:
        assert (last.test[0].argmax(1) == split.y["test"]).mean() > 0.5
