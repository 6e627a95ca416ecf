"""Cases of two classes, or of one class against the rest: first what is wrong with the training, then with the order of
the scores, then with the threshold, and last with the scores as probabilities."""

from __future__ import annotations

from collections.abc import Callable

from core.checks.verdict.binary.calibration import biased, overconfident, underconfident
from core.checks.verdict.binary.facts import BinaryFacts
from core.checks.verdict.binary.ranking import constant, no_better, one_class, reversed_order, saturated
from core.checks.verdict.binary.thresholds import (
    few_positives,
    moved,
    predicts_all,
    predicts_none,
    sound,
    tuned,
    wrong_threshold,
)
from core.checks.verdict.facts import diverged, miswired, overfits
from core.checks.verdict.statement import Statement

BINARY: dict[str, Callable[[BinaryFacts], Statement | None]] = {
    "diverged": diverged,
    "one_class": one_class,
    "constant": constant,
    "reversed_order": reversed_order,
    "no_better": no_better,
    "predicts_none": predicts_none,
    "predicts_all": predicts_all,
    "miswired": miswired,
    "overfits": overfits,
    "saturated": saturated,
    "tuned": tuned,
    "wrong_threshold": wrong_threshold,
    "few_positives": few_positives,
    "overconfident": overconfident,
    "underconfident": underconfident,
    "biased": biased,
    "moved": moved,
    "sound": sound,
}
