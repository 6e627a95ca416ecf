"""How far scores are from probabilities. Numpy and scikit-learn alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss as mean_log_loss

BINS = 15
LEAST = 1e-15  # probabilities are held this far from 0 and 1, whose logarithms are infinite


def log_loss(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> float:
    """Mean of -log p of what is true, in nats, for probabilities y_score (N,) of the positive class."""
    p = np.clip(np.asarray(y_score, np.float64), LEAST, 1 - LEAST)
    return float(mean_log_loss(y_true, p, labels=[False, True]))


def calibration_error(y_true: NDArray[np.bool_], y_score: NDArray[np.floating], bins: int = BINS) -> float:
    """Positive-class ECE: mean over rows of |mean score - share of positives| in the row's bin, in [0, 1].

    y_true and y_score (N,), scores in [0, 1]. Bins are of equal width, and a score on an edge belongs to the upper one,
    1 to the last (Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015). NaN without
    rows.
    """
    if not len(y_score):
        return float("nan")
    p = np.asarray(y_score, np.float64)
    place = np.minimum((p * bins).astype(int), bins - 1)
    score = np.bincount(place, weights=p, minlength=bins)
    positives = np.bincount(place, weights=y_true, minlength=bins)
    return float(np.abs(score - positives).sum() / len(p))
