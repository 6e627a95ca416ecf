"""CSV and what people write under that name: encodings, delimiters, decimal commas, names, and what is no table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tables import Table, read_table
from core.data.tables.separated import MISSING, MOST_RETRIES
from core.data.tables.table import MOST_COLUMNS
from core.errors import CutoffError
from tests.support.files import is_sentence, refusal, written


@pytest.fixture
def read(tmp_path: Path):
    return lambda content, encoding="utf-8": read_table(written(tmp_path, as_bytes(content, encoding)))


def as_bytes(content: str | bytes, encoding: str) -> bytes:
    return content if isinstance(content, bytes) else content.encode(encoding)


def rows(table: Table) -> list[tuple]:
    return list(zip(*(table.columns[name].to_pylist() for name in table.names), strict=True))


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "The text is UTF-16."),
        ("utf-16-le", "The text is UTF-16."),
        ("utf-16-be", "The text is UTF-16."),
        ("latin-1", "The text is not UTF-8; it was read as Western European (Latin-1)."),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(encoding: str, note: str | None, newline: str, read):
    text = newline.join(["y_true,Größe", "1,0.5", "0,0.25", "1,0.75"]) + newline
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    table = read(mark + text, encoding)
    assert table.names == ("y_true", "Größe")
    assert rows(table) == [(1, 0.5), (0, 0.25), (1, 0.75)]
    assert table.notes == ((note,) if note else ())


def test_bytes_that_are_not_utf_8_after_the_first_rows_are_western(read):
    text = "y_true,y_score,name\n" + "1,0.5,ä\n" * 60_000
    table = read(text.encode() + "0,0.25,é\n".encode("latin-1"))
    assert table.n_rows == 60_001
    assert table.columns["name"][-1].as_py() == "é"
    assert any("Latin-1" in note for note in table.notes)


@pytest.mark.parametrize(
    "content", [b"\xff\xfey\0,\0a\0\n\0\0\xd8\0\0", b"\xff\xfea\0,\0b\0\n\x001\0,\0002", b"\xff\xfe\0\0"]
)
def test_utf_16_that_is_broken_is_refused(content: bytes, read):
    with pytest.raises(CutoffError):
        read(content)


@pytest.mark.parametrize(
    ("delimiter", "note"),
    [(",", None), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")],
)
def test_delimiters(delimiter: str, note: str | None, read):
    text = "y_true,y_score,name\n1,0.5,a b\n0,0.25,c\n".replace(",", delimiter)
    table = read(text)
    assert rows(table) == [(1, 0.5, "a b"), (0, 0.25, "c")]
    assert table.notes == ((f"Columns are separated by {note}.",) if note else ())


@pytest.mark.parametrize("first", ["sep=;\n", "\n\n", "\r\n", "  \n", "sep=;\r\n"])
def test_lines_before_the_names(first: str, read):
    assert rows(read(first + "y_true;y_score\n1;0.5\n0;0.25\n")) == [(1, 0.5), (0, 0.25)]


def test_decimal_commas(read):
    table = read("y_true;y_score;name\n1;0,5;a,b\n0;0,25;c\n")
    assert rows(table) == [(1, 0.5, "a,b"), (0, 0.25, "c")]
    assert "Commas were read as decimal points." in table.notes


def test_a_text_with_a_comma_makes_no_decimal_comma(read):
    table = read("y_true;y_score;pair\n1;0.5;1,2\n0;0.25;3\n1;0.75;4\n")
    assert table.columns["y_score"].to_pylist() == [0.5, 0.25, 0.75]


@pytest.mark.parametrize("value", MISSING)
def test_missing_values(value: str, read):
    table = read(f"y_true,y_score,name\n1,0.5,a\n0,{value},{value}\n")
    assert rows(table) == [(1, 0.5, "a"), (0, None, None)]


def test_numbers_that_are_not_finite(read):
    values = read("y_true,y_score\n1,inf\n0,-inf\n0,1e400\n1,0.5\n").columns["y_score"].to_pylist()
    assert values == [float("inf"), float("-inf"), float("inf"), 0.5]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("y_true,y_score\n1,0.5\n", ("y_true", "y_score")),
        ("1,0.5\n0,0.25\n", ("column 1", "column 2")),
        ("cat,0.5\ndog,0.25\n", ("column 1", "column 2")),
        ("y_true,0,1,2\n0,0.5,0.25,0.25\n2,0.1,0.1,0.8\n", ("y_true", "0", "1", "2")),
        ("true,0.9\nfalse,0.1\n", ("column 1", "column 2")),
        ("a\nb\nc\n", ("a",)),
    ],
)
def test_the_first_row_holds_names_or_values(text: str, names: tuple[str, ...], read):
    assert read(text).names == names


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,a,a", ("a", "a (2)", "a (3)")),
        ("a,,b", ("a", "column 2", "b")),
        ("a,a (2),a", ("a", "a (2)", "a (3)")),
        ("a, a ,A", ("a", "a (2)", "A")),
    ],
)
def test_names_that_occur_twice_or_are_empty_are_replaced_and_said(header: str, names: tuple[str, ...], read):
    table = read(f"{header}\n1,2,3\n")
    assert table.names == names
    (note,) = table.notes
    assert note.startswith("Names that occur twice or are empty were replaced: ")


NASTY = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "+1",
    "-1",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "C:\\Windows",
    "'; DROP TABLE rows; --",
    "{{7*7}}",
    "${HOME}",
    "**bold** :red[x] $x$",
    "\u202eabc",
    "a\u0000b".replace("\0", "\x01"),
    "😀",
    'say "8"',
    "two\nlines",
    "x" * 10_000,
]


@pytest.mark.parametrize("value", NASTY)
def test_markup_formulas_and_paths_stay_text(value: str, read):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["y_true", value], [1, value], [0, "other"], [1, "other"]])
    table = read(buffer.getvalue())
    assert table.names == ("y_true", value.strip())
    assert table.columns[1].to_pylist() == [value, "other", "other"]


def test_a_row_with_another_number_of_values_is_left_out_and_said(read):
    table = read("y_true,y_score\n" + "1,0.5\n" * 200 + "0\n")
    assert table.n_rows == 200
    assert table.notes == ("1 row was left out for having another number of columns than the first row.",)


def test_many_rows_with_another_number_of_values_are_refused(read):
    with pytest.raises(CutoffError, match="50 of 150 rows do not have 2 columns, as the first has"):
        read("y_true,y_score\n" + "1,0.5\n0,1,2\n1,0.5\n" * 50)


def test_columns_that_mix_numbers_with_text_are_text(read):
    many = 3 * MOST_RETRIES
    first = "1," * many + "0.5\n"
    table = read(",".join(f"c{at}" for at in range(many)) + ",y\n" + first * 30_000 + "x," * many + "0.25\n")
    assert table.columns["c0"][0].as_py() == "1"
    assert table.columns["c0"][-1].as_py() == "x"
    assert table.n_rows == 30_001


@pytest.mark.parametrize("n_columns", [MOST_COLUMNS + 1, 1_000_000])
def test_too_many_columns_are_refused(n_columns: int, read):
    with pytest.raises(CutoffError, match=f"columns; the limit is {MOST_COLUMNS:,}"):
        read(",".join(f"c{at}" for at in range(n_columns)) + "\n" + "1," * (n_columns - 1) + "1\n")


@pytest.mark.parametrize(
    "content", ["y_true,y_score\n", "y_true,y_score", "a", '"', '"a', "y,s\n" + '"' + "1,2\n" * 400]
)
def test_names_without_rows_are_refused(content: str, read):
    with pytest.raises(CutoffError):
        read(content)


@pytest.mark.parametrize("length", [200_000, 5_000_000])
def test_a_value_as_long_as_a_book_is_refused_or_read(length: int, read):
    for content in (
        "y_true,y_score\n1," + "a" * length,
        "a" * length,
        '"' + "a" * length,
        "1,2\n" + '"' + "a" * length,
    ):
        refused = refusal(read, content)
        assert refused is None or is_sentence(refused)


SIGNS = st.text(st.sampled_from("01.,;\t|\"'\n\r %-+eE=\0\ufeffäx€"), max_size=60)


@settings(max_examples=400)
@given(text=SIGNS, encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-32"]))
def test_any_text_is_read_or_refused(text: str, encoding: str, tmp_path_factory: pytest.TempPathFactory):
    read_or_refused(text.encode(encoding), tmp_path_factory)


@settings(max_examples=400)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory):
    read_or_refused(content, tmp_path_factory)


def read_or_refused(content: bytes, folders: pytest.TempPathFactory) -> None:
    path, found = written(folders.getbasetemp(), content), []
    refused = refusal(lambda: found.append(read_table(path)))
    assert refused is None or is_sentence(refused)
    for table in found:
        assert table.n_rows > 0
        assert len(set(table.names)) == len(table.names) == table.columns.num_columns


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=200)
@given(
    values=st.lists(st.tuples(FIELDS, st.floats(allow_nan=False, width=32)), min_size=2, max_size=20),
    delimiter=st.sampled_from(",;\t"),
)
def test_text_and_numbers_read_back_as_python_writes_them(values, delimiter, tmp_path_factory: pytest.TempPathFactory):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([["text", "number"], *values])
    table = read_table(written(tmp_path_factory.getbasetemp(), buffer.getvalue().encode()))
    assert table.names == ("text", "number")
    np.testing.assert_array_equal(table.columns["number"], [number for _, number in values])
