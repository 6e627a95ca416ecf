"""The link of the Workbench: recipe, run, thresholds. Whatever is as on a first visit is left out."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.experiment import links
from core.training.runs import Run
from pages.shared import services, thresholds
from pages.workbench import recipe


def write(source: ScoreSource) -> None:
    """Put the recipe, the run and its thresholds into the URL."""
    landing = services.demonstration().runs[-1]
    now = recipe.config()
    query = {} if now == landing.config else links.to_query(now) | {"dataset": now.dataset}
    if source.task != "regression" and source.parts:
        query |= thresholds.as_link(source)
    if isinstance(source, Run) and source.job != landing.job:
        query["run"] = source.job
        if len(services.runner().job(source.job).runs) > 1:
            query["shown"] = source.id
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)
