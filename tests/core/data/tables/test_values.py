"""Columns as numbers, categories and times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tables import checked
from core.data.tables.values import categories, few_categories, numbers, reads_as_numbers, times

NAN = float("nan")


def column(values: list, kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return checked(pa.table({"a": pa.array(values, kind)})).columns["a"]


@pytest.mark.parametrize(
    ("values", "found", "notes", "unread"),
    [
        ([1, None, 3], [1, NAN, 3], 0, 0),
        ([0.5, None], [0.5, NAN], 0, 0),
        ([True, False, None], [1, 0, NAN], 0, 0),
        (["1", "0.5", " 2 ", None], [1, 0.5, 2, NAN], 0, 0),
        (["12%", "3.5 %"], [0.12, 0.035], 1, 0),
        (["12,5", "3"], [12.5, 3], 1, 0),
        (["12,5%", "3%"], [0.125, 0.03], 2, 0),
        (["1,234.5", "1"], [1234.5, 1], 1, 0),
        (["1,234.5", "1.234,5"], [1234.5, NAN], 1, 1),
        (["1,234", "2"], [NAN, NAN], 0, 2),
        (["a", "b", None], [NAN, NAN, NAN], 0, 2),
        (["12%", "1"], [NAN, 1], 0, 1),
        (["inf", "-Infinity", "NaN"], [float("inf"), float("-inf"), NAN], 0, 0),
        (["1_0", "0x1", "1e3"], [NAN, NAN, 1000], 0, 2),
        ([2**53 + 1, None], [2.0**53, NAN], 0, 0),
        ([2**63 - 1, None], [2.0**63, NAN], 0, 0),
    ],
)
def test_numbers(values: list, found: list[float], notes: int, unread: int):
    got = numbers(column(values), "a")
    np.testing.assert_array_equal(got.values, found)
    assert (len(got.notes), got.unread) == (notes, unread)


def test_numbers_keep_their_dtype():
    for dtype in (np.float32, np.float64):
        assert numbers(pa.chunked_array([np.array([0.5], dtype)]), "a").values.dtype == dtype


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([10, 9, None, 10], ["9", "10"]),
        ([1.0, 0.0, -0.0, NAN], ["0", "1"]),
        ([0.5, 2.0], ["0.5", "2"]),
        ([True, False], ["false", "true"]),
        (["b", "a", None, " a", "a "], ["a", "b"]),
        (["  ", "", None], []),
        ([None, None], []),
        ([-1, 1], ["-1", "1"]),
    ],
)
def test_categories_are_ordered_texts(values: list, found: list[str]):
    assert list(categories(column(values)).values) == found


@settings(max_examples=200)
@given(
    values=st.one_of(
        st.lists(st.none() | st.integers(-5, 12), min_size=1),
        st.lists(st.none() | st.booleans(), min_size=1),
        st.lists(st.none() | st.sampled_from([0.5, 1.0, 3.0]), min_size=1),
        st.lists(st.none() | st.sampled_from(["", "a", " a", "b ", "10", "9"]), min_size=1),
    ),
    n_chunks=st.integers(1, 3),
)
def test_each_row_has_the_code_of_its_value(values: list, n_chunks: int):
    cut = max(1, len(values) // n_chunks)
    table = pa.concat_tables(
        [pa.table({"a": pa.array(values[at : at + cut], pa.array(values).type)}) for at in range(0, len(values), cut)]
    )
    found = categories(checked(table).columns["a"])
    texts = [found.values[code] if code >= 0 else None for code in found.codes]
    assert texts == [as_label(value) for value in values]
    assert set(found.codes) - {-1} == set(range(len(found.values)))


def as_label(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: None}[value]
    return (value.strip() or None) if isinstance(value, str) else f"{value:g}"


@pytest.mark.parametrize("n_rows", [20, 5_000])
def test_few_categories_or_none(n_rows: int):
    for values in (np.arange(n_rows), np.arange(n_rows).astype(str).tolist(), np.arange(n_rows) / 7):
        assert few_categories(column(values), 10) is None
        assert few_categories(column(list(values[:10]) * 100), 10) is not None


def test_a_text_reads_as_numbers_or_not():
    assert reads_as_numbers(column(["1,5", "2%", "3%"])) is False
    assert reads_as_numbers(column(["1,5", "2"]))
    assert reads_as_numbers(column(["5%", "2%"]))
    assert not reads_as_numbers(column(["a", "2"]))
    assert not reads_as_numbers(column([None, None], pa.string()))
    assert not reads_as_numbers(column([1, 2]))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T18:30:05", "2024-01-31T18:30:05"),
        ("2024-01-31 18:30", "2024-01-31T18:30"),
        ("2024-01-31T18:30:00Z", "2024-01-31T18:30"),
        ("2024-01-31T18:30:00+02:00", "2024-01-31T16:30"),
        (" 2024-01 ", "2024-01-01"),
        ("now", "NaT"),
        ("today", "NaT"),
        ("31.01.2024", "NaT"),
        ("Q1", "NaT"),
        ("99999-01-01", "NaT"),
    ],
)
def test_times_from_text(text: str, moment: str):
    found = times(pa.chunked_array([pa.array([text, None]).dictionary_encode()]))
    np.testing.assert_array_equal(found, np.array([moment, "NaT"], "datetime64[us]"))


def test_numbers_of_periods_stay_numbers():
    np.testing.assert_array_equal(times(column([202401, 202402])), [202401, 202402])
