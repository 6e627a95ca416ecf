"""Optimizers of a stack: a few operations on its flat buffers, with a learning rate, decay and momentum per run.

Every step is the same operations on the same tensors, so it can be captured as a CUDA graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.experiment.config import RunConfig
from core.models import StackedNet

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # torch.optim.Adam's defaults


class SGD:
    """v = momentum v + g + decay w; w -= lr v, as torch.optim.SGD without dampening."""

    def __init__(self, configs: Sequence[RunConfig], model: StackedNet) -> None:
        self.parameters, self.gradient, self._owner = model.parameters, model.gradient, model.owner
        self.lr = self._spread([config.lr for config in configs])
        self.rate = self.lr.clone()  # in this epoch
        self.decay = self._spread([config.weight_decay for config in configs])
        self.decays = any(config.weight_decay for config in configs)
        self.momentum = self._spread([config.momentum for config in configs])
        self.moves_on = any(config.momentum for config in configs)
        self.buffer = torch.zeros_like(self.parameters) if self.moves_on else self.gradient

    def set_factor(self, factor: float) -> None:
        """Set the factor of all learning rates; the schedule sets it once per epoch."""
        torch.mul(self.lr, factor, out=self.rate)

    def freeze(self, runs: Sequence[int]) -> None:
        """Stop updating the weights of these runs, given by their indices in the stack."""
        frozen = torch.isin(self._owner, torch.tensor(runs, device=self._owner.device))
        self.lr[frozen] = self.rate[frozen] = 0

    def step(self) -> None:
        """Make one step of every run, from the gradients in the stack's buffer."""
        self._decay()
        if self.moves_on:
            self.buffer.mul_(self.momentum).add_(self.gradient)
        self.parameters.addcmul_(self.buffer, self.rate, value=-1)

    def _decay(self) -> None:
        if self.decays:
            self.gradient.addcmul_(self.parameters, self.decay)

    def _spread(self, values: Sequence[float]) -> Tensor:
        """Expand one value per run (R,) to the flat buffer (P,)."""
        return torch.tensor(values, dtype=torch.float32, device=self.parameters.device)[self._owner]


class Adam(SGD):
    """Adam (Kingma and Ba, 2015) as torch.optim.Adam, with the kernel of its `fused=True`.

    The kernel takes a single learning rate. So it makes a step from 0 with rate 1, which is then multiplied by the
    learning rate of each run.
    """

    def __init__(self, configs: Sequence[RunConfig], model: StackedNet) -> None:
        super().__init__(configs, model)
        self.change = torch.empty_like(self.parameters)
        self.mean = torch.zeros_like(self.parameters)
        self.square = torch.zeros_like(self.parameters)
        self.steps = torch.zeros((), device=self.parameters.device)  # the kernel counts in float64

    def step(self) -> None:
        self._decay()
        self.steps += 1
        torch._fused_adam_(
            [self.change.zero_()],
            [self.gradient],
            [self.mean],
            [self.square],
            [],
            [self.steps],
            lr=1.0,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        self.parameters.addcmul_(self.change, self.rate)


class AdamW(Adam):
    """Adam with decoupled decay, w -= lr decay w, as torch.optim.AdamW (Loshchilov and Hutter, 2019)."""

    def _decay(self) -> None:
        if self.decays:
            self.parameters.addcmul_(self.parameters, self.rate * self.decay, value=-1)


OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


def schedule_factor(config: RunConfig, epoch: int) -> float:
    """The factor of the learning rate in an epoch from 1 to config.epochs.

    "constant" is 1. "cosine" is (1 + cos(pi (epoch - 1) / epochs)) / 2, falling from 1 towards 0, as torch's
    CosineAnnealingLR with T_max = epochs, stepped once per epoch (Loshchilov and Hutter, 2017).
    """
    if config.schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * (epoch - 1) / config.epochs)) / 2
