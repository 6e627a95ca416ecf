"""What somebody says of the columns of a file, in the shell or to the API; everything else is guessed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.data.tables import Table, listed
from core.errors import CutoffError
from core.predictions.guess import Guess, Question, guess, guess_binary
from core.predictions.opening import CannotOpen
from core.predictions.roles import SCALES, Roles, Scale

REPAIRS = ("leave_out", "scale", "split")  # choices that may repair what can't be opened


class UnknownPositive(CutoffError):
    """A positive class that is not among the labels."""


@dataclass(frozen=True)
class Choices:
    """What is known of the columns of a table; what is None or an empty tuple is guessed.

    See `Roles` for what each of them means. An empty text as weight or split is none.
    """

    y_true: tuple[str, ...] = ()
    y_score: tuple[str, ...] = ()
    positive: str | None = None
    scale: Scale | None = None
    opposite: bool = False
    weight: str | None = None
    split: str | None = None
    trained_weight: float = 1.0
    leave_out: bool = False


@dataclass(frozen=True)
class Settled:
    """The roles of the columns of a table.

    questions: what only the owner of the file knows and has not said; no threshold can be tuned before "positive" is
    answered. labels: the different values of the labels of a binary task.
    """

    roles: Roles
    questions: tuple[Question, ...]
    labels: tuple[str, ...]

    @property
    def missing(self) -> str:
        """The sentence that asks for the positive class, "" if it is known."""
        if "positive" not in self.questions:
            return ""
        return f"Choose which of the labels in {self.roles.y_true[0]} is the positive class: {listed(self.labels)}."


def settle(table: Table, choices: Choices) -> Settled:
    """The roles of the columns of a table: as chosen, and as guessed where nothing was chosen.

    Raises CutoffError as `guess` and `Roles` do, and UnknownPositive for a positive class that is not among the labels.
    """
    guessed = guess(table, choices.y_true, choices.y_score)
    if choices.positive is not None:
        guessed = _with_positive(table, guessed, choices.positive)
    roles = _without(guessed.roles, {choices.weight, choices.split})
    roles = replace(
        roles,
        scale=choices.scale or roles.scale,
        opposite=choices.opposite,
        weight=roles.weight if choices.weight is None else choices.weight or None,
        split=roles.split if choices.split is None else choices.split or None,
        trained_weight=choices.trained_weight,
        leave_out=choices.leave_out,
    )
    answered = {
        "positive": choices.positive is not None,
        "scale": choices.scale is not None,
        "opposite": choices.opposite,
    }
    questions = tuple(question for question in guessed.questions if not answered[question])
    return Settled(roles, questions, guessed.labels)


def _without(roles: Roles, columns: set[str | None]) -> Roles:
    """The roles without the optional ones that were guessed for these columns."""
    single = {name: getattr(roles, name) for name in ("weight", "id", "amount", "time", "split")}
    kept: dict[str, Any] = {name: None if column in columns else column for name, column in single.items()}
    return replace(roles, **kept, groups=tuple(group for group in roles.groups if group not in columns))


def _with_positive(table: Table, guessed: Guess, positive: str) -> Guess:
    """The guess if this is the positive class."""
    if guessed.roles.task != "binary":
        raise CutoffError("Only two classes have a positive one; choose a class or label to tune the threshold of.")
    if positive not in guessed.labels:
        column = guessed.roles.y_true[0]
        raise UnknownPositive(f"{column} never is {positive}; its values are {listed(guessed.labels)}.")
    return guess_binary(table, replace(guessed.roles, positive=positive))


def assumed(roles: Roles) -> tuple[str, ...]:
    """A sentence for each role that changes the numbers and that nobody may have noticed."""
    notes = []
    if roles.task == "binary":
        notes.append(f"The positive class is {roles.positive} in {roles.y_true[0]}, its scores are {roles.y_score[0]}.")
    if roles.scale != "probability":
        notes.append(f"The scores were taken as {SCALES[roles.scale]}.")
    if roles.weight:
        notes.append(f"Rows are weighted by {roles.weight}.")
    if roles.split:
        notes.append(f"Rows are split by {roles.split}.")
    return tuple(notes)


def repair_of(error: CannotOpen, roles: Roles) -> dict[str, object]:
    """The choices that would repair predictions that can't be opened with these roles, by name; empty if none are
    known."""
    if error.repair is None:
        return {}
    repairs = {name: (getattr(error.repair, name), getattr(roles, name)) for name in REPAIRS}
    return {name: "" if to is None else to for name, (to, now) in repairs.items() if to != now}
