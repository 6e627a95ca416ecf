"""Names of columns are different and in sentences short; sizes are checked."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tables.table import LONGEST_NAME, MOST_BYTES, MOST_CELLS, check_size, checked, different, listed
from core.errors import CutoffError


@settings(max_examples=200)
@given(names=st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b", "", " a", "column 2", "column 2 (2)"]), max_size=8))
def test_names_are_different_in_order_and_kept_where_they_can_be(names: list[str]):
    found, new = different(names)
    assert len(found) == len(names) == len(set(found))
    assert all(found)
    firsts = {name.strip(): at for at, name in reversed(list(enumerate(names)))}
    assert all(found[at] == name for name, at in firsts.items() if name)
    assert set(new) == set(found) - {name.strip() for name in names}


def test_a_sentence_lists_few_names_each_short_and_on_one_line():
    assert listed("abc") == "a, b, c"
    assert listed("abcdefgh", 2) == "a, b and 6 more"
    assert listed(["a\nb\t c"]) == "a b c"
    long = listed(["x" * 1_000_000, "y"])
    assert long.endswith("…, y")
    assert len(long) == LONGEST_NAME + 3


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_bytes"), [(1, 2_001, 0), (MOST_CELLS, 2, 0), (1, 1, MOST_BYTES + 1)]
)
def test_sizes_over_the_limit_are_refused(n_rows: int, n_columns: int, n_bytes: int):
    with pytest.raises(CutoffError, match="the limit is"):
        check_size(n_rows, n_columns, n_bytes)
    check_size(MOST_CELLS // 2_000, 2_000, MOST_BYTES)


def test_a_table_says_what_it_left_out():
    table = checked(pa.table({"a": [1], "b": [[1]]}), ["First."])
    assert table.names == ("a",)
    assert table.n_rows == 1
    assert table.notes == ("First.", "Left out, since they hold no single number, text or date a row: b.")
