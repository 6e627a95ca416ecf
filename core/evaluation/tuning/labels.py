"""Decisions about several labels: a threshold each, one for all, the top k of a row, the prior's share. Numpy alone.

Tune on scores of rows that the model was not fitted to, best out-of-fold ones of the training rows; the caller makes
them. The strategies are those of Yang, A study on thresholding strategies for text categorization, 2001,
https://doi.org/10.1145/383952.383975.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import ScoreIndex, ThresholdCounts, index_scores, predicted_positive
from core.evaluation.scores import Scores, as_scores
from core.evaluation.tuning.choice import Choice, Goal, candidates, pick, place_of
from core.evaluation.tuning.rules import Rule, bind
from core.parameters import Param, Value, checked

SEED = 0  # of the inner folds


@dataclass(frozen=True, eq=False)
class LabelThresholds:
    """A threshold a label, thresholds (C,); inf gives the label to no row. choices: one a label, or one for all."""

    thresholds: NDArray[np.float64]
    choices: tuple[Choice, ...]
    said: str

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether `score >= t`, (N, C), from scores (N, C)."""
        return predicted_positive(y_score, self.thresholds)


@dataclass(frozen=True)
class TopLabels:
    """The k labels of a row that score highest, all of them if it has no more."""

    k: int
    said: str

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether a label is among the top k of its row, (N, C); equal scores go to the label that comes first."""
        order = np.argsort(-as_scores(y_score), axis=1, kind="stable")
        return np.argsort(order, axis=1) < self.k


@dataclass(frozen=True, eq=False)
class LabelShares:
    """As many rows a label as its share, shares (C,), of the rows that are decided: they are needed all together."""

    shares: NDArray[np.float64]
    said: str

    def thresholds(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """The thresholds (C,) at which the share predicted among rows with scores (N, C) comes closest."""
        score = as_scores(y_score)
        return np.array([_matching(column, share) for column, share in zip(score.T, self.shares, strict=True)])

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether `score >= t` at those thresholds, (N, C)."""
        return predicted_positive(y_score, self.thresholds(y_score))


LabelChoice = LabelThresholds | TopLabels | LabelShares


@dataclass(frozen=True)
class LabelRuleSpec:
    """A way to decide labels: `function(scores, **params)`, or `function(scores, rule, **params)` if it takes_rule."""

    name: str
    label: str
    function: Callable[..., LabelChoice]
    help: str
    params: tuple[Param, ...] = ()
    takes_rule: bool = False

    def __call__(self, scores: Scores, rule: Rule | None = None, **params: Value) -> LabelChoice:
        """The choice for the labels of scores, tuned on their rows by the rule, F1 by default.

        Raises CutoffError for other tasks than multilabel, a rule where none is taken, and an unknown param or one
        outside its range.
        """
        if scores.task != "multilabel":
            raise CutoffError(f"Expected `scores` of a multilabel task, but got a {scores.task} one.")
        given = checked(self.name, self.params, params)
        if self.takes_rule:
            return self.function(scores, rule or bind("f1"), **given)
        if rule is not None:
            raise CutoffError(f"Expected no `rule` for {self.name}, but got {rule.spec.name}.")
        return self.function(scores, **given)


def scut(scores: Scores, rule: Rule) -> LabelThresholds:
    """The rule's choice for each label by itself."""
    choices = tuple(rule(candidates(index)) for index in index_scores(scores))
    return _each(choices, f"Each label by itself: {rule.spec.label}")


def one_for_all(scores: Scores, rule: Rule) -> LabelThresholds:
    """The rule's choice on all labels of all rows as if they were rows of one label: F1 is then micro F1."""
    choice = rule(candidates(ScoreIndex.of(scores.y_true.ravel(), scores.y_score.ravel())))
    return LabelThresholds(np.full(scores.n_columns, choice.threshold), (choice,), f"All labels as one: {choice.said}")


def rcut(scores: Scores, k: int) -> TopLabels:
    """The top k labels of a row; for k = 0 as many as a row has on average, rounded to the nearest whole number."""
    mean = float(scores.y_true.sum(axis=1).mean()) if scores.n_rows else 0.0
    k = k or int(np.floor(mean + 0.5))
    return TopLabels(k, f"The {k} highest labels of every row; a row has {mean:.3g} on average.")


def pcut(scores: Scores) -> LabelShares:
    """The share of rows that has each label, which rows to come are to match."""
    shares = scores.positives / max(scores.n_rows, 1)
    said = f"Each label goes to the share of rows that has it here, {shares.min():.3g} to {shares.max():.3g}."
    return LabelShares(shares, said)


