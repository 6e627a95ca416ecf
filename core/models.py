"""Models in stacked form: R networks of one shape as one set of tensors, with a leading dimension R.

The backward pass is written by hand, because building an autograd graph costs more than these small products. The
engine takes the gradient of the loss by the logits, so any loss fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class ModelSpec:
    """`widths` are the default hidden widths; an empty tuple is a linear model and stays one."""

    label: str
    widths: tuple[int, ...]
    about: str


MODELS: dict[str, ModelSpec] = {
    "linear": ModelSpec("Linear", (), "Logistic regression: no hidden layer."),
    "mlp": ModelSpec("MLP", (64, 64), "Fully connected layers with ReLU."),
}


def count_weights(features: int, widths: Sequence[int], outputs: int) -> int:
    """Weights and biases of one fully connected network."""
    sizes = [features, *widths, outputs]
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))


class StackedMLP:
    """R fully connected ReLU networks that share their hidden widths and differ in their last layer's width.

    `outputs` (R,) must be sorted so that runs of equal output width are neighbours: each width is one block of the
    last layer. All weights lie in one flat buffer `parameters` (P,), all gradients in `gradient` (P,), layer by
    layer, so an optimizer is a few operations on two vectors.

    Weights start as in torch.nn.Linear, uniform in +-1/sqrt(fan_in), drawn from one generator a run, first layer
    first. Runs with the same seed therefore share their hidden layers even if their heads differ.
    """

    def __init__(
        self,
        features: int,
        widths: Sequence[int],
        outputs: Sequence[int],
        seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        runs = len(outputs)
        everything = slice(0, runs)
        shapes = [(everything, i, o) for i, o in zip([features, *widths], widths, strict=False)]
        shapes += [(block, [features, *widths][-1], outputs[block.start]) for block in _blocks(outputs)]
        size = sum((s.stop - s.start) * (i + 1) * o for s, i, o in shapes)
        self.parameters = torch.empty(size, device=device)
        self.gradient = torch.empty(size, device=device)
        self.owner = torch.empty(size, dtype=torch.long, device=device)  # which run each parameter belongs to
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.layers: list[_Layer] = []
        start = 0
        for rows, fan_in, fan_out in shapes:
            layer = _Layer(self.parameters, self.gradient, start, rows, fan_in, fan_out)
            drawn = torch.stack([_linear(generators[r], fan_in, fan_out) for r in range(rows.start, rows.stop)])
            layer.weight.copy_(drawn[:, :-1])
            layer.bias.copy_(drawn[:, -1:])
            ids = torch.arange(rows.start, rows.stop, device=device)
            self.owner[start : start + layer.weight.numel()] = ids.repeat_interleave(fan_in * fan_out)
            self.owner[start + layer.weight.numel() : start + layer.size] = ids.repeat_interleave(fan_out)
            self.layers.append(layer)
            start += layer.size
        self.hidden, self.last = self.layers[: len(widths)], self.layers[len(widths) :]
        self._inputs: list[Tensor] = []

    def forward(self, x: Tensor) -> list[Tensor]:
        """x (R, B, F) -> logits (runs of the block, B, K), one tensor a block of equal output width."""
        self._inputs = [x]
        for layer in self.hidden:
            x = torch.baddbmm(layer.bias, x, layer.weight).relu_()  # (R, B, width)
            self._inputs.append(x)
        return [torch.baddbmm(layer.bias, x[layer.rows], layer.weight) for layer in self.last]

    def backward(self, gradients: Sequence[Tensor]) -> None:
        """Fill `gradient` from the loss's gradient by each block's logits, for the rows of the last `forward`."""
        x = self._inputs[-1]
        below = x.new_empty(x.shape) if self.hidden else None
        for layer, gradient in zip(self.last, gradients, strict=True):
            layer.accumulate(x[layer.rows], gradient)
            if below is not None:
                torch.bmm(gradient, layer.weight.transpose(1, 2), out=below[layer.rows])
        for depth in range(len(self.hidden) - 1, -1, -1):
            assert below is not None
            below = torch.ops.aten.threshold_backward(below, self._inputs[depth + 1], 0)  # relu's own gradient
            layer = self.hidden[depth]
            layer.accumulate(self._inputs[depth], below)
            if depth:
                below = torch.bmm(below, layer.weight.transpose(1, 2))


class _Layer:
    """One layer of the runs `rows`: views into the flat buffers, weight (R, in, out) and bias (R, 1, out)."""

    def __init__(
        self, parameters: Tensor, gradient: Tensor, start: int, rows: slice, fan_in: int, fan_out: int
    ) -> None:
        runs = rows.stop - rows.start
        weights = runs * fan_in * fan_out
        self.rows = rows
        self.size = weights + runs * fan_out
        self.weight, self.bias = _views(parameters, start, runs, fan_in, fan_out)
        self._weight_gradient, self._bias_gradient = _views(gradient, start, runs, fan_in, fan_out)

    def accumulate(self, x: Tensor, gradient: Tensor) -> None:
        """Write this layer's gradient from its inputs x (R, B, in) and the gradient by its outputs (R, B, out)."""
        torch.bmm(x.transpose(1, 2), gradient, out=self._weight_gradient)
        torch.sum(gradient, 1, keepdim=True, out=self._bias_gradient)


def _views(buffer: Tensor, start: int, runs: int, fan_in: int, fan_out: int) -> tuple[Tensor, Tensor]:
    middle = start + runs * fan_in * fan_out
    return buffer[start:middle].view(runs, fan_in, fan_out), buffer[middle : middle + runs * fan_out].view(
        runs, 1, fan_out
    )


def _linear(generator: torch.Generator, fan_in: int, fan_out: int) -> Tensor:
    """Weights and, as the last row, the bias of one layer: (in + 1, out), uniform in +-1/sqrt(in)."""
    return (torch.rand(fan_in + 1, fan_out, generator=generator) * 2 - 1) / fan_in**0.5


def _blocks(values: Sequence[int]) -> list[slice]:
    """The runs of equal neighbours in `values`."""
    starts = [i for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(values)], strict=True)]
