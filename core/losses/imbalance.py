"""Losses for imbalanced data: focal, asymmetric, logit-adjusted, and losses of overlap (soft F1, Tversky)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit
from torch import Tensor

from core.errors import CutoffError
from core.losses.softmax import log_softmax, softmax
from core.losses.spec import Counts, LossSpec, Numbers, Params
from core.parameters import Param

LARGEST = 1e300  # replaces infinite logits, whose differences would be NaN


def focal(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-a_t (1 - p_t)^g log p_t with p_t the probability of the true label and a_t = a for y = 1, 1 - a for y = 0.

    logits and y (R, B, K), gamma g >= 0 and alpha a in [0, 1] (R, 1, 1); losses (R, B, K) >= 0. Gamma 0 and alpha
    0.5 give half of BCE.
    """
    signed = torch.where(y == 1, logits, -logits)
    log_p = F.logsigmoid(signed)
    # (1 - p)^g from its logarithm, since 1 - p may round to 0, where the gradient is infinite for g < 1.
    modulation = torch.exp(params["gamma"] * F.logsigmoid(-signed))
    return -_alpha(y, params) * modulation * log_p


def focal_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """a_t s (1 - p_t)^g (g p_t log p_t - (1 - p_t)) with s = 2 y - 1, (R, B, K)."""
    sign = 2 * y - 1
    signed = sign * logits
    p, log_p, log_rest = torch.sigmoid(signed), F.logsigmoid(signed), F.logsigmoid(-signed)
    gamma = params["gamma"]
    slope = torch.exp(gamma * log_rest) * (gamma * p * log_p - torch.exp(log_rest))
    return _alpha(y, params) * sign * slope


def _alpha(y: Tensor, params: Params) -> Tensor:
    return torch.where(y == 1, params["alpha"], 1 - params["alpha"])


def focal_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """ln((1 - a) / a) + ln h(s) - ln h(1 - s) with s = sigmoid(z) and h(v) = v / ((1 - v)^g - g v (1 - v)^(g - 1) ln v)
    (Charoenphakdee et al., 2021)."""
    gamma, alpha = numbers["gamma"], numbers["alpha"]
    z = np.clip(z, -LARGEST, LARGEST)
    return _log_pull(-z, gamma) - _log_pull(z, gamma) - logit(alpha)


