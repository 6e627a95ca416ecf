"""A loss as a function of one logit, for two classes.

A head with one output is moved by its logit z; a head with two outputs by the second one, with the first held at 0: of
a softmax only their difference matters, and of two sigmoids the first one's loss does not depend on z. In multi-label
data the first label is always there and the second one is y. A loss of a whole batch is that of one row that moves
among OTHERS others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.data import DATASETS, load_split
from core.experiment.config import RunConfig
from core.losses import LOSSES, Counts, Params, loss_tensors
from core.losses.heads import HEADS
from core.losses.objective import Objective, resolved
from core.losses.spec import OVER_OUTPUTS, Numbers
from core.parameters import Value

OTHERS, POSITIVE_OTHERS = 15, 5  # the other rows of a batch, which all score a half, and how many are positive
PLAIN_COUNTS = np.array([90, 10])


@dataclass(frozen=True)
class BinaryLoss:
    """A loss with its parameters on a head, as a function of one logit z (Q,); `params` are for one run."""

    loss: str
    head: str
    params: Params
    activation: str = "auto"

    @property
    def objective(self) -> Objective:
        return Objective(self.head, resolved(self.head, self.activation, self.loss), self.loss, self.params)

    def to(self, dtype: torch.dtype) -> BinaryLoss:
        """The same with its parameters in another number format."""
        return replace(self, params={name: value.to(dtype) for name, value in self.params.items()})

    @property
    def as_expected(self) -> bool:
        """Whether the final activation gives the loss what it expects. A log-softmax before a loss that applies its own
        does: applied twice it is still a log-softmax."""
        activation, expected = (resolved(self.head, name, self.loss) for name in (self.activation, "auto"))
        repeated = activation == "log_softmax" and expected == "none" and HEADS[self.head].link == "softmax"
        return activation == expected or repeated

    @property
    def numbers(self) -> Numbers:
        """The parameters as closed forms take them: a number () each, or one for each of two classes (2,)."""
        of_row = {name: value[0, 0].double().numpy() for name, value in self.params.items()}
        each = LOSSES[self.loss].of == "output"  # then the second of two outputs is the one that moves
        return {name: value[-1] if each or len(value) == 1 else value for name, value in of_row.items()}

    def values(self, z: Tensor, y: float) -> Tensor:
        """The loss of a row with label y (in a regression, target y) at each z, (Q,), in the dtype of z.

        That of several outputs is their sum or their mean, as `over_outputs` says.
        """
        if LOSSES[self.loss].of == "batch":
            return self.objective.mean(*self._in_batches(z, int(y)))
        losses = self.objective.losses(self._outputs(z), self._targets(z, y))[0]
        if losses.dim() == 1:
            return losses
        return losses.sum(-1) * (self.params[OVER_OUTPUTS.name].flatten() if losses.shape[-1] > 1 else 1)

    def gradients(self, z: Tensor, y: float) -> Tensor:
        """The derivative of `values` by z, (Q,), by autograd: what training sees."""
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(self.values(leaf, y).sum(), leaf)[0]

    def scores(self, z: Tensor) -> Tensor:
        """What the head shows for logits z: probabilities of the positive class, or values in a regression, (Q,)."""
        return self.objective.probabilities(self._outputs(z))[0, :, -1]

    def _outputs(self, z: Tensor) -> Tensor:
        """Raw outputs (1, Q, K)."""
        columns = [z] if HEADS[self.head].outputs(2) == 1 else [torch.zeros_like(z), z]
        return torch.stack(columns, -1)[None]

    def _targets(self, z: Tensor, y: float) -> Tensor:
        if "regression" in HEADS[self.head].tasks:
            return torch.full((1, len(z)), y, dtype=z.dtype)
        return self._labels(torch.full((1, len(z)), int(y)))

    def _labels(self, y: Tensor) -> Tensor:
        """Class indices y (...) as they are; as the second of two labels (..., 2) where head and loss serve these."""
        served = set(HEADS[self.head].tasks) & set(LOSSES[self.loss].tasks)
        return torch.stack([torch.ones_like(y), y], -1) if served == {"multilabel"} else y

    def _in_batches(self, z: Tensor, y: int) -> tuple[Tensor, Tensor]:
        """One batch (Q, 1 + OTHERS, K) for each z, the first row of which moves, and its labels (Q, 1 + OTHERS)."""
        rows = self._outputs(z)[0][:, None]
        others = torch.zeros_like(rows).expand(-1, OTHERS, -1)
        labels = torch.tensor([y] + [1] * POSITIVE_OTHERS + [0] * (OTHERS - POSITIVE_OTHERS))
        return torch.cat([rows, others], 1), self._labels(labels.expand(len(z), -1))


def binary_loss(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray = PLAIN_COUNTS,
    activation: str = "auto",
    dtype: torch.dtype = torch.float64,
) -> BinaryLoss:
    """A loss with chosen parameters; `counts` are the rows of each class (2,). Raises CutoffError for a bad value."""
    positives = counts if HEADS[head].outputs(2) > 1 else counts[1:]
    params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()), positives), dtype=dtype)
    return BinaryLoss(loss, head, params, activation)


def loss_of_pair(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray,
    negative: int = 0,
    positive: int = 1,
    activation: str = "auto",
) -> BinaryLoss:
    """A loss on a head of any number of outputs as it compares two classes, or judges label `positive` alone.

    `counts` are the rows of each class, or with each label, (C,). Raises CutoffError for a bad value.
    """
    outputs = HEADS[head].outputs(len(counts))
    params = loss_tensors(
        loss, [dict(values)], Counts(int(counts.sum()), counts if outputs > 1 else counts[1:]), dtype=torch.float64
    )
    if outputs > 1:
        pair = [negative, positive]
        params = {name: value[..., pair] if value.shape[-1] == outputs else value for name, value in params.items()}
    return BinaryLoss(loss, head, params, activation)


def binary_head(loss: str) -> str:
    """The head on which a loss is looked at with one logit: of two classes if it serves them."""
    heads = LOSSES[loss].heads
    return next((head for head in heads if "binary" in HEADS[head].tasks), heads[0])


def class_heads(loss: str) -> list[str]:
    """Every head on which a loss of classes can be looked at, that of `binary_head` first.

    The softmax of K logits is left out where the one of two logits, which it then is, can be chosen.
    """
    first, heads = binary_head(loss), LOSSES[loss].heads
    others = [head for head in heads if head not in (first, "identity")]
    return [first, *(head for head in others if head != "softmax" or "softmax2" not in heads)]


class LossOnData(NamedTuple):
    """All that the theory of a run on two classes depends on; `counts` are the training rows of each class."""

    loss: str
    head: str
    activation: str
    loss_params: tuple[tuple[str, Value], ...]
    counts: tuple[int, ...]

    def build(self) -> BinaryLoss:
        return binary_loss(self.loss, self.head, dict(self.loss_params), np.array(self.counts), self.activation)


def loss_on_data(config: RunConfig) -> LossOnData | None:
    """The loss of a run on two classes; None for other tasks, and for a loss of whole batches."""
    if DATASETS[config.dataset].task != "binary" or LOSSES[config.loss].of == "batch":
        return None
    counts = _class_counts(config.dataset, config.dataset_params, config.split_seed)
    return LossOnData(config.loss, config.head, config.activation, config.loss_params, counts)


@lru_cache(maxsize=64)
def _class_counts(dataset: str, params: tuple[tuple[str, Value], ...], seed: int) -> tuple[int, ...]:
    """Training rows of each of two classes."""
    return tuple(np.bincount(load_split(dataset, params, seed).y["train"], minlength=2).tolist())
