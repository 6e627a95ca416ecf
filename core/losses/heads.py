"""Heads: how many outputs a network has, how they become probabilities, and what they decide by default.

An output activation inside the network comes before the loss; the head's own link comes after it, where the loss
expects logits. Every wiring of the two can be built, the wrong ones too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core.losses.softmax import log_softmax, softmax

Gives = Literal["logits", "probabilities", "log-probabilities"]


@dataclass(frozen=True)
class ActivationSpec:
    """The last step inside a network: `function` maps its logits z (..., K) to outputs u of the same shape."""

    label: str
    function: Callable[[Tensor], Tensor]
    gives: Gives
    formula: str


@dataclass(frozen=True)
class HeadSpec:
    """`outputs(C)` is the number of outputs K for C classes or labels. `link` names the activation that turns logits
    into probabilities (none in a regression). Probabilities are shown from `first_column` on: one,
    P(y=1), in a binary task and one a class otherwise. `decision` says for each task how they decide by default."""

    label: str
    tasks: tuple[str, ...]
    outputs: Callable[[int], int]
    link: str
    formula: str
    decision: Mapping[str, str]
    about: str
    first_column: int = 0


ACTIVATIONS: dict[str, ActivationSpec] = {
    "none": ActivationSpec("none", lambda z: z, "logits", "u = z"),
    "sigmoid": ActivationSpec("sigmoid", torch.sigmoid, "probabilities", r"u = \sigma(z)"),
    "softmax": ActivationSpec("softmax", softmax, "probabilities", r"u = \mathrm{softmax}(z)"),
    "log_softmax": ActivationSpec("log-softmax", log_softmax, "log-probabilities", r"u = \log \mathrm{softmax}(z)"),
}

LARGEST = "the class of the largest p"
HEADS: dict[str, HeadSpec] = {
    "sigmoid": HeadSpec(
        label="One logit, sigmoid",
        tasks=("binary",),
        outputs=lambda classes: 1,
        link="sigmoid",
        formula=r"p = \sigma(z)",
        decision={"binary": "positive if p >= 0.5, that is z >= 0"},
        about="One output. Its sigmoid is the probability of the positive class.",
    ),
    "softmax2": HeadSpec(
        label="Two logits, softmax",
        tasks=("binary",),
        outputs=lambda classes: 2,
        link="softmax",
        formula=r"p = \mathrm{softmax}(z)_1 = \sigma(z_1 - z_0)",
        decision={"binary": "positive if p >= 0.5, that is z1 >= z0"},
        about="One output a class. Only their difference matters: it is the one logit of the sigmoid head.",
        first_column=1,
    ),
    "sigmoids": HeadSpec(
        label="L logits, a sigmoid each",
        tasks=("multilabel",),
        outputs=lambda classes: classes,
        link="sigmoid",
        formula=r"p_l = \sigma(z_l)",
        decision={"multilabel": "every label with p >= 0.5; a row may have none or several"},
        about="One output a label, each with its own yes or no.",
    ),
    "softmax": HeadSpec(
        label="K logits, softmax",
        tasks=("multiclass", "multilabel"),
        outputs=lambda classes: classes,
        link="softmax",
        formula=r"p_k = e^{z_k} / \textstyle\sum_j e^{z_j}",
        decision={"multiclass": LARGEST, "multilabel": "every label with p >= 0.5; the p of a row sum to 1"},
        about="One output a class; the probabilities of a row sum to 1.",
    ),
    "one_vs_rest": HeadSpec(
        label="K logits, a sigmoid each",
        tasks=("multiclass",),
        outputs=lambda classes: classes,
        link="sigmoid",
        formula=r"p_k = \sigma(z_k)",
        decision={"multiclass": LARGEST},
        about="One output a class against the rest. The probabilities of a row need not sum to 1.",
    ),
    "identity": HeadSpec(
        label="One value",
        tasks=("regression",),
        outputs=lambda classes: 1,
        link="none",
        formula=r"\hat y = z",
        decision={"regression": "none: the output is the prediction"},
        about="One output without any activation: the predicted value.",
    ),
}


def right_activation(head: str, expects: str) -> str:
    """The output activation with which a head gives a loss what it expects."""
    if expects == "logits":
        return "none"
    if expects == "log-probabilities":
        return "log_softmax"
    return HEADS[head].link


def probabilities(head: str, outputs: Tensor, gives: Gives, expects: str) -> Tensor:
    """What a head shows for a network's outputs u (..., K): probabilities (..., C'), or values in a regression.

    Outputs are read as the loss reads them: where it expects logits, the head's link is applied, also to what is a
    probability already (then at most e / (e + K - 1) is reached). Probabilities stay, log-probabilities are
    exponentiated, and anything else is cut to [0, 1].
    """
    link = ACTIVATIONS[HEADS[head].link].function
    if HEADS[head].link == "none":
        return outputs
    if expects == "logits" or (expects == "log-probabilities" and gives == "logits"):
        shown = link(outputs)
    elif gives == "log-probabilities":
        shown = outputs.exp()
    else:
        shown = outputs.clamp(0, 1)
    return shown[..., HEADS[head].first_column :]
