"""Thresholds: choose a run and a split, move the threshold, and see every number that depends on it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.export import predictions_csv, scores_csv
from core.jobs import Run
from pages.shared import choices, compare, explorer, rows, session, text, together, tune, values
from pages.shared.services import runner

# What else can be done with the threshold of a class or label: each shows a run, "validation" or "test" rows, a column.
PANELS: dict[str, Callable[[Run, str, int], None]] = {
    "Tune": tune.show,
    "Rows": rows.show,
    "Compare": compare.show,
}


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


@st.fragment(run_every=2)
def still_training(run: Run) -> None:
    """The page keeps the scores of one epoch; this says how far the run has come, which also keeps it going."""
    now = next(other for other in runner().job(run.job).runs if other.id == run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Shown is epoch {run.epoch}; the run is {now.status} at epoch {now.epoch}.", width="content")
        if st.button("Show the newest", icon=":material/refresh:"):
            st.rerun()


@st.fragment
@runner().giving_way()
def explore(run: Run, part: str) -> None:
    """Everything that moves with the thresholds; only this reruns when one does."""
    column = explorer.choose_column(run.scores(part))
    explorer.show(run, part, column)
    together.show(run, part)
    for tab, panel in zip(st.tabs(list(PANELS), key="panel", on_change="rerun"), PANELS.values(), strict=True):
        if tab.open:  # the others compute nothing
            with tab:
                panel(run, part, column)


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
