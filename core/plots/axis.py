"""The axis that scores are drawn on in a browser: its ends, its ticks, and the edges of a histogram's bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.plots.scores import BINS
from core.plots.style import score_range

AxisKind = Literal["probability", "logit", "score"]  # "score": evenly spaced scores that are not probabilities
TAIL = 0.001  # share of a class that may lie beyond either end of the logit axis
STEP = 2.0  # between ends that the logit axis can have, so that it seldom changes while a run trains
MOST = 40.0  # logit at which it ends at most


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of scores.

    kind: "logit" if scores are drawn at their logit; "probability" or "score" if they are drawn at their value.
    low, high: range of thresholds that can be chosen.
    start, end: ends of the axis in its coordinates, to which scores are clipped.
    ticks: pairs of score and text.
    """

    kind: AxisKind
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def edges(self, bins: int = BINS) -> NDArray[np.float64]:
        """Edges (B + 1,) of B bins of equal width on the axis, as scores in ascending order."""
        placed = np.linspace(self.start, self.end, bins + 1)
        return expit(placed) if self.kind == "logit" else placed


Axes = dict[AxisKind, Axis]  # those that scores can be drawn on


def axes_between(low: float, high: float, inner: tuple[float, float] | None = None) -> Axes:
    """Both axes of probabilities, or the one of other scores.

    low, high : the smallest and the largest score; NaN without scores.
    inner : the range that the logit axis has to have room for, by default from low to high.
    """
    if low < 0 or high > 1:
        start, end = score_range(low, high)
        ticks = tuple((tick, f"{tick:.6g}".replace("-", "−")) for tick in round_numbers(start, end))
        return {"score": Axis("score", start, end, start, end, ticks)}
    start, end = _logit_ends(*(inner or (low, high)))
    even = tuple((tick, f"{tick:g}") for tick in (0.0, 0.25, 0.5, 0.75, 1.0))
    return {
        "probability": Axis("probability", 0.0, 1.0, 0.0, 1.0, even),
        "logit": Axis("logit", 0.0, 1.0, start, end, _logit_ticks(start, end)),
    }


def inner_range(*classes: NDArray[np.floating]) -> tuple[float, float]:
    """The range of probabilities that all but TAIL of each class lie in on either side, without 0 and 1, whose logits
    are infinite; (NaN, NaN) without such scores.

    classes : the scores of each, (N,), ascending.
    """
    ends = []
    for scores in classes:
        finite = scores[scores.searchsorted(0, side="right") : scores.searchsorted(1)]
        if finite.size:
            beyond = int(TAIL * scores.size)
            places = np.array([beyond, scores.size - 1 - beyond]) - scores.searchsorted(0, side="right")
            ends.append(finite[np.clip(places, 0, finite.size - 1)])
    return (float(np.min(ends)), float(np.max(ends))) if ends else (float("nan"), float("nan"))


def _logit_ends(low: float, high: float) -> tuple[float, float]:
    """Multiples of STEP with room for the logits of these scores and, on both sides of 0, for STEP; at most MOST."""
    with np.errstate(divide="ignore"):
        start, end = np.nan_to_num(logit(np.array([low, high], np.float64)), nan=0.0, posinf=MOST, neginf=-MOST)
    steps = np.floor(min(start, -STEP) / STEP), np.ceil(max(end, STEP) / STEP)
    return float(max(STEP * steps[0], -MOST)), float(min(STEP * steps[1], MOST))


def _logit_ticks(start: float, end: float) -> tuple[tuple[float, str], ...]:
    """Probabilities of one digit 1 or 9, and 0.5, between two logits."""
    below = [(10.0**-k, f"{10.0**-k:g}".replace("e-0", "e-").replace("e-", "e−")) for k in range(17, 0, -1)]
    above = [(1 - 10.0**-k, f"{1 - 10.0**-k:.{k}f}" if k < 5 else f"1−1e−{k}") for k in range(1, 16)]
    return tuple(tick for tick in (*below, (0.5, "0.5"), *above) if start <= logit(tick[0]) <= end)


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten in [low, high], about `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    return [float(tick) for tick in step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)]
