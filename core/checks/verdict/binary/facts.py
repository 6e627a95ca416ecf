"""What the cases of two classes look at, and the words that they share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from core.checks.verdict.facts import FEW, LEVEL, Facts, score_label
from core.checks.verdict.statement import UseThreshold
from core.evaluation import METRICS, Rankings, ScoreIndex, ThresholdCounts
from core.evaluation.bootstrap import percentile_interval, resampled
from core.evaluation.calibration import Line, calibration_error, fit_line
from core.evaluation.intervals import roc_auc_interval
from core.evaluation.recent import Recent
from core.evaluation.scores import ClassView
from core.evaluation.source import Key, ScoreSource
from core.evaluation.tuning import Bootstrap, bind, bootstrap_of
from core.text import count_label, counted

RULE = "f1"
F1 = METRICS["f1"]
WORTH = 0.02  # gain in F1 that is worth another threshold
SURELY = 0.9  # share of resamples on which another threshold must be better
WELL = 0.8  # ROC-AUC from which on scores rank well


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
        ranked = Rankings.of_counts(index.counts_at_scores())
        return Evidence(roc_auc_interval(index, LEVEL), float(ranked.average_precisions()[0]), line, error)

    return _evidence.get(((source.id, source.version), part), found)


class Gain(NamedTuple):
    """By how much F1 is higher at the tuned threshold: `seen` on its rows, `value` without optimism, with the ends of
    its interval, and the share of resamples on which it is higher."""

    seen: float
    value: float
    low: float
    high: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether the tuned threshold is better, by enough and by more than chance."""
        return self.value >= WORTH and self.share >= SURELY

    @property
    def small(self) -> bool:
        """Whether F1 is hardly higher at the tuned threshold."""
        return self.seen < WORTH


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
    def few(self) -> bool:
        """Whether a class has too few rows to tune a threshold."""
        index = self.source.index(self.tuned_on, 0)
        return min(index.positive_scores.size, index.negative_scores.size) < FEW

    @property
    def name(self) -> str:
        """The positive class; "positive" where classes have no names but 0 and 1."""
        return "positive" if self.is_nameless else self.view.label

    @property
    def rest(self) -> str:
        """The negative class."""
        return "negative" if self.is_nameless else self.view.rest

    @property
    def is_nameless(self) -> bool:
        return (self.view.rest, self.view.label) == ("0", "1")

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
            return Gain(math.nan, math.nan, math.nan, math.nan, math.nan)
        pair = np.array([self.threshold, self.tuned.choice.threshold], index.positive_scores.dtype)
        rising = np.sort(pair)
        view, weight = self.source.scores(self.tuned_on).view(), self.source.row_columns(self.tuned_on).weight
        blocks = resampled(view.y, view.score, rising[::-1], len(self.tuned.thresholds), sample_weight=weight)
        f1 = np.concatenate([F1(block.counts) for block in blocks])
        now, best = f1[:, np.searchsorted(-rising[::-1], -pair)].T
        gained = best - now
        optimism = float(np.nan_to_num(self.tuned.choice.value - self.tuned.estimate))
        low, high = percentile_interval(gained, LEVEL) - optimism
        known = gained[~np.isnan(gained)]
        seen = float(F1(index.counts(pair[1])) - F1(index.counts(pair[0])))
        return Gain(seen, seen - optimism, float(low), float(high), float((known > optimism).mean()))

    # --- words

    @property
    def at(self) -> str:
        """The current threshold, as in "at 0.500"; "With the threshold above every score"."""
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
    def decided(self) -> str:
        """What is found at the current threshold, as in "finds 29 of 50 positives with 157 false positives"."""
        return f"finds {self._found(self.counts)}"

    @property
    def better(self) -> str:
        """What the best threshold would find, as in "at 0.910 it would find 19 of 50 positives with 37 false
        positives (F1 0.358)"."""
        return f"at {self.score(self.tuned.choice.threshold)} it would find {self._found(self.best)}"

    @staticmethod
    def _f1(counts: ThresholdCounts) -> str:
        f1 = float(F1(counts))
        return "" if math.isnan(f1) else f" (F1 {f1:.3f})"

    @property
    def better_in_short(self) -> str:
        """The same after `decided`, as in "at 0.910 it would find 19 with 37 false positives (F1 0.358)"."""
        counts = self.best
        found = f"{count_label(counts.tp)} with {_false_positives(counts)}{self._f1(counts)}"
        return f"at {self.score(self.tuned.choice.threshold)} it would find {found}"

    def _found(self, counts: ThresholdCounts) -> str:
        found = f"{count_label(counts.tp)} of {counted(self.positives, 'positive')}"
        return f"{found} with {_false_positives(counts)}{self._f1(counts)}"

    @property
    def use_best(self) -> UseThreshold:
        best = self.tuned.choice.threshold
        return UseThreshold(f"Use {self.score(best)}", (best,), RULE, self.tuned_on)

    @property
    def why_tuned(self) -> str:
        """How the best threshold was found."""
        tuned = self.tuned
        low, high = tuned.interval
        ends = dict.fromkeys(self.score(end) for end in tuned.threshold_spread)
        spread = f"from {' to '.join(ends)}" if len(ends) > 1 else next(iter(ends))
        text = (
            f"Maximum F1 on {self.tuning_rows}, {tuned.choice.value:.3f} in-sample; the bootstrap estimate (.632) for "
            f"new rows is {tuned.estimate:.3f} ({tuned.level:.0%} interval {low:.3f} to {high:.3f}). Tuned on "
            f"{len(tuned.thresholds):,} resamples of these rows, {tuned.level:.0%} of the thresholds are {spread}."
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


def _false_positives(counts: ThresholdCounts) -> str:
    return counted(counts.fp.item(), "false positive")
