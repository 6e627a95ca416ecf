"""The training objective: final activation, loss and reduction, in this order.

Only this module reduces losses and converts outputs to probabilities.
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
    """What R runs minimise.

    In its methods z are the raw outputs (R, B, K) before any activation, K the head's number of outputs. y are class
    indices (R, B), in a regression values (R, B), for multi-label data (R, B, K) in {0, 1}; the result of `targets`
    may be given instead.

    Parameters
    ----------
    head : key in HEADS.
    activation : final activation, a key in ACTIVATIONS.
    loss : key in LOSSES.
    params : parameters of the loss, tensors (R, 1, 1) or (R, 1, K).
    """

    head: str
    activation: str
    loss: str
    params: Params

    @cached_property
    def spec(self) -> LossSpec:
        return LOSSES[self.loss]

    def outputs(self, z: Tensor) -> Tensor:
        """The input u of the loss, (R, B, K): z after the final activation."""
        return ACTIVATIONS[self.activation].function(z)

    def probabilities(self, z: Tensor) -> Tensor:
        """Scores p, (R, B, C'): C' = 1 in a binary task, else one per class or label; in a regression predicted
        values."""
        return probabilities(self.head, self.outputs(z), ACTIVATIONS[self.activation].gives, self.spec.expects)

    def targets(self, u: Tensor, y: Tensor) -> Tensor:
        """The targets of the loss of u (..., K): y itself for a loss per row, else one number per output, (..., K)."""
        if self.spec.of == "row":
            return y
        if y.dim() == u.dim():
            return y if y.dtype == u.dtype else y.to(u.dtype)
        if u.shape[-1] == 1:
            return y.to(u.dtype).unsqueeze(-1)
        return F.one_hot(y, u.shape[-1]).to(u.dtype)

    def losses(self, z: Tensor, y: Tensor) -> Tensor:
        """Unreduced losses: (R, B, K) per output, (R, B) per row, or (R, K) for the whole batch."""
        u = self.outputs(z)
        return self.spec.function(u, self.targets(u, y), self.params)

    def mean(self, z: Tensor, y: Tensor) -> Tensor:
        """The minimised loss, (R,), reduced as in torch."""
        losses = self.losses(z, y)
        if self.spec.of != "row":
            losses = self._over_outputs(losses)
        if self.spec.of == "batch":
            return losses
        if self.spec.mean_over is None:
            return losses.mean(-1)
        return losses.sum(-1) / self.spec.mean_over(y, self.params).sum(-1)

    def gradient(self, z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
        """The gradient of `mean` with respect to z.

        Each run's gradient depends on its own loss only, so NaN does not spread to other runs.

        Parameters
        ----------
        z : raw outputs (R, B, K).
        y : labels or targets.
        out : tensor for the result, which may be z; None makes a new one.

        Returns
        -------
        gradient : (R, B, K).
        """
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
    """The name of the final activation; "auto" resolves to the one that gives the loss what it expects."""
    return right_activation(head, LOSSES[loss].expects) if activation == "auto" else activation


def label_counts(y: np.ndarray, outputs: int) -> Counts:
    """Count labels (N,) or (N, K): the rows, and for each of the K outputs the rows whose target is 1."""
    if y.ndim == 2:
        return Counts(len(y), y.sum(0))
    if outputs == 1:
        return Counts(len(y), np.array([np.count_nonzero(y == 1)]))
    return Counts(len(y), np.bincount(y, minlength=outputs))
