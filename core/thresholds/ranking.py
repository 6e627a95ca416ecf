"""How well scores rank positives above negatives, for any number of score vectors at once. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.thresholds.metrics import ratio


def average_precisions(y: NDArray[np.bool_], score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum over the distinct scores of the recall gained there times the precision there, as in scikit-learn.

    y and score (..., N), which may broadcast; returns (...). Constant scores give the prevalence. NaN without a
    positive row, where scikit-learn warns and returns 0.
    """
    y, _, end = _descending(y, score)
    found = np.take_along_axis(np.cumsum(y, -1), end, -1)  # positives among the rows that score at least as high
    return ratio((found / (end + 1) * y).sum(-1), y.sum(-1))


def roc_aucs(y: NDArray[np.bool_], score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Chance that a positive row scores above a negative one, ties counting half (Mann and Whitney, 1947).

    y and score (..., N), which may broadcast; returns (...). NaN without one of either.
    """
    y, start, end = _descending(y, score)
    above: NDArray[np.int64] = np.cumsum(~y, -1) - ~y  # negatives before each row
    higher: NDArray[np.int64] = np.take_along_axis(above, start, -1)
    as_high = np.take_along_axis(above + ~y, end, -1)
    positives, negatives = y.sum(-1), (~y).sum(-1)
    beaten = negatives[..., None] - (higher + as_high) / 2
    return ratio((beaten * y).sum(-1), positives * negatives)


def _descending(
    y: NDArray[np.bool_], score: NDArray[np.floating]
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Labels (..., N) in descending order of score, and for each row where the rows of its score start and end."""
    order = np.argsort(-score, axis=-1)
    score, y = (np.take_along_axis(np.broadcast_to(a, score.shape), order, -1) for a in (score, y))
    rows = np.arange(score.shape[-1])
    changes = score[..., 1:] != score[..., :-1]
    edge = np.ones((*score.shape[:-1], min(score.shape[-1], 1)), bool)
    first, last = np.append(edge, changes, axis=-1), np.append(changes, edge, axis=-1)
    start = np.maximum.accumulate(np.where(first, rows, 0), axis=-1)
    end = np.minimum.accumulate(np.where(last, rows, len(rows))[..., ::-1], axis=-1)[..., ::-1]
    return y, start, end
