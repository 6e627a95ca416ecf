"""The presets as a strip of small charts of their own scores; each opens on the Compare page."""

from __future__ import annotations

import streamlit as st

from core.experiment.presets import PRESETS
from core.plots.miniature import preset_miniature
from pages.compare import player
from pages.shared import choices

COMPARE = "compare/compare.py"


def show() -> None:
    """A chart and a question for every preset."""
    with st.container(key="gallery"):
        st.markdown("**Questions to try**")
        grid = st.grid(min_column_width=210)
        for name, preset in PRESETS.items():
            with grid.container(border=True, height="stretch", gap="small"):
                st.html(preset_miniature(name, "var(--cutoff-positive)", "var(--cutoff-negative)"))
                if st.button(preset.question, key=f"preset.{name}", type="tertiary"):
                    choices.open_with(preset.experiment)
                    player.start(preset.experiment)
                    st.switch_page(COMPARE)
