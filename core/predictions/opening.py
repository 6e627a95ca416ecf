"""From a table and the roles of its columns to a source of scores, checked once for the page, the shell and the API."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from core.data.tables import Table, listed, name_label
from core.data.tables.values import Categories, FileColumn, few_categories, is_number, numbers, read_only, times, truths
from core.errors import CutoffError
from core.evaluation.scores import Scores
from core.evaluation.source import ALL, About, ArraySource, RowColumns
from core.predictions.roles import SCALES, Roles
from core.text import counted

PARTS = {
    "validation": ("validation", "val", "valid", "dev", "tune", "tuning", "calibration"),
    "test": ("test", "testing", "holdout", "hold-out", "held-out", "oot", "eval"),
}
TRAIN = ("train", "training", "fit")
MOST_VALUES = 1_000  # different labels
LIMITS = {"probability": (0.0, 1.0), "percent": (0.0, 100.0), "log_probability": (-np.inf, 0.0)}
ROUNDING = 1e-5  # beyond the limits of a scale, as float32 leaves it; such scores are moved to the limit
FIRST_ROWS = 1_000  # that tell whether two columns are of the two classes
LARGEST_LOGIT = 36  # beyond it a sigmoid rounds to 0 or 1
SUM_TOLERANCE = 0.01  # of the probabilities of a row
NO_LABEL = "no label (an empty cell, NA or null)"
NO_SCORE = "no label or one that no score stands for"
WEIGHTS = (1e-30, 1e30)  # of which products of four sums are still numbers; a weight may also be 0


class CannotOpen(CutoffError):
    """Predictions that can't be opened with these roles.

    repair: roles with which they can, None if none are known; offer: what choosing those does, for a button.
    """

    def __init__(self, sentence: str, repair: Roles | None = None, offer: str = "") -> None:
        super().__init__(sentence)
        self.repair = repair
        self.offer = offer


@dataclass(frozen=True, eq=False)
class Opened:
    """A source of scores, and one sentence for each thing that was done on the way."""

    source: ArraySource
    notes: tuple[str, ...]


def open_predictions(table: Table, roles: Roles, about: About) -> Opened:
    """Check labels and scores, and make a source of them.

    Without a split column the source has one part, "all"; with one it has "validation", "test" or both, and rows of
    training are left out.

    Parameters
    ----------
    table : of a file, N rows.
    roles : of its columns.
    about : the label and the origin of the source.

    Returns
    -------
    The source with its columns, each row's place in the file, and notes.

    Raises
    ------
    CannotOpen, if a column does not hold what its role needs, if there is no row or only one class, or if rows have a
    missing label, score or weight and `roles.leave_out` is False.
    """
    if unknown := [name for name in roles.used if name not in table.names]:
        raise CannotOpen(f"The file has no column {name_label(unknown[0])}; it has {listed(table.names, 8)}.")
    notes = list(table.notes)
    y_true, names = _labels(table, roles)
    raw = _raw_scores(table, roles, notes)
    weight = _numbers(table, roles.weight, notes) if roles.weight else None
    kept = _whole_rows(roles, y_true, raw, weight, notes)
    parts = _parts(table, roles, notes)
    y_score = _transformed(raw if kept.all() else raw[kept], roles, notes)
    if roles.task == "binary" and roles.scale == "probability":
        notes += _other_class(table, roles, raw[:FIRST_ROWS, 0])
    y_true = y_true if kept.all() else y_true[kept]
    places = np.flatnonzero(kept)
    given: dict[str, Scores] = {}
    columns: dict[str, RowColumns] = {}
    rows: dict[str, NDArray[np.integer]] = {}
    for part, members in parts.items():
        inside = members if len(places) == len(members) else members[places]
        if not inside.any():
            continue
        every = bool(inside.all())
        rows[part] = places if every else places[inside]
        labels, scores = (y_true, y_score) if every else (y_true[inside], y_score[inside])
        given[part] = Scores(labels, scores, roles.task, names)
        columns[part] = _columns(table, roles, rows[part], weight, len(kept))
        _check_classes(given[part], part)
        if (weights := columns[part].weight) is not None:
            _check_weights(given[part], weights, roles, part)
    if not given:
        raise CannotOpen("No row is left to look at.")
    return Opened(ArraySource(given, columns, rows, about), tuple(notes))


def label_values(table: Table, column: str) -> Categories:
    """The different values of a column of labels; raises CannotOpen for more than MOST_VALUES."""
    found = few_categories(table.columns[column], MOST_VALUES)
    if found is None:
        raise CannotOpen(
            f"{name_label(column)} has more than {MOST_VALUES:,} different values; it does not hold labels."
        )
    return found


def _labels(table: Table, roles: Roles) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels, (N,) or (N, L), -1 where there is none, and the names of the classes."""
    if roles.task == "multilabel":
        return read_only(np.stack([_label(table, name) for name in roles.y_true], axis=1)), roles.names
    given = label_values(table, roles.y_true[0])
    if roles.task == "multiclass":
        place = {value: at for at, value in enumerate(roles.classes)}
        return given.mapped([place.get(value, -1) for value in given.values]), roles.names or roles.classes
    check_positive(given, roles)
    others = [value for value in given.values if value != roles.positive]
    y_true = given.mapped([int(value == roles.positive) for value in given.values])
    return y_true, (others[0] if len(others) == 1 else f"not {roles.positive}", roles.positive)


