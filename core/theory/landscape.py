"""The shape of a loss as a function of one output: jumps, and gradients that point away from the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS
from core.theory.binary_loss import BinaryLoss

Floats = NDArray[np.float64]
SMALLEST = 1e-3  # smaller relative changes between neighbours on a grid are not searched for a jump
PARTS, ROUNDS = 4, 14  # a step is divided in parts, and again the one with the largest change
SHARE = 0.3  # a part of a smooth change has 1 / PARTS of it, one with a jump a larger share
LOGITS = np.linspace(-20, 20, 401)
ERRORS = np.geomspace(1e-3, 1e3, 601)
TARGETS = (-1.0, 0.0, 0.3, 1.0)
TARGET_POINTS = 101
VALUES = np.linspace(-12, 12, 6001)  # outputs without an activation, in standard deviations of the labels
PROBABILITIES = np.linspace(1e-6, 1 - 1e-6, 2001)


@dataclass(frozen=True)
class Gate:
    """A score above which the loss of an actual positive is larger than just below it.

    score: the score, in (0, 1).
    below, above: gradients of an actual positive just below and above, as a multiple of BCE's; 0 < below < above.
    jump: the loss just above as a multiple of the loss just below, > 1.
    """

    score: float
    below: float
    above: float
    jump: float


@dataclass(frozen=True)
class Trap:
    """An output that descent does not pass on its way to the target.

    side: where outputs that get stuck come from.
    output: where they stop.
    target: for targets below (from above) or above (from below) this one.
    """

    side: Literal["above", "below"]
    output: float
    target: float


@dataclass(frozen=True)
class Growth:
    """An absolute error above which the gradient is `factor` > 1 times larger, relative to that of the squared error.

    of_loss: whether the loss jumps up as well.
    """

    error: float
    factor: float
    of_loss: bool


def jumps(function: Callable[[Floats], Floats], grid: Floats) -> Floats:
    """Find where a function jumps, by dividing the steps of a grid.

    Parameters
    ----------
    function : maps points (P,) to values (P,), smooth but for jumps. Values that are not finite are skipped.
    grid : points (G,), ascending or descending. Of several jumps within a step, at most one is found.

    Returns
    -------
    The last point before and the first point after each jump, (J, 2), PARTS^-ROUNDS of a step apart.
    """
    values = function(grid)
    with np.errstate(invalid="ignore"):  # two infinite values
        change = np.abs(np.diff(values))
        steep = change > SMALLEST * np.maximum(np.abs(values[:-1]), np.abs(values[1:]))
    ends, change = np.stack([grid[:-1], grid[1:]])[:, steep], change[steep]
    for _ in range(ROUNDS):
        points = np.linspace(ends[0], ends[1], PARTS + 1)
        parts = np.abs(np.diff(function(points.ravel()).reshape(points.shape), axis=0))
        kept = parts.max(0) > SHARE * change
        change, points, at = parts.max(0)[kept], points[:, kept], parts.argmax(0)[None, kept]
        ends = np.take_along_axis(points, np.concatenate([at, at + 1]), 0)
    return ends.T


def gate(of: BinaryLoss) -> Gate | None:
    """The score at which the weight of an actual positive rises most, if its loss jumps up there as well.

    Parameters
    ----------
    of : a classification loss with the final activation it expects.

    Returns
    -------
    The gate, from scores with logits in [-20, 20]; None if there is none.
    """

    def weight(z: Floats) -> Floats:
        return of.gradients(torch.from_numpy(z), 1).numpy() / -expit(-z)

    found = []
    for ends in jumps(weight, LOGITS):
        (below, above), (low, high) = weight(ends), of.values(torch.from_numpy(ends), 1).tolist()
        if 0 < below < above and 0 < low * (1 + SMALLEST) < high:
            found.append(Gate(float(expit(ends[1])), float(below), float(above), high / low))
    return max(found, key=lambda one: one.above / one.below, default=None)


def traps(of: BinaryLoss, lowest: float, highest: float) -> tuple[Trap, ...]:
    """Outputs that descent does not pass, since the gradient there points away from the target.

    Parameters
    ----------
    of : a loss of values, with one output in [-12, 12], or in (0, 1) if the final activation gives probabilities.
    lowest, highest : range of the targets.

    Returns
    -------
    The outermost one on each side: above the lowest target and below the highest.
    """
    grid = PROBABILITIES if ACTIVATIONS[of.objective.activation].gives == "probabilities" else VALUES

    def away(u: Floats, y: Floats) -> NDArray[np.bool_]:
        return (u - y) * _slopes(of, u, y) < 0

    def trap(side: Literal["above", "below"], y: float) -> Trap | None:
        u = np.unique(np.append(grid, jumps(lambda u: _slopes(of, u, np.array(y)), grid)))
        beyond = u[u > y] if side == "above" else u[u < y]
        beyond = beyond[np.abs(beyond - y).argsort()]
        wrong = away(beyond, np.array(y))
        turns = np.flatnonzero(wrong[:-1] & ~wrong[1:])
        if not len(turns):
            return None
        inside, stop = beyond[turns[-1] : turns[-1] + 2]
        targets = np.linspace(y, inside, TARGET_POINTS)
        last = jumps(lambda y: away(np.array(inside), y).astype(np.float64), targets)[0, 0]
        return Trap(side, float(stop), float(last))

    return tuple(found for found in (trap("above", lowest), trap("below", highest)) if found)


def growth(of: BinaryLoss) -> Growth | None:
    """The smallest error above which rows gain influence, compared with the squared error.

    Parameters
    ----------
    of : a loss of values, with one output.

    Returns
    -------
    The error, in [1e-3, 1e3], at which the gradient over twice the error jumps up, in both directions and whatever the
    target is; None if there is none.
    """

    def influence(error: Floats, y: float = 0.0, sign: int = 1) -> Floats:
        return sign * _slopes(of, y + sign * error, np.array(y)) / (2 * error)

    for before, after in jumps(influence, ERRORS):
        width = after - before
        beside = np.array([before - width, after + width])  # since y + error is rounded
        each = np.array([influence(beside, y, sign) for y, sign in product(TARGETS, (1, -1))])
        small, large = each[:, 0].max(), each[:, 1].min()
        if 0 < small * (1 + SMALLEST) < large:
            low, high = _losses(of, torch.from_numpy(beside), torch.zeros(2, dtype=torch.float64)).tolist()
            return Growth(float(after), float(large / small), high > low * (1 + SMALLEST))
    return None


def _losses(of: BinaryLoss, u: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The losses (Q,) of outputs u (Q,), after the final activation, with targets y (Q,)."""
    return LOSSES[of.loss].function(u[None, :, None], y[None, :, None], of.params)[0, :, 0]


def _slopes(of: BinaryLoss, u: Floats, y: Floats) -> Floats:
    """The derivatives (Q,) of `_losses` by u, by autograd; u and y broadcast."""
    outputs, targets = (torch.tensor(each) for each in np.broadcast_arrays(u, y))
    outputs.requires_grad_()
    return torch.autograd.grad(_losses(of, outputs, targets).sum(), outputs)[0].numpy()
