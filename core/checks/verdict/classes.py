"""Cases of several classes, of which each row gets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.checks.runs import ENOUGH, GAP
from core.checks.verdict.facts import LEVEL, Facts, diverged, miswired, names_label, overfits
from core.checks.verdict.statement import OpenPanel, Statement
from core.evaluation import DECISIONS, METRICS, ThresholdCounts, confusion_matrix, decided_counts
from core.evaluation.calibration import top_label_error
from core.evaluation.intervals import wilson
from core.evaluation.scores import Scores
from core.evaluation.source import rows_label
from core.text import count_label, counted

DECIDE = OpenPanel("Decision rule", "classes")


@dataclass(frozen=True)
class ClassFacts(Facts):
    """Scores of several classes at their current thresholds, decided by `decision`; equal thresholds give argmax by
    default."""

    @cached_property
    def scores(self) -> Scores:
        return self.source.scores(self.part)

    @cached_property
    def matrix(self) -> NDArray:
        """Number (or weight) of rows by actual and predicted class, (K, K + 1), the last column without a class."""
        return confusion_matrix(
            self.scores.y_true, self.decided, self.scores.n_columns, no_class=True, sample_weight=self.weight
        )

    @cached_property
    def decided(self) -> NDArray[np.intp]:
        """Predicted class indices (N,), NO_CLASS for a row without a class."""
        rule, params = self.decision or ("ratio" if self.scores.are_probabilities else "difference", ())
        return DECISIONS[rule](self.scores.y_score, self.thresholds, **dict(params))

    @property
    def is_argmax(self) -> bool:
        """Whether every row gets its class of maximum score."""
        return np.array_equal(self.decided, self.scores.y_score.argmax(1))

    @property
    def counts(self) -> ThresholdCounts:
        """Counts (K,) of each class (one-vs-rest)."""
        return decided_counts(self.matrix)

    @property
    def rows(self) -> float:
        return float(self.matrix.sum())

    @property
    def accuracy(self) -> tuple[float, float, float]:
        """Accuracy with its interval."""
        right = float(np.trace(self.matrix))
        low, high = wilson(right, self.rows, LEVEL)
        return right / self.rows, float(low), float(high)

    @property
    def majority(self) -> tuple[str, float]:
        """The most frequent class and its share of the rows, the accuracy of always predicting it."""
        actual = self.matrix.sum(1)
        return self.scores.class_names[int(actual.argmax())], float(actual.max() / actual.sum())

    @property
    def confidence(self) -> float:
        """The mean maximum probability."""
        return float(np.average(self.scores.y_score.max(1).astype(np.float64), weights=self.weight))

    @property
    def sentence(self) -> str:
        """Accuracy, beside that of the majority class."""
        value, low, high = self.accuracy
        name, share = self.majority
        without = float(self.matrix[:, -1].sum())
        rows = f"{counted(self.rows, 'row')} {'gets' if without == 1 else 'get'}"
        none = f"; {count_label(without)} of {rows} no class" if without else ""
        return (
            f"accuracy is {value:.3f} ({LEVEL:.0%} interval {low:.3f} to {high:.3f}) where always predicting {name} "
            f"has {share:.3f}{none}"
        )


def no_rows(facts: ClassFacts) -> Statement | None:
    """There are no rows."""
    if facts.rows:
        return None
    return Statement("warning", f"There are {rows_label(facts.part, 'no')}.", "Nothing can be counted without rows.")


def no_better_than_majority(facts: ClassFacts) -> Statement | None:
    """Accuracy is no higher than that of the majority class."""
    _, low, high = facts.accuracy
    if low > facts.majority[1]:
        return None
    worse = "worse" if high < facts.majority[1] else "no better"
    cause = f" {facts.mistake.sentence}" if facts.mistake else ""
    return Statement(
        "bad",
        f"Predicts {worse} than the majority class: {facts.sentence}.{cause}",
        "If one class is frequent, always predicting it has a high accuracy without learning anything. Recall and F1 "
        "of each class show what is found.",
        (*facts.repairs, DECIDE),
        ("C402", *facts.codes),
    )


def misses_a_class(facts: ClassFacts) -> Statement | None:
    """A class with rows is never predicted."""
    actual, predicted = facts.matrix.sum(1), facts.matrix.sum(0)[:-1]
    missed = np.flatnonzero((actual > 0) & (predicted == 0))
    if not missed.size:
        return None
    names = [facts.scores.class_names[at] for at in missed]
    rows = float(actual[missed].sum())
    return Statement(
        "bad",
        f"Never predicts {names_label(names)}, though {count_label(rows)} of {counted(facts.rows, 'row')} "
        f"{'is' if rows == 1 else 'are'} of {'that class' if len(names) == 1 else 'these classes'}; "
        f"{facts.sentence}.",
        "A class is not predicted where another one always has the higher score. Rare classes need a lower threshold, "
        "a class weight or more rows.",
        (*facts.repairs, DECIDE),
        facts.codes,
    )


def overconfident(facts: ClassFacts) -> Statement | None:
    """Mean confidence is well above accuracy."""
    return _confidence(facts, "Overconfident", 1, ("C404",))


def underconfident(facts: ClassFacts) -> Statement | None:
    """Mean confidence is well below accuracy."""
    return _confidence(facts, "Underconfident", -1, ())


def _confidence(facts: ClassFacts, word: str, sign: int, codes: tuple[str, ...]) -> Statement | None:
    scores = facts.scores
    if not scores.are_probabilities or scores.n_rows < ENOUGH or not facts.is_argmax or facts.fifty:
        return None
    gap = sign * (facts.confidence - facts.accuracy[0])
    if gap < GAP:
        return None
    error = top_label_error(scores.y_true, scores.y_score, sample_weight=facts.weight)
    return Statement(
        "warning",
        f"{word} by {gap:.3f}: the mean confidence is {facts.confidence:.3f}, the accuracy {facts.accuracy[0]:.3f} "
        f"(top-label ECE {error:.3f}). Decisions are not affected.",
        "The maximum probability of a row should be the chance that its prediction is correct (Guo et al., 2017). "
        "Temperature scaling on validation rows corrects it and changes no decision.",
        (*facts.repairs, OpenPanel("Calibrate", "calibration", "temperature")),
        (*codes, *facts.codes),
    )


def sound(facts: ClassFacts) -> Statement | None:
    """Nothing is wrong."""
    f1 = METRICS["f1"](facts.counts)
    worst = int(np.nanargmin(f1))
    recall = METRICS["recall"](facts.counts)[worst]
    calibrated = (
        "The loss moves the scores of all classes, so that they are not probabilities; argmax changes little."
        if facts.fifty
        else "The confidence is near the accuracy."
    )
    return Statement(
        "good",
        facts.with_effect(
            f"{facts.sentence[0].upper()}{facts.sentence[1:]}. The weakest class is {facts.scores.class_names[worst]} "
            f"(F1 {f1[worst]:.3f}, recall {recall:.3f})."
        ),
        "Every class with rows is predicted, accuracy is above that of the majority class by more than chance, and the "
        f"validation loss has not risen. {calibrated}",
        (DECIDE,),
    )


CLASSES: dict[str, Callable[[ClassFacts], Statement | None]] = {
    "diverged": diverged,
    "no_rows": no_rows,
    "no_better_than_majority": no_better_than_majority,
    "misses_a_class": misses_a_class,
    "miswired": miswired,
    "overfits": overfits,
    "overconfident": overconfident,
    "underconfident": underconfident,
    "sound": sound,
}
