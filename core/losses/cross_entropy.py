"""Cross-entropies: binary and multi-class, on logits, probabilities and log-probabilities."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from core.losses.softmax import log_softmax, softmax
from core.losses.spec import Counts, LossSpec, Numbers, Params, class_weights, output_weights
from core.parameters import Param


def bce_with_logits(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-w y log sigmoid(z) - (1 - y) log(1 - sigmoid(z)), as torch.nn.BCEWithLogitsLoss with pos_weight w > 0.

    logits and y (R, B, K), y in {0, 1}; losses (R, B, K) >= 0. w is pos_weight (R, 1, 1), times output_weight
    (R, 1, K) if there are several outputs. The optimal logit is logit(q) + ln w for a true probability q.
    """
    return F.binary_cross_entropy_with_logits(logits, y, pos_weight=positive_weight(params), reduction="none")


def bce_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """(1 + (w - 1) y) (sigmoid(z) - y), (R, B, K)."""
    w = positive_weight(params)
    return torch.sigmoid(logits).sub_(y).mul_(torch.lerp(torch.ones_like(w), w, y))


def positive_weight(params: Params) -> Tensor:
    """The weight of positive labels, (R, 1, 1), or (R, 1, K) if there are several outputs."""
    return params["pos_weight"] * params["output_weight"] if "output_weight" in params else params["pos_weight"]


def bce_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """x + ln w, so a score of 0.5 means a true probability of 1 / (1 + w) (Elkan, 2001)."""
    return x + np.log(numbers["pos_weight"] * numbers.get("output_weight", 1.0))


def bce_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """z - ln w."""
    return z - np.log(numbers["pos_weight"] * numbers.get("output_weight", 1.0))


def bce_on_probabilities(p: Tensor, y: Tensor, params: Params) -> Tensor:
    """-y log p - (1 - y) log(1 - p), as torch.nn.BCELoss, with the logs clipped at -100.

    p in [0, 1] and y in {0, 1} (R, B, K); losses (R, B, K) in [0, 100]. torch raises for p outside [0, 1].
    """
    # NaN of a diverged run would raise as well and end the other runs of the stack.
    return torch.where(p.isnan(), p, F.binary_cross_entropy(p.nan_to_num(0.5), y, reduction="none"))


