"""The presets as a strip of small charts of their own scores; each opens on the Compare page."""

from __future__ import annotations

import streamlit as st

from core.experiment.presets import PRESETS
from core.plots.miniature import preset_miniature
from pages.shared import choices, session, state

COMPARE = "compare/compare.py"
COLOURS = ("blueColor", "orangeColor", "textColor")


def _miniature(name: str) -> str:
    """The chart of a preset in the colours of the theme; an image knows none of them by itself."""
    theme = st.context.theme.type or "light"
    positive, negative, text = (st.get_option(f"theme.{theme}.{colour}") for colour in COLOURS)
    return preset_miniature(name, positive, negative).replace("currentColor", text)


def show() -> None:
    """A chart and a question for every preset."""
    with st.container(key="gallery"):
        st.markdown("**Questions to try**")
        grid = st.grid(min_column_width=210)
        for name, preset in PRESETS.items():
            with grid.container(border=True, height="stretch", gap="small"):
                alt = f"Validation scores by class of one of its models: {preset.label}"
                st.image(_miniature(name), width="stretch", alt=alt)
                if st.button(preset.question, key=f"gallery.{name}", type="tertiary"):
                    choices.open_with(preset.experiment)
                    state.COMPLAINTS.set(())
                    session.start(preset.experiment)
                    st.switch_page(COMPARE)
