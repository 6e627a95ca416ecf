"""From what a rule wants of every threshold to the one that it chooses. Numpy alone.

Candidates are all distinct scores, and inf, which predicts no row positive. It is inf and not the number above the
highest score, because it must predict no row of other data either. Of candidates that are equally good the largest is
chosen. Values that are equal on paper differ by their rounding, so values count as equal that differ by no more than
TIE times the size of what they are computed from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation import ScoreIndex, ThresholdCounts

TIE = 16 * float(np.finfo(np.float64).eps)  # a few roundings, and less than rates of 5,000,000 rows can differ by


class Goal(NamedTuple):
    """What a rule wants of counts (..., T) whose thresholds fall along the last axis.

    value (..., T): what is reported at each threshold, NaN where it is undefined. Chosen is the greatest `wanted`
    (..., T), by default the greatest value, where `met` (..., T) holds, by default everywhere, and `wanted` is no NaN.
    `size` (..., T): of the terms whose difference `wanted` is, so far as its rounding goes; by default 1, as of rates.
    Where that is nowhere, the greatest `near` (..., T) is chosen instead, or inf without one. A rule that does not
    compare thresholds gives its `threshold` (...,), which need not be a score; NaN if it has none.
    """

    value: NDArray[np.float64]
    wanted: NDArray[np.float64] | None = None
    size: NDArray[np.float64] | None = None
    met: NDArray[np.bool_] | None = None
    near: NDArray[np.float64] | None = None
    threshold: NDArray[np.float64] | None = None


class Pick(NamedTuple):
    """What was chosen, each (...,): threshold, the place among the candidates that decides as it does, value there,
    and whether the goal could be met."""

    threshold: NDArray[np.float64]
    place: NDArray[np.intp]
    value: NDArray[np.float64]
    feasible: NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """A threshold t, for `score >= t`, the value of what its rule reports there, and a sentence that says so.

    threshold is inf where no row is to be predicted positive. Not feasible: the rule's constraint can't be met, and the
    threshold comes closest to it; or what it wants is undefined at every threshold, which then is inf, and value NaN.
    """

    threshold: float
    value: float
    feasible: bool
    said: str


def candidates(index: ScoreIndex) -> ThresholdCounts:
    """Counts (T,) at inf and then at every distinct score, the largest first."""
    ascending = index.distinct_scores()[::-1]
    return index.counts(np.append(ascending, ascending.dtype.type(np.inf)))[::-1]


def pick(goal: Goal, thresholds: NDArray[np.floating]) -> Pick:
    """Choose among thresholds (..., T), inf first and then falling, of the goal's shape."""
    if goal.threshold is None:
        wanted = goal.value if goal.wanted is None else goal.wanted
        place, feasible = _greatest(wanted if goal.met is None else np.where(goal.met, wanted, np.nan), goal.size)
        if goal.near is not None and not feasible.all():
            place = np.where(feasible, place, _greatest(goal.near)[0])
        threshold = taken(thresholds, place).astype(np.float64)
    else:
        feasible = ~np.isnan(goal.threshold)
        threshold = np.where(feasible, goal.threshold, np.inf)
        place = place_of(thresholds, threshold)
    return Pick(threshold, place, taken(goal.value, place), feasible)


def place_of(thresholds: NDArray[np.floating], threshold: ArrayLike) -> NDArray[np.intp]:
    """Place (...,) among thresholds (..., T), inf first and then falling, that decides as threshold (...,) does.

    It is that of the smallest which is >= the threshold, in the dtype of the thresholds.
    """
    with np.errstate(over="ignore"):  # beyond the dtype's range a threshold is infinite, which is right
        t = np.asarray(threshold).astype(thresholds.dtype)
    return np.count_nonzero(thresholds >= t[..., None], axis=-1) - 1


def taken(values: NDArray, place: NDArray[np.intp]) -> NDArray:
    """The value (...,) at each place (...,) of values (..., T)."""
    return np.take_along_axis(values, np.asarray(place)[..., None], axis=-1)[..., 0]


def _greatest(
    wanted: NDArray[np.float64], size: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Place of the first that equals the greatest, by sizes (..., T), and whether there is any number; NaN left out."""
    greatest = np.fmax.reduce(wanted, axis=-1)[..., None]
    slack: float | NDArray[np.float64] = 2 * TIE
    if size is not None:
        slack = TIE * (size + taken(size, (wanted == greatest).argmax(axis=-1))[..., None])
    return (wanted >= greatest - slack).argmax(axis=-1), ~np.isnan(greatest[..., 0])
