"""Questions below the panels: the demonstration answers some on this page; a preset opens on the Compare page."""

from __future__ import annotations

import streamlit as st

from core.experiment.presets import DEMONSTRATED, PRESETS, QUESTIONS
from pages.components.preset_strip import preset_strip
from pages.shared import choices, dom, services, session, state, thresholds
from pages.workbench import panels, recipe, shown

COMPARE = "compare/compare.py"


def show() -> None:
    """A strip of all questions; the preset that is pressed begins to train."""
    if (name := preset_strip(QUESTIONS, key="gallery", on_choose=_demonstrate)) in PRESETS:
        experiment = PRESETS[name].experiment
        choices.open_with(experiment)
        state.COMPLAINTS.set(())
        session.start(experiment)
        st.switch_page(COMPARE)


def _demonstrate(name: str) -> None:
    """Show the run of the demonstration that answers a question, at the default threshold and before the other run."""
    if name not in DEMONSTRATED:
        return
    question, job = DEMONSTRATED[name], services.demonstration()
    names = [variant.name for variant in job.experiment.variants]
    run = job.runs[names.index(question.shown)]
    recipe.take(run.config)
    shown.demonstrate(run)
    thresholds.reset(run)
    state.COMPLAINTS.set(())
    if question.panel:
        panels.open_panel(question.panel)
    else:
        dom.bring_into_sight(dom.RECIPE)
