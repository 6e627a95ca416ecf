"""Parquet and Arrow: every type of column, and files that are small on disk and huge in memory."""

from __future__ import annotations

import datetime
import io
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data.tables import Table, read_table
from core.data.tables.columnar import MOST_FIELDS, _fields_of_parquet
from core.data.tables.table import MOST_BYTES, MOST_CELLS, MOST_COLUMNS
from core.errors import CutoffError
from tests.support.files import arrow, parquet, written

FORMATS = {"parquet": parquet, "arrow": arrow}


@pytest.fixture(params=FORMATS)
def read(request: pytest.FixtureRequest, tmp_path: Path):
    return lambda table: read_table(written(tmp_path, FORMATS[request.param](table)))


def moments(unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([0, None, 86_400]).cast(pa.timestamp("s")).cast(pa.timestamp(unit, zone))


DAYS = [datetime.datetime(1970, 1, 1), None, datetime.datetime(1970, 1, 2)]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1, None, 3], pa.int8()), [1, None, 3]),
        (pa.array([1, None, 2**64 - 1], pa.uint64()), [1, None, 2**64 - 1]),
        (pa.array(np.array([0.5, 0.25, 1], np.float16)), [0.5, 0.25, 1.0]),
        (pa.array([0.5, float("nan"), None], pa.float32()), [0.5, float("nan"), None]),
        (pa.array([Decimal("0.25"), None, Decimal("1.50")]), [0.25, None, 1.5]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array(["a", None, "a"]), ["a", None, "a"]),
        (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([2.5, None, 1.5]).dictionary_encode(), [2.5, None, 1.5]),
        (moments("s"), DAYS),
        (moments("ms"), DAYS),
        (moments("ns"), DAYS),
        (moments("us", "UTC"), DAYS),
        (moments("us", "Europe/Berlin"), DAYS),
        (pa.array([datetime.date(1970, 1, 1), None, datetime.date(1970, 1, 2)]), DAYS),
        (
            pa.array([datetime.time(12, 30), None, datetime.time(1)], pa.time32("ms")),
            ["12:30:00.000", None, "01:00:00.000"],
        ),
        (pa.nulls(3), [None, None, None]),
    ],
)
def test_types_of_columns(column: pa.Array, values: list, read):
    found = read(pa.table({"y_true": [0, 1, 1], "column": column})).columns["column"]
    assert str(found.to_pylist()) == str(values)  # NaN is no equal of itself


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.large_string()])
def test_text_of_any_layout_is_a_dictionary(kind: pa.DataType, tmp_path: Path):
    given = pa.table({"text": pa.array(["a", None, "b", "a"]).cast(kind)})
    (column,) = read_table(written(tmp_path, arrow(given))).columns.columns
    assert column.type == pa.dictionary(pa.int32(), pa.large_string())
    assert column.to_pylist() == ["a", None, "b", "a"]


def test_a_dictionary_that_repeats_or_misses_a_value_is_put_right(tmp_path: Path):
    given = pa.DictionaryArray.from_arrays([0, 1, 2, None], pa.array(["a", "a", None]))
    (column,) = read_table(written(tmp_path, arrow(pa.table({"text": given})))).columns.columns
    assert column.to_pylist() == ["a", "a", None, None]
    assert column.chunk(0).dictionary.to_pylist() == ["a"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1], [2, 3], None]),
        pa.array([{"a": 1}, {"a": 2}, None]),
        pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        pa.array([b"1", b"\xff", None]),
    ],
)
def test_lists_structures_and_bytes_are_left_out_and_said(column: pa.Array, read):
    table = read(pa.table({"y_true": [0, 1, 1], "nested": column}))
    assert table.names == ("y_true",)
    (note,) = table.notes
    assert note.startswith("Left out, since they hold")
    assert note.endswith(": nested.")
    with pytest.raises(CutoffError, match="The file has no column of numbers, text or dates"):
        read(pa.table({"nested": column}))


def test_a_column_named_like_the_field_of_a_structure(read):
    table = read(pa.table({"a": pa.array([{"b": 1}]), "a.b": [2], "c": [3]}))
    assert table.names == ("a.b", "c")
    assert table.columns["a.b"].to_pylist() == [2]


