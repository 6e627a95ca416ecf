"""What the browser decides and counts of all classes or labels while a threshold moves, against core, ties included."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from core.evaluation import DECISIONS, METRICS, NO_CLASS, decide
from core.evaluation.columns import outcomes
from core.evaluation.scores import Scores, Task
from core.evaluation.threshold import ABOVE_ALL
from tests.support.node import in_node, needs_node

DECISIONS_JS = "picture/decisions.js"
DECIDED = """
    return given.map((data) => {
      const thresholds = data.thresholds.map((t) => (t === "above-all" ? Infinity : t));
      const { called } = m.count({ ...data, task: "multiclass" }, thresholds);
      const predicted = (i) => data.names.findIndex((_, c) => called[c * data.shown + i]);
      return Array.from({ length: data.shown }, (_, i) => predicted(i));
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
    found = in_node(tmp_path, DECISIONS_JS, DECIDED, given)
    for decided, (p, thresholds) in zip(found, cases, strict=True):
        np.testing.assert_array_equal(decided, DECISIONS[rule](p, thresholds))


COUNTED = """
    return given.map(({ data, thresholds }) => {
      const { columns, totals, matrix } = m.count(data, thresholds);
      return { columns, totals, matrix: matrix && Array.from(matrix) };
    });
"""


def random_scores(task: Task, seed: int) -> Scores:
    """Scores that tie now and then, of rows some of which have no label."""
    rng = np.random.default_rng(seed)
    p = rng.random((60, 4)).astype([np.float16, np.float32, np.float64][seed % 3])
    p[:40] = np.round(p[:40], 1)
    y_true = rng.integers(0, 4, 60) if task == "multiclass" else (rng.random((60, 4)) < 0.2).astype(int)
    return Scores(y_true, p, task, ("a", "b", "c", "d"))


def thresholds_of(seed: int) -> np.ndarray:
    """Thresholds on a coarse grid, the ends among them, and now and then all the same."""
    rng = np.random.default_rng(seed)
    return np.full(4, 0.5) if seed % 4 == 0 else rng.integers(0, 11, 4) / 10


@needs_node
@pytest.mark.parametrize(
    ("rule", "params"), [*((rule, {}) for rule in DECISIONS), ("masked", {"fallback": 2}), ("", {})]
)
def test_it_counts_as_core_does(tmp_path: Path, rule: str, params: dict[str, int]):
    cases = [(random_scores("multiclass" if rule else "multilabel", seed), thresholds_of(seed)) for seed in range(12)]
    given = []
    for scores, thresholds in cases:
        data = {"task": scores.task, "names": scores.class_names, "shown": scores.n_rows, "weights": [1] * 60}
        data |= {"dtype": scores.y_score.dtype.name, "truth": scores.y_true.T.ravel().tolist()}
        data |= {"scores": scores.y_score.T.astype(float).ravel().tolist()}
        data |= {"rule": rule, "fallback": params.get("fallback", NO_CLASS)}
        given.append({"data": data, "thresholds": thresholds.tolist()})
    found = in_node(tmp_path, DECISIONS_JS, COUNTED, given)
    for now, (scores, thresholds) in zip(found, cases, strict=True):
        by = partial(DECISIONS[rule], **params) if rule else decide
        (expected,) = outcomes([scores], thresholds, by)
        totals = {name: float(value) for name, value in now["totals"].items()}
        assert totals == pytest.approx({name: expected.totals[name] for name in totals}, nan_ok=True)
        assert totals.keys() >= {"macro_f1", "micro_precision", "samples_f1"} if not rule else {"accuracy", "changed"}
        for name in ("tp", "fp", "fn"):
            assert [one[name] for one in now["columns"]] == getattr(expected.counts, name).tolist()
        for name in ("precision", "recall", "f1"):
            values = np.array([one[name] for one in now["columns"]], float)
            np.testing.assert_allclose(values, METRICS[name](expected.counts))
        if expected.matrix is not None:
            assert now["matrix"] == expected.matrix.ravel().tolist()
