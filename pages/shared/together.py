"""What the thresholds of all classes or labels do together."""

from __future__ import annotations

from core.training.runs import Run
from pages.shared import classes, labels


def show(run: Run, part: str, column: int) -> None:
    """The section that fits the task; nothing for two classes, which one threshold decides."""
    if run.task == "multiclass":
        classes.show(run, part, column)
    if run.task == "multilabel":
        labels.show(run, part, column)