def _log_pull(z: NDArray[np.float64], gamma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the absolute gradient of a positive row: ln((1 - p)^g (1 - p - g p ln p)), p = sigmoid(z).

    Computed in logarithms, it stays accurate where p or 1 - p would round to 0.
    """
    log_p, log_rest = log_expit(z), log_expit(-z)
    with np.errstate(divide="ignore"):  # ln 0 = -inf is intended
        slope = np.log(gamma) + log_p + np.log(-log_p)
    return gamma * log_rest + np.logaddexp(log_rest, slope)


def asymmetric(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-y (1 - p)^g+ log p - (1 - y) p_m^g- log(1 - p_m) with p_m = max(p - m, 0), the asymmetric loss.

    logits and y (R, B, K), gamma_pos g+ and gamma_neg g- >= 0, margin m in [0, 1) (R, 1, 1); losses (R, B, K) >= 0.
    For a negative with p <= m the loss and its gradient are exactly 0.
    """
    positive = -torch.exp(params["gamma_pos"] * F.logsigmoid(-logits)) * F.logsigmoid(logits)
    shifted = torch.sigmoid(logits) - params["margin"]
    inside = shifted > 0
    safe = torch.where(inside, shifted, 0.5)  # the gradient of a power of 0 may be infinite
    # 1 - p + m, with 1 - p = sigmoid(-z), which does not round to 0 for large logits.
    rest = torch.sigmoid(-logits) + params["margin"]
    tiny = torch.finfo(logits.dtype).tiny
    cost = -(safe ** params["gamma_neg"]) * torch.where(
        params["margin"] > 0, torch.log(rest.clamp(min=tiny)), F.logsigmoid(-logits)
    )
    return torch.where(y == 1, positive, torch.where(inside, cost, 0.0))


def asymmetric_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """ln g_- - ln g_+ with the absolute gradients of a negative and a positive; -inf for p <= m, since all optimal
    scores are above m."""
    margin, gamma = numbers["margin"], numbers["gamma_neg"]
    z = np.clip(z, -LARGEST, LARGEST)
    positive = _log_pull(z, numbers["gamma_pos"])
    if margin == 0:
        return _log_pull(-z, gamma) - positive
    shifted = expit(z) - margin  # p_m
    inside = shifted > 0
    safe = np.where(inside, shifted, 0.5)
    # d/dp of -p_m^g ln(1 - p_m) is p_m^g (-g ln(1 - p_m) / p_m + 1 / (1 - p_m)).
    log_rest = np.where(safe < 0.5, np.log1p(-np.minimum(safe, 0.5)), np.log(np.minimum(expit(-z) + margin, 0.5)))
    with np.errstate(divide="ignore"):
        slope = np.logaddexp(np.log(gamma) + np.log(-log_rest) - np.log(safe), -log_rest)
    negative = log_expit(z) + log_expit(-z) + gamma * np.log(safe) + slope
    return np.where(inside, negative - positive, -np.inf)


def logit_adjusted(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-log softmax(z + tau log pi)_y, the logit-adjusted cross-entropy; tau = 1 is balanced softmax.

    logits (R, B, K), y (R, B) in 0 .. K-1, tau (R, 1, 1) >= 0, prior pi (R, 1, K) > 0; losses (R, B).
    """
    adjusted = log_softmax(logits + params["tau"] * params["prior"].log())
    return -adjusted.gather(-1, y.unsqueeze(-1)).squeeze(-1)


def logit_adjusted_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """softmax(z + tau log pi) - onehot(y), (R, B, K)."""
    adjusted = softmax(logits + params["tau"] * params["prior"].log())
    return adjusted - F.one_hot(y, logits.shape[-1])


def logit_adjusted_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """x - tau logit(pi): at tau = 1 a score of 0.5 means a true probability equal to the prevalence."""
    negative, positive = numbers["prior"]
    return x - numbers["tau"] * np.log(positive / negative)


def logit_adjusted_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """z + tau logit(pi)."""
    negative, positive = numbers["prior"]
    return z + numbers["tau"] * np.log(positive / negative)


def read_prior(text: str, counts: Counts) -> np.ndarray:
    """Parse the prior of each class.

    Parameters
    ----------
    text : "training" (shares of the training rows), or K numbers from 1e-6 to 1e6 separated by commas.
    counts : counts of the training labels.

    Returns
    -------
    prior : (K,) with a sum of 1.

    Raises
    ------
    CutoffError
        If the text is anything else.
    """
    classes = len(counts.positives)
    if text == "training":
        shares = np.maximum(counts.positives, 1)
    else:
        try:
            shares = np.array([float(part) for part in text.split(",")])
        except ValueError:
            shares = np.empty(0)
        if len(shares) != classes or not ((shares >= 1e-6) & (shares <= 1e6)).all():
            raise CutoffError(
                f"Expected `prior` to be training or {classes} numbers from 1e-06 to 1e+06 separated by commas, "
                f"but got {text!r}."
            )
    return shares / shares.sum()


def tversky(p: Tensor, y: Tensor, params: Params) -> Tensor:
    """1 - TP / (TP + alpha FP + beta FN) with TP = sum p y, FP = sum p (1 - y), FN = sum (1 - p) y, over all rows.

    p in [0, 1] and y in {0, 1} (R, B, K), alpha and beta (R, 1, 1) >= 0; losses (R, K) in [0, 1], one per output.
    For a batch without positives the loss is 1 whatever the scores, with no gradient; if all its p are 0 as well
    (0 / 0), it is 0.
    """
    tp = (p * y).sum(-2)
    fp, fn = (p * (1 - y)).sum(-2), ((1 - p) * y).sum(-2)
    below = tp + params["alpha"][..., 0] * fp + params["beta"][..., 0] * fn
    defined = below > 0
    return torch.where(defined, 1 - tp / torch.where(defined, below, 1.0), 0.0)


def soft_f1(p: Tensor, y: Tensor, params: Params) -> Tensor:
    """1 - 2 sum(p y) / (sum p + sum y), one minus the F1 of soft counts (the Dice loss): Tversky with 0.5, 0.5."""
    half = torch.full((), 0.5, dtype=p.dtype, device=p.device).expand(1, 1)
    return tversky(p, y, {"alpha": half, "beta": half})


OF_A_BATCH = "Expected probabilities in [0, 1], but got logits."
IMBALANCE: dict[str, LossSpec] = {
    "focal": LossSpec(
        label="Focal",
        function=focal,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"-\alpha_t\,(1-p_t)^{\gamma}\,\log p_t, \quad p = \sigma(z)",
        about="BCE that down-weights easy examples. Positives are weighted by alpha, negatives by 1 - alpha: "
        "the usual 0.25 gives positives less weight.",
        reference="Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection (2017)",
        params=(
            Param(
                "gamma",
                "gamma",
                2.0,
                0.0,
                5.0,
                0.1,
                help="How strongly easy examples are down-weighted; 0 is weighted BCE.",
            ),
            Param("alpha", "alpha", 0.25, 0.0, 1.0, 0.05, help="Weight of positives; negatives get 1 - alpha."),
        ),
        gradient=focal_gradient,
        proper=False,
        posterior_logit=focal_posterior_logit,
    ),
    "asymmetric": LossSpec(
        label="Asymmetric (ASL)",
        function=asymmetric,
        of="output",
        expects="logits",
        tasks=("multilabel", "binary", "multiclass"),
        links=("sigmoid",),
        formula=r"\begin{aligned}-&y\,(1-p)^{\gamma_+}\log p\\ -&(1-y)\,p_m^{\gamma_-}\log(1-p_m)\\"
        r"&p_m = \max(p-m, 0)\end{aligned}",
        about="Focal loss with separate gammas for positives and negatives. The loss of a negative with p up to the "
        "margin m is 0.",
        reference="Ridnik et al., Asymmetric Loss For Multi-Label Classification (2021)",
        params=(
            Param("gamma_pos", "gamma of positives", 0.0, 0.0, 5.0, 0.1, help="0 gives all positives full weight."),
            Param(
                "gamma_neg",
                "gamma of negatives",
                4.0,
                0.0,
                8.0,
                0.1,
                help="How strongly easy negatives are down-weighted.",
            ),
            Param(
                "margin", "Margin m", 0.05, 0.0, 0.5, 0.01, help="Negatives with p <= m have no loss and no gradient."
            ),
        ),
        proper=False,
        posterior_logit=asymmetric_posterior_logit,
    ),
    "logit_adjusted": LossSpec(
        label="Logit-adjusted CE",
        function=logit_adjusted,
        of="row",
        expects="logits",
        tasks=("binary", "multiclass"),
        links=("softmax",),
        formula=r"-\log \mathrm{softmax}(z + \tau \log \pi)_y",
        about="Cross-entropy with tau times the log of each class's prior added to its logit, so that the learned "
        "logits are those of balanced classes. tau 1 is balanced softmax.",
        reference="Menon et al., Long-tail learning via logit adjustment (2021); Ren et al., balanced softmax (2020)",
        params=(
            Param("tau", "tau", 1.0, 0.0, 2.0, 0.1, help="Strength of the adjustment; 0 is cross-entropy."),
            Param(
                "prior",
                "Class priors",
                "training",
                options=("training",),
                help="training uses the class frequencies of the training rows; or type one number per class, such "
                "as 9, 1.",
                free=True,
            ),
        ),
        read={"prior": read_prior},
        gradient=logit_adjusted_gradient,
        proper=False,
        optimal_logit=logit_adjusted_optimal_logit,
        posterior_logit=logit_adjusted_posterior_logit,
    ),
    "soft_f1": LossSpec(
        label="Soft F1 (Dice)",
        function=soft_f1,
        of="batch",
        expects="probabilities",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"1 - \frac{2\sum_i p_i y_i}{\sum_i p_i + \sum_i y_i}",
        about="One minus F1 with probabilities as soft counts, computed per batch: a batch without positives has no "
        "gradient.",
        reference="Milletari, Navab and Ahmadi, V-Net, the Dice loss (2016)",
        refusal=OF_A_BATCH,
        proper=False,
    ),
    "tversky": LossSpec(
        label="Tversky",
        function=tversky,
        of="batch",
        expects="probabilities",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"1 - \frac{TP}{TP + \alpha\,FP + \beta\,FN}, \quad TP = \textstyle\sum_i p_i y_i",
        about="Soft F1 with separate weights for false positives (alpha) and false negatives (beta). 0.5 and 0.5 is "
        "soft F1.",
        reference="Salehi, Erdogmus and Gholipour, Tversky loss function (2017)",
        params=(
            Param("alpha", "alpha", 0.3, 0.0, 2.0, 0.05, help="Weight of false positives."),
            Param("beta", "beta", 0.7, 0.05, 2.0, 0.05, help="Weight of false negatives; a larger one raises recall."),
        ),
        refusal=OF_A_BATCH,
        proper=False,
    ),
}
