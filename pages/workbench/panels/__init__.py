"""The panels below the explorer: what else can be done with the threshold of a class or label."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.evaluation.source import ScoreSource
from pages.shared import state
from pages.workbench.panels import calibration, compare, export, prevalence, rows, tune, value

# Each is drawn for a source, the part of it that is shown and a score column.
PANELS: dict[str, Callable[[ScoreSource, str, int], None]] = {
    "Tune": tune.show,
    "Costs": value.show,
    "Prevalence": prevalence.show,
    "Calibration": calibration.show,
    "Rows": rows.show,
    "Compare": compare.show,
    "Export": export.show,
}


def show(source: ScoreSource, part: str, column: int) -> None:
    """A tab for each panel, the open one drawn."""
    for tab, panel in zip(st.tabs(list(PANELS), key=state.PANEL.name, on_change="rerun"), PANELS.values(), strict=True):
        if tab.open:  # the others compute nothing
            with tab:
                panel(source, part, column)
