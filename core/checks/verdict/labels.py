"""Cases of several labels, of which a row may have any number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.checks.verdict.facts import FEW, LEVEL, Facts, diverged, miswired, names_label, overfits
from core.checks.verdict.statement import OpenPanel, Statement, UseThreshold
from core.evaluation import METRICS, ScoreIndex, ThresholdCounts, class_counts
from core.evaluation.intervals import roc_auc_interval
from core.evaluation.recent import Recent
from core.evaluation.scores import Scores
from core.evaluation.source import Key, ScoreSource, rows_label
from core.evaluation.tuning import bind, candidates, rule_label
from core.text import count_label, counted

WORTH = 0.05  # gain in macro F1 that is worth other thresholds
TOO_MANY = 1.5  # labels that are predicted, as a multiple of those that rows have
RULES = OpenPanel("Rules for all labels", "labels")

_tuned: Recent[tuple[Key, str], tuple[float, ...]] = Recent(128)


def tuned_thresholds(source: ScoreSource, part: str) -> tuple[float, ...]:
    """The threshold of maximum F1 of each label, (C,), cached by id and version."""

    def found() -> tuple[float, ...]:
        columns = range(source.scores(part).n_columns)
        return tuple(bind("f1")(candidates(source.index(part, column))).threshold for column in columns)

    return _tuned.get(((source.id, source.version), part), found)


@dataclass(frozen=True)
class LabelFacts(Facts):
    """Scores of several labels at their current thresholds."""

    @cached_property
    def scores(self) -> Scores:
        return self.source.scores(self.part)

    @cached_property
    def indexes(self) -> tuple[ScoreIndex, ...]:
        return tuple(self.source.index(self.part, column) for column in range(self.scores.n_columns))

    @cached_property
    def counts(self) -> ThresholdCounts:
        """Counts (C,) at the current thresholds."""
        return self.counts_at(self.thresholds)

    @property
    def tuned(self) -> tuple[float, ...]:
        return tuned_thresholds(self.source, self.tuned_on)

    @property
    def best(self) -> ThresholdCounts:
        """Counts (C,) at the thresholds of maximum F1."""
        return self.counts_at(self.tuned)

    def counts_at(self, thresholds: tuple[float, ...]) -> ThresholdCounts:
        return class_counts(self.indexes, np.array(thresholds)[:, None])[:, 0]

    @cached_property
    def ranked(self) -> NDArray[np.bool_]:
        """Whether each label is ranked better than chance, (C,): its interval of ROC-AUC is above 0.5."""
        return np.array([roc_auc_interval(index, LEVEL)[1] > 0.5 for index in self.indexes])

    @property
    def use_tuned(self) -> UseThreshold:
        return UseThreshold("Tune all labels", self.tuned, "scut", self.tuned_on)

    @property
    def change(self) -> str:
        """What tuned thresholds change, without the full stop."""
        return (
            f"with thresholds tuned on {self.tuning_rows} macro F1 is {_macro_f1(self.best):.3f} instead of "
            f"{_macro_f1(self.counts):.3f}"
        )

    @property
    def why_tuned(self) -> str:
        text = (
            "A calibrated score of a rare label seldom reaches 0.5, so each label needs its own threshold (Lipton et "
            "al., 2014). Macro F1 is the mean over labels of F1, which is 0 for a label that is never predicted."
        )
        return f"{text} It is of the rows that were tuned on, so optimistic." if self.part == self.tuned_on else text


def _macro_f1(counts: ThresholdCounts) -> float:
    f1 = METRICS["f1"](counts)
    known = f1[~np.isnan(f1)]
    return float(known.mean()) if known.size else float("nan")


def no_rows(facts: LabelFacts) -> Statement | None:
    """There are no rows."""
    if facts.scores.n_rows:
        return None
    return Statement("warning", f"There are {rows_label(facts.part, 'no')}.", "Nothing can be counted without rows.")


def no_better(facts: LabelFacts) -> Statement | None:
    """No label is ranked better than chance."""
    if facts.ranked.any():
        return None
    cause = f" {facts.mistake.sentence}" if facts.mistake else ""
    return Statement(
        "bad",
        f"Ranks no label better than chance: the {LEVEL:.0%} interval of ROC-AUC contains 0.5 or lies below it for all "
        f"{facts.scores.n_columns} labels.{cause}",
        "ROC-AUC is the chance that a row with the label scores above one without it; uninformative scores have 0.5.",
        (*facts.repairs, RULES),
        facts.codes,
    )


def never_predicted(facts: LabelFacts) -> Statement | None:
    """Labels with rows are never predicted, though tuned thresholds predict them."""
    counts = facts.counts
    missed = np.flatnonzero((counts.tp + counts.fn > 0) & (counts.predicted_positive == 0) & (facts.best.tp > 0))
    if not missed.size:
        return None
    names = [facts.scores.class_names[at] for at in missed]
    rows = float((counts.tp + counts.fn)[missed].max())
    return Statement(
        "bad",
        f"Never predicts {missed.size} of {facts.scores.n_columns} labels: {names_label(names)}, the most frequent of "
        f"them with {count_label(rows)} of {counted(counts.total[0], 'row')}. "
        f"{facts.change[0].upper()}{facts.change[1:]}.",
        facts.why_tuned,
        (facts.use_tuned, *facts.repairs),
        facts.codes,
    )


def predicts_too_many(facts: LabelFacts) -> Statement | None:
    """Rows get far more labels than they have."""
    counts = facts.counts
    rows = float(counts.total[0])
    actual, predicted, tuned = (
        float(side.sum()) / rows
        for side in (counts.tp + counts.fn, counts.predicted_positive, facts.best.predicted_positive)
    )
    if facts.rule or predicted < TOO_MANY * actual or tuned >= predicted:
        return None
    wrong = float((counts.fp + counts.fn).sum()) / counts.total.sum()
    return Statement(
        "bad",
        facts.with_effect(
            f"Predicts {predicted:.2f} labels per row where rows have {actual:.2f}: {wrong:.0%} of all decisions are "
            f"wrong (Hamming loss {wrong:.3f})."
        )
        + f" {facts.change[0].upper()}{facts.change[1:]}, with {tuned:.2f} labels per row.",
        facts.why_tuned,
        (facts.use_tuned, *facts.repairs, RULES),
        facts.codes,
    )


def wrong_thresholds(facts: LabelFacts) -> Statement | None:
    """Tuned thresholds have a higher macro F1."""
    before, after = _macro_f1(facts.counts), _macro_f1(facts.best)
    if facts.rule or not after - before >= WORTH:
        return None
    count = int(facts.ranked.sum())
    return Statement(
        "warning",
        facts.with_effect(f"Ranks {count} of {facts.scores.n_columns} labels better than chance, but {facts.change}."),
        facts.why_tuned,
        (facts.use_tuned, RULES),
    )


def few_rows(facts: LabelFacts) -> Statement | None:
    """A label has too few rows to tune its threshold."""
    positives = facts.source.scores(facts.tuned_on).positives
    few = np.flatnonzero(positives < FEW)
    if not few.size:
        return None
    names = [facts.scores.class_names[at] for at in few]
    return Statement(
        "warning",
        facts.with_effect(
            f"Too few rows to tune {few.size} of {facts.scores.n_columns} thresholds: {names_label(names)} "
            f"{'has' if few.size == 1 else 'have'} fewer than {rows_label(facts.tuned_on, FEW)}."
        ),
        "With so few rows of a label its tuned threshold depends on each of them.",
        (RULES,),
        ("C207",),
    )


def sound(facts: LabelFacts) -> Statement | None:
    """Nothing is wrong."""
    counts = facts.counts
    f1 = METRICS["f1"](counts)
    weakest = int(np.nanargmin(f1))
    near = f", tuned by {rule_label(facts.rule)}" if facts.rule else ", near that of tuned thresholds"
    pooled = ThresholdCounts(np.array(np.nan), *(side.sum() for side in (counts.tp, counts.fp, counts.fn, counts.tn)))
    return Statement(
        "good",
        facts.with_effect(
            f"Micro F1 is {METRICS['f1'](pooled):.3f} and macro F1 {_macro_f1(counts):.3f}{near}; "
            f"{int(facts.ranked.sum())} of {facts.scores.n_columns} labels are ranked better than chance. The weakest "
            f"label is {facts.scores.class_names[weakest]} (F1 {f1[weakest]:.3f})."
        ),
        facts.why_tuned,
        (RULES,),
    )


LABELS: dict[str, Callable[[LabelFacts], Statement | None]] = {
    "diverged": diverged,
    "no_rows": no_rows,
    "no_better": no_better,
    "miswired": miswired,
    "never_predicted": never_predicted,
    "predicts_too_many": predicts_too_many,
    "wrong_thresholds": wrong_thresholds,
    "overfits": overfits,
    "few_rows": few_rows,
    "sound": sound,
}
