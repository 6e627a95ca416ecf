"""Layers of R networks at once, each with a backward pass written by hand and its weights in shared flat buffers.

A layer doesn't compute: it appends to a list of operations what computes it, from and into tensors that stay where they
are. A step of small networks takes as long as its operations take to be called, so nothing is made anew at each.

Rows lie innermost: inputs are (R, in + 1, N), their last row ones, which the bias is the weight of. Outputs are
(R, C, N), of a linear layer N = B rows of C values, of a convolution N = positions B, with C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

Operations = list[Callable[[], object]]
MOMENTUM, EPSILON = 0.1, 1e-5  # of batch norm, torch's defaults
MANY_RUNS, FEW_OUTPUTS = 16, 10
SMALL = 400  # multiplications of a run, below which torch.bmm takes number by number


class Buffers:
    """All parameters (P,) of a stack, their gradients (P,), and which run each belongs to (P,).

    Layers take their places one after the other, so that an optimizer is a few operations on two vectors.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.parameters = torch.empty(size, device=device)
        self.gradient = torch.empty(size, device=device)
        self.owner = torch.empty(size, dtype=torch.long, device=device)
        self._taken = 0

    def take(self, runs: slice, *shape: int) -> tuple[Tensor, Tensor]:
        """The next parameters of these runs, (R, *shape), and their gradients, as views."""
        ids = torch.arange(runs.start, runs.stop, device=self.owner.device)
        place = slice(self._taken, self._taken + len(ids) * math.prod(shape))
        self._taken = place.stop
        self.owner[place] = ids.repeat_interleave(math.prod(shape))
        return self.parameters[place].view(-1, *shape), self.gradient[place].view(-1, *shape)


class Linear:
    """A linear layer of the runs `rows` of a stack: weight (R, in, out) and bias (R, 1, out), side by side in memory.

    They start as in torch.nn.Linear and torch.nn.Conv2d, uniform in +-1/sqrt(in), drawn from one generator a run.
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
        """What the weights multiply, (R, in + 1, N), made from x (R, values of a row + 1, B)."""
        return x

    def forward(self, inputs: Tensor, operations: Operations) -> Tensor:
        """The outputs (R, out, N)."""
        outputs = inputs.new_empty(len(self._both), self._both.shape[1], inputs.shape[2])
        operations.append(product(self._both, inputs, outputs))
        return outputs

    def accumulate(self, inputs: Tensor, gradient: Tensor, operations: Operations, normalised: bool = False) -> None:
        """Fill the gradients of weight and bias from that by the outputs, (R, out, N).

        Batch norm takes the mean away again, so before it (`normalised`) the bias has a gradient of 0. Summed up it
        would be rounding noise, of which Adam makes whole steps, and a run alone would differ from one in a stack.
        """
        operations.append(product(gradient, inputs.mT, self._gradient))
        if normalised:
            operations.append(self._gradient[..., -1].zero_)

    def below(self, gradient: Tensor, below: Tensor, operations: Operations) -> None:
        """From the gradient by the outputs to that by the values of each row below, (R, values, B)."""
        operations.append(product(self.weight, gradient, below))


class Convolution(Linear):
    """3 x 3 pixels, stride 2, padding 1, as torch.nn.Conv2d: a linear layer of the patches under each position.

    Rows lie innermost in memory: what the stride skips is then copied in runs of B numbers, which is faster than unfold
    and fold (3 times) and than convolution_backward (1.5 times).
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
        shared = x.stride(0) == 0  # one batch for all runs: its patches are gathered once
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
        """Images of zeros (R, C, height, width, B), as large as the positions of the patches reach."""
        down, across = self._positions
        return like.new_zeros(*like.shape[:2], 2 * down + 1, 2 * across + 1, like.shape[-1])

    def _inside(self, padded: Tensor) -> Tensor:
        _, height, width = self._images
        return padded[:, :, 1 : height + 1, 1 : width + 1]


class Norm:
    """Batch norm (Ioffe and Szegedy, 2015) of R runs: weight and bias (R, C), views of the flat buffers, and the mean
    and variance (R, C) that evaluation uses. As torch.nn.BatchNorm1d, and over all positions BatchNorm2d.

    To torch's kernel the channels of all runs are those of one image.
    """

    def __init__(self, buffers: Buffers, runs: int, channels: int) -> None:
        (self.weight, self._by_weight), (self.bias, self._by_bias) = (
            buffers.take(slice(0, runs), channels) for _ in range(2)
        )
        self.weight.fill_(1)
        self.bias.fill_(0)
        self.mean, self.variance = torch.zeros_like(self.weight), torch.ones_like(self.bias)

    def forward(self, x: Tensor, training: bool, operations: Operations) -> Tensor:
        """x (R, C, N) -> the same shape, normalised over N; in training N must be at least 2."""
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
        """From the gradient by the outputs (R, C, N) to that by the inputs x; fills those of weight and bias."""
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
    """What puts a (R, n, k) times b (R, k, m) into `out`, (R, n, m).

    Where many runs with few outputs each are given the same b, their rows are put below each other: one large product
    takes a fraction of the time of as many small ones. The smallest are left to numpy, where it can reach them.
    """
    if b.stride(0) == 0 and len(a) >= MANY_RUNS and a.shape[1] <= FEW_OUTPUTS:
        return partial(torch.mm, a.flatten(0, 1), b[0], out=out.flatten(0, 1))
    if a.device.type == "cpu" and a.shape[1] * a.shape[2] * b.shape[2] < SMALL:
        return partial(np.matmul, a.numpy(), b.numpy(), out=out.numpy())
    return partial(torch.bmm, a, b, out=out)
