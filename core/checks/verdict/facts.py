"""What the cases of any task look at, and the cases that concern training alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from core.checks import CHECKS, Finding, of_output, of_run
from core.checks.runs import LEAST_RISE, RISE
from core.checks.verdict.statement import Action, RestoreEpoch, SetChoices, Statement
from core.evaluation.source import ScoreSource, rows_label, tuned_on
from core.experiment.config import SETTINGS, RunConfig
from core.losses import LOSSES
from core.parameters import Value
from core.theory.predicted import scores_of_even_odds
from core.theory.remarks import changed_parameters
from core.training.runs import Run

LEVEL = 0.9  # of every interval
FEW = 10  # rows of a class below which nothing is tuned
NAMES = 3  # the most class names in one sentence
MOVED = 0.2  # of the logit of the score that means 50%, from which on it is said
NEAR, PLACES = 0.001, 6  # distance from 0 and 1 within which a probability has more than three decimals, and the most

Decision = tuple[str, tuple[tuple[str, Value], ...]]  # a rule of core.evaluation.DECISIONS and its params


@dataclass(frozen=True)
class Facts:
    """Scores, or predictions of a regression, at the current thresholds.

    source, part: the rows to speak of. thresholds (C,): current, inf above every score. run: the training run behind
    the source, or None. decision: how rows get one of several classes, None for the default. rule: what tuned the
    thresholds on these scores, as in `UseThreshold`, or "".
    """

    source: ScoreSource
    part: str
    thresholds: tuple[float, ...]
    run: Run | None
    decision: Decision | None = None
    rule: str = ""

    @property
    def tuned_on(self) -> str:
        """The split to tune on."""
        return tuned_on(self.source)

    @property
    def tuning_rows(self) -> str:
        """The rows to tune on, as in "validation rows"."""
        return rows_label(self.tuned_on)

    @property
    def weight(self) -> NDArray[np.floating] | None:
        return self.source.row_columns(self.part).weight

    @cached_property
    def mistake(self) -> Finding | None:
        """The first mistake in the output of the run; None where there is none or the configuration is unknown."""
        return None if self.source.config is None else mistake_of(self.source.config)

    @property
    def repairs(self) -> tuple[Action, ...]:
        """Actions that repair the mistake."""
        found = self.mistake
        return (SetChoices(changes_label(found.remedy), found.remedy),) if found and found.remedy else ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of the mistake."""
        return (self.mistake.code,) if self.mistake else ()

    @property
    def fifty(self) -> tuple[float, float] | None:
        """The least and the greatest score that means a probability of 50% by the loss, over outputs that each have a
        sigmoid, where the loss moves it; None otherwise."""
        config = self.source.config
        scores = () if config is None or self.mistake else scores_of_even_odds(config)
        if not scores or max(abs(logit(score)) for score in scores) < MOVED:
            return None
        return min(scores), max(scores)

    @property
    def moved_by(self) -> str:
        """What moves the scores, and which of them means 50%, as a sentence; "" if nothing does."""
        config, fifty = self.source.config, self.fifty
        if config is None or fifty is None:
            return ""
        named = changed_parameters(config) or LOSSES[config.loss].label
        low, high = (f"{score:.3f}" for score in fifty)
        score = f"a score of {low}" if low == high else f"a score of {low} to {high}, by column"
        return f"With {named}, {score}, not 0.5, means a probability of 50%."

    def with_effect(self, sentence: str) -> str:
        """A sentence, and after it what moves the scores."""
        return f"{sentence} {self.moved_by}".strip()


@lru_cache(maxsize=256)
def mistake_of(config: RunConfig) -> Finding | None:
    """The first mistake in the output of a configuration."""
    return next((found for found in of_output(config) if CHECKS[found.code].severity == "mistake"), None)


# --- cases of training


def diverged(facts: Facts) -> Statement | None:
    """The loss was not finite."""
    run = facts.run
    if run is None or run.status != "diverged":
        return None
    remedy = next((found.remedy for found in of_run(run) if found.code == "C302"), None)
    return Statement(
        "bad",
        f"Diverged: at epoch {run.came} the loss was not finite. The scores are those of epoch {run.epoch}.",
        "Each step overshot by more than the one before. A smaller learning rate takes smaller steps.",
        (SetChoices(changes_label(remedy), remedy),) if remedy else (),
        ("C302",),
    )


def miswired(facts: Facts) -> Statement | None:
    """Final activation, head and loss do not fit together."""
    found = facts.mistake
    if found is None:
        return None
    check = CHECKS[found.code]
    return Statement(
        "bad",
        f"{check.name}: {found.sentence[0].lower()}{found.sentence[1:]}",
        f"{check.why} {check.remedy} ({check.reference})",
        facts.repairs,
        facts.codes,
    )


def overfits(facts: Facts) -> Statement | None:
    """The validation loss has risen since an earlier epoch, and the training loss has not."""
    run = facts.run
    if run is None or facts.source.version != run.epoch:
        return None
    loss, train = run.history.validation, run.history.train
    if len(loss) < 3 or not np.isfinite(loss).all():
        return None
    best = int(loss.argmin())
    if loss[-1] < max(RISE * loss[best], loss[best] + LEAST_RISE) or train[-1] >= train[best]:
        return None
    kept = best in (one.epoch for one in run.kept)
    action: Action = (
        RestoreEpoch(f"Restore epoch {best}", best)
        if kept
        else SetChoices(changes_label({"epochs": max(best, 1)}), {"epochs": max(best, 1)})
    )
    return Statement(
        "warning",
        f"Overfits since epoch {best}: the validation loss rose from {loss[best]:.3g} to {loss[-1]:.3g}, while the "
        f"training loss fell from {train[best]:.3g} to {train[-1]:.3g}.",
        "The model learns the training rows better than the task. The epoch with the minimum validation loss predicts "
        "new rows best by this loss; weight decay or a smaller model may help too.",
        (action,),
        ("C304",),
    )


# --- words


def changes_label(changes: Mapping[str, object]) -> str:
    """The label of an action that changes a configuration."""
    if set(changes) == {"activation"}:
        return "Use the default final activation"
    if "loss" in changes:
        return f"Use {LOSSES[str(changes['loss'])].label}"
    if len(changes) == 1:
        (name, value), *_ = changes.items()
        if isinstance(value, int | float):
            return f"Set {SETTINGS[name].words} to {value:g}"
    return f"Change {' and '.join(SETTINGS[name].words for name in changes if name != 'activation')}"


def score_label(value: float, probabilities: bool = True) -> str:
    """A threshold or score with three decimals, more near 0 and 1; "above every score" for inf."""
    if math.isinf(value):
        return "above every score"
    nearest = min(value, 1 - value)
    if not probabilities or nearest <= 0:
        return f"{value:.3g}"
    places = 3 if nearest >= NEAR else math.ceil(-math.log10(nearest)) + 1
    return f"{value:.{min(places, PLACES)}f}"


def names_label(names: list[str]) -> str:
    """Some names, as in "a, b and 3 more"."""
    if len(names) > NAMES:
        return f"{', '.join(names[:NAMES])} and {len(names) - NAMES} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
