"""A cache of the values used last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.evaluation.recent import Recent


def test_a_value_is_built_once_and_the_one_unused_for_longest_is_dropped():
    recent: Recent[str, str] = Recent(2)
    built: list[str] = []

    def get(key: str) -> str:
        def build() -> str:
            built.append(key)
            return key.upper()

        return recent.get(key, build)

    assert [get(key) for key in "aabaca"] == ["A", "A", "B", "A", "C", "A"]
    assert built == ["a", "b", "c"]
    assert get("b") == "B"
    assert built == ["a", "b", "c", "b"]


def test_many_threads_get_their_own_values():
    recent: Recent[int, int] = Recent(3)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda key: recent.get(key % 5, lambda: key % 5), range(500)))
    assert found == [key % 5 for key in range(500)]


def test_what_failed_is_built_again():
    recent: Recent[str, int] = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 3) == 3
