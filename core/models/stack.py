"""Models in stacked form: R networks of one shape as one set of tensors, with a leading dimension R.

The backward pass is written by hand, because building an autograd graph costs more than these small products. The
engine takes the gradient of the loss by the logits, so any loss fits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.models.layers import Buffers, Convolution, Linear, Norm
from core.models.shape import Shape

tanh_backward, relu_backward = torch.ops.aten.tanh_backward.default, torch.ops.aten.threshold_backward.default


class StackedNet:
    """R networks that share their shape up to the width of their last layer.

    `outputs` (R,) must be sorted so that runs of equal output width are neighbours: each width is one block of the
    last layer. All weights lie in one flat buffer `parameters` (P,), all gradients in `gradient` (P,), layer by
    layer; `owner` (P,) says which run each belongs to.

    Weights are drawn from one generator a run, first layer first. Runs with the same seed therefore share their hidden
    layers even if their heads differ.
    """

    def __init__(self, shape: Shape, outputs: Sequence[int], seeds: Sequence[int], device: torch.device) -> None:
        runs = len(outputs)
        everything = slice(0, runs)
        self.shape = shape
        buffers = Buffers(runs * shape.count_weights(0) + (shape.last_inputs + 1) * sum(outputs), device)
        self.parameters, self.gradient, self.owner = buffers.parameters, buffers.gradient, buffers.owner
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.hidden: list[Linear] = []
        self.norms: list[Norm] = []
        for depth, (fan_in, fan_out, _) in enumerate(shape.stages()):
            if shape.image:
                image = shape.image_sizes()[depth]
                self.hidden.append(Convolution(buffers, everything, fan_in, fan_out, generators, image))
            else:
                self.hidden.append(Linear(buffers, everything, fan_in, fan_out, generators))
            if shape.batch_norm:
                self.norms.append(Norm(buffers, runs, fan_out))
        self.last = [
            Linear(buffers, block, shape.last_inputs, outputs[block.start], generators) for block in _blocks(outputs)
        ]
        self._active: list[Tensor] = []

    def forward(self, x: Tensor, training: bool = True) -> list[Tensor]:
        """x (R, B, F) -> logits (runs of the block, B, K), one tensor a block of equal output width.

        In training batch norm uses the batch's own mean and variance and remembers them, else what it remembers.
        """
        self._active = []
        for depth, layer in enumerate(self.hidden):
            x = layer.forward(x)
            if self.norms:
                x = self.norms[depth].forward(x, training)
            self._active.append(x.tanh_() if self.shape.hidden == "tanh" else x.relu_())
            x = layer.by_row(x)
        self._last_inputs = x
        return [layer.forward(x if len(self.last) == 1 else x[layer.rows]) for layer in self.last]

    def backward(self, gradients: Sequence[Tensor]) -> None:
        """Fill `gradient` from the loss's gradient by each block's logits, for the rows of the last `forward`."""
        below = torch.empty_like(self._last_inputs) if self.hidden else None
        for last, gradient in zip(self.last, gradients, strict=True):
            last.accumulate(gradient)
            if below is not None:
                torch.bmm(gradient, last.turned, out=below if len(self.last) == 1 else below[last.rows])
        for depth in range(len(self.hidden) - 1, -1, -1):
            assert below is not None
            layer = self.hidden[depth]
            below = self._through(layer.by_position(below), self._active[depth])
            if self.norms:
                below = self.norms[depth].backward(below)
            layer.accumulate(below, normalised=bool(self.norms))
            if depth:
                below = layer.below(below)

    def _through(self, gradient: Tensor, active: Tensor) -> Tensor:
        """The gradient before the function between the layers, from that behind it and its values there."""
        return tanh_backward(gradient, active) if self.shape.hidden == "tanh" else relu_backward(gradient, active, 0)


def _blocks(values: Sequence[int]) -> list[slice]:
    """The runs of equal neighbours in `values`."""
    starts = [i for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(values)], strict=True)]
