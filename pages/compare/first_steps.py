"""What the Compare page shows before anything is trained: experiments to open."""

from __future__ import annotations

import streamlit as st

from core.experiment.config import Experiment
from core.experiment.presets import PRESETS, Preset
from pages.compare import player
from pages.components.preset_strip import preset_strip
from pages.shared import choices


def show() -> None:
    """What the page is for, and every preset as a card."""
    st.markdown("Train variants side by side.")
    preset_strip(PRESETS, key="presets", on_choose=_open)


def _open(name: str) -> None:
    """Make a preset the choices and start it."""
    choices.open_with(PRESETS[name].experiment)
    player.start(PRESETS[name].experiment)


def preset_of(experiment: Experiment) -> Preset | None:
    """The preset that an experiment is; None for any other."""
    return next((preset for preset in PRESETS.values() if preset.experiment == experiment), None)
