"""Checks and their findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["mistake", "caution", "note"]
Found = tuple[str, dict[str, object] | None] | None  # the result of a check: sentence and remedy, or None


@dataclass(frozen=True)
class Check:
    """A registry entry: the general description of a check, and the function that makes it.

    Parameters
    ----------
    name : short name.
    place : where findings are shown: a control ("activation", "loss.pos_weight", "lr", ...), "run" or "scores".
    severity : "mistake", "caution" or "note".
    what, why, remedy : what it finds, why that matters, and what to do.
    reference : source with year.
    find : says what it finds; its registry says of what: a Context, a Run, or a ScoreSource and how it is used.
    """

    name: str
    place: str
    severity: Severity
    what: str
    why: str
    remedy: str
    reference: str
    find: Callable[..., Found]


@dataclass(frozen=True)
class Finding:
    """A finding: a sentence with its numbers; `remedy` are the changes of the RunConfig that fix it, if any."""

    code: str
    sentence: str
    remedy: dict[str, object] | None = None
