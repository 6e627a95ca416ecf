"""What a session remembers: ids of jobs, the one it looks at, and sentences that wait to be shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.data import dataset_spec
from core.errors import CutoffError
from core.evaluation.source import ScoreSource
from core.experiment import links
from core.experiment.config import Experiment
from core.training.runs import Job
from pages.shared import state, text
from pages.shared.services import runner


def find_job(name: str) -> Job:
    """The job of this id; raises CutoffError if it, or the table that it was trained on, is no longer kept."""
    job = runner().job(name)
    dataset_spec(job.experiment.variants[0].config.dataset)
    return job


def jobs() -> list[Job]:
    """The jobs this session has started or opened that are still kept, the newest first."""
    kept = []
    for name in state.JOBS.get():
        try:
            kept.append(find_job(name))
        except CutoffError:
            continue  # forgotten by the runner; asking for it by link still says so
    return kept


def current_job() -> Job | None:
    """The job in the URL or started last; an id that is not kept any more leaves a sentence for `show_complaints`."""
    if not state.JOB.is_set():
        state.JOB.set(st.query_params.get("run"))
    name = state.JOB.get()
    if name is None:
        return None
    try:
        job = find_job(name)
    except CutoffError as error:
        complain(str(error))
        state.JOB.set(None)
        return None
    known = state.JOBS.get()
    if job.id not in known:
        state.JOBS.set([job.id, *known])
    return job


def sources() -> list[ScoreSource]:
    """The scores that this session holds itself, beside its runs, which the runner keeps."""
    return list(state.SOURCES.get())


def start(experiment: Experiment) -> str | None:
    """Train these choices and look at them, on every page; what this session started before and still trains is
    stopped.

    Returns the id of the job, or None if it is refused, with a sentence kept on why.
    """
    runner().cancel(state.STARTED.get())
    try:
        started = runner().submit(experiment)
    except CutoffError as error:
        complain(str(error))
        return None
    state.STARTED.set(started)
    look_at(started)
    state.SHOWN.set("")
    state.SHOWN_BEFORE.set("")
    return started


def look_at(name: str | None) -> None:
    """Make a job the current one, or none."""
    state.JOB.set(name)


def complain(*sentences: str) -> None:
    """Keep sentences to be shown until something is started."""
    state.COMPLAINTS.set(list(dict.fromkeys([*state.COMPLAINTS.get(), *sentences])))


def show_complaints() -> None:
    """Show the kept sentences, in one box."""
    if sentences := state.COMPLAINTS.get():
        st.warning("\n\n".join(map(text.plain, sentences)), icon=":material/error:")


def write_link(experiment: Experiment | None = None, more: Mapping[str, str] | None = None) -> None:
    """Put the choices, the current job and whatever else a page wants there into the URL."""
    query = (links.experiment_to_query(experiment) if experiment else {}) | dict(more or {})
    if job := state.JOB.get():
        query["run"] = job
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)
