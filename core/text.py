"""Shortening of text."""

from __future__ import annotations


def shortened(text: str, longest: int) -> str:
    """The text, cut to at most `longest` characters, the last of them an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
