"""Models in stacked form: R networks of one shape as one set of tensors, with a leading dimension R.

The backward pass is written by hand, because building an autograd graph costs more than these small products. The
engine takes the gradient of the loss by the logits, so any loss fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ModelSpec:
    """`widths` are the default hidden widths, which `widths_label` names; an empty tuple is a linear model and stays
    one. `takes_images`: the hidden layers are convolutions, and the data has to be images."""

    label: str
    widths: tuple[int, ...]
    about: str
    widths_label: str = "Hidden layers"
    takes_images: bool = False

    @property
    def normalises(self) -> bool:
        """Whether batch norm can be put behind its hidden layers."""
        return bool(self.widths)


MODELS: dict[str, ModelSpec] = {
    "linear": ModelSpec("Linear", (), "Logistic regression: no hidden layer."),
    "mlp": ModelSpec("MLP", (64, 64), "Fully connected layers with ReLU."),
    "cnn": ModelSpec(
        "CNN",
        (8, 16),
        "Convolutions of 3 x 3 pixels with stride 2 and ReLU, then one linear layer.",
        widths_label="Channels",
        takes_images=True,
    ),
}
KERNEL = {"kernel_size": 3, "stride": 2, "padding": 1}
MOMENTUM, EPSILON = 0.1, 1e-5  # of batch norm, torch's defaults


class Stage(NamedTuple):
    """A hidden layer: its weights are (fan_in, fan_out), applied at each of so many positions of a row."""

    fan_in: int
    fan_out: int
    positions: int


@dataclass(frozen=True)
class Shape:
    """What all networks of a stack share: input features, hidden widths, and whether batch norm follows each of them.

    With `image`, a height and a width, the hidden layers are convolutions and the widths their channels.
    """

    features: int
    widths: tuple[int, ...] = ()
    image: tuple[int, int] | None = None
    batch_norm: bool = False

    def stages(self) -> list[Stage]:
        """The hidden layers, first layer first."""
        if self.image is None:
            return [Stage(i, o, 1) for i, o in zip([self.features, *self.widths], self.widths, strict=False)]
        sizes, channels = self.image_sizes(), [1, *self.widths]
        return [Stage(9 * i, o, h * w) for (i, o), (h, w) in zip(pairwise(channels), sizes[1:], strict=True)]

    def image_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the images that enter each convolution, and of what leaves the last."""
        assert self.image is not None
        sizes = [self.image]
        for _ in self.widths:
            height, width = sizes[-1]
            sizes.append(((height + 1) // 2, (width + 1) // 2))
        return sizes

    @property
    def last_inputs(self) -> int:
        """Inputs of the last layer."""
        stages = self.stages()
        return stages[-1].fan_out * stages[-1].positions if stages else self.features

    def count_weights(self, outputs: int) -> int:
        """Weights and biases of one network."""
        hidden = sum((s.fan_in + 1) * s.fan_out + 2 * s.fan_out * self.batch_norm for s in self.stages())
        return hidden + (self.last_inputs + 1) * outputs

    def row_work(self, outputs: int) -> int:
        """Multiplications for one row's logits."""
        return sum(s.fan_in * s.fan_out * s.positions for s in self.stages()) + self.last_inputs * outputs

    def row_floats(self) -> int:
        """Numbers that one row holds in memory on its way through one network."""
        return self.features + sum(
            (s.fan_in * (self.image is not None) + s.fan_out) * s.positions for s in self.stages()
        )

    def smallest_batch(self) -> int:
        """Rows that a batch needs: batch norm has to see two values of everything."""
        return 2 if self.batch_norm and min(s.positions for s in self.stages()) == 1 else 1


def shape_of(
    model: str, features: int, image: tuple[int, int] | None, widths: Sequence[int], batch_norm: bool
) -> Shape:
    """The networks of this model for rows of so many features, which are images of this size or none."""
    return Shape(features, tuple(widths), image if MODELS[model].takes_images else None, batch_norm)


class StackedNet:
    """R ReLU networks that share their shape up to the width of their last layer.

    `outputs` (R,) must be sorted so that runs of equal output width are neighbours: each width is one block of the
    last layer. All weights lie in one flat buffer `parameters` (P,), all gradients in `gradient` (P,), layer by
    layer, so an optimizer is a few operations on two vectors.

    Weights start as in torch.nn.Linear and torch.nn.Conv2d, uniform in +-1/sqrt(fan_in), drawn from one generator a
    run, first layer first. Runs with the same seed therefore share their hidden layers even if their heads differ.
    """

    def __init__(self, shape: Shape, outputs: Sequence[int], seeds: Sequence[int], device: torch.device) -> None:
        runs = len(outputs)
        everything = slice(0, runs)
        self.shape = shape
        stages, blocks = shape.stages(), _blocks(outputs)
        size = runs * shape.count_weights(0) + (shape.last_inputs + 1) * sum(outputs)
        self.parameters = torch.empty(size, device=device)
        self.gradient = torch.empty(size, device=device)
        self.owner = torch.empty(size, dtype=torch.long, device=device)  # which run each parameter belongs to
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.hidden: list[_Layer] = []
        self.norms: list[_Norm] = []
        self.last: list[_Layer] = []
        start = 0
        for stage in stages:
            self.hidden.append(_Layer(self, start, everything, stage.fan_in, stage.fan_out))
            start += self._begin(self.hidden[-1], start, generators)
            if shape.batch_norm:
                self.norms.append(_Norm(self, start, runs, stage.fan_out))
                start += self.norms[-1].size
        for block in blocks:
            self.last.append(_Layer(self, start, block, shape.last_inputs, outputs[block.start]))
            start += self._begin(self.last[-1], start, generators)
        self._images = shape.image_sizes() if shape.image and stages else []
        self._inputs: list[Tensor] = []
        self._active: list[Tensor] = []

    def _begin(self, layer: _Layer, start: int, generators: Sequence[torch.Generator]) -> int:
        """Draw a layer's first weights; returns its size."""
        rows = range(layer.rows.start, layer.rows.stop)
        _, fan_in, fan_out = layer.weight.shape
        drawn = torch.stack([_linear(generators[r], fan_in, fan_out) for r in rows])
        layer.weight.copy_(drawn[:, :-1])
        layer.bias.copy_(drawn[:, -1:])
        ids = torch.arange(rows.start, rows.stop, device=self.owner.device)
        middle = start + layer.weight.numel()
        self.owner[start:middle] = ids.repeat_interleave(fan_in * fan_out)
        self.owner[middle : start + layer.size] = ids.repeat_interleave(fan_out)
        return layer.size

    def forward(self, x: Tensor, training: bool = True) -> list[Tensor]:
        """x (R, B, F) -> logits (runs of the block, B, K), one tensor a block of equal output width.

        In training batch norm uses the batch's own mean and variance and remembers them, else what it remembers.
        """
        self._inputs, self._active = [], []
        for depth, layer in enumerate(self.hidden):
            if self._images:
                x = self._unfolded(x, depth)  # (R, B positions, fan_in)
            self._inputs.append(x)
            x = torch.baddbmm(layer.bias, x, layer.weight)
            if self.norms:
                x = self.norms[depth].forward(x, training)
            x.relu_()
            self._active.append(x)
            if self._images:
                x = self._channels_first(x, depth)
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
            if self._images:
                below = self._positions_first(below, depth)
            below = torch.ops.aten.threshold_backward(below, self._active[depth], 0)  # relu's own gradient
            if self.norms:
                below = self.norms[depth].backward(below)
            layer = self.hidden[depth]
            layer.accumulate(self._inputs[depth], below)
            if depth:
                below = torch.bmm(below, layer.weight.transpose(1, 2))
                if self._images:
                    below = self._folded(below, depth)

    def _unfolded(self, x: Tensor, depth: int) -> Tensor:
        """Images (R, B, C H W) -> the patches under each position of the kernel, (R, B positions, 9 C).

        A convolution is so a linear layer of patches, and shares its buffers and its backward pass.
        """
        runs, rows, _ = x.shape
        patches = F.unfold(x.reshape(runs * rows, -1, *self._images[depth]), **KERNEL)
        return patches.transpose(1, 2).reshape(runs, -1, patches.shape[1])

    def _folded(self, patches: Tensor, depth: int) -> Tensor:
        """The gradient by patches (R, B positions, 9 C), summed to one by images (R, B, C H W)."""
        runs, _, size = patches.shape
        rows_first = patches.view(-1, math.prod(self._images[depth + 1]), size).transpose(1, 2)
        return F.fold(rows_first, self._images[depth], **KERNEL).view(runs, len(rows_first) // runs, -1)

    def _channels_first(self, x: Tensor, depth: int) -> Tensor:
        """(R, B positions, C) -> (R, B, C positions)."""
        positions = math.prod(self._images[depth + 1])
        return x.view(len(x), -1, positions, x.shape[-1]).transpose(2, 3).flatten(2)

    def _positions_first(self, x: Tensor, depth: int) -> Tensor:
        """(R, B, C positions) -> (R, B positions, C)."""
        positions = math.prod(self._images[depth + 1])
        return x.view(*x.shape[:2], -1, positions).transpose(2, 3).flatten(1, 2)


class _Norm:
    """Batch norm (Ioffe and Szegedy, 2015) of R runs: views of weight and bias (R, 1, C) in the flat buffers, and the
    mean and variance (R, 1, C) that evaluation uses. As torch.nn.BatchNorm1d, and over all positions BatchNorm2d."""

    def __init__(self, net: StackedNet, start: int, runs: int, channels: int) -> None:
        self.size = 2 * runs * channels
        self.weight, self.bias = _views(net.parameters, start, runs, 1, channels)
        self._weight_gradient, self._bias_gradient = _views(net.gradient, start, runs, 1, channels)
        self.weight.fill_(1)
        self.bias.fill_(0)
        ids = torch.arange(runs, device=net.owner.device).repeat_interleave(channels)
        net.owner[start : start + self.size] = ids.repeat(2)
        self.mean = torch.zeros_like(self.bias)
        self.variance = torch.ones_like(self.weight)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """x (R, N, C) -> the same shape, normalised over N."""
        if not training:
            scale = self.weight * (self.variance + EPSILON).rsqrt()
            return torch.addcmul(self.bias - self.mean * scale, x, scale)
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        rows = x.shape[1]
        self.mean.lerp_(mean, MOMENTUM)
        self.variance.lerp_(variance * (rows / (rows - 1)), MOMENTUM)  # unbiased, as torch keeps it
        self._deviation = (variance + EPSILON).rsqrt()
        self._normal = (x - mean) * self._deviation
        return torch.addcmul(self.bias, self._normal, self.weight)

    def backward(self, gradient: Tensor) -> Tensor:
        """From the gradient by the outputs (R, N, C) to that by the inputs; fills those of weight and bias."""
        torch.sum(gradient, 1, keepdim=True, out=self._bias_gradient)
        torch.sum(gradient * self._normal, 1, keepdim=True, out=self._weight_gradient)
        centred = gradient - (self._bias_gradient + self._normal * self._weight_gradient) / gradient.shape[1]
        return centred.mul_(self.weight * self._deviation)


class _Layer:
    """One layer of the runs `rows`: views into the flat buffers, weight (R, in, out) and bias (R, 1, out)."""

    def __init__(self, net: StackedNet, start: int, rows: slice, fan_in: int, fan_out: int) -> None:
        runs = rows.stop - rows.start
        weights = runs * fan_in * fan_out
        self.rows = rows
        self.size = weights + runs * fan_out
        self.weight, self.bias = _views(net.parameters, start, runs, fan_in, fan_out)
        self._weight_gradient, self._bias_gradient = _views(net.gradient, start, runs, fan_in, fan_out)

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
