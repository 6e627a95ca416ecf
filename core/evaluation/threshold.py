"""Thresholds: a number on the scale of the scores, and its provenance.

A row is predicted positive when `score >= threshold`, compared in the scores' own dtype. Since a probability can be 1,
no number in [0, 1] is above every future score, so "above every score" is a separate state, `above_all`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.special import logit

from core.errors import CutoffError
from core.evaluation.scores import Scores

How = Literal["default", "typed", "dragged", "rule"]
EARLIER = "earlier"
ABOVE_ALL = "above-all"  # in links, files and the browser; shown as "above every score"


@dataclass(frozen=True)
class Provenance:
    """Where a threshold came from.

    how: "default" (not chosen), "typed" into a field, "dragged" in a figure, or found by a "rule".
    rows: the split that was shown when it was typed or dragged, or that it was tuned on; "" for a default.
    rule: identifier of the tuning rule, "" otherwise.
    earlier: whether the rule found it on the scores of an earlier run, on these rows.
    """

    how: How = "default"
    rows: str = ""
    rule: str = ""
    earlier: bool = False

    @property
    def text(self) -> str:
        """The provenance in links and files, as in "default", "typed@test", "f1@validation" or, of an earlier run,
        "f1@validation@earlier"."""
        return "@".join(filter(None, (self.rule or self.how, self.rows, EARLIER * self.earlier)))

    @classmethod
    def parse(cls, text: str, rules: Iterable[str], parts: Iterable[str]) -> Provenance:
        """Read a provenance from `text`, given the identifiers of the rules and the names of the splits.

        Raises CutoffError for any other text.
        """
        way, rows, when = (*text.split("@", 2), "", "")[:3]
        known = {how: cls(how, rows) for how in get_args(How) if how != "rule" and not when} | {
            rule: cls("rule", rows, rule, when == EARLIER) for rule in rules if when in ("", EARLIER)
        }
        rows_known = rows in parts if way not in get_args(How) else rows in (*parts, "")
        if way not in known or not rows_known or (way == "default" and rows):
            raise CutoffError(f"The link says that a threshold came from {text!r}, which is not known here.")
        return known[way]


UNCHOSEN = Provenance()


@dataclass(frozen=True)
class Threshold:
    """A threshold t for `score >= t`.

    value: a number of the scores' dtype, in [0, 1] for probabilities; inf, only for computing, if it is above every
        score (`above_all`).
    domain: the scale of the scores.
    provenance: where it came from.
    """

    value: float
    domain: Domain
    provenance: Provenance = UNCHOSEN

    @property
    def above_all(self) -> bool:
        """Whether it is above every score, so that no row is predicted positive."""
        return bool(np.isposinf(self.value))

    @property
    def text(self) -> str:
        """The shortest text that `Domain.admit` reads as the same threshold; ABOVE_ALL above every score."""
        return ABOVE_ALL if self.above_all else _shortest(self.value, self.domain.dtype)

    @property
    def number(self) -> float | None:
        """The shortest number that is the same threshold in the scores' dtype, for files; None above every score."""
        return None if self.above_all else float(self.text)

    @property
    def logit(self) -> float | None:
        """The logit of a threshold on probabilities, infinite at 0 and 1; None above all and for other scores."""
        return float(logit(self.value)) if self.domain.probabilities and not self.above_all else None


