"""Losses that people write to bring a threshold into training. All three do something else than hoped for.

A gate that compares the output or the loss with a bound is a constant to autograd, so only its weight shows up in the
gradient, never the chance to move to its other side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.losses.spec import LossSpec, Params
from core.parameters import Param


def gated_bce(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """w(p) BCE(z, y) with w = above where p = sigmoid(z) >= t, and below elsewhere; it jumps at p = t.

    logits and y (R, B, K), y in {0, 1}; losses (R, B, K) >= 0; t in (0, 1), above and below > 0.
    """
    return _gate(logits, params) * F.binary_cross_entropy_with_logits(logits, y, reduction="none")


def gated_bce_gradient(logits: Tensor, y: Tensor, params: Params) -> Tensor:
    """w(p) (p - y), (R, B, K): where it vanishes on average, p = q, does not depend on w."""
    return _gate(logits, params) * (torch.sigmoid(logits) - y)


def _gate(logits: Tensor, params: Params) -> Tensor:
    return torch.where(torch.sigmoid(logits) >= params["threshold"], params["above"], params["below"])


def gated_bce_optimum(q: Tensor, params: Params) -> Tensor:
    """q, or t where its cross-entropy under the other side's weight is less than that of q under its own.

    With above > below this is so for q from t up to nearly 1, and the least loss lies just below t, not at t itself.
    Gradient descent does not see the jump: the average gradient is 0 at p = q only.
    """
    t, above, below = params["threshold"], params["above"], params["below"]
    own, other = torch.where(q >= t, above, below), torch.where(q >= t, below, above)
    return torch.where(other * _cross_entropy(q, t) < own * _cross_entropy(q, q), t, q)


def _cross_entropy(q: Tensor, p: Tensor) -> Tensor:
    return -torch.special.xlogy(q, p) - torch.special.xlogy(1 - q, 1 - p)


def band_mse(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """e^2 (1 + c max(0, 1 - abs(yhat - t) / r)) with e = yhat - y: dearer where abs(yhat - t) < r.

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

    Monotone in abs(e), with a jump at sqrt(tau): large errors pull even harder, the opposite of Huber (1964).
    """
    squares = (values - y).square()
    return _factor(squares, params) * squares


def loss_gated_mse_gradient(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """2e where e^2 <= tau, else 2 lambda e, (R, B, K)."""
    error = values - y
    return 2 * _factor(error.square(), params) * error


def _factor(squares: Tensor, params: Params) -> Tensor:
    return torch.where(squares > params["tau"], params["factor"], torch.ones_like(params["factor"]))


def loss_gated_mse_optimum(q: Tensor, params: Params) -> Tensor:
    """The best of the points at which a piece of the expected loss can be least: its vertex, or an end with a gate.

    The vertices are q, and lambda q / (lambda q + 1 - q) and q / (q + lambda (1 - q)) where one label's loss is gated;
    the ends are sqrt(tau) and 1 - sqrt(tau). For tau >= 1 it is q.
    """
    factor = params["factor"]
    end = params["tau"].sqrt()
    inside = end * (1 - 1e-6)  # where rounding lifts the square of the end above tau
    favoured = (factor * q / (factor * q + 1 - q), q / (q + factor * (1 - q)))
    points = torch.stack(torch.broadcast_tensors(q, *favoured, end, 1 - end, inside, 1 - inside)).clamp(0, 1)
    ones = torch.ones_like(points)
    risks = q * loss_gated_mse(points, ones, params) + (1 - q) * loss_gated_mse(points, 0 * ones, params)
    return points.gather(0, risks.argmin(0, keepdim=True))[0]


UNIT = (
    "in the unit of the network's output: probability behind a sigmoid; in a regression standard deviations of the "
    "training labels, counted from their mean."
)

THRESHOLDED: dict[str, LossSpec] = {
    "gated_bce": LossSpec(
        label="Output-gated BCE",
        function=gated_bce,
        of="output",
        expects="logits",
        tasks=("binary", "multilabel", "multiclass"),
        heads=("sigmoid", "sigmoids", "one_vs_rest"),
        formula=r"w(p)\,\mathrm{BCE}(z, y), \quad w(p) = \begin{cases}w_{\text{above}} & p \ge t\\ "
        r"w_{\text{below}} & p < t\end{cases}",
        about="BCE with one weight where p >= t and another below. The weight depends on the output and not on the "
        "label, so the gradient is still 0 on average at the true probability and decisions do not shift. The loss "
        "jumps at t, and missed positives get the weight below t.",
        reference="No published source, written by hand by many; compare the focal loss of Lin et al. (2017)",
        params=(
            Param("threshold", "Threshold t", 0.7, 0.01, 0.99, 0.01, help="Probability at which the weight changes."),
            Param("above", "Weight above", 1.0, 0.01, 100.0, 0.1, help="Weight where p >= t.", log=True),
            Param("below", "Weight below", 0.1, 0.01, 100.0, 0.1, help="Weight where p < t.", log=True),
        ),
        gradient=gated_bce_gradient,
        proper=False,
        optimum=gated_bce_optimum,
    ),
    "band_mse": LossSpec(
        label="Band-penalised MSE",
        function=band_mse,
        of="output",
        expects="values",
        tasks=("regression", "binary"),
        heads=("identity", "sigmoid"),
        formula=r"(\hat y - y)^2\,\Bigl(1 + c\,\max\bigl(0,\; 1 - \tfrac{\lvert \hat y - t \rvert}{r}\bigr)\Bigr)",
        about="Squared error, dearer near t to keep outputs away from it. Within the band the gradient can change its "
        "sign: outputs that come from the far side then get stuck at the edge of the band.",
        reference="No published source, written by hand by many; compare Cortes and Vapnik (1995) for a margin",
        params=(
            Param("threshold", "Threshold t", 0.5, -5.0, 5.0, 0.05, help=f"Middle of the band, {UNIT}"),
            Param("radius", "Radius r", 0.2, 0.01, 5.0, 0.05, help=f"Half the width of the band, {UNIT}"),
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
        heads=("identity", "sigmoid"),
        formula=r"\begin{cases}e^2 & e^2 \le \tau\\ \lambda\,e^2 & e^2 > \tau\end{cases}\quad e = \hat y - y",
        about="Squared error, multiplied where it exceeds tau. Outliers pull even harder than under MSE: the opposite "
        "of Huber. On probabilities the squared error is at most 1, so only a tau below 1 does anything.",
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
                "probability behind a sigmoid, standard deviations of the training labels in a regression.",
            ),
            Param("factor", "Factor lambda", 2.0, 1.0, 10.0, 0.1, help="Factor of the loss above tau. At 1 it is MSE."),
        ),
        gradient=loss_gated_mse_gradient,
        proper=True,
        optimum=loss_gated_mse_optimum,
    ),
}
