"""Decisions from scores and thresholds, and confusion matrices of decisions. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation.scores import as_labels, as_scores, as_weights
from core.parameters import Param, Value, checked

NO_CLASS = -1  # the decision for a row that gets no class
NO_POWER = -(2**20)  # an exponent of 2 far below that of any float
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class DecisionSpec:
    """A rule that gives each row one class, or none: `function(y_score, thresholds, **params)`.

    The function takes scores (N, C) and thresholds (C,) and returns class indices (N,), NO_CLASS for a row without a
    class. Ties go to the lowest index.
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
        """Decide rows with scores (N, C) at thresholds (C,), with defaults for parameters that are not given.

        Returns
        -------
        Class indices (N,), NO_CLASS for a row without a class.

        Raises
        ------
        CutoffError for a parameter that is unknown or outside its range, and for other shapes.
        """
        return self.function(y_score, thresholds, **checked(self.name, self.params, params))


def predicted_positive(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.bool_]:
    """Whether `y_score >= thresholds`, compared in the scores' own dtype.

    Parameters
    ----------
    y_score : finite scores (N,) of a binary classifier, or (N, C) of labels.
    thresholds : () for all columns, or (C,).

    Returns
    -------
    Whether each row is predicted positive, or each label predicted, in the shape of the scores.

    Raises
    ------
    CutoffError for scores that are not finite numbers.
    """
    score = as_scores(y_score)
    with np.errstate(over="ignore"):
        return score >= np.asarray(thresholds).astype(score.dtype)


