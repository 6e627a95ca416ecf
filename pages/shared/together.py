"""What the thresholds of all classes or labels do together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from scipy.special import logit

from core.jobs import Run
from core.scores import Scores
from core.thresholds import (
    METRICS,
    ScoreIndex,
    ThresholdCounts,
    class_counts,
    confusion_matrix,
    decide,
    decided_counts,
    index_scores,
    summary,
)
from pages.shared import text, trial
from pages.shared.matrix import show_matrix

CURVES = ("precision", "recall", "f1")


def show(run: Run, part: str) -> None:
    """The section that fits the task; nothing for two classes, which one threshold decides."""
    scores = run.scores(part)
    thresholds = trial.on_trial(run, scores.n_columns)
    if scores.task == "multiclass":
        all_classes(scores, thresholds, revision=f"{run.id} {part}")
    if scores.task == "multilabel":
        all_labels(scores, index_scores(scores), thresholds)


def all_classes(scores: Scores, thresholds: list[float], revision: str) -> None:
    """The decisions among all classes that these thresholds make together, and each class's own numbers."""
    st.subheader("All classes")
    st.caption(
        "Each row gets the class with the largest p / t, so equal thresholds are plain argmax. Above, one class "
        "stands against the rest and takes every row with p >= t: the two count differently."
    )
    decided = decide(scores.y_score, thresholds)
    matrix = confusion_matrix(scores.y_true, decided, scores.n_columns)
    left, right = st.columns(2)
    with left.container(border=True):
        show_matrix("Confusion matrix of all classes", "matrix_all", matrix, scores.class_names, revision)
    with right.container(border=True):
        st.markdown("**Thresholds**")
        counts = decided_counts(matrix)
        show_table("class", scores, thresholds, counts)
    show_summary(scores, thresholds)


def all_labels(scores: Scores, indexes: tuple[ScoreIndex, ...], thresholds: list[float]) -> None:
    """What all labels' thresholds make together, and each label's own numbers."""
    st.subheader("All labels")
    st.caption(f"Each label is decided at its own threshold. {text.of_rows_called(scores, thresholds)}")
    show_summary(scores, thresholds)
    show_table("label", scores, thresholds, class_counts(indexes, np.reshape(thresholds, (-1, 1))))


def show_table(noun: str, scores: Scores, thresholds: list[float], counts: ThresholdCounts) -> None:
    """A line for each class or label: its rows, its threshold and its metrics, from counts (C,) or (C, 1)."""
    table = pd.DataFrame({noun: scores.column_names, "rows": scores.positives, "threshold": thresholds})
    table["logit"] = logit(thresholds)
    for name in CURVES:
        table[METRICS[name].label] = np.ravel(METRICS[name](counts))
    st.dataframe(
        table.style.format(precision=3, na_rep="undefined"),
        hide_index=True,
        height="content",
        alt=f"Thresholds by {noun}.",
    )


def show_summary(scores: Scores, thresholds: list[float]) -> None:
    with st.container(horizontal=True):
        for name, value in summary(scores, thresholds).items():
            st.metric(name, text.rate(value), border=True)
