"""Cox's test of calibration: a line fitted to the logits, compared with the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2

from core.evaluation.calibration.measures import as_probabilities, log_loss
from core.evaluation.calibration.methods import both_classes, logits
from core.evaluation.metrics import ratio

STEPS, PRECISION = 100, 1e-14  # of Newton's method: the most, and the relative gain in loss at which it ends


@dataclass(frozen=True)
class Line:
    """The fitted line logit q = slope * logit p + intercept, from a score p to the true probability q.

    slope, intercept: 1 and 0 for calibrated scores. A slope below 1 means overconfident scores, an intercept below 0
    scores that are too high.
    gain: by how much the line reduces the log-loss, as a share of it, in [0, 1].
    p_value: of the likelihood-ratio test that the scores are calibrated.
    separates: whether the scores separate the classes, so that the slope has no limit and the line says nothing of
        other rows.
    """

    slope: float
    intercept: float
    gain: float
    p_value: float
    separates: bool = False

    def stands_for(self, score: float) -> float:
        """The true probability at a score in (0, 1)."""
        return float(expit(self.slope * logit(score) + self.intercept))

    def score_for(self, q: float) -> float:
        """The score at which the true probability is q in (0, 1); NaN unless the slope is above 0."""
        return float(expit((logit(q) - self.intercept) / self.slope)) if self.slope > 0 else float("nan")


def fit_line(
    y_true: NDArray[np.bool_], y_score: NDArray[np.floating], sample_weight: NDArray[np.floating] | None = None
) -> Line:
    """Fit the line by maximum likelihood.

    Twice the gain in log-likelihood has asymptotically a chi-squared distribution with two degrees of freedom if the
    scores are calibrated and the model was not fitted to these rows. With weights there are as many rows as the weights
    are worth, (sum w)^2 / sum w^2, which holds for weights that do not depend on the labels.

    Parameters
    ----------
    y_true : whether each row is positive, (N,).
    y_score : probabilities of the positive class, (N,), in [0, 1].
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    The line, its gain and the p-value of the test.

    Raises
    ------
    CutoffError for scores outside [0, 1], and for rows of one class.

    References
    ----------
    Cox, Two further applications of a model for binary regression (1958).
    Kish, Survey Sampling (1965), for the number of rows that weights are worth.
    """
    p = as_probabilities(y_score)
    both_classes(y_true, sample_weight)
    weight = np.ones(p.shape) if sample_weight is None else sample_weight
    z = logits(y_score)
    slope, intercept = _fitted(z, y_true, weight)
    drawn = expit(slope * z + intercept)
    before, after = (log_loss(y_true, scores, weight) for scores in (p, drawn))
    rows = weight.sum() ** 2 / (weight**2).sum()
    gained = max(float(before - after), 0.0)
    positive, negative = p[y_true & (weight > 0)], p[~y_true & (weight > 0)]
    return Line(
        slope=slope,
        intercept=intercept,
        gain=float(ratio(gained, before)),
        p_value=float(chi2.sf(2 * rows * gained, 2)),
        separates=bool(positive.min() > negative.max() or positive.max() < negative.min()),
    )


def _fitted(z: NDArray[np.float64], y_true: NDArray[np.bool_], weight: NDArray[np.floating]) -> tuple[float, float]:
    """Slope and intercept of maximum likelihood, by Newton's method with halved steps.

    It ends after STEPS where the likelihood has no maximum, as for scores that separate the classes.
    """
    design = np.column_stack([z / (np.abs(z).max() or 1.0), np.ones_like(z)])
    line, loss = np.zeros(2), np.inf
    signs = np.where(y_true, 1.0, -1.0)
    step = np.zeros(2)
    for _ in range(STEPS):
        drawn = design @ (line + step)
        after = float(weight @ np.logaddexp(0, -signs * drawn))
        if after > loss:
            step = step / 2
            continue
        gained, line, loss = loss - after, line + step, after
        if gained <= PRECISION * loss:
            break
        p = expit(drawn)
        curvature = design.T @ (design * (weight * p * (1 - p))[:, None])
        step = np.linalg.lstsq(curvature, design.T @ (weight * (y_true - p)), rcond=None)[0]
    return float(line[0] / (np.abs(z).max() or 1.0)), float(line[1])
