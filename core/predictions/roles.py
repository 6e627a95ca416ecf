"""What the columns of a file of predictions are: labels, scores, and what else a row may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from core.errors import CutoffError
from core.evaluation.scores import Task

Scale = Literal["probability", "percent", "logit", "log_probability", "margin"]
SCALES: dict[Scale, str] = {
    "probability": "probabilities",
    "percent": "percentages",
    "logit": "logits",
    "log_probability": "log-probabilities",
    "margin": "margins (any scale)",
}


@dataclass(frozen=True)
class Roles:
    """Which columns of a table are what, by name.

    task : "binary", "multiclass" or "multilabel".
    y_true : the column of labels; in a multi-label task one column per label, 1 where a row has it.
    y_score : the column of scores of the positive class; one column per class or label otherwise.
    positive : value of y_true, as text, that is the positive class of a binary task; every other value is negative.
    classes : values of y_true, as text, in the order of y_score; of a multi-class task.
    names : of the labels of a multi-label task, in the order of y_score. Of a multi-class task how classes are called
        where the labels are mere numbers; empty for the labels themselves.
    scale : what the scores are. Probabilities are taken as they are, percentages divided by 100, logits put through a
        sigmoid (a softmax for several classes), log-probabilities through exp. Margins stay as they are.
    opposite : whether binary scores are of the negative class; they are turned round (1 - p, or -score for margins).
    weight, id, amount, time, split : other columns, None without.
    groups : columns that part the rows into groups.
    trained_weight : weight w > 0 of the positive class in training, 1 for none. The logits of binary scores are lowered
        by ln w, which converts back to probabilities (Elkan 2001). A model trained on a share r of the negatives has
        w = 1 / r.
    leave_out : whether rows with a missing label, score or weight are left out, and not refused.
    """

    task: Task
    y_true: tuple[str, ...]
    y_score: tuple[str, ...]
    positive: str = "1"
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scale: Scale = "probability"
    opposite: bool = False
    weight: str | None = None
    id: str | None = None
    amount: str | None = None
    time: str | None = None
    split: str | None = None
    groups: tuple[str, ...] = ()
    trained_weight: float = 1.0
    leave_out: bool = False

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise CutoffError(f"Expected the task to be one of {', '.join(get_args(Task))}, but got {self.task!r}.")
        if self.scale not in SCALES:
            raise CutoffError(f"Expected the scale to be one of {', '.join(SCALES)}, but got {self.scale!r}.")
        if not self.y_true or not self.y_score:
            raise CutoffError("Choose a column of labels and a column of scores.")
        if self.task != "multilabel" and len(self.y_true) != 1:
            raise CutoffError("Choose one column of labels.")
        if self.task == "binary" and len(self.y_score) != 1:
            raise CutoffError("Choose the one column with the scores of the positive class.")
        if self.task == "multiclass" and len(self.y_score) < 2:
            raise CutoffError("Choose a column of scores for each class.")
        if self.task == "multiclass" and len(self.classes) != len(self.y_score):
            raise CutoffError(f"Expected {len(self.y_score)} classes, one for each score, but got {len(self.classes)}.")
        if self.task == "multiclass" and self.names and len(self.names) != len(self.classes):
            raise CutoffError(f"Expected {len(self.classes)} names, one for each class, but got {len(self.names)}.")
        if self.task == "multilabel" and not len(self.y_true) == len(self.y_score) == len(self.names):
            raise CutoffError(
                f"Expected as many columns of labels as of scores, but got {len(self.y_true)} and {len(self.y_score)}."
            )
        if twice := sorted({name for name in self.used if self.used.count(name) > 1}):
            raise CutoffError(f"Each column can be one thing only; {', '.join(twice)} was chosen twice.")
        if not 0 < self.trained_weight < float("inf"):
            raise CutoffError(f"Expected the weight in training to be above 0, but got {self.trained_weight:g}.")
        if self.trained_weight != 1 and (self.task != "binary" or self.scale == "margin"):
            raise CutoffError("Only binary probabilities can be converted back with the weight in training.")

    @property
    def used(self) -> tuple[str, ...]:
        """Every column with a role."""
        single = (self.weight, self.id, self.amount, self.time, self.split)
        return (*self.y_true, *self.y_score, *self.groups, *(name for name in single if name is not None))
