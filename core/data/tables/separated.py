"""Text with separated columns: CSV, TSV and what is pasted from a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv
from pyarrow.lib import ArrowException

from core.data.tables.table import Table, check_size, checked, different
from core.errors import CutoffError

SAMPLE_BYTES, SAMPLE_LINES = 1 << 18, 50
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
WESTERN = "latin-1"  # has a character for every byte
NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?\s*%?\s*|\s*[-+]?(nan|inf(inity)?)\s*", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "None"]
MOST_RETRIES = 8  # columns whose first rows looked like another type
MOST_UNEVEN = 0.01  # share of rows with another number of columns that may be left out
REFUSED_COLUMN = re.compile(r"In CSV column #(\d+)")


class Format(NamedTuple):
    """How a text is written."""

    encoding: str
    delimiter: str
    decimal: str
    header: bool
    names: list[str]


def read_separated(path: Path) -> Table:
    """Read a text file; raises CutoffError if it is no table or too large.

    Found out from the first lines: the encoding, the delimiter, the decimal sign and whether they begin with names.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip(b"\0 \r\n\t\xef\xbb\xbf"):
        raise CutoffError("The file is empty.")
    found = _format(sample, whole=len(sample) < SAMPLE_BYTES)
    names, renamed = different(found.names)
    check_size(0, len(names))
    notes = _notes(found)
    if renamed and found.header:
        notes.append(f"Names that occur twice or are empty were replaced: {', '.join(renamed[:5])}.")
    columns, left_out, encoding = _read(path, found, names)
    if encoding != found.encoding:
        notes.append("The text is not UTF-8; it was read as Western European (Latin-1).")
    if left_out > MOST_UNEVEN * (columns.num_rows + left_out) and left_out > 1:
        raise CutoffError(
            f"{left_out:,} of {columns.num_rows + left_out:,} rows do not have {len(names)} columns, as the first has."
        )
    if left_out:
        rows = "row was" if left_out == 1 else "rows were"
        notes.append(f"{left_out:,} {rows} left out for having another number of columns than the first row.")
    check_size(columns.num_rows, columns.num_columns)
    return checked(columns, notes)


def _format(sample: bytes, whole: bool) -> Format:
    """How the text is written, from its first bytes."""
    encoding = next((name for mark, name in MARKS.items() if sample.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in sample:
        raise CutoffError("This is not a file of text, nor Parquet, Arrow or .npz.")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeDecodeError:
        encoding = WESTERN
        text = sample.decode(WESTERN)
    lines = text.splitlines()
    lines = [line for line in (lines if whole or len(lines) == 1 else lines[:-1])[:SAMPLE_LINES] if line.strip()]
    if not lines:
        raise CutoffError("The file is empty.")
    delimiter = _delimiter(lines)
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    first, others = rows[0], rows[1:]
    header = _names_columns(first, others)
    fields = [field for row in others for field in row]
    commas = delimiter != "," and any(DECIMAL_COMMA.fullmatch(field) for field in fields)
    names = first if header else [f"column {at + 1}" for at in range(len(first))]
    return Format(encoding, delimiter, "," if commas else ".", header, names)


def _names_columns(first: list[str], others: list[list[str]]) -> bool:
    """Whether the first row holds names: it has no number, or text above numbers, or whole numbers above fractions, as
    classes named 0, 1, 2 have."""
    if not any(NUMBER.fullmatch(field) for field in first):
        return True
    columns = [[row[at] for row in others if at < len(row)] for at in range(len(first))]
    for name, values in zip(first, columns, strict=True):
        numbers = [bool(NUMBER.fullmatch(value)) for value in values if value.strip() not in MISSING]
        if numbers and all(numbers) and not NUMBER.fullmatch(name) and name.strip() not in MISSING:
            return True
    whole = [at for at, name in enumerate(first) if name.strip().isdecimal()]
    return (
        len(whole) > 1
        and len({first[at].strip() for at in whole}) == len(whole)
        and all(any(not value.strip().isdecimal() for value in columns[at]) for at in whole)
    )


def _delimiter(lines: list[str]) -> str:
    """The sign that parts the first line, and as often those after it; a comma where none does."""

    def evenness(delimiter: str) -> tuple[float, int]:
        try:
            counts = [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)]
        except csv.Error:
            return 0.0, 0
        return (counts.count(counts[0]) / len(counts), counts[0]) if counts[0] > 1 else (0.0, 0)

    found = {delimiter: evenness(delimiter) for delimiter in DELIMITERS}
    best = max(found, key=found.__getitem__)
    return best if found[best][0] else ","


def _notes(found: Format) -> list[str]:
    notes = []
    if found.delimiter != ",":
        notes.append(f"Columns are separated by {DELIMITERS[found.delimiter]}.")
    if found.decimal == ",":
        notes.append("Commas were read as decimal points.")
    if not found.header:
        notes.append("The file has no column names; its columns are numbered.")
    if found.encoding == "utf-16":
        notes.append("The text is UTF-16.")
    if found.encoding == WESTERN:
        notes.append("The text is not UTF-8; it was read as Western European (Latin-1).")
    return notes


def _read(path: Path, found: Format, names: list[str]) -> tuple[pa.Table, int, str]:
    """The columns, the number of rows that were left out, and the encoding; a column whose first rows looked like
    another type is read as text."""
    encoding, texts = found.encoding, dict[str, pa.DataType]()
    for _ in range(MOST_RETRIES + 1):
        try:
            columns, left_out = _attempt(path, found, names, encoding, texts)
        except (ArrowException, UnicodeDecodeError) as error:
            refused = REFUSED_COLUMN.search(str(error))
            if refused and int(refused[1]) < len(names):
                texts[names[int(refused[1])]] = pa.large_string()
            elif "utf" in str(error).lower() and encoding != WESTERN:
                encoding = WESTERN
            else:
                raise CutoffError("The file is not a table: it could not be parted into rows and columns.") from error
            continue
        if any(pa.types.is_binary(kind) for kind in columns.schema.types) and encoding != WESTERN:
            encoding = WESTERN
            continue
        return columns, left_out, encoding
    raise CutoffError(f"More than {MOST_RETRIES} columns mix numbers with text.")


def _attempt(
    path: Path, found: Format, names: list[str], encoding: str, texts: dict[str, pa.DataType]
) -> tuple[pa.Table, int]:
    left_out = 0

    def leave_out(_: pa.csv.InvalidRow) -> str:
        nonlocal left_out
        left_out += 1
        return "skip"

    utf8 = encoding in ("utf-8", "utf-8-sig")
    columns = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(
            column_names=names,
            skip_rows_after_names=0,
            skip_rows=int(found.header),
            encoding="utf8" if utf8 else encoding,
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=found.delimiter, newlines_in_values=_has_quotes(path), invalid_row_handler=leave_out
        ),
        convert_options=pa.csv.ConvertOptions(
            decimal_point=found.decimal, null_values=MISSING, strings_can_be_null=True, column_types=texts
        ),
    )
    return columns, left_out


def _has_quotes(path: Path) -> bool:
    """Whether a quoted value, which may hold a line break, occurs anywhere."""
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 22), b""))
