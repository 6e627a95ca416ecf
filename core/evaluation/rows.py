"""The rows of an outcome, a range of scores or a cell of a confusion matrix, and the misclassified rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from core.errors import CutoffError
from core.evaluation import NO_CLASS, ScoreIndex, predicted_positive
from core.evaluation.scores import ClassView, Scores
from core.evaluation.source import ScoreSource

Outcome = Literal["tp", "fp", "fn", "tn"]
# Whether a row of this outcome is in the class, and whether it is predicted to be.
OUTCOMES: dict[Outcome, tuple[bool, bool]] = {
    "tp": (True, True),
    "fp": (False, True),
    "fn": (True, False),
    "tn": (False, False),
}
_SHORT = ["TN", "FP", "FN", "TP"]  # by actual, then by predicted class


def behind(
    view: ClassView,
    threshold: float,
    outcome: Outcome | None = None,
    low: float | None = None,
    high: float | None = None,
    saved: float | None = None,
) -> pd.DataFrame:
    """The rows of an outcome at a threshold, the one closest to the threshold first.

    Parameters
    ----------
    view : labels and scores (N,) of one class.
    threshold : t for `score >= t`, compared in the scores' own dtype.
    outcome : None for all four.
    low, high : only rows with low <= score < high; None for no limit.
    saved : another threshold; only rows that it decides otherwise. None for no limit.

    Returns
    -------
    A table of M rows. The index is the position in the view, by which ties are ordered. Columns: `outcome`, with
    another threshold the `saved outcome` at it, `score` in its own dtype, its `logit`, and `distance`,
    score - threshold, >= 0 exactly where the row is predicted positive.

    Raises
    ------
    CutoffError for another outcome.
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise CutoffError(f"Expected `outcome` to be one of {', '.join(OUTCOMES)}, but got {outcome!r}.")
    predicted = predicted_positive(view.score, threshold)
    selected = _selected(view, threshold, low, high, saved)
    if outcome is not None:
        true, positive = OUTCOMES[outcome]
        selected &= (view.y == true) & (predicted == positive)
    distance = view.score.astype(np.float64) - np.float64(view.score.dtype.type(threshold))
    at = _nearest(selected, distance)
    outcomes = {"outcome": _outcomes(view.y[at], predicted[at])}
    if saved is not None:
        outcomes["saved outcome"] = _outcomes(view.y[at], ~predicted[at])
    return pd.DataFrame(
        outcomes
        | {
            "score": view.score[at],
            "logit": logit(view.score[at].astype(np.float64)),
            "distance": distance[at],
        },
        index=at,
    )


def outcome_counts(
    view: ClassView,
    threshold: float,
    low: float | None = None,
    high: float | None = None,
    saved: float | None = None,
) -> dict[Outcome, int]:
    """Number of rows of each outcome that `behind` finds."""
    within = _selected(view, threshold, low, high, saved)
    counts = ScoreIndex.of(view.y[within], view.score[within]).counts(threshold)
    return {outcome: int(getattr(counts, outcome)) for outcome in OUTCOMES}


def behind_cell(
    scores: Scores,
    decided: NDArray[np.integer],
    true: int | None = None,
    predicted: int | None = None,
    saved: NDArray[np.integer] | None = None,
) -> pd.DataFrame:
    """The rows of a cell of a multi-class confusion matrix, the least confident decision first.

    Parameters
    ----------
    scores : of a multi-class task.
    decided : predicted class indices (N,), NO_CLASS for a row without a class.
    true, predicted : actual and predicted class of the cell, None for any; `predicted` may be NO_CLASS.
    saved : class indices (N,) that other thresholds predict; only rows where they differ. None for no limit.

    Returns
    -------
    A table of M rows. The index is the position in the scores. Columns: name of the `predicted` class, with other
    thresholds that of the class `saved predicted`, the `score` and `logit` of the predicted class, and `lead`, its
    score minus the maximum of the others, < 0 where the decision is not argmax. A row without a class has the score
    and the lead of its class of maximum score.
    """
    selected = np.ones(scores.n_rows, bool)
    if true is not None:
        selected &= scores.y_true == true
    if predicted is not None:
        selected &= decided == predicted
    if saved is not None:
        selected &= decided != saved
    p, rows = scores.y_score.astype(np.float64), np.arange(scores.n_rows)
    column = np.where(decided == NO_CLASS, p.argmax(1), decided)
    others = p.copy()
    others[rows, column] = -np.inf
    lead = p[rows, column] - others.max(1)
    at = _nearest(selected, lead)
    score = scores.y_score[at, column[at]]
    names = np.array([*scores.class_names, "none"], dtype=object)  # NO_CLASS, -1, is the last
    table = pd.DataFrame(
        {
            "predicted": names[decided[at]],
            "score": score,
            "logit": logit(score.astype(np.float64)),
            "lead": lead[at],
        },
        index=at,
    )
    if saved is not None:
        table.insert(1, "saved predicted", names[saved[at]])
    return table


