"""Thresholds: choose a run and a split, move the threshold, and see every number that depends on it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.export import predictions_csv
from core.training.runs import Job, Run
from pages.shared import (
    calibrate,
    choices,
    compare,
    costs,
    explorer,
    export,
    prevalence,
    rows,
    session,
    text,
    together,
    trial,
    tune,
    values,
)
from pages.shared.services import runner

# What else can be done with the threshold of a class or label: each shows a run, "validation" or "test" rows, a column.
PANELS: dict[str, Callable[[Run, str, int], None]] = {
    "Tune": tune.show,
    "Costs": costs.show,
    "Prevalence": prevalence.show,
    "Calibration": calibrate.show,
    "Rows": rows.show,
    "Compare": compare.show,
    "Export": export.show,
}

SPLITS = "Neither was trained on: choose the threshold on validation rows; test rows say what it is worth."


def choose_run() -> Run | None:
    """The run to look at, among those with scores: one of the current job's, until another is chosen."""
    job = session.current_job()
    runs = {run.id: run for job in session.jobs() for run in job.runs if run.outputs}
    if not runs:
        return None
    own = [name for name, run in runs.items() if job and run.job == job.id] or list(runs)
    if st.session_state.get("shown_run") not in own:
        linked = st.session_state.pop("linked.shown", None)
        st.session_state.shown_run = linked if linked in own else own[0]
    names = {name: f"{len(runs) - at}. {run.about.label}" for at, (name, run) in enumerate(runs.items())}
    chosen = st.selectbox(
        "Run",
        list(runs),
        format_func=names.__getitem__,
        key="shown_run",
        on_change=lambda: session.look_at(runs[st.session_state.shown_run].job),
        persist_state="session",
        label_visibility="collapsed",
    )
    return runs[str(chosen)]


def write_link(run: Run) -> None:
    """Put the run and the thresholds adopted for it into the URL."""
    shown = {} if run.id == f"{run.job}-0" else {"shown": run.id}  # a link opens the first run of a job by itself
    session.write_link(more=shown | trial.as_link(run, run.scores("validation").n_columns))


@st.fragment(run_every=2)
def still_training(run: Run) -> None:
    """The page keeps the scores of one epoch; this says how far the run has come, which also keeps it going."""
    now = next(other for other in runner().job(run.job).runs if other.id == run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Shown is epoch {run.epoch}; the run is {now.status} at epoch {now.epoch}.", width="content")
        if st.button("Show the newest", icon=":material/refresh:"):
            st.rerun()


@st.fragment
def explore(run: Run, part: str) -> None:
    """Everything that moves with the thresholds; only this reruns when one does."""
    write_link(run)
    column = explorer.choose_column(run.scores(part))
    explorer.show(run, part, column, tune.band(run, column))
    together.show(run, part, column)
    for tab, panel in zip(st.tabs(list(PANELS), key="panel", on_change="rerun"), PANELS.values(), strict=True):
        if tab.open:  # the others compute nothing
            with tab:
                panel(run, part, column)


def show_nothing(job: Job | None) -> None:
    """Why there are no scores: nothing is trained, or what was has ended without any."""
    errors = dict.fromkeys(run.error for run in job.runs if run.error) if job else {}
    for error in errors:
        st.error(text.plain(error))
    if not errors:
        st.markdown("Nothing is trained yet. Train a model first; its scores then come here.")


def show_values(run: Run, part: str) -> None:
    """A run that predicts values: there is no threshold to move."""
    st.markdown("This run predicts values, and values have no threshold. Here is how far they are from the true ones.")
    values.show_errors(run, part)
    st.download_button(
        "Predictions as CSV",
        predictions_csv(*run.predictions(part), run.rows(part)),
        f"predictions-{run.id}-{part}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    left, right = st.columns(2)
    with left.container(border=True):
        values.show_predictions(run, part)
    with right.container(border=True):
        values.show_residuals(run, part)


choices.open_link()
name, choice = st.columns([1, 2], vertical_alignment="bottom")
name.title("Thresholds")
with choice:
    run = choose_run()
if run and run.task != "regression":
    trial.take_linked(run, run.scores("validation").n_columns)
session.show_complaints()
if run is None or run.task == "regression":
    session.write_link()
if run is None:
    show_nothing(session.current_job())
    st.page_link("train.py", label="Train a model", icon=":material/arrow_back:")
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        part = st.segmented_control(
            "Split",
            ("validation", "test"),
            key="part",
            default="validation",
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        st.caption(SPLITS, width="content")
    if theory := text.of_theory(run.config):
        st.caption(theory)
    if not run.ended:
        still_training(run)
    if run.error:
        st.error(text.plain(run.error))
    if run.task == "regression":
        show_values(run, part)
    else:
        explore(run, part)
