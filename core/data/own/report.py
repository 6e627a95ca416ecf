"""What becomes of each column of a table: how it is encoded, whether it is worth keeping, and whether it leaks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from core.data.own.features import MOST_CATEGORIES, Feature, Kind, feature
from core.data.own.target import Target, labels
from core.data.tables import Table
from core.data.tables.values import count_distinct

LEAK = 0.995  # a column that alone gives a greater ROC-AUC or R2 may hold the answer
MOST_MISSING = 0.95  # share of rows without a value above which a column says almost nothing
MOST_DIFFERENT = 0.9  # share of rows with a value of their own above which text names rows
FEWEST = 20  # rows from which on values that all differ are no chance
SAMPLE, FEWEST_SAMPLED = 4_000, 400  # rows that leaks are looked for in: fewer of many columns
SAMPLED_VALUES = 400_000  # of all columns together


@dataclass(frozen=True)
class ColumnReport:
    """A column of a table as it enters training.

    use : "target", or what kind of feature it is.
    width : the largest number of features that it is encoded as, 0 for a target.
    missing, distinct : rows without a value, and different values.
    remark : one sentence or "".
    useless : whether it is better left out: the same value in each row, almost no value, or a value for each row.
    alone : ROC-AUC or R2 that the column gives alone, if it is above LEAK; else None.
    """

    name: str
    use: Kind | Literal["target"]
    width: int
    missing: int
    distinct: int
    remark: str = ""
    useless: bool = False
    alone: float | None = None


def report(table: Table, target: Target) -> tuple[ColumnReport, ...]:
    """The report on each column, in the order of the table; raises CutoffError as `labels` does.

    Leaks are looked for in SAMPLE rows, or fewer of a table with many columns.
    """
    found = labels(table, target)
    most = max(FEWEST_SAMPLED, min(SAMPLE, SAMPLED_VALUES // len(table.names)))
    sample = _sample(found.y, target, most)
    rows = np.flatnonzero(found.kept)
    reports = []
    for name in table.names:
        distinct = count_distinct(table.columns[name])
        if name in target.columns:
            missing = table.columns[name].null_count
            reports.append(ColumnReport(name, "target", 0, missing, distinct, " ".join(found.notes)))
            continue
        one = feature(table, name)
        about = ColumnReport(name, one.kind, one.width, one.missing, distinct)
        if said := _useless(table, one, distinct):
            reports.append(replace(about, remark=said, useless=True))
            continue
        alone = _alone(one, rows[sample], found.y[sample], target)
        measure = "R2" if target.task == "regression" else "ROC-AUC"
        if alone > LEAK:
            said = f"It alone gives {measure} {alone:.4f}, so it may hold the answer."
            reports.append(replace(about, remark=said, alone=alone))
        else:
            reports.append(replace(about, remark=_encoding(one, distinct)))
    return tuple(reports)


def _useless(table: Table, one: Feature, distinct: int) -> str:
    """Why a column is better left out; "" if it is not."""
    rows = len(one.values)
    if one.missing == rows:
        return "No value in any row."
    if one.missing > MOST_MISSING * rows:
        return f"No value in {one.missing / rows:.1%} of the rows."
    if distinct == 1 and not one.missing:
        return "The same value in every row."
    if rows < FEWEST:
        return ""
    if one.kind == "category" and distinct > MOST_DIFFERENT * rows:
        return "A different value in almost every row, as names or free text have."
    if pa.types.is_integer(table.columns[one.name].type) and (np.diff(one.values) > 0).all():
        return "Rises from row to row, as an id does."
    return ""


def _encoding(one: Feature, distinct: int) -> str:
    """What is done to a column that is more than standardising."""
    said = {"number": "", "date": "Days since 1970.", "category": "One feature for each value."}[one.kind]
    if one.kind == "category" and one.width == MOST_CATEGORIES < distinct:
        said = f"One feature for each of the {MOST_CATEGORIES - 1} most frequent values, one for the others."
    if one.missing and one.kind == "category":
        said += " Missing is a value."
    elif one.missing:
        said += " The median where it is missing, and a feature that says where."
    return said.strip()


def _sample(y: NDArray, target: Target, most: int) -> NDArray[np.int64]:
    """Up to `most` rows, evenly spread; of two classes up to half of it each."""
    if target.task != "binary":
        return _spread(np.arange(len(y)), most)
    return np.sort(np.concatenate([_spread(np.flatnonzero(y == label), most // 2) for label in (0, 1)]))


def _spread(rows: NDArray[np.integer], most: int) -> NDArray[np.int64]:
    step = max(1, -(-len(rows) // most))
    return rows[::step].astype(np.int64)


def _alone(one: Feature, rows: NDArray[np.integer], y: NDArray, target: Target) -> float:
    """ROC-AUC, of several classes the mean and of several labels the maximum, or R2 that a column gives alone.

    By a decision tree in two folds, which also finds what is not monotone and what missing values tell; for numbers
    first by their order or along a line, as exactly as can be.
    """
    x = one.values[rows]
    if target.task == "regression":
        exact = _along_a_line(x, y)
        return exact if exact > LEAK else max(exact, _of_values(x, y))
    if target.task == "multiclass":
        return _of_classes(x, y)
    return max(_of_two(x, label, one.kind) for label in y.reshape(len(y), -1).T)


def _of_two(x: NDArray[np.float64], y: NDArray[np.integer], kind: Kind) -> float:
    exact = 0.0 if kind == "category" else _by_order(x, y)
    return exact if exact > LEAK else max(exact, _of_classes(x, y))


def _of_classes(x: NDArray[np.float64], y: NDArray[np.integer]) -> float:
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2 or np.bincount(codes).min() < 2:
        return 0.0
    tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
    p = np.empty((len(y), len(classes)))
    for held_out in _folds(codes):
        p[held_out] = tree.fit(x[~held_out, None], codes[~held_out]).predict_proba(x[held_out, None])
    return float(np.mean([roc_auc_score(codes == at, p[:, at]) for at in range(len(classes))]))


def _of_values(x: NDArray[np.float64], y: NDArray[np.floating]) -> float:
    if len(y) < 4:
        return 0.0
    tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0)
    predicted = np.empty(len(y))
    for held_out in _folds(np.zeros(len(y), np.int64)):
        predicted[held_out] = tree.fit(x[~held_out, None], y[~held_out]).predict(x[held_out, None])
    return float(r2_score(y, predicted))


def _folds(codes: NDArray[np.integer]) -> Iterator[NDArray[np.bool_]]:
    """Each of two random halves of the rows, (N,), with half of each class."""
    shuffled = np.random.default_rng(0).permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    half = np.zeros(len(codes), bool)
    half[by_class[::2]] = True
    yield half
    yield ~half


def _by_order(x: NDArray[np.float64], y: NDArray[np.integer]) -> float:
    """ROC-AUC of the values or of their opposites, on the rows that have one."""
    known = np.isfinite(x)
    if len(np.unique(y[known])) < 2:
        return 0.0
    area = float(roc_auc_score(y[known] == 1, x[known]))
    return max(area, 1 - area)


def _along_a_line(x: NDArray[np.float64], y: NDArray[np.floating]) -> float:
    """R2 of the least-squares line, on the rows that have a value."""
    known = np.isfinite(x)
    if known.sum() < 3 or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        return 0.0
    with warnings.catch_warnings():  # of columns whose deviation is too small for floats
        warnings.simplefilter("ignore")
        r = np.corrcoef(x[known], y[known])[0, 1]
    return float(np.nan_to_num(r) ** 2)
