"""Cases of scores that are not probabilities."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from core.checks.rules_and_calibration import GAIN, SURE
from core.checks.verdict.binary.facts import BinaryFacts
from core.checks.verdict.facts import MOVED
from core.checks.verdict.statement import CONVERT, Action, OpenPanel, Statement
from core.evaluation.calibration import Line
from core.theory.conversion import converts

STEEP = 0.1  # of Cox's slope, from 1
CONFIDENT, HALF = 0.9, 0.5  # scores that are explained


def overconfident(facts: BinaryFacts) -> Statement | None:
    """Scores are too close to 0 and 1."""
    line = _uncalibrated(facts)
    if line is None or line.slope > 1 - STEEP:
        return None
    return _of_line(facts, line, "Overconfident", ("C404",))


def underconfident(facts: BinaryFacts) -> Statement | None:
    """Scores are too close to each other."""
    line = _uncalibrated(facts)
    if line is None or line.slope < 1 + STEEP:
        return None
    return _of_line(facts, line, "Underconfident", ())


def biased(facts: BinaryFacts) -> Statement | None:
    """Scores are too high or too low."""
    line = _uncalibrated(facts)
    if line is None or abs(line.slope - 1) >= STEEP:
        return None
    mean = float(np.average(facts.view.score.astype(np.float64), weights=facts.weight))
    share = facts.positives / (facts.positives + facts.negatives)
    return Statement(
        "warning",
        f"Scores are too {'high' if mean > share else 'low'} for probabilities: their mean is {mean:.3f}, but "
        f"{share:.1%} of the rows are {facts.name}. {_of_threshold(facts, line)}",
        why_line(facts, line),
        (calibrate(facts),),
    )


def _uncalibrated(facts: BinaryFacts) -> Line | None:
    """Cox's line if the scores should be probabilities and are not."""
    line = facts.evidence.line
    if line is None or facts.fifty is not None or line.separates or line.p_value >= SURE or line.gain < GAIN:
        return None
    return line


def _of_line(facts: BinaryFacts, line: Line, word: str, codes: tuple[str, ...]) -> Statement:
    actions: tuple[Action, ...] = (*facts.repairs, calibrate(facts))
    return Statement(
        "warning",
        f"{word}: a score of {CONFIDENT:g} means a probability of {line.stands_for(CONFIDENT):.2f} (slope "
        f"{line.slope:.2f} on the logit, calibrated 1; ECE {facts.evidence.calibration_error:.3f}). "
        f"{_of_threshold(facts, line)}",
        why_line(facts, line),
        actions,
        (*codes, *facts.codes),
    )


def calibration_note(facts: BinaryFacts) -> str:
    """That scores are not probabilities, as a short sentence; "" where they are."""
    line = _uncalibrated(facts)
    if line is None:
        return ""
    return f"As probabilities scores are off: {CONFIDENT:g} means {line.stands_for(CONFIDENT):.2f}."


def _of_threshold(facts: BinaryFacts, line: Line) -> str:
    """What the line means for the threshold, at which F1 is near its maximum: the cases before this one say where it is
    not."""
    near = f"{facts.at} F1 is near its maximum"
    if not 0 < facts.threshold < 1 or not _moves(line, facts.threshold):
        return f"Ranking is not affected, and {near}."
    means = f"{facts.score(facts.threshold)} means a probability of {line.stands_for(facts.threshold):.3f}"
    if facts.threshold != HALF or not 0 < (score := line.score_for(HALF)) < 1:
        return f"Ranking is not affected, and {near}, but {means}."
    return f"Ranking is not affected, and {near}, but {means}, and {facts.score(score)} one of {HALF:.0%}."


def _moves(line: Line, score: float) -> bool:
    """Whether a score in (0, 1) means another probability than itself."""
    return bool(abs(logit(line.stands_for(score)) - logit(score)) >= MOVED)


def calibrate(facts: BinaryFacts) -> OpenPanel:
    """Open the panel of calibration with the way that repairs the scores: converting them back where the loss has moved
    them, else one temperature, which never moves a score of 0.5, or a line where that is off too."""
    if facts.fifty and facts.source.config and converts(facts.source.config):
        return OpenPanel("Calibrate", "calibration", CONVERT)
    line = facts.evidence.line
    return OpenPanel("Calibrate", "calibration", "sigmoid" if line is None or _moves(line, HALF) else "temperature")


def why_line(facts: BinaryFacts, line: Line) -> str:
    return (
        f"Cox's test fits a line to the logits of the scores: slope {line.slope:.2f} and intercept "
        f"{line.intercept:+.2f}, calibrated 1 and 0 (p = {line.p_value:.2g}; it lowers the log-loss by "
        f"{line.gain:.1%}). The expected calibration error is {facts.evidence.calibration_error:.3f}. Calibration on "
        f"{facts.tuning_rows} changes probabilities, not their order."
    )
