"""Cases of scores that no threshold separates well."""

from __future__ import annotations

import numpy as np

from core.checks.runs import SATURATED
from core.checks.verdict.binary.facts import BinaryFacts
from core.checks.verdict.facts import LEVEL
from core.checks.verdict.statement import OpenPanel, Statement
from core.evaluation.source import rows_label
from core.text import count_label, counted

WRONG = 0.01  # of the rows at 0 and 1, the share of the other class from which on they are the verdict


def one_class(facts: BinaryFacts) -> Statement | None:
    """Only one class has rows."""
    if facts.positives and facts.negatives:
        return None
    missing = facts.rest if facts.positives else facts.name
    if not facts.index.n_rows:
        return Statement(
            "warning", f"There are {rows_label(facts.part, 'no')}.", "Nothing can be counted without rows."
        )
    return Statement(
        "warning",
        f"None of {rows_label(facts.part, count_label(facts.counts.total), the=True)} is {missing}: recall, precision "
        "or both are undefined, and no threshold can be tuned.",
        "Thresholds are tuned by comparing rows of both classes. Use another split seed, or more rows.",
    )


def constant(facts: BinaryFacts) -> Statement | None:
    """All scores are equal."""
    low, high = facts.index.score_range
    if low != high:
        return None
    cause = f" {facts.mistake.sentence}" if facts.mistake else ""
    return Statement(
        "bad",
        f"{rows_label(facts.part, 'All')} have the score {facts.score(low)}: no threshold separates {facts.name} from "
        f"{facts.rest}.{cause}",
        "A threshold can only separate rows whose scores differ. Look at the final activation, the loss and the "
        "learning rate.",
        facts.repairs,
        facts.codes,
    )


def reversed_order(facts: BinaryFacts) -> Statement | None:
    """Positives score lower than negatives."""
    area, low, high = facts.evidence.roc_auc
    if not high < 0.5:
        return None
    return Statement(
        "bad",
        f"Ranks in reverse: ROC-AUC is {area:.3f} ({LEVEL:.0%} interval {low:.3f} to {high:.3f}), so "
        f"{facts.name} rows tend to have the lower scores. With labels or scores swapped it would be {1 - area:.3f}.",
        "Below 0.5 the order of the scores is wrong more often than right. Usually the scores are those of the other "
        "class, or the labels are inverted.",
        facts.repairs,
        facts.codes,
    )


def no_better(facts: BinaryFacts) -> Statement | None:
    """Scores rank no better than chance."""
    _, low, high = facts.evidence.roc_auc
    if not low <= 0.5 <= high:
        return None
    share = facts.positives / (facts.positives + facts.negatives)
    cause = f" {facts.mistake.sentence}" if facts.mistake else ""
    return Statement(
        "bad",
        f"Ranks no better than chance: the {LEVEL:.0%} interval of ROC-AUC, {low:.3f} to {high:.3f}, contains 0.5, and "
        f"average precision is {facts.evidence.average_precision:.3f} where {share:.1%} of the rows are {facts.name}."
        f"{cause}",
        "ROC-AUC is the chance that a positive row scores above a negative one; uninformative scores have 0.5, and an "
        "average precision near the prevalence. No threshold helps then: look at the data, the model and the training.",
        facts.repairs,
        facts.codes,
    )


def saturated(facts: BinaryFacts) -> Statement | None:
    """Many scores are exactly 0 or 1, and not a few of these rows are of the other class."""
    score, y = facts.view.score, facts.view.y
    if not facts.source.scores(facts.part).are_probabilities:
        return None
    ends, wrong = (score == 0) | (score == 1), int(np.count_nonzero(score == ~y))
    share = float(ends.mean())
    if share < SATURATED or wrong < WRONG * ends.sum():
        return None
    trained = facts.source.config is not None
    why = "float32 rounds a sigmoid to 1 from a logit of 16.64 on. " if trained else ""
    remedy = "Train on logits, use weight decay, or stop earlier." if trained else "Logits or more digits may keep it."
    return Statement(
        "warning",
        f"Saturated: {share:.1%} of the scores are exactly 0 or 1, {counted(wrong, 'row')} there of the other "
        "class. No threshold separates rows whose scores are equal.",
        f"{why}The order of these rows is lost, and each one of the other class has an infinite log-loss. {remedy}",
        (OpenPanel("See the rows", "rows"),),
        ("C401",),
    )
