"""Parts of generated Python source for thresholds, valid for any names of classes and runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from core.evaluation.threshold import Provenance
from core.evaluation.tuning import provenance_label
from core.experiment.compatibility import describe
from core.export.record import ColumnThreshold, ThresholdRecord

WIDTH = 110


def header(record: ThresholdRecord) -> str:
    """Comments with the origin of the thresholds."""
    state = "Saved" if record.saved else "Current"
    where = f"{state} thresholds of {record.source} ({record.origin}), from Cutoff"
    what = " · ".join(describe(record.config)) if record.config else record.label
    return f"{_comment(where)}\n{_comment(what)}\n"


def imports(record: ThresholdRecord) -> str:
    """The import that decision rules without rounding need; "" for other rules."""
    return "from fractions import Fraction\n\n" if record.decision in ("ratio", "difference") else ""


def class_names(record: ThresholdRecord) -> str:
    """The definition of CLASS_NAMES, with one name per line if a single line is too long."""
    names = [repr(name) for name in record.class_names]
    line = f"CLASS_NAMES = [{', '.join(names)}]"
    return line if len(line) <= WIDTH else "\n".join(["CLASS_NAMES = [", *(f"    {name}," for name in names), "]"])


def thresholds(record: ThresholdRecord, before: str, after: str) -> str:
    """The definition of THRESHOLDS (C,) in float64: a list between `before` and `after`, with a comment for each.

    They are rounded to the scores' dtype, so that scores of a wider dtype give the same decisions.
    """
    lines = [
        f"    {number(value)},  # {column.name!r}: {in_words(column)}"
        for value, column in zip(record.compared(), record.thresholds, strict=True)
    ]
    return "\n".join([f"THRESHOLDS = {before}[", *lines, f"]{after}"])


def in_words(column: ColumnThreshold) -> str:
    """A threshold, its logit and its origin in words."""
    origin = Provenance(**column.origin.model_dump())
    if column.value is None:
        value = "above every score"
    else:
        value = f"{column.value:.6g}" + ("" if column.logit is None else f", as a logit {column.logit:.6g}")
    return f"{value}; {provenance_label(origin)}"


def rule_source(record: ThresholdRecord, rules: Mapping[str, str], leave_out: str) -> str:
    """The body of the decision function of a rule, with its params.

    If some thresholds are above every score, `leave_out` defines `p` and `finite` so that these classes are never
    predicted. If all are, the largest score decides.
    """
    above = [column.above_all for column in record.thresholds]
    if record.decision not in ("ratio", "difference") or not any(above):
        return rules[record.decision].format(**record.params)
    return rules["argmax"] if all(above) else f"{leave_out}\n{rules[record.decision].replace('THRESHOLDS', 'finite')}"


def number(value: float) -> str:
    """Source of exactly this float, which may be infinite."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _comment(text: str) -> str:
    """A one-line comment; unprintable characters become spaces."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)