def check_positive(given: Categories, roles: Roles) -> None:
    """Raises CannotOpen unless the positive class is one of the values of the labels."""
    if roles.positive in given.values:
        return
    column = name_label(roles.y_true[0])
    if not given.values:
        raise CannotOpen(f"{column} holds no labels.")
    raise CannotOpen(f"{column} never is {name_label(roles.positive)}; its values are {listed(given.values)}.")


def _label(table: Table, column: str) -> NDArray[np.int64]:
    found = truths(label_values(table, column))
    if found is None:
        raise CannotOpen(
            f"Expected {name_label(column)} to be 1 where a row has the label and 0 elsewhere, but it has other values."
        )
    return found


def _numbers(table: Table, column: str, notes: list[str]) -> NDArray[np.floating]:
    found = numbers(table.columns[column], column)
    if found.unclear:
        raise CannotOpen(found.unclear)
    if found.unread == table.n_rows:
        raise CannotOpen(f"{name_label(column)} holds no numbers.")
    notes += found.notes
    return found.values


def _raw_scores(table: Table, roles: Roles, notes: list[str]) -> NDArray[np.floating]:
    """The scores as the file has them, (N, C)."""
    read = [_numbers(table, name, notes) for name in roles.y_score]
    return read[0][:, None] if len(read) == 1 else read_only(np.stack(read, axis=1))


def _whole_rows(
    roles: Roles, y_true: NDArray, raw: NDArray, weight: NDArray | None, notes: list[str]
) -> NDArray[np.bool_]:
    """Which rows have a label, scores and a weight, (N,); raises CannotOpen if any has not and stays."""
    if _all_whole(y_true, raw, weight):
        return np.ones(len(y_true), bool)
    scored = np.isfinite(raw) | (np.isneginf(raw) if roles.scale == "log_probability" else False)
    missing = {
        NO_LABEL if roles.task == "binary" else NO_SCORE: _any(y_true < 0),
        "a missing or infinite score": _any(~scored),
    }
    if weight is not None:
        missing["a weight that is missing, negative or infinite"] = ~(np.isfinite(weight) & (weight >= 0))
    found = {what: int(which.sum()) for what, which in missing.items() if which.any()}
    kept = ~np.logical_or.reduce(list(missing.values()))
    if not found:
        return kept
    left_out = int((~kept).sum())
    said = " and ".join(f"{count:,} with {what}" for what, count in found.items())
    if not kept.any():
        raise CannotOpen(f"No row has a label and scores: there are {said}.")
    rows = counted(left_out, "row")
    if not roles.leave_out:
        raise CannotOpen(
            f"Of {counted(len(kept), 'row')} there {'is' if left_out == 1 else 'are'} {said}.",
            replace(roles, leave_out=True),
            f"Leave {rows} out",
        )
    notes.append(f"{rows} left out: {said}.")
    return kept


def _all_whole(y_true: NDArray, raw: NDArray, weight: NDArray | None) -> bool:
    """Whether surely no row lacks anything; min and max are NaN if any value is."""
    if y_true.min() < 0 or not (np.isfinite(raw.min()) and np.isfinite(raw.max())):
        return False
    return weight is None or bool(weight.min() >= 0 and np.isfinite(weight.max()))


