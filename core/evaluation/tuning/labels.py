"""Decide several labels: by a threshold per label, one for all, the top k of each row or prevalence. NumPy alone.

Tune on scores of rows that the model was not fitted to, ideally out-of-fold scores of the training rows; the caller
provides them. The strategies are those of Yang, A study on thresholding strategies for text categorization, 2001,
https://doi.org/10.1145/383952.383975.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import ScoreIndex, ThresholdCounts, index_scores, predicted_positive
from core.evaluation.metrics import ratio
from core.evaluation.scores import Scores, as_scores, as_weights
from core.evaluation.source import ScoreSource
from core.evaluation.tuning.choice import Choice, Goal, candidates, pick, place_of
from core.evaluation.tuning.rules import Rule, bind
from core.parameters import Param, Value, checked
from core.text import counted

SEED = 0  # of the inner folds


class LabelRows(NamedTuple):
    """Rows of a multi-label task: scores (N, C), weights (N,) or None if every row counts once, C weighted indexes."""

    scores: Scores
    weight: NDArray[np.float64] | None
    indexes: tuple[ScoreIndex, ...]

    @classmethod
    def of(cls, scores: Scores, sample_weight: ArrayLike | None = None) -> LabelRows:
        """Index every label; raises CutoffError for any other task than multi-label, and for invalid weights."""
        if scores.task != "multilabel":
            raise CutoffError(f"Expected `scores` of a multilabel task, but got a {scores.task} one.")
        weight = None if sample_weight is None else as_weights(sample_weight, (scores.n_rows,))
        return cls(scores, weight, index_scores(scores, weight))

    @classmethod
    def of_source(cls, source: ScoreSource, part: str) -> LabelRows:
        """The rows of a part of a multi-label source, with the indexes that it has already."""
        weight, scores = source.row_columns(part).weight, source.scores(part)
        given = None if weight is None else as_weights(weight, (scores.n_rows,))
        return cls(scores, given, tuple(source.index(part, label) for label in range(scores.n_columns)))

    def at(self, rows: NDArray[np.bool_]) -> LabelRows:
        """Some of the rows, by a mask (N,)."""
        scores = replace(self.scores, y_true=self.scores.y_true[rows], y_score=self.scores.y_score[rows])
        return LabelRows.of(scores, None if self.weight is None else self.weight[rows])

    @property
    def total(self) -> float:
        """Number (or weight) of the rows."""
        return self.scores.n_rows if self.weight is None else float(self.weight.sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the rows that have each label, (C,); NaN without rows."""
        return ratio(np.array([index.positives for index in self.indexes]), self.total)


