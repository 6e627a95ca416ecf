"""One class (one-vs-rest) or label: its threshold, and every number and curve that depends on it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.evaluation.scores import Scores
from core.evaluation.source import Key, ScoreSource
from core.plots.explorer import Held, held
from core.plots.style import Scale
from pages.components.threshold_explorer import Act, threshold_explorer
from pages.shared import controls, state, thresholds
from pages.workbench.panels import rows

SEGMENTS = 12  # columns that are chosen from a row; more are chosen from a list
HINT = "Drag the line, click a curve or type. Arrow keys step through scores. Hatched: misclassified. Dashed: saved."


def choose_column(scores: Scores) -> int:
    """The class (one-vs-rest) or label whose threshold is moved; 0 for two classes."""
    if scores.n_columns == 1:
        return 0
    label = "Label" if scores.task == "multilabel" else "Class (one-vs-rest)"
    names = dict(enumerate(scores.column_names))
    if state.COLUMN.setdefault() not in names:  # the last run may have had more of them
        state.COLUMN.set(0)
    looks: dict[str, Any] = {"format_func": names.__getitem__, "key": state.COLUMN.name, "persist_state": "session"}
    if scores.n_columns > SEGMENTS:
        return int(st.selectbox(label, list(names), **looks))
    chosen: int = st.segmented_control(label, list(names), required=True, **looks)
    return chosen


def show(source: ScoreSource, part: str, column: int, band: tuple[float, float] | None = None) -> None:
    """The threshold of one column, with its numbers and curves; `band` (low, high) its interval if it was tuned."""
    scores = source.scores(part)
    view = scores.view(column)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(HINT, width="content")
        scale = controls.score_scale() if controls.are_probabilities(source) else controls.scale_of(source)
    index, sent = source.index(part, column), _held((source.id, source.version), part, column, scale, source)
    current, saved = thresholds.current(source)[column], thresholds.saved(source)

    def on_act(act: Act, value: float | str) -> None:
        if act == "undo":
            thresholds.undo(source)
        elif act == "share":
            thresholds.use_share(source, column, index, float(value), part)
        elif act == "type":
            thresholds.move(source, column, value, "typed", part)
        else:
            thresholds.move(source, column, value, "dragged", part)
        if act == "save":
            thresholds.save(source)

    threshold_explorer(
        sent,
        index,
        current,
        saved[column] if saved else None,
        on_act,
        of=f"{source.id} {source.version} {part} {column}",
        label=view.label,
        rest=view.rest,
        key="explorer",
        can_undo=thresholds.can_undo(source),
        band=band,
        on_rows=lambda outcome: rows.ask(source, outcome),
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _held(of: Key, part: str, column: int, scale: Scale, _source: ScoreSource) -> Held:
    """What the browser gets of a column."""
    return held(_source.index(part, column), scale)
