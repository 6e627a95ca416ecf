"""What the columns of a file most likely are, by their names and values, and what only its owner can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.data.tables import Table, listed
from core.data.tables.names import GROUP, SCORE, TRUE, endings, family, plain
from core.data.tables.values import (
    NO,
    YES,
    Categories,
    count_distinct,
    is_number,
    likely_positive,
    numbers,
    reads_as_numbers,
    times,
)
from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex
from core.evaluation.intervals import roc_auc_interval
from core.predictions.opening import LARGEST_LOGIT, PARTS, ROUNDING, SUM_TOLERANCE, TRAIN, check_positive, label_values
from core.predictions.roles import Roles, Scale

Question = Literal["positive", "scale", "opposite"]

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "weight": ("weight", "sample_weight", "weights", "w"),
    "id": ("id", "row", "row_id", "uuid", "key", "index"),
    "amount": ("amount", "value", "price", "cost"),
    "time": ("time", "timestamp", "date", "datetime", "day", "month"),
    "split": ("split", "part", "fold", "subset"),
}
SURE = {"0", "1"}  # labels of which 1 is positive without asking
MOST_GROUPS = 50
SAMPLE = 20_000  # rows that scales are recognised on
HEAD = 1_000  # rows in which labels repeat


class NoScores(CutoffError):
    """A table without a column that can be scores."""


@dataclass(frozen=True)
class Guess:
    """The likely roles, and what is to be asked since it can be mistaken.

    questions: "positive" for labels other than 0 and 1, "scale" for scores other than probabilities, "opposite" for a
    ROC-AUC whose 95% interval is below 0.5. labels: the different values of the labels of a binary task.
    """

    roles: Roles
    questions: tuple[Question, ...] = ()
    labels: tuple[str, ...] = ()


def guess(table: Table, y_true: tuple[str, ...] = (), y_score: tuple[str, ...] = ()) -> Guess:
    """The likely roles of the columns of a table.

    y_true, y_score : columns of labels and of scores where they are known; of several, in the same order.

    Raises CutoffError, with what is missing, if it has no labels or no scores; NoScores if it has none that look like
    scores: none that are named so, in [0, 1] or named as the classes.
    """
    if unknown := [name for name in (*y_true, *y_score) if name not in table.names]:
        raise CutoffError(f"The file has no column {unknown[0]}; it has {listed(table.names, 8)}.")
    others = {role: name for role, name in _others(table).items() if name not in (*y_true, *y_score)}
    left = [name for name in table.names if name not in others.values()]
    try:
        truth_columns, score_columns = _labels_and_scores(table, left, y_true, y_score)
    except CutoffError:
        if "amount" not in others:
            raise
        left = [name for name in table.names if name in left or name == others["amount"]]
        del others["amount"]  # in "label,value" it is the score
        truth_columns, score_columns = _labels_and_scores(table, left, y_true, y_score)
    groups = _groups(table, [name for name in left if name not in (*truth_columns, *score_columns)])
    several = len(truth_columns) > 1 or len(score_columns) > 2
    if not several and len(score_columns) == 2:
        several = len(label_values(table, truth_columns[0]).values) > 2
    given = None if several else label_values(table, truth_columns[0])
    roles = _one(given, truth_columns, score_columns) if given else _several(table, truth_columns, score_columns)
    roles = replace(
        roles,
        groups=groups,
        weight=others.get("weight"),
        id=others.get("id"),
        amount=others.get("amount"),
        time=others.get("time"),
        split=others.get("split"),
    )
    if roles.task == "binary":
        return guess_binary(table, roles, given)
    roles = replace(roles, scale=recognise_scale(table, score_columns, several=roles.task == "multiclass"))
    return Guess(roles, () if roles.scale == "probability" else ("scale",))


def _one(given: Categories, truth_columns: tuple[str, ...], score_columns: tuple[str, ...]) -> Roles:
    """The roles of a binary task; of the scores of both classes those of the positive one."""
    positive = likely_positive(given)
    return Roles("binary", truth_columns, (_score_of(positive, given, score_columns),), positive)


def _score_of(positive: str, given: Categories, columns: tuple[str, ...]) -> str:
    """The column of the scores of the positive class: by its name, or else by its place among the classes."""
    if len(columns) == 1 or len(given.values) != 2:
        return columns[-1]
    return columns[_classes(given, columns).index(positive)]


def _several(table: Table, truth_columns: tuple[str, ...], score_columns: tuple[str, ...]) -> Roles:
    """The roles of a multi-class or multi-label task."""
    if len(truth_columns) > 1:
        return Roles("multilabel", truth_columns, score_columns, names=tuple(endings(score_columns)[0]))
    classes = _classes(label_values(table, truth_columns[0]), score_columns)
    names = endings(score_columns)[0]
    numbered = classes == tuple(str(at) for at in range(len(names))) and tuple(names) != score_columns
    return Roles("multiclass", truth_columns, score_columns, classes=classes, names=tuple(names) if numbered else ())


def guess_binary(table: Table, roles: Roles, given: Categories | None = None) -> Guess:
    """Complete the roles of a binary task whose columns and positive class are chosen: scale and questions. `given` are
    the labels, if they have been read."""
    values = given or label_values(table, roles.y_true[0])
    check_positive(values, roles)
    scale = recognise_scale(table, roles.y_score, several=False)
    roles = replace(roles, scale=scale)
    questions: list[Question] = []
    if not set(values.values) <= SURE:
        questions.append("positive")
    if scale != "probability":
        questions.append("scale")
    if _seems_opposite(table, roles, values):
        questions.append("opposite")
    return Guess(roles, tuple(questions), values.values)


def recognise_scale(table: Table, columns: Sequence[str], several: bool) -> Scale:
    """What scores most likely are, by their range and the sums of their rows; `several` for those of several classes.

    In [0, 1]: probabilities. Not above 0, with exp(scores) that sum to 1, or named so: log-probabilities. In [0, 100]:
    percentages, if the rows sum to 100 or one column is above 1 by much. Otherwise logits; margins
    if named so, or where a sigmoid would round to 0 or 1.
    """
    sample = np.stack([_sample(table, name) for name in columns], axis=1)
    sample = sample[np.isfinite(sample).all(axis=1)]
    if not len(sample):
        return "probability"
    low, high = sample.min(), sample.max()
    named = " ".join(columns).lower()
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return "probability"
    if high <= 0 and ("log_p" in named or "logp" in named or (several and _sum_to(np.exp(sample), 1))):
        return "log_probability"
    if "margin" in named or "decision" in named:
        return "margin"
    if low >= 0 and high <= 100 and (_sum_to(sample, 100) if several else high > 20 or "percent" in named):
        return "percent"
    return "margin" if not several and max(-low, high) > LARGEST_LOGIT else "logit"


def _sum_to(rows: NDArray[np.float64], total: float) -> bool:
    return bool((np.abs(rows.sum(axis=1) - total) <= SUM_TOLERANCE * total).mean() > 0.9)


def _sample(table: Table, name: str) -> NDArray[np.float64]:
    """Up to SAMPLE values of a column, evenly spread."""
    column = table.columns[name]
    step = max(1, len(column) // SAMPLE)
    taken = column.take(pa.array(np.arange(0, len(column), step))) if step > 1 else column
    return numbers(taken, name).values.astype(np.float64)


def _others(table: Table) -> dict[str, str]:
    """The columns with a role of their own by name, and the first column of dates."""
    found: dict[str, str] = {}
    for role, names in OTHER_NAMES.items():
        fitting = [name for name in table.names if plain(name) in names and name not in found.values()]
        if role in ("weight", "amount"):
            fitting = [name for name in fitting if is_number(table.columns[name].type)]
        if role == "split":
            fitting = [name for name in fitting if _is_split(table, name)]
        if role == "time":
            fitting = [name for name in fitting if not pd.isna(times(table.columns[name].slice(0, SAMPLE))).all()]
        if role == "time" and not fitting:
            fitting = [name for name in table.names if pa.types.is_timestamp(table.columns[name].type)]
        if fitting:
            found[role] = fitting[0]
    return found


def _is_split(table: Table, name: str) -> bool:
    """Whether any value names a part; one that names none is then complained of, and not passed over."""
    if is_number(table.columns[name].type):
        return False
    known = {*TRAIN, *(value for values in PARTS.values() for value in values)}
    try:
        return not known.isdisjoint(value.strip().lower() for value in label_values(table, name).values)
    except CutoffError:
        return False


def _labels_and_scores(
    table: Table, names: Sequence[str], y_true: tuple[str, ...], y_score: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of labels and of scores, given or guessed; raises CutoffError if there are none."""
    truth_columns = y_true or family([name for name in names if name not in y_score], TRUE)
    score_columns = y_score or family([name for name in names if name not in truth_columns], SCORE)
    numeric = [name for name in names if is_number(table.columns[name].type) or reads_as_numbers(table.columns[name])]
    unnamed = not score_columns
    if unnamed:
        score_columns = _unnamed_scores(table, [name for name in numeric if name not in truth_columns])
    ids = () if y_true else tuple(name for name in truth_columns if _like_an_id(table, name, len(score_columns)))
    truth_columns = tuple(name for name in truth_columns if name not in ids)
    if not truth_columns:
        rest = [name for name in names if name not in (*score_columns, *ids) and _few_values(table, name)]
        rest = [name for name in rest if not _like_an_id(table, name, len(score_columns))]
        truth_columns = tuple(sorted(rest, key=lambda name: _likeness_to_labels(_distinct(table, name)))[:1])
    if not truth_columns and ids and score_columns:
        raise CutoffError(f"{listed(ids[:1])} has a different value in every row, like an id. Choose the labels.")
    if not truth_columns and not score_columns:
        raise CutoffError(f"Found neither labels nor scores among {listed(names, 8)}.")
    if not truth_columns:
        raise CutoffError(f"Found no column of labels beside the scores {listed(score_columns)}.")
    if not score_columns:
        raise NoScores(f"Found no column of scores beside the labels {listed(truth_columns)}.")
    if unnamed and len(truth_columns) == 1 and not _like_scores(table, truth_columns[0], score_columns):
        raise NoScores(f"No column looks like scores of the labels {listed(truth_columns)}.")
    if not y_true and len(truth_columns) > 1 and len(truth_columns) != len(score_columns):
        if any(set(ends) & set(wanted) for ends, wanted in product(endings(score_columns), endings(truth_columns))):
            raise CutoffError(
                f"Each column of labels needs one of scores, but there are {len(truth_columns)} of labels, "
                f"{listed(truth_columns)}, and {len(score_columns)} of scores, {listed(score_columns)}."
            )
        truth_columns = truth_columns[:1]
    return truth_columns, _paired(truth_columns, score_columns)


