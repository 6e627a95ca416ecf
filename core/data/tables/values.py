"""Columns of tables as numbers, labels, categories and times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from numpy.typing import NDArray

from core.data.tables import name_label, notation
from core.data.tables.dictionaries import compact
from core.data.tables.names import POSITIVE

YES, NO = ("1", "true", "yes", "y", "t"), ("0", "-1", "false", "no", "n", "f")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
PERCENT = re.compile(r"%\s*$")
TEXT_OF_BOOLEAN = {True: "true", False: "false"}
HEAD = 10  # rows that tell a column of numbers from one of labels, as a multiple of the most labels
WIDEST = 2_000  # range of whole numbers that are counted, not hashed
FIRST_TEXTS = 1_000  # different texts that tell a column of numbers from one of words


class Numbers(NamedTuple):
    """Values (N,) in their own floating dtype, NaN where there is none, and what was done to read them.

    unread: number of texts that are no number. unclear: why none was read, where they may be either of two numbers.
    """

    values: NDArray[np.floating]
    notes: tuple[str, ...] = ()
    unread: int = 0
    unclear: str = ""


class Categories(NamedTuple):
    """Codes (N,), -1 where there is no value, and the different values as text, in ascending order."""

    codes: NDArray[np.int64]
    values: tuple[str, ...]

    def mapped(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """The number of each row's value, (N,), given one for each value; -1 where there is no value."""
        if list(numbers) == list(range(len(self.values))):
            return self.codes
        return read_only(np.array([*numbers, -1], np.int64)[self.codes])


