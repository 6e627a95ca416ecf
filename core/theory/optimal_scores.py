"""The optimal score of a loss: the one that minimises the expected loss where a row is positive with probability q.

Everything is computed in logits, x = logit q and z the logit of the score, so that probabilities near 0 and 1 keep all
their digits: in closed form where the loss has one, by root finding where only its inverse has, and else by minimising.
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
FAR = 1e6  # logits between which roots lie
INFINITE = 1e4  # what stands for an infinite logit while a root is looked for
REACH, STEP = 30.0, 0.02  # logits between which a minimum is looked for, and how finely
HALF_GRID = np.arange(STEP / 2, REACH, STEP)  # leaves 0 out, where a loss may have a value of its own
GRID = np.append(-HALF_GRID[::-1], HALF_GRID)
PRECISION = 1e-9  # of the logit of a minimum
EQUAL_RISK = 1e-13  # expected losses closer than this are equal
EQUAL_OPTIMA = 1e-9  # so are those of minima that were found by a search
SAME_LOGIT = 1e-5  # optimal scores whose logits are closer than this are one score to a reader
SAME = 1e-6  # so are probabilities


def has_closed_form(of: BinaryLoss) -> bool:
    """Whether the optimal score or its inverse is known in closed form, as with the final activation expected."""
    spec = LOSSES[of.loss]
    return of.as_expected and (spec.optimal_logit or spec.posterior_logit) is not None


def optimal_logits(of: BinaryLoss, x: Floats) -> Floats:
    """The logit of the optimal score for true probabilities of logit x (Q,), which may be infinite.

    Of several optimal scores the one nearest to .5, and the lower one of two that are equally near.
    """
    spec = LOSSES[of.loss]
    if of.as_expected and spec.optimal_logit:
        return spec.optimal_logit(x, of.numbers)
    if of.as_expected and spec.posterior_logit:
        return _root(of, x)
    return np.asarray(logit(searched_scores(of, expit(x))))


def optimal_scores(of: BinaryLoss, q: Floats) -> Floats:
    """The optimal scores in [0, 1] for true probabilities q (Q,)."""
    return np.asarray(expit(optimal_logits(of, logit(q))))


def posterior_logits(of: BinaryLoss, z: Floats) -> Floats | None:
    """The inverse: the logit of the least true probability whose optimal score has at least the logit z (Q,).

    It is -inf or inf for z below or above all optimal scores. None where it is not known in closed form.
    """
    posterior = LOSSES[of.loss].posterior_logit
    return posterior(z, of.numbers) if of.as_expected and posterior else None


def _root(of: BinaryLoss, x: Floats) -> Floats:
    """The z with posterior_logits(z) = x (Q,), to the precision of float64; infinite where it is beyond FAR."""
    posterior, numbers = LOSSES[of.loss].posterior_logit, of.numbers
    assert posterior is not None

    def above(z: Floats, x: Floats) -> Floats:
        return np.clip(posterior(z, numbers), -2 * INFINITE, 2 * INFINITE) - x

    found = find_root(above, (-FAR, FAR), args=(np.clip(x, -INFINITE, INFINITE),)).x
    low, high = posterior(np.array([-FAR, FAR]), numbers)  # infinite where the range of optimal scores ends before
    beyond = np.where((x <= low) & np.isfinite(low), -np.inf, np.where((x >= high) & np.isfinite(high), np.inf, 0.0))
    return np.where(beyond == 0, found, beyond)


def searched_scores(of: BinaryLoss, q: Floats) -> Floats:
    """The optimal scores for true probabilities q (Q,) by minimising the expected loss over logits in +-REACH.

    A grid comes first, since a loss may jump and have several minima. Of several optimal scores the one nearest to .5,
    and the lower one of two that are equally near.
    """
    q = np.asarray(q, np.float64)
    risk = _risk(of, q[:, None], np.broadcast_to(GRID, (len(q), len(GRID))))
    tied = risk <= risk.min(1, keepdims=True) + EQUAL_RISK
    z, least = _refined(of, q, np.where(tied, np.abs(GRID), np.inf).argmin(1))
    zero = np.zeros_like(z)
    z = np.where(np.abs(_risk(of, q, zero) - least) <= EQUAL_RISK, zero, z)
    return of.scores(torch.from_numpy(z)).numpy()


def all_optimal_scores(of: BinaryLoss, q: float) -> Floats:
    """Every optimal score for one true probability, rising: more than one only where the loss has no inverse.

    They are found by minimising from each local minimum on the grid. Of scores that are optimal with everything between
    them there is one.
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
    """Whether the expected loss is lower at a score of exactly .5 than at every score beside it, by a jump.

    No descent reaches such a point, so it is not counted as an optimal score.
    """
    at, beside = _risk(of, np.full(2, q), np.array([0.0, PRECISION]))
    return bool(min(beside, _risk(of, np.array([q]), np.array([-PRECISION]))[0]) > at + EQUAL_OPTIMA * 10)