def _unnamed_scores(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Of columns of numbers those that most likely are scores: with many values, in [0, 1] if any is; else the last."""
    many = [name for name in names if not _few_values(table, name)]
    inside = [name for name in many if recognise_scale(table, [name], several=False) == "probability"]
    return tuple(inside or many or names[-1:])


def _like_scores(table: Table, truth: str, columns: tuple[str, ...]) -> bool:
    """Whether columns that are not named as scores can be some: one alone, or in [0, 1], or named as the classes."""
    if len(columns) == 1 or recognise_scale(table, columns, several=False) == "probability":
        return True
    values = {plain(value) for value in label_values(table, truth).values}
    return any(values <= {plain(name) for name in names} for names in endings(columns))


def _paired(truth_columns: tuple[str, ...], score_columns: tuple[str, ...]) -> tuple[str, ...]:
    """Scores in the order of the labels that they have the suffix of, if they all have one."""
    if len(truth_columns) < 2:
        return score_columns
    for ends, wanted in product(endings(score_columns), endings(truth_columns)):
        if set(ends) == set(wanted):
            return tuple(score_columns[ends.index(end)] for end in wanted)
    return score_columns


def _classes(given: Categories, columns: Sequence[str]) -> tuple[str, ...]:
    """The label that each score column stands for: by the names of the columns, or else in ascending order."""
    by_value = {plain(value): value for value in given.values}
    for names in endings(columns):
        if len(by_value) == len(given.values) and set(by_value) <= {plain(name) for name in names}:
            return tuple(by_value.get(plain(name), name) for name in names)
    words = {value for value in by_value if not value.isdecimal()}
    alike = any(words & {plain(name) for name in names} for names in endings(columns))
    if len(given.values) == len(columns) and not alike:
        return given.values
    if all(value.isdecimal() and int(value) < len(columns) for value in given.values):
        return tuple(str(at) for at in range(len(columns)))
    raise CutoffError(
        f"The labels {listed(given.values)} do not fit the {len(columns)} columns of scores {listed(columns)}."
    )


def _seems_opposite(table: Table, roles: Roles, values: Categories) -> bool:
    """Whether the 95% interval of ROC-AUC, on up to SAMPLE rows of a binary task, lies below 0.5."""
    step = max(1, table.n_rows // SAMPLE)
    codes = values.codes[::step]
    score = _sample(table, roles.y_score[0])[: len(codes)]
    whole = np.isfinite(score) & (codes >= 0)
    positive = codes[whole] == values.values.index(roles.positive)
    area, _, high = roc_auc_interval(ScoreIndex.of(positive, score[whole]), 0.95)
    return area < 0.5 and not high >= 0.5


def _groups(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Columns that part the rows: named as a group, or text with few different values."""
    text = [name for name in names if pa.types.is_dictionary(table.columns[name].type)]
    return tuple(
        name
        for name in names
        if (plain(name) in GROUP or name in text) and 1 < len(_distinct(table, name)) <= MOST_GROUPS
    )


def _few_values(table: Table, name: str) -> bool:
    """Whether a column can be labels: a few values, no fractions."""
    values = _distinct(table, name)
    fractions = pa.types.is_floating(table.columns[name].type) and any("." in value for value in values)
    return 1 < len(values) <= MOST_GROUPS and not fractions


def _like_an_id(table: Table, name: str, n_scores: int) -> bool:
    """Whether a column has another value in each row, and more than there are classes."""
    first = table.columns[name].slice(0, HEAD)  # which mostly tell already
    if table.n_rows <= max(2, n_scores) or count_distinct(first) < len(first):
        return False
    return len(_distinct(table, name)) == table.n_rows


def _likeness_to_labels(values: tuple[str, ...]) -> tuple[bool, int]:
    """What labels have least of: values other than 0, 1, yes and no, and different ones."""
    return not {value.lower() for value in values} <= {*YES, *NO}, len(values)


def _distinct(table: Table, name: str) -> tuple[str, ...]:
    """The different values of a column, none if there are very many."""
    try:
        return label_values(table, name).values
    except CutoffError:
        return ()
