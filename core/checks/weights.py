"""Checks of weights and of label smoothing before a run (C201 ..): which way, and how far, they move the optimal score.

Whether weights are inverted, or far from what balances, is read off the optimal score, whatever the loss calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from core.checks.context import TORCH, Comparison, Context
from core.checks.finding import Check, Found
from core.parameters import Value

RARE = 0.3  # share of the rarer side below which it is rare
FAR = 2.0  # a weight this many times above or below what balances, and no nearer to 1, is far from it
BELOW_ONE = 0.8  # a weight of the rarer side from here down makes it count less on purpose
# Parameters that make one class count more than another, with the value at which they do not.
EVEN: dict[str, Value] = {
    "pos_weight": 1.0,
    "output_weight": "equal",
    "class_weight": "equal",
    "alpha": 0.5,
    "prior": "training",
}


def inverted(context: Context, parameter: str) -> Found:
    """The rarer class counts less than the other, and by this parameter; "" stands for none of EVEN."""
    if not (found := _inverted(context)) or _cause(context) != parameter:
        return None
    c = min(found, key=_towards_rare)
    return (
        f"{_at_half(c)}, the wrong way round: {c.share_sentence}. What balances is negatives to a positive, "
        f"{c.negatives:,} / {c.positives:,} = {c.balance:.2f}; {1 / c.balance:.3g} is its inverse.",
        _balanced(context, parameter),
    )


def far_from_balance(context: Context) -> Found:
    far = [c for c in context.comparisons if _beyond(c) >= math.log(FAR)]
    if not far or _inverted(context):  # inverted weights have a finding of their own
        return None
    c = max(far, key=_beyond)
    side = "above" if c.weight > c.balance else "below"
    return (
        f"{_at_half(c)}, far {side} what balances: {c.share_sentence}, so negatives to a positive are {c.balance:.2f}.",
        _balanced(context, _cause(context)),
    )


def _at_half(c: Comparison) -> str:
    """What a score of .5 stands for, as the beginning of a sentence."""
    probability = f"true P({c.name})" if c.name else "true probability"
    return (
        f"At the optimum a score of 0.5 stands for a {probability} of {c.optimum.half:.3g}, as with a pos_weight of "
        f"{c.weight:.4g}"
    )


def _towards_rare(c: Comparison) -> float:
    """Logarithm of the weight of the rarer side."""
    return _log(c.weight) if c.share <= 0.5 else -_log(c.weight)


def _beyond(c: Comparison) -> float:
    """How far the logarithm of the weight lies outside what is between even and balanced."""
    towards, balance = _towards_rare(c), abs(math.log(c.balance))
    return max(towards - balance, -towards)


def _log(weight: float) -> float:
    return math.log(weight) if 0 < weight < math.inf else 0.0  # every score, or none, reaches .5: no matter of weights


def _is_inverted(c: Comparison) -> bool:
    return min(c.share, 1 - c.share) < RARE and _towards_rare(c) <= math.log(BELOW_ONE)


def _inverted(context: Context) -> list[Comparison]:
    return [c for c in context.comparisons if _is_inverted(c)]


def _cause(context: Context) -> str:
    """The first parameter of EVEN that is enough for the finding, the others being even; "" if none is."""
    named = _named(context)
    for name in named:
        alone = context.with_params(**{other: EVEN[other] for other in named if other != name})
        even = context.with_params(**{other: EVEN[other] for other in named})
        if _worst(alone) and not _worst(even):
            return name
    return ""


def _named(context: Context) -> list[str]:
    """The parameters of EVEN that the loss has; a Tversky's alpha is another."""
    return [name for name in EVEN if name in context.params and context.loss.of != "batch"]


def _worst(context: Context) -> bool:
    """Whether weights are inverted or far from what balances."""
    return any(_is_inverted(c) or _beyond(c) >= math.log(FAR) for c in context.comparisons)


def _balanced(context: Context, parameter: str) -> dict[str, object] | None:
    """The change that balances by this parameter, or makes it even where no side is rare; the others become even."""
    share = context.share
    values: dict[str, Value] = {
        "pos_weight": min(max(round((1 - share) / share, 2), 0.01), 1000.0),
        "output_weight": "balanced",
        "class_weight": "balanced",
        "alpha": min(max(round(1 - share, 2), 0.01), 0.99),
        "prior": "training",
    }
    if parameter not in values:
        return None
    rare = any(min(c.share, 1 - c.share) < RARE for c in context.comparisons)
    others = {name: EVEN[name] for name in _named(context) if context.params[name] != EVEN[name]}
    return context.with_loss_params(**others | {parameter: values[parameter] if rare else EVEN[parameter]})


