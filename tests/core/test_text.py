"""Numbers with what they count, one and several, and no sentence with a plural of one."""

from __future__ import annotations

import numpy as np
import pytest

from core.text import counted


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 rows"),
        (1, "1 row"),
        (2, "2 rows"),
        (1_234, "1,234 rows"),
        (np.int64(1), "1 row"),
        (np.float64(1), "1 row"),
        (1.5, "1.5 rows"),
        ("1", "1 row"),
        ("1,234", "1,234 rows"),
    ],
)
def test_one_is_singular_and_all_else_plural(number, said: str):
    assert counted(number, "row") == said


def test_a_verb_agrees_with_its_number():
    assert [counted(number, "row is", "rows are") for number in (1, 2)] == ["1 row is", "2 rows are"]