def fbr_0(scores: Scores, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but a label whose F1 is below `least` goes to no row."""
    return _fbr(scores, least, folds, top=False)


def fbr_1(scores: Scores, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but the threshold of a label whose F1 is below `least` is its highest score."""
    return _fbr(scores, least, folds, top=True)


def inner_folds(y_true: ArrayLike, folds: int, seed: int = SEED) -> NDArray[np.int64]:
    """A fold in [0, folds) for each row, (N,), drawn so that the folds share both classes of y_true (N,) equally.

    Raises CutoffError for less than two folds.
    """
    if folds < 2:
        raise CutoffError(f"Expected `folds` to be at least 2, but got {folds!r}.")
    positive = np.asarray(y_true) == 1
    shuffled = np.random.default_rng(seed).permutation(positive.size)
    dealt = shuffled[np.argsort(positive[shuffled], kind="stable")]  # first all negatives, then all positives
    fold = np.empty(positive.size, np.int64)
    fold[dealt] = np.arange(positive.size) % folds
    return fold


def cross_tuned(rule: Rule, y_true: ArrayLike, y_score: ArrayLike, folds: NDArray[np.int64]) -> float:
    """Value of a rule when each fold is decided at the threshold chosen on the others; counts summed over folds.

    y_true in {0, 1}, y_score, folds: (N,). It is not flattered by the tuning, as the value on the tuned rows is. NaN
    where it is undefined.
    """
    y, score = np.asarray(y_true), as_scores(y_score)
    sums = np.zeros(4, np.int64)
    for fold in np.unique(folds):
        held = folds == fold
        chosen = rule(candidates(ScoreIndex.of(y[~held], score[~held])))
        counts = ScoreIndex.of(y[held], score[held]).counts(chosen.threshold)
        sums += [counts.tp, counts.fp, counts.fn, counts.tn]
    tp, fp, fn, tn = sums[:, None]
    return float(rule.goal(ThresholdCounts(np.full(1, np.nan), tp, fp, fn, tn)).value[0])


def cross_decided(
    scores: Scores, choose: Callable[[Scores], LabelChoice], folds: int, seed: int = SEED
) -> NDArray[np.bool_]:
    """Decisions (N, C) about labels when each fold of the rows is decided as chosen on the others.

    What they come to is not flattered by the tuning, as that of decisions about the tuned rows is. Raises CutoffError
    for less than two folds.
    """
    fold = inner_folds(np.zeros(scores.n_rows), folds, seed)
    predicted = np.zeros(scores.y_score.shape, bool)
    for held in (fold == number for number in np.unique(fold)):
        others = replace(scores, y_true=scores.y_true[~held], y_score=scores.y_score[~held])
        predicted[held] = choose(others).decide(scores.y_score[held])
    return predicted


def _fbr(scores: Scores, least: float, folds: int, top: bool) -> LabelThresholds:
    choices = tuple(
        _fall_back(view.y, view.score, least, folds, top) for view in map(scores.view, range(scores.n_columns))
    )
    given_up = sum(not choice.feasible for choice in choices)
    return _each(choices, f"Each label by itself, {given_up} of {len(choices)} with F1 below {least:g}: greatest F1")


def _fall_back(y: NDArray[np.bool_], score: NDArray[np.floating], least: float, folds: int, top: bool) -> Choice:
    rule, counts = bind("f1"), candidates(ScoreIndex.of(y, score))
    tuned = rule(counts)
    found = tuned.value if folds == 1 else cross_tuned(rule, y, score, inner_folds(y, folds))
    if found >= least:
        return tuned
    threshold = float(score.max()) if top and score.size else np.inf
    value = float(rule.goal(counts).value[place_of(counts.thresholds, threshold)])
    instead = f"the threshold is the highest score, {threshold:.4g}" if top else "no row gets the label"
    return Choice(threshold, value, False, f"Infeasible: F1 is {found:.4g}, below {least:g}; {instead}.")


def _matching(score: NDArray[np.floating], share: float) -> float:
    counts = candidates(ScoreIndex.of(np.zeros(score.size, bool), score))  # so fp counts the rows predicted positive
    wanted = share * score.size
    gap = np.abs(counts.fp - wanted)
    return float(pick(Goal(gap, wanted=-gap, size=counts.fp + wanted), counts.thresholds).threshold)


def _each(choices: tuple[Choice, ...], how: str) -> LabelThresholds:
    thresholds = np.array([choice.threshold for choice in choices])
    given = thresholds[np.isfinite(thresholds)]
    said = f", thresholds {given.min():.3g} to {given.max():.3g}" if given.size else ""
    if without := thresholds.size - given.size:
        said += f"; {without} {'label is' if without == 1 else 'labels are'} predicted for no row"
    return LabelThresholds(thresholds, choices, f"{how}{said}.")


_FBR = (
    Param("least", "Least F1 (fbr)", 0.3, 0.0, 1.0, 0.05, help="A label that does not reach it is not tuned."),
    Param("folds", "Inner folds", 3, 1, 20, 1, integer=True, help="That F1 is measured on; 1: on the tuned rows."),
)

LABEL_RULES: dict[str, LabelRuleSpec] = {
    "scut": LabelRuleSpec(
        name="scut",
        label="SCut: each label by itself",
        function=scut,
        help="Tunes a threshold for each label alone, best for macro metrics; rare labels overfit.",
        takes_rule=True,
    ),
    "one_for_all": LabelRuleSpec(
        name="one_for_all",
        label="One threshold for all labels",
        function=one_for_all,
        help="Tunes a single number on all labels together, best for micro metrics.",
        takes_rule=True,
    ),
    "rcut": LabelRuleSpec(
        name="rcut",
        label="RCut: the top k of a row",
        function=rcut,
        help="Gives every row the same number of labels, those that score highest.",
        params=(Param("k", "k", 0, 0, 1000, 1, integer=True, help="0: as many as a row has on average."),),
    ),
    "pcut": LabelRuleSpec(
        name="pcut",
        label="PCut: the share of the prior",
        function=pcut,
        help="Gives each label to as large a share of the new rows as has it in these; needs the new rows together.",
    ),
    "fbr_0": LabelRuleSpec(
        name="fbr_0",
        label="FBR.0: never, where F1 is poor",
        function=fbr_0,
        help="As SCut by F1, but a label that can't be told well enough goes to no row.",
        params=_FBR,
    ),
    "fbr_1": LabelRuleSpec(
        name="fbr_1",
        label="FBR.1: hardly ever, where F1 is poor",
        function=fbr_1,
        help="As SCut by F1, but a label that can't be told well enough goes to the highest-scored row only.",
        params=_FBR,
    ),
}
