"""Files that are dropped or pasted on a page that shows no predictions: the Workbench opens them."""

from __future__ import annotations

import streamlit as st

from core.settings import read_settings
from pages.components.upload.upload import upload_anywhere
from pages.shared import dom, own_table, state

WORKBENCH = "workbench/workbench.py"


def receive() -> None:
    """Take a file that is dropped or pasted anywhere on the page, for the dialog of one's own table if that is open."""
    upload_anywhere(most_bytes=read_settings().upload_mb << 20, on_opened=_received, key=dom.UPLOAD)
    if state.LINKED.of("predictions").get():
        st.switch_page(WORKBENCH)


def _received(name: str) -> None:
    if state.TABLE_ASKED.get():
        own_table.take(name)
    else:
        state.LINKED.of("predictions").set(name)
