"""What tables of variants share: the columns that say which variant a row is of, and a height."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from core.plots.race import Line

COLUMNS = {"": st.column_config.ImageColumn(width=30), "Variant": st.column_config.TextColumn(pinned=True)}
DOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3" fill="{}"/></svg>'
ROW = 35  # pixels
SHOWN = 12  # rows; one scrolls to the others


def named(lines: Sequence[Line]) -> dict[str, list[str]]:
    """A dot in the colour of each variant and its name, to be shown as COLUMNS say."""
    dots = ["data:image/svg+xml," + quote(DOT.format(line.colour)) for line in lines]
    return {"": dots, "Variant": [line.name for line in lines]}


def height(rows: int) -> int:
    """Pixels of a table of so many rows, beyond SHOWN of which one scrolls."""
    return ROW * (min(rows, SHOWN) + 1) + 3
