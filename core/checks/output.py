"""Checks of the output before training (C1..): final activation, head and loss."""

from __future__ import annotations

import math

from scipy.special import expit

from core.checks.context import AUTO, TORCH, Context
from core.checks.finding import Check, Found


def _as_expected(context: Context) -> dict[str, object]:
    """The change to the final activation that the loss expects; multi-label data gets sigmoids if the loss allows
    it."""
    if context.data.task == "multilabel" and context.head.link == "softmax" and "sigmoids" in context.loss.heads:
        return {"head": "sigmoids", **AUTO}
    return AUTO


def softmax_twice(context: Context) -> Found:
    if context.activation != "softmax" or context.head.link != "softmax" or context.loss.expects != "logits":
        return None
    return f"The outputs are already probabilities. {_squeezed(context)}", AUTO


def _squeezed(context: Context) -> str:
    """The largest probability of a softmax over outputs in [0, 1]: that of a one among zeros."""
    others = context.outputs - 1
    return (
        f"A softmax over {context.outputs} numbers from 0 to 1 gives no probability above "
        f"{math.e / (math.e + others):.4f}; -log p of the true class stays above {math.log(1 + others / math.e):.4f}."
    )


def double_sigmoid(context: Context) -> Found:
    if context.activation != "sigmoid" or context.head.link != "sigmoid" or context.loss.expects != "logits":
        return None
    everything = (
        "predicts every label for every row" if context.data.task == "multilabel" else "predicts every row positive"
    )
    costs = f" The loss of a negative is at least the margin, {context.params['margin']:g}." if context.is_hinge else ""
    return (
        f"{_between(context)}, and p >= 0.5 {everything}. 0.5 on the inner sigmoid stands for {expit(0.5):.4f}.{costs}",
        AUTO,
    )


def _between(context: Context) -> str:
    """The range of a sigmoid of numbers from 0 to 1."""
    reader = "p gets a second sigmoid" if context.is_hinge else "The loss applies a second sigmoid"
    return f"{reader}: it maps numbers from 0 to 1 to p from {expit(0):g} to {expit(1):.3f}"


def softmax_of_one(context: Context) -> Found:
    if context.outputs > 1 or context.activation not in ("softmax", "log_softmax"):
        return None
    output = 1 if context.activation == "softmax" else 0
    shown = expit(output) if context.loss.expects == "logits" else 1
    return f"Over one output it is always {output}: every score is {shown:.3g} and no weight changes.", AUTO


def log_softmax_twice(context: Context) -> Found:
    if (
        context.activation != "log_softmax"
        or context.head.link != "softmax"
        or context.loss.expects != "logits"
        or context.outputs == 1
    ):
        return None
    return (
        "Harmless: it shifts all outputs of a row by the same number, and the loss depends only on their differences.",
        AUTO,
    )


def softmax_before_nll(context: Context) -> Found:
    if context.loss.expects != "log-probabilities" or context.activation != "softmax":
        return None
    return (
        "NLL takes no logarithm: the loss is -p of the true class, from -1 to 0, and its gradient p (1 - p) vanishes "
        "for misclassified rows.",
        AUTO,
    )


def logits_into_nll(context: Context) -> Found:
    if context.loss.expects != "log-probabilities" or context.activation not in ("none", "sigmoid"):
        return None
    if context.activation == "none":
        return "NLL is minus the output of the true class, which is unbounded: the loss falls without limit.", AUTO
    return (
        "NLL is minus the output of the true class; all sigmoids can reach 1, so the loss reaches -1 without "
        "separating classes.",
        AUTO,
    )


