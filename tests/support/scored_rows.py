"""Random labels, scores and weights with everything that trips threshold code: ties, one class, -0.0, float16."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


class Rows(NamedTuple):
    y_true: np.ndarray  # (N,) int, 0 or 1
    y_score: np.ndarray  # (N,) floating
    weight: np.ndarray | None  # (N,) eighths, so that sums are exact, at least one of them not 0


@st.composite
def rows(draw: st.DrawFn, min_rows: int = 1, weighted: bool | None = None, both_classes: bool = False) -> Rows:
    n = draw(st.integers(max(min_rows, 2 * both_classes), 30))
    y_true = draw(arrays(np.int64, n, elements=st.integers(0, 1)))
    if both_classes:
        y_true[:2] = 0, 1
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    values = draw(
        st.sampled_from(
            [
                st.sampled_from([0.3]),
                st.sampled_from([-0.0, 0.0, 0.1, 0.5, 0.7, 1.0]),
                st.sampled_from([-2.0, -0.0, 0.0, 0.7, 3.0]),
                st.floats(0, 1, width=16),
                st.floats(-100, 100, width=16),
            ]
        )
    )
    y_score = draw(arrays(dtype, n, elements=values.map(lambda value: float(dtype(value)))))
    weight = None
    if draw(st.booleans()) if weighted is None else weighted:
        weight = draw(arrays(np.int64, n, elements=st.integers(0, 24))) / 8
        weight[: 1 + both_classes] += 1
    return Rows(y_true, y_score, weight)
