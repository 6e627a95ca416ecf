"""The optimal score of a loss: the score that minimises the expected loss if a row is positive with probability q.

Everything is computed in logits, x = logit q and z the logit of the score, which are precise for probabilities near 0
and 1: in closed form if the loss has one, by root finding if only the inverse has one, and otherwise by minimisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import bisect
from scipy.optimize.elementwise import find_minimum, find_root
from scipy.special import expit, logit

from core.losses import LOSSES
from core.theory.binary_loss import BinaryLoss

Floats = NDArray[np.float64]
FAR = 1e6  # roots are searched for in [-FAR, FAR]
INFINITE = 1e4  # replaces an infinite logit during root finding
REACH, STEP = 30.0, 0.02  # minima are searched for in [-REACH, REACH], on a grid with this step
HALF_GRID = np.arange(STEP / 2, REACH, STEP)  # without 0, where a loss may have a separate value
GRID = np.append(-HALF_GRID[::-1], HALF_GRID)
PRECISION = 1e-9  # of the logit of a minimum
EQUAL_RISK = 1e-13  # expected losses closer than this are equal
EQUAL_OPTIMA = 1e-9  # the same for minima found by a search
SAME_LOGIT = 1e-5  # optimal scores whose logits are closer than this count as equal
SAME = 1e-6  # the same for probabilities


def has_closed_form(of: BinaryLoss) -> bool:
    """Whether the optimal score or its inverse has a closed form, which requires the default final activation."""
    spec = LOSSES[of.loss]
    return of.as_expected and (spec.optimal_logit or spec.posterior_logit) is not None


def optimal_logits(of: BinaryLoss, x: Floats) -> Floats:
    """The logits of the optimal scores.

    Parameters
    ----------
    of : the loss.
    x : logits of true probabilities (Q,), which may be infinite.

    Returns
    -------
    Logits (Q,), which may be infinite. If several scores are optimal, the one closest to .5, and the lower of two that
    are equally close.
    """
    spec = LOSSES[of.loss]
    if of.as_expected and spec.optimal_logit:
        return spec.optimal_logit(x, of.numbers)
    if of.as_expected and spec.posterior_logit:
        return _root(of, x)
    return np.asarray(logit(searched_scores(of, expit(x))))


def optimal_scores(of: BinaryLoss, q: Floats) -> Floats:
    """The optimal scores (Q,) in [0, 1] for true probabilities q (Q,) in [0, 1]."""
    return np.asarray(expit(optimal_logits(of, logit(q))))


def posterior_logits(of: BinaryLoss, z: Floats) -> Floats | None:
    """The inverse of `optimal_logits`.

    Parameters
    ----------
    of : the loss.
    z : logits of scores (Q,).

    Returns
    -------
    Logits (Q,) of the lowest true probability whose optimal score has a logit >= z; -inf or inf for z below or above
    all optimal scores. None if there is no closed form.
    """
    posterior = LOSSES[of.loss].posterior_logit
    return posterior(z, of.numbers) if of.as_expected and posterior else None


def _root(of: BinaryLoss, x: Floats) -> Floats:
    """The z with posterior_logits(z) = x (Q,), to the precision of float64; infinite beyond FAR."""
    posterior, numbers = LOSSES[of.loss].posterior_logit, of.numbers
    assert posterior is not None

    def above(z: Floats, x: Floats) -> Floats:
        return np.clip(posterior(z, numbers), -2 * INFINITE, 2 * INFINITE) - x

    found = find_root(above, (-FAR, FAR), args=(np.clip(x, -INFINITE, INFINITE),)).x
    low, high = posterior(np.array([-FAR, FAR]), numbers)  # infinite if the range of optimal scores ends before
    beyond = np.where((x <= low) & np.isfinite(low), -np.inf, np.where((x >= high) & np.isfinite(high), np.inf, 0.0))
    return np.where(beyond == 0, found, beyond)


def searched_scores(of: BinaryLoss, q: Floats) -> Floats:
    """The optimal scores by numerical minimisation of the expected loss over logits in [-REACH, REACH].

    A grid search comes first, since a loss may have jumps and several minima.

    Parameters
    ----------
    of : the loss.
    q : true probabilities (Q,) in [0, 1].

    Returns
    -------
    Scores (Q,) in [0, 1]. If several are optimal, the one closest to .5, and the lower of two that are equally close.
    """
    q = np.asarray(q, np.float64)
    risk = _risk(of, q[:, None], np.broadcast_to(GRID, (len(q), len(GRID))))
    tied = risk <= risk.min(1, keepdims=True) + EQUAL_RISK
    z, least = _refined(of, q, np.where(tied, np.abs(GRID), np.inf).argmin(1))
    zero = np.zeros_like(z)
    z = np.where(np.abs(_risk(of, q, zero) - least) <= EQUAL_RISK, zero, z)
    return of.scores(torch.from_numpy(z)).numpy()


def all_optimal_scores(of: BinaryLoss, q: float) -> Floats:
    """All optimal scores for one true probability q in [0, 1], ascending; one if the loss has a closed-form inverse.

    They are found by minimisation from each local minimum on the grid. An interval of optimal scores counts as one.
    """
    if posterior_logits(of, np.zeros(1)) is not None:
        return optimal_scores(of, np.array([q]))
    risk = _risk(of, np.full_like(GRID, q), GRID)
    lower = np.flatnonzero((risk[1:-1] < risk[:-2]) & (risk[1:-1] <= risk[2:])) + 1
    z, least = _refined(of, np.full(len(lower), q), lower)
    optimal = least <= min(least.min(initial=np.inf), risk.min()) + EQUAL_OPTIMA
    if np.count_nonzero(optimal) < 2:
        return optimal_scores(of, np.array([q]))
    return of.scores(torch.from_numpy(z[optimal])).numpy()


def has_single_point_at_half(of: BinaryLoss, q: float) -> bool:
    """Whether the expected loss has a jump down at a score of exactly .5, for true probability q in [0, 1].

    Gradient descent cannot reach such a single point, so it is not counted as an optimal score.
    """
    at, beside = _risk(of, np.full(2, q), np.array([0.0, PRECISION]))
    return bool(min(beside, _risk(of, np.array([q]), np.array([-PRECISION]))[0]) > at + EQUAL_OPTIMA * 10)


def _refined(of: BinaryLoss, q: Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The minima next to indices `at` (Q,) of GRID and the expected loss there; the grid point if none is lower."""
    at = at.clip(2, len(GRID) - 3)
    around = at + np.array([[0], [-1], [1]])  # the point itself first, for ties up to rounding
    at = np.take_along_axis(around, _risk(of, q, GRID[around]).argmin(0)[None], 0)[0]
    start = _risk(of, q, GRID[at])
    found = find_minimum(
        lambda z, q: _risk(of, q, z), (GRID[at - 1], GRID[at], GRID[at + 1]), args=(q,), tolerances={"xatol": PRECISION}
    )
    lower = found.f_x < start - EQUAL_RISK  # False for NaN, where there is no minimum between the neighbours
    return np.where(lower, found.x, GRID[at]), np.where(lower, found.f_x, start)


