"""Several classes: what their thresholds decide together by a rule, the matrix of all, and each class's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation import NO_CLASS, changes, class_totals, confusion_matrix, decided_counts
from core.evaluation.scores import Scores
from core.evaluation.source import ScoreSource
from pages.components.threshold_column import Total, threshold_column
from pages.shared import controls, state, thresholds
from pages.workbench.panels import decision_rule, rows
from pages.workbench.panels.matrix import normalise_now, show_matrix

MATRIX = "matrix_all"  # the key of its figure
TOTALS = (
    Total("accuracy", "Accuracy", "Share of rows predicted correctly; a row without a class is wrong.", better=1),
    Total("precision", "Macro precision", "Mean over the classes that are predicted.", better=1),
    Total("recall", "Macro recall", "Mean over the classes that have rows; also called balanced accuracy.", better=1),
    Total("f1", "Macro F1", "Mean over the classes that have rows or are predicted.", better=1),
    Total(
        "changed",
        "Changed rows",
        "Rows whose class differs from that of plain argmax, and how many became correct or misclassified.",
        "count",
        0,
        "changes",
    ),
    Total(
        "without",
        "No class",
        "Rows without a predicted class. They count as misclassified.",
        "count",
        better=-1,
    ),
)


def show(source: ScoreSource, part: str, column: int) -> None:
    """The rule, the thresholds of all classes, and what they decide about the "validation" or "test" rows."""
    scores = source.scores(part)
    current, saved = thresholds.current(source), thresholds.saved(source)
    st.header("All classes")
    decision_rule.choose(source, scores.class_names)
    st.caption(
        "Here every row gets at most one class. The one-vs-rest panel above counts every row with p ≥ t as positive, "
        "whatever the other classes score, so its counts differ. Dashed: saved threshold. ▲ ▼: difference to the saved "
        "thresholds."
    )
    name, params = decision_rule.of(source)
    decided = decision_rule.decide(source)(scores.y_score, thresholds.values(current))
    weight = source.row_columns(part).weight
    matrix = _matrix(scores, decided, weight)
    left, right = st.columns([3, 2])
    with left.container(border=True):
        threshold_column(
            scores,
            thresholds=current,
            saved=saved,
            counts=decided_counts(matrix),
            totals=TOTALS,
            now=_totals(scores, decided, matrix, weight),
            before=_at(source, scores, thresholds.values(saved), weight) if saved else {},
            chosen=column,
            scale=controls.scale_of(source),
            key="all_classes",
            revision=f"{source.id} {part} {source.version}",
            on_move=lambda moved, to, how: thresholds.move(source, moved, to, how, part),
            on_choose=state.COLUMN.set,
            rule=name,
            fallback=int(params.get("fallback", NO_CLASS)),
            beside=MATRIX,
            normalise=normalise_now(MATRIX),
            sample_weight=weight,
        )
    with right.container(border=True):
        shown = matrix if decision_rule.gives_no_class(source) else matrix[:, : scores.n_columns]
        show_matrix(
            "Confusion matrix of all classes",
            MATRIX,
            shown,
            scores.class_names,
            revision=f"{source.id} {part}",
            on_cell=lambda true, decided: rows.ask(source, true=true, decided=decided),
        )


def _at(source: ScoreSource, scores: Scores, values: Sequence[float], weight: NDArray | None) -> dict[str, float]:
    """The totals by id at these thresholds (C,)."""
    decided = decision_rule.decide(source)(scores.y_score, values)
    return _totals(scores, decided, _matrix(scores, decided, weight), weight)


def _matrix(scores: Scores, decided: NDArray[np.intp], weight: NDArray | None) -> NDArray:
    """Rows, or their weights, by true class and decision (K, K + 1), those without a class last."""
    return confusion_matrix(scores.y_true, decided, scores.n_columns, no_class=True, sample_weight=weight)


def _totals(scores: Scores, decided: NDArray[np.intp], matrix: NDArray, weight: NDArray | None) -> dict[str, float]:
    against = changes(scores.y_true, scores.y_score.argmax(axis=1), decided, weight)
    return class_totals(matrix) | {
        "changed": against.rows,
        "righted": against.righted,
        "wronged": against.wronged,
    }
