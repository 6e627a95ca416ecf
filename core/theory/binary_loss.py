"""A loss as a function of one logit, for two classes.

The logit z is the output of a head with one output, and the second output of a head with two, the first of which is 0:
a softmax depends only on their difference, and with two sigmoids the loss of the first does not depend on z. In
multi-label data the first label is always 1 and the second one is y. A loss of a whole batch is evaluated for one row
with logit z among OTHERS fixed rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.data import dataset_spec, load_dataset, load_split
from core.experiment.config import RunConfig
from core.losses import LOSSES, Counts, Params, loss_tensors
from core.losses.heads import HEADS
from core.losses.objective import Objective, label_counts, resolved
from core.losses.spec import OVER_OUTPUTS, Numbers
from core.parameters import Value

OTHERS, POSITIVE_OTHERS = 15, 5  # number of other rows of a batch, all with score .5, and how many of them are positive
PLAIN_COUNTS = np.array([90, 10])


@dataclass(frozen=True)
class BinaryLoss:
    """A loss with parameters (`params`, for one run) and a head, as a function of one logit z (Q,)."""

    loss: str
    head: str
    params: Params
    activation: str = "auto"

    @property
    def objective(self) -> Objective:
        """The objective that training minimises."""
        return Objective(self.head, resolved(self.head, self.activation, self.loss), self.loss, self.params)

    def to(self, dtype: torch.dtype) -> BinaryLoss:
        """The same loss with its parameters in another dtype."""
        return replace(self, params={name: value.to(dtype) for name, value in self.params.items()})

    @property
    def as_expected(self) -> bool:
        """Whether the final activation is the one the loss expects, or equivalent to it.

        A log-softmax before a loss that applies its own is equivalent, since log-softmax is idempotent.
        """
        activation, expected = (resolved(self.head, name, self.loss) for name in (self.activation, "auto"))
        repeated = activation == "log_softmax" and expected == "none" and HEADS[self.head].link == "softmax"
        return activation == expected or repeated

    @property
    def numbers(self) -> Numbers:
        """The parameters for closed forms: each a number (), or one per class (2,)."""
        of_row = {name: value[0, 0].double().numpy() for name, value in self.params.items()}
        each = LOSSES[self.loss].of == "output"  # then only the second of two outputs depends on z
        return {name: value[-1] if each or len(value) == 1 else value for name, value in of_row.items()}

    def values(self, z: Tensor, y: float) -> Tensor:
        """The loss of a row at each logit.

        Parameters
        ----------
        z : logits (Q,); predictions in a regression.
        y : label, 0 or 1; target in a regression.

        Returns
        -------
        Losses (Q,) in the dtype of z, summed or averaged over outputs as `over_outputs` says.
        """
        if LOSSES[self.loss].of == "batch":
            return self.objective.mean(*self._in_batches(z, int(y)))
        losses = self.objective.losses(self._outputs(z), self._targets(z, y))[0]
        if losses.dim() == 1:
            return losses
        return losses.sum(-1) * (self.params[OVER_OUTPUTS.name].flatten() if losses.shape[-1] > 1 else 1)

    def gradients(self, z: Tensor, y: float) -> Tensor:
        """The derivative of `values` by z, (Q,), by autograd, as in training."""
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(self.values(leaf, y).sum(), leaf)[0]

    def scores(self, z: Tensor) -> Tensor:
        """Scores (Q,) for logits z (Q,): probabilities of the positive class, or predictions in a regression."""
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
        """Class indices y (...), or the second of two labels (..., 2) where head and loss are multi-label only."""
        served = set(HEADS[self.head].tasks) & set(LOSSES[self.loss].tasks)
        return torch.stack([torch.ones_like(y), y], -1) if served == {"multilabel"} else y

    def _in_batches(self, z: Tensor, y: int) -> tuple[Tensor, Tensor]:
        """A batch (Q, 1 + OTHERS, K) for each z, which only its first row depends on, and labels (Q, 1 + OTHERS)."""
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
    """Build a loss for two classes.

    Parameters
    ----------
    loss, head, activation : names in LOSSES, HEADS and ACTIVATIONS, or "auto" for the default for this loss.
    values : parameters of the loss by name; the others keep their defaults.
    counts : training rows of each class, (2,).
    dtype : of the parameters.

    Returns
    -------
    The loss as a function of one logit.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
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
    rows: int | None = None,
) -> BinaryLoss:
    """Build a loss on a head with any number of outputs, restricted to two classes or to one label.

    Parameters
    ----------
    loss, head, activation : names in LOSSES, HEADS and ACTIVATIONS, or "auto" for the default for this loss.
    values : parameters of the loss by name; the others keep their defaults.
    counts : training rows of each class, or with each label, (C,) with C >= 2.
    negative, positive : the two classes, in [0, C); `positive` is the label where each output has a sigmoid.
    rows : number of training rows; by default the sum of `counts`, which is right for classes but not for labels.

    Returns
    -------
    The loss as a function of one logit.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
    outputs = HEADS[head].outputs(len(counts))
    trained = Counts(int(counts.sum()) if rows is None else rows, counts if outputs > 1 else counts[1:])
    params = loss_tensors(loss, [dict(values)], trained, dtype=torch.float64)
    if outputs > 1:
        pair = [negative, positive]
        params = {name: value[..., pair] if value.shape[-1] == outputs else value for name, value in params.items()}
    return BinaryLoss(loss, head, params, activation)


def binary_head(loss: str) -> str:
    """The head to show a loss with as a function of one logit: a binary head if it supports one."""
    heads = LOSSES[loss].heads
    return next((head for head in heads if "binary" in HEADS[head].tasks), heads[0])


def class_heads(loss: str) -> list[str]:
    """All heads to show a classification loss with, that of `binary_head` first.

    The softmax of K logits is left out if the softmax of two logits is among them: for two classes they are equal.
    """
    first, heads = binary_head(loss), LOSSES[loss].heads
    others = [head for head in heads if head not in (first, "identity")]
    return [first, *(head for head in others if head != "softmax" or "softmax2" not in heads)]


class LossOnData(NamedTuple):
    """What the theory of a binary run depends on; counts (2,) are the training rows of each class."""

    loss: str
    head: str
    activation: str
    loss_params: tuple[tuple[str, Value], ...]
    counts: tuple[int, ...]

    def build(self) -> BinaryLoss:
        """The loss as a function of one logit."""
        return binary_loss(self.loss, self.head, dict(self.loss_params), np.array(self.counts), self.activation)


def loss_on_data(config: RunConfig) -> LossOnData | None:
    """The loss of a binary run; None for other tasks, and for a loss of whole batches."""
    if dataset_spec(config.dataset).task != "binary" or LOSSES[config.loss].of == "batch":
        return None
    counts = _class_counts(config.dataset, config.dataset_params, config.split_seed)
    return LossOnData(config.loss, config.head, config.activation, config.loss_params, counts)


def training_counts(config: RunConfig) -> Counts:
    """The training rows of a run, and those whose target is 1 for each of its outputs."""
    outputs = HEADS[config.head].outputs(len(load_dataset(config.dataset, config.dataset_params).class_names))
    return label_counts(load_split(config.dataset, config.dataset_params, config.split_seed).y["train"], outputs)


@lru_cache(maxsize=64)
def _class_counts(dataset: str, params: tuple[tuple[str, Value], ...], seed: int) -> tuple[int, ...]:
    """Number of training rows of each of two classes."""
    return tuple(np.bincount(load_split(dataset, params, seed).y["train"], minlength=2).tolist())
