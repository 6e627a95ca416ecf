"""Indexes of random scores: what several test files share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.special import expit

from core.evaluation import ScoreIndex


def an_index(seed: int, n: int, positive: float, decimals: int | None, dtype: str = "float32") -> ScoreIndex:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < positive
    score = expit(rng.normal(size=n) + 2 * y)
    return ScoreIndex.of(y, (score if decimals is None else np.round(score, decimals)).astype(dtype))


indexes = st.builds(
    an_index,
    seed=st.integers(0, 99),
    n=st.integers(1, 6000),
    positive=st.sampled_from([0.0, 0.002, 0.1, 0.5, 1.0]),
    decimals=st.sampled_from([None, 1, 2, 3]),
    dtype=st.sampled_from(["float16", "float32", "float64"]),
)
