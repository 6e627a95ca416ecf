"""The same loss in four number formats: where it saturates, stops, loses its gradient, or is no number any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
END = 100.0  # logits are looked at from -END to END
STEPS = 1001  # on each side of 0
FAR = 1000.0  # predictions of a regression are looked at from -FAR to FAR
BETWEEN = 65  # looked at in a step of a search: fewer calls than halving
DEAD = 0.01  # a gradient is dead where it is smaller than this share of the largest
Function = Callable[[Tensor], Tensor]
Test = Function  # gives booleans


class Numbers(NamedTuple):
    """Logits and, at each of them, loss and gradient, all (Q,): computed in one number format, kept in float64."""

    z: np.ndarray
    value: np.ndarray
    gradient: np.ndarray


@dataclass(frozen=True)
class Finding:
    """`what` holds from the logit `z` outwards, as far as `end`, or on to +-END; without `z` it holds everywhere.

    `name` is what z is called, as where it is a prediction. `of_score`: it is the score that rounds, while loss and
    gradient may go on following their formula, as those of BCE with logits do.
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
    """The derivative of each value by its own logit, (Q,), by autograd."""
    leaf = z.clone().requires_grad_()
    return torch.autograd.grad(value(leaf).sum(), leaf)[0]


def numbers(value: Function, dtype: torch.dtype, points: int = 2 * STEPS - 1, end: float = END) -> Numbers:
    """A loss over -end .. end, with everything computed in `dtype`."""
    z = torch.linspace(-end, end, points, dtype=torch.float64).to(dtype)
    found = (z, value(z), gradient(value, z))
    return Numbers(*(tensor.detach().double().numpy() for tensor in found))


def by_hand(z: Tensor, y: float) -> Tensor:
    """-log sigmoid(z) for y = 1 and -log(1 - sigmoid(z)) for y = 0 as they stand: infinite where the sigmoid rounds."""
    p = torch.sigmoid(z)
    return -torch.log(p) if y == 1 else -torch.log(1 - p)


def findings(value: Function, score: Function, y: int, dtype: torch.dtype) -> tuple[Finding, ...]:
    """Where score, loss or gradient round to an end, vanish or are no number, for a row with label y; nearest to 0
    first.

    `value` and `score` are the loss and what the head shows, as functions of the logit. Each logit is the first in
    `dtype` at which the finding holds, by search between neighbours on a grid.
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
    side = -1 if y == 1 else 1  # where this row is decided wrongly
    if (top := _stops_at(whole, side)) and (
        one := _first(f"The loss stops at {top:g}", _equals(value, top), side, dtype)
    ):
        found.append(one)
    found += _dying(whole, lambda z: gradient(value, z).double().abs(), side, dtype)
    return _by_distance(found)


def overflows(value: Function, dtype: torch.dtype, end: float = END, name: str = "z") -> tuple[Finding, ...]:
    """Where a loss or its gradient is infinite or NaN, from -end to end; nearest to 0 first. `name` is that of z."""
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
    """The finite loss at which a wrong row no longer moves at the end of this side; 0 where it still does."""
    end, before = (-1, -3) if side > 0 else (0, 2)
    stopped = whole.value[end] == whole.value[before] and np.isfinite(whole.value[end])
    moves = np.abs(whole.gradient[end]) > DEAD * _largest(whole, side)
    return float(whole.value[end]) if stopped and not moves else 0.0


def _largest(whole: Numbers, side: int) -> float:
    """The largest finite gradient, without its sign, on one side of 0."""
    sizes = np.abs(whole.gradient[(whole.z * side > 0) & np.isfinite(whole.gradient)])
    return float(sizes.max(initial=0.0))


def _equals(value: Function, top: float) -> Test:
    return lambda z: value(z).double() == top


def _dying(whole: Numbers, size: Function, side: int, dtype: torch.dtype) -> list[Finding]:
    """Where the gradient of a wrong row is small or 0; once if both begin together."""
    bound = DEAD * _largest(whole, side)
    none = _first("The row is wrong, but its gradient is 0", lambda z: size(z) == 0, side, dtype)
    small = _first(
        f"The row is wrong, but its gradient is below {DEAD:.0%} of its largest", lambda z: size(z) < bound, side, dtype
    )
    if none and small and none.z == small.z:
        return [none]
    return [one for one in (small, none) if one]


def _first(what: str, holds: Test, side: int, dtype: torch.dtype, end: float = END) -> Finding | None:
    """Where `holds` begins on one side of 0, and where it ends if it does; None where it doesn't or holds at 0."""
    z = torch.linspace(0, side * end, STEPS, dtype=torch.float64).to(dtype)
    true = holds(z)
    if true[0] or not true.any():
        return None
    begin = int(true.int().argmax())
    later = (~true[begin:]).nonzero()
    last = _edge(holds, z[begin + later[0, 0] - 1], z[begin + later[0, 0]], dtype)[0] if len(later) else None
    return Finding(what, _edge(lambda at: ~holds(at), z[begin - 1], z[begin], dtype)[1], last)


def _edge(holds: Test, inside: Tensor, outside: Tensor, dtype: torch.dtype) -> tuple[float, float]:
    """The last number at which `holds` and the first at which it doesn't, neighbours in `dtype`."""
    while True:
        between = torch.linspace(float(inside), float(outside), BETWEEN, dtype=torch.float64).to(dtype).unique()
        if len(between) == 2:
            return float(inside), float(outside)
        between = between if inside < outside else between.flip(0)
        # At least 1: torch's vectorised and scalar kernels may differ in the last digit.
        first = max(int((~holds(between)).int().argmax()), 1)
        inside, outside = between[first - 1], between[first]


def largest_tie(dtype: torch.dtype) -> float:
    """The largest logit whose sigmoid is exactly .5 in this number format, though the logit is positive."""
    zero, one = torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)
    return _edge(lambda z: torch.sigmoid(z) == 0.5, zero, one, dtype)[0]


class Decisions(NamedTuple):
    """What torch makes of one logit in one number format: its sigmoid, and four ways to a yes (1) or a no (0)."""

    logit: float
    score: float
    logit_reaches_0: int
    score_reaches_half: int
    rounded: int
    argmax: int


def decisions(z: float, dtype: torch.dtype) -> Decisions:
    """z >= 0, sigmoid(z) >= .5, torch.round(sigmoid(z)), which sends the tie .5 to the even 0, and argmax over [z]."""
    logit = torch.tensor([[z]], dtype=torch.float64).to(dtype)
    p = torch.sigmoid(logit)
    return Decisions(float(logit), float(p), int(logit >= 0), int(p >= 0.5), int(torch.round(p)), int(logit.argmax(-1)))
