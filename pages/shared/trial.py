"""The thresholds of a run, as this session has them: those on trial, which every number follows, and those adopted,
which the numbers are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CutoffError
from core.evaluation.source import ScoreSource
from core.experiment import links
from pages.shared import session

DEFAULT = 0.5
KEPT = 200  # steps that can be undone


def open_link() -> None:
    """Keep which run of its job the URL names, and the thresholds that it holds, until the Thresholds page is drawn."""
    for name in ("shown", "threshold"):
        if given := st.query_params.get(name):
            st.session_state[f"linked.{name}"] = given


def take_linked(source: ScoreSource, columns: int) -> None:
    """Adopt the thresholds (C,) of the link that opened this session, once; a sentence is kept if that fails."""
    text = st.session_state.pop("linked.threshold", None)
    if text is None:
        return
    try:
        thresholds = links.read_thresholds(text, columns)
    except CutoffError as error:
        session.complain(str(error))
        return
    _step(source, thresholds, thresholds)


def as_link(source: ScoreSource, columns: int) -> dict[str, str]:
    """The adopted thresholds as a URL parameter; nothing while they are those of the beginning."""
    thresholds = adopted(source, columns)
    return {} if set(thresholds) == {DEFAULT} else {"threshold": links.thresholds_to_text(thresholds)}


def on_trial(source: ScoreSource, columns: int) -> list[float]:
    """The thresholds (C,) that are being tried; .5 to begin with."""
    return list(_steps(source.id, columns)[-1][0])


def adopted(source: ScoreSource, columns: int) -> list[float]:
    """The thresholds (C,) adopted last; .5 to begin with."""
    return list(_steps(source.id, columns)[-1][1])


def try_out(source: ScoreSource, thresholds: Sequence[float]) -> None:
    """Put these thresholds (C,) on trial."""
    _step(source, list(thresholds), adopted(source, len(thresholds)))


def try_one(source: ScoreSource, columns: int, column: int, threshold: float) -> None:
    """Put one column's threshold on trial, and leave the others."""
    now = on_trial(source, columns)
    try_out(source, [*now[:column], float(threshold), *now[column + 1 :]])


def adopt(source: ScoreSource, columns: int) -> None:
    """Make the thresholds on trial the adopted ones."""
    now = on_trial(source, columns)
    _step(source, now, now)


def undo(source: ScoreSource, columns: int) -> None:
    """Take the last step back, whether it tried thresholds or adopted them."""
    steps = _steps(source.id, columns)
    if len(steps) > 1:
        steps.pop()


def can_undo(source: ScoreSource, columns: int) -> bool:
    return len(_steps(source.id, columns)) > 1


def _steps(run_id: str, columns: int) -> list[tuple[list[float], list[float]]]:
    """What was on trial and what was adopted after each step, the newest last."""
    first = [DEFAULT] * columns
    return st.session_state.setdefault(f"thresholds.{run_id}", [(first, first)])


def _step(source: ScoreSource, trial: list[float], adopted: list[float]) -> None:
    steps = _steps(source.id, len(trial))
    if steps[-1] != (trial, adopted):
        steps.append((trial, adopted))
        del steps[:-KEPT]
