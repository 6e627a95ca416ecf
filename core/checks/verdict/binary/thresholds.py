"""Cases of the threshold, and the one where nothing is wrong."""

from __future__ import annotations

from core.checks.rules_and_calibration import GAIN, SURE
from core.checks.verdict.binary.calibration import calibrate, calibration_note, why_line
from core.checks.verdict.binary.facts import WORTH, BinaryFacts
from core.checks.verdict.facts import FEW, LEVEL
from core.checks.verdict.statement import OpenPanel, Statement
from core.evaluation.source import rows_label
from core.evaluation.tuning import rule_label
from core.text import count_label, counted

ALMOST_NONE = 0.2  # predicted positive, as a share of the positives, up to which they are almost none
ALMOST_ALL = 0.1  # predicted negative, as a share of the negatives, up to which almost every row is positive
TUNE = OpenPanel("Tune", "tune")


def predicts_none(facts: BinaryFacts) -> Statement | None:
    """Almost no row is predicted positive, though another threshold finds some."""
    counts = facts.counts
    none = counts.predicted_positive == 0
    if counts.predicted_positive > ALMOST_NONE * facts.positives or facts.best.tp <= counts.tp:
        return None
    if facts.rule and not none:  # as wanted by the rule
        return None
    predicted = (
        f"none of {counted(counts.total, 'row')} reaches the threshold; the highest score is "
        f"{facts.score(facts.index.score_range[1])}"
        if none
        else f"it predicts {facts.name} for only {count_label(counts.predicted_positive)} of "
        f"{counted(counts.total, 'row')} and finds {count_label(counts.tp)} of {count_label(facts.positives)}"
    )
    return Statement(
        "bad",
        f"Predicts {'no' if none else 'almost no'} {facts.name}: {facts.at} {predicted}. {facts.ranks}, so lower the "
        f"threshold: {facts.better}.",
        f"If positives are rare, few rows have a probability above 0.5, however good the model is. That is no reason "
        f"to change the loss: the threshold decides what is predicted. {facts.why_tuned}{facts.why_moved}",
        (facts.use_best, *facts.repairs),
        ("C403", *facts.codes) if counts.tp == 0 and facts.threshold == 0.5 else facts.codes,
    )


def predicts_all(facts: BinaryFacts) -> Statement | None:
    """Almost every row is predicted positive, though another threshold leaves some out."""
    counts = facts.counts
    every = counts.tn + counts.fn == 0
    if counts.tn + counts.fn > ALMOST_ALL * facts.negatives or facts.best.fp >= counts.fp:
        return None
    if facts.rule and not every:  # as wanted by the rule
        return None
    cause = f" {facts.mistake.sentence}" if facts.mistake else f" {facts.moved_by}" if facts.moved_by else ""
    return Statement(
        "bad",
        f"Predicts {facts.name} for {'every row' if every else 'almost every row'} {facts.at}: "
        f"{count_label(counts.predicted_positive)} of {count_label(counts.total)}, of which "
        f"{count_label(facts.positives)} are {facts.name}.{cause} {facts.better[0].upper()}{facts.better[1:]}.",
        f"A second sigmoid, or a softmax or ReLU before it, makes every score at least 0.5; a large weight of the "
        f"positive class can too. {facts.why_tuned}{facts.why_moved}",
        (*facts.repairs, facts.use_best),
        ("C406", *facts.codes) if every and facts.threshold == 0.5 else facts.codes,
    )


def tuned(facts: BinaryFacts) -> Statement | None:
    """A rule has tuned the threshold on these scores."""
    if not facts.rule:
        return None
    note = facts.moved_by or calibration_note(facts)
    return Statement(
        "good",
        f"{rule_label(facts.rule)}, tuned on {facts.tuning_rows}: {facts.at} it {facts.decided}. "
        f"{facts.ranks}. {note}".rstrip(),
        f"{facts.why_tuned}{facts.why_moved}",
        (calibrate(facts),) if note else (TUNE,),
        ("C210",) if facts.fifty else (),
    )


def wrong_threshold(facts: BinaryFacts) -> Statement | None:
    """Another threshold has a higher F1, by more than chance."""
    if facts.few or not facts.gain.sure:
        return None
    return Statement(
        "warning",
        facts.with_effect(f"{facts.ranks}, but {facts.at} it {facts.decided}; {facts.better_in_short}."),
        f"{facts.why_tuned} F1 would rise by {facts.gain.value:.3f} ({LEVEL:.0%} interval {facts.gain.low:+.3f} to "
        f"{facts.gain.high:+.3f}), on {facts.gain.share:.0%} of resamples. Another rule, such as a cost or a "
        f"recall that must be kept, has another threshold.{facts.why_moved}",
        (facts.use_best, TUNE),
        ("C210",) if facts.fifty else (),
    )


def few_positives(facts: BinaryFacts) -> Statement | None:
    """Too few rows of a class to tune a threshold, or to tell that another one is better."""
    gain, index = facts.gain, facts.source.index(facts.tuned_on, 0)
    fewer = min((index.positive_scores.size, facts.name), (index.negative_scores.size, facts.rest))
    if fewer[0] >= FEW and (gain.small or gain.sure):
        return None
    return Statement(
        "warning",
        f"{facts.at[0].upper()}{facts.at[1:]} it {facts.decided}; {facts.better_in_short}. With "
        f"{rows_label(facts.tuned_on, fewer[0])} of class {fewer[1]} that may be chance: on new rows F1 would change "
        f"by {gain.value:+.3f} ({LEVEL:.0%} interval {gain.low:+.3f} to {gain.high:+.3f}).",
        f"{facts.why_tuned} With so few rows of one class the tuned threshold depends on each of them. More rows help, "
        f"or a threshold that follows from costs and calibrated scores instead of a search. {calibration_note(facts)}",
        (facts.use_best, TUNE),
        ("C207",) if index.positive_scores.size < FEW else (),
    )


def moved(facts: BinaryFacts) -> Statement | None:
    """The threshold is good, and the loss has moved the scores away from probabilities."""
    if facts.fifty is None:
        return None
    return Statement(
        "good",
        facts.with_effect(f"{facts.ranks}, and {facts.at} F1 is near its maximum: it {facts.decided}."),
        f"{facts.why_tuned}{facts.why_moved}",
        (calibrate(facts),),
        ("C210",),
    )


def sound(facts: BinaryFacts) -> Statement | None:
    """Nothing is wrong."""
    _, low, high = facts.evidence.roc_auc
    near = ", near the maximum F1" if facts.gain.seen < WORTH else ""
    line = facts.evidence.line
    calibrated = (
        f", and the scores are calibrated (ECE {facts.evidence.calibration_error:.3f})"
        if line and not line.separates and (line.p_value >= SURE or line.gain < GAIN)
        else ""
    )
    return Statement(
        "good",
        f"{facts.at[0].upper()}{facts.at[1:]} it {facts.decided}{near}. {facts.ranks[:-1]}, {LEVEL:.0%} "
        f"interval {low:.3f} to {high:.3f}){calibrated}.",
        f"{facts.why_tuned} {'' if line is None else why_line(facts, line)}",
        (TUNE,),
    )
