"""Losses that people write to include a threshold in training. None of the three has the intended effect.

To autograd, a gate that compares the output or the loss with a bound is a constant. Its weight scales the gradient, but
the gradient does not see the jump at the bound.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import entr, expit, logit
from torch import Tensor

from core.losses.spec import LossSpec, Numbers, Params
from core.parameters import Param


def gated_bce(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """w(p) BCE(z, y) with w = above where p = sigmoid(z) >= t, and below elsewhere; it jumps at p = t.

    logits and y (R, B, K), y in {0, 1}; losses (R, B, K) >= 0; t in (0, 1), above and below > 0.
    """
    return _gate(logits, params) * F.binary_cross_entropy_with_logits(logits, y, reduction="none")


def gated_bce_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """w(p) (p - y), (R, B, K). Its mean is 0 at p = q, whatever w is."""
    return _gate(logits, params) * (torch.sigmoid(logits) - y)


def _gate(logits: Tensor, params: Params) -> Tensor:
    return torch.where(torch.sigmoid(logits) >= params["threshold"], params["above"], params["below"])


def gated_bce_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """x, or logit(t) if the expected loss is smaller at t with the other side's weight than at p = q.

    With above > below this holds for q from t up to nearly 1; the infimum of the loss is then just below t. Gradient
    descent does not see the jump: the mean gradient is 0 at p = q only.
    """
    t, above, below = numbers["threshold"], numbers["above"], numbers["below"]
    q, rest = expit(x), expit(-x)
    reaches = x >= logit(t)
    own, other = np.where(reaches, above, below), np.where(reaches, below, above)
    at_threshold = -q * np.log(t) - rest * np.log1p(-t)
    return np.where(other * at_threshold < own * (entr(q) + entr(rest)), logit(t), x)


def band_mse(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """e^2 (1 + c max(0, 1 - abs(yhat - t) / r)) with e = yhat - y: a penalty where abs(yhat - t) < r.

    values, y and losses (R, B, K); r > 0, c >= 0. For y < t + r - 2r/c the upper end of the band is a local minimum,
    for y > t - r + 2r/c the lower end.
    """
    return (values - y).square() * (1 + _penalty(values, params))


def band_mse_gradient(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """2e (1 + P) - e^2 (c / r) sign(yhat - t) with P = c (1 - abs(yhat - t) / r) in the band, else 2e; (R, B, K)."""
    error, penalty = values - y, _penalty(values, params)
    slope = params["penalty"] / params["radius"] * torch.sign(values - params["threshold"])
    return 2 * error * (1 + penalty) - error.square() * slope * (penalty > 0)


def _penalty(values: Tensor, params: Params) -> Tensor:
    distance = (values - params["threshold"]).abs() / params["radius"]
    return params["penalty"] * torch.relu(1 - distance)


def loss_gated_mse(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """e^2 where e^2 <= tau, else lambda e^2, with e = yhat - y; values, y and losses (R, B, K), tau > 0, lambda >= 1.

    Monotone in abs(e), with a jump at sqrt(tau). Large errors gain influence, unlike with Huber (1964).
    """
    squares = (values - y).square()
    return _factor(squares, params) * squares


def loss_gated_mse_gradient(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """2e where e^2 <= tau, else 2 lambda e, (R, B, K)."""
    error = values - y
    return 2 * _factor(error.square(), params) * error


def _factor(squares: Tensor, params: Params) -> Tensor:
    return torch.where(squares > params["tau"], params["factor"], torch.ones_like(params["factor"]))


def loss_gated_mse_optimal_logit(x: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """The best of the minima of the three pieces of the expected loss, each at its vertex or at an end.

    The loss of a label is multiplied where the score is more than sqrt(tau) away from it: for y = 1 only, below
    min(sqrt(tau), 1 - sqrt(tau)); for y = 0 only, above the maximum of the two; in between, for both labels if
    tau < 1/4, else for neither. At tau = 1/4 the middle piece is the single score 0.5, where neither loss is
    multiplied. Descent does not reach it, so the limit from its neighbours is used there.
    """
    tau, factor = numbers["tau"], numbers["factor"]
    ends = np.clip([np.sqrt(tau), 1 - np.sqrt(tau)], 0, 1)
    low, high = logit(ends.min()), logit(ends.max())
    between = factor if tau <= 0.25 else np.ones(())
    pieces = ((factor, 1.0, -np.inf, low), (between, between, low, high), (1.0, factor, high, np.inf))
    q, rest = expit(x), expit(-x)
    points, risks = [], []
    for positive, negative, start, end in pieces:
        z = np.clip(x + np.log(positive / negative), start, end)
        points.append(z)
        risks.append(q * positive * expit(-z) ** 2 + rest * negative * expit(z) ** 2)
    return np.take_along_axis(np.array(points), np.argmin(risks, axis=0)[None], axis=0)[0]


UNIT = (
    "in the unit of the network's output: probability after a sigmoid; in a regression standard deviations from the "
    "mean of the training labels."
)

THRESHOLDED: dict[str, LossSpec] = {
    "gated_bce": LossSpec(
        label="Output-gated BCE",
        function=gated_bce,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid",),
        formula=r"w(p)\,\mathrm{BCE}(z, y), \quad w(p) = \begin{cases}w_{\text{above}} & p \ge t\\ "
        r"w_{\text{below}} & p < t\end{cases}",
        about="BCE with one weight where p >= t and another below. The weight depends on the output, not on the label, "
        "so the mean gradient is still 0 at the true probability and decisions do not shift. The loss jumps at t, and "
        "false negatives get the weight below t.",
        reference="No published source, written by hand by many; compare the focal loss of Lin et al. (2017)",
        params=(
            Param("threshold", "Threshold t", 0.7, 0.01, 0.99, 0.01, help="Probability at which the weight changes."),
            Param("above", "Weight above", 1.0, 0.01, 100.0, 0.1, help="Weight where p >= t.", log=True),
            Param("below", "Weight below", 0.1, 0.01, 100.0, 0.1, help="Weight where p < t.", log=True),
        ),
        gradient=gated_bce_gradient,
        proper=False,
        optimal_logit=gated_bce_optimal_logit,
    ),
    "band_mse": LossSpec(
        label="Band-penalised MSE",
        function=band_mse,
        of="output",
        expects="values",
        tasks=("regression", "binary"),
        links=("none", "sigmoid"),
        formula=r"(\hat y - y)^2\,\Bigl(1 + c\,\max\bigl(0,\; 1 - \tfrac{\lvert \hat y - t \rvert}{r}\bigr)\Bigr)",
        about="Squared error with a penalty near t, meant to keep outputs away from it. Within the band the gradient "
        "can change sign: outputs that come from the far side then get stuck at the edge of the band.",
        reference="No published source, written by hand by many; compare Cortes and Vapnik (1995) for a margin",
        params=(
            Param("threshold", "Threshold t", 0.5, -5.0, 5.0, 0.05, help=f"Centre of the band, {UNIT}"),
            Param("radius", "Radius r", 0.2, 0.01, 5.0, 0.05, help=f"Half-width of the band, {UNIT}"),
            Param(
                "penalty",
                "Penalty c",
                1.5,
                0.0,
                10.0,
                0.1,
                help="At t the loss is 1 + c times the squared error. At 0 it is MSE.",
            ),
        ),
        gradient=band_mse_gradient,
        proper=False,
    ),
    "loss_gated_mse": LossSpec(
        label="Loss-gated MSE",
        function=loss_gated_mse,
        of="output",
        expects="values",
        tasks=("regression", "binary"),
        links=("none", "sigmoid"),
        formula=r"\begin{cases}e^2 & e^2 \le \tau\\ \lambda\,e^2 & e^2 > \tau\end{cases}\quad e = \hat y - y",
        about="Squared error, multiplied where it exceeds tau. Outliers have even more influence than with MSE, unlike "
        "with Huber. For probabilities the squared error is at most 1, so only tau < 1 has an effect.",
        reference="No published source, written by hand by many; compare Huber (1964)",
        params=(
            Param(
                "tau",
                "Limit tau",
                1.0,
                0.01,
                10.0,
                0.05,
                help="Squared error above which the factor applies, in the squared unit of the network's output: "
                "probability after a sigmoid, standard deviations of the training labels in a regression.",
            ),
            Param("factor", "Factor lambda", 2.0, 1.0, 10.0, 0.1, help="Factor of the loss above tau. At 1 it is MSE."),
        ),
        gradient=loss_gated_mse_gradient,
        proper=True,
        optimal_logit=loss_gated_mse_optimal_logit,
    ),
}
