"""What tables of variants share: the columns that say which variant a row is of, and a height."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from core.plots.race import Line

COLUMNS = {
    "": st.column_config.ImageColumn(width=30),
    "Variant": st.column_config.TextColumn(pinned=True, width="medium"),
}
DOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3" fill="{}"/></svg>'
ROW = 35  # pixels
SHOWN, FEW = 12, 6  # rows of the main table and of others


def named(lines: Sequence[Line]) -> dict[str, list[str]]:
    """A dot in the colour of each variant and its name, to be shown as COLUMNS say."""
    dots = ["data:image/svg+xml," + quote(DOT.format(line.colour)) for line in lines]
    return {"": dots, "Variant": [line.name for line in lines]}


def height(rows: int, shown: int = SHOWN) -> int:
    """Pixels of a table of so many rows, of which so many are shown; one scrolls to the others."""
    return ROW * (min(rows, shown) + 1) + 3
