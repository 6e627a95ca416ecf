"""From scores and thresholds to decisions, and from decisions to a confusion matrix. Numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.scores import as_labels, as_scores, as_weights
from core.parameters import Param, Value, checked

Normalise = Literal["none", "row", "column"]
NO_CLASS = -1  # what a rule decides for a row that it gives to no class
NO_POWER = -(2**20)  # of two, far below that of any number
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class DecisionSpec:
    """A rule that gives each row one class, or none: `function(y_score, thresholds, **params)`.

    It takes scores (N, C) and thresholds (C,) and returns (N,) class indices, NO_CLASS for a row without a class.
    Ties go to the lowest index.
    """

    name: str
    label: str
    function: Callable[..., NDArray[np.intp]]
    formula: str  # LaTeX
    help: str
    reference: str
    params: tuple[Param, ...] = ()
    needs_probabilities: bool = False

    def __call__(self, y_score: ArrayLike, thresholds: ArrayLike, **params: Value) -> NDArray[np.intp]:
        """The decisions (N,), with defaults for the params not given.

        Raises CutoffError for an unknown param or one outside its range, and for scores or thresholds of a wrong shape.
        """
        return self.function(y_score, thresholds, **checked(self.name, self.params, params))


def predicted_positive(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.bool_]:
    """Whether y_score >= thresholds, compared in the scores' own dtype.

    y_score (N,) or (N, C); thresholds () or (C,): the decisions of a binary classifier, or of each label.
    """
    score = as_scores(y_score)
    with np.errstate(over="ignore"):
        return score >= np.asarray(thresholds).astype(score.dtype)


def decide(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """One class for each row, argmax of score / threshold: the largest multiple of its class's threshold.

    y_score (N, C) >= 0, thresholds (C,) >= 0, rounded to the scores' dtype; returns (N,) class indices. Ratios are
    compared without rounding, and ties go to the lowest index, so equal thresholds give plain argmax. A threshold of 0
    acts as the limit of ever smaller ones: its class takes every row where its score is not 0, and among several such
    classes the largest score wins. An infinite one, above every score, acts as the limit of ever larger ones: its class
    gets no row, unless those of all classes are infinite and so equal. Raises CutoffError for negative scores, such as
    logits, since dividing them by a threshold would turn their order around.
    """
    shaped, given = _shaped(y_score, thresholds)
    if not (given >= 0).all():
        raise CutoffError(f"Expected `thresholds` to be >= 0, but got {given.tolist()}.")
    if shaped.size and shaped.min() < 0:
        raise CutoffError(f"Expected `y_score` to be probabilities, but got {shaped.min()}.")
    if np.isposinf(given).any():
        return _among_reachable(decide, shaped, given)
    score, t = _matching(shaped, given)
    p, p_power = np.frexp(score)
    divisor, power = np.frexp(t)
    zero = t == 0
    divisor[zero], power[zero] = 0.5, NO_POWER

    def exceeds(c: int, best: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether p[c] / t[c] > p[best] / t[best], as p[c] t[best] > p[best] t[c]."""
        of_best = np.arange(len(best)), best
        shift = (p_power[:, c] + power[best] - p_power[of_best] - power[c]).clip(-4, 4)  # each product is in [1/4, 1)
        return _greater(_product(np.ldexp(p[:, c], shift), divisor[best]), _product(p[of_best], divisor[c]))

    return _first_greatest(score.shape, exceeds)


