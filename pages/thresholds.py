"""Thresholds: choose a run and a split, move the threshold, and see every number that depends on it."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import streamlit as st
from scipy.special import expit, logit

from core.plots.scores import score_histograms
from core.plots.style import Scale
from core.plots.thresholds import confusion_figure, metrics_figure, pr_figure, roc_figure
from core.runner import Run
from core.scores import Scores
from core.thresholds import (
    METRICS,
    ScoreIndex,
    class_counts,
    confusion_matrix,
    decide,
    index_scores,
    metric_curve,
    pr_curve,
    roc_curve,
)
from core.thresholds.decisions import Normalise
from pages.components.live_figure import live_figure
from pages.shared import choices, session, text

TILES = ("precision", "recall", "f1", "accuracy", "specificity", "mcc")
CURVES = ("precision", "recall", "f1")
NORMALISE = {"none": "counts", "row": "by row", "column": "by column"}
LOGIT_LIMIT = 20.0  # in float32 the probabilities beyond are 0 and 1


def thresholds_of(run: Run, columns: int) -> list[float]:
    """The thresholds (C,) chosen for this run, .5 to begin with."""
    return st.session_state.setdefault(f"thresholds.{run.id}", [0.5] * columns)


def set_threshold(run_id: str, column: int, key: str) -> None:
    """Take the threshold from the control that was moved; the other controls follow it."""
    value = st.session_state[key]
    if value is not None:
        st.session_state[f"thresholds.{run_id}"][column] = float(expit(value) if key == "t_logit" else value)


def choose_run() -> Run | None:
    """The run to look at, among those with scores; at first one of the current job."""
    job = session.current_job()
    session.show_complaints()
    runs = {run.id: run for job in session.jobs() for run in job.runs if run.outputs}
    if not runs:
        return None
    if st.session_state.get("shown_run") not in runs:
        own = [run.id for run in (job.runs if job else ()) if run.id in runs]
        st.session_state.shown_run = (own or list(runs))[0]
    chosen = st.selectbox(
        "Run", list(runs), format_func=lambda name: text.of_config(runs[name].config), key="shown_run"
    )
    return runs[str(chosen)]


def threshold_controls(run: Run, column: int, threshold: float) -> None:
    """Three ways to say one threshold: a slider, the probability and the logit."""
    st.session_state.t_slider = st.session_state.t_probability = threshold
    st.session_state.t_logit = float(np.clip(logit(threshold), -LOGIT_LIMIT, LOGIT_LIMIT))
    moved: dict[str, Any] = {"on_change": set_threshold}
    slider, probability, as_logit = st.columns([4, 1, 1], vertical_alignment="bottom")
    slider.slider(
        "Threshold", 0.0, 1.0, step=0.001, format="%.3f", key="t_slider", args=(run.id, column, "t_slider"), **moved
    )
    probability.number_input(
        "as probability",
        0.0,
        1.0,
        step=0.01,
        format="%.4f",
        key="t_probability",
        args=(run.id, column, "t_probability"),
        **moved,
    )
    as_logit.number_input(
        "as logit",
        -LOGIT_LIMIT,
        LOGIT_LIMIT,
        step=0.1,
        format="%.3f",
        key="t_logit",
        args=(run.id, column, "t_logit"),
        **moved,
    )


@st.fragment
def explore(run: Run, part: str) -> None:
    """Everything that moves with the threshold; only this reruns when it does."""
    scores = run.scores(part)
    indexes = index_scores(scores)
    thresholds = thresholds_of(run, scores.n_columns)
    column = 0
    with st.container(border=True):
        if scores.n_columns > 1:
            names = dict(enumerate(scores.column_names))
            column = int(
                st.segmented_control(
                    "Class", names, format_func=names.__getitem__, key="t_class", required=True, default=0
                )
                or 0
            )
        threshold_controls(run, column, thresholds[column])
        scale = st.segmented_control("Score axis", get_args(Scale), key="scale", default="logit", required=True)
        view = scores.view(column)
        live_figure(
            score_histograms([view], [thresholds[column]], scale),
            key="histogram",
            alt=text.of_histograms(run, part),
            height=340,
            revision=f"{run.id} {part} {column} {scale}",
        )
    index = indexes[column]
    point = index.counts(thresholds[column])
    st.caption(text.of_counts(point, view.label))
    with st.grid(min_column_width=130):
        for name in TILES:
            st.metric(METRICS[name].label, text.rate(float(METRICS[name](point))), help=METRICS[name].help, border=True)
    revision = f"{run.id} {part} {column}"
    with st.grid(min_column_width=340):
        with st.container(border=True):
            st.markdown("**Precision and recall**")
            live_figure(
                pr_figure(pr_curve(index), point, index.prevalence),
                key="pr",
                alt=text.of_point(point),
                revision=revision,
            )
        with st.container(border=True):
            st.markdown("**ROC**")
            live_figure(roc_figure(roc_curve(index), point), key="roc", alt=text.of_point(point), revision=revision)
        with st.container(border=True):
            st.markdown("**Metrics against threshold**")
            curves = {METRICS[name].label: metric_curve(index, METRICS[name]) for name in CURVES}
            live_figure(
                metrics_figure(curves, thresholds[column], scale),
                key="metrics",
                alt=text.of_point(point),
                revision=f"{revision} {scale}",
            )
        with st.container(border=True):
            confusion(run, part, scores, indexes, thresholds)


def confusion(run: Run, part: str, scores: Scores, indexes: tuple[ScoreIndex, ...], thresholds: list[float]) -> None:
    """The confusion matrix of the decisions at these thresholds."""
    st.markdown("**Confusion matrix**")
    normalise = st.segmented_control(
        "Numbers",
        get_args(Normalise),
        format_func=NORMALISE.__getitem__,
        key="normalise",
        default="none",
        required=True,
        label_visibility="collapsed",
    )
    if scores.task == "multiclass":
        matrix = confusion_matrix(scores.y_true, decide(scores.y_score, thresholds), scores.n_columns)
    else:
        matrix = class_counts(indexes, np.reshape(thresholds, (-1, 1))).confusion()[0, 0]
    live_figure(
        confusion_figure(matrix, scores.class_names, normalise),
        key="confusion",
        alt=text.of_matrix(matrix, scores.class_names),
        revision=f"{run.id} {part}",
    )


choices.open_link()
st.title("Thresholds")
chooser, parts = st.columns([4, 1], vertical_alignment="bottom")
with chooser:
    run = choose_run()
if run is None:
    st.markdown("Nothing is trained yet. Train a model first; its scores then come here.")
    st.page_link("train.py", label="Train a model", icon=":material/arrow_back:")
else:
    part = parts.segmented_control("Split", ("validation", "test"), key="part", default="validation", required=True)
    explore(run, part)
