"""What somebody typed, or a link says, is shown as it is: it fetches nothing, links to nothing, and has no looks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import state, text
from pages.shared.variant_looks import dotted
from tests.conftest import open_page, press, trained, unescaped
from tests.support.workbench_page import opened

TYPED = [
    "![x](http://example.com/a.png)",
    "http://example.com",
    "HTTPS://example.com/a?b=c",
    "www.example.com",
    "me@example.com",
    "mailto:me@example.com",
    "<img src=http://example.com/a.png>",
    ":material/delete:",
    ":material_delete:",
    ":red[x]",
    ":smile:",
    ":+1:",
    ":streamlit:",
    "$x$",
    "$$x$$",
    "**x**",
    "_x_ __y__",
    "~~x~~",
    "[x](http://example.com)",
    "[^1]",
    "&lt;",
    "1. x",
    "# x",
    "`x y`",
]
# What is found in Markdown once its escapes are resolved: addresses by remark-gfm, icons and emoji by Streamlit.
SEEN_IN_TEXT = re.compile(r"https?://|www\.|\w@\w|:[\w+-]+:|:material[/_]\w+:", re.IGNORECASE)
# A sign that has a meaning where no backslash stands before it.
BARE = re.compile(r"(?<!\\)(?:\\\\)*[!\[\]<>*$~`#&|]")


@pytest.mark.parametrize("typed", TYPED)
def test_what_was_typed_is_plain_text(typed: str) -> None:
    shown = text.plain(typed)
    assert unescaped(shown) == typed
    assert not BARE.search(shown)
    assert not SEEN_IN_TEXT.search(re.sub(r"\\(\W|_)", r"\1", shown))
    assert not re.search(r"(?<![\\\w])_|(?<!\\)_(?!\w)|^\d+\.\s", shown)
    assert dotted(typed, "#123456") == f':color[●]{{foreground="#123456"}} {shown}'


def test_names_of_ours_are_left_as_they_are() -> None:
    for name in ("pos_weight 100 · BCE", "learning rate 0.003", "a `loss.*` of 1e-05"):
        assert unescaped(text.plain(name)) == name
    assert text.plain("pos_weight 9") == "pos_weight 9"
    assert text.plain("take `loss.gamma`, 12:30") == "take `loss.gamma`, 12\\:30"


def markdown(at: AppTest) -> Iterator[str]:
    """All that the browser reads as Markdown: texts, boxes, and labels of widgets and their options."""
    for kind in ("markdown", "caption", "header", "subheader", "title", "warning", "error", "info", "toast"):
        yield from (str(element.value) for element in at.get(kind))
    for kind in ("radio", "button_group", "button", "expander", "tab", "checkbox", "number_input", "slider", "metric"):
        for element in at.get(kind):
            yield str(element.label)
            yield from map(str, getattr(element, "options", ()) if kind in ("radio", "button_group") else ())


@pytest.mark.parametrize("typed", ["![x](http://example.com/a.png)", "http://example.com", ":red[x]", "$x$ $y$"])
def test_the_name_of_a_variant_is_no_markdown_on_any_page(app_test: AppTest, typed: str) -> None:
    at = app_test
    at.query_params["epochs"] = "1"
    at.query_params["variants"] = json.dumps({"name": [typed, f"{typed} 2"], "loss": ["focal", typed]})
    trained(press(open_page(at, "compare"), "Start"))
    seen = []
    for page in ("compare", "workbench", "losses"):
        assert not open_page(at, page).exception
        seen += list(markdown(at))
        if page == "workbench":
            at.session_state["panel"] = "Compare"
            with opened(at, state.CHOOSING_SHOWN.name):
                seen += list(markdown(at))
    assert not [said for said in seen if typed in said]
    assert any(typed in unescaped(said) for said in seen)
