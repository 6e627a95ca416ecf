"""Checks of the wiring before a run (C1..): output activation, head and loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.checks.setting import AUTO, TORCH, Found, Setting
from core.checks.spec import Check


def softmax_twice(s: Setting) -> Found:
    if s.activation != "softmax" or s.head.link != "softmax" or s.loss.expects != "logits":
        return None
    classes = s.outputs
    return (
        f"The loss applies a softmax of its own, so with {classes} outputs no probability exceeds "
        f"{math.e / (math.e + classes - 1):.4f} and the loss stays above {math.log(1 + (classes - 1) / math.e):.4f}.",
        AUTO,
    )


def double_sigmoid(s: Setting) -> Found:
    if s.activation != "sigmoid" or s.head.link != "sigmoid" or s.loss.expects != "logits":
        return None
    ends = 1 / (1 + np.exp([0, -1, -0.5]))
    return (
        f"The loss applies a sigmoid of its own, so p lies between {ends[0]:.3g} and {ends[1]:.3f} and p >= 0.5 calls "
        f"every row positive. 0.5 on the inner sigmoid stands for {ends[2]:.4f}.",
        AUTO,
    )


def softmax_of_one(s: Setting) -> Found:
    if s.outputs > 1 or s.activation not in ("softmax", "log_softmax"):
        return None
    return (
        "A softmax over one output is 1 whatever the row, so every row gets the same score and nothing is learnt.",
        AUTO,
    )


def log_softmax_twice(s: Setting) -> Found:
    if s.activation != "log_softmax" or s.head.link != "softmax" or s.loss.expects != "logits":
        return None
    return "Harmless: the loss takes a log-softmax itself, and a second one changes nothing.", AUTO


def softmax_before_nll(s: Setting) -> Found:
    if s.loss.expects != "log-probabilities" or s.activation != "softmax":
        return None
    return "NLL only turns the sign, so it gets -p: losses from -1 to 0, and a slope that fades on wrong rows.", AUTO


def logits_into_nll(s: Setting) -> Found:
    if s.loss.expects != "log-probabilities" or s.activation not in ("none", "sigmoid"):
        return None
    end = (
        "without any lower bound: it falls for ever" if s.activation == "none" else "at best -1 for every class at once"
    )
    return f"NLL gets no log-probabilities. It is minus the true class's output, {end}.", AUTO


def other_activation(s: Setting) -> Found:
    kinds = {"sigmoid": "sigmoid", "softmax": "softmax", "log_softmax": "softmax"}
    if s.outputs == 1 or s.loss.expects == "log-probabilities" or s.head.link == "none":
        return None
    if s.activation not in kinds or kinds[s.activation] == s.head.link:
        return None
    if s.head.link == "sigmoid":
        return (
            "A softmax makes the outputs of a row compete: raising one lowers the others; no two are above 0.5.",
            AUTO,
        )
    return (
        "A sigmoid on each output leaves them without a common sum, and squeezes them into 0 to 1 before the loss.",
        AUTO,
    )


def not_what_is_expected(s: Setting) -> Found:
    unit = s.loss.expects == "probabilities" or (s.loss.expects == "values" and s.head.link != "none")
    if not unit or s.activation in ("sigmoid", "softmax"):
        return None
    return (
        "The loss compares with 0 and 1, but the outputs have no bounds; they are cut to 0 and 1 only when shown.",
        AUTO,
    )


def cross_entropy_of_one(s: Setting) -> Found:
    if s.config.loss != "cross_entropy_float":
        return None
    return s.loss.mistake, {"loss": "bce", "loss_params": (), "activation": "auto"}


def cross_entropy_of_labels(s: Setting) -> Found:
    if s.config.loss != "cross_entropy_multihot":
        return None
    return s.loss.mistake, {"head": "sigmoids", "loss": "bce", "loss_params": (), "activation": "auto"}


WIRING: dict[str, tuple[Check, Callable[[Setting], Found]]] = {
    "C101": (
        Check(
            "Softmax twice",
            "activation",
            "mistake",
            "A softmax in the network before a loss that applies a softmax itself.",
            "Its inputs lie in 0 to 1 and so differ by at most 1: the second softmax can't tell classes far apart, and "
            "gradients shrink on wrong rows.",
            "Leave the softmax out of the network; the loss has it.",
            f"{TORCH}, CrossEntropyLoss: input is expected to contain unnormalized logits",
        ),
        softmax_twice,
    ),
    "C102": (
        Check(
            "Sigmoid twice",
            "activation",
            "mistake",
            "A sigmoid in the network before a loss that applies a sigmoid itself.",
            "The second sigmoid sees values in 0 to 1 and maps them to 0.5 to 0.731.",
            "Leave the sigmoid out of the network, or take BCE on probabilities.",
            f"{TORCH}, BCEWithLogitsLoss combines a Sigmoid layer and the BCELoss",
        ),
        double_sigmoid,
    ),
    "C103": (
        Check(
            "Softmax over one output",
            "activation",
            "mistake",
            "A softmax over a single output.",
            "A softmax divides by the sum over the outputs; of one output that is itself.",
            "Use a sigmoid for one output, or two outputs.",
            f"{TORCH}, torch.softmax",
        ),
        softmax_of_one,
    ),
    "C104": (
        Check(
            "Log-softmax twice",
            "activation",
            "note",
            "A log-softmax in the network before cross-entropy.",
            "Log-softmax of a log-softmax is the same again.",
            "Leave it out, or take NLL after it.",
            f"{TORCH}, CrossEntropyLoss is LogSoftmax and NLLLoss",
        ),
        log_softmax_twice,
    ),
    "C105": (
        Check(
            "Softmax before NLL",
            "activation",
            "mistake",
            "Probabilities where NLL expects their logarithms.",
            "NLL takes no logarithm itself: its loss is minus what it is given.",
            "Use log-softmax before NLL.",
            f"{TORCH}, NLLLoss: the input is expected to contain log-probabilities",
        ),
        softmax_before_nll,
    ),
    "C106": (
        Check(
            "No log-probabilities for NLL",
            "activation",
            "mistake",
            "Raw outputs where NLL expects log-probabilities.",
            "Nothing holds the outputs back: raising the true class's output always pays.",
            "Use log-softmax before NLL, or cross-entropy on the raw outputs.",
            f"{TORCH}, NLLLoss: the input is expected to contain log-probabilities",
        ),
        logits_into_nll,
    ),
    "C107": (
        Check(
            "Activation of another head",
            "activation",
            "mistake",
            "An output activation that does not fit the head.",
            "A softmax ties the outputs of a row together, sigmoids leave each its own.",
            "Choose the activation that the loss expects.",
            f"{TORCH}, torch.softmax and torch.sigmoid",
        ),
        other_activation,
    ),
    "C108": (
        Check(
            "Outputs without bounds",
            "activation",
            "caution",
            "Raw outputs where the loss compares with 0 and 1.",
            "Rows far on the right side are pulled back as if they were wrong.",
            "Put a sigmoid or softmax into the network.",
            "Brier, Verification of forecasts expressed in terms of probability (1950)",
        ),
        not_what_is_expected,
    ),
    "C109": (
        Check(
            "Cross-entropy over one output",
            "loss",
            "mistake",
            "Cross-entropy with one output and float labels.",
            "The softmax over one output is 1 and its log 0, so torch has nothing to complain of and nothing to learn.",
            "Take BCE with logits, or two outputs.",
            f"{TORCH}, CrossEntropyLoss with class probabilities as targets",
        ),
        cross_entropy_of_one,
    ),
    "C110": (
        Check(
            "Cross-entropy over labels",
            "loss",
            "mistake",
            "Cross-entropy on rows that may have several labels.",
            "A softmax shares 1 among the outputs.",
            "Give each label a sigmoid of its own and take BCE.",
            f"{TORCH}, CrossEntropyLoss with class probabilities as targets",
        ),
        cross_entropy_of_labels,
    ),
}
