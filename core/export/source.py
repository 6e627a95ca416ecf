"""Pieces of Python source for thresholds, right whatever classes and runs are called."""

from __future__ import annotations

import math
from collections.abc import Mapping

from core.evaluation.threshold import Provenance
from core.evaluation.tuning import provenance_label
from core.experiment.compatibility import describe
from core.export.record import ColumnThreshold, ThresholdRecord

WIDTH = 110


def header(record: ThresholdRecord) -> str:
    """Comments that say where the thresholds come from."""
    said = "Saved" if record.saved else "Current"
    where = f"{said} thresholds of {record.source} ({record.origin}), from Cutoff"
    what = " · ".join(describe(record.config)) if record.config else record.label
    return f"{_comment(where)}\n{_comment(what)}\n"


def imports(record: ThresholdRecord) -> str:
    """What the rules that compare without rounding need before anything else; nothing for the others."""
    return "from fractions import Fraction\n\n" if record.decision in ("ratio", "difference") else ""


def class_names(record: ThresholdRecord) -> str:
    """The definition of CLASS_NAMES, each name in a line of its own where one line is too long."""
    names = [repr(name) for name in record.class_names]
    line = f"CLASS_NAMES = [{', '.join(names)}]"
    return line if len(line) <= WIDTH else "\n".join(["CLASS_NAMES = [", *(f"    {name}," for name in names), "]"])


def thresholds(record: ThresholdRecord, before: str, after: str) -> str:
    """The definition of THRESHOLDS (C,) in float64: a list between `before` and `after`, with a comment for each.

    They are rounded to the scores' dtype, so that scores of a wider type compare in the same way.
    """
    lines = [
        f"    {number(value)},  # {column.name!r}: {in_words(column)}"
        for value, column in zip(record.compared(), record.thresholds, strict=True)
    ]
    return "\n".join([f"THRESHOLDS = {before}[", *lines, f"]{after}"])


def in_words(column: ColumnThreshold) -> str:
    """A threshold, its logit, and where it came from."""
    origin = Provenance(column.origin.how, column.origin.rows, column.origin.rule)
    if column.value is None:
        value = "above every score"
    else:
        value = f"{column.value:.6g}" + ("" if column.logit is None else f", as a logit {column.logit:.6g}")
    return f"{value}; {provenance_label(origin)}"


def rule_source(record: ThresholdRecord, rules: Mapping[str, str], leave_out: str) -> str:
    """The body of the decision of a rule with its params. Where some classes have thresholds above every score,
    `leave_out` gives `p` and `finite` that let them lose every comparison; where all have, the largest score
    decides."""
    above = [column.above_all for column in record.thresholds]
    if record.decision not in ("ratio", "difference") or not any(above):
        return rules[record.decision].format(**record.params)
    return rules["argmax"] if all(above) else f"{leave_out}\n{rules[record.decision].replace('THRESHOLDS', 'finite')}"


def number(value: float) -> str:
    """Source that gives this very float, also where it is infinite."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _comment(text: str) -> str:
    """A comment in one line, whatever is in the text."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)
