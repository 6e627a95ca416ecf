"""Checks of tuning a threshold, and of calibrating scores (C407 ..)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.checks.context import Context
from core.checks.finding import Check, Found
from core.checks.optimisation import FEW, OPTIMISATION
from core.evaluation.calibration import fit_line
from core.evaluation.source import ScoreSource, held_out, rows_label, tuned_on
from core.losses.objective import resolved
from core.text import counted
from core.theory.effect import is_proper
from core.theory.remarks import remark

READ = {  # rules that assume probabilities, and the consequence if scores are not probabilities
    "half_f1": "F*/2 is the optimal threshold for F1 only if scores are true probabilities.",
    "cost": "A threshold tuned by counting costs is still valid; c_fp / (c_fp + c_fn) is not.",
}
SURE, GAIN = 0.01, 0.01  # level of Cox's test, and the relative gain in log-loss, for a finding
ENOUGH = 50  # rows, for Cox's test
ISOTONIC = 1000  # rows from which on scikit-learn's user guide recommends it


def few_positives(source: ScoreSource, column: int, rule: str) -> Found:
    part = tuned_on(source)
    view = source.scores(part).view(column)
    positives = int(np.count_nonzero(view.y))
    if positives >= FEW:
        return None
    rows = f"{rows_label(part, positives)} {'is' if positives == 1 else 'are'}"
    return f"Only {rows} {view.label}: the tuned threshold depends on each of them.", None


def no_probabilities(source: ScoreSource, column: int, rule: str) -> Found:
    if rule not in READ:
        return None
    if not source.scores(tuned_on(source)).are_probabilities:
        return (
            f"Some scores are not in [0, 1], so they are not probabilities. {READ[rule]} Apply a sigmoid first.",
            None,
        )
    if not (reason := _by_theory(source) or _by_measure(source, column)):
        return None
    return f"{reason} {READ[rule]} Calibrate first.", None


def _by_theory(source: ScoreSource) -> str:
    """How optimal scores of the loss differ from true probabilities; "" if they don't or the loss is unknown."""
    config = source.config
    if config is None:
        return ""
    if resolved(config.head, config.activation, config.loss) != resolved(config.head, "auto", config.loss):
        return ""
    data = Context(config).data
    given = config.loss, config.head, dict(config.loss_params), data.counts, len(data.y)
    return "" if is_proper(*given) else remark(*given)


def _by_measure(source: ScoreSource, column: int) -> str:
    """The result of Cox's test on the rows to tune on; "" if scores may be probabilities, or rows are few."""
    part = tuned_on(source)
    view = source.scores(part).view(column)
    if len(view.y) < ENOUGH or view.y.all() or not view.y.any():
        return ""
    line = fit_line(view.y, view.score, source.row_columns(part).weight)
    if line.separates or line.p_value >= SURE or line.gain < GAIN:
        return ""
    return (
        f"On {rows_label(part, len(view.y))} a score of 0.5 stands for a true probability of "
        f"{line.stands_for(0.5):.3f} (slope {line.slope:.2f} and intercept {line.intercept:.2f} on the logit; "
        f"calibrated 1 and 0)."
    )


def calibrated_on_few(source: ScoreSource, column: int, method: str) -> Found:
    part = tuned_on(source)
    view = source.scores(part).view(column)
    rows, positives = len(view.y), int(np.count_nonzero(view.y))
    fewer = min(positives, rows - positives)
    if fewer < FEW:
        side = view.label if fewer == positives else view.rest
        return f"Only {fewer} of {rows_label(part, rows)} are {side}: the fit depends on each of them.", None
    if method == "isotonic" and rows < ISOTONIC:
        other = held_out(source)
        advice = f"check {rows_label(other, the=True)}" if other else "compare it with Platt scaling"
        return f"Isotonic steps fit noise on {counted(rows, 'row')}, {positives:,} of them positive: {advice}.", None
    return None


OF_RULES: dict[str, Check] = {
    "C207": replace(OPTIMISATION["C207"], find=few_positives),
    "C407": Check(
        "Rule assumes probabilities",
        "rule",
        "caution",
        "A rule that assumes true probabilities, applied to scores that are not.",
        "Weights and losses that are not proper move scores away from true probabilities, and so does overfitting.",
        "Calibrate the scores, convert them back to probabilities, or tune the threshold by counting.",
        "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        no_probabilities,
    ),
}
OF_CALIBRATION: dict[str, Check] = {
    "C408": Check(
        "Calibrated on few rows",
        "calibration",
        "caution",
        "A calibration fitted to few rows of a class.",
        "It can fit single rows, isotonic regression most of all.",
        "Prefer temperature or Platt scaling, and compare on the test rows.",
        "Niculescu-Mizil and Caruana, Predicting Good Probabilities with Supervised Learning (2005)",
        calibrated_on_few,
    ),
}
