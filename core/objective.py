"""From a network's raw outputs to what it is trained for: output activation, loss and reduction, in this order.

The one place where losses are reduced and where outputs are read as probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.heads import ACTIVATIONS, probabilities, right_activation
from core.losses import LOSSES, Counts, Params


@dataclass(frozen=True)
class Objective:
    """What R runs minimise. `params` are tensors (R, 1, 1) or (R, 1, K); the K of z is the head's number of outputs.

    z are raw outputs (R, B, K) before any activation. y is (R, B) with class indices, or values in a regression;
    (R, B, K) in {0, 1} for multi-label data.
    """

    head: str
    activation: str
    loss: str
    params: Params

    def outputs(self, z: Tensor) -> Tensor:
        """u, what the loss is given, (R, B, K)."""
        return ACTIVATIONS[self.activation].function(z)

    def probabilities(self, z: Tensor) -> Tensor:
        """What is shown as p, (R, B, C'): one column in a binary task; predicted values in a regression."""
        return probabilities(self.head, self.outputs(z), ACTIVATIONS[self.activation].gives, LOSSES[self.loss].expects)

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """Unreduced losses: (R, B, K) of every output, (R, B) of every row, or (R, K) of the whole batch."""
        u = self.outputs(z)
        return LOSSES[self.loss].function(u, self._targets(u, y), self.params)

    def mean(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss that is minimised, (R,), reduced as torch reduces it."""
        spec = LOSSES[self.loss]
        losses = self.losses(z, y)
        if spec.of != "row":
            losses = self._over_outputs(losses)
        if spec.of == "batch":
            return losses
        if spec.mean_over is None:
            return losses.mean(-1)
        return losses.sum(-1) / spec.mean_over(y, self.params).sum(-1)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        """The gradient of `mean` by z, (R, B, K). No run sees another's loss, nor its NaN."""
        spec = LOSSES[self.loss]
        if spec.gradient is None or self.activation != "none":
            with torch.inference_mode(False), torch.enable_grad():
                leaf = z.clone().requires_grad_()
                return torch.autograd.grad(self.mean(leaf, y.clone()).sum(), leaf)[0]
        gradient = spec.gradient(z, self._targets(z, y), self.params)
        if spec.of == "output" and z.shape[-1] > 1:
            gradient = gradient * self.params["over_outputs"]
        if spec.mean_over is None:
            return gradient.div_(z.shape[-2])
        return gradient.div_(spec.mean_over(y, self.params).sum(-1)[..., None, None])

    def _over_outputs(self, losses: Tensor) -> Tensor:
        """The last dimension summed or averaged: (R, B, K) -> (R, B), (R, K) -> (R,)."""
        if losses.shape[-1] == 1:
            return losses[..., 0]
        factor = self.params["over_outputs"]
        return losses.sum(-1) * factor.view(len(factor), *[1] * (losses.dim() - 2))

    def _targets(self, u: Tensor, y: Tensor) -> Tensor:
        """Labels as the loss wants them: indices for a loss of rows, else one number an output."""
        if LOSSES[self.loss].of == "row":
            return y
        if y.dim() == u.dim():
            return y.to(u.dtype)
        if u.shape[-1] == 1:
            return y.to(u.dtype).unsqueeze(-1)
        return F.one_hot(y, u.shape[-1]).to(u.dtype)


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
