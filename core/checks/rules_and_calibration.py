"""Checks of tuning the threshold of a class or label by a rule, and of calibrating its scores (C407 ..)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.checks.context import Context
from core.checks.finding import Check, Found
from core.checks.optimisation import FEW, OPTIMISATION
from core.evaluation.calibration import fit_line
from core.evaluation.source import ScoreSource
from core.losses.objective import resolved
from core.theory.effect import is_proper
from core.theory.remarks import remark

READ = {  # rules for which a score should be a true probability, and what follows where it is none
    "half_f1": "F*/2 is the best threshold for F1 on true probabilities only.",
    "cost": "A threshold tuned by counting costs holds all the same; c_fp / (c_fp + c_fn) does not on such a score.",
}
SURE, GAIN = 0.01, 0.01  # level of Cox's test, and the share of log-loss that calibration gains, for a word
ENOUGH = 50  # rows, for Cox's test, which asks for many
ISOTONIC = 1000  # rows, from which scikit-learn's user guide advises it


def few_positives(source: ScoreSource, column: int, rule: str) -> Found:
    view = source.scores("validation").view(column)
    positives = int(np.count_nonzero(view.y))
    if positives >= FEW:
        return None
    rows = "row is" if positives == 1 else "rows are"
    return f"Only {positives} validation {rows} {view.label}: the threshold found hangs on each of them.", None


def no_probabilities(source: ScoreSource, column: int, rule: str) -> Found:
    if rule not in READ:
        return None
    if not source.scores("validation").are_probabilities:
        return f"Scores leave [0, 1], so they are no probabilities. {READ[rule]} Apply a sigmoid first.", None
    if not (told := _by_theory(source) or _by_measure(source, column)):
        return None
    return f"{told} {READ[rule]} Calibrate first.", None


def _by_theory(source: ScoreSource) -> str:
    """What the loss makes of scores, where they are no true probabilities even at its best; "" otherwise, and where the
    loss is not known."""
    config = source.config
    if config is None:
        return ""
    if resolved(config.head, config.activation, config.loss) != resolved(config.head, "auto", config.loss):
        return ""
    given = config.loss, config.head, dict(config.loss_params), Context(config).data.counts
    return "" if is_proper(*given) else remark(*given)


def _by_measure(source: ScoreSource, column: int) -> str:
    """What Cox's test shows on the validation rows; "" where the scores may be probabilities, or rows are few."""
    view = source.scores("validation").view(column)
    if len(view.y) < ENOUGH or view.y.all() or not view.y.any():
        return ""
    line = fit_line(view.y, view.score)
    if line.p_value >= SURE or line.gain < GAIN:
        return ""
    return (
        f"On {len(view.y):,} validation rows a score of 0.5 stands for a true probability of "
        f"{line.stands_for(0.5):.3f} (slope {line.slope:.2f} and intercept {line.intercept:.2f} on the logit; "
        f"calibrated 1 and 0)."
    )


def calibrated_on_few(source: ScoreSource, column: int, method: str) -> Found:
    view = source.scores("validation").view(column)
    rows, positives = len(view.y), int(np.count_nonzero(view.y))
    fewer = min(positives, rows - positives)
    if fewer < FEW:
        side = view.label if fewer == positives else view.rest
        return f"Only {fewer} of {rows:,} validation rows are {side}: what is fitted hangs on each of them.", None
    if method == "isotonic" and rows < ISOTONIC:
        return f"Isotonic steps follow chance on {rows:,} rows, {positives:,} of them positive: look at test.", None
    return None


OF_RULES: dict[str, tuple[Check, Callable[[ScoreSource, int, str], Found]]] = {
    "C207": (OPTIMISATION["C207"][0], few_positives),
    "C407": (
        Check(
            "Scores that are no probabilities",
            "rule",
            "caution",
            "A rule that takes scores for true probabilities, on scores that are none.",
            "Weights and losses that are not proper move scores away from true probabilities, and so does overfitting.",
            "Calibrate the scores, convert them back to probabilities, or tune the threshold by counting.",
            "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        ),
        no_probabilities,
    ),
}
OF_CALIBRATION: dict[str, tuple[Check, Callable[[ScoreSource, int, str], Found]]] = {
    "C408": (
        Check(
            "Calibrated on few rows",
            "calibration",
            "caution",
            "A calibration fitted to few rows of a class.",
            "It can follow single rows, isotonic steps most of all.",
            "Prefer temperature or Platt, and judge by the test rows.",
            "Niculescu-Mizil and Caruana, Predicting Good Probabilities with Supervised Learning (2005)",
        ),
        calibrated_on_few,
    ),
}
