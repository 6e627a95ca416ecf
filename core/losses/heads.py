"""Heads: how many outputs a network has, how they become probabilities, and their default decision.

A final activation in the network is applied before the loss. If the loss expects logits, the head's link then turns
outputs into probabilities for display. All combinations of the two can be built, including wrong ones.
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
    """A final activation: `function` maps logits z (..., K) to outputs u of the same shape; `gives` says what u are."""

    label: str
    function: Callable[[Tensor], Tensor]
    gives: Gives


@dataclass(frozen=True)
class HeadSpec:
    """A registry entry: an output layer and how its outputs are used.

    Parameters
    ----------
    label, about : its name and description.
    tasks : tasks that it is offered for.
    outputs : maps the number of classes or labels C to the number of outputs K.
    link : the activation that turns logits into probabilities; "none" in a regression.
    decision : the default decision rule in words, by task.
    first_column : column from which on probabilities are shown: only P(y=1) in a binary task, else one per class or
        label.
    """

    label: str
    tasks: tuple[str, ...]
    outputs: Callable[[int], int]
    link: str
    decision: Mapping[str, str]
    about: str
    first_column: int = 0


ACTIVATIONS: dict[str, ActivationSpec] = {
    "none": ActivationSpec("none", lambda z: z, "logits"),
    "sigmoid": ActivationSpec("sigmoid", torch.sigmoid, "probabilities"),
    "softmax": ActivationSpec("softmax", softmax, "probabilities"),
    "log_softmax": ActivationSpec("log-softmax", log_softmax, "log-probabilities"),
}

LARGEST = "the class with the largest p"
HEADS: dict[str, HeadSpec] = {
    "sigmoid": HeadSpec(
        label="One logit, sigmoid",
        tasks=("binary",),
        outputs=lambda classes: 1,
        link="sigmoid",
        decision={"binary": "positive if p >= 0.5, that is z >= 0"},
        about="One output. Its sigmoid is the probability of the positive class.",
    ),
    "softmax2": HeadSpec(
        label="Two logits, softmax",
        tasks=("binary",),
        outputs=lambda classes: 2,
        link="softmax",
        decision={"binary": "positive if p >= 0.5, that is z1 >= z0"},
        about="One output per class. Only their difference matters: it equals the logit of the sigmoid head.",
        first_column=1,
    ),
    "sigmoids": HeadSpec(
        label="L sigmoid outputs (multi-label)",
        tasks=("multilabel",),
        outputs=lambda classes: classes,
        link="sigmoid",
        decision={"multilabel": "every label with p >= 0.5; a row may have any number of labels"},
        about="One output per label; each label is decided independently.",
    ),
    "softmax": HeadSpec(
        label="K logits, softmax",
        tasks=("multiclass", "multilabel"),
        outputs=lambda classes: classes,
        link="softmax",
        decision={"multiclass": LARGEST, "multilabel": "every label with p >= 0.5; the p of a row sum to 1"},
        about="One output per class; the probabilities of a row sum to 1.",
    ),
    "one_vs_rest": HeadSpec(
        label="K sigmoid outputs (one-vs-rest)",
        tasks=("multiclass",),
        outputs=lambda classes: classes,
        link="sigmoid",
        decision={"multiclass": LARGEST},
        about="One output per class (one-vs-rest). The probabilities of a row need not sum to 1.",
    ),
    "identity": HeadSpec(
        label="Single linear output",
        tasks=("regression",),
        outputs=lambda classes: 1,
        link="none",
        decision={"regression": "none: a regression has no decision threshold"},
        about="One output without an activation: the predicted value.",
    ),
}


def right_activation(head: str, expects: str) -> str:
    """The final activation that makes the outputs of a head what a loss expects."""
    if expects == "logits":
        return "none"
    if expects == "log-probabilities":
        return "log_softmax"
    return HEADS[head].link


def probabilities(head: str, outputs: Tensor, gives: Gives, expects: str) -> Tensor:
    """Convert a network's outputs to probabilities, or return the values of a regression.

    Outputs are interpreted as the loss interprets them. If it expects logits, the head's link is applied, even to
    outputs that are already probabilities (a softmax then reaches at most e / (e + K - 1)). Log-probabilities are
    exponentiated, all else is clipped to [0, 1].

    Parameters
    ----------
    head : key in HEADS.
    outputs : u (..., K), after the final activation.
    gives : what the final activation gives.
    expects : what the loss expects.

    Returns
    -------
    scores : (..., C') in [0, 1]; values (..., K) in a regression.
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
