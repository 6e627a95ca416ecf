"""Cox's test of calibration: a line fitted to the logits, compared with the diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2

from core.evaluation.calibration.measures import as_probabilities, log_loss
from core.evaluation.calibration.methods import both_classes, logits
from core.evaluation.metrics import ratio

STEPS, PRECISION = 100, 1e-14  # of Newton's method: the most, and the relative gain in loss at which it ends
BLOCK = 2**12  # rows that stay in the processor's cache between operations
BINS = 2**14  # of logits, and the most rows that are not put into bins first


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

    The logits of scores of exactly 0 and 1 are infinite, and no line moves them: it is fitted to the other rows, if
    these have both classes. A positive row at 0 or a negative one at 1 has likelihood 0, and p_value is 0.

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
    positive, negative = p[y_true & (weight > 0)], p[~y_true & (weight > 0)]
    impossible = bool((positive == 0).any() or (negative == 1).any())
    inside = (p > 0) & (p < 1)
    among = y_true[inside & (weight > 0)]
    if not inside.all() and among.any() and not among.all():
        p, y_true, weight = p[inside], y_true[inside], weight[inside]
    z = logits(p)
    slope, intercept = _fitted(z, y_true, weight)
    drawn = expit(slope * z + intercept)
    before, after = (log_loss(y_true, scores, weight) for scores in (p, drawn))
    rows = weight.sum() ** 2 / (weight**2).sum()
    gained = max(float(before - after), 0.0)
    return Line(
        slope=slope,
        intercept=intercept,
        gain=float(ratio(gained, before)),
        p_value=0.0 if impossible else float(chi2.sf(2 * rows * gained, 2)),
        separates=bool(positive.min() > negative.max() or positive.max() < negative.min()),
    )


class _Rows(NamedTuple):
    """x (N,): logits scaled to [-1, 1]. positive, negative (N,): weight of the rows of each class there."""

    x: NDArray[np.floating]
    positive: NDArray[np.floating]
    negative: NDArray[np.floating]


def _fitted(z: NDArray[np.float64], y_true: NDArray[np.bool_], weight: NDArray[np.floating]) -> tuple[float, float]:
    """Slope and intercept of maximum likelihood. Many rows start from the solution for bins of z (N,), so that few
    steps over all of them are left."""
    scale = float(np.abs(z).max()) or 1.0
    rows, start = _Rows(z / scale, weight * y_true, weight * ~y_true), np.zeros(2)
    slope, intercept = _newton(rows, start if z.size <= BINS else _newton(_binned(rows), start))
    return float(slope / scale), float(intercept)


def _newton(rows: _Rows, start: NDArray[np.floating]) -> NDArray[np.floating]:
    """Slope and intercept (2,) of maximum likelihood, by Newton's method with halved steps.

    It ends after STEPS where the likelihood has no maximum, as for scores that separate the classes.
    """
    step: NDArray[np.floating] = np.zeros(2)
    line, loss = start, np.inf
    for _ in range(STEPS):
        after, left, curvature = _derivatives(rows, line + step)
        if after > loss * (1 + PRECISION):
            step = step / 2
            continue
        gained, line, loss = loss - after, line + step, after
        if gained <= PRECISION * loss:
            break
        step = np.linalg.lstsq(curvature, left, rcond=None)[0]
    return line


def _derivatives(rows: _Rows, line: NDArray[np.floating]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The sum of log-losses at a line (2,), minus its gradient (2,), and its second derivative (2, 2)."""
    slope, intercept = line
    loss, left, curvature = 0.0, np.zeros(2), np.zeros((2, 2))
    for start in range(0, rows.x.size, BLOCK):
        x, positive, negative = (of[start : start + BLOCK] for of in rows)
        drawn, weight = slope * x + intercept, positive + negative
        small = np.exp(-np.abs(drawn))
        p = np.where(drawn < 0, small, 1) / (1 + small)
        loss += positive @ np.maximum(-drawn, 0) + negative @ np.maximum(drawn, 0) + weight @ np.log1p(small)
        design = np.stack([x, np.ones_like(drawn)])
        left += design @ (positive - weight * p)
        curvature += design * (weight * p * (1 - p)) @ design.T
    return float(loss), left, curvature


def _binned(rows: _Rows) -> _Rows:
    """The mean of x in each of at most BINS bins of equal width, and the weights in it."""
    place = ((rows.x + 1) * (BINS / 2)).astype(np.intp)
    positive, negative = (np.bincount(place, of).astype(np.float64) for of in (rows.positive, rows.negative))
    total = np.bincount(place, (rows.positive + rows.negative) * rows.x)
    held = positive + negative > 0
    return _Rows(total[held] / (positive + negative)[held], positive[held], negative[held])
