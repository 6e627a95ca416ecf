"""Thresholds: choose a run and a split, move the threshold, and see every number that depends on it."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.export import predictions_csv
from core.training.runs import Job, Run
from pages.shared import choices, regression, session, state, text, thresholds
from pages.shared.services import runner
from pages.workbench import classes, explorer, labels, panels
from pages.workbench.panels import tune


def choose_source() -> ScoreSource | None:
    """The source to look at, among those with scores: a run of the current job, until another is chosen."""
    job = session.current_job()
    runs: dict[str, ScoreSource] = {run.id: run for job in session.jobs() for run in job.runs if run.outputs}
    sources = runs | {source.id: source for source in session.sources()}
    if not sources:
        return None
    own = [run.id for run in (job.runs if job else ()) if run.id in sources] or list(sources)
    if state.SHOWN_RUN.get() not in own:
        linked = state.LINKED.of("shown").pop()
        state.SHOWN_RUN.set(linked if linked in own else own[0])
    names = {name: f"{len(sources) - at}. {one.about.label}" for at, (name, one) in enumerate(sources.items())}
    chosen = st.selectbox(
        "Run",
        list(sources),
        format_func=names.__getitem__,
        key=state.SHOWN_RUN.name,
        on_change=lambda: session.look_at(_job_of(sources[state.SHOWN_RUN.get()])),
        persist_state="session",
        label_visibility="collapsed",
    )
    return sources[str(chosen)]


def _job_of(source: ScoreSource) -> str | None:
    return source.job if isinstance(source, Run) else None


def write_link(source: ScoreSource) -> None:
    """Put the run and its thresholds into the URL; other sources have no link."""
    if not isinstance(source, Run):
        session.write_link()
        return
    # A link opens the first run of a job by itself.
    shown = {} if source.id == f"{source.job}-0" else {"shown": source.id}
    session.write_link(more=shown | thresholds.as_link(source))


@st.fragment(run_every=2)
def still_training(run: Run) -> None:
    """The page keeps the scores of one epoch; this shows the run's progress, which also keeps it training."""
    now = next(other for other in runner().job(run.job).runs if other.id == run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Scores of epoch {run.epoch}; the run is {now.status} at epoch {now.epoch}.", width="content")
        if st.button("Show the latest epoch", icon=":material/refresh:"):
            st.rerun()


@st.fragment
def explore(source: ScoreSource, part: str) -> None:
    """Everything that moves with the thresholds; only this reruns when one does."""
    write_link(source)
    column = explorer.choose_column(source.scores(part))
    explorer.show(source, part, column, tune.band(source, column))
    if source.task == "multiclass":
        classes.show(source, part, column)
    if source.task == "multilabel":
        labels.show(source, part, column)
    panels.show(source, part, column)


def show_nothing(job: Job | None) -> None:
    """Why there are no scores: nothing is trained, or what was has ended without any."""
    errors = dict.fromkeys(run.error for run in job.runs if run.error) if job else {}
    for error in errors:
        st.error(text.plain(error))
    if not errors:
        st.markdown("Nothing is trained yet. Train a model to see its scores here.")


def show_values(source: ScoreSource, part: str) -> None:
    """A regression: there is no threshold to move."""
    st.markdown("A regression has no decision threshold. These are the errors of its predictions.")
    regression.show_errors(source, part)
    st.download_button(
        "Predictions as CSV",
        predictions_csv(*source.predictions(part), source.rows(part)),
        f"predictions-{source.id}-{part}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    left, right = st.columns(2)
    with left.container(border=True):
        regression.show_predictions(source, part)
    with right.container(border=True):
        regression.show_residuals(source, part)


choices.open_link()
name, choice = st.columns([1, 2], vertical_alignment="bottom")
name.title("Thresholds")
with choice:
    source = choose_source()
if source and source.task != "regression":
    thresholds.take_linked(source)
session.show_complaints()
if source is None or source.task == "regression":
    session.write_link()
if source is None:
    show_nothing(session.current_job())
    st.page_link("train/page.py", label="Train a model", icon=":material/arrow_back:")
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        part = st.segmented_control(
            "Split",
            source.parts,
            key=state.PART.name,
            default=source.parts[0],
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        st.caption(text.of_parts(source), width="content")
    if source.config and (theory := text.of_theory(source.config)):
        st.caption(theory)
    if isinstance(source, Run):
        if not source.ended:
            still_training(source)
        if source.error:
            st.error(text.plain(source.error))
    if source.task == "regression":
        show_values(source, part)
    else:
        explore(source, part)
