"""The keys of the session state: what they hold, and that pages have no others."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import state
from pages.shared.state import Key, Keys
from tests.conftest import ROOT

PAGES = [
    path
    for path in sorted((ROOT / "pages").rglob("*.py"))
    if "components" not in path.parts and path != ROOT / "pages" / "shared" / "state.py"
]
TABLE = [key.name for key in (*vars(state).values(), *state.PAYOFFS.values()) if isinstance(key, Key | Keys)]


def literal_keys(source: str) -> Iterator[tuple[str, bool]]:
    """Each key of an element that is written as text, with whether the element has a value to persist."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if isinstance(given.get("key"), ast.Constant | ast.JoinedStr):
                yield ast.unparse(given["key"]), "persist_state" in given


def test_no_page_reaches_into_the_session_state_itself():
    assert [path.name for path in PAGES if "session_state" in path.read_text()] == []


def test_a_literal_key_is_written_once_and_is_of_an_element_without_a_value():
    found = [pair for path in PAGES for pair in literal_keys(path.read_text())]
    assert len(found) > 20
    assert [key for key, persists in found if persists] == []
    assert [key for key, count in Counter(key for key, _ in found).items() if count > 1] == []
    assert {ast.literal_eval(key) for key, _ in found if key.startswith("'")}.isdisjoint(TABLE)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("st.slider('a', key='b', persist_state='session')", [("'b'", True)]),
        ("live_figure(figure, key=f'figure {part}')", [("f'figure {part}'", False)]),
        ("st.slider('a', key=state.COLUMN.name)", []),
    ],
)
def test_literal_keys_are_found(source: str, found: list[tuple[str, bool]]):
    assert list(literal_keys(source)) == found


def test_every_key_stands_once_in_the_table():
    assert len(TABLE) > 50
    assert len(set(TABLE)) == len(TABLE)


def script() -> None:
    import streamlit as st

    from pages.shared.state import Key, Keys

    count, focus = Key("count", 3), Keys("focus.{}.{}", 0)
    st.text(f"{count.get()} {count.is_set()} {focus.of('job', 1).get()}")
    if not count.is_set():
        count.setdefault()
        focus.of("job", 1).set(7)
        st.text(f"{count.setdefault(5)} {count.is_set()} {focus.of('job', 1).get()} {focus.of('job', 2).get()}")
    else:
        st.text(f"{count.pop()} {count.is_set()} {count.setdefault(5)} {count.get()}")


def test_a_key_holds_its_default_until_something_is_set_and_again_once_it_is_taken_out():
    at = AppTest.from_function(script).run()
    assert [shown.value for shown in at.text] == ["3 False 0", "3 True 7 0"]
    assert at.session_state["focus.job.1"] == 7
    at.run()
    assert [shown.value for shown in at.text] == ["3 True 7", "3 False 5 5"]
