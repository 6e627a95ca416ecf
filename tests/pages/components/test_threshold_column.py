"""What the rows of all classes count in the browser, against core, to the last tie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.evaluation import DECISIONS, NO_CLASS
from core.evaluation.threshold import ABOVE_ALL
from tests.support.node import in_node, needs_node

COLUMN = "threshold_column.js"
DECIDED = """
    return given.map((data) => {
      const thresholds = data.thresholds.map((t) => (t === "above-all" ? Infinity : t));
      const { decided } = m.count({ ...data, task: "multiclass" }, thresholds);
      return Array.from(decided);
    });
"""


def rows_near_ties(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N, 4) that are multiples of their thresholds (4,), one bit off now and then, and thresholds next to 0."""
    rng = np.random.default_rng(seed)
    dtype = [np.float16, np.float32, np.float64][seed % 3]
    thresholds = rng.integers(0, 101, 4) / 100
    if seed % 4 == 0:
        thresholds *= 10.0 ** -rng.integers(0, 8, 4)
    multiple = rng.choice([1, 0.5, 0.1, 1 / 3, 0], (60, 1))
    p = (multiple * thresholds).astype(dtype)
    off = rng.integers(-1, 2, p.shape)
    return np.where(off != 0, np.nextafter(p, off.astype(dtype)), p).clip(0, 1), thresholds


@needs_node
@pytest.mark.parametrize("rule", DECISIONS)
def test_it_decides_as_core_does_without_rounding(tmp_path: Path, rule: str):
    cases = [(np.array([[0.05, 0.15, 0.01]]), np.array([0.05, 0.15, 0.95])), *map(rows_near_ties, range(24))]
    cases += [(p, np.where(np.arange(len(t)) <= at % 5, np.inf, t)) for at, (p, t) in enumerate(cases)]
    given = [
        {
            "scores": p.T.astype(float).ravel().tolist(),
            "truth": [0] * len(p),
            "names": list("abcd")[: p.shape[1]],
            "shown": len(p),
            "weights": [1] * len(p),
            "dtype": p.dtype.name,
            "rule": rule,
            "fallback": NO_CLASS,
            "thresholds": [ABOVE_ALL if np.isposinf(t) else t for t in thresholds.tolist()],
        }
        for p, thresholds in cases
    ]
    found = in_node(tmp_path, COLUMN, DECIDED, given)
    for decided, (p, thresholds) in zip(found, cases, strict=True):
        np.testing.assert_array_equal(decided, DECISIONS[rule](p, thresholds))
