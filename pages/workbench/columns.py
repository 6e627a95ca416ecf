"""Whether all classes or labels are shown or one of them, and which one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.evaluation.scores import Scores
from pages.shared import state

SEGMENTS = 12  # columns that are chosen from a row; more are chosen from a list


def show(scores: Scores) -> int:
    """The column that the picture shows alone, or that the panels are about where it shows all of them; 0 for two
    classes. Of one of several, draws the choice of another one and the way back to all of them."""
    if state.COLUMN.setdefault() not in range(scores.n_columns):  # the last run may have had more of them
        state.COLUMN.set(0)
    if scores.n_columns > 1 and state.ALONE.get():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label = "All labels" if scores.task == "multilabel" else "All classes"
            icon = ":material/arrow_back:"
            st.button(label, key="columns.all", icon=icon, on_click=state.ALONE.set, args=(False,))
            choose(scores)
    return state.COLUMN.get()


def are_all_shown(scores: Scores) -> bool:
    """Whether all classes or labels are shown as a table."""
    return scores.n_columns > 1 and not state.ALONE.get()


def choose(scores: Scores) -> None:
    """A choice of the class or label that is shown alone, or that the panels are about."""
    label = "Label" if scores.task == "multilabel" else "Class (one-vs-rest)"
    names = dict(enumerate(scores.column_names))
    looks: dict[str, Any] = {
        "format_func": names.__getitem__,
        "key": state.COLUMN.name,
        "persist_state": "session",
        "label_visibility": "collapsed",
    }
    if scores.n_columns > SEGMENTS:
        st.selectbox(label, list(names), **looks)
    else:
        st.segmented_control(label, list(names), required=True, **looks)
