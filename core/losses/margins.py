"""Margin losses: 0 once the true class leads by a margin, or once its probability is high enough."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor, nn

from core.losses.spec import LossSpec, Numbers, Params
from core.parameters import Param


def hinge(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """max(0, m - s z) with s = 2y - 1 and margin m > 0 (Cortes and Vapnik, 1995).

    logits and y (R, B, K), y in {0, 1}; losses (R, B, K) >= 0.
    """
    return torch.relu(params["margin"] - (2 * y - 1) * logits)


def hinge_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-s where s z < m, else 0, (R, B, K). At s z = m it is 0, one of the subgradients."""
    sign = 2 * y - 1
    return -sign * (sign * logits < params["margin"])


def hinge_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """m for q > 0.5 and -m for q < 0.5; at q = 0.5, where every z in [-m, m] is optimal, it is 0."""
    return numbers["margin"] * np.sign(x)


def hinge_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """0 for z in (-m, m]: the optimal logit is >= z from q = 0.5 on; -inf for z <= -m, inf for z > m."""
    margin = numbers["margin"]
    return np.where(z <= -margin, -np.inf, np.where(z <= margin, 0.0, np.inf))


def squared_hinge(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """max(0, m - s z)^2 with s = 2y - 1 and margin m > 0; logits, y and losses (R, B, K), y in {0, 1}."""
    return hinge(logits, y, params).square()


def squared_hinge_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """-2 s max(0, m - s z), (R, B, K)."""
    return -2 * (2 * y - 1) * hinge(logits, y, params)


def squared_hinge_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """m (2q - 1), linear in q (Zhang, 2004)."""
    return numbers["margin"] * np.tanh(x / 2)


def squared_hinge_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """2 artanh(z / m), -inf for z <= -m and inf for z >= m."""
    with np.errstate(divide="ignore"):
        return 2 * np.arctanh(np.clip(z / numbers["margin"], -1, 1))


def multi_margin(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """1/K sum over c != y of max(0, m - z_y + z_c)^p, as torch.nn.MultiMarginLoss with p in {1, 2} and m > 0.

    logits (R, B, K), y (R, B) in 0 .. K-1; losses (R, B) >= 0.
    """
    return _too_close(logits, y, params).pow(params["p"]).mean(-1)


def multi_margin_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """p v_c^(p-1) / K where v_c = m - z_y + z_c > 0 and c != y, and minus their sum at c = y, (R, B, K)."""
    v, p = _too_close(logits, y, params), params["p"]
    others = p * v.pow(p - 1) * (v > 0) / logits.shape[-1]
    return others - F.one_hot(y, logits.shape[-1]) * others.sum(-1, keepdim=True)


def _too_close(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """max(0, m - z_y + z_c) for every class c but y, where it is 0; (R, B, K)."""
    v = torch.relu(params["margin"] - logits.gather(-1, y.unsqueeze(-1)) + logits)
    return v * (1 - F.one_hot(y, logits.shape[-1]))


def multi_margin_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """As for the hinge (p = 1) or the squared hinge (p = 2), with z = z_1 - z_0 (Zhang, 2004)."""
    return (hinge_optimal_logit if numbers["p"] == 1 else squared_hinge_optimal_logit)(x, numbers)


def multi_margin_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """As for the hinge (p = 1) or the squared hinge (p = 2)."""
    return (hinge_posterior_logit if numbers["p"] == 1 else squared_hinge_posterior_logit)(z, numbers)


def dead_zone(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """max(0, BCE(z, y) + log a): 0 once the true class has p >= a, and continuous there; a in [.5, 1].

    logits and y (R, B, K), y in {0, 1}; losses (R, B, K) >= 0. Without a dead zone (a = 1) it is BCE.
    """
    bce = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
    return torch.relu(bce + params["accept"].log())


def dead_zone_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """sigmoid(z) - y outside the dead zone and 0 within, (R, B, K)."""
    return (torch.sigmoid(logits) - y) * (dead_zone(logits, y, params) > 0)


def dead_zone_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """The logit of q clipped to [1 - a, a]; for q = 0 and q = 1 all logits beyond are optimal too."""
    end = logit(numbers["accept"])
    return np.clip(x, -end, end)


def dead_zone_posterior_logit(z: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """z where sigmoid(z) is in (1 - a, a]; -inf below and inf above."""
    end = logit(numbers["accept"])
    return np.where(z <= -end, -np.inf, np.where(z <= end, z, np.inf))


MARGIN = Param(
    "margin",
    "Margin",
    1.0,
    0.1,
    10.0,
    0.1,
    help="Distance from 0, on the correct side, from which on the loss of a logit is 0.",
)

MARGINS: dict[str, LossSpec] = {
    "hinge": LossSpec(
        label="Hinge",
        function=hinge,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"\max(0,\; m - s\,z), \quad s = 2y - 1",
        about="The loss of support vector machines: 0 once the logit is on the correct side by the margin m. It learns "
        "which class is more likely, not how likely, so its scores are not probabilities.",
        reference="Cortes and Vapnik (1995), Support-vector networks",
        params=(MARGIN,),
        gradient=hinge_gradient,
        proper=False,
        optimal_logit=hinge_optimal_logit,
        posterior_logit=hinge_posterior_logit,
    ),
    "squared_hinge": LossSpec(
        label="Squared hinge",
        function=squared_hinge,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"\max(0,\; m - s\,z)^2, \quad s = 2y - 1",
        about="The squared hinge. Its optimal logit is m (2q - 1) for a true probability q, so q is (z / m + 1) / 2, "
        "not the sigmoid of z.",
        reference="Zhang (2004), Statistical behavior and consistency of classification methods",
        params=(MARGIN,),
        gradient=squared_hinge_gradient,
        proper=False,
        optimal_logit=squared_hinge_optimal_logit,
        posterior_logit=squared_hinge_posterior_logit,
    ),
    "multi_margin": LossSpec(
        label="Multi-class margin",
        function=multi_margin,
        of="row",
        expects="logits",
        tasks=("binary", "multiclass"),
        links=("softmax",),
        formula=r"\tfrac{1}{K}\textstyle\sum_{c \ne y} \max(0,\; m - z_y + z_c)^p",
        about="The hinge for several classes: 0 once the logit of the true class leads every other by the margin m.",
        reference="Weston and Watkins (1999); PyTorch documentation, torch.nn.MultiMarginLoss (2026)",
        params=(
            Param(
                "margin",
                "Margin",
                1.0,
                0.1,
                10.0,
                0.1,
                help="Lead of the true class's logit over every other logit from which on the loss is 0.",
            ),
            Param("p", "Power p", 1.0, 1.0, 2.0, 1.0, help="1: hinge, 2: squared hinge.", integer=True),
        ),
        torch_loss=nn.MultiMarginLoss,
        gradient=multi_margin_gradient,
        proper=False,
        optimal_logit=multi_margin_optimal_logit,
        posterior_logit=multi_margin_posterior_logit,
    ),
    "dead_zone": LossSpec(
        label="Dead-zone BCE",
        function=dead_zone,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"\max\bigl(0,\; \mathrm{BCE}(z, y) + \log a\bigr)",
        about="BCE with no loss and no gradient once the true class has p >= a. Nothing moves a score beyond a, so the "
        "scores are not calibrated.",
        reference="Vapnik (1995), The nature of statistical learning theory, for a zone without loss; here on BCE",
        params=(
            Param(
                "accept",
                "Accepted from a",
                0.7,
                0.5,
                1.0,
                0.05,
                help="Probability of the true class from which on the loss is 0. At 1 the loss is BCE.",
            ),
        ),
        gradient=dead_zone_gradient,
        proper=False,
        optimal_logit=dead_zone_optimal_logit,
        posterior_logit=dead_zone_posterior_logit,
    ),
}
