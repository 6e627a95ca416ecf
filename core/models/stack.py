"""Models in stacked form: R networks of one shape as one set of tensors with a leading dimension R.

The backward pass is hand-written, because building an autograd graph takes longer than these small products. It starts
from the gradient of the loss with respect to the logits, so it works with any loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.layers import Buffers, Convolution, Linear, Norm, Operations
from core.models.shape import Shape

Function = Callable[..., object]
HIDDEN: dict[str, tuple[Function, Function]] = {  # f(z, out=), and its backward pass
    "relu": (partial(torch.clamp_min, min=0), partial(torch.ops.aten.threshold_backward.grad_input, threshold=0)),
    "tanh": (torch.tanh, torch.ops.aten.tanh_backward.grad_input),
}


class StackedNet:
    """R networks that share their shape up to the width of their last layer.

    All weights are in one flat buffer `parameters` (P,), all gradients in `gradient` (P,), layer by layer; `owner` (P,)
    is the index of the run that each belongs to.

    Weights are drawn from one generator per run, from the first layer to the last. So runs with the same seed start
    with the same hidden layers even if their heads differ.

    Parameters
    ----------
    shape : the common shape.
    outputs : number of outputs of each run (R,). Equal numbers must be adjacent: each is one block of the last layer.
    seeds : seed of each run (R,).
    device : device of all tensors.
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


class _Hidden(NamedTuple):
    """The tensors of a hidden layer: its inputs, its outputs, these after batch norm (if any), and these after the
    activation."""

    inputs: Tensor
    outputs: Tensor
    normal: Tensor
    active: Tensor


class Passes:
    """The forward pass of a stack on N rows, and in training the backward pass.

    Both are lists of operations on preallocated tensors, run again at each step. `logits` has one tensor
    (R_b, N, K_b) for each block of R_b runs with K_b outputs.

    Parameters
    ----------
    net : the networks.
    x : inputs (R, F + 1, N), the transposed result of `with_ones`; their values may change between steps.
    training : whether batch norm uses the mean and variance of the batch and updates its running estimates, and
        whether there is a backward pass. Otherwise batch norm uses its running estimates.
    """

    def __init__(self, net: StackedNet, x: Tensor, training: bool = True) -> None:
        self._forward: Operations = []
        self._backward: Operations = []
        function, derivative = HIDDEN[net.shape.hidden]
        hidden: list[_Hidden] = []
        for depth, layer in enumerate(net.hidden):
            inputs = layer.inputs(x, self._forward)
            outputs = normal = layer.forward(inputs, self._forward)
            if net.norms:
                normal = net.norms[depth].forward(outputs, training, self._forward)
            x = x.new_empty(len(x), normal[0].numel() // x.shape[2] + 1, x.shape[2])
            x[:, -1] = 1
            active = x[:, :-1]
            self._forward.append(partial(function, normal.view(active.shape), out=active))
            hidden.append(_Hidden(inputs, outputs, normal, active))
        logits = [last.forward(x[last.rows], self._forward) for last in net.last]
        self.logits = [block.mT for block in logits]
        if not training:
            return
        for last, gradient in zip(net.last, logits, strict=True):
            last.accumulate(x[last.rows], gradient, self._backward)
        if not hidden:
            return
        below = torch.empty_like(hidden[-1].active)
        for last, gradient in zip(net.last, logits, strict=True):
            last.below(gradient, below[last.rows], self._backward)
        for depth in reversed(range(len(hidden))):
            inputs, outputs, normal, active = hidden[depth]
            self._backward.append(partial(derivative, below, active, grad_input=normal.view(active.shape)))
            gradient = normal  # overwritten: its values are no longer needed
            if net.norms:
                gradient = net.norms[depth].backward(outputs, gradient, self._backward)
            net.hidden[depth].accumulate(inputs, gradient, self._backward, normalised=bool(net.norms))
            if depth:
                below = torch.empty_like(hidden[depth - 1].active)
                net.hidden[depth].below(gradient, below, self._backward)

    def forward(self) -> None:
        """Compute the logits."""
        for operation in self._forward:
            operation()

    def backward(self) -> None:
        """Fill the stack's gradient. `logits` must hold the gradient of the loss with respect to the logits."""
        for operation in self._backward:
            operation()


def with_ones(x: Tensor) -> Tensor:
    """Append a feature of ones to rows (..., F), giving (..., F + 1)."""
    return F.pad(x, (0, 1), value=1.0)


def _blocks(values: Sequence[int]) -> list[slice]:
    """Slices of equal adjacent values."""
    starts = [i for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(values)], strict=True)]
