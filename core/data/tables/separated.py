"""Text with separated columns: CSV, TSV and what is pasted from a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from pyarrow.lib import ArrowException

from core.data.tables import notation
from core.data.tables.formulas import unescaped
from core.data.tables.table import Table, check_size, checked, different, listed, name_label
from core.errors import CutoffError
from core.text import counted

SAMPLE_BYTES, SAMPLE_LINES = 1 << 18, 50
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
WESTERN = "latin-1"  # has a character for every byte
NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?\s*%?\s*|\s*[-+]?(nan|inf(inity)?)\s*", re.IGNORECASE)
COMMENT = "#"
SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)  # Excel's
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "None"]
MOST_RETRIES = 8  # columns whose first rows looked like another type
MOST_UNEVEN = 0.01  # share of rows with another number of columns that may be left out
NO_TABLE = "The file is not a table: it could not be parted into rows and columns."
BROKEN_UTF16 = "The file begins as UTF-16 text, but it is broken or was cut off."
REFUSED_COLUMN = re.compile(r"In CSV column #(\d+)")
OTHERS = {
    re.compile(r"\s*<(!doctype|html|\?xml|svg)", re.IGNORECASE): "a web page or XML; save the table as CSV",
    re.compile(r"\s*(\[\s*)?\{\s*(\"|\})|\s*\[\s*[\[\"\d-]"): "JSON; save the table as CSV or Parquet",
    re.compile(r"%!PS|\{\\rtf"): "a document; save the table as CSV",
}


class Format(NamedTuple):
    """How a text is written: `skipped` lines before the first row of columns, of which `header` says whether it has
    their names. known: the decimal sign that some number has beyond doubt, None without one. comments: lines among
    the skipped that begin with #."""

    encoding: str
    delimiter: str
    decimal: str
    skipped: int
    header: bool
    names: list[str]
    known: notation.Decimal | None
    comments: int


def read_separated(path: Path) -> Table:
    """Read a text file; raises CutoffError if it is no table or too large.

    Found out from the first lines: the encoding, the delimiter, the decimal sign and whether they begin with names.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip(b"\0 \r\n\t\xef\xbb\xbf\xfe\xff"):
        raise CutoffError("The file is empty.")
    found = _format(sample, whole=len(sample) < SAMPLE_BYTES)
    check_size(0, len(found.names))
    names, renamed = different(map(unescaped, found.names))
    notes = _notes(found)
    if renamed and found.header:
        notes.append(f"Names that occur twice or are empty were replaced: {listed(renamed)}.")
    columns, left_out, encoding = _read(path, found, names)
    columns = _with_numbers(columns, found.known, notes)
    if encoding != found.encoding:
        notes.append("The text is not UTF-8; it was read as Western European (Latin-1).")
    if left_out > MOST_UNEVEN * (columns.num_rows + left_out) and left_out > 1:
        raise CutoffError(
            f"{left_out:,} of {columns.num_rows + left_out:,} rows do not have {counted(len(names), 'column')}, "
            "as the first has."
        )
    if left_out:
        rows = counted(left_out, "row was", "rows were")
        notes.append(f"{rows} left out for having another number of columns than the first row.")
    check_size(columns.num_rows, columns.num_columns)
    return checked(_unescaped(columns), notes)


def _unescaped(columns: pa.Table) -> pa.Table:
    """The columns without the quotes that keep spreadsheets from running text as formulas."""

    def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if not text or not pc.any(pc.starts_with(column, "'")).as_py():
            return column
        array = column.combine_chunks().dictionary_encode()
        values = [unescaped(value) for value in array.dictionary.to_pylist()]
        return pa.chunked_array([pa.DictionaryArray.from_arrays(array.indices, pa.array(values, pa.large_string()))])

    return pa.table([plain(column) for column in columns.columns], names=columns.column_names)


def _format(sample: bytes, whole: bool) -> Format:
    """How the text is written, from its first bytes."""
    encoding, text = _decoded(sample, whole)
    if other := next((what for pattern, what in OTHERS.items() if pattern.match(text)), None):
        raise CutoffError(f"This is {other}.")
    lines = text.split("\n" if "\n" in text else "\r")
    lines = lines if whole or len(lines) == 1 else lines[:-1]
    skipped = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    stated = SEPARATOR_LINE.fullmatch(lines[skipped]) if skipped < len(lines) else None
    skipped += stated is not None
    begins = next((at for at, line in enumerate(lines) if at >= skipped and not _is_before(line)), len(lines))
    before = [at for at in range(skipped, begins) if lines[at].startswith(COMMENT)]
    table = [line for line in lines[begins : begins + SAMPLE_LINES] if line.strip()]
    if not table:
        raise CutoffError("The file is empty.")
    delimiter = stated[1] if stated else _delimiter(table)
    rows = _rows(table, delimiter)
    header = _names_columns(rows[0], rows[1:])
    if before and (names := _names_in_comment(lines[before[-1]], delimiter, rows, header)):
        begins, header = before.pop(), True
        rows = [names, *rows]
    first, others = rows[0], rows[1:]
    known = notation.decimal_of(field.strip("% ") for row in others for field in row)
    names = first if header else [f"column {at + 1}" for at in range(len(first))]
    return Format(encoding, delimiter, known or ".", begins, header, names, known, len(before))


def _is_before(line: str) -> bool:
    """Whether a line is blank or a comment."""
    return not line.strip() or line.startswith(COMMENT)


def _names_in_comment(comment: str, delimiter: str, rows: list[list[str]], header: bool) -> list[str]:
    """The names of the columns where the last comment has them, as NumPy's savetxt writes them, none otherwise."""
    try:
        (names,) = _rows([comment], delimiter)
    except (CutoffError, ValueError):
        return []
    names[0] = names[0].lstrip(f"{COMMENT} ") or names[0]
    has_numbers = any(NUMBER.fullmatch(field) for row in rows[1:] for field in row)
    if len(names) != len(rows[0]) or (header and has_numbers):
        return []
    return names if _names_columns(names, rows) else []


