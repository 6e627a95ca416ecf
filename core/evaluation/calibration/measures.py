"""How far scores are from probabilities, for any number of score vectors at once. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.bins import bin_of, equal_width, rows_by_bin
from core.evaluation.metrics import ratio
from core.evaluation.scores import as_scores

BINS = 15
LEAST = 1e-15  # probabilities are held this far from 0 and 1, whose logarithms are infinite


def as_probabilities(y_score: ArrayLike) -> NDArray[np.float64]:
    """Scores as float64; raises CutoffError unless every one is in [0, 1]."""
    p = np.asarray(y_score, np.float64)
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        raise CutoffError(
            f"Expected every score to be a probability in [0, 1], but got {p[outside].flat[0]:.6g}: logits and margins "
            "are no probabilities before a sigmoid."
        )
    return p


def log_loss(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of -log p of what is true, in nats, (...), for probabilities y_score (..., N) of the positive class.

    y_true is (N,). NaN without rows.
    """
    p = np.clip(np.asarray(y_score, np.float64), LEAST, 1 - LEAST)
    return ratio(-np.log(np.where(y_true, p, 1 - p)).sum(-1), p.shape[-1])


def prevalence_log_loss(y_true: NDArray[np.bool_]) -> float:
    """Log-loss, in nats, of scoring every row the share of positives among y_true (N,); NaN without rows."""
    return float(log_loss(y_true, np.full(len(y_true), _share(y_true))))


def brier(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of (p - y)^2, in [0, 1], (...), for probabilities y_score (..., N) and y_true (N,) (Brier, 1950).

    Half of Brier's own sum over both classes. NaN without rows.
    """
    p = np.asarray(y_score, np.float64)
    return ratio(((p - y_true) ** 2).sum(-1), p.shape[-1])


def prevalence_brier(y_true: NDArray[np.bool_]) -> float:
    """Brier score of scoring every row the share pi of positives among y_true (N,): pi (1 - pi); NaN without rows."""
    share = _share(y_true)
    return share * (1 - share)


def calibration_error(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    bins: int = BINS,
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Positive-class ECE, (...): mean over rows of |mean score - share of positives| in the row's bin, in [0, 1].

    y_true (N,) or (..., N) and y_score (..., N), scores in [0, 1]; sample_weight (N,), 1 by default. Bins are of equal
    width, and a score on an edge belongs to the upper one, 1 to the last (Naeini et al., Obtaining Well Calibrated
    Probabilities Using Bayesian Binning, 2015). NaN without rows.
    """
    score = as_scores(y_score)
    weight = np.ones(score.shape[-1]) if sample_weight is None else sample_weight
    above = (score.astype(np.float64) - y_true) * weight
    in_bins = rows_by_bin(0, bin_of(score, equal_width(bins)), 1, bins, above)
    return ratio(np.abs(in_bins).sum((-2, -1)), weight.sum())


def top_label_error(y_true: NDArray[np.int64], y_score: NDArray[np.floating], bins: int = BINS) -> float:
    """Top-label ECE, in [0, 1]: `calibration_error` of the largest of a row's scores, positive where it is right.

    y_true (N,) class indices, y_score (N, C) in [0, 1]; of equal scores the class that comes first is predicted. It
    looks at one score a row, and so is another number than the positive-class ECE of any class (Guo et al., On
    Calibration of Modern Neural Networks, 2017). NaN without rows.
    """
    p = np.asarray(y_score)
    return float(calibration_error(p.argmax(1) == y_true, p.max(1), bins))


def _share(y_true: NDArray[np.bool_]) -> float:
    return float(ratio(np.count_nonzero(y_true), len(y_true)))