def activation_of_another_head(context: Context) -> Found:
    if context.outputs == 1 or context.head.link == "none":
        return None
    logits, unit = context.loss.expects == "logits", context.loss.expects == "probabilities"
    if context.activation == "log_softmax" and unit:
        return "Log-probabilities are <= 0, and the loss compares them with 0 and 1.", _as_expected(context)
    if context.activation == "sigmoid" and context.head.link == "softmax" and logits:
        return f"Each output is squeezed to [0, 1]. {_squeezed(context)}", AUTO
    if context.head.link != "sigmoid":
        return None
    if context.activation == "log_softmax":
        return f"Log-probabilities are <= 0, so their sigmoid p never exceeds {expit(0):g}.", AUTO
    if context.activation == "softmax" and logits:
        return f"The outputs of a row sum to 1. {_between(context)}.", AUTO
    if context.activation == "softmax" and context.data.task == "multilabel":
        labels = float(context.data.y.sum(1).mean())
        return (
            f"The outputs of a row sum to 1, so no two are above 0.5; rows of this data have {labels:.2f} labels "
            "on average.",
            AUTO,
        )
    return None


def unusual_but_sound(context: Context) -> Found:
    if context.outputs == 1 or context.loss.expects != "probabilities":
        return None
    if context.activation == "softmax" and context.head.link == "sigmoid" and context.data.task != "multilabel":
        return (
            f"The {context.outputs} probabilities of a row sum to 1, as with the softmax head; the decision is also "
            f"argmax.",
            AUTO,
        )
    if context.activation == "sigmoid" and context.head.link == "softmax":
        said = f"The {context.outputs} probabilities of a row need not sum to 1; each is learned independently."
        return said, _as_expected(context)
    return None


def labels_that_compete(context: Context) -> Found:
    if (
        context.data.task != "multilabel"
        or context.activation != "softmax"
        or context.head.link != "softmax"
        or context.loss.mistake
    ):
        return None
    several = float((context.data.y.sum(1) > 1).mean())
    return (
        f"The probabilities of a row sum to 1, so no two are above 0.5; {several:.0%} of the rows have several labels.",
        _as_expected(context),
    )


def outputs_without_bounds(context: Context) -> Found:
    if (
        context.activation != "none"
        or context.head.link == "none"
        or context.loss.expects not in ("probabilities", "values")
    ):
        return None
    return (
        "The loss compares the outputs with 0 and 1, but they are unbounded; the scores shown are clipped to [0, 1].",
        _as_expected(context),
    )


def cross_entropy_of_one(context: Context) -> Found:
    if context.config.loss != "cross_entropy_float":
        return None
    return context.loss.mistake, {"loss": "bce", "loss_params": (), "activation": "auto"}


def cross_entropy_of_labels(context: Context) -> Found:
    if context.config.loss != "cross_entropy_multihot":
        return None
    return context.loss.mistake, {"head": "sigmoids", "loss": "bce", "loss_params": (), "activation": "auto"}


def labels_counted_again(context: Context) -> Found:
    said = context.loss.mistakes.get(("targets", str(context.params.get("targets"))))
    if said is None:
        return None
    labels = float(context.data.y.sum(1).mean())
    return f"{said} Rows of this data have {labels:.2f} labels on average.", context.with_loss_params(
        targets="normalised"
    )


