"""The target of a table: the task that its values make, and the labels of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data.dataset import Task
from core.data.tables import Table, listed, name_label
from core.data.tables.names import TRUE, plain
from core.data.tables.values import Categories, categories, count_distinct, likely_positive, numbers, truths
from core.errors import CutoffError
from core.text import counted

MOST_CLASSES = 100
FEW_VALUES = 20  # whole numbers with no more different values are classes, with more of them values
FEWEST_ROWS = 4  # of a class, so that each split has one


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    columns : one, or several of 0 and 1 for a multi-label task.
    positive : the value, as text, that is the positive class of a binary task; every other value is negative.

    Raises CutoffError without a column, and for more than one of a task other than multi-label.
    """

    columns: tuple[str, ...]
    task: Task
    positive: str = ""

    def __post_init__(self) -> None:
        if not self.columns:
            raise CutoffError("Choose the column to predict.")
        if len(self.columns) > 1 and self.task != "multilabel":
            raise CutoffError("Several columns are the labels of a multi-label task; choose one for any other.")


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of rows, as in `Dataset`, and which rows of the table have one, (N,); one sentence for each thing that
    was left out."""

    y: NDArray
    class_names: tuple[str, ...]
    kept: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def likely_target(table: Table) -> Target:
    """The column that most likely is the target: named as one, else the last with few values, else the last."""
    by_name = {plain(name): name for name in reversed(table.names)}
    named = next((by_name[name] for name in TRUE if name in by_name), None)
    few = [name for name in table.names if 1 < count_distinct(table.columns[name]) <= FEW_VALUES]
    return target_of(table, (named or (few or table.names)[-1],))


def target_of(table: Table, columns: tuple[str, ...]) -> Target:
    """A target of these columns, with the task that their values make: several columns are the labels of a multi-label
    task; two values are two classes; text, and whole numbers with few values, are classes; other numbers are values."""
    if len(columns) != 1:
        return Target(columns, "multilabel")
    column = table.columns[columns[0]]
    distinct = count_distinct(column)
    if distinct == 2:
        return Target(columns, "binary", likely_positive(categories(column)))
    values = _numbers(table, columns[0])
    if values is None or (distinct <= FEW_VALUES and _whole(values)):
        return Target(columns, "multiclass")
    return Target(columns, "regression")


def with_task(table: Table, columns: tuple[str, ...], task: Task) -> Target:
    """A target of these columns for a task, with the likely positive class of a binary one; raises CutoffError as
    `Target` does, and for too many classes."""
    target = Target(columns, task)
    return replace(target, positive=likely_positive(_values(table, columns[0]))) if task == "binary" else target


def class_values(table: Table, target: Target) -> tuple[str, ...]:
    """The different values of the target of a binary task, as text; none for other tasks."""
    return _values(table, target.columns[0]).values if target.task == "binary" else ()


def labels(table: Table, target: Target) -> Labels:
    """The labels of the rows; raises CutoffError if a column has other values than its task needs."""
    made = {"binary": _binary, "multiclass": _classes, "multilabel": _multilabel, "regression": _regression}
    found = made[target.task](table, target)
    if not found.kept.any():
        raise CutoffError(f"No row has a value of {listed(target.columns)}.")
    missing = int((~found.kept).sum())
    rows = counted(missing, "row is", "rows are")
    notes = (f"{rows} left out for having no value of {listed(target.columns)}.",) if missing else ()
    if target.task == "multiclass":
        found = _frequent(found)
    return Labels(found.y[found.kept], found.class_names, found.kept, (*notes, *found.notes))


def _binary(table: Table, target: Target) -> Labels:
    given = _values(table, target.columns[0])
    if len(given.values) < 2:
        raise CutoffError(f"{name_label(target.columns[0])} has one value, so that there is nothing to predict.")
    if target.positive not in given.values:
        raise CutoffError(
            f"{name_label(target.columns[0])} never is {target.positive}; its values are {listed(given.values)}."
        )
    others = [value for value in given.values if value != target.positive]
    negative = others[0] if len(others) == 1 else f"not {target.positive}"
    y = (given.codes == given.values.index(target.positive)).astype(np.int64)
    return Labels(y, (negative, target.positive), given.codes >= 0)


def _classes(table: Table, target: Target) -> Labels:
    given = _values(table, target.columns[0])
    if len(given.values) < 3:
        values = counted(len(given.values), "value")
        raise CutoffError(f"{name_label(target.columns[0])} has {values}; a multi-class task needs three.")
    return Labels(given.codes, given.values, given.codes >= 0)


def _frequent(found: Labels) -> Labels:
    """Without the classes that are too rare to be in each split."""
    counts = np.bincount(found.y[found.kept], minlength=len(found.class_names))
    rare = counts < FEWEST_ROWS
    if not rare.any():
        return found
    if (~rare).sum() < 3:
        raise CutoffError(f"A multi-class task needs three classes with at least {FEWEST_ROWS} rows each.")
    names = [name for name, left_out in zip(found.class_names, rare, strict=True) if left_out]
    places = np.cumsum(~rare) - 1
    kept = found.kept & ~rare[found.y]
    note = f"Classes with fewer than {FEWEST_ROWS} rows are left out: {listed(names)}."
    classes = tuple(name for name in found.class_names if name not in names)
    return Labels(places[found.y].astype(np.int64), classes, kept, (note,))


def _multilabel(table: Table, target: Target) -> Labels:
    if len(target.columns) < 2:
        raise CutoffError("A multi-label task needs at least two columns of 0 and 1.")
    columns = []
    for name in target.columns:
        found = truths(_values(table, name))
        if found is None:
            raise CutoffError(
                f"{name_label(name)} must be 1 where a row has the label and 0 elsewhere, but it has other values."
            )
        columns.append(found)
    y = np.stack(columns, axis=1)
    return Labels(y, target.columns, np.logical_and.reduce(y >= 0, axis=1))


def _regression(table: Table, target: Target) -> Labels:
    values = _numbers(table, target.columns[0])
    if values is None:
        raise CutoffError(
            f"{name_label(target.columns[0])} holds no numbers, so that it can't be the target of a regression."
        )
    with np.errstate(over="ignore"):
        y = values.astype(np.float32)
    kept = np.isfinite(y)
    if kept.any() and np.ptp(y[kept]) == 0:
        raise CutoffError(f"{name_label(target.columns[0])} has one value, so that there is nothing to predict.")
    return Labels(y, (), kept)


def _values(table: Table, column: str) -> Categories:
    """The different values of a column; raises CutoffError for more than MOST_CLASSES."""
    distinct = count_distinct(table.columns[column])
    if distinct > MOST_CLASSES:
        raise CutoffError(
            f"{name_label(column)} has {distinct:,} different values; the limit is {MOST_CLASSES} classes."
        )
    return categories(table.columns[column])


def _numbers(table: Table, column: str) -> NDArray[np.floating] | None:
    """A column as numbers; None if it holds anything else."""
    if pa.types.is_boolean(table.columns[column].type):
        return None
    found = numbers(table.columns[column], column)
    return None if found.unread else found.values


def _whole(values: NDArray[np.floating]) -> bool:
    known = values[np.isfinite(values)]
    return bool((known == np.round(known)).all())
