"""Checks of weights and label smoothing before training (C201 ..), by the shift of the optimal score.

Whether weights are inverted or far from balance follows from the optimal score, whatever the loss calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from core.checks.context import TORCH, Comparison, Context
from core.checks.finding import Check, Found
from core.parameters import Value

RARE = 0.3  # a class is rare below this fraction
FAR = 2.0  # weights are far from balance if outside [1, balance] by at least this factor
BELOW_ONE = 0.8  # weights of the rarer class up to this count as inverted
# Parameters that weight classes differently, with the value at which they are neutral.
EVEN: dict[str, Value] = {
    "pos_weight": 1.0,
    "output_weight": "equal",
    "class_weight": "equal",
    "alpha": 0.5,
    "prior": "training",
}


def inverted(context: Context, parameter: str) -> Found:
    """Find a lower weight of the rarer class, caused by this parameter; "" means by none of EVEN."""
    if not (found := _inverted(context)) or _cause(context) != parameter:
        return None
    c = min(found, key=_towards_rare)
    return (
        f"{_at_half(c)}, so the weights are inverted: {c.share_sentence}. Negatives per positive, "
        f"{c.negatives:,} / {c.positives:,} = {c.balance:.2f}, balance the classes; {1 / c.balance:.3g} is the "
        f"inverse.",
        _balanced(context, parameter),
    )


def far_from_balance(context: Context) -> Found:
    far = [c for c in context.comparisons if _beyond(c) >= math.log(FAR)]
    if not far or _inverted(context):  # inverted weights have a finding of their own
        return None
    c = max(far, key=_beyond)
    side = "above" if c.weight > c.balance else "below"
    return (
        f"{_at_half(c)}, far {side} balance: {c.share_sentence}, or {c.balance:.2f} negatives per positive.",
        _balanced(context, _cause(context)),
    )


def _at_half(c: Comparison) -> str:
    """The meaning of a score of 0.5, as the beginning of a sentence."""
    probability = f"true P({c.name})" if c.name else "true probability"
    return (
        f"At the optimum a score of 0.5 stands for a {probability} of {c.optimum.half:.3g}, as with a pos_weight of "
        f"{c.weight:.4g}"
    )


def _towards_rare(c: Comparison) -> float:
    """Log of the weight of the rarer class."""
    return _log(c.weight) if c.share <= 0.5 else -_log(c.weight)


def _beyond(c: Comparison) -> float:
    """How far the log weight lies outside the range from even to balanced."""
    towards, balance = _towards_rare(c), abs(math.log(c.balance))
    return max(towards - balance, -towards)


def _log(weight: float) -> float:
    # If all scores or none reach 0.5, that is not due to weights.
    return math.log(weight) if 0 < weight < math.inf else 0.0


def _is_inverted(c: Comparison) -> bool:
    return min(c.share, 1 - c.share) < RARE and _towards_rare(c) <= math.log(BELOW_ONE)


def _inverted(context: Context) -> list[Comparison]:
    return [c for c in context.comparisons if _is_inverted(c)]


def _cause(context: Context) -> str:
    """The first parameter of EVEN that alone causes the finding; "" if none does."""
    named = _named(context)
    for name in named:
        alone = context.with_params(**{other: EVEN[other] for other in named if other != name})
        even = context.with_params(**{other: EVEN[other] for other in named})
        if _worst(alone) and not _worst(even):
            return name
    return ""


def _named(context: Context) -> list[str]:
    """The parameters of EVEN that the loss has; the alpha of Tversky is a different one."""
    return [name for name in EVEN if name in context.params and context.loss.of != "batch"]


def _worst(context: Context) -> bool:
    """Whether weights are inverted or far from balance."""
    return any(_is_inverted(c) or _beyond(c) >= math.log(FAR) for c in context.comparisons)


def _balanced(context: Context, parameter: str) -> dict[str, object] | None:
    """The change that balances the classes by this parameter, or makes it even if no class is rare; the other
    parameters become even."""
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
        "The mean divides by the sum of the weights in a batch. With one row per batch the weights cancel out.",
        {"batch_size": min(64, len(context.split.y["train"]))},
    )


def smoothing_with_weights(context: Context) -> Found:
    """Find smoothing that squeezes scores which weights have shifted, so that their range is not symmetric."""
    if not context.params.get("label_smoothing"):
        return None
    plain = context.with_params(label_smoothing=0.0).comparisons
    pairs = [
        (smoothed, shifted)
        for smoothed, shifted in zip(context.comparisons, plain, strict=True)
        if smoothed.optimum.effect.squeezes and shifted.optimum.effect.shift
    ]
    if not pairs:
        return None
    smoothed, shifted = pairs[0]
    effect, shift = smoothed.optimum.effect, shifted.optimum.effect.shift
    squeezed = f", and smoothing leaves optimal scores in [{effect.low:.3g}, {effect.high:.3g}]"
    return (
        f"Weights shift the optimal logit by {shift:+.3g}{squeezed if context.outputs <= 2 else ''}: the smoothed part "
        "of a label is weighted by the class it goes to, so a heavy class affects all rows.",
        context.with_loss_params(label_smoothing=0.0),
    )


def _inverted_by(parameter: str) -> Callable[[Context], Found]:
    return lambda context: inverted(context, parameter)


WEIGHTS: dict[str, Check] = {
    "C201": Check(
        "pos_weight inverted",
        "loss.pos_weight",
        "mistake",
        "A pos_weight that gives the rarer class less weight.",
        "pos_weight multiplies the loss of positives. Negatives per positive balance the classes, not the inverse.",
        "Invert the ratio, or leave it at 1 and move the threshold.",
        f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        _inverted_by("pos_weight"),
    ),
    "C202": Check(
        "Far from balance",
        "loss",
        "caution",
        "A loss that shifts the meaning of 0.5 much further than balancing the classes would.",
        "Weights shift the logit and have little other effect.",
        "Balance the classes at most, and choose the threshold by the costs of errors.",
        "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        far_from_balance,
    ),
    "C203": Check(
        "Class weights inverted",
        "loss.class_weight",
        "caution",
        "Class weights that are larger for frequent classes.",
        "They give rare classes even less weight in the loss.",
        "Use balanced, or equal weights and the threshold.",
        "King and Zeng, Logistic Regression in Rare Events Data (2001)",
        _inverted_by("class_weight"),
    ),
    "C204": Check(
        "Weights cancel out",
        "loss.class_weight",
        "mistake",
        "Class weights with batches of one row.",
        "A weighted mean divides by the sum of the weights.",
        "Use larger batches.",
        f"{TORCH}, CrossEntropyLoss, reduction mean",
        weights_at_batch_size_1,
    ),
    "C205": Check(
        "Smoothing with weights",
        "loss.label_smoothing",
        "note",
        "Label smoothing together with class weights.",
        "Both change the same terms of the loss, and both move the threshold.",
        "Use one of the two.",
        f"{TORCH}, CrossEntropyLoss, label_smoothing",
        smoothing_with_weights,
    ),
    "C206": Check(
        "alpha inverted",
        "loss.alpha",
        "note",
        "A focal alpha that gives the rarer class less weight.",
        "alpha weighs positives and 1 - alpha negatives: 0.5 stands for a true probability of 1 - alpha, for any "
        "gamma.",
        "Use the fraction of negatives to give the rarer class more weight.",
        "Lin et al., Focal Loss for Dense Object Detection (2017)",
        _inverted_by("alpha"),
    ),
    "C214": Check(
        "Output weight inverted",
        "loss.output_weight",
        "mistake",
        "A weight that gives a rare label less weight.",
        "It multiplies the loss of the label's positives. Negatives per positive balance the label.",
        "Use balanced, or leave it at 1 and move the label's threshold.",
        f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        _inverted_by("output_weight"),
    ),
    "C215": Check(
        "Prior inverted",
        "loss.prior",
        "mistake",
        "Inverted class priors for logit adjustment.",
        "The loss removes the given priors from the scores; inverted ones double the imbalance.",
        "Use the priors of the training rows.",
        "Menon et al., Long-tail learning via logit adjustment (2021)",
        _inverted_by("prior"),
    ),
    "C216": Check(
        "Rarer class under-weighted",
        "loss",
        "note",
        "A loss whose optimal score gives the rarer class less weight.",
        "The loss itself down-weights the rarer class, and it has no weight to correct that.",
        "Lower the threshold, or use a loss that weights both classes equally.",
        "Ridnik et al., Asymmetric Loss For Multi-Label Classification (2021)",
        _inverted_by(""),
    ),
}
