"""The link of the Workbench: recipe, run, thresholds, payoffs. Whatever is as on a first visit is left out."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.experiment import links
from pages.shared import payoffs, services, thresholds
from pages.workbench import recipe, shown


def write(source: ScoreSource) -> None:
    """Put the recipe, the run, its thresholds and the payoffs into the URL."""
    landing = services.demonstration().runs[-1]
    now = recipe.config()
    query = {} if now == landing.config else links.to_query(now) | {"dataset": now.dataset}
    if source.task != "regression" and source.parts:
        query |= thresholds.as_link(source) | payoffs.as_link()
    job = shown.job_of(source)
    if job and job.id != landing.job:
        query["run"] = job.id
        if source.id != job.runs[0].id or len(job.runs) > 1:
            query["shown"] = source.id
    elif job and source.id != landing.id:
        query["shown"] = source.id
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)
