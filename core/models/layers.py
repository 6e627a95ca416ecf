"""Layers of R networks at once, with hand-written backward passes and their weights in shared flat buffers.

A layer's methods don't compute anything: they append operations on preallocated tensors to a list, which is then run at
every step. For small networks, allocating and setting up would take longer than the computation.

The rows of a batch are the innermost dimension. Inputs are (R, in + 1, N); their last feature is 1, and its weight is
the bias. Outputs are (R, C, N): for a linear layer, N = B rows; for a convolution with C channels, N = positions * B.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

Operations = list[Callable[[], object]]
MOMENTUM, EPSILON = 0.1, 1e-5  # for batch norm, as in torch
MANY_RUNS, FEW_OUTPUTS = 16, 10
SMALL = 400  # multiplications per run below which numpy's matmul is faster than torch.bmm


class Buffers:
    """All parameters (P,) of a stack, their gradients (P,), and the index of the run that each belongs to (P,).

    Layers take consecutive parts of them, so an optimizer step is a few operations on two vectors.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.parameters = torch.empty(size, device=device)
        self.gradient = torch.empty(size, device=device)
        self.owner = torch.empty(size, dtype=torch.long, device=device)
        self._taken = 0

    def take(self, runs: slice, *shape: int) -> tuple[Tensor, Tensor]:
        """Take the next parameters of these runs: views (R, *shape) of the parameters and of their gradients."""
        ids = torch.arange(runs.start, runs.stop, device=self.owner.device)
        place = slice(self._taken, self._taken + len(ids) * math.prod(shape))
        self._taken = place.stop
        self.owner[place] = ids.repeat_interleave(math.prod(shape))
        return self.parameters[place].view(-1, *shape), self.gradient[place].view(-1, *shape)


class Linear:
    """A linear layer of the runs `rows` of a stack: weight (R, in, out) and bias (R, 1, out), in one block of memory.

    Initial values are uniform in [-1/sqrt(in), 1/sqrt(in)], as in torch.nn.Linear and torch.nn.Conv2d, drawn from one
    generator per run.
    """

    def __init__(
        self, buffers: Buffers, rows: slice, fan_in: int, fan_out: int, generators: Sequence[torch.Generator]
    ) -> None:
        self.rows = rows
        self._both, self._gradient = buffers.take(rows, fan_out, fan_in + 1)
        drawn = torch.stack([torch.rand(fan_in + 1, fan_out, generator=g) for g in generators[rows]])
        self._both.copy_((drawn.mT * 2 - 1) / fan_in**0.5)
        self.weight, self.bias = self._both.mT[:, :-1], self._both.mT[:, -1:]

    def inputs(self, x: Tensor, operations: Operations) -> Tensor:
        """The matrix that the weights multiply, (R, in + 1, N), from x (R, values per row + 1, B)."""
        return x

    def forward(self, inputs: Tensor, operations: Operations) -> Tensor:
        """The outputs (R, out, N)."""
        outputs = inputs.new_empty(len(self._both), self._both.shape[1], inputs.shape[2])
        operations.append(product(self._both, inputs, outputs))
        return outputs

    def accumulate(self, inputs: Tensor, gradient: Tensor, operations: Operations, normalised: bool = False) -> None:
        """Fill the gradients of weight and bias from the gradient with respect to the outputs, (R, out, N).

        Batch norm subtracts the mean, so before it (`normalised`) the gradient of the bias is 0. A computed sum would
        be rounding noise, which Adam scales to full steps, so a run alone would differ from the same run in a stack.
        """
        operations.append(product(gradient, inputs.mT, self._gradient))
        if normalised:
            operations.append(self._gradient[..., -1].zero_)

    def below(self, gradient: Tensor, below: Tensor, operations: Operations) -> None:
        """Fill `below`, the gradient with respect to the inputs (R, values, B), from the one with respect to the
        outputs."""
        operations.append(product(self.weight, gradient, below))


