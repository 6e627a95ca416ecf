"""How optimistic a tuned threshold is: F1 tuned on small samples of a known population.

The population is calibrated: the score of a row is its true probability q, and q follows a beta distribution, by
default Beta(1/2, 6). Its prevalence is pi = 1/13 = .0769, and its best threshold t* = F*/2 = .1779 (Lipton et al.,
2014). The shares above a threshold are incomplete beta functions, so the true F1 needs no simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc

from core.errors import CutoffError
from core.evaluation import ThresholdCounts
from core.evaluation.tuning.choice import Choice
from core.evaluation.tuning.rules import RULES

SHAPE = (0.5, 6.0)  # of the Beta distribution
PREVALENCE = SHAPE[0] / sum(SHAPE)  # pi
AT_ONCE = 2**20  # rows drawn at once
MOST_ROWS = 10_000_000


@dataclass(frozen=True, eq=False)
class Optimism:
    """F1 tuned on each of R samples of n rows.

    thresholds, in_sample, true (R,): tuned threshold, its F1 on the sample, and its F1 on the population.
    left_out: number of samples without a positive row, which can't be tuned on and are not among the R.
    """

    n: int
    thresholds: NDArray[np.float64]
    in_sample: NDArray[np.float64]
    true: NDArray[np.float64]
    left_out: int


def population_counts(thresholds: ArrayLike, shape: tuple[float, float] = SHAPE) -> ThresholdCounts:
    """Counts of a calibrated population whose scores follow a beta distribution, as shares of it.

    For density f, positives have density q f(q): the mean of the distribution times the beta density whose first
    parameter is larger by 1.

    Parameters
    ----------
    thresholds : of any shape; above 1 no row is predicted positive.
    shape : the two parameters of the beta distribution, > 0.

    Returns
    -------
    Counts in the shape of the thresholds; the four sum to 1.
    """
    a, b = shape
    t, pi = np.asarray(thresholds, np.float64), a / (a + b)
    x = t.clip(0, 1)  # above every score no row is predicted positive
    tp, fn = pi * betaincc(a + 1, b, x), pi * betainc(a + 1, b, x)
    fp, tn = (1 - pi) * betaincc(a, b + 1, x), (1 - pi) * betainc(a, b + 1, x)
    return ThresholdCounts(t, tp, fp, fn, tn)


def population_best() -> Choice:
    """The threshold of maximum F1 on the population, among 100,001 in [0, 1], and its F1: t* = F*/2."""
    return RULES["f1"](population_counts(np.linspace(1, 0, 100_001)))


def simulate(n: int, repeats: int, seed: int = 0) -> Optimism:
    """Tune F1 on samples of the population and compare it with the true F1.

    Parameters
    ----------
    n : rows per sample, >= 1.
    repeats : number of samples, >= 1, with n * repeats <= MOST_ROWS.
    seed : of the samples.

    Returns
    -------
    Thresholds and F1 of the samples with a positive row.

    Raises
    ------
    CutoffError for a smaller or larger number.
    """
    if n < 1 or repeats < 1 or n * repeats > MOST_ROWS:
        raise CutoffError(
            f"Expected `n` and `repeats` to be at least 1 and together at most {MOST_ROWS:,} rows, "
            f"but got {n!r} and {repeats!r}."
        )
    generator, size = np.random.default_rng(seed), max(1, AT_ONCE // n)
    picks = [
        RULES["f1"].bind().pick(_sampled(n, min(size, repeats - start), generator)) for start in range(0, repeats, size)
    ]
    tuned = np.concatenate([found.feasible for found in picks])
    thresholds = np.concatenate([found.threshold for found in picks])[tuned]
    true = RULES["f1"].function(population_counts(thresholds)).value
    return Optimism(n, thresholds, np.concatenate([found.value for found in picks])[tuned], true, int((~tuned).sum()))


def _sampled(n: int, repeats: int, generator: np.random.Generator) -> ThresholdCounts:
    """Counts (R, n + 1) of R samples of n rows at inf and at each score; no two scores are equal."""
    q = -np.sort(-generator.beta(*SHAPE, size=(repeats, n)), axis=1)
    positive = generator.random(q.shape) < q
    thresholds = np.concatenate([np.full((repeats, 1), np.inf), q], axis=1)
    before = np.zeros((repeats, 1), np.int64)
    tp = np.concatenate([before, positive.cumsum(axis=1)], axis=1)
    fp = np.arange(n + 1) - tp
    return ThresholdCounts(thresholds, tp, fp, tp[:, -1:] - tp, fp[:, -1:] - fp)
