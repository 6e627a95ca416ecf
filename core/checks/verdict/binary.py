"""Cases of two classes, or of one class against the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from core.checks.rules_and_calibration import GAIN, SURE
from core.checks.runs import SATURATED
from core.checks.verdict.facts import (
    FEW,
    LEVEL,
    Facts,
    count_label,
    diverged,
    miswired,
    overfits,
    score_label,
)
from core.checks.verdict.statement import Action, OpenPanel, Statement, UseThreshold
from core.evaluation import METRICS, Rankings, ScoreIndex, ThresholdCounts
from core.evaluation.bootstrap import RankedRows, draws, percentile_interval
from core.evaluation.calibration import Line, calibration_error, fit_line
from core.evaluation.intervals import roc_auc_interval
from core.evaluation.recent import Recent
from core.evaluation.scores import ClassView
from core.evaluation.source import Key, ScoreSource
from core.evaluation.tuning import Bootstrap, bind, bootstrap_of
from core.losses import LOSSES
from core.theory.binary_loss import loss_on_data
from core.theory.optimal_scores import has_closed_form
from core.theory.predicted import predicted_threshold
from core.theory.remarks import parameters_label

RULE = "f1"
F1 = METRICS["f1"]
ALMOST_NONE = 0.2  # predicted positive, as a share of the positives, up to which they are almost none
ALMOST_ALL = 0.1  # predicted negative, as a share of the negatives, up to which almost every row is positive
WORTH = 0.02  # gain in F1 that is worth another threshold
SURELY = 0.9  # share of resamples on which another threshold must be better
WELL = 0.8  # ROC-AUC from which on scores rank well
MOVED = 0.2  # of the logit of the score that means 50:50
STEEP = 0.1  # of Cox's slope, from 1
CONFIDENT = 0.9  # the score that is explained


class Evidence(NamedTuple):
    """What does not depend on the threshold: ROC-AUC with its interval, average precision, Cox's line and ECE, which
    are None and NaN for scores that are not probabilities and for too few rows."""

    roc_auc: tuple[float, float, float]
    average_precision: float
    line: Line | None
    calibration_error: float


_evidence: Recent[tuple[Key, str], Evidence] = Recent(128)


def evidence(source: ScoreSource, part: str) -> Evidence:
    """The evidence of a binary source, cached by id and version."""

    def found() -> Evidence:
        scores, weight = source.scores(part), source.row_columns(part).weight
        y, score = scores.view().y, scores.view().score
        index = source.index(part, 0)
        line, error = None, math.nan
        if scores.are_probabilities and min(index.positive_scores.size, index.negative_scores.size) >= FEW:
            line, error = fit_line(y, score, weight), float(calibration_error(y, score, sample_weight=weight))
        return Evidence(
            roc_auc_interval(index, LEVEL), float(Rankings.of(y, score, weight).average_precisions()[0]), line, error
        )

    return _evidence.get(((source.id, source.version), part), found)


class Gain(NamedTuple):
    """By how much F1 is higher at the tuned threshold, without optimism, with the ends of its interval, and the share
    of resamples on which it is higher."""

    value: float
    low: float
    high: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether the tuned threshold is better, by enough and by more than chance."""
        return self.value >= WORTH and self.share >= SURELY


