"""Thresholds as JSON, with everything needed to interpret and reproduce them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from core.evaluation import (
    DECISIONS,
    METRICS,
    ThresholdCounts,
    class_counts,
    confusion_matrix,
    decided_counts,
    label_totals,
    predicted_positive,
    summary,
)
from core.evaluation.source import ScoreSource, tuned_on
from core.evaluation.threshold import How, Threshold
from core.experiment.config import RunConfig
from core.parameters import Value

EACH = "each"  # every column is decided at its own threshold: two classes, or labels
WIDTH = 100  # characters of a line


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Origin(_Frozen):
    """The origin of a threshold.

    Parameters
    ----------
    how : "default", "typed", "dragged" or "rule".
    rows : the split that was shown, or that the rule tuned it on; "" for a default.
    rule : name of the rule; "" without one.
    earlier : whether the rule tuned it on the scores of an earlier run.
    """

    how: How
    rows: str
    rule: str
    earlier: bool = False


class ColumnThreshold(_Frozen):
    """The threshold of a class or label.

    Parameters
    ----------
    name : the class or label.
    value : the threshold on the scale of the scores, to be rounded to their dtype before comparing; None if above_all.
    above_all : whether it is above every score.
    logit : its logit if scores are probabilities and it is finite; else None.
    origin : its origin.
    """

    name: str
    value: float | None
    above_all: bool
    logit: float | None
    origin: Origin


class ColumnWorth(_Frozen):
    """Results of a class (one-vs-rest) or label: outcome counts (sums of weights where rows have weights), and
    the METRICS without parameters by name."""

    name: str
    tp: int | float
    fp: int | float
    fn: int | float
    tn: int | float
    metrics: dict[str, float | None]


class Worth(_Frozen):
    """Results of the thresholds on the rows of a split: of all columns together, and of each column.

    in_sample: whether a threshold was chosen with these rows: tuned on them, or moved while they were shown.
    """

    rows: int
    in_sample: bool
    together: dict[str, float | None]
    columns: tuple[ColumnWorth, ...]


class ThresholdRecord(_Frozen):
    """Thresholds, as JSON an object of

    format        "cutoff-thresholds"
    version       2
    task          "binary", "multiclass" or "multilabel"
    class_names   strings; two classes are (negative, positive)
    score_dtype   "float16", "float32" or "float64"
    comparison    "score >= threshold": the threshold is rounded to score_dtype, then a score that equals it is positive
    decision      "each": each of `thresholds` decides by itself; else the rule of several classes, a name in DECISIONS
    params        the rule's params by name; as `fallback` a class index, or -1 for no class
    probabilities whether the scores lie in [0, 1]
    saved         whether somebody saved these thresholds, or they are only the current ones
    thresholds    one object a score column (that of the positive class for two classes): name, value, above_all, logit,
                  origin with how, rows, rule and earlier
    worth         by split that there is, such as {"validation": ..., "test": ...}: rows; in_sample, whether a
                  threshold was tuned on these rows or moved while they were shown, so that numbers are optimistic;
                  together (numbers by name), and columns, for each class against the rest as the rule decides, or each
                  label: name, tp, fp, fn, tn, metrics by name; but for rows every number counts a row as much as it
                  weighs
    source        the id of the scores in Cutoff, which is that of a run where one made them
    label, origin what they are called, and how they came to be
    config        the run's configuration, a core.experiment.config.RunConfig; null where no run made the scores

    Numbers are written so that they come back the same; infinite ones as "Infinity" and "-Infinity", undefined ones as
    null. `ThresholdRecord.model_validate_json` reads it.
    """

    format: Literal["cutoff-thresholds"] = "cutoff-thresholds"
    version: Literal[2] = 2
    task: Literal["binary", "multiclass", "multilabel"]
    class_names: tuple[str, ...]
    score_dtype: Literal["float16", "float32", "float64"]
    comparison: Literal["score >= threshold"] = "score >= threshold"
    decision: str
    params: dict[str, Value]
    probabilities: bool
    saved: bool
    thresholds: tuple[ColumnThreshold, ...]
    worth: dict[str, Worth]
    source: str
    label: str
    origin: str
    config: RunConfig | None

    def as_json(self) -> str:
        """The record as indented JSON; values that fit into a line are written on one line."""
        return _written(json.loads(self.model_dump_json()))

    def compared(self) -> tuple[float, ...]:
        """The thresholds (C,) rounded to the scores' dtype, so that scores of a wider dtype give the same decisions;
        inf for above every score."""
        kind = np.dtype(self.score_dtype).type
        return tuple(float("inf") if column.value is None else float(kind(column.value)) for column in self.thresholds)


def threshold_record(
    source: ScoreSource, thresholds: Sequence[Threshold], saved: bool, decision: str, params: Mapping[str, Value]
) -> ThresholdRecord:
    """Build the record of the thresholds of a source.

    Parameters
    ----------
    source : the scores.
    thresholds : one per column (C,).
    saved : whether they are saved, or only the current ones.
    decision : key in DECISIONS, the decision rule among several classes.
    params : parameters of this rule.

    Returns
    -------
    record : the record.

    Raises
    ------
    CutoffError
        If the rule can't use the thresholds.
    """
    scores = source.scores(tuned_on(source))
    several = scores.task == "multiclass"
    return ThresholdRecord(
        task=scores.task,
        class_names=scores.class_names,
        score_dtype=scores.y_score.dtype.name,
        decision=decision if several else EACH,
        params=dict(params) if several else {},
        thresholds=tuple(
            ColumnThreshold(
                name=name,
                value=threshold.number,
                above_all=threshold.above_all,
                logit=_finite(threshold.logit),
                origin=Origin(**asdict(threshold.provenance)),
            )
            for name, threshold in zip(scores.column_names, thresholds, strict=True)
        ),
        probabilities=thresholds[0].domain.probabilities,
        saved=saved,
        worth={part: _worth(source, part, thresholds, decision, params) for part in source.parts},
        source=source.id,
        label=source.about.label,
        origin=source.about.origin,
        config=source.config,
    )


def _worth(
    source: ScoreSource, part: str, thresholds: Sequence[Threshold], decision: str, params: Mapping[str, Value]
) -> Worth:
    scores, weight = source.scores(part), source.row_columns(part).weight
    values = [threshold.value for threshold in thresholds]

    def rule(y_score: NDArray[np.floating], thresholds: ArrayLike) -> NDArray[np.intp]:
        return DECISIONS[decision](y_score, thresholds, **params)

    if scores.task == "multiclass":
        decided = rule(scores.y_score, values)
        matrix = confusion_matrix(scores.y_true, decided, scores.n_columns, no_class=True, sample_weight=weight)
        counts = decided_counts(matrix)
    else:
        indexes = [source.index(part, column) for column in range(scores.n_columns)]
        counts = class_counts(indexes, np.reshape(values, (-1, 1)))[:, 0]
    numbers = summary(scores, values, rule, weight)
    if scores.task == "multilabel":
        numbers |= label_totals(scores.y_true, predicted_positive(scores.y_score, values), weight)
    together = {name: _known(value) for name, value in numbers.items()}
    columns = tuple(_of_column(name, counts[at]) for at, name in enumerate(scores.column_names))
    in_sample = any(threshold.provenance.rows == part for threshold in thresholds)
    return Worth(rows=scores.n_rows, in_sample=in_sample, together=together, columns=columns)


def _of_column(name: str, counts: ThresholdCounts) -> ColumnWorth:
    outcomes = {outcome: getattr(counts, outcome).item() for outcome in ("tp", "fp", "fn", "tn")}
    metrics = {metric.name: _known(float(metric(counts))) for metric in METRICS.values() if not metric.params}
    return ColumnWorth(name=name, metrics=metrics, **outcomes)


def _written(value: Any, margin: str = "") -> str:
    """Indented JSON in which values that fit into a line are on one line, which the json module can't do."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(margin) + len(flat) <= WIDTH or not isinstance(value, dict | list):
        return flat
    inner = f"{margin}  "
    if isinstance(value, dict):
        lines = [f"{json.dumps(name, ensure_ascii=False)}: {_written(one, inner)}" for name, one in value.items()]
    else:
        lines = [_written(one, inner) for one in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{inner}" + f",\n{inner}".join(lines) + f"\n{margin}{last}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
