"""What a check is, and what it has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["mistake", "caution", "note"]


@dataclass(frozen=True)
class Check:
    """`place` names the control beside which it is shown ("activation", "loss.pos_weight", "lr", ...), or "run" and
    "scores" for what a run shows. `what` is the general case, `why` its reason and `remedy` what to do."""

    name: str
    place: str
    severity: Severity
    what: str
    why: str
    remedy: str
    reference: str


@dataclass(frozen=True)
class Finding:
    """This case of a check, in a sentence with its numbers; `remedy` are changes of the RunConfig that cure it."""

    code: str
    sentence: str
    remedy: dict[str, object] | None = None


Found = tuple[str, dict[str, object] | None] | None  # what a check returns: sentence and remedy, or nothing to say