@dataclass(frozen=True)
class BinaryFacts(Facts):
    """Scores of a binary source at its current threshold."""

    @property
    def threshold(self) -> float:
        return self.thresholds[0]

    @cached_property
    def view(self) -> ClassView:
        return self.source.scores(self.part).view()

    @property
    def name(self) -> str:
        """The positive class."""
        return self.view.label

    @property
    def index(self) -> ScoreIndex:
        return self.source.index(self.part, 0)

    @cached_property
    def counts(self) -> ThresholdCounts:
        """Counts () at the current threshold."""
        return self.index.counts(self.threshold)

    @property
    def positives(self) -> float:
        return self.index.positives

    @property
    def negatives(self) -> float:
        return self.index.negatives

    @property
    def evidence(self) -> Evidence:
        return evidence(self.source, self.part)

    @property
    def tuned(self) -> Bootstrap:
        """The threshold of maximum F1 with its resamples, those of the Tune panel."""
        return bootstrap_of(self.source, 0, bind(RULE), self.tuned_on)

    @cached_property
    def best(self) -> ThresholdCounts:
        """Counts () at the threshold of maximum F1."""
        return self.index.counts(self.tuned.choice.threshold)

    @cached_property
    def gain(self) -> Gain:
        """Paired over resamples of the rows that the threshold was tuned on, and shifted by how optimistic it is."""
        index = self.source.index(self.tuned_on, 0)
        if not index.positives:
            return Gain(math.nan, math.nan, math.nan, math.nan)
        pair = np.array([self.threshold, self.tuned.choice.threshold], index.positive_scores.dtype)
        rising = np.sort(pair)
        view, weight = self.source.scores(self.tuned_on).view(), self.source.row_columns(self.tuned_on).weight
        ranked = RankedRows.of(view.y, view.score, rising[::-1])
        resamples = draws(len(view.y), len(self.tuned.thresholds))
        f1 = np.concatenate([F1(ranked.counts(times if weight is None else times * weight)) for times in resamples])
        now, best = f1[:, np.searchsorted(-rising[::-1], -pair)].T
        gained = best - now
        optimism = float(np.nan_to_num(self.tuned.choice.value - self.tuned.estimate))
        low, high = percentile_interval(gained, LEVEL) - optimism
        known = gained[~np.isnan(gained)]
        seen = float(F1(index.counts(pair[1])) - F1(index.counts(pair[0])))
        return Gain(seen - optimism, float(low), float(high), float((known > optimism).mean()))

    # --- words

    @property
    def at(self) -> str:
        """The current threshold, as in "At 0.50"; "With the threshold above every score"."""
        label = self.score(self.threshold)
        return f"at {label}" if math.isfinite(self.threshold) else f"with the threshold {label}"

    def score(self, value: float) -> str:
        return score_label(value, self.source.scores(self.part).are_probabilities)

    @property
    def ranks(self) -> str:
        """How well the scores rank, as the beginning of a sentence."""
        area = self.evidence.roc_auc[0]
        return f"Ranks {'well' if area >= WELL else 'better than chance'} (ROC-AUC {area:.3f})"

    @property
    def found(self) -> str:
        """What is predicted at the current threshold, without "it"."""
        counts = self.counts
        return (
            f"predicts {self.name} for {count_label(counts.predicted_positive)} of {count_label(counts.total)} rows "
            f"and finds {count_label(counts.tp)} of {count_label(self.positives)}"
        )

    @property
    def better(self) -> str:
        """The best threshold with what it changes, as a sentence."""
        now, best, tuned = self.counts, self.best, self.tuned
        low, high = (self.score(end) for end in tuned.threshold_spread)
        spread = f"{low} to {high}" if low != high else low
        fewer = best.fp < now.fp
        changed = f"{count_label(best.fp)} false positives instead of {count_label(now.fp)}"
        found = f"{count_label(best.tp)} of {count_label(self.positives)} found"
        also = f", {found}" if best.tp != now.tp else ""
        change = f"{changed}{also}" if fewer else f"{found} instead of {count_label(now.tp)}, {changed}"
        return f"F1 is best at {self.score(tuned.choice.threshold)} (spread over resamples {spread}): {change}."

    @property
    def use_best(self) -> UseThreshold:
        best = self.tuned.choice.threshold
        return UseThreshold(f"Use {self.score(best)}", (best,), RULE, self.tuned_on)

    @cached_property
    def fifty(self) -> float | None:
        """The score that means 50:50 by the loss, where it has a closed form and the loss moves it; None otherwise."""
        config = self.source.config
        of = None if config is None or self.mistake else loss_on_data(config)
        if config is None or of is None or not has_closed_form(of.build()):
            return None
        score = predicted_threshold(config)
        return score if score is not None and 0 < score < 1 and abs(logit(score)) >= MOVED else None

    @property
    def moved_by(self) -> str:
        """What moves the scores, and which of them stands for 50%, as a sentence; "" if nothing does."""
        config = self.source.config
        of = None if config is None or self.fifty is None else loss_on_data(config)
        if config is None or of is None or self.fifty is None:
            return ""
        label = parameters_label(config.loss, dict(config.loss_params), of.build().params) or LOSSES[config.loss].label
        return f"With {label} a score of {self.fifty:.3f}, not 0.500, stands for a probability of 50%."

    @property
    def why_tuned(self) -> str:
        """How the best threshold was found."""
        tuned = self.tuned
        low, high = tuned.interval
        text = (
            f"Maximum F1 on {self.tuned_on} rows, {tuned.choice.value:.3f} in-sample; the .632 bootstrap estimate for "
            f"new rows is {tuned.estimate:.3f} ({tuned.level:.0%} interval {low:.3f} to {high:.3f}). The spread is "
            f"that of the thresholds tuned on {len(tuned.thresholds):,} resamples of these rows."
        )
        if self.part == self.tuned_on:
            text += " Counts are of the same rows, so they are optimistic."
        return text

    @property
    def why_moved(self) -> str:
        """What it means that the loss moves scores."""
        if self.fifty is None:
            return ""
        return (
            "\n\nA class weight in the loss shifts all logits by about the same number: it moves scores, and hardly "
            "changes their order. Moving the threshold does the same without training. Scores then are no "
            "probabilities, but can be converted back (Elkan, 2001)."
        )


