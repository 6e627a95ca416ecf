"""From a network's raw outputs to what it is trained for: output activation, loss and reduction, in this order.

The one place where losses are reduced and where outputs are read as probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.losses import LOSSES, Counts, LossSpec, Params
from core.losses.heads import ACTIVATIONS, probabilities, right_activation


@dataclass(frozen=True)
class Objective:
    """What R runs minimise. `params` are tensors (R, 1, 1) or (R, 1, K); the K of z is the head's number of outputs.

    z are raw outputs (R, B, K) before any activation. y is (R, B) with class indices, or values in a regression;
    (R, B, K) in {0, 1} for multi-label data. What `targets` makes of it may stand in its place.
    """

    head: str
    activation: str
    loss: str
    params: Params

    @cached_property
    def spec(self) -> LossSpec:
        return LOSSES[self.loss]

    def outputs(self, z: Tensor) -> Tensor:
        """u, what the loss is given, (R, B, K)."""
        return ACTIVATIONS[self.activation].function(z)

    def probabilities(self, z: Tensor) -> Tensor:
        """What is shown as p, (R, B, C'): one column in a binary task; predicted values in a regression."""
        return probabilities(self.head, self.outputs(z), ACTIVATIONS[self.activation].gives, self.spec.expects)

    def targets(self, u: Tensor, y: Tensor) -> Tensor:
        """y as the loss of u (..., K) takes it: as it is for a loss of rows, else one number an output, (..., K)."""
        if self.spec.of == "row":
            return y
        if y.dim() == u.dim():
            return y if y.dtype == u.dtype else y.to(u.dtype)
        if u.shape[-1] == 1:
            return y.to(u.dtype).unsqueeze(-1)
        return F.one_hot(y, u.shape[-1]).to(u.dtype)

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """Unreduced losses: (R, B, K) of every output, (R, B) of every row, or (R, K) of the whole batch."""
        u = self.outputs(z)
        return self.spec.function(u, self.targets(u, y), self.params)

    def mean(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss that is minimised, (R,), reduced as torch reduces it."""
        losses = self.losses(z, y)
        if self.spec.of != "row":
            losses = self._over_outputs(losses)
        if self.spec.of == "batch":
            return losses
        if self.spec.mean_over is None:
            return losses.mean(-1)
        return losses.sum(-1) / self.spec.mean_over(y, self.params).sum(-1)

    def gradient(self, z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
        """The gradient of `mean` by z, (R, B, K), in `out` if given, which may be z. No run sees another's loss, nor
        its NaN."""
        spec = self.spec
        if spec.gradient is None or self.activation != "none":
            with torch.inference_mode(False), torch.enable_grad():
                leaf = z.clone().requires_grad_()
                (gradient,) = torch.autograd.grad(self.mean(leaf, y.clone()).sum(), leaf)
            return gradient if out is None else out.copy_(gradient)
        gradient = spec.gradient(z, self.targets(z, y), self.params)
        if spec.of == "output" and z.shape[-1] > 1:
            gradient = gradient * self.params["over_outputs"]
        if spec.mean_over is None:
            return torch.div(gradient, z.shape[-2], out=out)
        return torch.div(gradient, spec.mean_over(y, self.params).sum(-1)[..., None, None], out=out)

    def _over_outputs(self, losses: Tensor) -> Tensor:
        """The last dimension summed or averaged: (R, B, K) -> (R, B), (R, K) -> (R,)."""
        if losses.shape[-1] == 1:
            return losses[..., 0]
        factor = self.params["over_outputs"]
        return losses.sum(-1) * factor.view(len(factor), *[1] * (losses.dim() - 2))


def resolved(head: str, activation: str, loss: str) -> str:
    """The output activation by name; "auto" is the one that gives the loss what it expects."""
    return right_activation(head, LOSSES[loss].expects) if activation == "auto" else activation


def label_counts(y: np.ndarray, outputs: int) -> Counts:
    """Rows, and for how many of them each of the K outputs should be 1, from labels (N,) or (N, K)."""
    if y.ndim == 2:
        return Counts(len(y), y.sum(0))
    if outputs == 1:
        return Counts(len(y), np.array([np.count_nonzero(y == 1)]))
    return Counts(len(y), np.bincount(y, minlength=outputs))
