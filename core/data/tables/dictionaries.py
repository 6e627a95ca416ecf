"""Text as dictionaries: each different value once, and its number in each row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of dictionaries as one with different values, none of them missing, in one chunk.

    No value is written out once a row, and each chunk's dictionary is first cut to what its rows have: a file of many
    batches may repeat a large one in each.
    """
    kind = pa.dictionary(pa.int32(), column.type.value_type)
    array = pa.chunked_array([compact(chunk) for chunk in column.chunks], kind).unify_dictionaries().combine_chunks()
    values, indices = array.dictionary.cast(pa.large_string()).dictionary_encode(), array.indices
    if len(values.dictionary) < len(values):
        indices = values.indices.take(indices)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, values.dictionary)])


def compact(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """An array without the values of its dictionary that no row has or that are missing, and with 32-bit indices."""
    indices = array.indices.cast(pa.int32())
    used = np.bincount(indices.drop_null().to_numpy(), minlength=len(array.dictionary)) > 0
    used &= array.dictionary.is_valid().to_numpy(zero_copy_only=False)
    if used.all():
        return pa.DictionaryArray.from_arrays(indices, array.dictionary)
    place = pa.array(np.cumsum(used, dtype=np.int32) - 1, mask=~used)
    return pa.DictionaryArray.from_arrays(place.take(indices), array.dictionary.take(pa.array(np.flatnonzero(used))))
