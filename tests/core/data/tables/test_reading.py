"""Every format is recognised by its content and read back as written; every other file is named in a sentence."""

from __future__ import annotations

import gzip
import pickle
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.data.tables import read_table
from core.errors import CutoffError
from tests.support.files import ANY_TYPE, FORMATS, predictions, with_other_columns, written


@pytest.mark.parametrize("name", ["upload", "table.csv", "table.parquet", "table.npz", "..%2f..%2fetc%2fpasswd"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_table_reads_back_whatever_its_file_is_called(kind: str, name: str, tmp_path: Path):
    given = predictions()
    table = read_table(written(tmp_path, FORMATS[kind](given), name))
    assert table.names == ("y_true", "y_score")
    assert table.n_rows == 60
    np.testing.assert_array_equal(table.columns["y_true"], given["y_true"])
    np.testing.assert_array_equal(table.columns["y_score"], given["y_score"])


@pytest.mark.parametrize("kind", ANY_TYPE)
def test_text_booleans_gaps_and_times_read_back(kind: str, tmp_path: Path):
    given = with_other_columns(predictions())
    columns = read_table(written(tmp_path, ANY_TYPE[kind](given))).columns
    assert columns.column_names == given.column_names
    assert pa.types.is_dictionary(columns["name"].type)
    assert columns["name"].to_pylist() == given["name"].to_pylist()
    assert columns["checked"].to_pylist() == given["checked"].to_pylist()
    assert columns["gaps"].to_pylist() == given["gaps"].to_pylist()
    assert columns["time"].type == pa.timestamp("us")
    assert columns["time"].to_pylist() == given["time"].to_pylist()


@pytest.mark.parametrize("kind", FORMATS)
def test_only_notes_on_what_was_not_read_as_it_stands(kind: str, tmp_path: Path):
    notes = read_table(written(tmp_path, FORMATS[kind](predictions()))).notes
    assert notes == (("Columns are separated by tabs.",) if kind == "tsv" else ())


def sqlite(folder: Path) -> bytes:
    with sqlite3.connect(folder / "database") as database:
        database.execute("create table predictions (y_true)")
    database.close()
    return (folder / "database").read_bytes()


def zipped(folder: Path, member: str) -> bytes:
    with zipfile.ZipFile(folder / "zipped", "w") as archive:
        archive.writestr(member, "y_true,y_score\n1,0.5\n")
    return (folder / "zipped").read_bytes()


def array(folder: Path) -> bytes:
    np.save(folder / "array.npy", np.arange(3))
    return (folder / "array.npy").read_bytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda _: b"", "The file is empty."),
        (lambda _: b" \r\n\r\n\t", "The file is empty."),
        (lambda _: b"\xef\xbb\xbf", "The file is empty."),
        (lambda _: b"\xff\xfe", "The file is empty."),
        (lambda _: gzip.compress(b"y_true,y_score\n1,0.5\n"), "This is a gzip archive; unpack it first."),
        (lambda folder: zipped(folder, "table.csv"), "This is a zip archive with table.csv; unpack it first."),
        (
            lambda folder: zipped(folder, "[Content_Types].xml"),
            "This is a spreadsheet or document; save the sheet as CSV.",
        ),
        (lambda folder: zipped(folder, "model/data.pkl"), "This is a pickle, which is never read"),
        (lambda _: pickle.dumps(pd.DataFrame({"y_true": [1]})), "This is a pickle, which is never read"),
        (lambda _: pickle.dumps([1, 2], protocol=2), "This is a pickle, which is never read"),
        (array, r"This is a single NumPy array; save it with numpy\.savez"),
        (sqlite, "This is an SQLite database"),
        (lambda _: b"\x89HDF\r\n\x1a\n" + bytes(90), "This is an HDF5 file"),
        (lambda _: b"%PDF-1.7\n", "This is a PDF."),
        (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(90), "This is a picture."),
        (lambda _: bytes(range(256)) * 4, "This is not a file of text, nor Parquet, Arrow or .npz."),
        (lambda _: b"<!DOCTYPE html><p>Not found</p>", "This is a web page or XML"),
        (lambda _: b'[{"y_true": 1, "y_score": 0.5}]', "This is JSON"),
        (lambda _: b'{"y_true": [1], "y_score": [0.5]}', "This is JSON"),
    ],
)
def test_what_is_no_table_is_named_in_one_sentence(content, sentence: str, tmp_path: Path):
    with pytest.raises(CutoffError, match=sentence) as refused:
        read_table(written(tmp_path, content(tmp_path)))
    assert "\n" not in str(refused.value)


def test_nothing_is_unpickled(tmp_path: Path):
    class Intruder:
        def __reduce__(self):
            return (Path(tmp_path / "intruded").touch, ())

    for content in (pickle.dumps(Intruder()), np.array([Intruder()], object).dumps()):
        with pytest.raises(CutoffError):
            read_table(written(tmp_path, content))
    np.savez(tmp_path / "objects.npz", y_true=np.array([Intruder()], object))
    with pytest.raises(CutoffError, match="arrays of numbers only; these hold something else: y_true"):
        read_table(tmp_path / "objects.npz")
    assert not (tmp_path / "intruded").exists()
