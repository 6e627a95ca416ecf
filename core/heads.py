"""Heads: how many outputs a network has, how they become probabilities, and what they decide by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class HeadSpec:
    """`outputs(C)` is the number of logits K for C classes; `probabilities` maps logits (..., K) to (..., C'):
    one column, P(y=1), in a binary task and one column a class otherwise."""

    label: str
    tasks: tuple[str, ...]
    outputs: Callable[[int], int]
    probabilities: Callable[[Tensor], Tensor]
    formula: str
    decision: str
    about: str


def sigmoid_probability(logits: Tensor) -> Tensor:
    """P(y=1) = sigmoid(z): (..., 1) -> (..., 1), each in [0, 1]."""
    return torch.sigmoid(logits)


def softmax_positive(logits: Tensor) -> Tensor:
    """P(y=1) = softmax(z)[1] = sigmoid(z1 - z0): (..., 2) -> (..., 1), each in [0, 1]."""
    return torch.softmax(logits, -1)[..., 1:]


def softmax_classes(logits: Tensor) -> Tensor:
    """P(y=k) = exp(z_k) / sum_j exp(z_j): (..., K) -> (..., K); each row sums to 1."""
    return torch.softmax(logits, -1)


HEADS: dict[str, HeadSpec] = {
    "sigmoid": HeadSpec(
        label="One logit, sigmoid",
        tasks=("binary",),
        outputs=lambda classes: 1,
        probabilities=sigmoid_probability,
        formula=r"p = \sigma(z)",
        decision="positive if p >= 0.5, that is z >= 0",
        about="One output. Its sigmoid is the probability of the positive class.",
    ),
    "softmax2": HeadSpec(
        label="Two logits, softmax",
        tasks=("binary",),
        outputs=lambda classes: 2,
        probabilities=softmax_positive,
        formula=r"p = \mathrm{softmax}(z)_1 = \sigma(z_1 - z_0)",
        decision="positive if p >= 0.5, that is z1 >= z0",
        about="One output a class. Only their difference matters: it is the one logit of the sigmoid head.",
    ),
    "softmax": HeadSpec(
        label="K logits, softmax",
        tasks=("multiclass",),
        outputs=lambda classes: classes,
        probabilities=softmax_classes,
        formula=r"p_k = e^{z_k} / \textstyle\sum_j e^{z_j}",
        decision="the class of the largest p",
        about="One output a class; the probabilities of a row sum to 1.",
    ),
}
