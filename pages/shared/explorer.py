"""One class or label against the rest: its threshold, and every number and curve that moves with it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.evaluation import ScoreIndex
from core.evaluation.scores import Scores
from core.plots.explorer import Held, held, top_share
from core.plots.style import Scale
from core.training.runs import Run
from pages.components.threshold_explorer import Act, threshold_explorer
from pages.shared import controls, rows, trial

SEGMENTS = 12  # columns that are chosen from a row; more are chosen from a list
HINT = "Drag the line, click a curve or type. Arrow keys go from score to score. Hatched is wrong, dashed is adopted."


def choose_column(scores: Scores) -> int:
    """The class whose threshold is moved, one against the rest, or the label; 0 for two classes."""
    if scores.n_columns == 1:
        return 0
    label = "Label" if scores.task == "multilabel" else "Class, against the rest"
    names = dict(enumerate(scores.column_names))
    if st.session_state.get("column") not in names:  # the last run may have had more of them
        st.session_state.column = 0
    looks: dict[str, Any] = {"format_func": names.__getitem__, "key": "column", "persist_state": "session"}
    if scores.n_columns > SEGMENTS:
        return int(st.selectbox(label, list(names), **looks))
    chosen: int = st.segmented_control(label, list(names), required=True, **looks)
    return chosen


def show(run: Run, part: str, column: int, band: tuple[float, float] | None = None) -> None:
    """The threshold of one column, with its numbers and curves; `band` (low, high) its interval if it was tuned."""
    scores = run.scores(part)
    view, columns = scores.view(column), scores.n_columns
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(HINT, width="content")
        scale: Scale = controls.score_scale() if scores.are_probabilities else "probability"
    index, sent = _prepared((run.id, run.epoch), part, column, scale, run)

    def on_act(act: Act, value: float) -> None:
        if act == "undo":
            trial.undo(run, columns)
            return
        trial.try_one(run, columns, column, top_share(index, value) if act == "share" else value)
        if act == "adopt":
            trial.adopt(run, columns)

    threshold_explorer(
        sent,
        index,
        trial.on_trial(run, columns)[column],
        trial.adopted(run, columns)[column],
        on_act,
        of=f"{run.id} {run.epoch} {part} {column}",
        label=view.label,
        rest=view.rest,
        key="explorer",
        can_undo=trial.can_undo(run, columns),
        band=band,
        on_rows=lambda outcome: rows.ask(run, outcome),
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _prepared(of: tuple[str, int], part: str, column: int, scale: Scale, _run: Run) -> tuple[ScoreIndex, Held]:
    """The index of a column, and what the browser gets of it."""
    view = _run.scores(part).view(column)
    index = ScoreIndex.of(view.y, view.score)
    return index, held(index, scale)
