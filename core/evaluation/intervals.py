"""Confidence intervals of shares. NumPy alone."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
