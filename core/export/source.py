"""Pieces of Python source for adopted thresholds, right whatever classes and runs are called."""

from __future__ import annotations

import math

from core.experiment.compatibility import describe
from core.export.record import Adopted

WIDTH = 110


def header(adopted: Adopted) -> str:
    """Comments that say where the thresholds come from."""
    where = f"Thresholds of {adopted.source} ({adopted.origin}), adopted in Cutoff and tuned on validation rows"
    what = " · ".join(describe(adopted.config)) if adopted.config else adopted.label
    return f"{_comment(where)}\n{_comment(what)}\n"


def imports(adopted: Adopted) -> str:
    """What the rules that compare without rounding need before anything else; nothing for the others."""
    return "from fractions import Fraction\n\n" if adopted.decision in ("ratio", "difference") else ""


def class_names(adopted: Adopted) -> str:
    """The definition of CLASS_NAMES, each name in a line of its own where one line is too long."""
    names = [repr(name) for name in adopted.class_names]
    line = f"CLASS_NAMES = [{', '.join(names)}]"
    return line if len(line) <= WIDTH else "\n".join(["CLASS_NAMES = [", *(f"    {name}," for name in names), "]"])


def thresholds(adopted: Adopted, before: str, after: str) -> str:
    """The definition of THRESHOLDS (C,) in float64: a list between `before` and `after`, with a comment for each.

    They are rounded to the scores' dtype, so that scores of a wider type compare in the same way.
    """
    lines = [
        f"    {number(value)},  # {column.name!r}: {in_words(adopted, at)}"
        for at, (value, column) in enumerate(zip(adopted.compared(), adopted.thresholds, strict=True))
    ]
    return "\n".join([f"THRESHOLDS = {before}[", *lines, f"]{after}"])


def in_words(adopted: Adopted, column: int) -> str:
    """A threshold as it is on the page and as a logit."""
    threshold = adopted.thresholds[column]
    return f"{threshold.probability:.6g}, as a logit {threshold.logit:.6g}"


def number(value: float) -> str:
    """Source that gives this very float, also where it is infinite."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _comment(text: str) -> str:
    """A comment in one line, whatever is in the text."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)
