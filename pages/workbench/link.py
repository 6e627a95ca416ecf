"""The link of the Workbench: recipe, run, thresholds, decision rule, payoffs; without what is as on a first visit."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.experiment import links
from pages.shared import choices, payoffs, services, state, thresholds
from pages.workbench import predictions, recipe, shown
from pages.workbench.panels import decision_rule


def follow() -> None:
    """Go back, or forward, to what the URL says."""
    state.JOB.set(st.query_params.get("run"))
    state.SHOWN.set("")
    state.COMPLAINTS.set(())
    linked = links.from_query(st.query_params)[0] if choices.are_linked() else services.demonstration().runs[-1].config
    recipe.take(linked)
    state.RECIPE_OF.pop()
    recipe.train_if_gone()
    thresholds.open_link()
    payoffs.open_link()
    shown.open_link()
    source = shown.source()
    if not {"current", "saved"} & set(st.query_params):
        thresholds.restart(source)
    if "decide" not in st.query_params:
        decision_rule.forget(source)


def take(source: ScoreSource) -> None:
    """Take over the thresholds and the decision rule of the URL, once the scores that they are for are shown."""
    if not shown.is_awaited():
        thresholds.take_linked(source)
        decision_rule.take_linked(source)


def write(source: ScoreSource) -> None:
    """Put the recipe, the run, its thresholds, its decision rule and the payoffs into the URL."""
    landing = services.demonstration().runs[-1]
    now = recipe.config()
    upload = predictions.of(source)
    recipe_is_shown = not upload and now != landing.config
    query = links.to_query(now) | {"dataset": now.dataset} if recipe_is_shown else {}
    if upload:
        query["predictions"] = upload.id
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