@dataclass(frozen=True)
class Domain:
    """The possible thresholds of a column of scores.

    dtype: of the scores, "float16", "float32" or "float64", to which thresholds are rounded.
    probabilities: whether scores, and so thresholds, are in [0, 1]; otherwise a threshold is any finite number.
    """

    dtype: str
    probabilities: bool

    @classmethod
    def of(cls, *parts: Scores) -> Domain:
        """The domain of scores (N, C) of one or more splits: probabilities if they are in all of them."""
        dtype = np.result_type(*(scores.y_score.dtype for scores in parts))
        return cls(dtype.name, all(scores.are_probabilities for scores in parts))

    def default(self) -> Threshold:
        """The default threshold: .5 for probabilities, 0 for other scores."""
        return Threshold(0.5 if self.probabilities else 0.0, self)

    def above_all(self, provenance: Provenance = UNCHOSEN) -> Threshold:
        """The threshold above every score."""
        return Threshold(float("inf"), self, provenance)

    def admit(self, given: float | str, provenance: Provenance) -> Threshold:
        """Check a threshold from any input: a field, a pointer, a key, a link or a file.

        Parameters
        ----------
        given : a number or its text, which is rounded to the scores' dtype, or ABOVE_ALL.
        provenance : where it came from.

        Returns
        -------
        The threshold.

        Raises
        ------
        CutoffError unless it is a finite number, in [0, 1] for probabilities and in the range of the dtype.
        """
        if given == ABOVE_ALL:
            return self.above_all(provenance)
        try:
            number = float(given)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if not np.isfinite(number):
            raise CutoffError(f"A threshold is a finite number, but this one is {str(given)[:40]!r}.")
        if self.probabilities and not 0 <= number <= 1:
            raise CutoffError(
                f"These scores are probabilities, so a threshold lies from 0 to 1, but this one is {given}."
            )
        with np.errstate(over="ignore"):
            rounded = float(np.dtype(self.dtype).type(number))
        if not np.isfinite(rounded):
            raise CutoffError(f"A threshold of {self.dtype} scores can't be as large as {given}.")
        return Threshold(rounded + 0.0, self, provenance)  # turns -0.0 into 0.0

    def found(self, threshold: float, rule: str, rows: str) -> Threshold:
        """The threshold that a rule tuned on a split; inf is above every score. Raises CutoffError as `admit` does."""
        provenance = Provenance("rule", rows, rule)
        return self.above_all(provenance) if np.isposinf(threshold) else self.admit(threshold, provenance)


def thresholds_to_text(thresholds: Sequence[Threshold]) -> str:
    """Thresholds (C,) as comma-separated text for a link; `read_thresholds` returns the same numbers."""
    return ",".join(threshold.text for threshold in thresholds)


def provenances_to_text(thresholds: Sequence[Threshold]) -> str:
    """Provenances of thresholds (C,) as comma-separated text; a single one if all are the same."""
    texts = [threshold.provenance.text for threshold in thresholds]
    return texts[0] if len(set(texts)) == 1 else ",".join(texts)


def read_thresholds(
    text: str, origins: str, domain: Domain, columns: int, rules: Iterable[str], parts: Iterable[str]
) -> tuple[Threshold, ...]:
    """Read thresholds and their provenances from a link.

    Parameters
    ----------
    text : as `thresholds_to_text` writes it, such as "0.62" or "0.5,above-all".
    origins : as `provenances_to_text` writes it; "" counts as typed.
    domain : of the scores.
    columns : number C of thresholds.
    rules : identifiers of the tuning rules.
    parts : names of the splits.

    Returns
    -------
    The thresholds, (C,).

    Raises
    ------
    CutoffError for another number of thresholds, and for one that the domain or `Provenance.parse` does not accept.
    """
    values = text.split(",")
    if len(values) != columns:
        expected = "one threshold" if columns == 1 else f"{columns} thresholds"
        raise CutoffError(f"These scores take {expected}, but the link has {len(values)}.")
    said = origins.split(",") if origins else ["typed"]
    if len(said) not in (1, columns):
        raise CutoffError(f"The link says of {len(said)} thresholds where they came from, but it has {columns}.")
    rules, parts = tuple(rules), tuple(parts)
    known = [Provenance.parse(one, rules, parts) for one in said] * (columns if len(said) == 1 else 1)
    return tuple(domain.admit(value.strip(), origin) for value, origin in zip(values, known, strict=True))


def _shortest(value: float, dtype: str) -> str:
    """The shortest text of this number in the dtype."""
    number = np.dtype(dtype).type(value)
    plain, scientific = np.format_float_positional(number, trim="-"), np.format_float_scientific(number, trim="-")
    return min(plain, scientific, key=len)