# --- cases


def one_class(facts: BinaryFacts) -> Statement | None:
    """Only one class has rows."""
    if facts.positives and facts.negatives:
        return None
    missing = facts.view.rest if facts.positives else facts.name
    if not facts.index.n_rows:
        return Statement("warning", f"There are no {facts.rows_words}.", "Nothing can be counted without rows.")
    return Statement(
        "warning",
        f"None of the {count_label(facts.counts.total)} {facts.rows_words} is {missing}: recall, precision or both are "
        "undefined, and no threshold can be tuned.",
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
        f"All {facts.rows_words} have the score {facts.score(low)}: no threshold separates {facts.name} from "
        f"{facts.view.rest}.{cause}",
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
        f"Ranks in reverse: ROC-AUC is {area:.3f} ({LEVEL:.0%} interval {low:.3f} to {high:.3f}), so rows of "
        f"{facts.name} tend to have the lower scores. With labels or scores swapped it would be {1 - area:.3f}.",
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


def predicts_none(facts: BinaryFacts) -> Statement | None:
    """Almost no row is predicted positive, though another threshold finds some."""
    counts = facts.counts
    if counts.predicted_positive > ALMOST_NONE * facts.positives or facts.best.tp <= counts.tp:
        return None
    none = counts.predicted_positive == 0
    predicted = (
        f"none of {count_label(counts.total)} rows reaches the threshold; the highest score is "
        f"{facts.score(facts.index.score_range[1])}"
        if none
        else f"it predicts {facts.name} for only {count_label(counts.predicted_positive)} of "
        f"{count_label(counts.total)} rows, though {count_label(facts.positives)} are {facts.name}"
    )
    return Statement(
        "bad",
        f"Predicts {'no' if none else 'almost no'} {facts.name}: {facts.at} {predicted}. {facts.ranks}, so lower the "
        f"threshold. {facts.better}",
        f"If positives are rare, few rows have a probability above 0.5, however good the model is. That is no reason "
        f"to change the loss: the threshold decides what is predicted. {facts.why_tuned}{facts.why_moved}",
        (facts.use_best, *facts.repairs),
        ("C403", *facts.codes) if counts.tp == 0 and facts.threshold == 0.5 else facts.codes,
    )


def predicts_all(facts: BinaryFacts) -> Statement | None:
    """Almost every row is predicted positive, though another threshold leaves some out."""
    counts = facts.counts
    if counts.tn + counts.fn > ALMOST_ALL * facts.negatives or facts.best.fp >= counts.fp:
        return None
    every = counts.tn + counts.fn == 0
    cause = f" {facts.mistake.sentence}" if facts.mistake else f" {facts.moved_by}" if facts.moved_by else ""
    return Statement(
        "bad",
        f"Predicts {facts.name} for {'every row' if every else 'almost every row'}: {facts.at} "
        f"{count_label(counts.predicted_positive)} of {count_label(counts.total)}, of which "
        f"{count_label(facts.positives)} are {facts.name}.{cause} {facts.better}",
        f"A second sigmoid, or a softmax or ReLU before it, makes every score at least 0.5; a large weight of the "
        f"positive class can too. {facts.why_tuned}{facts.why_moved}",
        (*facts.repairs, facts.use_best),
        ("C406", *facts.codes) if every and facts.threshold == 0.5 else facts.codes,
    )


def wrong_threshold(facts: BinaryFacts) -> Statement | None:
    """Another threshold has a higher F1, by more than chance."""
    if _few(facts) or not facts.gain.sure:
        return None
    moved = f" {facts.moved_by}" if facts.moved_by else ""
    return Statement(
        "warning",
        f"{facts.ranks}, but {facts.at} it {facts.found}.{moved} {facts.better}",
        f"{facts.why_tuned} F1 would rise by {facts.gain.value:.3f} ({LEVEL:.0%} interval {facts.gain.low:+.3f} to "
        f"{facts.gain.high:+.3f}), on {facts.gain.share:.0%} of resamples. Another rule, such as a cost or a "
        f"recall that must be kept, has another threshold.{facts.why_moved}",
        (facts.use_best, OpenPanel("Tune", "tune")),
        ("C210",) if facts.fifty else (),
    )


def moved(facts: BinaryFacts) -> Statement | None:
    """The threshold is good, and the loss has moved the scores away from probabilities."""
    if facts.fifty is None or _few(facts) or facts.gain.value >= WORTH:
        return None
    return Statement(
        "good",
        f"{facts.ranks}, and {facts.at} no threshold has an F1 that is higher by {WORTH:g} on new rows: it "
        f"{facts.found}. {facts.moved_by} Scores are not probabilities.",
        f"{facts.why_tuned}{facts.why_moved}",
        (OpenPanel("Predicted and measured", "theory"),),
        ("C210",),
    )


def saturated(facts: BinaryFacts) -> Statement | None:
    """Many scores are exactly 0 or 1, and some of these are wrong."""
    score, y = facts.view.score, facts.view.y
    if not facts.source.scores(facts.part).are_probabilities:
        return None
    ends, wrong = (score == 0) | (score == 1), int(np.count_nonzero(score == ~y))
    share = float(ends.mean())
    if share < SATURATED or not wrong:
        return None
    return Statement(
        "warning",
        f"Saturated: {share:.1%} of the scores are exactly 0 or 1, and {wrong:,} of them are wrong. No threshold "
        "separates rows whose scores are equal.",
        "float32 rounds a sigmoid to 1 from a logit of 16.64 on. The order of these rows is lost, and each wrong one "
        "has an infinite log-loss. Train on logits, use weight decay, or stop earlier.",
        (OpenPanel("See the rows", "rows"),),
        ("C401",),
    )


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
        f"{share:.1%} of the rows are {facts.name}. The threshold is not affected.",
        _why_line(facts, line),
        (OpenPanel("Calibrate", "calibration"),),
    )


