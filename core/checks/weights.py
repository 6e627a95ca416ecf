"""Checks of weights and data (C2..) and of the learning rate (C3..) before a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.stats import hypergeom

from core.checks.setting import TORCH, Found, Setting
from core.checks.spec import Check
from core.datasets import load_split
from core.objective import label_counts
from core.specs import Value

RARE, BALANCED = 0.3, (0.4, 0.6)  # shares of positives
FEW = 10  # positives in a split
FAR = 2.0  # a weight this many times above or below 1 is far from it
EMPTY_BATCHES = 0.05  # share of batches without positives that is worth a word
MANY_OUTPUTS = 4


def inverted_ratio(s: Setting) -> Found:
    weight = s.params.get("pos_weight")
    if s.data.task != "binary" or s.share >= RARE or not isinstance(weight, float) or weight > 1 / 1.25:
        return None
    negatives, positives = s.data.counts
    ratio = round(negatives / positives, 2)
    return (
        f"pos_weight {weight:g} makes the rare class count less. From counts it is negatives to a positive, "
        f"{negatives:,} / {positives:,} = {ratio:.2f}; {positives / negatives:.3g} is its inverse.",
        s.with_loss_params(pos_weight=float(ratio)),
    )


def weight_without_need(s: Setting) -> Found:
    weight = s.params.get("pos_weight")
    low, high = BALANCED
    if s.data.task != "binary" or not low <= s.share <= high or not isinstance(weight, float):
        return None
    if 1 / FAR < weight < FAR:
        return None
    return (
        f"{s.share:.0%} of the rows are positive already; pos_weight {weight:g} only moves what 0.5 means to "
        f"{1 / (1 + weight):.3f}.",
        s.with_loss_params(pos_weight=1.0),
    )


def frequent_class_weighs_more(s: Setting) -> Found:
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


def weights_at_batch_size_1(s: Setting) -> Found:
    weights = s.weights.get("class_weight")
    if weights is None or s.config.batch_size > 1 or weights.min() == weights.max():
        return None
    return "The mean divides by the weights of the batch's rows. Of one row that is its own weight: they do nothing.", {
        "batch_size": 64
    }


def smoothing_with_weights(s: Setting) -> Found:
    weights, smoothing = s.weights.get("class_weight"), s.params.get("label_smoothing")
    if weights is None or not smoothing or weights.min() == weights.max():
        return None
    return (
        "The smoothed part of a label is weighted by the class that it goes to, so a heavy class pulls at every row.",
        s.with_loss_params(label_smoothing=0.0),
    )


def focal_alpha(s: Setting) -> Found:
    alpha = s.params.get("alpha")
    if s.config.loss != "focal" or s.data.task != "binary" or not isinstance(alpha, float):
        return None
    if alpha >= 0.5 or s.share >= RARE:
        return None
    return (
        f"alpha {alpha:g} weighs the {s.share:.1%} positives {alpha:g} and the negatives {1 - alpha:g}: the rare class "
        "counts less.",
        s.with_loss_params(alpha=round(1 - alpha, 2)),
    )


def few_positives(s: Setting) -> Found:
    if s.data.task == "regression":
        return None
    names = s.data.class_names[1:] if s.data.task == "binary" else s.data.class_names
    fewest, part, name = min(
        (int(count), part, name)
        for part in ("validation", "test")
        for name, count in zip(names, _positives(s, part), strict=True)
    )
    if fewest >= FEW:
        return None
    return (
        f"Only {fewest} rows of the {part} split are {name}: what is measured on them, and any threshold, is chance.",
        None,
    )


def _positives(s: Setting, part: str) -> np.ndarray:
    y = s.split.y[part]
    counts = label_counts(y, 1 if s.data.task == "binary" else len(s.data.class_names))
    return counts.positives


def mean_over_outputs(s: Setting) -> Found:
    if s.params.get("over_outputs") != "mean" or s.outputs < MANY_OUTPUTS or s.config.optimizer != "sgd":
        return None
    return (
        f"The mean divides by the {s.outputs} outputs as well, so each step is {s.outputs} times smaller than "
        "cross-entropy's at this learning rate.",
        s.with_loss_params(over_outputs="sum"),
    )


def batches_without_positives(s: Setting) -> Found:
    if s.loss.of != "batch":
        return None
    y = s.split.y["train"]
    positives = int(label_counts(y, s.outputs).positives.min())
    chance = float(hypergeom.pmf(0, len(y), positives, s.config.batch_size))
    if chance < EMPTY_BATCHES:
        return None
    whose = "" if s.outputs == 1 else " of the rarest class"
    return (
        f"{chance:.0%} of the batches of {s.config.batch_size} rows hold no positive row{whose}, so no gradient.",
        {"batch_size": min(_batch_with_positives(len(y), positives), len(y))},
    )


def _batch_with_positives(rows: int, positives: int) -> int:
    """The smallest power of 2 at which fewer than EMPTY_BATCHES of the batches have no positive."""
    size = 2
    while size < rows and hypergeom.pmf(0, rows, positives, size) >= EMPTY_BATCHES:
        size *= 2
    return size


IMPROPER = {
    "hinge": "Rows beyond the margin cost nothing, so scores gather there.",
    "squared_hinge": "It wants a line in the true probability, not its logit.",
    "multi_margin": "Rows beyond the margin cost nothing, so scores gather there.",
    "dead_zone": "Every probability in the accepted range is as good as any other.",
    "asymmetric": "Easy negatives cost nothing, so scores stay high.",
    "focal": "It wants scores nearer to 0.5 than the truth.",
    "logit_adjusted": "It takes the shares of the classes out of the scores.",
    "soft_f1": "It pushes scores to 0 and 1.",
    "tversky": "It pushes scores to 0 and 1.",
}


def scores_are_no_probabilities(s: Setting) -> Found:
    if s.config.loss not in IMPROPER or (s.config.loss == "focal" and s.params["gamma"] == 0):
        return None
    return f"{IMPROPER[s.config.loss]} Read its scores by their order, or calibrate them first.", None


def gate_forgives_misses(s: Setting) -> Found:
    above, below = s.params.get("above"), s.params.get("below")
    if s.config.loss != "gated_bce" or not isinstance(above, float) or not isinstance(below, float) or below >= above:
        return None
    return (
        f"A missed positive has p below the threshold and so counts {below:g}, a found one {above:g}: the misses are "
        f"what this loss forgives. It also jumps {above / below:g}-fold where a row crosses the threshold.",
        None,
    )


def band_traps(s: Setting) -> Found:
    if s.config.loss != "band_mse" or not s.params["penalty"]:
        return None
    t, r, c = (float(s.params[name]) for name in ("threshold", "radius", "penalty"))
    below, above = t + r - 2 * r / c, t - r + 2 * r / c
    y = s.split.y["train"]
    trapped = int(np.count_nonzero(y < below) + np.count_nonzero(y > above))
    if not trapped or below < t - r:
        return None
    return (
        f"Inside the band the slope turns around: a prediction that comes from above stops at {t + r:.3g} for "
        f"targets below {below:.3g}, one from below at {t - r:.3g} for targets above {above:.3g}. "
        f"{trapped:,} of {len(y):,} training rows have such targets.",
        s.with_loss_params(penalty=0.0),
    )


def outliers_count_double(s: Setting) -> Found:
    factor = s.params.get("factor")
    if s.config.loss != "loss_gated_mse" or not isinstance(factor, float) or factor <= 1:
        return None
    if s.head.link != "none" and float(s.params["tau"]) >= 1:
        return f"A squared error of a probability is at most 1, so a gate at {s.params['tau']:g} never opens.", None
    return f"Rows that are far off count {factor:g} times as much: the opposite of Huber. Outliers pull harder.", {
        "loss": "huber" if s.head.link == "none" else "brier",
        "loss_params": (),
    }


def rate_beyond_curvature(s: Setting) -> Found:
    config = s.config
    if config.model != "linear" or config.optimizer != "sgd" or config.activation != "auto":
        return None
    if config.loss == "bce" and s.outputs == 1:
        curvature = max(float(s.weights["pos_weight"][0]), 1.0) / 4
    elif config.loss == "cross_entropy":
        curvature = 0.5 * float(s.weights["class_weight"].max() / s.weights["class_weight"].min())
    elif config.loss == "mse":
        curvature = 2.0
    else:
        return None
    limit = 2 / (curvature * _steepest(config.dataset, config.dataset_params, config.split_seed))
    if config.lr <= limit:
        return None
    return (
        f"Plain gradient descent on this data is sure to settle only below a learning rate of {limit:.3g}; "
        f"{config.lr:g} may make the loss swing or diverge.",
        {"lr": float(f"{limit / 2:.2g}")},
    )


@lru_cache(maxsize=64)
def _steepest(dataset: str, params: tuple[tuple[str, Value], ...], split_seed: int) -> float:
    """The largest eigenvalue of X'X / N of the training rows, with a column of ones for the bias."""
    x = load_split(dataset, params, split_seed).x["train"].astype(np.float64)
    x = np.column_stack([x, np.ones(len(x))])
    return float(np.linalg.eigvalsh(x.T @ x / len(x))[-1])


