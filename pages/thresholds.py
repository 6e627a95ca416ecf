"""Thresholds: choose a run and a split, move the threshold, and see every number that depends on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from scipy.special import expit, logit

from core.export import predictions_csv, scores_csv
from core.jobs import Run
from core.plots.scores import score_histograms
from core.plots.style import place
from core.plots.thresholds import confusion_figure, metrics_figure, pr_figure, roc_figure
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
    metric_curve,
    pr_curve,
    roc_curve,
    summary,
)
from core.thresholds.decisions import Normalise
from pages.components.live_figure import live_figure
from pages.shared import choices, controls, session, text, tune, values
from pages.shared.services import runner

TILES = ("precision", "recall", "f1", "accuracy", "specificity", "mcc")
CURVES = ("precision", "recall", "f1")
NORMALISE: dict[Normalise, str] = {"none": "counts", "row": "by row", "column": "by column"}
UNIT = {"min_value": 0.0, "max_value": 1.0}
LOGIT_LIMIT = 40.0  # what stands for the logits of 0 and 1, which are infinite


def thresholds_of(run: Run, columns: int) -> list[float]:
    """The thresholds (C,) chosen for this run, .5 to begin with."""
    return st.session_state.setdefault(f"thresholds.{run.id}", [0.5] * columns)


def set_threshold(run_id: str, column: int, key: str) -> None:
    """Take the threshold from the control that was moved; the other controls follow it."""
    value = st.session_state[key]
    if value is not None:
        st.session_state[f"thresholds.{run_id}"][column] = float(expit(value) if key == "t_logit" else value)


def choose_run() -> Run | None:
    """The run to look at, among those with scores: one of the current job's, until another is chosen."""
    job = session.current_job()
    runs = {run.id: run for job in session.jobs() for run in job.runs if run.outputs}
    if not runs:
        return None
    own = [name for name, run in runs.items() if job and run.job == job.id] or list(runs)
    if st.session_state.get("shown_run") not in own:
        st.session_state.shown_run = own[0]
    names = {name: f"{len(runs) - at}. {text.of_run(run)}" for at, (name, run) in enumerate(runs.items())}
    chosen = st.selectbox(
        "Run",
        list(runs),
        format_func=names.__getitem__,
        key="shown_run",
        on_change=lambda: session.look_at(runs[st.session_state.shown_run].job),
        persist_state="session",
    )
    return runs[str(chosen)]


def threshold_controls(run: Run, column: int, threshold: float) -> None:
    """Three ways to say one threshold: a slider, the probability and the logit."""

    def control(kind: Callable[..., float], key: str, value: float, label: str, **looks: Any) -> None:
        # The value is written before the control is drawn: the thresholds are the truth, the controls show them.
        # Only where it differs: writing what is there already would overtake a control that moves on meanwhile.
        if st.session_state.get(key) != value:
            st.session_state[key] = value
        kind(label, key=key, on_change=set_threshold, args=(run.id, column, key), **looks)

    slider, probability, as_logit = st.columns([4, 1, 1], vertical_alignment="bottom")
    control(slider.slider, "t_slider", threshold, "Threshold", step=0.001, format="%.3f", **UNIT)
    control(probability.number_input, "t_probability", threshold, "as probability", step=0.01, format="%.4f", **UNIT)
    as_a_logit = round(float(np.clip(logit(threshold), -LOGIT_LIMIT, LOGIT_LIMIT)), 9)
    control(as_logit.number_input, "t_logit", as_a_logit, "as logit", step=0.1, format="%.3f")


