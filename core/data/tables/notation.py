"""How numbers are written: which sign is the decimal one, and which only parts thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Decimal = Literal[".", ","]
GROUPS = "'\u2019 \u00a0\u202f"  # signs that only ever part thousands
EXPONENT = r"(e[-+]?\d+)?"
NAMES = {",": "Commas", ".": "Points"}


class Read(NamedTuple):
    """Numbers (N,), NaN for what is none, and the signs: the decimal one, "" if none occurs, and those of thousands.

    unclear: a text that may be either of two numbers, "" if there is none; nothing is read then.
    """

    values: NDArray[np.float64]
    decimal: str = ""
    thousands: str = ""
    unclear: str = ""


def _pattern(decimal: Decimal) -> re.Pattern[str]:
    point = re.escape(decimal)
    groups = f"[{GROUPS}{'.' if decimal == ',' else ','}]"
    whole = rf"(\d+|[1-9]\d{{0,2}}(?P<sign>{groups})\d{{3}}((?P=sign)\d{{3}})*)"
    return re.compile(rf"[-+]?({whole}({point}\d*)?|{point}\d+){EXPONENT}", re.IGNORECASE)


PATTERNS: dict[Decimal, re.Pattern[str]] = {".": _pattern("."), ",": _pattern(",")}
UNCLEAR = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")  # thousands, or a number with three decimals


def read(texts: Iterable[str], decimal: Decimal | None = None) -> Read:
    """Numbers from texts of one column, all in the same notation: 1,234.5 or 1.234,5.

    The decimal sign is the one with which the most texts are numbers. Points are decimal where either fits; commas are
    not, since 1,234 may be 1234 or 1.234: that is unclear, unless the decimal sign is given.
    """
    texts = list(texts)
    fits = {sign: [pattern.fullmatch(text) is not None for text in texts] for sign, pattern in PATTERNS.items()}
    sign = decimal_of(texts) or decimal
    unclear = [text for text in texts if "," in text and is_unclear(text)]
    if sign is None and unclear:
        return Read(np.full(len(texts), np.nan), unclear=unclear[0])
    sign = sign or "."
    other = "." if sign == "," else ","
    numbers = [text for text, fit in zip(texts, fits[sign], strict=True) if fit]
    plain = str.maketrans({sign: "."} | dict.fromkeys([*GROUPS, other], ""))
    values = [
        float(text.translate(plain)) if fit else _float(text) for text, fit in zip(texts, fits[sign], strict=True)
    ]
    return Read(
        np.array(values, np.float64),
        sign if any(sign in text for text in numbers) else "",
        other if any(other in text for text in numbers) else "",
    )


def decimal_of(texts: Iterable[str]) -> Decimal | None:
    """The decimal sign of most texts that are numbers with one decimal sign only; None if there are as many of both."""
    only = 0
    for text in texts:
        point, comma = (PATTERNS[sign].fullmatch(text) is not None for sign in PATTERNS)
        only += point - comma
    return None if only == 0 else "." if only > 0 else ","


def is_unclear(text: str) -> bool:
    """Whether the sign in a number may be the decimal one or part thousands, as in 1,234."""
    return UNCLEAR.fullmatch(text) is not None


def notes(found: Read, name: str) -> list[str]:
    """A sentence for each sign in the column of that name that is not written in English or by a program."""
    said = [f"Commas in {name} were read as decimal points."] if found.decimal == "," else []
    if found.thousands:
        said.append(f"{NAMES[found.thousands]} in {name} were read as thousands separators.")
    return said


def question(text: str) -> str:
    """What is unclear of a text, and what to do."""
    whole, _, decimals = text.partition(",")
    return (
        f"{text} may be {whole}{decimals} or {whole}.{decimals}. Write numbers without thousands separators and with "
        "decimal points."
    )


def _float(text: str) -> float:
    """NaN, infinity or, for what is no number, NaN."""
    return float(text) if text.lower().lstrip("+-") in ("inf", "infinity") else np.nan