def unchanged(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """x: the optimal score of a proper scoring rule is the true probability."""
    return x


def cross_entropy(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """(1 - e) w_y l_y + (e / K) sum_c w_c l_c with l = -log softmax(z), as torch.nn.CrossEntropyLoss.

    logits (R, B, K), y (R, B) in 0 .. K-1, class_weight (R, 1, K) > 0, label_smoothing e (R, 1, 1) in [0, 1).
    torch's function takes one weight vector and one smoothing per call; here each run has its own.
    """
    return smoothed(-log_softmax(logits), y, params)


def smoothed(losses: Tensor, y: Tensor, params: Params) -> Tensor:
    """The weighted and smoothed loss of each row, (R, B), from the losses of each class (R, B, K)."""
    weighted = losses * params["class_weight"]
    of_label = weighted.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    smoothing = params["label_smoothing"][..., 0]
    return (1 - smoothing) * of_label + smoothing * weighted.mean(-1)


def cross_entropy_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """softmax(z)_c sum_j t_j - t_c with the targets t_c = w_c ((1 - e) [c = y] + e / K), (R, B, K)."""
    smoothing = params["label_smoothing"]
    of_class = y.unsqueeze(-1) == torch.arange(logits.shape[-1], device=y.device)
    targets = torch.lerp(of_class.to(logits.dtype), torch.ones_like(smoothing) / logits.shape[-1], smoothing)
    targets *= params["class_weight"]
    return softmax(logits).mul_(targets.sum(-1, keepdim=True)).sub_(targets)


def cross_entropy_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """ln(a_1 / a_0) with a_c = w_c ((1 - e) q_c + e / 2): the class weights act like pos_weight w_1 / w_0."""
    e = numbers["label_smoothing"]
    if e == 0:
        return weighted_optimal_logit(x, numbers)
    with np.errstate(divide="ignore"):  # e / 2 may underflow to 0
        positive, negative = (np.log((1 - e) * expit(at) + e / 2) for at in (x, -x))
    return weighted_optimal_logit(positive - negative, numbers)


def cross_entropy_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """ln((s - e / 2) / (1 - s - e / 2)) with s = sigmoid(z - ln(w_1 / w_0)), where e / 2 <= s <= 1 - e / 2 for all
    optimal scores."""
    smoothed, e = weighted_posterior_logit(z, numbers), numbers["label_smoothing"]
    if e == 0:
        return smoothed
    with np.errstate(divide="ignore"):
        positive, negative = (np.log(np.maximum(expit(at) - e / 2, 0)) for at in (smoothed, -smoothed))
    return positive - negative


def nll(log_p: Tensor, y: Tensor, params: Params) -> Tensor:
    """-w_y log p_y, as torch.nn.NLLLoss, for log-probabilities (R, B, K) and y (R, B); losses (R, B).

    As in torch, nothing checks that the inputs are logarithms: probabilities give weighted losses -w_y p_y <= 0.
    """
    weighted = log_p * params["class_weight"]
    return -weighted.gather(-1, y.unsqueeze(-1)).squeeze(-1)


def weighted_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """x + ln(w_1 / w_0), so a score of 0.5 means a true probability of w_0 / (w_0 + w_1)."""
    negative, positive = numbers["class_weight"]
    return x + np.log(positive / negative)


def weighted_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """z - ln(w_1 / w_0)."""
    negative, positive = numbers["class_weight"]
    return z - np.log(positive / negative)


def cross_entropy_of_floats(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-y log softmax(z) over one column, as torch.nn.CrossEntropyLoss with float (N, 1) targets: always 0."""
    return -y * log_softmax(logits)


def cross_entropy_of_labels(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-sum_c t_c log softmax(z)_c, as torch.nn.CrossEntropyLoss with float targets t; losses (R, B).

    logits (R, B, K); y (R, B, K) in {0, 1} are the targets, divided by their sum where params["targets"] (R, 1, 1) is
    1. The loss of a row without labels is 0.
    """
    labels = y.to(logits.dtype)
    number = labels.sum(-1, keepdim=True).clamp(min=1)
    targets = labels / torch.lerp(torch.ones_like(number), number, params["targets"])
    return -(targets * log_softmax(logits)).sum(-1)


def read_targets(text: str, counts: Counts) -> np.ndarray:
    """1 for "normalised", 0 for "multi-hot", (1,)."""
    return np.array([float(text == "normalised")])


def weight_of_label(y: Tensor, params: Params) -> Tensor:
    """w_y, (R, B): torch divides a weighted cross-entropy by the sum of these weights, not by the number of rows."""
    return params["class_weight"][..., 0, :].gather(-1, y)


CLASS_WEIGHT = Param(
    "class_weight",
    "Class weights",
    "equal",
    options=("equal", "balanced"),
    help="equal, balanced (N / (K n_k), as in scikit-learn), or one number per class: type 1, 9. "
    "Their scale does not matter; with two classes w1 / w0 acts like pos_weight.",
    free=True,
)
LABEL_SMOOTHING = Param(
    "label_smoothing",
    "Label smoothing",
    0.0,
    0.0,
    0.9,
    0.05,
    help="Fraction of each label that is spread evenly over all classes.",
)
OUTPUT_WEIGHT = Param(
    "output_weight",
    "pos_weight per output",
    "equal",
    options=("equal", "balanced"),
    help="A factor of pos_weight for each output: equal, balanced (negatives per positive), or one number per output: "
    "type 1, 9, 4.",
    free=True,
)

CROSS_ENTROPIES: dict[str, LossSpec] = {
    "bce": LossSpec(
        label="BCE with logits",
        function=bce_with_logits,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"\begin{aligned}-&w\,y\,\log \sigma(z)\\ -&(1-y)\,\log\bigl(1-\sigma(z)\bigr)\end{aligned}",
        about="Binary cross-entropy on the logit. pos_weight w multiplies the loss of positive rows.",
        reference="PyTorch documentation, torch.nn.BCEWithLogitsLoss (2026)",
        params=(
            Param(
                "pos_weight",
                "pos_weight",
                1.0,
                0.01,
                1000.0,
                step=1.0,
                help="Weight of positive rows. It adds ln w to the optimal logit. The number of negatives per positive "
                "balances the classes.",
                log=True,
            ),
        ),
        class_params=(OUTPUT_WEIGHT,),
        read={"output_weight": output_weights},
        torch_loss=nn.BCEWithLogitsLoss,
        gradient=bce_gradient,
        proper=True,
        optimal_logit=bce_optimal_logit,
        posterior_logit=bce_posterior_logit,
    ),
    "bce_probabilities": LossSpec(
        label="BCE on probabilities",
        function=bce_on_probabilities,
        of="output",
        expects="probabilities",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"-y\,\log p - (1-y)\,\log(1-p)",
        about="Binary cross-entropy after a sigmoid in the network. Its logarithms are clipped at -100, and its "
        "gradient is 0 where the sigmoid rounds to 0 or 1. It has no pos_weight.",
        reference="PyTorch documentation, torch.nn.BCELoss (2026)",
        torch_loss=nn.BCELoss,
        proper=True,
        optimal_logit=unchanged,
        posterior_logit=unchanged,
    ),
    "cross_entropy": LossSpec(
        label="Cross-entropy",
        function=cross_entropy,
        of="row",
        expects="logits",
        tasks=("binary", "multiclass"),
        links=("softmax",),
        formula=r"\begin{aligned}&(1-\varepsilon)\,w_y\,\ell_y + \tfrac{\varepsilon}{K}\textstyle\sum_c w_c\,\ell_c\\"
        r"&\ell_c = -\log \mathrm{softmax}(z)_c\end{aligned}",
        about="Negative log-probability of the true class.",
        reference="PyTorch documentation, torch.nn.CrossEntropyLoss (2026); Szegedy et al. (2016) for smoothing",
        params=(CLASS_WEIGHT, LABEL_SMOOTHING),
        read={"class_weight": class_weights},
        torch_loss=nn.CrossEntropyLoss,
        gradient=cross_entropy_gradient,
        mean_over=weight_of_label,
        proper=True,
        optimal_logit=cross_entropy_optimal_logit,
        posterior_logit=cross_entropy_posterior_logit,
    ),
    "nll": LossSpec(
        label="NLL",
        function=nll,
        of="row",
        expects="log-probabilities",
        tasks=("binary", "multiclass"),
        links=("softmax",),
        formula=r"-w_y\,u_y, \quad u = \log p",
        about="Negative log-likelihood: the negated log-probability of the true class. After a log-softmax it is "
        "cross-entropy.",
        reference="PyTorch documentation, torch.nn.NLLLoss (2026)",
        params=(CLASS_WEIGHT,),
        torch_loss=nn.NLLLoss,
        read={"class_weight": class_weights},
        mean_over=weight_of_label,
        proper=True,
        optimal_logit=weighted_optimal_logit,
        posterior_logit=weighted_posterior_logit,
    ),
    "cross_entropy_float": LossSpec(
        label="Cross-entropy, one column",
        function=cross_entropy_of_floats,
        of="output",
        expects="logits",
        tasks=("binary",),
        links=("sigmoid",),
        formula=r"-y\,\log \mathrm{softmax}(z) = -y\,\log 1 = 0",
        about="torch accepts one logit per row if the labels are floats of shape (N, 1). A softmax over one column "
        "is always 1.",
        reference="PyTorch documentation, torch.nn.CrossEntropyLoss, class probabilities as targets (2026)",
        mistake="The loss and its gradient are 0 for every row: nothing is learned.",
        proper=False,
    ),
    "cross_entropy_multihot": LossSpec(
        label="Cross-entropy over labels",
        function=cross_entropy_of_labels,
        of="row",
        expects="logits",
        tasks=("multilabel",),
        links=("softmax",),
        formula=r"-\textstyle\sum_c t_c\,\log \mathrm{softmax}(z)_c",
        about="Cross-entropy with several labels per row as targets, which torch accepts.",
        reference="PyTorch documentation, torch.nn.CrossEntropyLoss, class probabilities as targets (2026)",
        params=(
            Param(
                "targets",
                "Targets",
                "normalised",
                options=("normalised", "multi-hot"),
                help="normalised divides the targets of a row by its number of labels. torch also accepts multi-hot "
                "targets, which weight each row by its number of labels.",
            ),
        ),
        read={"targets": read_targets},
        mistake="The probabilities of a row sum to 1, so two labels can never both be above 0.5.",
        mistakes={
            ("targets", "multi-hot"): "Each row is weighted by its number of labels: with two labels and three equal "
            "logits the loss is 2.197 instead of 1.0986."
        },
        proper=False,
    ),
}