WEIGHTS: dict[str, tuple[Check, Callable[[Setting], Found]]] = {
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
    "C207": (
        Check(
            "Few positives",
            "data",
            "caution",
            f"Fewer than {FEW} rows of a class in a split.",
            "Recall then moves in steps of a tenth or more, and a tuned threshold follows single rows.",
            "Use more data, a larger prevalence, or fewer classes.",
            "Lipton, Elkan and Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 (2014)",
        ),
        few_positives,
    ),
    "C208": (
        Check(
            "Mean over outputs",
            "loss.over_outputs",
            "note",
            "BCE averaged over many outputs under plain SGD.",
            "Most of the gap between cross-entropy and BCE on ten classes is this smaller step.",
            "Sum over the outputs, or raise the learning rate.",
            f"{TORCH}, BCEWithLogitsLoss, reduction mean",
        ),
        mean_over_outputs,
    ),
    "C209": (
        Check(
            "Batches without positives",
            "batch_size",
            "caution",
            "A loss of a batch that many batches say nothing to.",
            "Without a positive row the overlap is 0 whatever the scores.",
            "Use larger batches.",
            "Milletari et al., V-Net (2016)",
        ),
        batches_without_positives,
    ),
    "C210": (
        Check(
            "Scores are no probabilities",
            "loss",
            "note",
            "A loss whose best score is not the true probability.",
            "Only proper losses are least at the truth.",
            "Choose the threshold on validation rows; 0.5 has no meaning of its own.",
            "Gneiting and Raftery, Strictly Proper Scoring Rules (2007)",
        ),
        scores_are_no_probabilities,
    ),
    "C211": (
        Check(
            "Misses are forgiven",
            "loss",
            "caution",
            "A loss that counts rows less below the threshold.",
            "The weight depends on the score and not on the label, so the best score stays the true probability.",
            "Use pos_weight, or move the threshold.",
            "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        ),
        gate_forgives_misses,
    ),
    "C212": (
        Check(
            "Trap at the band's edge",
            "loss.penalty",
            "caution",
            "A penalty around the threshold that is steeper than the error.",
            "The penalty falls towards the band's edge faster than the squared error rises.",
            "Lower the penalty or widen the band: no trap while penalty x (t + r - y) < 2 r.",
            "Boyd and Vandenberghe, Convex Optimization (2004)",
        ),
        band_traps,
    ),
    "C213": (
        Check(
            "Outliers count more",
            "loss.factor",
            "caution",
            "A loss that grows for rows that are far off.",
            "Huber's loss does the opposite, and for a reason.",
            "Use Huber where rows may be outliers.",
            "Huber, Robust Estimation of a Location Parameter (1964)",
        ),
        outliers_count_double,
    ),
    "C301": (
        Check(
            "Learning rate beyond the curvature",
            "lr",
            "caution",
            "A step longer than the steepest direction of the loss allows.",
            "Gradient descent on a smooth convex loss settles if the rate is below 2 / L, L its largest curvature.",
            "Lower the learning rate.",
            "Nesterov, Introductory Lectures on Convex Optimization (2004)",
        ),
        rate_beyond_curvature,
    ),
}
