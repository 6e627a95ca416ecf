"""Groups of rows are those of the first column with few values, and every row with a value is in one of them."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.groups import MOST, grouping
from core.evaluation.source import RowColumns


def test_the_first_column_with_few_values_parts_the_rows():
    many, one = np.arange(26), np.zeros(26)
    region = np.array(["south", "north"], dtype=object)[np.arange(26) % 2]
    found = grouping(RowColumns(groups={"many": many, "one": one, "region": region, "other": region}))
    assert found
    assert (found.column, found.names) == ("region", ("north", "south"))
    for name in found.names:
        np.testing.assert_array_equal(found.rows(name), region == name)
    assert not found.rows("east").any()


@pytest.mark.parametrize("values", [np.arange(MOST), np.arange(MOST) + 0.5, np.array([True, False] * 6)])
def test_values_of_any_type_are_in_their_order_and_have_names_of_their_own(values: np.ndarray):
    found = grouping(RowColumns(groups={"column": values}))
    assert found
    assert found.names == tuple(str(value) for value in np.unique(values))
    np.testing.assert_array_equal(np.unique(values)[found.codes], values)


@pytest.mark.parametrize("values", [np.array(["a", None, "b", "a"], object), np.array([1, np.nan, 2, 1])])
def test_a_row_without_a_value_is_in_no_group(values: np.ndarray):
    found = grouping(RowColumns(groups={"column": values}))
    assert found
    np.testing.assert_array_equal(found.codes, [0, -1, 1, 0])
    assert found.names in (("a", "b"), ("1", "2"))


@pytest.mark.parametrize("size", [0, 1, MOST + 1])
def test_too_few_or_too_many_values_are_no_groups(size: int):
    assert grouping(RowColumns(groups={"column": np.arange(size)})) is None
    assert grouping(RowColumns()) is None
