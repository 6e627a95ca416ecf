"""The panels below the explorer: what else can be done with the threshold of a class or label."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from core.evaluation.source import ScoreSource
from pages.workbench.panels import calibration, compare, export, prevalence, rows, tune, value

BOTH = ("validation", "test")


class Panel(NamedTuple):
    """`show` draws a source, "validation" or "test" rows, a score column; `needs` are the parts that it reads besides
    those shown."""

    show: Callable[[ScoreSource, str, int], None]
    needs: tuple[str, ...] = ()


PANELS: dict[str, Panel] = {
    "Tune": Panel(tune.show, BOTH),
    "Costs": Panel(value.show, BOTH),
    "Prevalence": Panel(prevalence.show, BOTH),
    "Calibration": Panel(calibration.show, BOTH),
    "Rows": Panel(rows.show),
    "Compare": Panel(compare.show),
    "Export": Panel(export.show, BOTH),
}


def show(source: ScoreSource, part: str, column: int) -> None:
    """A tab for each panel, the open one drawn."""
    for tab, (name, panel) in zip(st.tabs(list(PANELS), key="panel", on_change="rerun"), PANELS.items(), strict=True):
        if tab.open:  # the others compute nothing
            with tab:
                if missing := [needed for needed in panel.needs if needed not in source.parts]:
                    st.markdown(f"{name} needs {' and '.join(missing)} rows, which these scores do not have.")
                else:
                    panel.show(source, part, column)