def few_positives(facts: BinaryFacts) -> Statement | None:
    """Too few rows of a class to tune a threshold, or to tell that another one is better."""
    gain, index = facts.gain, facts.source.index(facts.tuned_on, 0)
    fewer = min((index.positive_scores.size, facts.name), (index.negative_scores.size, facts.view.rest))
    if fewer[0] >= FEW and (gain.value < WORTH or gain.sure):
        return None
    return Statement(
        "warning",
        f"Too few rows to tell whether another threshold is better: only {fewer[0]:,} of {index.n_rows:,} "
        f"{facts.tuned_on} rows {'is' if fewer[0] == 1 else 'are'} {fewer[1]}. At "
        f"{facts.score(facts.tuned.choice.threshold)} F1 changes by {gain.value:+.3f} ({LEVEL:.0%} interval "
        f"{gain.low:+.3f} to {gain.high:+.3f}).",
        f"{facts.why_tuned} With so few rows of one class the tuned threshold depends on each of them. More rows help, "
        "or a threshold that follows from costs and calibrated scores instead of a search.",
        (OpenPanel("Tune", "tune"),),
        ("C207",) if index.positive_scores.size < FEW else (),
    )


def sound(facts: BinaryFacts) -> Statement | None:
    """Nothing is wrong."""
    _, low, high = facts.evidence.roc_auc
    f1 = float(METRICS["f1"](facts.counts))
    near = f", within {WORTH:g} of the best threshold's" if facts.gain.value < WORTH else ""
    line = facts.evidence.line
    calibrated = (
        f", and the scores are calibrated (ECE {facts.evidence.calibration_error:.3f})"
        if line and not line.separates and (line.p_value >= SURE or line.gain < GAIN)
        else ""
    )
    return Statement(
        "good",
        f"{facts.at[0].upper()}{facts.at[1:]} it {facts.found}; F1 is {f1:.3f}{near}. {facts.ranks[:-1]}, {LEVEL:.0%} "
        f"interval {low:.3f} to {high:.3f}){calibrated}.",
        f"{facts.why_tuned} {'' if line is None else _why_line(facts, line)}",
        (OpenPanel("Tune", "tune"),),
    )


