"""Columns of a table as numbers, labels and categories."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from numpy.typing import NDArray

PERCENT = re.compile(r"%\s*$")
TEXT_OF_BOOLEAN = {True: "true", False: "false"}


class Numbers(NamedTuple):
    """Values (N,) in their own floating dtype, NaN where there is none, and what was done to read them.

    unread: number of texts that are no number.
    """

    values: NDArray[np.floating]
    notes: tuple[str, ...] = ()
    unread: int = 0


class Categories(NamedTuple):
    """Codes (N,), -1 where there is no value, and the different values as text, in ascending order."""

    codes: NDArray[np.int64]
    values: tuple[str, ...]


def numbers(column: pa.ChunkedArray, name: str) -> Numbers:
    """A column as numbers. Of text, percentages are divided by 100 and commas are read as decimal points."""
    kind = column.type
    if kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind):
        if column.null_count or kinds.is_boolean(kind):
            column = column.cast(kind if kinds.is_floating(kind) else pa.float64())
        values = column.to_numpy()
        return Numbers(values if values.dtype.kind == "f" else values.astype(np.float64))
    if kinds.is_timestamp(kind):
        return Numbers(np.full(len(column), np.nan), unread=len(column))
    return _parsed(categories(column), name)


def _parsed(given: Categories, name: str) -> Numbers:
    """Numbers written as text; every different text is read once."""
    texts = [value.strip() for value in given.values]
    percent = bool(texts) and all(PERCENT.search(value) for value in texts)
    commas = any("," in value for value in texts) and not any("." in value for value in texts)
    read = np.array([_number(value, percent, commas) for value in texts] + [np.nan])
    found, known = read[given.codes], np.isfinite(read[:-1]) | np.array([_is_nan(value) for value in texts], bool)
    notes = []
    if known.any() and percent:
        notes.append(f"The percentages in {name} were divided by 100.")
    if known.any() and commas:
        notes.append(f"Commas in {name} were read as decimal points.")
    unread = np.append(~known, False)[given.codes].sum()
    return Numbers(found, tuple(notes), int(unread))


def _number(value: str, percent: bool, commas: bool) -> float:
    try:
        found = float((value.rstrip("% ") if percent else value).replace(",", "." if commas else ","))
    except ValueError:
        return np.nan
    return found / 100 if percent else found


def _is_nan(value: str) -> bool:
    return value.lower().lstrip("+-") in ("nan", "inf", "infinity")


def count_distinct(column: pa.ChunkedArray) -> int:
    """Number of different values, without missing ones."""
    if kinds.is_dictionary(column.type):
        return len(column.unify_dictionaries().chunk(0).dictionary) if column.num_chunks else 0
    return int(pc.count_distinct(column, mode="only_valid").as_py())


def categories(column: pa.ChunkedArray) -> Categories:
    """A column as categories; whole numbers are written without a point, and sorted as numbers."""
    kind = column.type
    if not kinds.is_dictionary(kind):
        column = pc.dictionary_encode(column)
    array = column.unify_dictionaries().combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    values = array.dictionary.to_pylist()
    missing = [at for at, value in enumerate(values) if value is None or value != value]
    order = sorted((at for at in range(len(values)) if at not in set(missing)), key=lambda at: _place(values[at]))
    place = np.full(len(values) + 1, -1, np.int64)
    place[order] = np.arange(len(order))
    return Categories(place[codes], tuple(as_text(values[at]) for at in order))


def _place(value: object) -> tuple[int, float, str]:
    """The place of a value in ascending order, numbers before text."""
    return (0, float(value), "") if isinstance(value, bool | int | float) else (1, 0.0, str(value))


def as_text(value: object) -> str:
    """A value as text: true and false, whole numbers without a point, everything else as Python writes it."""
    if isinstance(value, bool):
        return TEXT_OF_BOOLEAN[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def times(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    """A column as moments (N,), NaT where there is none; text as ISO 8601 has it, and numbers stay numbers."""
    if kinds.is_timestamp(column.type):
        return column.to_numpy()
    given = categories(column)
    read = np.array([_moment(value) for value in given.values] + [np.datetime64("NaT")], "datetime64[us]")
    return read[given.codes]


def _moment(value: str) -> np.datetime64:
    try:
        return np.datetime64(value.strip().removesuffix("Z"), "us")
    except ValueError:
        return np.datetime64("NaT")
