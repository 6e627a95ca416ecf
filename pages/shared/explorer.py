"""One class or label against the rest: its threshold, and every number and curve that moves with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from scipy.special import expit, logit

from core.jobs import Run
from core.plots.scores import score_histograms
from core.plots.style import place
from core.plots.thresholds import metrics_figure, pr_figure, roc_figure
from core.scores import Scores
from core.thresholds import METRICS, ScoreIndex, metric_curve, pr_curve, roc_curve
from pages.components.live_figure import live_figure
from pages.shared import controls, text, trial
from pages.shared.matrix import show_matrix

TILES = ("precision", "recall", "f1", "accuracy", "specificity", "mcc")
CURVES = ("precision", "recall", "f1")
UNIT = {"min_value": 0.0, "max_value": 1.0}
LOGIT_LIMIT = 40.0  # what stands for the logits of 0 and 1, which are infinite


def choose_column(scores: Scores) -> int:
    """The class whose threshold is moved, one against the rest, or the label; 0 for two classes."""
    if scores.n_columns == 1:
        return 0
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


def show(run: Run, part: str, column: int) -> None:
    """The threshold of one column, with its numbers and curves."""
    scores = run.scores(part)
    view = scores.view(column)
    index = ScoreIndex.of(view.y, view.score)
    threshold = trial.on_trial(run, scores.n_columns)[column]
    point = index.counts(threshold)
    with st.container(border=True):
        _threshold_controls(run, scores.n_columns, column, threshold)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(text.of_counts(point, view.label), width="content")
            scale = controls.score_scale()
        live_figure(
            score_histograms([view], [threshold], scale),
            key="histogram",
            alt=text.of_histograms(run, part),
            height=340,
            revision=f"{run.id} {part} {column} {scale}",
        )
    with st.container(horizontal=True):
        for name in TILES:
            st.metric(METRICS[name].label, text.rate(float(METRICS[name](point))), help=METRICS[name].help, border=True)
    alt, revision = text.of_point(point), f"{run.id} {part} {column} {scale}"
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
        placed = ScoreIndex.of(view.y, place(view.score, scale))
        curves = {METRICS[name].label: metric_curve(placed, METRICS[name]) for name in CURVES}
        figure = metrics_figure(curves, float(point.thresholds), scale)
        live_figure(figure, key="metrics", alt=alt, revision=revision)
    with right.container(border=True):
        show_matrix("Confusion matrix", "matrix", point.confusion(), (view.rest, view.label), revision)


def _threshold_controls(run: Run, columns: int, column: int, threshold: float) -> None:
    """Three ways to say one threshold: a slider, the probability and the logit."""

    def moved(key: str) -> None:
        value = st.session_state[key]
        if value is not None:
            trial.try_one(run, columns, column, float(expit(value) if key == "t_logit" else value))

    def control(kind: Callable[..., float], key: str, value: float, label: str, **looks: Any) -> None:
        # The value is written before the control is drawn: the thresholds are the truth, the controls show them.
        # Only where it differs: writing what is there already would overtake a control that moves on meanwhile.
        if st.session_state.get(key) != value:
            st.session_state[key] = value
        kind(label, key=key, on_change=moved, args=(key,), **looks)

    slider, probability, as_logit = st.columns([4, 1, 1], vertical_alignment="bottom")
    control(slider.slider, "t_slider", threshold, "Threshold", step=0.001, format="%.3f", **UNIT)
    control(probability.number_input, "t_probability", threshold, "as probability", step=0.01, format="%.4f", **UNIT)
    as_a_logit = round(float(np.clip(logit(threshold), -LOGIT_LIMIT, LOGIT_LIMIT)), 9)
    control(as_logit.number_input, "t_logit", as_a_logit, "as logit", step=0.1, format="%.3f")
