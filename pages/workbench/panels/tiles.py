"""Numbers beside each other, two of them where a page is narrow."""

from __future__ import annotations

import streamlit as st

from pages.shared import text

NARROW = 140  # pixels of a number, so that a narrow page has two beside each other


def tiles(*shown: tuple[str, str, str], helps: dict[str, str] | None = None) -> None:
    """What each number is, its value, and a caption; `helps` explains some of them by what they are."""
    with st.grid(len(shown), min_column_width=NARROW):
        for label, value, caption in shown:
            st.metric(
                label,
                value,
                delta=text.plain(caption),
                delta_color="off",
                delta_arrow="off",
                help=(helps or {}).get(label),
            )
