"""Trains what the questions show on the CPU and writes the numbers of their miniatures:

    python -m core.miniatures

tests/core/plots/test_miniature.py says when that is due.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from core.evaluation.curves import pr_curve
from core.evaluation.metrics import METRICS
from core.evaluation.thinning import evenly_spaced
from core.evaluation.tuning.choice import candidates
from core.evaluation.tuning.rules import bind
from core.experiment.presets import QUESTIONS, Question
from core.plots.miniature import BINS, NUMBERS
from core.training.engine import train
from core.training.runs import History, Run

POINTS = 80  # of a regression
STEPS = 40  # maximum number of points of a line
HIGHEST = 1.5  # times the largest first loss, where losses are cut


def trained(question: Question, variant: str) -> Run:
    """The run of a variant, trained with the first seed."""
    config = next(one.config for one in question.experiment.variants if one.name == variant)
    config = config.model_copy(update={"seed": question.experiment.seeds[0]})
    history = History()
    for epoch in train([config], torch.device("cpu")):
        history = history.then(epoch.train_loss[0], epoch.validation_loss[0], np.nan)
        last = epoch
    return Run(
        f"{question.question} {variant}",
        config,
        "finished",
        history=history,
        outputs={"validation": last.validation[0]},
    )


def numbers(question: Question) -> dict[str, Any]:
    """The numbers of the miniature of a question, as in miniatures.json."""
    names = [variant.name for variant in question.experiment.variants]
    about: dict[str, Any] = {"variant": question.shown}
    if question.drawn == "losses":
        return about | {"lines": _losses([trained(question, name) for name in names])}
    run = trained(question, question.shown)
    if question.drawn == "curve":
        rings = [_at_half(trained(question, name)) for name in names]
        return about | {"curve": _curve(run), "rings": np.round(rings, 3).tolist()}
    if run.task == "regression":
        values = np.column_stack(run.predictions("validation"))
        return about | {"points": values[evenly_spaced(len(values), POINTS)].round(2).tolist()}
    about |= _rows(run)
    if question.beside:
        about["before"] = _rows(trained(question, question.beside))
    if question.rule:
        about["threshold"] = round(bind(question.rule)(candidates(run.index("validation", 0))).threshold, 3)
    return about


def _rows(run: Run) -> dict[str, list[int]]:
    """Rows (BINS,) of each class by score. Of several classes or labels all score columns count: a score is positive
    where it is of the actual class."""
    scores = run.scores("validation")
    views = [scores.view(column) for column in range(scores.n_columns)]
    y, score = np.concatenate([view.y for view in views]), np.concatenate([view.score for view in views])
    return {
        name: np.histogram(score[y == actual], BINS, (0, 1))[0].tolist()
        for name, actual in (("positive", 1), ("negative", 0))
    }


def _curve(run: Run) -> list[list[float]]:
    curve = pr_curve(run.index("validation", 0))
    points = np.column_stack([curve.x, curve.y])
    return points[evenly_spaced(len(points), STEPS)].round(3).tolist()


def _at_half(run: Run) -> tuple[float, float]:
    """Recall and precision at 0.5."""
    counts = run.index("validation", 0).counts(0.5)
    return float(METRICS["recall"](counts)), float(METRICS["precision"](counts))


def _losses(runs: Sequence[Run]) -> list[list[float]]:
    """The validation losses of each run, up to the first that is not finite or too high to be drawn, which is cut."""
    top = HIGHEST * max(run.history.validation[0] for run in runs)
    lines = []
    for run in runs:
        losses = run.history.validation
        broken = np.flatnonzero(~(losses < top))
        kept = np.minimum(np.nan_to_num(losses[: broken[0] + 1 if len(broken) else None], nan=top, posinf=top), top)
        lines.append(kept[evenly_spaced(len(kept), STEPS)].round(3).tolist())
    return lines


def main() -> None:
    torch.set_num_threads(1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(numbers(question))}" for name, question in QUESTIONS.items())
    NUMBERS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