def weights_at_batch_size_1(context: Context) -> Found:
    weights = context.weights.get("class_weight")
    if (
        weights is None
        or context.config.batch_size > 1
        or weights.min() == weights.max()
        or context.params.get("label_smoothing")
    ):
        return None
    return (
        "The mean divides by the weights of the batch's rows. Of one row that is its own weight: they do nothing.",
        {"batch_size": min(64, len(context.split.y["train"]))},
    )


def smoothing_with_weights(context: Context) -> Found:
    weights, smoothing = context.weights.get("class_weight"), context.params.get("label_smoothing")
    if weights is None or not smoothing or weights.min() == weights.max():
        return None
    return (
        "The smoothed part of a label is weighted by the class that it goes to, so a heavy class pulls at every row.",
        context.with_loss_params(label_smoothing=0.0),
    )


def _inverted_by(parameter: str) -> Callable[[Context], Found]:
    return lambda context: inverted(context, parameter)


WEIGHTS: dict[str, tuple[Check, Callable[[Context], Found]]] = {
    "C201": (
        Check(
            "pos_weight inverted",
            "loss.pos_weight",
            "mistake",
            "A pos_weight that makes the rarer class count less.",
            "pos_weight multiplies the loss of positives. Balancing needs negatives to a positive, not the inverse.",
            "Invert the ratio, or leave it at 1 and move the threshold.",
            f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        ),
        _inverted_by("pos_weight"),
    ),
    "C202": (
        Check(
            "Far from balance",
            "loss",
            "caution",
            "A loss that moves the meaning of 0.5 much farther than balanced classes would.",
            "Weights shift the logit and change little else.",
            "Balance at most, and choose the threshold by what errors cost.",
            "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        ),
        far_from_balance,
    ),
    "C203": (
        Check(
            "Class weights inverted",
            "loss.class_weight",
            "caution",
            "Class weights that are larger for frequent classes.",
            "They make rare classes count even less in the loss.",
            "Use balanced, or equal weights and the threshold.",
            "King and Zeng, Logistic Regression in Rare Events Data (2001)",
        ),
        _inverted_by("class_weight"),
    ),
    "C204": (
        Check(
            "Weights cancel out",
            "loss.class_weight",
            "mistake",
            "Class weights with batches of one row.",
            "A weighted mean divides by the sum of the weights.",
            "Use larger batches.",
            f"{TORCH}, CrossEntropyLoss, reduction mean",
        ),
        weights_at_batch_size_1,
    ),
    "C205": (
        Check(
            "Smoothing with weights",
            "loss.label_smoothing",
            "note",
            "Label smoothing together with class weights.",
            "Both act on the same terms, and the threshold moves by both.",
            "Use one of the two.",
            f"{TORCH}, CrossEntropyLoss, label_smoothing",
        ),
        smoothing_with_weights,
    ),
    "C206": (
        Check(
            "alpha inverted",
            "loss.alpha",
            "note",
            "A focal alpha that makes the rarer class count less.",
            "alpha weighs positives and 1 - alpha negatives: 0.5 stands for a true probability of 1 - alpha, for any "
            "gamma.",
            "Use the share of negatives if you meant to help the rarer class.",
            "Lin et al., Focal Loss for Dense Object Detection (2017)",
        ),
        _inverted_by("alpha"),
    ),
    "C214": (
        Check(
            "Output weight inverted",
            "loss.output_weight",
            "mistake",
            "A weight that makes a rare label count less.",
            "It multiplies the loss of that label's positives. Balancing needs negatives to a positive.",
            "Use balanced, or leave it at 1 and move the label's threshold.",
            f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        ),
        _inverted_by("output_weight"),
    ),
    "C215": (
        Check(
            "Prior inverted",
            "loss.prior",
            "mistake",
            "Class shares that are the wrong way round for logit adjustment.",
            "The loss takes the shares that it is given out of the scores; inverted ones double the imbalance.",
            "Use the shares of the training rows.",
            "Menon et al., Long-tail learning via logit adjustment (2021)",
        ),
        _inverted_by("prior"),
    ),
    "C216": (
        Check(
            "Rarer class under-weighted",
            "loss",
            "note",
            "A loss whose optimal score makes the rarer class count less.",
            "What it takes off the loss of the rarer class, no weight gives back.",
            "Lower the threshold, or take a loss that weighs both classes alike.",
            "Ridnik et al., Asymmetric Loss For Multi-Label Classification (2021)",
        ),
        _inverted_by(""),
    ),
}
