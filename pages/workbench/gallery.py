"""The presets below the panels; each opens on the Compare page."""

from __future__ import annotations

import streamlit as st

from core.experiment.presets import PRESETS
from pages.components.preset_strip import preset_strip
from pages.shared import choices, session, state

COMPARE = "compare/compare.py"


def show() -> None:
    """A strip of all presets; the one that is pressed begins to train."""
    if name := preset_strip(key="gallery"):
        experiment = PRESETS[name].experiment
        choices.open_with(experiment)
        state.COMPLAINTS.set(())
        session.start(experiment)
        st.switch_page(COMPARE)
