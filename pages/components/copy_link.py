"""A button that copies the link to what is shown; a browser that refuses gets a field to copy it from."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__)
_component = st.components.v2.component(
    "copy_link",
    html=HERE.with_suffix(".html").read_text(),
    css=HERE.with_suffix(".css").read_text(),
    js=HERE.with_suffix(".js").read_text(),
)


def copy_link(label: str, help: str, *, key: str) -> None:
    """Draw the button with this label and tooltip. It copies the browser's address and sends nothing to the server."""
    _component(key=key, data={"label": label, "help": help}, width="content")