def read_only(array: NDArray) -> NDArray:
    """The array itself, which nobody else writes to, so that `Scores` need not copy it."""
    array.flags.writeable = False
    return array


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type has integers or floating-point numbers."""
    return bool(kinds.is_floating(kind) or kinds.is_integer(kind))


def numbers(column: pa.ChunkedArray, name: str) -> Numbers:
    """A column as numbers. Of text, percentages are divided by 100, and signs are read as decimal points or thousands
    separators, whichever fits all values."""
    kind = column.type
    if is_number(kind) or kinds.is_boolean(kind):
        if column.null_count or kinds.is_boolean(kind):
            column = column.cast(kind if kinds.is_floating(kind) else pa.float64(), safe=False)
        values = column.to_numpy()
        return Numbers(values if values.dtype.kind == "f" else values.astype(np.float64))
    if kinds.is_timestamp(kind):
        return Numbers(np.full(len(column), np.nan), unread=len(column) - column.null_count)
    return _parsed(categories(column), name)


def _parsed(given: Categories, name: str) -> Numbers:
    """Numbers written as text; every different text is read once."""
    percent = bool(given.values) and all(PERCENT.search(value) for value in given.values)
    found = notation.read(value.rstrip("% ") if percent else value for value in given.values)
    if found.unclear:
        said = f"In {name_label(name)} {notation.question(found.unclear)}"
        return Numbers(np.full(len(given.codes), np.nan), unread=int((given.codes >= 0).sum()), unclear=said)
    read = np.append(found.values / 100 if percent else found.values, np.nan)
    known = np.isfinite(read[:-1]) | np.array([_is_not_finite(value) for value in given.values], bool)
    notes = notation.notes(found, name_label(name))
    if known.any() and percent:
        notes.append(f"The percentages in {name_label(name)} were divided by 100.")
    unread = np.append(~known, False)[given.codes].sum()
    return Numbers(read[given.codes], tuple(notes), int(unread))


def _is_not_finite(value: str) -> bool:
    return value.lower().lstrip("+-") in ("nan", "inf", "infinity")


def reads_as_numbers(column: pa.ChunkedArray) -> bool:
    """Whether a column of text holds numbers only, such as "12,5" or "3%", by its first different texts."""
    if not kinds.is_dictionary(column.type):
        return False
    first = column.chunk(0).dictionary.slice(0, FIRST_TEXTS)
    return len(first) > 0 and numbers(pa.chunked_array([first.dictionary_encode()]), "").unread == 0


def few_categories(column: pa.ChunkedArray, most: int) -> Categories | None:
    """A column as categories; None if it has more than `most` different values."""
    if kinds.is_dictionary(column.type):
        return None if len(_encoded(column).dictionary) > most else categories(column)
    if len(column) > HEAD * most and len(pc.unique(column.slice(0, HEAD * most))) > most + 1:  # with a missing one
        return None
    found = categories(column)
    return None if len(found.values) > most else found


def categories(column: pa.ChunkedArray) -> Categories:
    """A column as categories: text without spaces around it, whole numbers without a point, and sorted as numbers."""
    if kinds.is_integer(column.type) and not column.null_count and (found := _whole_numbers(column)):
        return found
    array = _encoded(column)
    codes = array.indices.fill_null(len(array.dictionary)).to_numpy(zero_copy_only=False)
    kind = array.dictionary.type
    values = (array.dictionary.cast(pa.large_string()) if kinds.is_timestamp(kind) else array.dictionary).to_pylist()
    texts = [None if value is None or value != value else as_text(value) for value in values]
    first = {text: value for text, value in zip(reversed(texts), reversed(values), strict=True) if text}
    ordered = sorted(first, key=lambda text: _place(first[text]))
    place: dict[str | None, int] = {text: at for at, text in enumerate(ordered)}
    at_code = np.array([place.get(text, -1) for text in texts] + [-1], np.int64)
    return Categories(read_only(at_code[codes]), tuple(ordered))


def _whole_numbers(column: pa.ChunkedArray) -> Categories | None:
    """Categories of whole numbers that lie close together, as labels do, without hashing any; None for others."""
    ends = pc.min_max(column)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is None or high - low > WIDEST:
        return None
    values = column.to_numpy().astype(np.int64, copy=False)
    above = values - low if low else values
    found = np.bincount(above) > 0
    codes = above if found.all() else (np.cumsum(found) - 1)[above]
    return Categories(read_only(codes), tuple(str(low + at) for at in np.flatnonzero(found).tolist()))


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if kinds.is_dictionary(column.type):
        return compact(column.combine_chunks())
    return column.dictionary_encode().unify_dictionaries().combine_chunks()


def count_distinct(column: pa.ChunkedArray) -> int:
    """Number of different values, without missing ones."""
    if kinds.is_dictionary(column.type):
        return len(_encoded(column).dictionary)
    nan = kinds.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py()
    return int(pc.count_distinct(column, mode="only_valid").as_py()) - bool(nan)


def _place(value: object) -> tuple[int, float, str]:
    """The place of a value in ascending order, numbers before text."""
    return (0, float(value), "") if isinstance(value, bool | int | float) else (1, 0.0, str(value))


def as_text(value: object) -> str:
    """A value as text: true and false, whole numbers without a point, everything else as Python writes it, without
    spaces around it."""
    if isinstance(value, bool):
        return TEXT_OF_BOOLEAN[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).strip()


def times(column: pa.ChunkedArray) -> NDArray:
    """A column as moments (N,), NaT where there is none, text as ISO 8601 has it; numbers stay numbers."""
    if kinds.is_timestamp(column.type):
        return column.to_numpy()
    if not kinds.is_dictionary(column.type):
        return numbers(column, "").values
    given = categories(column)
    texts = [value if value[0].isdigit() else "" for value in given.values]  # pandas also knows "now"
    found = pd.to_datetime(pd.Index(texts), format="ISO8601", errors="coerce", utc=True)
    read = found.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.append(read, np.datetime64("NaT", "us"))[given.codes]


def truths(given: Categories) -> NDArray[np.int64] | None:
    """Labels 0 and 1 of values such as 0 and 1, true and false, yes and no, -1 and 1, (N,), -1 where there is none;
    None for any others."""
    words = [value.lower() for value in given.values]
    return given.mapped([int(word in YES) for word in words]) if set(words) <= {*YES, *NO} else None


def likely_positive(values: Categories) -> str:
    """The value that most likely is the positive class: the greater of two numbers, one with a telling name, else the
    rarer of two."""
    if len(values.values) == 2 and all(NUMBER.fullmatch(value) for value in values.values):
        return values.values[1]
    by_name = {value.strip().lower(): value for value in values.values}
    for name in POSITIVE:
        if name in by_name:
            return by_name[name]
    counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.values))
    return values.values[int(counts.argmin())] if len(values.values) else "1"


@dataclass(frozen=True, eq=False)
class FileColumn:
    """A column of a file, of which rows are read as they are needed.

    rows: the places (N,) in the file of the rows that it has; None for all.
    """

    column: pa.ChunkedArray
    rows: NDArray[np.integer] | None = None

    def __len__(self) -> int:
        return len(self.column) if self.rows is None else len(self.rows)

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray:
        """The values of these rows, (M,); text and dates as objects."""
        taken = self.column.take(pa.array(rows if self.rows is None else self.rows[rows]))
        if is_number(taken.type) or pa.types.is_boolean(taken.type):
            return np.asarray(taken.to_pandas())
        text = pa.types.is_dictionary(taken.type)
        return np.asarray((compact(taken.combine_chunks()) if text else taken).to_pandas().astype(object))
