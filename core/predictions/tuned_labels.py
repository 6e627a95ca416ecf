"""Decisions about all labels, or all classes one-vs-rest, tuned at once; the same from the shell and the API."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import CutoffError
from core.evaluation import METRICS, label_totals
from core.evaluation.counts import ScoreIndex
from core.evaluation.source import ScoreSource, tuned_on
from core.evaluation.threshold import Domain
from core.evaluation.tuning import LABEL_RULES, LabelRows, LabelShares, Rule, TopLabels
from core.predictions.tuned import SHOWN, known, number

SCUT = "scut"  # the only one that fits classes too: each threshold is tuned one-vs-rest
GOAL = "f1"  # what thresholds are tuned by, where nothing else is said


class LabelNumbers(BaseModel):
    """How a label or class is decided, and what comes of it. Undefined numbers are null.

    threshold: t for `score >= t`; null if it is above every score (`above_all`) and where a method has no thresholds.
    parts: numbers by part, "validation", "test" or "all": tp, fp, fn, tn, precision, recall and f1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    threshold: float | None
    above_all: bool
    parts: dict[str, dict[str, int | float | None]]


class TunedLabels(BaseModel):
    """The thresholds, or the number of labels per row, that a method chose on one part.

    part: the rows that it was tuned on, "all" without a split; numbers of these are in-sample. rule: what a threshold
    was tuned by, null where the method takes none. totals: of the decisions of a multi-label task by part, such as
    micro_f1, macro_f1, hamming and subset; empty for classes. sentence: the choice in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    rule: str | None
    part: str
    labels: tuple[LabelNumbers, ...]
    totals: dict[str, dict[str, float | None]]
    sentence: str
    notes: tuple[str, ...]

    def as_json(self) -> str:
        """The object as indented JSON."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False, allow_nan=False)


def methods(task: str) -> tuple[str, ...]:
    """The methods for a task; none for a binary one, which has one threshold."""
    return {"multilabel": tuple(LABEL_RULES), "multiclass": (SCUT,)}.get(task, ())


def tuned_labels(
    source: ScoreSource,
    method: str,
    rule: Rule | None = None,
    params: Mapping[str, float] | None = None,
    notes: tuple[str, ...] = (),
) -> TunedLabels:
    """Tune the decisions about all labels or classes of a source on the rows for it, and evaluate them on all parts.

    Parameters
    ----------
    method : one of `methods`. rule : tunes each threshold, maximum F1 by default; only where the method takes one.
    params : parameters of the method, with defaults. notes : passed on.

    Raises
    ------
    CutoffError for a binary source, a method that is unknown or for another task, and as `LabelRuleSpec` does.
    """
    fitting = methods(source.task)
    if not fitting:
        raise CutoffError("These predictions have one threshold; tune it alone.")
    if method not in fitting:
        raise CutoffError(f"There is no method {method} for {source.task} predictions; there is {', '.join(fitting)}.")
    spec, part = LABEL_RULES[method], tuned_on(source)
    rows = LabelRows.of_source(source, part)
    choice = spec(rows, rule, **dict(params or {}))
    thresholds: NDArray[np.float64] | None = None
    if isinstance(choice, LabelShares):
        thresholds = choice.thresholds(rows.scores.y_score, rows.weight)
    elif not isinstance(choice, TopLabels):
        thresholds = choice.thresholds
    decided, totals = {}, {}
    for one in source.parts:
        scores, weight = source.scores(one), source.row_columns(one).weight
        decided[one] = choice.decide(scores.y_score, weight)
        if source.task == "multilabel":
            found = label_totals(scores.y_true, decided[one], weight)
            totals[one] = {name: known(value) for name, value in found.items()}
    domain = Domain.of(*(source.scores(one) for one in source.parts))
    labels = tuple(
        LabelNumbers(
            name=name,
            threshold=None if thresholds is None else number(domain, float(thresholds[at])),
            above_all=thresholds is not None and math.isinf(thresholds[at]),
            parts={one: _numbers(source, one, at, decided[one][:, at]) for one in source.parts},
        )
        for at, name in enumerate(rows.scores.column_names)
    )
    return TunedLabels(
        method=method,
        rule=(rule.spec.name if rule else GOAL) if spec.takes_rule else None,
        part=part,
        labels=labels,
        totals=totals,
        sentence=choice.said,
        notes=notes,
    )


def _numbers(
    source: ScoreSource, part: str, column: int, predicted: NDArray[np.bool_]
) -> dict[str, int | float | None]:
    """Counts and metrics of decisions (N,) about one label."""
    actual, weight = source.scores(part).view(column).y, source.row_columns(part).weight
    index = ScoreIndex.of(actual, predicted.astype(np.float32), weight)
    counts = index.counts(0.5)
    outcomes = {name: getattr(counts, name).item() for name in ("tp", "fp", "fn", "tn")}
    return outcomes | {name: known(float(METRICS[name](counts))) for name in SHOWN}
