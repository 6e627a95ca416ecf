"""The thresholds of a source of scores as this session has them, the same on every page.

The current ones, which every number follows, begin at the default; the saved ones, which numbers are compared with,
are none until somebody saves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import streamlit as st

from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex
from core.evaluation.source import Key, ScoreSource, tuned_on
from core.evaluation.threshold import (
    Domain,
    How,
    Provenance,
    Threshold,
    provenances_to_text,
    read_thresholds,
    thresholds_to_text,
)
from core.evaluation.tuning import LABEL_RULES, bind, candidates, rules
from core.experiment.config import RunConfig
from core.experiment.links import OF_RUN
from core.predictions import ALL
from pages.shared import session, state

SHARE = "top_percent"  # the rule of a share of rows
KEPT = 200  # steps that can be undone
LINKED = ("current", "saved")  # each with "<name>_from" in the URL


class Step(NamedTuple):
    """The thresholds (C,) of a source after a step."""

    current: tuple[Threshold, ...]
    saved: tuple[Threshold, ...] | None = None


def open_link() -> None:
    """Keep which run of its job the URL names, and how it decides, until the Workbench is drawn."""
    for name in OF_RUN:
        if given := st.query_params.get(name):
            state.LINKED.of(name).set(given)


def take_linked(source: ScoreSource) -> None:
    """Take over the thresholds of the link that opened this session, once there are scores that they are for; a
    sentence is kept if that fails."""
    if source.task == "regression" or not source.parts:
        return
    given = {name: state.LINKED.of(name).pop() for name in LINKED}
    origins = {name: state.LINKED.of(f"{name}_from").pop() for name in LINKED}
    found: dict[str, tuple[Threshold, ...]] = {}
    for name in LINKED:
        if given[name]:
            try:
                found[name] = read_thresholds(
                    given[name],
                    origins[name],
                    domain(source),
                    columns=len(current(source)),
                    rules=(*rules(), *LABEL_RULES),
                    parts=("validation", "test", ALL),
                )
            except CutoffError as error:
                session.complain(str(error))
    if found:
        stored = found.get("saved")
        _step(source, Step(found.get("current", stored or current(source)), stored))


def as_link(source: ScoreSource) -> dict[str, str]:
    """The current and the saved thresholds as URL parameters; nothing of either while nobody chose it."""
    now = _steps(source)[-1]
    query: dict[str, str] = {}
    if now.current != (now.saved or _steps(source)[0].current):
        query |= {"current": thresholds_to_text(now.current), "current_from": provenances_to_text(now.current)}
    if now.saved:
        query |= {"saved": thresholds_to_text(now.saved), "saved_from": provenances_to_text(now.saved)}
    return query


def domain(source: ScoreSource) -> Domain:
    """What a threshold on these scores can be."""
    return _domain((source.id, source.version), source)


@st.cache_data(max_entries=1024, show_spinner=False)
def _domain(of: Key, _source: ScoreSource) -> Domain:
    return Domain.of(*(_source.scores(part) for part in _source.parts))


def common(ids: Iterable[str]) -> float | None:
    """The number that is the current threshold of every column of these sources of probabilities, by id, .5 where
    nobody chose one and inf above every score; None if they differ."""
    steps = [state.THRESHOLDS.of(source_id).get() for source_id in ids]
    found = {one.number for each in steps if each for one in each[-1].current} | ({0.5} if not all(steps) else set())
    if len(found) != 1:
        return None
    (number,) = found
    return float("inf") if number is None else number


def current(source: ScoreSource) -> tuple[Threshold, ...]:
    """The current thresholds (C,)."""
    return _steps(source)[-1].current


def saved(source: ScoreSource) -> tuple[Threshold, ...] | None:
    """The thresholds (C,) saved last; None while nobody has saved."""
    return _steps(source)[-1].saved


def rule_of(source: ScoreSource) -> str:
    """The rule that found all current thresholds on scores of this source; "" if none did, and for a typed share."""
    one, *others = {threshold.provenance for threshold in current(source)}
    here = not others and not one.earlier and one.rows == tuned_on(source)
    return one.rule if here and one.rule != SHARE else ""


def of_column(source: ScoreSource, column: int) -> tuple[float, float | None]:
    """The current threshold of a column and the saved one, None while nobody has saved; inf above every score."""
    stored = saved(source)
    return current(source)[column].value, stored[column].value if stored else None


def values(thresholds: Iterable[Threshold]) -> list[float]:
    """The numbers (C,) to compare scores with, inf above every score."""
    return [threshold.value for threshold in thresholds]


def move(source: ScoreSource, column: int, given: float | str, how: How, part: str) -> None:
    """Make a number that was typed or dragged, while a split was shown, the current threshold of a column; a sentence
    is kept if the scores can't have it. What was dragged to where it is was not moved."""
    try:
        threshold = domain(source).admit(given, Provenance(how, part))
    except CutoffError as error:
        session.complain(str(error))
        return
    if how == "typed" or threshold.value != current(source)[column].value:
        replace(source, column, threshold)


