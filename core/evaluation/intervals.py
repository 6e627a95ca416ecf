"""Confidence intervals in closed form. NumPy alone."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.counts import ScoreIndex
from core.evaluation.metrics import ratio


def wilson(hits: ArrayLike, rows: ArrayLike, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's confidence interval of a binomial share.

    Parameters
    ----------
    hits : number of hits, in [0, rows]; broadcasts with `rows`.
    rows : number of rows, >= 0.
    level : in (0, 1).

    Returns
    -------
    Lower and upper ends, in [0, 1]; NaN without rows.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference (1927),
    https://doi.org/10.1080/01621459.1927.10502953.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    k, n = np.asarray(hits, np.float64), np.asarray(rows, np.float64)
    middle = ratio(k + z**2 / 2, n + z**2) + ratio(0 * n, n)  # NaN for 0 of 0
    reach = ratio(z * np.sqrt(ratio(k * (n - k), n) + z**2 / 4), n + z**2)
    return (middle - reach).clip(0, 1), (middle + reach).clip(0, 1)


def roc_auc_interval(index: ScoreIndex, level: float) -> tuple[float, float, float]:
    """ROC-AUC with its confidence interval.

    Parameters
    ----------
    index : scores of both classes; weights count as (sum w)^2 / sum w^2 rows (Kish, Survey Sampling, 1965).
    level : in (0, 1).

    Returns
    -------
    ROC-AUC and the lower and upper end, in [0, 1]; all NaN unless there are rows of both classes, and the ends are NaN
    for a class with one row.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
    characteristic curves (1988), https://doi.org/10.2307/2531595.
    """
    if not index.positive_scores.size or not index.negative_scores.size:
        return float("nan"), float("nan"), float("nan")
    above = _share_below(index.positive_scores, index.negative_scores, index.negative_weight)
    below = 1 - _share_below(index.negative_scores, index.positive_scores, index.positive_weight)
    (area, variance), (_, other) = _mean(above, index.positive_weight), _mean(below, index.negative_weight)
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance + other))
    return area, float(np.clip(area - reach, 0, 1)), float(np.clip(area + reach, 0, 1))


def _share_below(
    scores: NDArray[np.floating], others: NDArray[np.floating], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """The share of the other rows below each score (N,), ties half; their scores (M,) ascend, and their weight (M + 1,)
    is the total from each rank up."""
    from_rank = np.arange(others.size, -1, -1.0) if weight is None else weight
    lower, not_higher = (1 - from_rank[others.searchsorted(scores, side)] / from_rank[0] for side in ("left", "right"))
    return (lower + not_higher) / 2


def _mean(values: NDArray[np.float64], weight: NDArray[np.float64] | None) -> tuple[float, float]:
    """The mean of values (N,), and the variance of that mean; weights are from each rank up, (N + 1,)."""
    if weight is None:
        return float(values.mean()), float(ratio(values.var(), values.size - 1))
    each = -np.diff(weight)
    rows = each.sum() ** 2 / (each**2).sum()
    mean = float((each * values).sum() / each.sum())
    return mean, float(ratio((each * (values - mean) ** 2).sum() / each.sum(), rows - 1))
