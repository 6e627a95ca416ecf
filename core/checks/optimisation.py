"""Checks of splits, batches and steps before training (C207 .., C301 ..)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.stats import hypergeom

from core.checks.context import TORCH, Context
from core.checks.finding import Check, Found
from core.data import load_split
from core.losses.objective import label_counts
from core.models import MODELS
from core.parameters import Value
from core.text import counted

FEW = 10  # positives in a split
EMPTY_BATCHES = 0.05  # fraction of batches without positives from which on a finding is given
TINY_BATCH = 8  # rows, for batch norm
MANY_OUTPUTS = 3


def few_positives(context: Context) -> Found:
    if context.data.task == "regression":
        return None
    outputs = 1 if context.data.task == "binary" else len(context.data.class_names)
    fewest, part, name = min(
        (int(count), part, name)
        for part, y in context.split.y.items()
        for name, count in zip(context.data.class_names[-outputs:], label_counts(y, outputs).positives, strict=True)
    )
    if fewest >= FEW:
        return None
    rows = counted(fewest, f"row of the {part} split is", f"rows of the {part} split are")
    return (
        f"Only {rows} {name}: each of them changes recall by {1 / fewest:.3f}.",
        None,
    )


def mean_over_outputs(context: Context) -> Found:
    if (
        context.params.get("over_outputs") != "mean"
        or context.outputs < MANY_OUTPUTS
        or context.config.optimizer != "sgd"
    ):
        return None
    return (
        f"The mean divides by the {context.outputs} outputs as well as by the rows, so a step is {context.outputs} "
        "times smaller than with the sum over outputs.",
        context.with_loss_params(over_outputs="sum"),
    )


def batches_without_positives(context: Context) -> Found:
    if context.loss.of != "batch":
        return None
    counts = label_counts(context.split.y["train"], context.outputs)
    rarest = int(counts.positives.argmin())
    positives = int(counts.positives[rarest])
    chance = float(hypergeom.pmf(0, counts.rows, positives, context.config.batch_size))
    if chance < EMPTY_BATCHES:
        return None
    rows = counted(positives, "training row that is", "training rows that are")
    return (
        f"{chance:.0%} of the batches of {counted(context.config.batch_size, 'row')} contain none of the {rows} "
        f"{context.output_names[rarest]}: the loss of such a batch has no gradient for that output.",
        {"batch_size": _batch_with_positives(counts.rows, positives)},
    )


def _batch_with_positives(rows: int, positives: int) -> int:
    """The smallest power of 2 with which fewer than EMPTY_BATCHES of the batches lack positives; at most all rows."""
    size = 2
    while size < rows and hypergeom.pmf(0, rows, positives, size) >= EMPTY_BATCHES:
        size *= 2
    return min(size, rows)


def batch_norm_of_few_rows(context: Context) -> Found:
    size = context.config.batch_size
    if not context.config.batch_norm or size >= TINY_BATCH or MODELS[context.config.model].takes_images:
        return None
    return (
        f"A mean over {counted(size, 'row')} has a standard error of {size**-0.5:.2f} standard deviations, and this "
        "noise passes through all layers. Validation rows use running averages instead.",
        {"batch_size": 64},
    )


def rate_beyond_curvature(context: Context) -> Found:
    config = context.config
    curvature = _curvature(context)
    if config.model != "linear" or config.optimizer != "sgd" or not curvature:
        return None
    steepest = _steepest(config.dataset, config.dataset_params, config.split_seed)
    limit = 2 / (curvature * steepest + config.weight_decay)
    if config.lr <= limit:
        return None
    return (
        f"Full-batch gradient descent on this data is guaranteed to converge only below a learning rate of "
        f"{limit:.3g}; with {config.lr:g} the loss may oscillate or diverge.",
        {"lr": max(float(f"{limit / 2:.2g}"), 1e-6)},
    )


def _curvature(context: Context) -> float:
    """An upper bound of the second derivative of the mean loss with respect to the outputs; 0 if unknown."""
    if context.activation not in ("none", "log_softmax"):  # a log-softmax has no effect on cross-entropy
        return 0.0
    if context.config.loss == "bce" and context.activation == "none":
        weight = float((context.weights["pos_weight"] * context.weights.get("output_weight", 1.0)).max())
        return max(weight, 1.0) / 4 * float(context.weights.get("over_outputs", np.ones(1))[0])
    if context.config.loss == "cross_entropy":
        weights, shares = context.weights["class_weight"], context.counts.positives / context.counts.rows
        return 0.5 * float(weights.max() / (weights * shares).sum())
    return 2.0 if context.config.loss == "mse" else 0.0


@lru_cache(maxsize=64)
def _steepest(dataset: str, params: tuple[tuple[str, Value], ...], split_seed: int) -> float:
    """The largest eigenvalue of X'X / N, X the training rows with a column of ones for the bias."""
    x = load_split(dataset, params, split_seed).x["train"].astype(np.float64)
    x = np.column_stack([x, np.ones(len(x))])
    return float(np.linalg.eigvalsh(x.T @ x / len(x))[-1])


OPTIMISATION: dict[str, Check] = {
    "C207": Check(
        "Few positives",
        "data",
        "caution",
        f"Fewer than {FEW} rows of a class in a split.",
        "Recall changes in steps of 0.1 or more, and a tuned threshold depends on single rows.",
        "Use more data, a larger prevalence, or fewer classes.",
        "Lipton, Elkan and Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 (2014)",
        few_positives,
    ),
    "C208": Check(
        "Mean over outputs",
        "loss.over_outputs",
        "note",
        "BCE averaged over many outputs under plain SGD.",
        "This smaller step explains most of the difference between cross-entropy and BCE on ten classes.",
        "Use the sum over outputs, or raise the learning rate.",
        f"{TORCH}, BCEWithLogitsLoss, reduction mean",
        mean_over_outputs,
    ),
    "C209": Check(
        "Batches without positives",
        "batch_size",
        "caution",
        "A loss per batch, with many batches that give no gradient.",
        "Without positive rows the overlap is 0, whatever the scores are.",
        "Use larger batches.",
        "Milletari et al., V-Net (2016)",
        batches_without_positives,
    ),
    "C301": Check(
        "Learning rate beyond the curvature",
        "lr",
        "caution",
        "A learning rate too large for the curvature of the loss.",
        "Gradient descent on a smooth convex loss converges below a rate of 2 / L, L the largest curvature.",
        "Lower the learning rate.",
        "Nesterov, Introductory Lectures on Convex Optimization (2004)",
        rate_beyond_curvature,
    ),
    "C305": Check(
        "Batch norm on tiny batches",
        "batch_size",
        "caution",
        f"Batch norm with fewer than {TINY_BATCH} rows per batch.",
        "Mean and variance estimated from a few rows are noisy.",
        "Use larger batches, or no batch norm.",
        "Wu and He, Group Normalization (2018)",
        batch_norm_of_few_rows,
    ),
}
