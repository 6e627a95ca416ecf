"""Squared and related errors: the Brier score of probabilities, and regression losses."""

from __future__ import annotations

import torch
from torch import Tensor

from core.losses.cross_entropy import unchanged
from core.losses.spec import LossSpec, Params
from core.parameters import Param


def squared_error(u: Tensor, y: Tensor, params: Params) -> Tensor:
    """(u - y)^2, as torch.nn.MSELoss; u, y and losses (R, B, K), u any number or a probability, y then in {0, 1}."""
    return (u - y).square()


def squared_error_gradient(u: Tensor, y: Tensor, params: Params) -> Tensor:
    """2 (u - y), (R, B, K)."""
    return (u - y).mul_(2)


def absolute_error(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """abs(yhat - y), as torch.nn.L1Loss; values, y and losses (R, B, K). Minimised by the median of y."""
    return (values - y).abs()


def absolute_error_gradient(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """The sign of yhat - y, (R, B, K); 0 where they are equal."""
    return torch.sign(values - y)


def huber(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """e^2 / 2 where abs(e) <= d, else d (abs(e) - d / 2), with e = yhat - y, as torch.nn.HuberLoss with delta d > 0.

    values, y and losses (R, B, K).
    """
    error, delta = (values - y).abs(), params["delta"]
    return torch.where(error <= delta, 0.5 * error.square(), delta * (error - 0.5 * delta))


def huber_gradient(values: Tensor, y: Tensor, params: Params) -> Tensor:
    """yhat - y clipped to [-d, d], (R, B, K)."""
    return torch.maximum(torch.minimum(values - y, params["delta"]), -params["delta"])


SQUARES: dict[str, LossSpec] = {
    "brier": LossSpec(
        label="Brier",
        function=squared_error,
        of="output",
        expects="probabilities",
        tasks=("binary", "multilabel", "multiclass"),
        links=("sigmoid", "softmax"),
        formula=r"(p - y)^2",
        about="Squared error of the probability. It is proper, but after a sigmoid its gradient vanishes for "
        "confidently misclassified rows. Two softmax outputs, summed, give twice the loss of one sigmoid.",
        reference="Brier (1950), Verification of forecasts expressed in terms of probability",
        gradient=squared_error_gradient,
        proper=True,
        optimal_logit=unchanged,
        posterior_logit=unchanged,
    ),
    "mse": LossSpec(
        label="MSE",
        function=squared_error,
        of="output",
        expects="values",
        tasks=("regression",),
        links=("none",),
        formula=r"(\hat y - y)^2",
        about="Squared error. The optimal prediction is the mean. The gradient grows with the error, so outliers have "
        "a large influence.",
        reference="Legendre (1805); PyTorch documentation, torch.nn.MSELoss (2026)",
        gradient=squared_error_gradient,
    ),
    "mae": LossSpec(
        label="MAE",
        function=absolute_error,
        of="output",
        expects="values",
        tasks=("regression",),
        links=("none",),
        formula=r"\lvert \hat y - y \rvert",
        about="Absolute error. The optimal prediction is the median; all rows have gradients of the same size.",
        reference="Laplace (1774); PyTorch documentation, torch.nn.L1Loss (2026)",
        gradient=absolute_error_gradient,
    ),
    "huber": LossSpec(
        label="Huber",
        function=huber,
        of="output",
        expects="values",
        tasks=("regression",),
        links=("none",),
        formula=r"\begin{cases}\tfrac12 e^2 & \lvert e \rvert \le \delta\\ "
        r"\delta\,\bigl(\lvert e \rvert - \tfrac12 \delta\bigr) & \text{else}\end{cases}"
        r"\quad e = \hat y - y",
        about="Squared up to delta and linear beyond it, so the gradient of an outlier is no larger than that of an "
        "error of delta.",
        reference="Huber (1964); PyTorch documentation, torch.nn.HuberLoss (2026)",
        params=(
            Param(
                "delta",
                "Delta",
                1.0,
                0.05,
                10.0,
                0.05,
                help="Error up to which the loss is quadratic, in the unit of the network's output: standard "
                "deviations of the training labels.",
            ),
        ),
        gradient=huber_gradient,
    ),
}
