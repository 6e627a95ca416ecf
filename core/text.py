"""Text cut short, and numbers with what they count."""

from __future__ import annotations

from typing import SupportsFloat


def shortened(text: str, longest: int) -> str:
    """The text, cut to at most `longest` characters, the last of them an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def count_label(count: SupportsFloat) -> str:
    """A number of rows, or their weight with one decimal."""
    number = float(count)
    return f"{int(number):,}" if number.is_integer() else f"{number:,.1f}"


def counted(number: SupportsFloat | str, one: str, several: str = "") -> str:
    """A number, as such or as text, and what it counts, as in "1 row" and "1,234 rows"; `several` where that is not
    `one` and an s, as in "1 row is" and "2 rows are"."""
    said = number if isinstance(number, str) else count_label(number)
    return f"{said} {one if said == '1' else several or f'{one}s'}"
