"""Files of predictions that ship, a button each, and code that writes such a file from a model trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.predictions.examples import EXAMPLES
from core.predictions.snippets import SNIPPETS
from pages.shared import services


def offer(on_opened: Callable[[str], None]) -> None:
    """Buttons that open an example; `on_opened` is called with the id under which it is kept."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("Examples", width="content")
        for name, example in EXAMPLES.items():
            told = f"{example.story} {example.made_up}"
            st.button(example.label, key=f"example.{name}", help=told, on_click=_open, args=(name, on_opened))


def show_code() -> None:
    """Three lines for each library that write a file of predictions."""
    with st.expander("Code that writes such a file"):
        for tab, snippet in zip(st.tabs([one.label for one in SNIPPETS.values()]), SNIPPETS.values(), strict=True):
            with tab:
                st.caption("Two classes")
                st.code(snippet.two_classes, language="python", wrap_lines=True)
                if snippet.several_classes:
                    st.caption("Several classes")
                    st.code(snippet.several_classes, language="python", wrap_lines=True)


def _open(name: str, on_opened: Callable[[str], None]) -> None:
    example = EXAMPLES[name]
    on_opened(services.uploads().add(example.read(), example.label).id)
