"""Text that has to fit."""

from __future__ import annotations


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, at most `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
