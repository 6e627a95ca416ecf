"""Compare: choose data, model, heads and losses, press Start, and watch the losses and the scores move."""

from __future__ import annotations

import streamlit as st

from core.errors import CutoffError
from pages.compare import first_steps, form, one_run, player, race
from pages.shared import choices, dom, files, own_table, session, state, text
from pages.shared.services import devices

TICK_SECONDS, RACE_TICK_SECONDS = 0.4, 1.0  # a browser takes its time to draw many variants


def show(job_id: str) -> None:
    """The job as it is now; once it has ended the whole script runs again, which takes the timer away."""
    try:
        job = session.find_job(job_id)
    except CutoffError:  # forgotten meanwhile: the whole script says so
        st.rerun()
    watched, status = state.WATCHED.get()
    if watched == job_id and status != job.status:
        state.WATCHED.set((job_id, job.status))
        st.rerun()
    st.progress(job.progress, text=text.of_progress(job, len(devices()) > 1))
    if len(job.runs) == 1:
        one_run.show(job.runs[0], chosen)
    else:
        race.show(job)


opened = choices.open_link()
job = session.current_job()
if job and not opened and state.WATCHED.get()[0] != job.id and len(choices.variants()) == 1:
    choices.open_with(job.experiment)  # of a run that another page has trained
with st.container(key=dom.BESIDE, horizontal=True, gap="medium"):
    settings, results = st.container(key=dom.SETTINGS), st.container()
results.title("Compare")  # which keeps its place from the first frame on
with settings:
    experiment, problem = form.edit()
own_table.show_dialog(state.DATASET.set)
files.receive()
chosen = experiment.variants[state.EDITED.get()].config if experiment else None
if experiment:
    session.write_link(experiment)

with results:
    if shown := job.experiment if job else experiment:
        st.caption(text.plain(text.of_experiment(shown)))
    if job and experiment and job.experiment != experiment:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Settings changed: results are from the previous run.", width="content")
            st.button(
                "Undo",
                key="settings.back",
                type="tertiary",
                icon=":material/undo:",
                on_click=choices.open_with,
                args=(job.experiment,),
                help="Takes the settings of the run that is shown.",
            )
    if job and job.experiment == experiment and (preset := first_steps.preset_of(job.experiment)):
        st.subheader(preset.question, anchor=False)
        st.info(preset.look_for, icon=":material/visibility:")
    session.show_complaints()
    player.show(job, experiment)

    if problem:
        st.error(text.plain(problem))
    if job is None:
        first_steps.show()
    else:
        state.WATCHED.set((job.id, job.status))
        tick = TICK_SECONDS if len(job.runs) == 1 else RACE_TICK_SECONDS
        st.fragment(show, run_every=None if job.ended else tick)(job.id)