def _few(facts: BinaryFacts) -> bool:
    index = facts.source.index(facts.tuned_on, 0)
    return min(index.positive_scores.size, index.negative_scores.size) < FEW


def _uncalibrated(facts: BinaryFacts) -> Line | None:
    """Cox's line if the scores should be probabilities and are not."""
    line = facts.evidence.line
    if line is None or facts.fifty is not None or line.separates or line.p_value >= SURE or line.gain < GAIN:
        return None
    return line


def _of_line(facts: BinaryFacts, line: Line, word: str, codes: tuple[str, ...]) -> Statement:
    actions: tuple[Action, ...] = (*facts.repairs, OpenPanel("Calibrate", "calibration"))
    return Statement(
        "warning",
        f"{word}: a score of {CONFIDENT:g} stands for a probability of {line.stands_for(CONFIDENT):.2f} (slope "
        f"{line.slope:.2f} on the logit, calibrated 1; ECE {facts.evidence.calibration_error:.3f}). Ranking and "
        "threshold are not affected.",
        _why_line(facts, line),
        actions,
        (*codes, *facts.codes),
    )


def _why_line(facts: BinaryFacts, line: Line) -> str:
    return (
        f"Cox's test fits a line to the logits of the scores: slope {line.slope:.2f} and intercept "
        f"{line.intercept:+.2f}, calibrated 1 and 0 (p = {line.p_value:.2g}; it lowers the log-loss by "
        f"{line.gain:.1%}). The expected calibration error is {facts.evidence.calibration_error:.3f}. Calibration on "
        f"{facts.tuned_on} rows changes probabilities, not their order."
    )


BINARY: dict[str, Callable[[BinaryFacts], Statement | None]] = {
    "diverged": diverged,
    "one_class": one_class,
    "constant": constant,
    "reversed_order": reversed_order,
    "no_better": no_better,
    "predicts_none": predicts_none,
    "predicts_all": predicts_all,
    "miswired": miswired,
    "wrong_threshold": wrong_threshold,
    "moved": moved,
    "saturated": saturated,
    "overfits": overfits,
    "overconfident": overconfident,
    "underconfident": underconfident,
    "biased": biased,
    "few_positives": few_positives,
    "sound": sound,
}
