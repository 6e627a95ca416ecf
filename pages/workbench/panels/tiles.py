"""Numbers beside each other, two of them where a page is narrow."""

from __future__ import annotations

import streamlit as st

from pages.shared import text

NARROW = 140  # pixels of a number, so that a narrow page has two beside each other


def tiles(*shown: tuple[str, str, str], helps: dict[str, str] | None = None) -> None:
    """What each number is, its value, and a caption; `helps` explains some of them by what they are."""
    with st.grid(len(shown), min_column_width=NARROW) as grid:
        for label, value, caption in shown:
            with grid.cell():
                st.metric(label, value, help=(helps or {}).get(label))
                st.caption(text.plain(caption))
