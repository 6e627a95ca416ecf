"""The link of the Workbench: recipe, run, thresholds, decision rule, payoffs; without what is as on a first visit."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.experiment import links
from pages.shared import payoffs, services, thresholds
from pages.workbench import recipe, shown
from pages.workbench.panels import decision_rule


def write(source: ScoreSource) -> None:
    """Put the recipe, the run, its thresholds, its decision rule and the payoffs into the URL."""
    landing = services.demonstration().runs[-1]
    now = recipe.config()
    query = {} if now == landing.config else links.to_query(now) | {"dataset": now.dataset}
    if source.task != "regression" and source.parts:
        query |= thresholds.as_link(source) | payoffs.as_link()
    if source.task == "multiclass" and source.parts:
        query |= decision_rule.as_link(source)
    job = shown.job_of(source)
    if job and job.id != landing.job:
        query["run"] = job.id
        if source.id != job.runs[0].id or len(job.runs) > 1:
            query["shown"] = source.id
    elif job and source.id != landing.id:
        query["shown"] = source.id
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)