def _any(which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return which if which.ndim == 1 else np.logical_or.reduce(which, axis=1)


def _transformed(raw: NDArray[np.floating], roles: Roles, notes: list[str]) -> NDArray[np.floating]:
    """Scores (N, C) as probabilities, or margins as they are."""
    if roles.scale == "margin":
        return -raw if roles.opposite else raw
    low, high = (float(raw.min()), float(raw.max())) if raw.size else (0.0, 0.0)
    least, most = LIMITS.get(roles.scale, (-np.inf, np.inf))
    if not (least - ROUNDING <= low and high <= most + ROUNDING):
        raise CannotOpen(
            f"The scores are not {SCALES[roles.scale]}: they go from {low:.4g} to {high:.4g}.",
            replace(roles, scale="margin", trained_weight=1.0),
            "Take them as margins",
        )
    p = _probabilities(raw if least <= low and high <= most else np.clip(raw, least, most), roles)
    if roles.opposite:
        p = 1 - p.astype(np.float64)
    if roles.trained_weight != 1:
        with np.errstate(divide="ignore"):
            p = expit(logit(p.astype(np.float64)) - np.log(roles.trained_weight))
        notes.append(f"Converted back to probabilities from a weight of {roles.trained_weight:g} in training.")
    if roles.task == "multiclass" and p.size:
        sums = p.sum(axis=1, dtype=np.float64)
        if (off := np.abs(sums - 1) > SUM_TOLERANCE).any():
            span = f"{sums.min():.3g} to {sums.max():.3g}"
            rows = counted(off.sum(), "row")
            notes.append(f"In {rows} the probabilities do not sum to 1, but to {span}. They are taken as they are.")
    return p


def _other_class(table: Table, roles: Roles, score: NDArray[np.floating]) -> list[str]:
    """A sentence for each unused column that holds 1 - score, by the first scores (M,)."""
    unused = [name for name in table.names if name not in roles.used and is_number(table.columns[name].type)]
    firsts = {name: numbers(table.columns[name].slice(0, len(score)), name).values for name in unused}
    others = [name_label(name) for name, values in firsts.items() if _sum_to_one(values, score)]
    own = name_label(roles.y_score[0])
    return [
        f"{name_label(name)} is the probability of the other class, 1 minus {own}, and not used." for name in others
    ]


def _sum_to_one(one: NDArray[np.floating], other: NDArray[np.floating]) -> bool:
    """Whether two columns (M,) of different numbers are the probabilities of two classes."""
    whole = np.isfinite(one) & np.isfinite(other)
    one, other = one[whole], other[whole]
    return len(one) > 0 and np.ptp(one) > 0 and bool(np.abs(one + other - 1).max() <= SUM_TOLERANCE)


def _probabilities(raw: NDArray[np.floating], roles: Roles) -> NDArray[np.floating]:
    if roles.scale == "probability":
        return raw
    scores = raw.astype(np.float64)
    if roles.scale == "percent":
        return scores / 100
    if roles.scale == "log_probability":
        return np.exp(scores)
    return np.asarray(softmax(scores, axis=1) if roles.task == "multiclass" else expit(scores))


def _parts(table: Table, roles: Roles, notes: list[str]) -> dict[str, NDArray[np.bool_]]:
    """Which rows each part has, (N,) by part."""
    if roles.split is None:
        return {ALL: np.ones(table.n_rows, bool)}
    given = label_values(table, roles.split)
    part_of = {value: part for part, values in PARTS.items() for value in values} | dict.fromkeys(TRAIN, "train")
    parts = [part_of.get(value.strip().lower(), "") for value in given.values]
    if unknown := [value for value, part in zip(given.values, parts, strict=True) if not part]:
        raise CannotOpen(
            f"{name_label(roles.split)} may be validation, test or train, but it also is {listed(unknown)}.",
            replace(roles, split=None),
            "Open all rows as one part",
        )
    codes = np.array([*parts, ""])[given.codes]
    left_out = int(np.isin(codes, ["train", ""]).sum())
    if left_out:
        notes.append(f"{counted(left_out, 'row')} of training, or without a split, left out.")
    return {part: codes == part for part in PARTS}


def _check_classes(scores: Scores, part: str) -> None:
    if (only := _only_class(scores, scores.y_true)) is not None:
        raise CannotOpen(f"Every row{_of(part)} is {only}; there must be two classes.")


def _check_weights(scores: Scores, weight: NDArray[np.floating], roles: Roles, part: str) -> None:
    name, counted_rows = name_label(roles.weight or ""), weight > 0
    low, high = WEIGHTS
    if not counted_rows.any():
        said = f"Every weight{_of(part)} in {name} is 0."
    elif weight[counted_rows].min() < low or weight.max() > high:
        outside = weight[counted_rows & ((weight < low) | (weight > high))][0]
        said = f"A weight must be 0 or from {low:g} to {high:g}, but {name} has {outside:.3g}."
    elif (only := _only_class(scores, scores.y_true[counted_rows])) is not None:
        said = f"Every row{_of(part)} with a weight above 0 is {only}; there must be two classes."
    else:
        return
    raise CannotOpen(said, replace(roles, weight=None), "Count every row once")


def _only_class(scores: Scores, y_true: NDArray[np.int64]) -> str | None:
    """The class that all of these rows (M,) have, M >= 1; None where there are two, and for several labels."""
    if scores.task == "multilabel" or (y_true != y_true[0]).any():
        return None
    return scores.class_names[int(y_true[0])]


def _of(part: str) -> str:
    return "" if part == ALL else f" of {part}"


def _columns(
    table: Table, roles: Roles, rows: NDArray[np.integer], weight: NDArray[np.floating] | None, n_rows: int
) -> RowColumns:
    """The other columns of a part's rows."""
    taken = None if len(rows) == n_rows else rows

    def values(all_rows: NDArray) -> NDArray:
        return all_rows if taken is None else all_rows[taken]

    def column(name: str) -> FileColumn:
        found = table.columns[name]
        return FileColumn(found if taken is None else found.take(pa.array(taken)))

    others = (name for name in table.names if name not in roles.used)
    return RowColumns(
        weight=None if weight is None else values(weight),
        groups={name: column(name) for name in roles.groups},
        amount=None if roles.amount is None else values(_numbers(table, roles.amount, [])),
        time=None if roles.time is None else values(_times(table, roles.time)),
        id=None if roles.id is None else column(roles.id),
        others={name: column(name) for name in others},
    )


def _times(table: Table, column: str) -> NDArray:
    found = times(table.columns[column])
    if pd.isna(found).all():
        raise CannotOpen(f"{name_label(column)} holds no times; write them as 2024-01-31 or 2024-01-31 18:30.")
    return found
