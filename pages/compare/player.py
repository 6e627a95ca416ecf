"""The controls of training, which are those of a player: start, pause, step, resume, stop, reset, and a pace."""

from __future__ import annotations

import streamlit as st

from core.experiment.config import Experiment
from core.training.runs import Job
from pages.components.announcement import announcement
from pages.shared import dom, session, state, text
from pages.shared.services import runner

PACES: dict[str, float | None] = {"maximum speed": None, "20 epochs per second": 20.0, "5 epochs per second": 5.0,
                                  "1 epoch per second": 1.0}  # fmt: skip


def show(job: Job | None, experiment: Experiment | None) -> None:
    """A row of buttons; those without an effect at the moment are disabled.

    A button keeps its key while its label changes, so the browser keeps the focus on it. Actions that must not happen
    twice are not callbacks: a browser that sends a fragment's tick at the same time reports the click in both messages,
    and a callback would run for both. Only the second runs this script.
    """
    live = job is not None and not job.ended
    name = job.id if job else ""
    with st.container(key=dom.ACTIONS, horizontal=True, vertical_alignment="center"):
        if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=experiment is None) and experiment:
            start(experiment)  # not in a callback, which would know the choices of the script run before
            st.rerun()
        if job and live:
            queued, paused = job.status == "queued", job.status == "paused"
            label, icon = ("Resume", ":material/resume:") if paused else ("Pause", ":material/pause:")
            if st.button(label, key="pause", icon=icon, disabled=queued):
                (runner().resume if paused else runner().pause)(name)
                st.rerun()
            if st.button("Step", icon=":material/skip_next:", disabled=queued, help="One epoch, then pause."):
                runner().step(name)
                st.rerun()
        else:  # what follows keeps its place, so that nothing is seen twice while the row is drawn anew
            st.empty()
            st.empty()
        st.button("Stop", icon=":material/stop:", disabled=not live, on_click=runner().cancel, args=(name,))
        if job:
            st.button(
                "Reset",
                icon=":material/restart_alt:",
                on_click=_reset,
                args=(name,),
                help=f"{'Stop and clear' if live else 'Clear'} this experiment. The settings are kept.",
            )
        if job and any(run.outputs for run in job.runs):
            st.page_link("workbench/workbench.py", label="Open in the Workbench", icon=":material/arrow_forward:")
        if job and live:
            _choose_pace(job)
        announcement(text.of_status(job) if job else "", key="status")


def start(experiment: Experiment) -> None:
    """Train these choices at the pace that is chosen."""
    state.COMPLAINTS.set(())
    if name := session.start(experiment):
        runner().set_pace(name, PACES[state.PACE.get()])


def _reset(name: str) -> None:
    runner().cancel(name)
    session.look_at(None)


def _choose_pace(job: Job) -> None:
    """The pace of the job, which whoever looks at it may change."""
    state.PACE.set(next(label for label, pace in PACES.items() if pace == job.pace))
    st.selectbox(
        "Pace",
        list(PACES),
        key=state.PACE.name,
        on_change=_set_pace,
        args=(job.id,),
        label_visibility="collapsed",
        persist_state="session",
        width=190,
    )


def _set_pace(name: str) -> None:
    runner().set_pace(name, PACES[state.PACE.get()])
