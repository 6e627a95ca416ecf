"""Choose a threshold by the values that a rule computes at every candidate. NumPy alone.

The candidates are all distinct scores and inf, which predicts no row positive. It is inf rather than the next number
above the highest score because it must not predict any row of other data positive either. The largest of equally good
candidates is chosen. Values that are equal in exact arithmetic can differ by rounding, so values count as equal if they
differ by at most TIE times the size of the terms that they are computed from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation import ScoreIndex, ThresholdCounts

TIE = 16 * float(np.finfo(np.float64).eps)  # a few roundings; rates of 5,000,000 rows differ by more if they differ


class Goal(NamedTuple):
    """The values that a rule computes from counts (..., T) whose thresholds fall along the last axis.

    value (..., T): the value reported at each threshold, NaN where it is undefined.
    objective (..., T): maximised to choose a threshold, except where it is NaN; by default `value`.
    size (..., T): magnitude of the terms that `objective` is computed from, which bounds its rounding error; by default
    1, as for rates.
    met (..., T): where the constraint of the rule holds, by default everywhere.
    near (..., T): maximised instead where no threshold meets the constraint; without it inf is chosen.
    threshold (...,): the choice of a rule that compares no thresholds. It need not be a score; NaN if there is none.
    """

    value: NDArray[np.float64]
    objective: NDArray[np.float64] | None = None
    size: NDArray[np.float64] | None = None
    met: NDArray[np.bool_] | None = None
    near: NDArray[np.float64] | None = None
    threshold: NDArray[np.float64] | None = None


class Pick(NamedTuple):
    """The chosen thresholds, each field (...,).

    threshold: the choice. place: index of the candidate that gives the same decisions. value: the rule's value there.
    feasible: whether the goal could be met.
    """

    threshold: NDArray[np.float64]
    place: NDArray[np.intp]
    value: NDArray[np.float64]
    feasible: NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """The threshold that a rule chose, with its value and a sentence that states both.

    threshold: t for `score >= t`, inf to predict no row positive.
    value: what the rule reports at the threshold.
    feasible: False if no threshold meets the rule's constraint, and the one that comes closest is given; also False if
    the rule is undefined at every threshold, which is then inf, and the value NaN.
    said: the choice in a sentence.
    """

    threshold: float
    value: float
    feasible: bool
    said: str


def candidates(index: ScoreIndex) -> ThresholdCounts:
    """Counts (T,) at inf and at every distinct score, thresholds falling."""
    return index.counts_at_scores(above_all=True)


def pick(goal: Goal, thresholds: NDArray[np.floating]) -> Pick:
    """Choose a threshold along the last axis.

    Parameters
    ----------
    goal : what the rule computed at each threshold, (..., T).
    thresholds : (..., T), inf first and then falling.

    Returns
    -------
    The choices, (...,); the largest of equally good thresholds.
    """
    if goal.threshold is None:
        objective = goal.value if goal.objective is None else goal.objective
        place, feasible = _greatest(objective if goal.met is None else np.where(goal.met, objective, np.nan), goal.size)
        if goal.near is not None and not feasible.all():
            place = np.where(feasible, place, _greatest(goal.near)[0])
        threshold = taken(thresholds, place).astype(np.float64)
    else:
        feasible = ~np.isnan(goal.threshold)
        threshold = np.where(feasible, goal.threshold, np.inf)
        place = place_of(thresholds, threshold)
    return Pick(threshold, place, taken(goal.value, place), feasible)


def place_of(thresholds: NDArray[np.floating], threshold: ArrayLike) -> NDArray[np.intp]:
    """Index (...,) of the candidate that gives the same decisions as a threshold.

    Parameters
    ----------
    thresholds : candidates (..., T), inf first and then falling.
    threshold : any thresholds (...,), rounded to the dtype of the candidates.

    Returns
    -------
    Index of the smallest candidate >= the threshold.
    """
    with np.errstate(over="ignore"):  # a threshold beyond the range of the dtype becomes infinite, as it should
        t = np.asarray(threshold).astype(thresholds.dtype)
    return np.count_nonzero(thresholds >= t[..., None], axis=-1) - 1


def taken(values: NDArray, place: NDArray[np.intp]) -> NDArray:
    """The value (...,) at each place (...,) of values (..., T)."""
    return np.take_along_axis(values, np.asarray(place)[..., None], axis=-1)[..., 0]


def _greatest(
    objective: NDArray[np.float64], size: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Index of the first value equal to the maximum up to rounding, and whether there is one; NaN is left out."""
    greatest = np.fmax.reduce(objective, axis=-1)[..., None]
    slack: float | NDArray[np.float64] = 2 * TIE
    if size is not None:
        slack = TIE * (size + taken(size, (objective == greatest).argmax(axis=-1))[..., None])
    return (objective >= greatest - slack).argmax(axis=-1), ~np.isnan(greatest[..., 0])
