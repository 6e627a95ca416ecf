"""Layers of R networks at once, each with a backward pass written by hand and its weights in shared flat buffers.

Hidden layers give (R, N, C): a linear layer N = B rows of C values, a convolution N = positions B, with C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MOMENTUM, EPSILON = 0.1, 1e-5  # of batch norm, torch's defaults
MANY_RUNS, FEW_OUTPUTS = 16, 10


class Buffers:
    """All parameters (P,) of a stack, their gradients (P,), and which run each belongs to (P,).

    Layers take their places one after the other, so that an optimizer is a few operations on two vectors.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.parameters = torch.empty(size, device=device)
        self.gradient = torch.empty(size, device=device)
        self.owner = torch.empty(size, dtype=torch.long, device=device)
        self._taken = 0

    def take(self, runs: slice, fan_in: int, fan_out: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The next weights (R, in, out) and biases (R, 1, out) of these runs, and the gradients of both, as views."""
        ids = torch.arange(runs.start, runs.stop, device=self.owner.device)
        weight, weight_gradient = self._next(ids, fan_in, fan_out)
        bias, bias_gradient = self._next(ids, 1, fan_out)
        return weight, bias, weight_gradient, bias_gradient

    def _next(self, ids: Tensor, fan_in: int, fan_out: int) -> tuple[Tensor, Tensor]:
        shape = (len(ids), fan_in, fan_out)
        place = slice(self._taken, self._taken + math.prod(shape))
        self._taken = place.stop
        self.owner[place] = ids.repeat_interleave(fan_in * fan_out)
        return self.parameters[place].view(shape), self.gradient[place].view(shape)


class Linear:
    """A linear layer of the runs `rows` of a stack: weight (R, in, out) and bias (R, 1, out).

    They start as in torch.nn.Linear and torch.nn.Conv2d, uniform in +-1/sqrt(in), drawn from one generator a run.

    Where many runs with few outputs each are given the same rows, their weights are put side by side: one large product
    takes a fraction of the time of as many small ones.
    """

    def __init__(
        self, buffers: Buffers, rows: slice, fan_in: int, fan_out: int, generators: Sequence[torch.Generator]
    ) -> None:
        self.rows = rows
        self.weight, self.bias, self._weight_gradient, self._bias_gradient = buffers.take(rows, fan_in, fan_out)
        drawn = torch.stack([torch.rand(fan_in + 1, fan_out, generator=g) for g in generators[rows]])
        drawn = (drawn * 2 - 1) / fan_in**0.5
        self.weight.copy_(drawn[:, :-1])
        self.bias.copy_(drawn[:, -1:])
        self.turned = self.weight.transpose(1, 2)
        self._as_one = False
        self._narrow = len(self.weight) >= MANY_RUNS and fan_out <= FEW_OUTPUTS

    def forward(self, x: Tensor) -> Tensor:
        """x (R, B, in) -> (R, B, out); remembers x."""
        self._inputs = x
        self._as_one = self._narrow and x.stride(0) == 0
        if not self._as_one:
            return torch.baddbmm(self.bias, x, self.weight)
        bias, weight = (part.transpose(0, 1).flatten(1) for part in (self.bias, self.weight))  # (1, R out), (in, R out)
        return torch.addmm(bias, x[0], weight).view(x.shape[1], len(x), -1).transpose(0, 1)

    def accumulate(self, gradient: Tensor, normalised: bool = False) -> None:
        """Fill the gradients of weight and bias from that by the outputs, (R, N, out).

        Batch norm takes the mean away again, so before it (`normalised`) the bias has a gradient of 0. Summed up it
        would be rounding noise, of which Adam makes whole steps, and a run alone would differ from one in a stack.
        """
        if self._as_one:
            product = self._inputs[0].t() @ gradient.transpose(0, 1).flatten(1)  # (in, R out)
            self._weight_gradient.copy_(product.view(len(product), len(gradient), -1).transpose(0, 1))
        else:
            torch.bmm(self._inputs.transpose(1, 2), gradient, out=self._weight_gradient)
        if normalised:
            self._bias_gradient.zero_()
        else:
            torch.sum(gradient, 1, keepdim=True, out=self._bias_gradient)

    def below(self, gradient: Tensor) -> Tensor:
        """The gradient by the inputs (R, B, in) from that by the outputs."""
        return torch.bmm(gradient, self.turned)

    def by_row(self, x: Tensor) -> Tensor:
        """Outputs (R, N, out) -> (R, B, values of a row), a view."""
        return x

    def by_position(self, x: Tensor) -> Tensor:
        """The inverse of `by_row`."""
        return x


class Convolution(Linear):
    """3 x 3 pixels, stride 2, padding 1, as torch.nn.Conv2d: a linear layer of the patches under each position.

    Rows of a batch lie innermost in memory, whatever the order of the dimensions: what the stride skips is then copied
    in runs of B numbers, which is faster than unfold and fold (3 times) and than convolution_backward (1.5 times).
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
        self._images = (rows.stop - rows.start, fan_in // 9, *image)
        self._positions = ((image[0] + 1) // 2, (image[1] + 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        """x (R, B, channels pixels) -> (R, positions B, out); remembers the patches."""
        images = x.transpose(1, 2).view(*self._images, -1)
        shared = x.stride(0) == 0  # one batch for all runs: its patches are gathered once
        patches = self._patches(images[:1] if shared else images).expand(len(x), -1, -1)
        self._inputs = patches.transpose(1, 2)
        return torch.baddbmm(self.bias.transpose(1, 2), self.weight.transpose(1, 2), patches).transpose(1, 2)

    def below(self, gradient: Tensor) -> Tensor:
        patches = torch.bmm(self.weight, gradient.transpose(1, 2))
        runs, channels, height, width = self._images
        down, across = self._positions
        patches = patches.view(runs, channels, 3, 3, down, across, -1)
        padded = patches.new_zeros(runs, channels, 2 * down + 1, 2 * across + 1, patches.shape[-1])
        for i in range(3):
            for j in range(3):
                padded[:, :, i : i + 2 * down : 2, j : j + 2 * across : 2] += patches[:, :, i, j]
        images = padded[:, :, 1 : height + 1, 1 : width + 1]
        return images.reshape(runs, channels * height * width, -1).transpose(1, 2)

    def by_row(self, x: Tensor) -> Tensor:
        runs, _, channels = x.shape
        return x.transpose(1, 2).view(runs, channels * math.prod(self._positions), -1).transpose(1, 2)

    def by_position(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).view(len(x), self.bias.shape[2], -1).transpose(1, 2)

    @staticmethod
    def _patches(images: Tensor) -> Tensor:
        """(R, C, H, W, B) -> (R, 9 C, positions B)."""
        windows = F.pad(images, (0, 0, 1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2)  # (R, C, h, w, B, 3, 3)
        return windows.permute(0, 1, 5, 6, 2, 3, 4).reshape(len(images), 9 * images.shape[1], -1)


class Norm:
    """Batch norm (Ioffe and Szegedy, 2015) of R runs: views of weight and bias (R, 1, C) in the flat buffers, and the
    mean and variance (R, 1, C) that evaluation uses. As torch.nn.BatchNorm1d, and over all positions BatchNorm2d."""

    def __init__(self, buffers: Buffers, runs: int, channels: int) -> None:
        views = buffers.take(slice(0, runs), 1, channels)
        self.weight, self.bias = views[:2]
        self.mean, self.variance = torch.empty_like(self.weight), torch.empty_like(self.bias)
        self._weight, self._bias, self._weight_gradient, self._bias_gradient = (view.view(-1) for view in views)
        self._mean, self._variance = self.mean.view(-1), self.variance.view(-1)
        self.weight.fill_(1)
        self.bias.fill_(0)
        self.mean.fill_(0)
        self.variance.fill_(1)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """x (R, N, C) -> the same shape, normalised over N; in training N must be at least 2."""
        self._inputs = self._by_channel(x)
        y, self._batch_mean, self._batch_deviation = torch.native_batch_norm(
            self._inputs, self._weight, self._bias, self._mean, self._variance, training, MOMENTUM, EPSILON
        )
        return y.view(x.shape[0], x.shape[2], -1).transpose(1, 2)

    def backward(self, gradient: Tensor) -> Tensor:
        """From the gradient by the outputs (R, N, C) to that by the inputs; fills those of weight and bias."""
        below, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            self._by_channel(gradient),
            self._inputs,
            self._weight,
            self._mean,
            self._variance,
            self._batch_mean,
            self._batch_deviation,
            True,
            EPSILON,
            (True, True, True),
        )
        self._weight_gradient.copy_(by_weight)
        self._bias_gradient.copy_(by_bias)
        return below.view(gradient.shape[0], gradient.shape[2], -1).transpose(1, 2)

    @staticmethod
    def _by_channel(x: Tensor) -> Tensor:
        """(R, N, C) -> (1, R C, N): to torch's kernel the channels of all runs are those of one image.

        Always contiguous: torch would add in another order otherwise, and one run alone differ from one in a stack.
        """
        return x.transpose(1, 2).contiguous().view(1, -1, x.shape[1])
