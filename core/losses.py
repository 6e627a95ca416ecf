"""Losses: element-wise and unreduced, of logits and integer labels. Reduction happens once, in the engine.

Every function takes logits (R, B, K), labels (R, B) and its parameters as tensors with a leading dimension R, one
value (or one row of class weights) a run, and returns losses (R, B).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import CutoffError
from core.specs import Param, Value

Params = dict[str, Tensor]
CLASS_WEIGHT_RANGE = (1e-6, 1e6)  # float32 has to hold the weights and their sums


@dataclass(frozen=True)
class LossSpec:
    """`function` gives the losses (R, B) and `gradient` their derivative by the logits (R, B, K) in closed form;
    without one the engine differentiates `function`, which takes longer. `mean_over` gives the weight of each row
    in the divisor of the mean, (R, B); None divides by the number of rows. `heads` names the heads whose logits the
    loss understands. `remark` says in a sentence what chosen parameters mean for data with these rows of each class
    (K,)."""

    label: str
    function: Callable[[Tensor, Tensor, Params], Tensor]
    heads: tuple[str, ...]
    formula: str
    about: str
    reference: str
    remark: Callable[[Mapping[str, Value], np.ndarray], str]
    params: tuple[Param, ...] = ()
    gradient: Callable[[Tensor, Tensor, Params], Tensor] | None = None
    mean_over: Callable[[Tensor, Params], Tensor] | None = None


def bce_with_logits(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-w y log sigmoid(z) - (1 - y) log(1 - sigmoid(z)), as torch.nn.BCEWithLogitsLoss with pos_weight w > 0.

    logits (R, B, 1), y (R, B) in {0, 1}, pos_weight (R, 1); losses >= 0. The best logit is logit q + ln w for a
    true probability q.
    """
    return F.binary_cross_entropy_with_logits(
        logits[..., 0], y.to(logits.dtype), pos_weight=params["pos_weight"], reduction="none"
    )


def bce_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """(1 + (w - 1) y) (sigmoid(z) - y), (R, B, 1)."""
    labels = y.to(logits.dtype)
    weight = 1 + (params["pos_weight"] - 1) * labels
    return (weight * (torch.sigmoid(logits[..., 0]) - labels)).unsqueeze(-1)


def bce_remark(params: Mapping[str, Value], counts: np.ndarray) -> str:
    """The threshold on the true probability that .5 stands for, 1 / (1 + w), and the weight that balances."""
    weight = float(params.get("pos_weight", 1.0))
    meaning = (
        f"With pos_weight {weight:g}, a score of 0.5 means a true probability of {1 / (1 + weight):.3f}; a true 0.5 is "
        f"a score of {weight / (1 + weight):.3f}."
    )
    if weight == 1:
        meaning = "With pos_weight 1, a score means the true probability itself."
    return f"{meaning} There are {counts[0] / counts[1]:.1f} negatives to a positive." if counts[1] else meaning


