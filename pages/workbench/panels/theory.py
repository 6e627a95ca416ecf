"""The threshold that theory predicts for the scores of a loss, beside the measured one."""

from __future__ import annotations

import streamlit as st

from core.evaluation.source import ScoreSource
from core.losses import LOSSES
from core.plots.race import Line
from core.plots.style import variant_colour
from core.training.runs import Run
from pages.shared import theory


def fits(source: ScoreSource) -> bool:
    """Whether the loss is known that made the scores."""
    return source.config is not None


def show(source: ScoreSource, part: str, column: int) -> None:
    """Both thresholds of the validation rows, as a picture and as numbers, and the conversion of the scores."""
    if not isinstance(source, Run):
        st.markdown("Theory is about the last epoch of a run; this is an earlier one.")
        return
    line = Line(LOSSES[source.config.loss].label, variant_colour(0, 1))
    theory.show([[source]], [line], 0)
    theory.show_gaps([[source]], [line], 0)
    theory.show_conversion([[source]], [line])
