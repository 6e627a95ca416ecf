"""Predictions at one threshold in each epoch of a run: binned scores, counts, precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, ThresholdCounts, predicted_positive
from core.evaluation.bins import bin_of, outcomes_by_bin
from core.evaluation.scores import as_labels, as_scores
from core.plots.scores import BINS
from core.plots.style import Scale, bin_edges, place


@dataclass(frozen=True, eq=False)
class EpochFrames:
    """One threshold applied to the scores of E epochs.

    epochs: numbers of the epochs (E,).
    counts: rows by outcome and bin of their score (E, 4, BINS), in the order of `outcomes_by_bin`.
    tp, fp, fn, tn: rows by outcome (E,).
    precision, recall: (E,), NaN where undefined.
    edges: axis coordinates of the edges of the bins (BINS + 1,).
    split: the threshold's bin: no row in a lower bin is predicted positive, and every row in a higher bin is.
    scale: scale of the axis.
    """

    epochs: NDArray[np.int64]
    counts: NDArray[np.uint32]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    edges: NDArray[np.float64]
    split: int
    scale: Scale

    @property
    def by_class(self) -> NDArray[np.uint32]:
        """Rows by bin (E, 2, BINS): actual negatives, then actual positives."""
        return self.counts.reshape(-1, 2, 2, BINS).sum(axis=2, dtype=np.uint32)

    @property
    def tallest(self) -> float:
        """Height of the tallest bar of any epoch: the square root of its fraction of its class, in [0, 1]."""
        rows = self.by_class
        return float(np.sqrt((rows.max(axis=(0, 2)) / np.maximum(rows[0].sum(axis=1), 1)).max()))


def epoch_frames(
    epochs: ArrayLike, y: ArrayLike, scores: ArrayLike, threshold: float, scale: Scale = "probability"
) -> EpochFrames:
    """Count the outcomes of `score >= threshold` in each epoch, compared in the scores' own dtype.

    Parameters
    ----------
    epochs : whole numbers (E,), E >= 1.
    y : labels (N,) in {0, 1}.
    scores : finite probabilities of the positive class (E, N).
    threshold : rows with score >= threshold are predicted positive.
    scale : scale of the bins.

    Returns
    -------
    frames : counts, precision and recall of each epoch.

    Raises
    ------
    CutoffError
        If shapes or labels differ from the above, or scores are not finite.
    """
    numbers, score = np.asarray(epochs, dtype=np.int64), as_scores(scores)
    positive = as_labels(y, 2)
    if not numbers.size or numbers.ndim != 1 or positive.ndim != 1 or score.shape != (numbers.size, positive.size):
        raise CutoffError(
            "Expected `epochs` (E,) with E >= 1, `y` (N,) and `scores` (E, N), but got shapes "
            f"{numbers.shape}, {positive.shape} and {score.shape}."
        )
    edges = bin_edges(scale, BINS)
    counts = outcomes_by_bin(positive, predicted_positive(score, threshold), bin_of(score, edges), BINS)
    tn, fp, fn, tp = counts.sum(axis=2).T
    with np.errstate(over="ignore"):  # a threshold beyond the range of the dtype becomes infinite, as it should
        rounded = np.asarray(threshold).astype(score.dtype)
    point = ThresholdCounts(np.broadcast_to(rounded, numbers.shape), tp, fp, fn, tn)
    return EpochFrames(
        epochs=numbers,
        counts=counts.astype(np.uint32),
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        precision=METRICS["precision"](point),
        recall=METRICS["recall"](point),
        edges=place(edges, scale),
        split=int(bin_of(rounded, edges)),
        scale=scale,
    )