OUTPUT: dict[str, Check] = {
    "C101": Check(
        "Softmax twice",
        "activation",
        "mistake",
        "A softmax in the network before a loss that applies a softmax itself.",
        "Its inputs differ by at most 1, so the second softmax can't give confident probabilities, and gradients "
        "shrink for misclassified rows.",
        "Remove the softmax from the network; the loss applies it.",
        f"{TORCH}, CrossEntropyLoss: input is expected to contain unnormalized logits",
        softmax_twice,
    ),
    "C102": Check(
        "Sigmoid twice",
        "activation",
        "mistake",
        "A sigmoid in the network before a loss that applies a sigmoid itself.",
        "The second sigmoid maps values from 0 to 1 to 0.5 to 0.731.",
        "Remove the sigmoid from the network, or use BCE on probabilities.",
        f"{TORCH}, BCEWithLogitsLoss combines a Sigmoid layer and the BCELoss",
        double_sigmoid,
    ),
    "C103": Check(
        "Softmax over one output",
        "activation",
        "mistake",
        "A softmax over a single output.",
        "A softmax divides by the sum over the outputs; with one output the result is always 1.",
        "Use a sigmoid for one output, or two outputs.",
        f"{TORCH}, torch.softmax",
        softmax_of_one,
    ),
    "C104": Check(
        "Log-softmax twice",
        "activation",
        "note",
        "A log-softmax in the network before cross-entropy.",
        "The log-softmax of a log-softmax is the same, up to rounding.",
        "Remove it, or use NLL after it.",
        f"{TORCH}, CrossEntropyLoss is LogSoftmax and NLLLoss",
        log_softmax_twice,
    ),
    "C105": Check(
        "Softmax before NLL",
        "activation",
        "mistake",
        "Probabilities where NLL expects their logarithms.",
        "NLL takes no logarithm: its loss is minus its input.",
        "Use log-softmax before NLL.",
        f"{TORCH}, NLLLoss: the input is expected to contain log-probabilities",
        softmax_before_nll,
    ),
    "C106": Check(
        "No log-probabilities for NLL",
        "activation",
        "mistake",
        "Raw outputs where NLL expects log-probabilities.",
        "The outputs are unbounded: a larger output of the true class always lowers the loss.",
        "Use log-softmax before NLL, or cross-entropy on the raw outputs.",
        f"{TORCH}, NLLLoss: the input is expected to contain log-probabilities",
        logits_into_nll,
    ),
    "C107": Check(
        "Activation of another head",
        "activation",
        "mistake",
        "A final activation that fits neither the head nor the loss.",
        "A softmax makes the outputs of a row sum to 1, sigmoids leave them independent, and log-softmax gives "
        "logarithms.",
        "Choose the activation that the loss expects.",
        f"{TORCH}, torch.softmax and torch.sigmoid",
        activation_of_another_head,
    ),
    "C108": Check(
        "Outputs without bounds",
        "activation",
        "caution",
        "Raw outputs where the loss compares with 0 and 1.",
        "Correct outputs beyond 0 or 1 are penalised like errors.",
        "Add a sigmoid or softmax to the network.",
        "Brier, Verification of forecasts expressed in terms of probability (1950)",
        outputs_without_bounds,
    ),
    "C109": Check(
        "Cross-entropy over one output",
        "loss",
        "mistake",
        "Cross-entropy with one output and float labels.",
        "The softmax over one output is 1 and its log 0: torch accepts it, and the gradient is 0.",
        "Use BCE with logits, or two outputs.",
        f"{TORCH}, CrossEntropyLoss with class probabilities as targets",
        cross_entropy_of_one,
    ),
    "C110": Check(
        "Cross-entropy over labels",
        "loss",
        "mistake",
        "Cross-entropy on multi-label data.",
        "The probabilities of a softmax sum to 1, so labels compete.",
        "Use one sigmoid per label and BCE.",
        f"{TORCH}, CrossEntropyLoss with class probabilities as targets",
        cross_entropy_of_labels,
    ),
    "C111": Check(
        "Another head's probabilities",
        "activation",
        "note",
        "Probabilities from another activation than the head's, for a loss that accepts both.",
        "A loss on probabilities compares each with 0 or 1, whether or not they sum to 1.",
        "Nothing needs to change; choose the matching head if this is intended.",
        "Brier, Verification of forecasts expressed in terms of probability (1950)",
        unusual_but_sound,
    ),
    "C112": Check(
        "Softmax head on labels",
        "head",
        "caution",
        "A softmax head on multi-label data.",
        "The probabilities of a softmax sum to 1, so labels compete.",
        "Use one sigmoid per label.",
        "Zhang and Zhou, A Review on Multi-Label Learning Algorithms (2014)",
        labels_that_compete,
    ),
    "C113": Check(
        "Multi-hot targets",
        "loss.targets",
        "mistake",
        "Cross-entropy with targets that sum to more than 1.",
        "torch accepts any floats as class probabilities and multiplies -log p of each class by its target.",
        "Divide the targets of a row by its number of labels, or use one sigmoid per label and BCE.",
        f"{TORCH}, CrossEntropyLoss with class probabilities as targets",
        labels_counted_again,
    ),
}
