"""The verdict: what is to be said of scores at the current thresholds, in one or two sentences with their numbers.

Each task has a registry of cases in order of priority, a function and an entry each; the first that applies is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.checks.verdict.binary import BINARY, BinaryFacts
from core.checks.verdict.classes import CLASSES, ClassFacts
from core.checks.verdict.facts import Decision, Facts
from core.checks.verdict.labels import LABELS, LabelFacts
from core.checks.verdict.regression import REGRESSION, ValueFacts
from core.checks.verdict.statement import (
    CONVERT,
    Action,
    OpenPanel,
    RestoreEpoch,
    SetChoices,
    Statement,
    Tone,
    UseThreshold,
    Verdict,
)
from core.errors import CutoffError
from core.evaluation.recent import Recent
from core.evaluation.source import Key, ScoreSource
from core.training.runs import Run

MOST_ACTIONS = 2
CASES: dict[str, tuple[type[Facts], Mapping[str, Callable[[Any], Statement | None]]]] = {
    "binary": (BinaryFacts, BINARY),
    "multiclass": (ClassFacts, CLASSES),
    "multilabel": (LabelFacts, LABELS),
    "regression": (ValueFacts, REGRESSION),
}

Asked = tuple[Key, tuple[float, ...], str, tuple[str, int, str] | None, Decision | None, str]

_verdicts: Recent[Asked, Verdict] = Recent(1024)


def verdict(
    source: ScoreSource,
    thresholds: Sequence[float],
    part: str = "validation",
    run: Run | None = None,
    decision: Decision | None = None,
    rule: str = "",
) -> Verdict:
    """Judge scores, or the predictions of a regression.

    Parameters
    ----------
    source : the scores.
    thresholds : the current threshold of each score column, (C,), inf above every score; () in a regression.
    part : the rows that are shown and counted; thresholds are tuned on the validation rows if there are any.
    run : the training run behind the source if there is one; a source that is a run need not be repeated.
    decision : how rows get one of several classes, by default by score / threshold, and by score - threshold for scores
        that are not probabilities.
    rule : what tuned all thresholds on these scores, a name in core.evaluation.tuning.RULES or, for labels,
        LABEL_RULES; then no other threshold is called better. "" if nothing did.

    Returns
    -------
    The verdict, cached by the id and version of the source, the other arguments, and the progress of the run.

    Raises
    ------
    CutoffError for a part without scores, and for another number of thresholds.
    """
    behind = source if isinstance(source, Run) else run
    given = tuple(map(float, thresholds))
    progress = None if behind is None else (behind.id, behind.epoch, behind.status)
    return _verdicts.get(
        ((source.id, source.version), given, part, progress, decision, rule),
        lambda: _judged(source, given, part, behind, decision, rule),
    )


def _judged(
    source: ScoreSource,
    thresholds: tuple[float, ...],
    part: str,
    run: Run | None,
    decision: Decision | None,
    rule: str,
) -> Verdict:
    columns = 0 if source.task == "regression" else source.scores(part).n_columns
    if len(thresholds) != columns:
        raise CutoffError(f"Expected {columns} `thresholds`, but got {len(thresholds)}.")
    kind, cases = CASES[source.task]
    facts = kind(source, part, thresholds, run, decision, rule)
    name, said = next((name, said) for name, case in cases.items() if (said := case(facts)))
    return Verdict(name, said.tone, said.text, said.actions[:MOST_ACTIONS], said.why, said.codes)


__all__ = [
    "CASES",
    "CONVERT",
    "Action",
    "OpenPanel",
    "RestoreEpoch",
    "SetChoices",
    "Tone",
    "UseThreshold",
    "Verdict",
    "verdict",
]
