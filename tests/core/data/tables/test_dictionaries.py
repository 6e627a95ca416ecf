"""Dictionaries with different values only, whatever their chunks had."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tables.dictionaries import compact, encoded

VALUES = st.lists(st.none() | st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=4)


@settings(max_examples=200)
@given(
    chunks=st.lists(VALUES, max_size=4).flatmap(
        lambda dictionaries: st.tuples(
            *(
                st.tuples(st.just(values), st.lists(st.none() | st.integers(0, len(values) - 1), max_size=6))
                for values in dictionaries
            )
        )
    ),
    index=st.sampled_from([pa.int8(), pa.uint16(), pa.int32(), pa.int64()]),
)
def test_rows_keep_their_values_and_values_occur_once(chunks: tuple, index: pa.DataType):
    arrays = [
        pa.DictionaryArray.from_arrays(pa.array(rows, index), pa.array(values, pa.string())) for values, rows in chunks
    ]
    found = encoded(pa.chunked_array(arrays, pa.dictionary(index, pa.string())))
    assert found.to_pylist() == [None if row is None else values[row] for values, rows in chunks for row in rows]
    assert found.type == pa.dictionary(pa.int32(), pa.large_string())
    assert found.num_chunks == 1
    values = found.chunk(0).dictionary
    assert len(values.unique()) == len(values)
    assert values.null_count == 0


def test_a_part_keeps_only_the_values_that_it_has():
    text = pa.array([f"row {at}" for at in range(1_000)]).dictionary_encode()
    few = compact(text.take(pa.array([5, 5, 999])))
    assert few.to_pylist() == ["row 5", "row 5", "row 999"]
    assert few.dictionary.to_pylist() == ["row 5", "row 999"]


def test_many_batches_that_share_a_large_dictionary_take_the_room_of_their_rows():
    values = pa.array([f"value {at}" for at in range(100_000)])
    chunks = [pa.DictionaryArray.from_arrays(pa.array([at], pa.int32()), values) for at in range(1_000)]
    found = encoded(pa.chunked_array(chunks))
    assert found.to_pylist() == values.slice(0, 1_000).to_pylist()
    assert len(found.chunk(0).dictionary) == 1_000
    assert np.array_equal(found.chunk(0).indices, np.arange(1_000))
