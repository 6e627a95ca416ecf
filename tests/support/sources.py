"""Sources of scores: what several test files share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core.data import load_dataset, load_split
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, new_id
from core.experiment.config import make_config
from core.training.runs import History, Kept, Run


def binary(n: int = 200, seed: int = 0, dtype: str = "float32") -> Scores:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return Scores(y, np.round(rng.beta(2, 3, n) * 0.6 + 0.4 * y, 2).astype(dtype), "binary", ("no", "yes"))


def margins(task: str, n: int = 60) -> Scores:
    rng = np.random.default_rng(n)
    if task == "binary":
        return Scores(rng.integers(0, 2, n), 3 * rng.normal(size=n), "binary", ("no", "yes"))
    y = rng.integers(0, 3, n) if task == "multiclass" else rng.integers(0, 2, (n, 3))
    return Scores(y, 3 * rng.normal(size=(n, 3)), task, ("a", "b", "c"))


def a_run(dataset: str = "gaussians", head: str = "sigmoid", loss: str = "bce", epoch: int = 3) -> Run:
    """A finished run whose scores are drawn by chance, with all its epochs kept."""
    config = make_config(dataset=dataset, head=head, loss=loss, dataset_params={})
    split, classes = load_split(dataset), load_dataset(dataset).class_names
    columns = 1 if load_dataset(dataset).task in ("binary", "regression") else len(classes)
    rng = np.random.default_rng(0)
    kept = tuple(
        Kept(
            at,
            {part: rng.random((len(split.rows[part]), columns), dtype=np.float32) for part in ("validation", "test")},
        )
        for at in range(epoch + 1)
    )
    losses = np.zeros(epoch + 1)
    return Run(
        f"{new_id()}-0",
        config,
        "finished",
        History(losses, losses, losses),
        dict(kept[-1].outputs),
        kept=kept,
    )


def as_arrays(run: Run, change: Callable[[Scores], Scores] = lambda scores: scores) -> ArraySource:
    """The same rows and scores, or what becomes of them by a change, as a source that nobody trained."""
    return ArraySource(
        {part: change(run.scores(part)) for part in run.parts},
        {part: run.row_columns(part) for part in run.parts},
        {part: run.rows(part) for part in run.parts},
    )


def alike(scores: Scores, **more: Any) -> ArraySource:
    """The same scores as validation and as test rows."""
    return ArraySource({"validation": scores, "test": scores}, **more)
