"""Decide several labels: by a threshold per label, one for all, the top k of each row or prevalence. NumPy alone.

Tune on scores of rows that the model was not fitted to, ideally out-of-fold scores of the training rows; the caller
provides them. The strategies are those of Yang, A study on thresholding strategies for text categorization, 2001,
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
    """A threshold per label, thresholds (C,), inf to predict it for no row. choices: one per label, or one for all."""

    thresholds: NDArray[np.float64]
    choices: tuple[Choice, ...]
    said: str

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether each label is predicted, `score >= t`, (N, C), from scores (N, C)."""
        return predicted_positive(y_score, self.thresholds)


@dataclass(frozen=True)
class TopLabels:
    """The k labels of each row with the highest scores, or all if there are at most k."""

    k: int
    said: str

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether a label is among the top k of its row, (N, C); equal scores go to the label that comes first."""
        order = np.argsort(-as_scores(y_score), axis=1, kind="stable")
        return np.argsort(order, axis=1) < self.k


@dataclass(frozen=True, eq=False)
class LabelShares:
    """A fixed share of rows per label, shares (C,) in [0, 1]; the rows to decide are needed all together."""

    shares: NDArray[np.float64]
    said: str

    def thresholds(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """The thresholds (C,) at which the predicted share of rows with scores (N, C) is closest to `shares`."""
        score = as_scores(y_score)
        return np.array([_matching(column, share) for column, share in zip(score.T, self.shares, strict=True)])

    def decide(self, y_score: ArrayLike) -> NDArray[np.bool_]:
        """Whether each label is predicted, `score >= t` at those thresholds, (N, C)."""
        return predicted_positive(y_score, self.thresholds(y_score))


LabelChoice = LabelThresholds | TopLabels | LabelShares


@dataclass(frozen=True)
class LabelRuleSpec:
    """A way to decide labels: `function(scores, **params)`, or `function(scores, rule, **params)` if `takes_rule`."""

    name: str
    label: str
    function: Callable[..., LabelChoice]
    help: str
    params: tuple[Param, ...] = ()
    takes_rule: bool = False

    def __call__(self, scores: Scores, rule: Rule | None = None, **params: Value) -> LabelChoice:
        """Tune the decisions about all labels on the rows of `scores`.

        Parameters
        ----------
        scores : labels and scores of a multi-label task, (N, C).
        rule : tunes each threshold, maximum F1 by default; only where `takes_rule`.
        params : parameters of this spec by name; the others keep their defaults.

        Returns
        -------
        The tuned decisions.

        Raises
        ------
        CutoffError for any other task, a rule where none is taken, and a parameter that is unknown or outside its
        range.
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
    """Tune a threshold for each label separately."""
    choices = tuple(rule(candidates(index)) for index in index_scores(scores))
    return _each(choices, f"Each label separately: {rule.spec.label}")


def one_for_all(scores: Scores, rule: Rule) -> LabelThresholds:
    """Tune one threshold on all labels pooled, so that F1 is micro F1."""
    choice = rule(candidates(ScoreIndex.of(scores.y_true.ravel(), scores.y_score.ravel())))
    return LabelThresholds(np.full(scores.n_columns, choice.threshold), (choice,), f"All labels pooled: {choice.said}")


def rcut(scores: Scores, k: int) -> TopLabels:
    """Predict the top k >= 0 labels of each row; k = 0 is the mean number of labels per row, rounded to an integer."""
    mean = float(scores.y_true.sum(axis=1).mean()) if scores.n_rows else 0.0
    k = k or int(np.floor(mean + 0.5))
    return TopLabels(k, f"The {k} highest labels of every row; a row has {mean:.3g} on average.")


def pcut(scores: Scores) -> LabelShares:
    """Predict each label for the share of rows that have it in these rows."""
    shares = scores.positives / max(scores.n_rows, 1)
    said = f"Each label is predicted for its share of these rows, {shares.min():.3g} to {shares.max():.3g}."
    return LabelShares(shares, said)