def test_names_that_occur_twice_are_replaced_and_said(read):
    table = read(pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", ""]))
    assert table.names == ("a", "a (2)", "column 3")
    assert [column.to_pylist() for column in table.columns.columns] == [[1], [2], [3]]
    assert table.notes == ("Names that occur twice or are empty were replaced: a (2), column 3.",)


@pytest.mark.parametrize("table", [pa.table({"a": pa.array([], pa.int64())}), pa.table({})])
def test_a_table_without_rows_or_columns_is_refused(table: pa.Table, read):
    with pytest.raises(CutoffError, match=r"no rows|no column"):
        read(table)


def test_too_many_columns_are_refused_in_one_short_sentence(read):
    with pytest.raises(CutoffError, match=f"The file has {MOST_COLUMNS + 1:,} columns; the limit is"):
        read(pa.table({f"column {at}": [1] for at in range(MOST_COLUMNS + 1)}))


def zeros(n_rows: int, n_batches: int, compression: str | None) -> bytes:
    """An Arrow stream with one column of zeros, written batch by batch."""
    batch = pa.record_batch({"score": np.zeros(n_rows)})
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, batch.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for _ in range(n_batches):
            writer.write_batch(batch)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_arrow_that_unpacks_to_too_much_is_refused_before_it_is(compression: str, tmp_path: Path):
    n_rows = 1 << 20
    content = zeros(n_rows, MOST_BYTES // (8 * n_rows) + 1, compression)
    assert len(content) < MOST_BYTES / 100
    assert refused_without_memory(written(tmp_path, content), "Unpacked, the file takes")


def test_a_dictionary_of_arrow_that_unpacks_to_too_much_is_refused(tmp_path: Path):
    n_columns = 100
    column = pa.DictionaryArray.from_arrays([0], pa.array(["a" * (MOST_BYTES // n_columns)]))
    batch = pa.record_batch({f"column {at}": column for at in range(n_columns)})
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    assert refused_without_memory(written(tmp_path, buffer.getvalue()), "Unpacked, the file takes")


def test_parquet_with_hundreds_of_millions_of_rows_is_refused(tmp_path: Path):
    path = tmp_path / "upload"
    pq.write_table(pa.table({"y_true": pa.nulls(MOST_CELLS + 1, pa.bool_())}), path)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(CutoffError, match="rows x 1 columns; the limit is"):
        read_table(path)


def test_a_long_text_in_many_rows_of_parquet_takes_the_room_of_its_number(tmp_path: Path):
    text = "a" * 1_000_000
    given = pa.DictionaryArray.from_arrays(np.zeros(200_000, np.int32), pa.array([text]))
    path = tmp_path / "upload"
    pq.write_table(pa.table({"text": given}), path, store_schema=False)
    before = pa.total_allocated_bytes()
    table = read_table(path)
    assert table.n_rows == 200_000
    assert pa.total_allocated_bytes() - before < 10 * len(text)
    assert table.columns["text"][0].as_py() == text


def test_a_long_text_that_arrow_views_share_is_refused(tmp_path: Path):
    text = pa.array(["a" * (MOST_BYTES // 1_000)]).cast(pa.string_view())
    shared = pa.Array.from_buffers(
        pa.string_view(), 1_001, [None, pa.py_buffer(bytes(text.buffers()[1])[:16] * 1_001), text.buffers()[2]]
    )
    assert refused_without_memory(written(tmp_path, arrow(pa.table({"text": shared}))), "Unpacked, the file takes")


def refused_without_memory(path: Path, sentence: str) -> bool:
    """Whether a file is refused without a gigabyte being allocated for it."""
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(CutoffError, match=sentence):
        read_table(path)
    return bool(pa.default_memory_pool().max_memory() < max(before, pa.total_allocated_bytes() + (1 << 30)))


def test_the_footer_of_an_arrow_file_can_not_multiply_its_batches(tmp_path: Path):
    content = arrow(pa.table({"score": np.arange(50.0)}))
    table: Table = read_table(written(tmp_path, content))
    assert table.n_rows == 50
    with pytest.raises(CutoffError, match="broken or was cut off"):
        read_table(written(tmp_path, content[:-6]))


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_with_very_many_columns_is_refused_by_its_first_bytes(
    nested: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = [f"column {at}" for at in range(MOST_FIELDS + 1)]
    columns = pa.table([pa.array([1])] * len(names), names=names)
    given = pa.table({"all": columns.to_struct_array()}) if nested else columns
    path = written(tmp_path, parquet(given))
    monkeypatch.setattr(pq, "read_metadata", lambda *_, **__: pytest.fail("the whole footer was read"))
    with pytest.raises(CutoffError, match=f"The file has {MOST_FIELDS + 1 + nested:,} columns; the limit is"):
        read_table(path)


@pytest.mark.parametrize("n_columns", [1, 13, 14, 15, 127, 128, 300])
def test_the_first_bytes_of_a_footer_tell_how_many_columns_there_are(n_columns: int, tmp_path: Path):
    names = [str(at) for at in range(n_columns)]
    path = written(tmp_path, parquet(pa.table([pa.array([1])] * n_columns, names=names)))
    assert _fields_of_parquet(path) == n_columns
