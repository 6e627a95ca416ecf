"""What a verdict consists of: text, tone, and actions that repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

Tone = Literal["good", "warning", "bad"]
CONVERT = "convert"  # scores back to probabilities, by the loss
Panel = Literal["tune", "calibration", "theory", "rows", "classes", "labels"]


@dataclass(frozen=True)
class UseThreshold:
    """Take over tuned thresholds.

    thresholds: one per score column, (C,), inf above every score.
    rule: identifier of the rule: of core.evaluation.tuning.RULES for one column, of LABEL_RULES for several labels.
    rows: the split that they were tuned on.
    """

    kind: ClassVar[str] = "use_threshold"
    label: str
    thresholds: tuple[float, ...]
    rule: str
    rows: str


@dataclass(frozen=True)
class RestoreEpoch:
    """Go back to an earlier epoch, whose outputs the run has kept."""

    kind: ClassVar[str] = "restore_epoch"
    label: str
    epoch: int


@dataclass(frozen=True)
class SetChoices:
    """Train again with other choices: `changes` of the RunConfig, which give a valid one."""

    kind: ClassVar[str] = "set"
    label: str
    changes: Mapping[str, object]


@dataclass(frozen=True)
class OpenPanel:
    """Open a panel, where the matter is shown in full, of calibration with a way to calibrate: a name in
    core.evaluation.calibration.METHODS, or CONVERT."""

    kind: ClassVar[str] = "open_panel"
    label: str
    panel: Panel
    calibrate: str = ""


Action = UseThreshold | RestoreEpoch | SetChoices | OpenPanel


class Statement(NamedTuple):
    """What one case says, as in `Verdict`."""

    tone: Tone
    text: str
    why: str
    actions: tuple[Action, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One or two sentences about scores at the current thresholds.

    kind: identifier of the case.
    tone: "good", "warning" or "bad".
    text: plain text; class names in it may be a user's own.
    actions: at most two.
    why: a longer explanation in Markdown, without class names.
    codes: of the checks concerned, in core.checks.CHECKS.
    """

    kind: str
    tone: Tone
    text: str
    actions: tuple[Action, ...]
    why: str
    codes: tuple[str, ...]
