"""What the Train page shows before anything is trained: three steps, and experiments to open."""

from __future__ import annotations

import streamlit as st

from core.experiment.config import Experiment
from core.experiment.presets import PRESETS
from pages.compare import player
from pages.shared import choices

STEPS = (
    (":material/tune:", "Choose", "Data, head, loss and pos_weight are set in the side panel. Change what you like."),
    (":material/play_arrow:", "Start", "The model trains here. Losses and score histograms move as it learns."),
    (":material/vertical_align_center:", "Move the threshold", "See which rows change sides, and what it costs."),
)


def show() -> None:
    """Three steps in a sentence each, and every preset as a card."""
    st.markdown("See what a loss does to the scores of a model, and where the best threshold then lies.")
    for column, (icon, title, sentence) in zip(st.columns(3), STEPS, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"{icon} **{title}**")
            st.caption(sentence)
    st.header("Or begin with a question", anchor=False)
    grid = st.grid(min_column_width=280)
    for name, preset in PRESETS.items():
        with grid.container(border=True, height="stretch"):
            st.markdown(f"**{preset.question}**")
            count, seeds = len(preset.experiment.variants), len(preset.experiment.seeds)
            st.caption(f"{preset.label}: {count} variants x {seeds} seeds.")
            st.button("Try it", key=f"preset.{name}", icon=":material/play_arrow:", on_click=_open, args=(name,))


def _open(name: str) -> None:
    """Make a preset the choices and start it."""
    choices.open_with(PRESETS[name].experiment)
    player.start(PRESETS[name].experiment)


def look_for(experiment: Experiment) -> str:
    """What to look for in an experiment that is a preset; "" for any other."""
    return next((preset.look_for for preset in PRESETS.values() if preset.experiment == experiment), "")
