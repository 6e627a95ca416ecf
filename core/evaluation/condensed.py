"""Counts of a few scores that stand for those of all, so that a browser can count by itself. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex, ThresholdCounts

EXACT = 4096  # as many distinct scores are kept as they are
BOUND = 1e-3  # of the rows of a class lie between two neighbours that are kept, at most
AROUND = 64  # distinct scores on either side of the threshold, for steps from one to the next


def condensed(index: ScoreIndex, exact: int = EXACT) -> ThresholdCounts:
    """Counts (T,) at distinct scores, ascending: at all of them, if there are at most `exact`, or else at some.

    Those are at most 2 / BOUND + 1, the smallest and the largest among them, with at most BOUND of the rows of either
    class strictly between neighbours. So a threshold counts, within BOUND, as the first of them that is >= it does.
    """
    distinct = index.distinct_scores()[::-1]
    if distinct.size <= exact:
        return index.counts(distinct)
    # Each is the farthest that leaves few enough rows between it and the last: every step takes in more than BOUND of
    # one class, so there are at most 1 / BOUND steps for each.
    sides = index.positive_scores, index.negative_scores
    below = [side.searchsorted(distinct) for side in sides]  # (D,) rows below each score
    up_to = [np.append(rows[1:], side.size) for rows, side in zip(below, sides, strict=True)]
    allowed = [int(BOUND * side.size) for side in sides]
    kept = [0]
    while kept[-1] < distinct.size - 1:
        now = kept[-1]
        # The rows strictly between are those below the next one, but for those up to this one.
        reach = (int(b.searchsorted(u[now] + a, "right")) for b, u, a in zip(below, up_to, allowed, strict=True))
        kept.append(max(now + 1, min(reach) - 1))
    return index.counts(distinct[kept])


def around(index: ScoreIndex, threshold: float, count: int = AROUND) -> ThresholdCounts:
    """Counts at the distinct scores next to a threshold, ascending: `count` below it and as many from it up."""
    with np.errstate(over="ignore"):  # beyond the dtype's range a threshold is infinite, which is right
        t = np.asarray(threshold).astype(index.positive_scores.dtype)
    found = []
    for side in (index.positive_scores, index.negative_scores):
        found += _below(side, t, count) + _from(side, t, count)
    near = np.unique(np.array(found, dtype=t.dtype))
    middle = int(near.searchsorted(t))
    return index.counts(near[max(middle - count, 0) : middle + count])


def _below(side: NDArray[np.floating], t: NDArray[np.floating], count: int) -> list[np.floating]:
    """The largest distinct scores of one class that are below t."""
    found: list[np.floating] = []
    rank = int(side.searchsorted(t))
    while len(found) < count and rank:
        found.append(side[rank - 1])
        rank = int(side.searchsorted(side[rank - 1]))
    return found


def _from(side: NDArray[np.floating], t: NDArray[np.floating], count: int) -> list[np.floating]:
    """The smallest distinct scores of one class that are >= t."""
    found: list[np.floating] = []
    rank = int(side.searchsorted(t))
    while len(found) < count and rank < side.size:
        found.append(side[rank])
        rank = int(side.searchsorted(side[rank], "right"))
    return found
