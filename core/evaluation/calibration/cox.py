"""Cox's test of calibration: a line through the logits, and whether it is the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

from core.evaluation.calibration.measures import as_probabilities, log_loss
from core.evaluation.calibration.methods import both_classes, logits
from core.evaluation.metrics import ratio


@dataclass(frozen=True)
class Line:
    """logit q = slope * logit p + intercept: the true probability q that a score p stands for, fitted to N rows.

    Calibrated scores have slope 1 and intercept 0. A slope below 1 means scores too far from .5, an intercept below 0
    scores too high. gain: by how much the line lowers the log-loss, as a share of it. p_value: how likely calibrated
    scores would gain as much by chance, by the likelihood ratio.
    """

    slope: float
    intercept: float
    gain: float
    p_value: float

    def stands_for(self, score: float) -> float:
        """The true probability that a score in (0, 1) stands for."""
        return float(expit(self.slope * logit(score) + self.intercept))

    def score_for(self, q: float) -> float:
        """The score that stands for a true probability q in (0, 1); NaN where the slope is not above 0."""
        return float(expit((logit(q) - self.intercept) / self.slope)) if self.slope > 0 else float("nan")


def fit_line(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> Line:
    """The line of greatest likelihood through probabilities y_score (N,) of the positive class, y_true (N,).

    Cox, Two further applications of a model for binary regression, 1958: twice the gain in log-likelihood follows
    chi-squared with two degrees of freedom if the scores are calibrated and the rows are many and not those that the
    model was fitted to. Raises CutoffError for scores that are not in [0, 1] and for rows of one class.
    """
    p = as_probabilities(y_score)
    both_classes(y_true)
    z = logits(y_score)
    scale = np.abs(z).max() or 1.0  # far logits slow the solver down
    fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit((z / scale)[:, None], y_true)
    before, after = log_loss(y_true, p), log_loss(y_true, fitted.predict_proba((z / scale)[:, None])[:, 1])
    gained = max(float(before - after), 0.0)
    return Line(
        slope=float(fitted.coef_[0, 0] / scale),
        intercept=float(fitted.intercept_[0]),
        gain=float(ratio(gained, before)),
        p_value=float(chi2.sf(2 * len(p) * gained, 2)),
    )
