"""How far scores are from probabilities, for any number of score vectors at once. Numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.thresholds.metrics import ratio

BINS = 15
LEAST = 1e-15  # probabilities are held this far from 0 and 1, whose logarithms are infinite


def log_loss(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of -log p of what is true, in nats, (...), for probabilities y_score (..., N) of the positive class.

    y_true is (N,). NaN without rows.
    """
    p = np.clip(np.asarray(y_score, np.float64), LEAST, 1 - LEAST)
    return ratio(-np.log(np.where(y_true, p, 1 - p)).sum(-1), p.shape[-1])


def calibration_error(
    y_true: NDArray[np.bool_], y_score: NDArray[np.floating], bins: int = BINS
) -> NDArray[np.float64]:
    """Positive-class ECE, (...): mean over rows of |mean score - share of positives| in the row's bin, in [0, 1].

    y_true (N,) and y_score (..., N), scores in [0, 1]. Bins are of equal width, and a score on an edge belongs to the
    upper one, 1 to the last (Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015). NaN
    without rows.
    """
    p = np.asarray(y_score, np.float64)
    models = math.prod(p.shape[:-1])
    place = np.minimum((p * bins).astype(int), bins - 1).reshape(models, p.shape[-1])
    place += bins * np.arange(models)[:, None]  # each model has bins of its own
    above = np.bincount(place.ravel(), (p - y_true).ravel(), models * bins).reshape(models, bins)
    return ratio(np.abs(above).sum(1).reshape(p.shape[:-1]), p.shape[-1])