def largest(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """One class for each row, argmax of the score: thresholds (C,) have no say."""
    score, _ = _shaped(y_score, thresholds)
    return np.argmax(score, axis=1)


def farthest_above(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """One class for each row, argmax of score - threshold; y_score (N, C), thresholds (C,).

    Thresholds are rounded to the scores' dtype. Differences are compared without rounding, and ties go to the lowest
    index, so equal thresholds give plain argmax. Scores may be negative. A class whose threshold is infinite, above
    every score, gets no row, unless those of all classes are infinite and so equal.
    """
    shaped, given = _shaped(y_score, thresholds)
    if np.isposinf(given).any():
        return _among_reachable(farthest_above, shaped, given)
    score, t = _matching(shaped, given)

    def exceeds(c: int, best: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether score[c] - t[c] > score[best] - t[best], as score[c] + t[best] > score[best] + t[c]."""
        return _greater(_sum(score[:, c], t[best]), _sum(score[np.arange(len(best)), best], t[c]))

    return _first_greatest(score.shape, exceeds)


def largest_above(y_score: ArrayLike, thresholds: ArrayLike, fallback: int = NO_CLASS) -> NDArray[np.intp]:
    """One class for each row, argmax of the score among the classes with `score >= t`; where there is none, `fallback`.

    y_score (N, C), thresholds (C,), compared in the scores' own dtype; fallback: a class index, or NO_CLASS.
    """
    score, t = _shaped(y_score, thresholds)
    if not NO_CLASS <= fallback < score.shape[1]:
        raise CutoffError(
            f"Expected `fallback` to be a class in [0, {score.shape[1]}), or -1 for none, but got {fallback}."
        )
    predicted = predicted_positive(score, t)
    best = np.argmax(np.where(predicted, score, score.dtype.type(-np.inf)), axis=1)
    best[~predicted.any(axis=1)] = fallback
    return best


def _matching(y_score: ArrayLike, thresholds: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (N, C) and finite thresholds (C,) rounded to their dtype, both float64; raises CutoffError for others."""
    score, t = _shaped(y_score, thresholds)
    if not np.isfinite(t).all():
        raise CutoffError(f"Expected `thresholds` to be finite, but got {t.tolist()}.")
    limits = np.finfo(score.dtype)
    rounded = t.clip(float(limits.min), float(limits.max)).astype(score.dtype)
    return score.astype(np.float64), rounded.astype(np.float64)


def _among_reachable(
    rule: Callable[[NDArray, NDArray], NDArray[np.intp]], score: NDArray[np.floating], t: NDArray[np.float64]
) -> NDArray[np.intp]:
    """A rule among the classes whose thresholds are not above every score; plain argmax where all are."""
    reachable = np.flatnonzero(~np.isposinf(t))
    return reachable[rule(score[:, reachable], t[reachable])] if reachable.size else np.argmax(score, axis=1)


def _first_greatest(
    shape: tuple[int, ...], exceeds: Callable[[int, NDArray[np.intp]], NDArray[np.bool_]]
) -> NDArray[np.intp]:
    """The first class (N,) that no other exceeds, for scores of the shape (N, C)."""
    best = np.zeros(shape[0], np.intp)
    for c in range(1, shape[1]):
        best[exceeds(c, best)] = c
    return best


def _greater(a: Pair, b: Pair) -> NDArray[np.bool_]:
    """Whether a > b, each a rounded number and what its rounding left out; rounding keeps the order."""
    return (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] > b[1]))


def _sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> Pair:
    """a + b, rounded, and what the rounding left out (Knuth, The Art of Computer Programming, volume 2, 1969)."""
    rounded = a + b
    of_b = rounded - a
    return rounded, (a - (rounded - of_b)) + (b - of_b)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> Pair:
    """a b, rounded, and what the rounding left out (Dekker, A floating-point technique for extending the available
    precision, 1971, https://doi.org/10.1007/BF01397083); neither may be so large or small that a part of it is lost."""
    rounded = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return rounded, a_low * b_low - (((rounded - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(x: NDArray[np.float64]) -> Pair:
    """x as the sum of two numbers of 26 bits."""
    scaled = (2**27 + 1) * x
    high = scaled - (scaled - x)
    return high, x - high


def _shaped(y_score: ArrayLike, thresholds: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Scores (N, C) and thresholds (C,); raises CutoffError for other shapes."""
    score, t = as_scores(y_score), np.asarray(thresholds, dtype=np.float64)
    if score.ndim != 2 or score.shape[1] == 0 or t.shape != score.shape[1:]:
        raise CutoffError(
            f"Expected `y_score` (N, C) and `thresholds` (C,), but got shapes {score.shape} and {t.shape}."
        )
    return score, t


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    n_classes: int,
    normalise: Normalise = "none",
    no_class: bool = False,
    sample_weight: ArrayLike | None = None,
) -> NDArray:
    """Rows of each true class (row) decided as each class (column), (K, K); see `normalised`.

    With no_class rows may be decided as NO_CLASS, and a last column, (K, K + 1), counts them.
    y_true, y_pred: (N,) class indices in [0, K); sample_weight: (N,), >= 0, by default 1 a row. Raises CutoffError for
    any other.
    """
    columns = n_classes + no_class
    pred = np.asarray(y_pred)
    if no_class and pred.dtype.kind in "iuf":
        pred = np.where(pred == NO_CLASS, n_classes, pred)
    true, pred = as_labels(y_true, n_classes), as_labels(pred, columns)
    if true.ndim != 1 or true.shape != pred.shape:
        raise CutoffError(
            f"Expected `y_true` and `y_pred` to have one shape (N,), but got {true.shape} and {pred.shape}."
        )
    weight = None if sample_weight is None else as_weights(sample_weight, true.shape)
    pairs = np.bincount(true * columns + pred, weight, minlength=n_classes * columns)
    return normalised(pairs.reshape(n_classes, columns), normalise)


def normalised(matrix: NDArray, by: Normalise) -> NDArray:
    """A confusion matrix (..., K, K) as it is ('none'), or with each 'row' or each 'column' summing to 1.

    By row the diagonal is recall, by column precision. A row or column without any count becomes NaN.
    """
    if by not in get_args(Normalise):
        raise CutoffError(f"Expected `normalise` to be one of {', '.join(get_args(Normalise))}, but got {by!r}.")
    if by == "none":
        return matrix
    total = matrix.sum(axis=-1 if by == "row" else -2, keepdims=True)
    return np.divide(matrix, total, out=np.full(matrix.shape, np.nan), where=total > 0)


_FALLBACK = Param(
    "fallback",
    "Where no class reaches its threshold",
    NO_CLASS,
    low=NO_CLASS,
    high=9_999,
    step=1,
    integer=True,
    help="The class that such rows get, by its index; -1 leaves them without a class, which counts as wrong.",
)

DECISIONS: dict[str, DecisionSpec] = {
    "ratio": DecisionSpec(
        name="ratio",
        label="Largest p / t",
        function=decide,
        formula=r"\hat{y} = \arg\max_c \; p_c / t_c",
        help="The class whose p is the largest multiple of its threshold. Equal thresholds are plain argmax.",
        reference="Zhou and Liu, Training cost-sensitive neural networks with methods addressing the class imbalance "
        "problem, 2006, https://doi.org/10.1109/TKDE.2006.17",
        needs_probabilities=True,
    ),
    "difference": DecisionSpec(
        name="difference",
        label="Largest p - t",
        function=farthest_above,
        formula=r"\hat{y} = \arg\max_c \; (p_c - t_c)",
        help="The class whose p lies farthest above its threshold, or least below. Equal thresholds are plain argmax.",
        reference="optimal-classification-cutoffs (2025), multi-class decisions by margin, "
        "https://pypi.org/project/optimal-classification-cutoffs/",
    ),
    "masked": DecisionSpec(
        name="masked",
        label="Largest p with p ≥ t",
        function=largest_above,
        formula=r"\hat{y} = \arg\max_{c :\, p_c \ge t_c} \; p_c",
        help="The largest p among the classes that reach their threshold; where none does, a class that you choose, or "
        "no class.",
        reference="Chow, On optimum recognition error and reject tradeoff, 1970, for equal thresholds, "
        "https://doi.org/10.1109/TIT.1970.1054406",
        params=(_FALLBACK,),
    ),
    "argmax": DecisionSpec(
        name="argmax",
        label="Largest p (argmax)",
        function=largest,
        formula=r"\hat{y} = \arg\max_c \; p_c",
        help="The class with the largest p, whatever the thresholds.",
        reference="Duda, Hart and Stork, Pattern Classification, 2nd edition, 2001, chapter 2",
    ),
}