@dataclass(frozen=True, eq=False)
class LabelThresholds:
    """A threshold per label, thresholds (C,), inf to predict it for no row. choices: one per label, or one for all."""

    thresholds: NDArray[np.float64]
    choices: tuple[Choice, ...]
    said: str

    def decide(self, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Whether each label is predicted, `score >= t`, (N, C), from scores (N, C); weights change nothing."""
        return predicted_positive(y_score, self.thresholds)


@dataclass(frozen=True)
class TopLabels:
    """The k labels of each row with the highest scores, or all if there are at most k."""

    k: int
    said: str

    def decide(self, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Whether a label is among the top k of its row, (N, C); weights change nothing.

        Of equal scores the label that comes first is predicted.
        """
        order = np.argsort(-as_scores(y_score), axis=1, kind="stable")
        return np.argsort(order, axis=1) < self.k


@dataclass(frozen=True, eq=False)
class LabelShares:
    """A fixed share of rows per label, shares (C,) in [0, 1]; the rows to decide are needed all together."""

    shares: NDArray[np.float64]
    said: str

    def thresholds(self, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> NDArray[np.float64]:
        """The thresholds (C,) at which the predicted share of rows is closest to `shares`.

        Parameters
        ----------
        y_score : scores (N, C).
        sample_weight : (N,), >= 0, by default 1 per row.
        """
        columns = zip(as_scores(y_score).T, self.shares, strict=True)
        return np.array([_matching(column, share, sample_weight) for column, share in columns])

    def decide(self, y_score: ArrayLike, sample_weight: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Whether each label is predicted, `score >= t` at those thresholds, (N, C)."""
        return predicted_positive(y_score, self.thresholds(y_score, sample_weight))


LabelChoice = LabelThresholds | TopLabels | LabelShares


@dataclass(frozen=True)
class LabelRuleSpec:
    """A way to decide labels: `function(rows, **params)`, or `function(rows, rule, **params)` if `takes_rule`."""

    name: str
    label: str
    function: Callable[..., LabelChoice]
    help: str
    params: tuple[Param, ...] = ()
    takes_rule: bool = False

    def __call__(self, rows: LabelRows, rule: Rule | None = None, **params: Value) -> LabelChoice:
        """Tune the decisions about all labels.

        Parameters
        ----------
        rows : labels, scores (N, C) and weights to tune on.
        rule : tunes each threshold, maximum F1 by default; only where `takes_rule`.
        params : parameters of this spec by name; the others keep their defaults.

        Returns
        -------
        The tuned decisions.

        Raises
        ------
        CutoffError for a rule where none is taken, and a parameter that is unknown or outside its range.
        """
        given = checked(self.name, self.params, params)
        if self.takes_rule:
            return self.function(rows, rule or bind("f1"), **given)
        if rule is not None:
            raise CutoffError(f"Expected no `rule` for {self.name}, but got {rule.spec.name}.")
        return self.function(rows, **given)


def scut(rows: LabelRows, rule: Rule) -> LabelThresholds:
    """Tune a threshold for each label separately."""
    choices = tuple(rule(candidates(index)) for index in rows.indexes)
    return _each(choices, f"Each label separately: {rule.spec.label}")


def one_for_all(rows: LabelRows, rule: Rule) -> LabelThresholds:
    """Tune one threshold on all labels pooled, so that F1 is micro F1."""
    y_true, y_score, labels = rows.scores.y_true, rows.scores.y_score, rows.scores.n_columns
    weight = None if rows.weight is None else np.repeat(rows.weight, labels)
    choice = rule(candidates(ScoreIndex.of(y_true.ravel(), y_score.ravel(), weight)))
    return LabelThresholds(np.full(labels, choice.threshold), (choice,), f"All labels pooled: {choice.said}")


def rcut(rows: LabelRows, k: int) -> TopLabels:
    """Predict the top k >= 0 labels of each row; k = 0 is the mean number of labels per row, rounded to an integer."""
    mean = float(np.nan_to_num(rows.shares).sum())
    k = k or int(np.floor(mean + 0.5))
    return TopLabels(k, f"The {k} highest labels of every row; a row has {mean:.3g} on average.")


def pcut(rows: LabelRows) -> LabelShares:
    """Predict each label for the share of rows that have it in these rows."""
    shares = np.nan_to_num(rows.shares)
    said = f"Each label is predicted for its share of these rows, {shares.min():.3g} to {shares.max():.3g}."
    return LabelShares(shares, said)


def fbr_0(rows: LabelRows, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but a label with F1 < `least`, in [0, 1], is predicted for no row."""
    return _fbr(rows, least, folds, top=False)


def fbr_1(rows: LabelRows, least: float, folds: int) -> LabelThresholds:
    """SCut by F1, but the threshold of a label with F1 < `least`, in [0, 1], is its highest score."""
    return _fbr(rows, least, folds, top=True)


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


def cross_tuned(
    rule: Rule,
    y_true: ArrayLike,
    y_score: ArrayLike,
    folds: NDArray[np.int64],
    sample_weight: ArrayLike | None = None,
) -> float:
    """Cross-validated value of a rule: each fold is decided at the threshold tuned on the others.

    Unlike the value on the rows used for tuning, it is not optimistic.

    Parameters
    ----------
    rule : tunes the threshold.
    y_true : labels (N,) in {0, 1}.
    y_score : finite scores (N,).
    folds : the fold of each row, (N,).
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    The rule's value for the counts summed over folds; NaN where it is undefined.
    """
    y, score = np.asarray(y_true), as_scores(y_score)
    weight = None if sample_weight is None else as_weights(sample_weight, y.shape)

    def index(rows: NDArray[np.bool_]) -> ScoreIndex:
        return ScoreIndex.of(y[rows], score[rows], None if weight is None else weight[rows])

    sums = np.zeros(4)
    for fold in np.unique(folds):
        held = folds == fold
        counts = index(held).counts(rule(candidates(index(~held))).threshold)
        sums += [counts.tp, counts.fp, counts.fn, counts.tn]
    tp, fp, fn, tn = sums[:, None]
    return float(rule.goal(ThresholdCounts(np.full(1, np.nan), tp, fp, fn, tn)).value[0])


def cross_decided(
    rows: LabelRows, choose: Callable[[LabelRows], LabelChoice], folds: int, seed: int = SEED
) -> NDArray[np.bool_]:
    """Cross-validated decisions about labels: each fold is decided as tuned on the others.

    Unlike metrics of decisions about the rows used for tuning, metrics of these are not optimistic.

    Parameters
    ----------
    rows : labels, scores (N, C) and weights.
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
    fold = inner_folds(np.zeros(rows.scores.n_rows), folds, seed)
    predicted = np.zeros(rows.scores.y_score.shape, bool)
    for held in (fold == number for number in np.unique(fold)):
        weight = None if rows.weight is None else rows.weight[held]
        predicted[held] = choose(rows.at(~held)).decide(rows.scores.y_score[held], weight)
    return predicted


def _fbr(rows: LabelRows, least: float, folds: int, top: bool) -> LabelThresholds:
    choices = tuple(_fall_back(rows, label, least, folds, top) for label in range(rows.scores.n_columns))
    low_f1 = sum(not choice.feasible for choice in choices)
    return _each(choices, f"Each label separately, {low_f1} of {len(choices)} with F1 below {least:g}: maximum F1")


def _fall_back(rows: LabelRows, label: int, least: float, folds: int, top: bool) -> Choice:
    index, (y, score, *_) = rows.indexes[label], rows.scores.view(label)
    rule, counts = bind("f1"), candidates(index)
    tuned = rule(counts)
    found = tuned.value if folds == 1 else cross_tuned(rule, y, score, inner_folds(y, folds), rows.weight)
    if found >= least:
        return tuned
    threshold = index.score_range[1] if top and index.n_rows else np.inf
    value = float(rule.goal(counts).value[place_of(counts.thresholds, threshold)])
    instead = f"the threshold is the highest score, {threshold:.4g}" if top else "the label is predicted for no row"
    return Choice(threshold, value, False, f"Infeasible: F1 is {found:.4g}, below {least:g}; {instead}.")


def _matching(score: NDArray[np.floating], share: float, sample_weight: ArrayLike | None) -> float:
    # All rows are negative here, so fp is the number (or weight) of the rows predicted positive.
    counts = candidates(ScoreIndex.of(np.zeros(score.size, bool), score, sample_weight))
    target = share * counts.tn[0]
    gap = np.abs(counts.fp - target)
    return float(pick(Goal(gap, objective=-gap, size=counts.fp + target), counts.thresholds).threshold)


def _each(choices: tuple[Choice, ...], how: str) -> LabelThresholds:
    thresholds = np.array([choice.threshold for choice in choices])
    given = thresholds[np.isfinite(thresholds)]
    said = f", thresholds {given.min():.3g} to {given.max():.3g}" if given.size else ""
    if without := thresholds.size - given.size:
        said += f"; {counted(without, 'label is', 'labels are')} predicted for no row"
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