def _refined(of: BinaryLoss, q: Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The minima next to places `at` (Q,) of GRID and the expected loss there; the places where none is lower."""
    at = at.clip(2, len(GRID) - 3)
    around = at + np.array([[0], [-1], [1]])  # the place itself first: it may be lowest but for rounding
    at = np.take_along_axis(around, _risk(of, q, GRID[around]).argmin(0)[None], 0)[0]
    start = _risk(of, q, GRID[at])
    found = find_minimum(
        lambda z, q: _risk(of, q, z), (GRID[at - 1], GRID[at], GRID[at + 1]), args=(q,), tolerances={"xatol": PRECISION}
    )
    lower = found.f_x < start - EQUAL_RISK  # False where there was no minimum between the neighbours: then it is NaN
    return np.where(lower, found.x, GRID[at]), np.where(lower, found.f_x, start)


def _risk(of: BinaryLoss, q: Floats, z: Floats) -> Floats:
    """q l(z, 1) + (1 - q) l(z, 0), for q that broadcasts with z (...); infinite where the loss is NaN."""
    logits = torch.from_numpy(np.array(z).ravel())
    positive, negative = (of.values(logits, y).numpy().reshape(z.shape) for y in (1, 0))
    return np.nan_to_num(q * positive + (1 - q) * negative, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def stands_for(of: BinaryLoss, score: float) -> float:
    """The least true probability whose optimal score is at least `score`; 0 where every one's is and 1 where none's.

    Deciding `score >= s` is then deciding `q >= stands_for(s)`, as long as the optimal score rises with q.
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
    """The threshold `score` that stands for one on the true probability, and the true probabilities that share it.

    Where more than one shares it (`low` < `high`), scores do not tell these apart and no threshold can. `scores` are
    all optimal scores, rising: where there are two, every threshold above the first up to the second decides the same.
    """

    score: float
    low: float
    high: float
    scores: tuple[float, ...]


def threshold_on_score(of: BinaryLoss, q: float) -> Cut:
    """The threshold on the score that stands for the threshold q on the true probability."""
    scores = all_optimal_scores(of, q)
    grid = np.append(np.linspace(0, 1, 101), q)
    z, own = optimal_logits(of, logit(grid)), logit(scores[-1])
    with np.errstate(invalid="ignore"):  # two infinite logits
        sharing = grid[(z == own) | (np.abs(z - own) < SAME_LOGIT)]
    low, high = sharing.min(initial=q), sharing.max(initial=q)
    return Cut(float(scores[-1]), float(low), float(high), tuple(scores.tolist()))


def resting_points(of: BinaryLoss, y: float, low: float, high: float) -> np.ndarray:
    """Where gradient descent comes to rest for one label or target y: the gradient goes from below 0 to above, (P,).

    Searched among 4,001 logits (in a regression: predictions) from low to high, and given to the middle of a step.
    """
    z = torch.linspace(low, high, 4001, dtype=torch.float64)
    gradient = of.gradients(z, y)
    pushed_up = gradient < 0
    last = (pushed_up[:-1] & ~pushed_up[1:]).nonzero()[:, 0]
    return torch.where(gradient[last + 1] == 0, z[last + 1], (z[last] + z[last + 1]) / 2).numpy()


def softmax_twice(classes: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest probability that a softmax of a softmax over K classes reaches, e / (e + K - 1), and its -log."""
    largest = np.e / (np.e + np.asarray(classes) - 1)
    return largest, -np.log(largest)


def rests_at_truth(of: BinaryLoss) -> bool:
    """Whether the expected gradient is 0 where the score is the true probability, whatever that is."""
    true = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    z = torch.logit(true)
    slope = true * of.gradients(z, 1) + (1 - true) * of.gradients(z, 0)
    return bool((slope.abs() < SAME).all() and (of.scores(z) - true).abs().max() < SAME)
