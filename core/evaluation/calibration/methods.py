"""Calibration methods, fitted by scikit-learn to rows that the model was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import bisect
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold

from core.errors import CutoffError
from core.evaluation.calibration.measures import as_probabilities
from core.text import counted

Map = Callable[[NDArray[np.floating]], NDArray[np.float64]]
END = 40.0  # scores are searched for between logits -END and END
PRECISION = 1e-12  # of the logit of a score that is searched for
BOUND = 9.99  # of log inverse temperature, which scikit-learn searches for in [-10, 10]
CERTAIN = 1 - 1e-9  # probabilities above it count as 1
FOLDS = 5  # of cross-fitting


@dataclass(frozen=True)
class Method:
    """A calibration method. `keeps` says how it affects the ranking if it is fitted to one class (one-vs-rest)."""

    name: Literal["temperature", "sigmoid", "isotonic"]
    label: str
    help: str
    keeps: str
    reference: str


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted map from the scores of one class to probabilities.

    said: what was fitted, in a sentence.
    rising: whether it keeps the order of scores, except for new ties.
    at_bound: whether the search for a temperature ended at its bound, or where the log-loss is 0.
    """

    map: Map
    said: str
    rising: bool = True
    at_bound: bool = False

    def __call__(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """Calibrate scores (...) in [0, 1]; raises CutoffError for any other."""
        score = np.asarray(y_score)
        as_probabilities(score)
        return self.map(score.ravel()).reshape(score.shape)

    def score_for(self, p: float) -> float:
        """The lowest score with a calibrated probability >= p; NaN if there is none, or if the map falls."""

        def reaches(z: float) -> float:
            return 1.0 if self(expit(z)) >= p else -1.0

        if not self.rising or reaches(END) < 0:
            return float("nan")
        if reaches(-END) > 0:
            return float(expit(-END))
        found = bisect(reaches, -END, END, xtol=PRECISION)  # on either side of the score
        return float(expit(found + 2 * PRECISION))


class Temperature(NamedTuple):
    """One temperature for all classes, and the map of probabilities (N, C) that divides their logits by it.

    at_bound: whether the search ended at its bound, or where the log-loss is 0.
    """

    temperature: float
    map: Map
    at_bound: bool


def fit(
    method: str,
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    sample_weight: NDArray[np.floating] | None = None,
) -> Calibration:
    """Fit a calibration method to one class.

    Parameters
    ----------
    method : a name in METHODS.
    y_true : whether each row is positive, (N,).
    y_score : uncalibrated probabilities of the positive class, (N,), in [0, 1].
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    The fitted map.

    Raises
    ------
    CutoffError for scores outside [0, 1], and for rows of one class.
    """
    as_probabilities(y_score)
    both_classes(y_true, sample_weight)
    fitted = _fitted(METHODS[method].name, y_true.astype(int), logits(y_score)[:, None], sample_weight)

    def probabilities(score: NDArray[np.floating]) -> NDArray[np.float64]:
        return fitted.predict_proba(logits(score)[:, None])[:, 1] if score.size else np.zeros(0)

    if method == "isotonic":
        steps = len(np.unique(probabilities(y_score)))
        return Calibration(probabilities, f"{counted(steps, 'step')}, interpolated linearly on the logit.")
    calibrator = _calibrator(fitted)
    if method == "temperature":
        temperature = 1 / (2 * float(calibrator.beta_))  # scikit-learn uses x and -x as the logits of the two classes
        at_bound = _is_at_bound(calibrator, fitted.predict_proba(logits(y_score)[:, None]), y_true.astype(int))
        at_bound |= bool((y_score == 0.5).all())  # which no temperature moves
        said = temperature_sentence(temperature, at_bound)
        return Calibration(probabilities, said, at_bound=at_bound)
    slope, intercept = -float(calibrator.a_), -float(calibrator.b_)
    return Calibration(
        probabilities, f"Slope {slope:.3f} and intercept {intercept:.3f} on the logit.", rising=slope > 0
    )


def fit_classes(
    y_true: NDArray[np.int64], y_score: NDArray[np.floating], sample_weight: NDArray[np.floating] | None = None
) -> Temperature:
    """Fit one temperature to the probabilities of all classes.

    The logits, log p up to a constant per row, are divided by it, which does not change the class of maximum
    probability.

    Parameters
    ----------
    y_true : class indices (N,) in [0, C).
    y_score : uncalibrated probabilities (N, C), in [0, 1].
    sample_weight : weights of the rows, (N,), >= 0; 1 by default.

    Returns
    -------
    The temperature, > 0, and the map.

    Raises
    ------
    CutoffError for scores outside [0, 1], and unless every class has a row.
    """
    as_probabilities(y_score)
    classes = y_score.shape[1]
    counted = y_true if sample_weight is None else y_true[sample_weight > 0]
    if missing := classes - len(np.unique(counted)):
        raise CutoffError(f"Expected rows of all {classes} classes to fit a temperature to, but {missing} have none.")
    fitted = _fitted("temperature", y_true, _class_logits(y_score), sample_weight)

    def probabilities(score: NDArray[np.floating]) -> NDArray[np.float64]:
        return fitted.predict_proba(_class_logits(score))

    calibrator = _calibrator(fitted)
    beta = float(calibrator.beta_) * (2 if classes == 2 else 1)  # scikit-learn takes x and -x as the logits of two
    at_bound = _is_at_bound(calibrator, probabilities(y_score), y_true) or not _tells_classes_apart(y_score)
    return Temperature(1 / beta, probabilities, at_bound)


def cross_fitted(
    fitted: Callable[[NDArray[np.intp]], Map], y_true: NDArray, y_score: NDArray[np.floating], folds: int = FOLDS
) -> NDArray[np.float64]:
    """Calibrate each row by a map that was fitted without it.

    Unlike scores calibrated by a map fitted to the same rows, these are not optimistic.

    Parameters
    ----------
    fitted : `fitted(rows)` fits a map to the rows of these indices.
    y_true : the class of each row, (N,), by which folds are stratified.
    y_score : uncalibrated scores, (N,) or (N, C).
    folds : number of folds, >= 2; fewer where a class has fewer rows.

    Returns
    -------
    Calibrated scores, in the shape of y_score.

    Raises
    ------
    CutoffError if a class has one row, and as `fitted` does.
    """
    fewest = int(np.unique(y_true, return_counts=True)[1].min(initial=len(y_true)))
    if fewest < 2:
        raise CutoffError("Cross-fitting needs at least two rows of each class.")
    calibrated = np.empty(y_score.shape)
    for others, held in StratifiedKFold(min(folds, fewest), shuffle=True, random_state=0).split(y_true, y_true):
        calibrated[held] = fitted(others)(y_score[held])
    return calibrated


def temperature_sentence(temperature: float, at_bound: bool) -> str:
    """The fitted temperature, or that the search for it ended at its bound, in a sentence."""
    number = f"{temperature:.3g}" if temperature < 1000 else f"{temperature:,.0f}"
    if not at_bound:
        return f"Temperature {number}: logits are divided by it."
    reason = "separate the classes" if temperature < 1 else "rank against the labels"
    return (
        f"No best temperature was found: the search ended at its bound, as where scores {reason} or are all equal. "
        f"Logits are divided by {number}."
    )


def _calibrator(fitted: CalibratedClassifierCV) -> Any:
    """The calibrator that scikit-learn fitted: with beta_ for a temperature, a_ and b_ for Platt scaling."""
    (of_all_rows,) = fitted.calibrated_classifiers_
    (calibrator,) = of_all_rows.calibrators
    return calibrator


def _is_at_bound(temperature: Any, p: NDArray[np.float64], y_true: NDArray[np.int64]) -> bool:
    """Whether scikit-learn's search for log beta in [-10, 10] ended at a bound, or where every row has p = 1 for its
    class."""
    of_label = p[np.arange(len(y_true)), y_true]
    return bool(abs(np.log(temperature.beta_)) > BOUND or (of_label > CERTAIN).all())


def both_classes(y_true: NDArray[np.bool_], sample_weight: NDArray[np.floating] | None = None) -> None:
    """Raise CutoffError unless y_true (N,) has rows of both classes whose weight is not 0."""
    y_true = y_true if sample_weight is None else y_true[sample_weight > 0]
    positives = int(np.count_nonzero(y_true))
    if not 0 < positives < len(y_true):
        raise CutoffError(
            f"Expected rows of both classes to calibrate on, but {positives:,} of {len(y_true):,} are positive."
        )


def logits(y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """log p - log(1 - p) of scores (...) in [0, 1], moved inside as `_inside` does, so that all are finite."""
    return np.asarray(logit(_inside(y_score)))


def _class_logits(y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits of all classes (N, C), log p; of two classes that of the second, (N, 1), as scikit-learn wants it."""
    logs = np.log(_inside(y_score))
    return logs[:, 1:] - logs[:, :1] if logs.shape[1] == 2 else logs


def _tells_classes_apart(y_score: NDArray[np.floating]) -> bool:
    """Whether any row has different scores (N, C); no temperature moves the others."""
    return bool((y_score != y_score[:, :1]).any())


def _inside(y_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores as float64, as far from 0 and 1 as the number of their own dtype that is next to 1: from a smaller one, as
    the number next to 0, the logit would outweigh all others."""
    end = float(np.finfo(y_score.dtype).epsneg)
    return y_score.astype(np.float64).clip(end, 1 - end)


class _Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose features are its logits, for scikit-learn to calibrate."""

    def __init__(self, classes: int = 2) -> None:
        self.classes = classes

    @property
    def classes_(self) -> NDArray[np.int64]:
        return np.arange(self.classes)

    def fit(self, _x: NDArray, _y: NDArray, sample_weight: NDArray | None = None) -> _Given:
        return self

    def decision_function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x[:, 0] if self.classes == 2 else x

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Required by scikit-learn's interface, but not used."""
        return (self.decision_function(x) >= 0).astype(int) if self.classes == 2 else x.argmax(1)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _fitted(
    name: str, y_true: NDArray[np.int64], x: NDArray[np.float64], sample_weight: NDArray[np.floating] | None
) -> CalibratedClassifierCV:
    """Fit the method to all rows: x holds the logits of class 1, (N, 1), or of all classes, (N, C)."""
    everything = np.arange(len(y_true))
    given = _Given(max(x.shape[1], 2))
    calibrated = CalibratedClassifierCV(given, method=name, cv=[(everything, everything)])
    return calibrated.fit(x, y_true, sample_weight=sample_weight)


METHODS: dict[str, Method] = {
    "temperature": Method(
        name="temperature",
        label="Temperature",
        help="Divides the logit by one number: scores become less or more confident, .5 stays .5.",
        keeps="Monotone: ranking and AUC unchanged",
        reference="Guo et al., On Calibration of Modern Neural Networks, 2017, https://arxiv.org/abs/1706.04599",
    ),
    "sigmoid": Method(
        name="sigmoid",
        label="Platt",
        help="Fits a slope and an intercept on the logit: it can reverse the shift of pos_weight.",
        keeps="Monotone: ranking and AUC unchanged",
        reference="Platt, Probabilistic outputs for support vector machines, 1999",
    ),
    "isotonic": Method(
        name="isotonic",
        label="Isotonic",
        help="Fits any rising step function: it can follow every shape, but overfits when rows are few.",
        keeps="Monotone except for ties: scores on one step become equal",
        reference="Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, "
        "2002, https://doi.org/10.1145/775047.775151",
    ),
}