class Convolution(Linear):
    """A 3 x 3 convolution with stride 2 and padding 1, as torch.nn.Conv2d: a linear layer on the patches.

    With the batch as the innermost dimension, patches are copied in blocks of B numbers. That is 3 times as fast as
    unfold and fold, and 1.5 times as fast as convolution_backward.
    """

    def __init__(
        self,
        buffers: Buffers,
        rows: slice,
        fan_in: int,
        fan_out: int,
        generators: Sequence[torch.Generator],
        image: tuple[int, int],
    ) -> None:
        super().__init__(buffers, rows, fan_in, fan_out, generators)
        self._images = (fan_in // 9, *image)
        self._positions = ((image[0] + 1) // 2, (image[1] + 1) // 2)

    def inputs(self, x: Tensor, operations: Operations) -> Tensor:
        """The patches (R, 9 channels + 1, positions B)."""
        shared = x.stride(0) == 0  # all runs have the same batch, so its patches are gathered once
        values = (x[:1] if shared else x)[:, :-1].unflatten(1, self._images)
        padded = self._padded(values)
        operations.append(partial(self._inside(padded).copy_, values))
        windows = padded.unfold(2, 3, 2).unfold(3, 3, 2).permute(0, 1, 5, 6, 2, 3, 4)  # (R, C, 3, 3, h, w, B)
        patches = x.new_empty(len(values), math.prod(windows.shape[1:4]) + 1, math.prod(windows.shape[4:]))
        patches[:, -1] = 1
        operations.append(partial(patches[:, :-1].view(windows.shape).copy_, windows))
        return patches.expand(len(x), -1, -1)

    def below(self, gradient: Tensor, below: Tensor, operations: Operations) -> None:
        channels, (down, across) = self._images[0], self._positions
        patches = gradient.new_empty(len(gradient), self.weight.shape[1], gradient.shape[2])
        super().below(gradient, patches, operations)
        patches = patches.view(len(gradient), channels, 3, 3, down, across, -1)
        padded = self._padded(patches)
        operations.append(padded.zero_)
        for i in range(3):
            for j in range(3):
                under = padded[:, :, i : i + 2 * down : 2, j : j + 2 * across : 2]
                operations.append(partial(under.add_, patches[:, :, i, j]))
        operations.append(partial(below.unflatten(1, self._images).copy_, self._inside(padded)))

    def _padded(self, like: Tensor) -> Tensor:
        """Zero images (R, C, height, width, B), large enough for all patches."""
        down, across = self._positions
        return like.new_zeros(*like.shape[:2], 2 * down + 1, 2 * across + 1, like.shape[-1])

    def _inside(self, padded: Tensor) -> Tensor:
        _, height, width = self._images
        return padded[:, :, 1 : height + 1, 1 : width + 1]


class Norm:
    """Batch norm (Ioffe and Szegedy, 2015) of R runs, as torch.nn.BatchNorm1d, for convolutions as BatchNorm2d.

    Weight and bias (R, C) are views of the flat buffers; `mean` and `variance` (R, C) are the running estimates for
    evaluation. The channels of all runs are passed to torch's kernel as the channels of one image.
    """

    def __init__(self, buffers: Buffers, runs: int, channels: int) -> None:
        (self.weight, self._by_weight), (self.bias, self._by_bias) = (
            buffers.take(slice(0, runs), channels) for _ in range(2)
        )
        self.weight.fill_(1)
        self.bias.fill_(0)
        self.mean, self.variance = torch.zeros_like(self.weight), torch.ones_like(self.bias)

    def forward(self, x: Tensor, training: bool, operations: Operations) -> Tensor:
        """Normalise x (R, C, N) over N; in training N must be >= 2."""
        y = torch.empty_like(x)
        self._of_batch = [x.new_empty(self.weight.numel() * training) for _ in range(2)]  # mean, 1 / deviation
        arguments = (self.weight, self.bias, self.mean, self.variance)
        operations.append(
            partial(
                torch.ops.aten.native_batch_norm.out,
                _by_channel(x),
                *(one.view(-1) for one in arguments),
                training,
                MOMENTUM,
                EPSILON,
                out=_by_channel(y),
                save_mean=self._of_batch[0],
                save_invstd=self._of_batch[1],
            )
        )
        return y

    def backward(self, x: Tensor, gradient: Tensor, operations: Operations) -> Tensor:
        """The gradient with respect to x, from the one with respect to the outputs (R, C, N); fills those of weight
        and bias."""
        below = torch.empty_like(x)
        arguments = (self.weight, self.mean, self.variance)
        operations.append(
            partial(
                torch.ops.aten.native_batch_norm_backward.out,
                _by_channel(gradient),
                _by_channel(x),
                *(one.view(-1) for one in arguments),
                *self._of_batch,
                True,
                EPSILON,
                (True, True, True),
                out0=_by_channel(below),
                out1=self._by_weight.view(-1),
                out2=self._by_bias.view(-1),
            )
        )
        return below


def _by_channel(x: Tensor) -> Tensor:
    """(R, C, N) -> (1, R C, N)."""
    return x.view(1, -1, x.shape[2])


def product(a: Tensor, b: Tensor, out: Tensor) -> Callable[[], object]:
    """The operation that writes the product of a (R, n, k) and b (R, k, m) to `out` (R, n, m).

    If many runs with few outputs share the same b, they are stacked into one large product, which takes a fraction of
    the time of many small ones. The smallest products on the CPU are done by numpy.
    """
    if b.stride(0) == 0 and len(a) >= MANY_RUNS and a.shape[1] <= FEW_OUTPUTS:
        return partial(torch.mm, a.flatten(0, 1), b[0], out=out.flatten(0, 1))
    if a.device.type == "cpu" and a.shape[1] * a.shape[2] * b.shape[2] < SMALL:
        return partial(np.matmul, a.numpy(), b.numpy(), out=out.numpy())
    return partial(torch.bmm, a, b, out=out)
