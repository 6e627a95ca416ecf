"""Text that a spreadsheet would run as a formula: escaped where CSV is written, and as it was where CSV is read.

As OWASP recommends (CSV Injection, 2023), a single quote goes before a text that begins with = + - @ or a tab or line
break. Text that has such a quote already gets another one, so that reading is exact; a number is no formula.
"""

from __future__ import annotations

import re

FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def escaped(text: str) -> str:
    """The text with a single quote before it if it would be run."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def unescaped(text: str) -> str:
    """The text that `escaped` returns this for."""
    return text[1:] if text.startswith("'") and escaped(text[1:]) == text else text
