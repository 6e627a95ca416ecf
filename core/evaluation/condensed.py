"""Counts at a subset of the scores that approximates all, so that a browser can count by itself. NumPy alone."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex, ThresholdCounts

EXACT = 4096  # up to this number all distinct scores are kept
BOUND = 1e-3  # maximum share of the rows of a class between two neighbouring kept scores
AROUND = 64  # distinct scores on either side of the threshold, for steps from one to the next


def condensed(counts: ThresholdCounts, exact: int = EXACT, bound: float = BOUND) -> ThresholdCounts:
    """Counts at all distinct scores if there are few, otherwise at a subset.

    The subset has at most 2 / bound + 1 scores, the smallest and the largest among them, and at most a share `bound` of
    the rows (or weight) of either class strictly between neighbours. The counts at any threshold are, within that
    bound, those at the first score of the subset that is >= it.

    Parameters
    ----------
    counts : at every distinct score, the largest first, as `ScoreIndex.counts_at_scores` gives them.
    exact : number of distinct scores up to which all are kept, >= 0.
    bound : share of a class, in (0, 1).

    Returns
    -------
    Counts (T,), thresholds ascending.
    """
    size = counts.thresholds.size
    if size <= exact:
        return counts[::-1]
    # Each step from a score to a larger one goes as far as the bound allows. It then covers more than the bound of one
    # class, so there are at most 1 / bound steps per class.
    from_score = counts.tp, counts.fp  # (D,) rows with at least each score
    room = [bound * (rows[-1] if size else 0) for rows in from_score]
    kept = [size - 1] if size else []
    while kept and kept[-1] > 0:
        above = kept[-1] - 1  # the next larger score
        reach = [bisect_left(rows, rows[above] - most, 0, above) for rows, most in zip(from_score, room, strict=True)]
        kept.append(max(reach))
    return counts[kept]


def around(index: ScoreIndex, threshold: float, count: int = AROUND) -> ThresholdCounts:
    """Counts at the distinct scores closest to a threshold, ascending: up to `count` below it and `count` >= it."""
    with np.errstate(over="ignore"):  # a threshold beyond the range of the dtype becomes infinite, as it should
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
