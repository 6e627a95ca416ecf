"""What a file of rows and columns is read into, and how large it may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds
from numpy.typing import NDArray

from core.data.tables.dictionaries import encoded
from core.errors import CutoffError
from core.text import shortened

MOST_COLUMNS = 2_000
MOST_CELLS = 400_000_000  # rows x columns
MOST_BYTES = 4 << 30  # of a file's columns, unpacked
PICKLE = "a pickle, which is never read since it could run code; save the table as Parquet or CSV"
LONGEST_NAME = 60  # characters of a name in a sentence


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file, and one sentence for each thing that was not read as it stands.

    columns: numbers, booleans, text (as dictionaries) or dates (as timestamps), with different names, at least one row;
    numbers, booleans and text in one chunk.
    """

    columns: pa.Table
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns.column_names)

    @property
    def n_rows(self) -> int:
        return int(self.columns.num_rows)

    def taken(self, rows: NDArray[np.integer]) -> Table:
        """The table of these rows (M,)."""
        return Table(self.columns.take(pa.array(rows)), self.notes)


def checked(columns: pa.Table, notes: Iterable[str] = ()) -> Table:
    """A table of the columns that have one value a row; raises CutoffError if there is no row or no such column."""
    notes = list(notes)
    names, renamed = different(columns.column_names)
    if renamed:
        notes.append(f"Names that occur twice or are empty were replaced: {listed(renamed)}.")
    kept: dict[str, pa.ChunkedArray] = {}
    left_out = []
    for name, column in zip(names, columns.columns, strict=True):
        plain = _plain(column)
        if plain is None:
            left_out.append(name)
        else:
            kept[name] = plain
    if left_out:
        notes.append(f"Left out, since they hold no single number, text or date a row: {listed(left_out)}.")
    if not kept:
        raise CutoffError("The file has no column of numbers, text or dates.")
    if columns.num_rows == 0:
        raise CutoffError("The file has column names but no rows.")
    return Table(pa.table(kept), tuple(notes))


def check_size(n_rows: int, n_columns: int, n_bytes: int = 0) -> None:
    """Raises CutoffError for more columns, cells or unpacked bytes than a table may have; to be called before they are
    read."""
    if n_columns > MOST_COLUMNS:
        raise CutoffError(f"The file has {n_columns:,} columns; the limit is {MOST_COLUMNS:,}.")
    if n_rows * n_columns > MOST_CELLS:
        raise CutoffError(f"The file has {n_rows:,} rows x {n_columns:,} columns; the limit is {MOST_CELLS:,} values.")
    if n_bytes > MOST_BYTES:
        raise CutoffError(f"Unpacked, the file takes {n_bytes / 2**30:,.1f} GB; the limit is {MOST_BYTES >> 30} GB.")


def different(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names made different from each other and not empty, as in "score (2)", and those that are new."""
    names = [name.strip() for name in names]
    taken, seen = set(names), Counter[str]()
    found, new = [], []
    for at, name in enumerate(names):
        seen[name] += 1
        if name and seen[name] == 1:
            found.append(name)
            continue
        stem, count = (name, seen[name]) if name else ("column", at + 1)
        other = f"{stem} ({count})" if name else f"{stem} {count}"
        while other in taken:
            count += 1
            other = f"{stem} ({count})"
        taken.add(other)
        found.append(other)
        new.append(other)
    return found, new


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names with commas, each on one line and cut if it is long; after `most` of them how many more there are."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(name_label(name) for name in names[:most]) + more


def name_label(name: str) -> str:
    """A name as a sentence can have it: on one line, cut after LONGEST_NAME characters."""
    return shortened(" ".join(name[: 4 * LONGEST_NAME].split()), LONGEST_NAME)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column as one of the few types that a table has; None for any other."""
    kind = column.type
    if kinds.is_dictionary(kind):
        if _is_text(kind.value_type):
            return encoded(column)
        one_size = kinds.is_primitive(kind.value_type) or kinds.is_decimal(kind.value_type)
        return _plain(column.cast(kind.value_type)) if one_size else None
    if kinds.is_float16(kind):
        return column.cast(pa.float32())
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind):
        return _joined(column)
    if kinds.is_decimal(kind) or kinds.is_null(kind):
        return column.cast(pa.float64())
    if _is_text(kind) or kinds.is_time(kind):
        check_size(0, 0, _n_bytes_of_views(column))
        text = column.cast(pa.large_string()).combine_chunks()  # many chunks would each get the dictionary of all
        return pa.chunked_array([text.dictionary_encode()])
    if kinds.is_timestamp(kind) or kinds.is_date(kind):
        return column.cast(pa.timestamp("us"), safe=False) if not _zoned(kind) else _without_zone(column)
    return None


def _joined(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one chunk, which NumPy then reads without a copy."""
    return column if column.num_chunks == 1 else pa.chunked_array([column.combine_chunks()], column.type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _n_bytes_of_views(column: pa.ChunkedArray) -> int:
    """Bytes of text written out, when its values may share their bytes as those of Arrow's string views; else 0."""
    if not kinds.is_string_view(column.type):
        return 0
    lengths = (np.frombuffer(chunk.buffers()[1], np.int32)[::4] for chunk in column.chunks if len(chunk))
    return sum(int(each.sum(dtype=np.int64)) for each in lengths)


def _zoned(kind: pa.DataType) -> bool:
    return kinds.is_timestamp(kind) and kind.tz is not None


def _without_zone(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of moments as UTC."""
    return column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.timestamp("us"))