def cross_entropy(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """(1 - e) w_y l_y + (e / K) sum_c w_c l_c with l = -log softmax(z), as torch.nn.CrossEntropyLoss.

    logits (R, B, K), y (R, B) in 0 .. K-1, class_weight (R, K) > 0, label_smoothing e (R, 1) in [0, 1). torch's own
    function takes one weight and one smoothing a call; here each run has its own.
    """
    losses = -torch.log_softmax(logits, -1)
    weighted = losses * params["class_weight"].unsqueeze(1)
    of_label = weighted.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    smoothing = params["label_smoothing"]
    return (1 - smoothing) * of_label + smoothing * weighted.mean(-1)


def cross_entropy_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """softmax(z)_c sum_j t_j - t_c with the targets t_c = w_c ((1 - e) [c = y] + e / K), (R, B, K)."""
    smoothing = params["label_smoothing"].unsqueeze(-1)
    targets = F.one_hot(y, logits.shape[-1]) * (1 - smoothing) + smoothing / logits.shape[-1]
    targets *= params["class_weight"].unsqueeze(1)
    return torch.softmax(logits, -1) * targets.sum(-1, keepdim=True) - targets


def cross_entropy_remark(params: Mapping[str, Value], counts: np.ndarray) -> str:
    """The weights as numbers; in two classes the threshold on the true probability that .5 stands for."""
    weights = class_weights(str(params.get("class_weight", "equal")), np.maximum(counts, 1))
    if len(counts) > 2:
        if weights.min() == weights.max():
            return "All classes weigh the same."
        return f"Weights from {weights.min():.3g} to {weights.max():.3g}. A larger one makes its class more likely."
    smoothing = float(params.get("label_smoothing", 0.0))
    kept = (1 - smoothing) * weights.sum()
    threshold = (weights[0] - weights.sum() * smoothing / 2) / kept
    meaning = f"stands for a true probability of at least {threshold:.3f}"
    if not 0 <= threshold <= 1:
        meaning = "is always reached" if threshold < 0 else "is never reached"
    return f"With class weights {weights[0]:.3g} and {weights[1]:.3g}, p >= 0.5 {meaning}."


def weight_of_label(y: Tensor, params: Params) -> Tensor:
    """w_y, (R, B): torch divides a weighted cross-entropy by the sum of these, not by the number of rows."""
    return params["class_weight"].gather(1, y)


LOSSES: dict[str, LossSpec] = {
    "bce": LossSpec(
        label="BCE with logits",
        function=bce_with_logits,
        heads=("sigmoid",),
        formula=r"\begin{aligned}-&w\,y\,\log \sigma(z)\\ -&(1-y)\,\log\bigl(1-\sigma(z)\bigr)\end{aligned}",
        about="Binary cross-entropy on the logit. pos_weight w multiplies the loss of positive rows.",
        reference="PyTorch documentation, torch.nn.BCEWithLogitsLoss (2026)",
        remark=bce_remark,
        params=(
            Param(
                "pos_weight",
                "pos_weight",
                1.0,
                0.01,
                1000.0,
                step=1.0,
                help="Weight of positive rows. It adds ln w to the best logit. The number of negatives to a positive "
                "would balance the classes.",
                log=True,
            ),
        ),
        gradient=bce_gradient,
    ),
    "cross_entropy": LossSpec(
        label="Cross-entropy",
        function=cross_entropy,
        heads=("softmax2", "softmax"),
        formula=r"\begin{aligned}&(1-\varepsilon)\,w_y\,\ell_y + \tfrac{\varepsilon}{K}\textstyle\sum_c w_c\,\ell_c\\"
        r"&\ell_c = -\log \mathrm{softmax}(z)_c\end{aligned}",
        about="Negative log of the probability given to the true class.",
        reference="PyTorch documentation, torch.nn.CrossEntropyLoss (2026); Szegedy et al. (2016) for smoothing",
        remark=cross_entropy_remark,
        params=(
            Param(
                "class_weight",
                "Class weights",
                "equal",
                options=("equal", "balanced"),
                help="equal, balanced (N / (K n_k), as in scikit-learn), or one number a class: type 1, 9. "
                "Their scale does not matter; in two classes w1 / w0 acts like pos_weight.",
                free=True,
            ),
            Param(
                "label_smoothing",
                "Label smoothing",
                0.0,
                0.0,
                0.9,
                0.05,
                help="Share of each label that is spread evenly over all classes.",
            ),
        ),
        gradient=cross_entropy_gradient,
        mean_over=weight_of_label,
    ),
}


def class_weights(text: str, counts: np.ndarray) -> np.ndarray:
    """The weight of each class, (K,), from "equal", "balanced" (N / (K n_k)) or K numbers with commas.

    Raises CutoffError for other text and for numbers outside CLASS_WEIGHT_RANGE.
    """
    classes = len(counts)
    if text == "equal":
        return np.ones(classes)
    if text == "balanced":
        return counts.sum() / (classes * counts)
    try:
        weights = np.array([float(part) for part in text.split(",")])
    except ValueError:
        weights = np.empty(0)
    low, high = CLASS_WEIGHT_RANGE
    if len(weights) != classes or not ((low <= weights) & (weights <= high)).all():
        raise CutoffError(
            f"Expected `class_weight` to be equal, balanced or {classes} numbers from {low:g} to {high:g} with commas, "
            f"but got {text!r}."
        )
    return weights


def loss_tensors(name: str, runs: list[dict[str, Value]], counts: np.ndarray, device: torch.device) -> Params:
    """The parameters of R runs that share a loss, as tensors (R, 1), class weights as (R, K).

    `counts` (K,) are the training rows of each class. Raises CutoffError for a value outside its range.
    """
    tensors = {}
    for param in LOSSES[name].params:
        values = [param.check(run.get(param.name, param.default)) for run in runs]
        rows = [class_weights(v, counts) if isinstance(v, str) else [float(v)] for v in values]
        tensors[param.name] = torch.tensor(np.array(rows), dtype=torch.float32, device=device)
    return tensors
