"""The panels below the picture: what else can be done with the scores of a class or label, or with predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from core.evaluation.source import ScoreSource
from pages.shared import dom, state
from pages.workbench import columns
from pages.workbench.panels import (
    calibration,
    compare,
    decision_rule,
    export,
    label_rules,
    periods,
    predictions,
    prevalence,
    rows,
    theory,
    tune,
    value,
)


class Panel(NamedTuple):
    """`show` draws a source, the part of it that is shown and a score column; `tasks` are those that it is for,
    `of_column` says whether it is about the column, and `fits` whether a source has what it needs."""

    label: str
    show: Callable[[ScoreSource, str, int], None]
    tasks: tuple[str, ...] = ("binary", "multiclass", "multilabel")
    of_column: bool = True
    fits: Callable[[ScoreSource], bool] = lambda source: True


PANELS: dict[str, Panel] = {
    "classes": Panel("Decision rule", decision_rule.show, ("multiclass",), of_column=False),
    "labels": Panel("Rules for all labels", label_rules.show, ("multilabel",), of_column=False),
    "tune": Panel("Tune", tune.show),
    "value": Panel("Value", value.show),
    "prevalence": Panel("Prevalence", prevalence.show),
    "calibration": Panel("Calibration", calibration.show),
    "rows": Panel("Rows", rows.show, of_column=False),
    "predictions": Panel("Rows", predictions.show, ("regression",), of_column=False),
    "periods": Panel("Periods", periods.show, fits=periods.fits),
    "theory": Panel("Theory", theory.show, ("binary",), fits=theory.fits),
    "compare": Panel("Compare", compare.show),
    "export": Panel("Export", export.show, of_column=False),
}


def open_panel(name: str, calibrate: str = "") -> None:
    """Open the panel of this identifier, in sight, that of calibration with a way to calibrate chosen. To be called in
    a callback."""
    choose(name)
    if calibrate:
        state.CALIBRATION.set(calibrate)
    dom.bring_into_sight(dom.PANELS)


def choose(name: str) -> None:
    """Make the panel of this identifier the open one, where it is. To be called in a callback."""
    state.PANEL.set(PANELS[name].label)


def show(source: ScoreSource, part: str, column: int) -> None:
    """A tab for each panel, the open one drawn; with a choice of the column where all are shown."""
    here = [panel for panel in PANELS.values() if source.task in panel.tasks and panel.fits(source)]
    if state.PANEL.get() not in {panel.label for panel in here}:  # of data of another kind
        state.PANEL.set(here[0].label)
    labels = [panel.label for panel in here]
    with st.container(key=dom.PANELS):
        tabs = st.tabs(labels, key=state.PANEL.name, on_change="rerun")
    for tab, panel in zip(tabs, here, strict=True):
        if tab.open:  # the others compute nothing
            with tab:
                if panel.of_column and columns.are_all_shown(source.scores(part)):
                    columns.choose(source.scores(part))
                panel.show(source, part, column)
    dom.scroll()
