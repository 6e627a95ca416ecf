"""What the thresholds of all classes or labels do together."""

from __future__ import annotations

from core.evaluation.source import ScoreSource
from pages.shared import classes, labels


def show(source: ScoreSource, part: str, column: int) -> None:
    """The section that fits the task; nothing for two classes, which one threshold decides."""
    if source.task == "multiclass":
        classes.show(source, part, column)
    if source.task == "multilabel":
        labels.show(source, part, column)
