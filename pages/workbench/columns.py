"""The class or label whose threshold is moved."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.evaluation.scores import Scores
from pages.shared import state

SEGMENTS = 12  # columns that are chosen from a row; more are chosen from a list


def choose(scores: Scores) -> int:
    """The class whose threshold is moved, one against the rest, or the label; 0 for two classes."""
    if scores.n_columns == 1:
        return 0
    label = "Label" if scores.task == "multilabel" else "Class (one-vs-rest)"
    names = dict(enumerate(scores.column_names))
    if state.COLUMN.setdefault() not in names:  # the last run may have had more of them
        state.COLUMN.set(0)
    looks: dict[str, Any] = {
        "format_func": names.__getitem__,
        "key": state.COLUMN.name,
        "persist_state": "session",
        "label_visibility": "collapsed",
    }
    if scores.n_columns > SEGMENTS:
        return int(st.selectbox(label, list(names), **looks))
    chosen: int = st.segmented_control(label, list(names), required=True, **looks)
    return chosen
