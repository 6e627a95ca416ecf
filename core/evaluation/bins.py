"""Bins of scores: the bin of each row, and the number of rows of each outcome in a bin. NumPy alone.

Bin b holds edges[b] <= score < edges[b + 1], so a score on an edge belongs to the upper bin; the first and the last bin
also hold the scores beyond their outer edges. Edges are rounded to the scores' dtype, as thresholds are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def equal_width(bins: int) -> NDArray[np.float64]:
    """Edges (bins + 1,) of bins of equal width in [0, 1]: the numbers nearest to k / bins."""
    return np.arange(bins + 1) / bins


def equal_count(y_score: NDArray[np.floating], bins: int) -> NDArray[np.floating]:
    """Edges of at most `bins` >= 1 bins of scores (N,), N > 0, that hold N / bins rows each, rounded down or up.

    The inner edges are scores. Tied rows are in one bin, so that with ties there are fewer bins and their counts
    differ.
    """
    ascending = np.sort(y_score)
    inner = np.unique(ascending[np.arange(1, bins) * ascending.size // bins])
    return np.concatenate([ascending[:1], inner[inner > ascending[0]], ascending[-1:]])


def bin_of(y_score: NDArray[np.floating], edges: NDArray[np.floating]) -> NDArray[np.intp]:
    """The bin, in [0, B), of each score (...), given ascending edges (B + 1,)."""
    return edges[1:-1].astype(y_score.dtype).searchsorted(y_score, side="right")


def rows_by_bin(
    kind: ArrayLike, place: NDArray[np.intp], kinds: int, bins: int, weight: NDArray | None = None
) -> NDArray:
    """Number of rows of each kind in each bin, or their total weight.

    Parameters
    ----------
    kind : of each row, in [0, kinds); it broadcasts with `place` and `weight` to one shape (..., N).
    place : bin of each row, in [0, bins).
    kinds, bins : how many there are.
    weight : of each row, by default 1.

    Returns
    -------
    Counts, int64, or sums of weights, (..., kinds, bins).
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
    """Number of rows by outcome and bin.

    Parameters
    ----------
    y_true : labels (N,) in {0, 1}.
    predicted : whether each row is predicted positive, (..., N).
    place : bin of each row, (..., N), in [0, bins).
    bins : how many there are.

    Returns
    -------
    Counts (..., 4, bins) of true negatives, false positives, false negatives and true positives.
    """
    return rows_by_bin(2 * np.asarray(y_true, int) + predicted, place, 4, bins)
