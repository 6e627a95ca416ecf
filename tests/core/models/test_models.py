"""The stacked network, its hand-written backward pass included, against torch.nn and autograd."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.experiment.compatibility import shape_of
from core.experiment.config import make_config
from core.models import MODELS, Passes, Shape, StackedNet, with_ones
from tests.support.networks import flat, network

CPU = torch.device("cpu")


def stack(
    features: int,
    widths: list[int],
    outputs: list[int],
    seeds: list[int] | None = None,
    image: tuple[int, int] | None = None,
    batch_norm: bool = False,
) -> StackedNet:
    shape = Shape(features, tuple(widths), image, batch_norm)
    return StackedNet(shape, outputs, seeds or list(range(len(outputs))), CPU)


def passes(model: StackedNet, x: Tensor, training: bool = True) -> Passes:
    """The passes on rows (R, B, F), with the forward pass done."""
    ones = with_ones(x[:1]).expand(len(x), -1, -1) if x.stride(0) == 0 else with_ones(x)
    found = Passes(model, ones.mT, training)
    found.forward()
    return found


def back(on: Passes, gradients: list[Tensor]) -> None:
    """Do the backward pass from these gradients by the logits."""
    for logits, gradient in zip(on.logits, gradients, strict=True):
        logits.copy_(gradient)
    on.backward()


def rows_of(model: StackedNet, logits: list[Tensor]) -> list[Tensor]:
    """The logits of each run, (B, K) each."""
    assert [len(block) for block in logits] == [layer.rows.stop - layer.rows.start for layer in model.last]
    return [run for block in logits for run in block]


@settings(deadline=None, max_examples=25)
@given(
    features=st.integers(1, 6),
    widths=st.lists(st.integers(1, 5), max_size=3),
    outputs=st.lists(st.integers(1, 3), min_size=1, max_size=5).map(sorted),
    batch=st.integers(1, 4),
)
def test_forward_and_backward_equal_torch_networks_under_autograd(features, widths, outputs, batch):
    model = stack(features, widths, outputs)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(len(outputs), batch, features, generator=generator)
    on = passes(model, x)
    logits = [block.clone() for block in on.logits]
    pull = [torch.randn(block.shape, generator=generator) for block in logits]
    back(on, pull)
    gradient = model.gradient.clone()
    networks = [network(model, run) for run in range(len(outputs))]
    for run, (ours, by_us) in enumerate(zip(rows_of(model, logits), rows_of(model, pull), strict=True)):
        theirs = networks[run](x[run])
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        theirs.backward(by_us)
        expected = flat(networks[run], gradients=True)
        torch.testing.assert_close(gradient[model.owner == run], expected, rtol=1e-4, atol=1e-5)


def test_relu_passes_no_gradient_at_exactly_zero_as_in_torch():
    model = stack(1, [1], [1])
    model.parameters.fill_(0)
    model.last[0].weight.fill_(1)
    back(passes(model, torch.ones(1, 1, 1)), [torch.ones(1, 1, 1)])
    assert model.gradient.tolist() == [0, 0, 0, 1]  # hidden weight and bias, last weight and bias


def test_weights_start_uniform_within_one_over_root_fan_in_as_in_torch():
    model = stack(100, [50], [1, 3])
    bounds = [(model.hidden[0], 100), *((layer, 50) for layer in model.last)]
    for layer, fan_in in bounds:
        drawn = torch.cat([layer.weight.flatten(), layer.bias.flatten()]) * fan_in**0.5
        assert drawn.abs().max() <= 1
    drawn = model.hidden[0].weight.flatten() * 10
    assert drawn.mean().item() == pytest.approx(0, abs=0.03)
    assert drawn.var().item() == pytest.approx(1 / 3, abs=0.02)
    torch.manual_seed(0)
    assert nn.Linear(100, 5000).weight.var().item() * 100 == pytest.approx(1 / 3, abs=0.02)


def test_runs_of_one_seed_share_hidden_weights_whatever_their_outputs():
    model = stack(5, [4, 3], [1, 1, 2, 3], seeds=[7, 8, 7, 7])
    for layer in model.hidden:
        for other in (2, 3):
            torch.testing.assert_close(layer.weight[0], layer.weight[other], rtol=0, atol=0)
            torch.testing.assert_close(layer.bias[0], layer.bias[other], rtol=0, atol=0)
        assert not torch.equal(layer.weight[0], layer.weight[1])


def test_run_starts_with_the_same_weights_alone_and_in_a_stack():
    together, alone = stack(5, [4], [1, 2, 2], seeds=[1, 2, 3]), stack(5, [4], [2], seeds=[3])
    torch.testing.assert_close(together.parameters[together.owner == 2], alone.parameters, rtol=0, atol=0)


def test_owner_gives_each_run_the_parameters_of_its_own_network():
    model = stack(5, [4], [1, 1, 3])
    hidden = (5 + 1) * 4
    np.testing.assert_array_equal(torch.bincount(model.owner), [hidden + 5, hidden + 5, hidden + 3 * 5])
    assert len(model.parameters) == len(model.gradient) == len(model.owner)


def test_layers_are_views_that_tile_the_flat_buffer():
    model = stack(3, [2], [1, 2])
    before = model.parameters.clone()
    for layer in (*model.hidden, *model.last):
        layer.weight.add_(1)
        layer.bias.add_(1)
    torch.testing.assert_close(model.parameters, before + 1)


SHAPES = [
    {"features": 5, "widths": [6, 4], "batch_norm": True},
    {"features": 63, "widths": [3], "image": (7, 9)},
    {"features": 64, "widths": [3, 4], "image": (8, 8)},
    {"features": 35, "widths": [2, 3, 4], "image": (7, 5)},
    {"features": 64, "widths": [3, 4], "image": (8, 8), "batch_norm": True},
]
NAMES = [
    "mlp with batch norm",
    "one convolution",
    "two convolutions",
    "three of odd sizes",
    "convolutions with batch norm",
]


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def tolerance(request) -> Iterator[dict[str, float]]:
    """How closely two ways to compute the same agree, in each precision, which is the default one meanwhile."""
    torch.set_default_dtype(request.param)
    yield {torch.float32: {"rtol": 1e-4, "atol": 5e-5}, torch.float64: {"rtol": 1e-10, "atol": 1e-11}}[request.param]
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_convolutions_and_batch_norm_train_as_torch_networks_do(shape, tolerance):
    model = stack(outputs=[1, 1, 3], **shape)
    generator = torch.Generator().manual_seed(3)
    networks = [network(model, run) for run in range(3)]
    descents = [torch.optim.SGD(net.parameters(), lr=0.1) for net in networks]
    for _ in range(5):
        x = torch.randn(3, 7, shape["features"], generator=generator)
        on = passes(model, x)
        logits = [block.clone() for block in on.logits]
        pull = [torch.randn(block.shape, generator=generator) for block in logits]
        back(on, pull)
        for run, (ours, by_us) in enumerate(zip(rows_of(model, logits), rows_of(model, pull), strict=True)):
            theirs = networks[run](x[run])
            torch.testing.assert_close(ours, theirs, **tolerance)
            descents[run].zero_grad()
            theirs.backward(by_us)
            expected = flat(networks[run], gradients=True)
            torch.testing.assert_close(model.gradient[model.owner == run], expected, **tolerance)
            descents[run].step()
        model.parameters.sub_(model.gradient, alpha=0.1)
    unseen = torch.randn(3, 1, shape["features"], generator=generator)  # one row: the batch's own mean would not do
    for run, ours in enumerate(rows_of(model, passes(model, unseen, training=False).logits)):
        torch.testing.assert_close(ours, networks[run].eval()(unseen[run]), **tolerance)
    for depth, norm in enumerate(model.norms):
        for run, net in enumerate(networks):
            theirs = [module for module in net if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)][depth]
            torch.testing.assert_close(norm.mean[run], theirs.running_mean, **tolerance)
            torch.testing.assert_close(norm.variance[run], theirs.running_var, **tolerance)


@pytest.mark.parametrize("shared", [True, False], ids=["one batch for all", "own batches"])
@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_run_in_a_stack_equals_the_run_alone_after_many_steps_of_adam(shape, shared):
    # Adam makes whole steps of rounding errors where batch norm leaves no gradient: so nothing may round differently.
    outputs, seeds = [1, 1, 3, 3], [5, 6, 5, 7]
    together = stack(outputs=outputs, seeds=seeds, **shape)
    alone = [stack(outputs=[k], seeds=[seed], **shape) for k, seed in zip(outputs, seeds, strict=True)]
    models = [together, *alone]
    descents = [torch.optim.Adam([model.parameters], lr=0.01) for model in models]
    generator = torch.Generator().manual_seed(4)
    for _ in range(50):
        x = torch.randn(1 if shared else 4, 16, shape["features"], generator=generator).expand(4, -1, -1)
        for model, descent, rows in zip(models, descents, [x, *x.split(1)], strict=True):
            on = passes(model, rows)
            back(on, [logits - 1 for logits in on.logits])  # half the squared distance to 1
            model.parameters.grad = model.gradient
            descent.step()
    for run, one in enumerate(alone):
        assert (together.parameters[together.owner == run] - one.parameters).abs().max() <= 1e-6
        for norm, single in zip(together.norms, one.norms, strict=True):
            assert (norm.mean[run] - single.mean[0]).abs().max() <= 1e-6
            assert (norm.variance[run] - single.variance[0]).abs().max() <= 1e-6
    before = stack(outputs=outputs, seeds=seeds, **shape).parameters
    assert (together.parameters - before).abs().max() > 1e-3


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_one_batch_for_all_runs_gives_what_copies_of_it_give(shape):
    model = stack(outputs=[1, 2, 2], **shape)
    x = torch.randn(1, 6, shape["features"], generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    results = []
    for rows in (x, x.contiguous()):
        on = passes(model, rows)
        on.backward()
        results.append([*on.logits, model.gradient.clone()])
    for expanded, copied in zip(*results, strict=True):
        torch.testing.assert_close(expanded, copied, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_evaluation_changes_nothing_and_sees_each_row_alone(shape):
    model = stack(outputs=[1, 2], **shape)
    x = torch.randn(2, 6, shape["features"], generator=torch.Generator().manual_seed(0))
    passes(model, x)
    kept = [(norm.mean.clone(), norm.variance.clone()) for norm in model.norms]
    whole = passes(model, x, training=False).logits
    pieces = [passes(model, piece, training=False).logits for piece in x.split(2, 1)]
    for block, *parts in zip(whole, *pieces, strict=True):
        torch.testing.assert_close(torch.cat(parts, 1), block, rtol=1e-5, atol=1e-6)
    for norm, (mean, variance) in zip(model.norms, kept, strict=True):
        assert torch.equal(norm.mean, mean)
        assert torch.equal(norm.variance, variance)


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_weights_work_and_smallest_batch_are_those_of_the_torch_network(shape):
    model = stack(outputs=[3], **shape)
    net = network(model, 0)
    assert model.shape.count_weights(3) == sum(p.numel() for p in net.parameters()) == len(model.parameters)
    work: list[int] = []
    for module in net:
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.register_forward_hook(
                lambda m, _, y: work.append(m.weight.numel() * y[0].numel() // m.weight.shape[0])
            )
    net.eval()(torch.zeros(1, shape["features"]))
    assert model.shape.row_work(3) == sum(work)
    rows = torch.randn(model.shape.smallest_batch(), shape["features"])
    net.train()(rows)
    if len(rows) > 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
            net(rows[:1])


def test_row_holds_its_features_and_what_every_layer_makes_of_it():
    assert Shape(5, (6, 4)).row_floats() == 5 + 6 + 4
    assert Shape(64, (3,), (8, 8)).row_floats() == 64 + 16 * (9 + 3)


@pytest.mark.parametrize("name", MODELS)
def test_default_widths_make_a_network_that_runs(name):
    config = make_config(model=name, widths=MODELS[name].widths, batch_norm=bool(MODELS[name].widths))
    shape = shape_of(config, 64, (8, 8))
    model = StackedNet(shape, [1, 2], [0, 1], CPU)
    assert (shape.image is not None) == MODELS[name].takes_images
    assert len(model.hidden) == len(MODELS[name].widths)
    assert [tuple(block.shape) for block in passes(model, torch.zeros(2, 5, 64)).logits] == [(1, 5, 1), (1, 5, 2)]