def _risk(of: BinaryLoss, q: Floats, z: Floats) -> Floats:
    """The expected loss q l(z, 1) + (1 - q) l(z, 0), where q broadcasts with z (...); infinite where it is NaN."""
    logits = torch.from_numpy(np.array(z).ravel())
    positive, negative = (of.values(logits, y).numpy().reshape(z.shape) for y in (1, 0))
    return np.nan_to_num(q * positive + (1 - q) * negative, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def stands_for(of: BinaryLoss, score: float) -> float:
    """The lowest true probability whose optimal score is >= `score`, in [0, 1].

    `score >= s` is then the same decision as `q >= stands_for(s)`, if the optimal score is non-decreasing in q. It is 0
    if all optimal scores are >= `score`, and 1 if none is.
    """
    posterior = posterior_logits(of, np.array([logit(score)]))
    if posterior is not None:
        return float(expit(posterior[0]))

    def reaches(q: float) -> float:
        return 1.0 if optimal_scores(of, np.array([q]))[0] >= score else -1.0

    if reaches(0.0) > 0 or reaches(1.0) < 0:
        return 0.0 if reaches(0.0) > 0 else 1.0
    return float(bisect(reaches, 0.0, 1.0, xtol=SAME))


@dataclass(frozen=True)
class Cut:
    """The threshold on the score that corresponds to one on the true probability.

    score: the threshold.
    low, high: range of the true probabilities with this optimal score. If low < high, scores do not distinguish them,
    and no threshold can.
    scores: all optimal scores, ascending. Between two of them, thresholds t with first < t <= second decide the same.
    """

    score: float
    low: float
    high: float
    scores: tuple[float, ...]


def threshold_on_score(of: BinaryLoss, q: float) -> Cut:
    """The threshold on the score that corresponds to the threshold q in (0, 1) on the true probability."""
    scores = all_optimal_scores(of, q)
    grid = np.append(np.linspace(0, 1, 101), q)
    z, own = optimal_logits(of, logit(grid)), logit(scores[-1])
    with np.errstate(invalid="ignore"):  # two infinite logits
        sharing = grid[(z == own) | (np.abs(z - own) < SAME_LOGIT)]
    low, high = sharing.min(initial=q), sharing.max(initial=q)
    return Cut(float(scores[-1]), float(low), float(high), tuple(scores.tolist()))


def resting_points(of: BinaryLoss, y: float, low: float, high: float) -> np.ndarray:
    """Where gradient descent converges for one label or target: the gradient changes from negative to positive.

    Parameters
    ----------
    of : the loss.
    y : label, 0 or 1; target in a regression.
    low, high : range of logits, or of predictions in a regression, in which 4,001 points are searched for changes.

    Returns
    -------
    The points (P,), ascending, to PRECISION; the first one where the gradient stays 0.
    """

    def direction(z: Floats) -> Floats:
        return np.where(of.gradients(torch.from_numpy(np.array(z)), y).numpy() < 0, -1.0, 1.0)

    z = np.linspace(low, high, 4001)
    last = np.flatnonzero(np.diff(direction(z)) > 0)
    return find_root(direction, (z[last], z[last + 1]), tolerances={"xatol": PRECISION}).bracket[1]


def softmax_twice(classes: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maximum probability of a softmax of a softmax over K >= 1 classes, e / (e + K - 1), and its -log."""
    largest = np.e / (np.e + np.asarray(classes) - 1)
    return largest, -np.log(largest)


def rests_at_truth(of: BinaryLoss) -> bool:
    """Whether the expected gradient is 0 where the score is the true probability, for every true probability."""
    true = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    z = torch.logit(true)
    slope = true * of.gradients(z, 1) + (1 - true) * of.gradients(z, 0)
    return bool((slope.abs() < SAME).all() and (of.scores(z) - true).abs().max() < SAME)
