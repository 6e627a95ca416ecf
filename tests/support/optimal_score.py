"""The optimal score of a loss from what its entry declares, at the parameters that a test passes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import bisect
from scipy.special import expit, logit

from core.losses import LossSpec

END = 99.0


def optimal_score(spec: LossSpec, q: ArrayLike, params: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """The optimal scores for true probabilities q (...): the closed form, or its inverse inverted by halving."""
    numbers = {name: np.asarray(value, np.float64).squeeze() for name, value in params.items()}
    x, inverse = logit(np.asarray(q, np.float64)), spec.posterior_logit
    if spec.optimal_logit:
        return expit(spec.optimal_logit(x, numbers))
    assert inverse is not None

    def halved(one: float) -> float:
        """The z with inverse(z) = one; an end where the optimal score is 0 or 1."""

        def above(z: float) -> float:
            return float(np.clip(inverse(np.array(z), numbers), -999, 999)) - one

        return -END if above(-END) > 0 else END if above(END) < 0 else bisect(above, -END, END)

    return expit(np.vectorize(halved)(x))