def decide(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """Decide one class per row: argmax of score / threshold.

    Ratios are compared without rounding, and ties go to the lowest index, so equal thresholds give argmax. A threshold
    of 0 is the limit of small ones: its class gets every row where its score is not 0, and of several such classes the
    one with the maximum score. A threshold of inf is the limit of large ones: its class gets no row, unless all
    thresholds are inf and so equal.

    Parameters
    ----------
    y_score : scores (N, C) >= 0.
    thresholds : (C,) >= 0, rounded to the scores' dtype.

    Returns
    -------
    Class indices (N,).

    Raises
    ------
    CutoffError for other shapes, and for negative thresholds or scores, such as logits: dividing a negative score by a
    threshold reverses the order.

    References
    ----------
    Zhou and Liu, Training cost-sensitive neural networks with methods addressing the class imbalance problem (2006).
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
        shift = (p_power[:, c] + power[best] - p_power[of_best] - power[c]).clip(-4, 4)  # every product is in [1/4, 1)
        return _greater(_product(np.ldexp(p[:, c], shift), divisor[best]), _product(p[of_best], divisor[c]))

    return _first_greatest(score.shape, exceeds)


def largest(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """Decide one class per row, (N,): argmax of scores (N, C), whatever thresholds (C,); ties to the lowest index."""
    score, _ = _shaped(y_score, thresholds)
    return np.argmax(score, axis=1)


def farthest_above(y_score: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """Decide one class per row: argmax of score - threshold.

    Differences are compared without rounding, and ties go to the lowest index, so equal thresholds give argmax. A class
    with threshold inf gets no row, unless all thresholds are inf and so equal.

    Parameters
    ----------
    y_score : scores (N, C), of either sign.
    thresholds : (C,), rounded to the scores' dtype.

    Returns
    -------
    Class indices (N,).

    Raises
    ------
    CutoffError for other shapes, and for thresholds that are NaN or -inf.
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
    """Decide one class per row: argmax of the score among the classes with `score >= threshold`.

    Parameters
    ----------
    y_score : scores (N, C), compared in their own dtype.
    thresholds : (C,).
    fallback : class index of rows where no class reaches its threshold, or NO_CLASS.

    Returns
    -------
    Class indices (N,), or NO_CLASS.

    Raises
    ------
    CutoffError for other shapes, and for a fallback outside [-1, C).
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
    """Apply a rule to the classes whose thresholds are not inf; argmax if all are."""
    reachable = np.flatnonzero(~np.isposinf(t))
    return reachable[rule(score[:, reachable], t[reachable])] if reachable.size else np.argmax(score, axis=1)


def _first_greatest(
    shape: tuple[int, ...], exceeds: Callable[[int, NDArray[np.intp]], NDArray[np.bool_]]
) -> NDArray[np.intp]:
    """The first class (N,) that no other exceeds, for scores of shape (N, C)."""
    best = np.zeros(shape[0], np.intp)
    for c in range(1, shape[1]):
        best[exceeds(c, best)] = c
    return best


def _greater(a: Pair, b: Pair) -> NDArray[np.bool_]:
    """Whether a > b, each given as a rounded number and its rounding error; rounding keeps the order."""
    return (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] > b[1]))


def _sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> Pair:
    """a + b, rounded, and the rounding error (Knuth, The Art of Computer Programming, volume 2, 1969)."""
    rounded = a + b
    of_b = rounded - a
    return rounded, (a - (rounded - of_b)) + (b - of_b)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> Pair:
    """a * b, rounded, and the rounding error, exact unless a part overflows or underflows (Dekker, A floating-point
    technique for extending the available precision, 1971, https://doi.org/10.1007/BF01397083)."""
    rounded = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return rounded, a_low * b_low - (((rounded - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(x: NDArray[np.float64]) -> Pair:
    """x as the sum of two numbers with 26 bits each."""
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
    no_class: bool = False,
    sample_weight: ArrayLike | None = None,
) -> NDArray:
    """Number (or weight) of rows by actual class (row) and predicted class (column).

    Parameters
    ----------
    y_true, y_pred : class indices (N,) in [0, K).
    n_classes : K.
    no_class : whether y_pred may be NO_CLASS; such rows are counted in an additional last column.
    sample_weight : (N,), >= 0, by default 1 per row.

    Returns
    -------
    The matrix (K, K), or (K, K + 1) with `no_class`.

    Raises
    ------
    CutoffError for any other input.
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
    return pairs.reshape(n_classes, columns)


_FALLBACK = Param(
    "fallback",
    "Where no class reaches its threshold",
    NO_CLASS,
    low=NO_CLASS,
    high=9_999,
    step=1,
    integer=True,
    help="Index of the class that such rows get; -1 leaves them without a class, which counts as wrong.",
)

DECISIONS: dict[str, DecisionSpec] = {
    "ratio": DecisionSpec(
        name="ratio",
        label="Largest p / t",
        function=decide,
        formula=r"\hat{y} = \arg\max_c \; p_c / t_c",
        help="The class with the maximum p / t, probability over threshold. With equal thresholds this is argmax.",
        reference="Zhou and Liu, Training cost-sensitive neural networks with methods addressing the class imbalance "
        "problem, 2006, https://doi.org/10.1109/TKDE.2006.17",
        needs_probabilities=True,
    ),
    "difference": DecisionSpec(
        name="difference",
        label="Largest p - t",
        function=farthest_above,
        formula=r"\hat{y} = \arg\max_c \; (p_c - t_c)",
        help="The class with the maximum p - t, its score less its threshold. With equal thresholds this is argmax.",
        reference="optimal-classification-cutoffs (2025), multi-class decisions by margin, "
        "https://pypi.org/project/optimal-classification-cutoffs/",
    ),
    "masked": DecisionSpec(
        name="masked",
        label="Largest p with p ≥ t",
        function=largest_above,
        formula=r"\hat{y} = \arg\max_{c :\, p_c \ge t_c} \; p_c",
        help="The maximum p among the classes that reach their threshold; if none does, a class that you choose, or no "
        "class.",
        reference="Chow, On optimum recognition error and reject tradeoff, 1970, for equal thresholds, "
        "https://doi.org/10.1109/TIT.1970.1054406",
        params=(_FALLBACK,),
    ),
    "argmax": DecisionSpec(
        name="argmax",
        label="Largest p (argmax)",
        function=largest,
        formula=r"\hat{y} = \arg\max_c \; p_c",
        help="The class with the maximum p, whatever the thresholds.",
        reference="Duda, Hart and Stork, Pattern Classification, 2nd edition, 2001, chapter 2",
    ),
}