def use_share(
    source: ScoreSource, column: int, index: ScoreIndex, share: float, part: str, of_group: bool = False
) -> None:
    """Make the threshold that predicts at most this share of a split's rows positive, in [0, 1], the current one of a
    column; a sentence is kept for any other share. That of a group of the rows counts as typed."""
    try:
        choice = bind(SHARE, percent=100 * share)(candidates(index))
    except CutoffError as error:
        session.complain(str(error))
        return
    found = domain(source).found(choice.threshold, SHARE, part)
    replace(source, column, dataclasses.replace(found, provenance=Provenance("typed", part)) if of_group else found)


def use_rule(source: ScoreSource, column: int, found: float, rule: str, rows: str) -> None:
    """Make the threshold that a rule found on the rows of a split the current one of a column."""
    replace(source, column, domain(source).found(found, rule, rows))


def use_rule_for_all(source: ScoreSource, found: Sequence[float], rule: str, rows: str) -> None:
    """Make the thresholds (C,) that a rule found on the rows of a split the current ones."""
    replace_all(source, tuple(domain(source).found(threshold, rule, rows) for threshold in found))


def replace(source: ScoreSource, column: int, threshold: Threshold) -> None:
    """Make a threshold the current one of its column, and leave the others."""
    now = current(source)
    replace_all(source, (*now[:column], threshold, *now[column + 1 :]))


def replace_all(source: ScoreSource, thresholds: tuple[Threshold, ...]) -> None:
    """Make these thresholds (C,) the current ones."""
    _step(source, Step(thresholds, saved(source)))


def reset(source: ScoreSource) -> None:
    """Make the default thresholds the current ones."""
    now = current(source)
    replace_all(source, (domain(source).default(),) * len(now))


def restart(source: ScoreSource) -> None:
    """Begin anew with the default thresholds, none saved; a step that can be undone."""
    if source.task != "regression" and source.parts:
        _step(source, Step((domain(source).default(),) * len(current(source))))


def save(source: ScoreSource) -> None:
    """Save the current thresholds."""
    now = current(source)
    _step(source, Step(now, now))


def carry(source: ScoreSource, run: str, config: RunConfig) -> None:
    """Let a run of this id begin with the thresholds that a source has when the run is first drawn, if that is a run on
    the same data; what a rule found on the scores of the source is of an earlier run there."""
    if _data(source.config) == _data(config):
        state.THRESHOLDS_BEFORE.of(run).set(source.id)


def about(source: ScoreSource) -> str:
    """Names the data and the scale that thresholds of a source are about: those of another source of which this is the
    same can be its own."""
    data = _data(source.config) or (source.id,)
    return " ".join(map(str, (*data, domain(source).probabilities)))


def _data(config: RunConfig | None) -> tuple[object, ...]:
    return (config.dataset, config.dataset_params) if config else ()


def _carried(source: ScoreSource, default: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
    """The current thresholds of the run before a run that has none yet, where they can be its own; else the default."""
    name = state.THRESHOLDS_BEFORE.of(source.id).get()
    while name and not state.THRESHOLDS.of(name).is_set():  # it was overtaken before it was drawn
        name = state.THRESHOLDS_BEFORE.of(name).get()
    now = state.THRESHOLDS.of(name).get()[-1].current if name else ()
    if len(now) != len(default) or now[0].domain != default[0].domain:
        return default
    return tuple(
        dataclasses.replace(one, provenance=dataclasses.replace(one.provenance, earlier=bool(one.provenance.rule)))
        for one in now
    )


def undo(source: ScoreSource) -> None:
    """Take the last step back, whether it moved thresholds or saved them."""
    steps = _steps(source)
    if len(steps) > 1:
        state.THRESHOLDS.of(source.id).set(steps[:-1])


def can_undo(source: ScoreSource) -> bool:
    return len(_steps(source)) > 1


def _steps(source: ScoreSource) -> Sequence[Step]:
    """What was current and what was saved after each step, the newest last."""
    key = state.THRESHOLDS.of(source.id)
    if not key.is_set():
        default = (domain(source).default(),) * source.scores(source.parts[0]).n_columns
        carried = _carried(source, default)
        key.set([Step(default), *([Step(carried)] if carried != default else [])])
    return key.get()


def _step(source: ScoreSource, step: Step) -> None:
    steps = _steps(source)
    if steps[-1] != step:
        state.THRESHOLDS.of(source.id).set([*steps, step][-KEPT:])
