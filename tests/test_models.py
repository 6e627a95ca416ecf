"""The stacked network, its hand-written backward pass included, against torch.nn and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.models import MODELS, StackedMLP

CPU = torch.device("cpu")


def stack(features: int, widths: list[int], outputs: list[int], seeds: list[int] | None = None) -> StackedMLP:
    return StackedMLP(features, widths, outputs, seeds or list(range(len(outputs))), CPU)


def network(model: StackedMLP, run: int) -> nn.Sequential:
    """Run `run` of the stack as the torch network that it stands for."""
    layers = list(model.hidden)
    layers += [layer for layer in model.last if layer.rows.start <= run < layer.rows.stop]
    modules: list[nn.Module] = []
    for layer in layers:
        weight, bias = layer.weight[run - layer.rows.start], layer.bias[run - layer.rows.start, 0]
        linear = nn.Linear(*weight.shape)
        linear.load_state_dict({"weight": weight.T, "bias": bias})
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def rows_of(model: StackedMLP, logits: list[Tensor]) -> list[Tensor]:
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
    logits = model.forward(x)
    pull = [torch.randn(block.shape, generator=generator) for block in logits]
    model.backward(pull)
    gradient = model.gradient.clone()
    networks = [network(model, run) for run in range(len(outputs))]
    for run, (ours, by_us) in enumerate(zip(rows_of(model, logits), rows_of(model, pull), strict=True)):
        theirs = networks[run](x[run])
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        theirs.backward(by_us)
        expected = torch.cat([p.grad.T.flatten() if p.ndim == 2 else p.grad for p in networks[run].parameters()])
        torch.testing.assert_close(gradient[model.owner == run], expected, rtol=1e-4, atol=1e-5)


def test_relu_passes_no_gradient_at_exactly_zero_as_in_torch():
    model = stack(1, [1], [1])
    model.parameters.fill_(0)
    model.last[0].weight.fill_(1)
    model.forward(torch.ones(1, 1, 1))
    model.backward([torch.ones(1, 1, 1)])
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


@pytest.mark.parametrize("name", MODELS)
def test_default_widths_make_a_network_that_runs(name):
    model = stack(3, list(MODELS[name].widths), [1, 2])
    assert len(model.hidden) == len(MODELS[name].widths)
    assert [tuple(block.shape) for block in model.forward(torch.zeros(2, 5, 3))] == [(1, 5, 1), (1, 5, 2)]
