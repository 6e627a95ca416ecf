"""Measures of calibration, for any number of score vectors at once. NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.bins import bin_of, equal_width, rows_by_bin
from core.evaluation.metrics import ratio
from core.evaluation.scores import as_scores

BINS = 15
LEAST = 1e-15  # probabilities are clipped to [LEAST, 1 - LEAST], since log 0 is infinite


def as_probabilities(y_score: ArrayLike) -> NDArray[np.float64]:
    """Scores (...) as float64; raises CutoffError unless all are in [0, 1]."""
    p = np.asarray(y_score, np.float64)
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        raise CutoffError(
            f"Expected every score to be a probability in [0, 1], but got {p[outside].flat[0]:.6g}: logits and margins "
            "are not probabilities; apply a sigmoid first."
        )
    return p


def log_loss(
    y_true: NDArray[np.bool_], y_score: NDArray[np.floating], sample_weight: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Log-loss: the mean of -log of the probability of the actual class, in nats.

    Parameters
    ----------
    y_true : whether each row is positive, (N,).
    y_score : probabilities of the positive class, (..., N), clipped to [1e-15, 1 - 1e-15].
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    Log-loss (...), >= 0, lower is better; NaN without rows.
    """
    p = np.clip(np.asarray(y_score, np.float64), LEAST, 1 - LEAST)
    return _mean(-np.log(np.where(y_true, p, 1 - p)), sample_weight)


def prevalence_log_loss(y_true: NDArray[np.bool_], sample_weight: NDArray[np.floating] | None = None) -> float:
    """Log-loss, in nats, of predicting the prevalence of y_true (N,), weighted by sample_weight (N,), for every row;
    NaN without rows."""
    return float(log_loss(y_true, np.full(len(y_true), _mean(y_true, sample_weight)), sample_weight))


def brier(
    y_true: NDArray[np.bool_], y_score: NDArray[np.floating], sample_weight: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Brier score: the mean of (p - y)^2, half of Brier's own sum over both classes.

    Parameters
    ----------
    y_true : whether each row is positive, (N,).
    y_score : probabilities of the positive class, (..., N), in [0, 1].
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    Brier score (...), in [0, 1], lower is better; NaN without rows.

    References
    ----------
    Brier, Verification of forecasts expressed in terms of probability (1950).
    """
    p = np.asarray(y_score, np.float64)
    return _mean((p - y_true) ** 2, sample_weight)


def prevalence_brier(y_true: NDArray[np.bool_], sample_weight: NDArray[np.floating] | None = None) -> float:
    """Brier score pi (1 - pi) of predicting the prevalence pi of y_true (N,), weighted by sample_weight (N,), for every
    row; NaN without rows."""
    share = float(_mean(y_true, sample_weight))
    return share * (1 - share)


def calibration_error(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    bins: int = BINS,
    sample_weight: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Positive-class expected calibration error: mean over rows of |mean score - share of positives| in the row's bin.

    Parameters
    ----------
    y_true : whether each row is positive, (N,) or (..., N).
    y_score : probabilities of the positive class, (..., N), in [0, 1].
    bins : number of bins of equal width, >= 1; a score on an edge is in the upper bin, 1 in the last.
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    ECE (...), in [0, 1], lower is better; NaN without rows.

    References
    ----------
    Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (2015).
    """
    score = as_scores(y_score)
    weight = np.ones(score.shape[-1]) if sample_weight is None else sample_weight
    above = (score.astype(np.float64) - y_true) * weight
    in_bins = rows_by_bin(0, bin_of(score, equal_width(bins)), 1, bins, above)
    return ratio(np.abs(in_bins).sum((-2, -1)), weight.sum())


def top_label_error(
    y_true: NDArray[np.int64],
    y_score: NDArray[np.floating],
    bins: int = BINS,
    sample_weight: NDArray[np.floating] | None = None,
) -> float:
    """Top-label ECE: `calibration_error` of the maximum probability of each row, positive where it is correct.

    It uses one score per row, and so differs from the positive-class ECE of every class.

    Parameters
    ----------
    y_true : class indices (N,).
    y_score : probabilities (N, C), in [0, 1]; the first class is predicted of those with equal scores.
    bins : number of bins of equal width, >= 1.
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    ECE in [0, 1], lower is better; NaN without rows.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks (2017).
    """
    p = np.asarray(y_score)
    return float(calibration_error(p.argmax(1) == y_true, p.max(1), bins, sample_weight))


def _mean(of_rows: NDArray, sample_weight: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """The mean over rows, the last axis, each as it weighs; NaN without rows."""
    if sample_weight is None:
        return ratio(of_rows.sum(-1), of_rows.shape[-1])
    return ratio(of_rows @ sample_weight, sample_weight.sum())