def fbr_0(scores: Scores, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but a label with F1 < `least`, in [0, 1], is predicted for no row."""
    return _fbr(scores, least, folds, top=False)


def fbr_1(scores: Scores, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but the threshold of a label with F1 < `least`, in [0, 1], is its highest score."""
    return _fbr(scores, least, folds, top=True)


def inner_folds(y_true: ArrayLike, folds: int, seed: int = SEED) -> NDArray[np.int64]:
    """Assign the rows to stratified folds at random.

    Parameters
    ----------
    y_true : labels (N,) in {0, 1}.
    folds : number of folds, >= 2.
    seed : of the assignment.

    Returns
    -------
    The fold of each row, (N,), in [0, folds).

    Raises
    ------
    CutoffError for fewer than two folds.
    """
    if folds < 2:
        raise CutoffError(f"Expected `folds` to be at least 2, but got {folds!r}.")
    positive = np.asarray(y_true) == 1
    shuffled = np.random.default_rng(seed).permutation(positive.size)
    dealt = shuffled[np.argsort(positive[shuffled], kind="stable")]  # negatives first, then positives
    fold = np.empty(positive.size, np.int64)
    fold[dealt] = np.arange(positive.size) % folds
    return fold


def cross_tuned(rule: Rule, y_true: ArrayLike, y_score: ArrayLike, folds: NDArray[np.int64]) -> float:
    """Cross-validated value of a rule: each fold is decided at the threshold tuned on the others.

    Unlike the value on the rows used for tuning, it is not optimistic.

    Parameters
    ----------
    rule : tunes the threshold.
    y_true : labels (N,) in {0, 1}.
    y_score : finite scores (N,).
    folds : the fold of each row, (N,).

    Returns
    -------
    The rule's value for the counts summed over folds; NaN where it is undefined.
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
    """Cross-validated decisions about labels: each fold is decided as tuned on the others.

    Unlike metrics of decisions about the rows used for tuning, metrics of these are not optimistic.

    Parameters
    ----------
    scores : labels and scores of a multi-label task, (N, C).
    choose : tunes the decisions on the rows that it is given.
    folds : number of folds, >= 2.
    seed : of the folds.

    Returns
    -------
    Whether each label is predicted, (N, C).

    Raises
    ------
    CutoffError for fewer than two folds.
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
    low_f1 = sum(not choice.feasible for choice in choices)
    return _each(choices, f"Each label separately, {low_f1} of {len(choices)} with F1 below {least:g}: maximum F1")


def _fall_back(y: NDArray[np.bool_], score: NDArray[np.floating], least: float, folds: int, top: bool) -> Choice:
    rule, counts = bind("f1"), candidates(ScoreIndex.of(y, score))
    tuned = rule(counts)
    found = tuned.value if folds == 1 else cross_tuned(rule, y, score, inner_folds(y, folds))
    if found >= least:
        return tuned
    threshold = float(score.max()) if top and score.size else np.inf
    value = float(rule.goal(counts).value[place_of(counts.thresholds, threshold)])
    instead = f"the threshold is the highest score, {threshold:.4g}" if top else "the label is predicted for no row"
    return Choice(threshold, value, False, f"Infeasible: F1 is {found:.4g}, below {least:g}; {instead}.")


def _matching(score: NDArray[np.floating], share: float) -> float:
    counts = candidates(ScoreIndex.of(np.zeros(score.size, bool), score))  # so fp counts the rows predicted positive
    target = share * score.size
    gap = np.abs(counts.fp - target)
    return float(pick(Goal(gap, objective=-gap, size=counts.fp + target), counts.thresholds).threshold)


def _each(choices: tuple[Choice, ...], how: str) -> LabelThresholds:
    thresholds = np.array([choice.threshold for choice in choices])
    given = thresholds[np.isfinite(thresholds)]
    said = f", thresholds {given.min():.3g} to {given.max():.3g}" if given.size else ""
    if without := thresholds.size - given.size:
        said += f"; {without} {'label is' if without == 1 else 'labels are'} predicted for no row"
    return LabelThresholds(thresholds, choices, f"{how}{said}.")


_FBR = (
    Param("least", "Minimum F1 (FBR)", 0.3, 0.0, 1.0, 0.05, help="Labels with a lower F1 are not tuned."),
    Param("folds", "Inner folds", 3, 1, 20, 1, integer=True, help="Folds to estimate F1; 1: in-sample."),
)

LABEL_RULES: dict[str, LabelRuleSpec] = {
    "scut": LabelRuleSpec(
        name="scut",
        label="SCut: a threshold per label",
        function=scut,
        help="Tunes a threshold for each label separately, best for macro metrics; rare labels overfit.",
        takes_rule=True,
    ),
    "one_for_all": LabelRuleSpec(
        name="one_for_all",
        label="One threshold for all labels",
        function=one_for_all,
        help="Tunes one threshold on all labels pooled, best for micro metrics.",
        takes_rule=True,
    ),
    "rcut": LabelRuleSpec(
        name="rcut",
        label="RCut: top k labels per row",
        function=rcut,
        help="Predicts the same number of labels for every row: those with the highest scores.",
        params=(Param("k", "k", 0, 0, 1000, 1, integer=True, help="0: the mean number of labels per row."),),
    ),
    "pcut": LabelRuleSpec(
        name="pcut",
        label="PCut: match the prevalence",
        function=pcut,
        help="Predicts each label for the same share of new rows as have it here; needs all new rows at once.",
    ),
    "fbr_0": LabelRuleSpec(
        name="fbr_0",
        label="FBR.0: predict none where F1 is low",
        function=fbr_0,
        help="SCut by F1, but a label with a low F1 is predicted for no row.",
        params=_FBR,
    ),
    "fbr_1": LabelRuleSpec(
        name="fbr_1",
        label="FBR.1: highest score only where F1 is low",
        function=fbr_1,
        help="SCut by F1, but the threshold of a label with a low F1 is its highest score.",
        params=_FBR,
    ),
}