@st.fragment
@runner().giving_way()
def explore(run: Run, part: str) -> None:
    """Everything that moves with the threshold; only this reruns when it does."""
    scores = run.scores(part)
    indexes = index_scores(scores)
    thresholds = thresholds_of(run, scores.n_columns)
    with st.container(border=True):
        column = choose_column(scores) if scores.n_columns > 1 else 0
        threshold_controls(run, column, thresholds[column])
        point = indexes[column].counts(thresholds[column])
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(text.of_counts(point, scores.view(column).label), width="content")
            scale = controls.score_scale()
        live_figure(
            score_histograms([scores.view(column)], [thresholds[column]], scale),
            key="histogram",
            alt=text.of_histograms(run, part),
            height=340,
            revision=f"{run.id} {part} {column} {scale}",
        )
    tune.show(run, column)
    with st.container(horizontal=True):
        for name in TILES:
            st.metric(METRICS[name].label, text.rate(float(METRICS[name](point))), help=METRICS[name].help, border=True)
    alt, revision = text.of_point(point), f"{run.id} {part} {column} {scale}"
    index = indexes[column]
    left, right = st.columns(2)
    with left.container(border=True):
        st.markdown("**Precision and recall**")
        live_figure(pr_figure(pr_curve(index), point, index.prevalence), key="pr", alt=alt, revision=revision)
    with right.container(border=True):
        st.markdown("**ROC**")
        live_figure(roc_figure(roc_curve(index), point), key="roc", alt=alt, revision=revision)
    left, right = st.columns(2)
    with left.container(border=True):
        st.markdown("**Metrics against threshold**")
        placed = ScoreIndex.of(scores.view(column).y, place(scores.view(column).score, scale))
        curves = {METRICS[name].label: metric_curve(placed, METRICS[name]) for name in CURVES}
        figure = metrics_figure(curves, float(point.thresholds), scale)
        live_figure(figure, key="metrics", alt=alt, revision=revision)
    view = scores.view(column)
    with right.container(border=True):
        show_matrix("Confusion matrix", "matrix", point.confusion(), (view.rest, view.label), revision)
    if scores.task == "multiclass":
        all_classes(scores, thresholds, revision=f"{run.id} {part}")
    if scores.task == "multilabel":
        all_labels(scores, indexes, thresholds)


@st.fragment(run_every=2)
def still_training(run: Run) -> None:
    """The page keeps the scores of one epoch; this says how far the run has come, which also keeps it going."""
    now = next(other for other in runner().job(run.job).runs if other.id == run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Shown is epoch {run.epoch}; the run is {now.status} at epoch {now.epoch}.", width="content")
        if st.button("Show the newest", icon=":material/refresh:"):
            st.rerun()


def choose_column(scores: Scores) -> int:
    """The class whose threshold is moved, one against the rest, or the label."""
    names = dict(enumerate(scores.column_names))
    chosen = st.segmented_control(
        "Label" if scores.task == "multilabel" else "Class, against the rest",
        list(names),
        format_func=names.__getitem__,
        key="column",
        default=0,
        required=True,
        persist_state="session",
    )
    return chosen if chosen in names else 0


def show_matrix(title: str, key: str, matrix: np.ndarray, names: tuple[str, ...], revision: str) -> None:
    """A confusion matrix with the choice of what its large numbers say."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{title}**", width="content")
        normalise = st.segmented_control(
            "Numbers",
            list(NORMALISE),
            format_func=NORMALISE.__getitem__,
            key=f"{key}.normalise",
            default="none",
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    figure = confusion_figure(matrix, names, normalise)
    height = 320 if len(names) == 2 else 120 + 36 * len(names)
    live_figure(figure, key=key, alt=text.of_matrix(matrix, names), height=height, revision=revision)


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


def show_values(run: Run, part: str) -> None:
    """A run that predicts values: there is no threshold to move."""
    st.markdown("This run predicts values, and values have no threshold. Here is how far they are from the true ones.")
    values.show_errors(run, part)
    left, right = st.columns(2)
    with left.container(border=True):
        values.show_predictions(run, part)
    with right.container(border=True):
        values.show_residuals(run, part)


def download(run: Run, part: str) -> None:
    """The rows of this split with their scores or predictions, as a file."""
    regression = run.task == "regression"
    st.download_button(
        "Predictions as CSV" if regression else "Scores as CSV",
        predictions_csv(*run.predictions(part), run.rows(part))
        if regression
        else scores_csv(run.scores(part), run.rows(part)),
        f"{'predictions' if regression else 'scores'}-{run.id}-{part}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


choices.open_link()
st.title("Thresholds")
st.caption(
    "Validation and test are rows that the model was not trained on. Choose the threshold on validation; "
    "test says what it is worth."
)
session.show_complaints()
run = choose_run()
session.write_link()
if run is None:
    st.markdown("Nothing is trained yet. Train a model first; its scores then come here.")
    st.page_link("train.py", label="Train a model", icon=":material/arrow_back:")
else:
    if theory := text.of_theory(run.config):
        st.caption(theory)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        part = st.segmented_control(
            "Split",
            ("validation", "test"),
            key="part",
            default="validation",
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        download(run, part)
    if not run.ended:
        still_training(run)
    if run.error:
        st.error(text.plain(run.error))
    if run.task == "regression":
        show_values(run, part)
    else:
        explore(run, part)
