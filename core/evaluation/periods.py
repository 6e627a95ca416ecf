"""Rows by period of time: counts at a threshold that stays the same, and how far scores drift. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex, ThresholdCounts, class_counts
from core.evaluation.intervals import wilson
from core.evaluation.metrics import ratio

MOST = 24  # periods
CALENDAR: dict[str, str] = {"h": "hour", "D": "day", "W": "week", "M": "month", "Y": "year"}  # the shortest first


@dataclass(frozen=True, eq=False)
class Periods:
    """The period of each row, by time.

    codes: (N,) in [0, T), -1 for a row without a time. names: (T,), at most MOST, in the order of time, each with at
    least one row. unit: "hour" to "year" for dates, "time" for numbers.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]
    unit: str


def periods_of(time: NDArray) -> Periods:
    """Part rows by their time, in the shortest unit of the calendar that gives at most MOST periods.

    Parameters
    ----------
    time : (N,) as datetime64, NaT where there is none, or as numbers, NaN where there is none. Numbers with more than
        MOST different values are parted into MOST intervals of equal length.

    Raises
    ------
    CutoffError, if no row has a time.
    """
    values = np.asarray(time)
    dates = values.dtype.kind == "M"
    known = ~(np.isnat(values) if dates else np.isnan(values.astype(np.float64)))
    if not known.any():
        raise CutoffError("No row has a time.")
    found, codes = _dates(values[known]) if dates else _numbers(values[known].astype(np.float64))
    every = np.full(len(values), -1, np.int64)
    every[known] = codes
    return Periods(every, *found)


def _dates(known: NDArray) -> tuple[tuple[tuple[str, ...], str], NDArray[np.int64]]:
    """Names, unit and codes of moments; of units that part the rows alike the longest."""
    parted = {unit: np.unique(_starts(known, unit), return_inverse=True) for unit in CALENDAR}
    sizes = {unit: len(starts) for unit, (starts, _) in parted.items() if len(starts) <= MOST}
    if not sizes:  # more than MOST years
        return _numbers(known.astype("datetime64[Y]").astype(np.float64) + 1970)
    unit = [unit for unit, size in sizes.items() if size == max(sizes.values())][-1]
    starts, codes = parted[unit]
    return (tuple(str(one).replace("T", " ") for one in starts), CALENDAR[unit]), codes


def _starts(known: NDArray, unit: str) -> NDArray:
    """The beginnings of the units that moments are in; a week begins on Monday, where NumPy's begins on Thursday."""
    if unit != "W":
        return known.astype(f"datetime64[{unit}]")
    to_monday = np.timedelta64(4, "D")
    return (known.astype("datetime64[D]") - to_monday).astype("datetime64[W]").astype("datetime64[D]") + to_monday


def _numbers(known: NDArray) -> tuple[tuple[tuple[str, ...], str], NDArray[np.int64]]:
    values, codes = np.unique(known, return_inverse=True)
    if len(values) <= MOST:
        return (tuple(f"{value:g}" for value in values), "time"), codes
    edges = np.linspace(values[0], values[-1], MOST + 1)
    interval = np.searchsorted(edges[1:-1], known, side="right")
    used, codes = np.unique(interval, return_inverse=True)
    return (tuple(f"{edges[at]:.4g} to {edges[at + 1]:.4g}" for at in used), "time"), codes


def period_counts(indexes: Sequence[ScoreIndex], threshold: float) -> ThresholdCounts:
    """Counts (T,) of the periods with these indexes at one threshold, `score >= threshold`."""
    return class_counts(indexes, [threshold])[:, 0]


class Shares(NamedTuple):
    """The share (T,) of actual positives with its confidence interval, and that of predicted ones; NaN without rows."""

    actual: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    predicted: NDArray[np.float64]


def shares(counts: ThresholdCounts, level: float) -> Shares:
    """The shares of positives by period, with Wilson's interval at a level in (0, 1)."""
    positives = counts.tp + counts.fn
    low, high = wilson(positives, counts.total, level)
    return Shares(ratio(positives, counts.total), low, high, ratio(counts.predicted_positive, counts.total))


def drift(score: NDArray[np.floating], periods: Periods) -> NDArray[np.float64]:
    """How far the scores of each period are from those of the first, (T,) in [0, 1]: the largest difference between the
    shares of rows with at most some score (Kolmogorov 1933, Smirnov 1948); 0 for the first. Weights are not used."""
    by_period = [np.sort(score[periods.codes == at]) for at in range(len(periods.names))]
    first = by_period[0]
    found = []
    for other in by_period:
        at = np.concatenate([first, other])
        shares = (one.searchsorted(at, "right") / len(one) for one in (first, other))
        found.append(np.abs(np.subtract(*shares)).max())
    return np.array(found)
