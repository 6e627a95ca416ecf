"""Checks of weights and of label smoothing before a run (C201 ..)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.checks.context import TORCH, Context, Found
from core.checks.finding import Check

RARE, BALANCED = 0.3, (0.4, 0.6)  # shares of positives
FAR = 2.0  # a weight this many times above or below 1 is far from it
BELOW_ONE = 0.8  # a weight of positives from here down makes them count less on purpose


def inverted_ratio(s: Context) -> Found:
    if s.config.loss != "bce" or s.share >= RARE or s.weights["pos_weight"][0] > BELOW_ONE:
        return None
    weight, positives = float(s.weights["pos_weight"][0]), int(s.counts.positives.sum())
    negatives = s.counts.rows * s.outputs - positives
    ratio = min(round(negatives / positives, 2), 1000.0)
    return (
        f"pos_weight {weight:g} makes the rare positives count less. From counts it is negatives to a positive, "
        f"{negatives:,} / {positives:,} = {negatives / positives:.2f}; {positives / negatives:.3g} is its inverse.",
        s.with_loss_params(pos_weight=ratio),
    )


def inverted_output_weight(s: Context) -> Found:
    weights = s.weights.get("output_weight")
    if weights is None or s.weights["pos_weight"][0] <= BELOW_ONE:
        return None
    shares = s.counts.positives / s.counts.rows
    against = np.where(shares < RARE, s.weights["pos_weight"] * weights, np.inf)
    worst = int(against.argmin())
    if against[worst] > BELOW_ONE:
        return None
    return (
        f"Only {shares[worst]:.1%} of the rows are {s.output_names[worst]}, and its positives count "
        f"{against[worst]:.3g} times; negatives to a positive are {(1 - shares[worst]) / shares[worst]:.2f}.",
        s.with_loss_params(output_weight="balanced"),
    )


def weight_without_need(s: Context) -> Found:
    low, high = BALANCED
    if s.config.loss != "bce" or s.outputs > 1 or not low <= s.share <= high:
        return None
    weight = float(s.weights["pos_weight"][0])
    if 1 / FAR < weight < FAR:
        return None
    return (
        f"{s.share:.0%} of the rows are positive already; pos_weight {weight:g} only moves what 0.5 means to "
        f"{1 / (1 + weight):.3f}.",
        s.with_loss_params(pos_weight=1.0),
    )


def frequent_class_weighs_more(s: Context) -> Found:
    if "class_weight" not in s.weights or s.data.task not in ("binary", "multiclass"):
        return None
    weights, counts = s.weights["class_weight"], s.data.counts
    rare, frequent = int(counts.argmin()), int(counts.argmax())
    if weights[frequent] <= weights[rare] or counts[frequent] < FAR * counts[rare]:
        return None
    names = s.data.class_names
    return (
        f"The most frequent class, {names[frequent]} ({counts[frequent]:,} rows), weighs {weights[frequent]:.3g}, the "
        f"rarest, {names[rare]} ({counts[rare]:,} rows), {weights[rare]:.3g}: the other way round from balancing.",
        s.with_loss_params(class_weight="balanced"),
    )


def weights_at_batch_size_1(s: Context) -> Found:
    weights = s.weights.get("class_weight")
    if weights is None or s.config.batch_size > 1 or weights.min() == weights.max() or s.params.get("label_smoothing"):
        return None
    return (
        "The mean divides by the weights of the batch's rows. Of one row that is its own weight: they do nothing.",
        {"batch_size": min(64, len(s.split.y["train"]))},
    )


def smoothing_with_weights(s: Context) -> Found:
    weights, smoothing = s.weights.get("class_weight"), s.params.get("label_smoothing")
    if weights is None or not smoothing or weights.min() == weights.max():
        return None
    return (
        "The smoothed part of a label is weighted by the class that it goes to, so a heavy class pulls at every row.",
        s.with_loss_params(label_smoothing=0.0),
    )


def focal_alpha(s: Context) -> Found:
    if s.config.loss != "focal" or s.share >= RARE or float(s.params["alpha"]) >= 0.5:
        return None
    alpha = float(s.params["alpha"])
    return (
        f"alpha {alpha:g} weighs positives, {s.share:.1%} of the labels, {alpha:g} and negatives {1 - alpha:g}: the "
        "rare side counts less.",
        s.with_loss_params(alpha=round(1 - alpha, 2)),
    )


WEIGHTS: dict[str, tuple[Check, Callable[[Context], Found]]] = {
    "C201": (
        Check(
            "Weight ratio upside down",
            "loss.pos_weight",
            "mistake",
            "A pos_weight below 1 where positives are rare.",
            "pos_weight multiplies the loss of positives. Balancing needs negatives to a positive, not the inverse.",
            "Turn the ratio around, or leave it at 1 and move the threshold.",
            f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        ),
        inverted_ratio,
    ),
    "C202": (
        Check(
            "Weight without need",
            "loss.pos_weight",
            "caution",
            "A pos_weight far from 1 on balanced data.",
            "It adds ln w to the logit and changes little else.",
            "Leave it at 1 and choose the threshold by what errors cost.",
            "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        ),
        weight_without_need,
    ),
    "C203": (
        Check(
            "Frequent class weighs more",
            "loss.class_weight",
            "caution",
            "Class weights that grow with the classes.",
            "They make rare classes rarer still in the loss.",
            "Use balanced, or equal weights and the threshold.",
            "King and Zeng, Logistic Regression in Rare Events Data (2001)",
        ),
        frequent_class_weighs_more,
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
            "alpha against the rare class",
            "loss.alpha",
            "note",
            "A focal alpha below a half where positives are rare.",
            "alpha weighs positives. The paper's 0.25 makes up for gamma, which lifts the rare class.",
            "Turn it around if you meant to help the rare class.",
            "Lin et al., Focal Loss for Dense Object Detection (2017)",
        ),
        focal_alpha,
    ),
    "C214": (
        Check(
            "Output weight upside down",
            "loss.output_weight",
            "mistake",
            "A weight well below 1 on the positives of a rare label.",
            "It multiplies the loss of that label's positives. Balancing needs negatives to a positive.",
            "Use balanced, or leave it at 1 and move the label's threshold.",
            f"{TORCH}, BCEWithLogitsLoss, pos_weight",
        ),
        inverted_output_weight,
    ),
}
