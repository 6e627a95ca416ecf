"""The rows behind an outcome, a range of scores or a cell of a confusion matrix, those that are closest to another
decision first; and those that are misclassified, the worst first."""

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
# Whether a row of this outcome is truly in the class, and whether it is predicted so.
OUTCOMES: dict[Outcome, tuple[bool, bool]] = {
    "tp": (True, True),
    "fp": (False, True),
    "fn": (True, False),
    "tn": (False, False),
}
_SHORT = ["TN", "FP", "FN", "TP"]  # by whether a row is truly in the class, then by whether it is predicted so


def behind(
    view: ClassView,
    threshold: float,
    outcome: Outcome | None = None,
    low: float | None = None,
    high: float | None = None,
) -> pd.DataFrame:
    """The rows of an outcome at the threshold (None: of all four) with low <= score < high, nearest to it first.

    Numbers are compared with scores in the scores' own dtype; None is an open end. The index (M,) is the place of each
    row in the view; rows at one distance keep the order of their places. Columns: `outcome`, `score` in its own dtype,
    its `logit`, and `distance`, score - threshold, at least 0 exactly where the row is predicted positive. Raises
    CutoffError for another outcome.
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise CutoffError(f"Expected `outcome` to be one of {', '.join(OUTCOMES)}, but got {outcome!r}.")
    predicted = predicted_positive(view.score, threshold)
    wanted = _within(view, low, high)
    if outcome is not None:
        true, positive = OUTCOMES[outcome]
        wanted &= (view.y == true) & (predicted == positive)
    distance = view.score.astype(np.float64) - np.float64(view.score.dtype.type(threshold))
    at = _nearest(wanted, distance)
    return pd.DataFrame(
        {
            "outcome": pd.Categorical.from_codes(2 * view.y[at] + predicted[at], pd.Index(_SHORT)),
            "score": view.score[at],
            "logit": logit(view.score[at].astype(np.float64)),
            "distance": distance[at],
        },
        index=at,
    )


def outcome_counts(
    view: ClassView, threshold: float, low: float | None = None, high: float | None = None
) -> dict[Outcome, int]:
    """How many rows `behind` finds of each outcome."""
    within = _within(view, low, high)
    counts = ScoreIndex.of(view.y[within], view.score[within]).counts(threshold)
    return {outcome: int(getattr(counts, outcome)) for outcome in OUTCOMES}


def behind_cell(
    scores: Scores, decided: NDArray[np.integer], true: int | None = None, predicted: int | None = None
) -> pd.DataFrame:
    """The rows truly in class `true` and decided as class `predicted` (None: as any), the least sure decision first.

    decided: (N,) class indices of a multi-class task, NO_CLASS for a row without a class, which `predicted` may be.
    The index (M,) is the place of each row in the scores. Columns: `predicted` by name, `score`, that of the decided
    class, its `logit`, and `lead`, by how much it exceeds the largest other score: below 0 where thresholds made
    another class than argmax. A row without a class has the score and the lead of its largest one.
    """
    wanted = np.ones(scores.n_rows, bool)
    if true is not None:
        wanted &= scores.y_true == true
    if predicted is not None:
        wanted &= decided == predicted
    p, rows = scores.y_score.astype(np.float64), np.arange(scores.n_rows)
    column = np.where(decided == NO_CLASS, p.argmax(1), decided)
    others = p.copy()
    others[rows, column] = -np.inf
    lead = p[rows, column] - others.max(1)
    at = _nearest(wanted, lead)
    score = scores.y_score[at, column[at]]
    return pd.DataFrame(
        {
            "predicted": np.array([*scores.class_names, "none"], dtype=object)[decided[at]],  # -1 is the last
            "score": score,
            "logit": logit(score.astype(np.float64)),
            "lead": lead[at],
        },
        index=at,
    )


def misclassified(scores: Scores, decided: NDArray[np.integer]) -> pd.DataFrame:
    """The misclassified rows of a task with one class a row, those whose predicted class scores highest first.

    decided: (N,) class indices. The index (M,) is the place of each row in the scores. Columns: `actual` and
    `predicted` class by name, and `score` with the class that it is `of`: of two classes always the positive one, of
    several the predicted one. Where the negative class is predicted its own score is 1 - score, or -score of logits.
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
    """Found rows of a part, or some of them, as a table: `row`, actual `class` or `labels`, what was found, what else
    is known of the rows, then every feature.

    `row` is the place in the data, from 0. Only probabilities have a `logit`. A feature named like a column before it
    becomes "feature <name>".
    """
    scores, known, at = source.scores(part), source.row_columns(part), found.index
    table = found.reset_index(drop=True)
    if not scores.are_probabilities:
        table = table.drop(columns="logit")
    table.insert(0, "labels" if scores.task == "multilabel" else "class", _actual(scores, at))
    table.insert(0, "row", source.rows(part)[at])
    for name in ("id", "group", "amount", "time", "weight"):
        if (values := getattr(known, name)) is not None:
            table[name] = values[at]
    if not with_features or known.features is None:
        return table
    names = [f"feature {name}" if name in table.columns else name for name in known.feature_names]
    return pd.concat([table, pd.DataFrame(known.features[at], columns=names)], axis=1)


def _actual(scores: Scores, at: pd.Index) -> list[str] | NDArray:
    """The actual class of each of these rows by name, or its labels with commas."""
    names = np.array(scores.class_names)
    if scores.task == "multilabel":
        return [", ".join(names[row == 1]) or "none" for row in scores.y_true[at]]
    return names[scores.y_true[at]]


def _within(view: ClassView, low: float | None, high: float | None) -> NDArray[np.bool_]:
    """Whether low <= score < high, (N,); None is an open end."""
    within = np.ones(len(view.score), bool)
    if low is not None:
        within &= predicted_positive(view.score, low)
    if high is not None:
        within &= ~predicted_positive(view.score, high)
    return within


def _nearest(wanted: NDArray[np.bool_], distance: NDArray[np.float64]) -> NDArray[np.intp]:
    """The places of the wanted rows, the least distance to either side first."""
    at = np.flatnonzero(wanted)
    return at[np.argsort(np.abs(distance[at]), kind="stable")]
