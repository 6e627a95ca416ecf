"""The controls of training, which are those of a player: start, pause, step, resume, stop, reset, and a pace."""

from __future__ import annotations

import streamlit as st

from core.config import Experiment
from core.errors import CutoffError
from core.jobs import Job
from pages.shared import session
from pages.shared.services import runner

PACES: dict[str, float | None] = {"as fast as can be": None, "20 epochs a second": 20.0, "5 epochs a second": 5.0,
                                  "1 epoch a second": 1.0}  # fmt: skip


def show(job: Job | None, experiment: Experiment | None) -> None:
    """A row of buttons; those that would do nothing now can't be pressed."""
    live = job is not None and not job.ended
    name = job.id if job else ""
    with st.container(key="actions", horizontal=True, vertical_alignment="center"):
        if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=experiment is None) and experiment:
            start(experiment)  # not in a callback, which would know the choices of the script run before
            st.rerun()
        if job and live and job.status == "paused":
            st.button("Resume", icon=":material/resume:", on_click=runner().resume, args=(name,))
        elif job and live:
            st.button(
                "Pause", icon=":material/pause:", on_click=runner().pause, args=(name,), disabled=job.status == "queued"
            )
        if live and job:
            st.button(
                "Step",
                icon=":material/skip_next:",
                on_click=runner().step,
                args=(name,),
                disabled=job.status == "queued",
                help="One epoch, then pause.",
            )
        st.button("Stop", icon=":material/stop:", disabled=not live, on_click=runner().cancel, args=(name,))
        if job and not live:
            st.button(
                "Reset", icon=":material/restart_alt:", on_click=session.look_at, args=(None,),
                help="Put this experiment aside and begin anew. The choices stay.",
            )  # fmt: skip
        if job and any(run.outputs for run in job.runs):
            onward = "See the residuals" if job.runs[0].task == "regression" else "Move the threshold"
            st.page_link("thresholds.py", label=onward, icon=":material/arrow_forward:")
        if live:
            _choose_pace(name)


def start(experiment: Experiment) -> None:
    """Train these choices; what this session started before and still trains is stopped."""
    st.session_state.complaints = []
    runner().cancel(st.session_state.get("started", ""))
    try:
        st.session_state.started = runner().submit(experiment)
    except CutoffError as error:
        session.complain(str(error))
        return
    session.look_at(st.session_state.started)
    runner().set_pace(st.session_state.started, PACES[st.session_state.get("pace", next(iter(PACES)))])


def _choose_pace(name: str) -> None:
    pace = st.selectbox(
        "Pace", list(PACES), key="pace", label_visibility="collapsed", persist_state="session", width=190
    )
    runner().set_pace(name, PACES[pace])
