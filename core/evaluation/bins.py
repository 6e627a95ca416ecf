"""Bins of scores: which bin a row is in, and how many rows of each outcome a bin holds. Numpy alone.

One rule for all bins: bin b holds edges[b] <= score < edges[b + 1], so that a score on an edge belongs to the upper
bin, and the outermost bins hold whatever lies beyond. Edges are rounded to the scores' dtype, as thresholds are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def equal_width(bins: int) -> NDArray[np.float64]:
    """Edges (bins + 1,) of bins of equal width in [0, 1]: the numbers nearest to k / bins."""
    return np.arange(bins + 1) / bins


def equal_count(y_score: NDArray[np.floating], bins: int) -> NDArray[np.floating]:
    """Edges of at most `bins` bins of scores (N,), N > 0, that hold N / bins rows each, rounded down or up.

    The inner edges are scores themselves. Rows with one score stay together, so that with tied scores bins are fewer
    and their counts differ.
    """
    ascending = np.sort(y_score)
    inner = np.unique(ascending[np.arange(1, bins) * ascending.size // bins])
    return np.concatenate([ascending[:1], inner[inner > ascending[0]], ascending[-1:]])


def bin_of(y_score: NDArray[np.floating], edges: NDArray[np.floating]) -> NDArray[np.intp]:
    """The bin in [0, B) of each score (...), for ascending edges (B + 1,)."""
    return edges[1:-1].astype(y_score.dtype).searchsorted(y_score, side="right")


def rows_by_bin(
    kind: ArrayLike, place: NDArray[np.intp], kinds: int, bins: int, weight: NDArray | None = None
) -> NDArray:
    """Rows of each kind in each bin, (..., kinds, bins), or their total weight.

    kind in [0, kinds), place in [0, bins) and weight broadcast to one shape (..., N).
    """
    cells = np.asarray(kind) * bins + place
    sets = math.prod(cells.shape[:-1])
    flat = cells.reshape(sets, cells.shape[-1]) + kinds * bins * np.arange(sets)[:, None]
    weights = None if weight is None else np.broadcast_to(weight, cells.shape).ravel()
    counted = np.bincount(flat.ravel(), weights, sets * kinds * bins)
    return counted.reshape(*cells.shape[:-1], kinds, bins)


def outcomes_by_bin(
    y_true: NDArray, predicted: NDArray[np.bool_], place: NDArray[np.intp], bins: int
) -> NDArray[np.int64]:
    """Rows by outcome and bin, (..., 4, bins): true negatives, false positives, false negatives, true positives.

    y_true (N,) in {0, 1}; predicted and place (..., N): whether a row is predicted positive, and its bin.
    """
    return rows_by_bin(2 * np.asarray(y_true, int) + predicted, place, 4, bins)
