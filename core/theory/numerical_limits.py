"""Numerical limits of a loss in four dtypes: where it saturates, has no gradient, or is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
END = 100.0  # logits are evaluated from -END to END
STEPS = 1001  # on each side of 0
FAR = 1000.0  # predictions of a regression are evaluated from -FAR to FAR
BETWEEN = 65  # points per step of a search, which needs fewer evaluations than bisection
DEAD = 0.01  # a gradient below this share of the maximum counts as vanished
Function = Callable[[Tensor], Tensor]
Test = Function  # returns booleans


class Numbers(NamedTuple):
    """Logits z with loss value and gradient, all (Q,): computed in one dtype, stored as float64."""

    z: np.ndarray
    value: np.ndarray
    gradient: np.ndarray


@dataclass(frozen=True)
class Finding:
    """A numerical limit.

    what: a statement that holds from the logit `z` away from 0 up to `end`, or up to +-END; everywhere without `z`.
    name: of z in the text.
    of_score: whether only the score is rounded, while loss and gradient can still be exact, as for BCE with logits.
    """

    what: str
    z: float | None = None
    end: float | None = None
    name: str = "z"
    of_score: bool = False

    def __str__(self) -> str:
        if self.z is None:
            return f"{self.what}, at every logit."
        if self.end is not None:
            return f"{self.what}, from {self.name} = {self.z:.5g} to {self.end:.5g}."
        return f"{self.what}, from {self.name} = {self.z:.5g} on {'up' if self.z > 0 else 'down'}."


def gradient(value: Function, z: Tensor) -> Tensor:
    """The derivative of each value by its logit z (Q,), by autograd."""
    leaf = z.clone().requires_grad_()
    return torch.autograd.grad(value(leaf).sum(), leaf)[0]


def numbers(value: Function, dtype: torch.dtype, points: int = 2 * STEPS - 1, end: float = END) -> Numbers:
    """Evaluate a loss and its gradient in `dtype` at `points` >= 2 logits from -end to end."""
    z = torch.linspace(-end, end, points, dtype=torch.float64).to(dtype)
    found = (z, value(z), gradient(value, z))
    return Numbers(*(tensor.detach().double().numpy() for tensor in found))


def naive_bce(z: Tensor, y: float) -> Tensor:
    """The naive -log sigmoid(z) for y = 1 and -log(1 - sigmoid(z)) for y = 0, infinite where the sigmoid rounds."""
    p = torch.sigmoid(z)
    return -torch.log(p) if y == 1 else -torch.log(1 - p)


def findings(value: Function, score: Function, y: int, dtype: torch.dtype) -> tuple[Finding, ...]:
    """Find where score, loss or gradient of a row saturate, vanish or are not finite.

    Parameters
    ----------
    value, score : loss and score as functions of logits (Q,).
    y : label of the row, 0 or 1.
    dtype : that everything is computed in.

    Returns
    -------
    The findings, nearest to 0 first. Each logit is the first in `dtype` at which the finding holds, searched between
    neighbours on a grid.
    """
    whole = numbers(value, dtype)
    flat = whole.gradient == 0
    if flat.all():
        return (Finding("The gradient is 0"),)
    rounded: list[tuple[str, Test]] = [
        ("The score is exactly 1", lambda z: score(z) == 1),
        ("The score is exactly 0", lambda z: score(z) == 0),
    ]
    of_score = [one for what, holds in rounded for side in (1, -1) if (one := _first(what, holds, side, dtype))]
    found = [replace(one, of_score=True) for one in of_score]
    found += overflows(value, dtype)
    side = -1 if y == 1 else 1  # where this row is misclassified
    if (top := _stops_at(whole, side)) and (
        one := _first(f"The loss stops at {top:g}", _equals(value, top), side, dtype)
    ):
        found.append(one)
    found += _dying(whole, lambda z: gradient(value, z).double().abs(), side, dtype)
    return _by_distance(found)


def overflows(value: Function, dtype: torch.dtype, end: float = END, name: str = "z") -> tuple[Finding, ...]:
    """Find where a loss or its gradient is infinite or NaN in [-end, end], nearest to 0 first; `name` is that of z."""
    tests: list[tuple[str, Test]] = [
        ("The loss is infinite", lambda z: value(z).isinf()),
        ("The loss is NaN", lambda z: value(z).isnan()),
        ("The gradient is infinite", lambda z: gradient(value, z).isinf()),
        ("The gradient is NaN", lambda z: gradient(value, z).isnan()),
    ]
    found = (one for what, holds in tests for side in (1, -1) if (one := _first(what, holds, side, dtype, end)))
    return _by_distance(replace(one, name=name) for one in found)


def _by_distance(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda one: abs(one.z or 0)))


def _stops_at(whole: Numbers, side: int) -> float:
    """The finite loss that a misclassified row is stuck at, at the end of this side; 0 if it is not stuck."""
    end, before = (-1, -3) if side > 0 else (0, 2)
    stopped = whole.value[end] == whole.value[before] and np.isfinite(whole.value[end])
    moves = np.abs(whole.gradient[end]) > DEAD * _largest(whole, side)
    return float(whole.value[end]) if stopped and not moves else 0.0


def _largest(whole: Numbers, side: int) -> float:
    """The maximum absolute finite gradient on one side of 0."""
    sizes = np.abs(whole.gradient[(whole.z * side > 0) & np.isfinite(whole.gradient)])
    return float(sizes.max(initial=0.0))


def _equals(value: Function, top: float) -> Test:
    return lambda z: value(z).double() == top


def _dying(whole: Numbers, size: Function, side: int, dtype: torch.dtype) -> list[Finding]:
    """Where the gradient of a misclassified row is small or 0; only 0 if both begin at the same logit."""
    bound = DEAD * _largest(whole, side)
    none = _first("The row is misclassified, but its gradient is 0", lambda z: size(z) == 0, side, dtype)
    small = _first(
        f"The row is misclassified, but its gradient is below {DEAD:.0%} of its maximum",
        lambda z: size(z) < bound,
        side,
        dtype,
    )
    if none and small and none.z == small.z:
        return [none]
    return [one for one in (small, none) if one]


def _first(what: str, holds: Test, side: int, dtype: torch.dtype, end: float = END) -> Finding | None:
    """Where `holds` begins on one side of 0, and where it ends if it does; None if it never holds, or holds at 0."""
    z = torch.linspace(0, side * end, STEPS, dtype=torch.float64).to(dtype)
    true = holds(z)
    if true[0] or not true.any():
        return None
    begin = int(true.int().argmax())
    later = (~true[begin:]).nonzero()
    last = _edge(holds, z[begin + later[0, 0] - 1], z[begin + later[0, 0]], dtype)[0] if len(later) else None
    return Finding(what, _edge(lambda at: ~holds(at), z[begin - 1], z[begin], dtype)[1], last)


def _edge(holds: Test, inside: Tensor, outside: Tensor, dtype: torch.dtype) -> tuple[float, float]:
    """The last number at which `holds` is true and the first at which it is not, neighbours in `dtype`."""
    while True:
        between = torch.linspace(float(inside), float(outside), BETWEEN, dtype=torch.float64).to(dtype).unique()
        if len(between) == 2:
            return float(inside), float(outside)
        between = between if inside < outside else between.flip(0)
        # At least 1: torch's vectorised and scalar kernels may differ in the last digit.
        first = max(int((~holds(between)).int().argmax()), 1)
        inside, outside = between[first - 1], between[first]


def largest_tie(dtype: torch.dtype) -> float:
    """The largest positive logit whose sigmoid is exactly .5 in this dtype."""
    zero, one = torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)
    return _edge(lambda z: torch.sigmoid(z) == 0.5, zero, one, dtype)[0]


class Decisions(NamedTuple):
    """One logit in one dtype, its sigmoid, and four ways to predict positive (1) or negative (0)."""

    logit: float
    score: float
    logit_reaches_0: int
    score_reaches_half: int
    rounded: int
    argmax: int


def decisions(z: float, dtype: torch.dtype) -> Decisions:
    """Predict by z >= 0, sigmoid(z) >= .5, torch.round(sigmoid(z)), which rounds .5 to 0, and argmax over [z]."""
    logit = torch.tensor([[z]], dtype=torch.float64).to(dtype)
    p = torch.sigmoid(logit)
    return Decisions(float(logit), float(p), int(logit >= 0), int(p >= 0.5), int(torch.round(p)), int(logit.argmax(-1)))