def misclassified(scores: Scores, decided: NDArray[np.integer]) -> pd.DataFrame:
    """The misclassified rows of a binary or multi-class task, the highest score of the predicted class first.

    The score of a predicted negative class is 1 - score, or -score if scores are not probabilities.

    Parameters
    ----------
    scores : of the task.
    decided : predicted class indices (N,).

    Returns
    -------
    A table of M rows. The index is the position in the scores. Columns: names of the `actual` and `predicted` class,
    and a `score` with the class it is `of`: the positive class in a binary task, otherwise the predicted class.
    """
    at = np.flatnonzero(decided != scores.y_true)
    binary = scores.task == "binary"
    of = np.ones(len(at), np.intp) if binary else decided[at]
    score = scores.y_score[at, 0 if binary else of]
    predicted_score = np.where(decided[at] == of, score, float(scores.are_probabilities) - score)
    names = np.array(scores.class_names, dtype=object)
    table = pd.DataFrame(
        {"actual": names[scores.y_true[at]], "predicted": names[decided[at]], "of": names[of], "score": score}, index=at
    )
    return table.iloc[np.argsort(-predicted_score, kind="stable")]


def described(found: pd.DataFrame, source: ScoreSource, part: str, with_features: bool = True) -> pd.DataFrame:
    """Add labels, columns and features to a table of rows.

    Parameters
    ----------
    found : rows of the part, from a function of this module; its index is the position in the scores.
    source : where the scores come from.
    part : of the source.
    with_features : whether to add every feature.

    Returns
    -------
    A table with `row`, the position in the data from 0; actual `class` or `labels`; the columns of `found`, `logit`
    only for probabilities; other columns of the rows; features, "feature <name>" where a name is already taken.

    Raises
    ------
    CutoffError as `source.scores` does.
    """
    scores, known, at = source.scores(part), source.row_columns(part), found.index
    table = found.reset_index(drop=True)
    if not scores.are_probabilities:
        table = table.drop(columns="logit")
    table.insert(0, "labels" if scores.task == "multilabel" else "class", _actual(scores, at))
    table.insert(0, "row", source.rows(part)[at])
    given = {"id": known.id, **known.groups, "amount": known.amount, "time": known.time, "weight": known.weight}
    for name, values in {**given, **known.others}.items():
        if values is not None:
            table[_untaken(name, table)] = values[at.to_numpy()]
    if not with_features or known.features is None:
        return table
    names = [f"feature {name}" if name in table.columns else name for name in known.feature_names]
    return pd.concat([table, pd.DataFrame(known.features[at], columns=names)], axis=1)


def _untaken(name: str, table: pd.DataFrame) -> str:
    """The name of a column of the file, with a word before it where the table already has such a column."""
    return f"file: {name}" if name in table.columns else name


def _actual(scores: Scores, at: pd.Index) -> list[str] | NDArray:
    """The actual class of each of these rows by name, or its labels with commas."""
    names = np.array(scores.class_names)
    if scores.task == "multilabel":
        return [", ".join(names[row == 1]) or "none" for row in scores.y_true[at]]
    return names[scores.y_true[at]]


def _outcomes(y: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> pd.Categorical[str]:
    """The outcome of each row, as in "TP"."""
    return pd.Categorical.from_codes(2 * y + predicted, pd.Index(_SHORT))


def _selected(
    view: ClassView, threshold: float, low: float | None, high: float | None, saved: float | None
) -> NDArray[np.bool_]:
    """Whether low <= score < high and the saved threshold decides otherwise, (N,); None for no limit."""
    selected = np.ones(len(view.score), bool)
    if low is not None:
        selected &= predicted_positive(view.score, low)
    if high is not None:
        selected &= ~predicted_positive(view.score, high)
    if saved is not None:
        selected &= predicted_positive(view.score, threshold) != predicted_positive(view.score, saved)
    return selected


def _nearest(selected: NDArray[np.bool_], distance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the selected rows, the smallest absolute distance first."""
    at = np.flatnonzero(selected)
    return at[np.argsort(np.abs(distance[at]), kind="stable")]
