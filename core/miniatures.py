"""Trains what the questions show on the CPU and writes the numbers of their miniatures:

    python -m core.miniatures

tests/core/plots/test_miniature.py says when that is due.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from core.evaluation.thinning import evenly_spaced
from core.experiment.presets import QUESTIONS, Question
from core.plots.miniature import BINS, NUMBERS
from core.training.engine import train
from core.training.runs import Run

POINTS = 80  # of a regression


def shown(question: Question) -> Run:
    """The run that a question's miniature is of, trained with the first seed."""
    config = next(variant.config for variant in question.experiment.variants if variant.name == question.shown)
    config = config.model_copy(update={"seed": question.experiment.seeds[0]})
    *_, last = (epoch for epoch in train([config], torch.device("cpu")) if epoch)
    return Run("preset-0", config, "finished", outputs={"validation": last.validation[0]})


def numbers(question: Question) -> dict[str, Any]:
    """The numbers of the miniature of a question, as in miniatures.json.

    Of several classes or labels all score columns count: a score is positive where it is of the actual class.
    """
    run = shown(question)
    if run.task == "regression":
        values = np.column_stack(run.predictions("validation"))
        return {"variant": question.shown, "points": values[evenly_spaced(len(values), POINTS)].round(2).tolist()}
    scores = run.scores("validation")
    views = [scores.view(column) for column in range(scores.n_columns)]
    y, score = np.concatenate([view.y for view in views]), np.concatenate([view.score for view in views])
    rows = {
        name: np.histogram(score[y == actual], BINS, (0, 1))[0] for name, actual in (("positive", 1), ("negative", 0))
    }
    return {"variant": question.shown} | {name: counts.tolist() for name, counts in rows.items()}


def main() -> None:
    torch.set_num_threads(1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(numbers(question))}" for name, question in QUESTIONS.items())
    NUMBERS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