def _with_numbers(columns: pa.Table, known: notation.Decimal | None, notes: list[str]) -> pa.Table:
    """The columns, those of text such as 1,234 as numbers where the rest of the file tells what its signs are."""
    if known is None:
        return columns
    for at, name in enumerate(columns.column_names):
        column = columns[name]
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            continue
        if not _may_be_thousands(column.slice(0, SAMPLE_LINES)) or not _may_be_thousands(texts := pc.unique(column)):
            continue
        found = notation.read([text.strip() for text in texts.to_pylist() if text is not None], known)
        notes += notation.notes(found, name_label(name))
        values = iter(found.values.tolist())
        numbers = pa.array([None if text is None else next(values) for text in texts.to_pylist()], pa.float64())
        places = pc.index_in(column, value_set=texts)
        columns = columns.set_column(at, name, numbers.take(places.combine_chunks()))
    return columns


def _may_be_thousands(texts: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all texts are whole numbers or unclear, and some are unclear."""
    given = [text.strip() for text in texts.to_pylist() if text is not None]
    unclear = [text for text in given if notation.is_unclear(text)]
    return bool(unclear) and all(text in unclear or text.lstrip("+-").isdecimal() for text in set(given))


def _decoded(sample: bytes, whole: bool) -> tuple[str, str]:
    """The encoding and the text of the first bytes, without a byte order mark."""
    encoding = next((name for mark, name in MARKS.items() if sample.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in sample:
        raise CutoffError("This is not a file of text, nor Parquet, Arrow or .npz.")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise CutoffError(BROKEN_UTF16) from error
        encoding, text = WESTERN, sample.decode(WESTERN)
    return encoding, text.removeprefix("\ufeff")


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The fields of each row; raises CutoffError where there is none or one is too long to be a value."""
    try:
        rows = [row for row in csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise CutoffError(NO_TABLE) from error
    if not rows:
        raise CutoffError("The file is empty.")
    return rows


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
            counts = [len(row) for row in _rows(lines, delimiter)]
        except CutoffError:
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
    if found.comments:
        comments = counted(found.comments, "comment line was", "comment lines were")
        notes.append(f"{comments} skipped before the columns.")
    if not found.header:
        notes.append("The file has no column names; its columns are numbered.")
    if found.encoding == "utf-16":
        notes.append("The text is UTF-16.")
    if found.encoding == WESTERN:
        notes.append("The text is not UTF-8; it was read as Western European (Latin-1).")
    return notes


def _read(path: Path, found: Format, names: list[str]) -> tuple[pa.Table, int, str]:
    """The columns, the number of rows that were left out, and the encoding. A column whose first rows looked like
    another type is read as text; after MOST_RETRIES of them all columns are."""
    encoding, texts, mixed = found.encoding, dict[str, pa.DataType](), 0
    while True:
        try:
            columns, left_out = _attempt(path, found, names, encoding, texts)
        except (ArrowException, UnicodeError) as error:
            refused = REFUSED_COLUMN.search(str(error))
            if "utf" in str(error).lower() and encoding == "utf-8":
                encoding = WESTERN
            elif isinstance(error, UnicodeError):
                raise CutoffError(BROKEN_UTF16) from error
            elif refused and int(refused[1]) < len(names) and names[int(refused[1])] not in texts:
                mixed += 1
                others = names if mixed > MOST_RETRIES else [names[int(refused[1])]]
                texts |= dict.fromkeys(others, pa.large_string())
            else:
                raise CutoffError(NO_TABLE) from error
            continue
        if encoding == "utf-8" and any(_is_binary(kind) for kind in columns.schema.types):
            encoding = WESTERN
            continue
        return columns, left_out, encoding


def _is_binary(kind: pa.DataType) -> bool:
    """Whether text is bytes, since it is not UTF-8."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_binary(values) or pa.types.is_large_binary(values))


def _attempt(
    path: Path, found: Format, names: list[str], encoding: str, texts: dict[str, pa.DataType]
) -> tuple[pa.Table, int]:
    left_out = 0

    def leave_out(_: pa.csv.InvalidRow) -> str:
        nonlocal left_out
        left_out += 1
        return "skip"

    columns = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(
            column_names=names,
            skip_rows=found.skipped,
            skip_rows_after_names=int(found.header),
            encoding="utf8" if encoding == "utf-8" else encoding,
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
