"""Rows of a part in words."""

from __future__ import annotations

import pytest

from core.evaluation.source import ALL, rows_label


@pytest.mark.parametrize(
    ("part", "plain", "numbered", "single", "none", "the"),
    [
        ("test", "test rows", "1,500 test rows", "1 test row", "no test rows", "the test rows"),
        (ALL, "all rows", "1,500 rows", "1 row", "no rows", "all rows"),
    ],
)
def test_rows_are_written_as_one_would_say_them(part, plain, numbered, single, none, the):
    assert rows_label(part) == plain
    assert rows_label(part, 1500) == numbered
    assert rows_label(part, 1) == single
    assert rows_label(part, "no") == none
    assert rows_label(part, the=True) == the
    assert rows_label(part, 1500, the=True) == f"the {numbered}"
