"""All classes or labels of a source as a table: what it draws, and what is done where the viewer acts in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.evaluation import DECISIONS, NO_CLASS, decide
from core.evaluation.columns import Outcome, outcomes
from core.evaluation.source import Key, ScoreSource
from core.evaluation.threshold import Threshold
from core.parameters import Value
from core.plots.columns import ColumnsFilm
from pages.components.picture.columns import Decision, columns_picture
from pages.components.picture.picture import Act, Live
from pages.shared import state, thresholds
from pages.workbench import epochs, totals
from pages.workbench.panels import decision_rule, rows, tune

Params = tuple[tuple[str, Value], ...]


def show(
    source: ScoreSource,
    film: ColumnsFilm,
    kept: Sequence[ScoreSource],
    otherwise: Callable[[Act, float | str], None],
    *,
    part: str,
    live: Live,
    tuned: bool,
    **common: Any,
) -> None:
    """Draw all classes or labels, with the best thresholds by the rule chosen in Tune if `tuned`.

    film and kept: what is drawn, and the source at each of its epochs. `otherwise` does what is not about thresholds,
    classes or labels. `common` goes to the picture.
    """
    classes = source.task == "multiclass"
    decision = Decision(*decision_rule.of(source)) if classes else None
    current, stored = thresholds.current(source), thresholds.saved(source)

    def act(kind: Act, value: float | str, column: int | None) -> None:
        if kind in ("drag", "type") and column is not None:
            thresholds.move(source, column, value, "typed" if kind == "type" else "dragged", part)
        elif kind == "save_all":
            thresholds.save(source)
        elif kind == "tune":
            tune.use_for_all(source)
        elif kind == "open":
            state.COLUMN.set(int(value))
            state.ALONE.set(True)
        elif kind == "cell":
            place, _, epoch = str(value).partition("@")
            actual, predicted = divmod(int(place), len(current) + 1)
            decided = predicted if predicted < len(current) else NO_CLASS
            rows.ask(epochs.show(source, int(epoch)), true=actual, decided=decided)
        else:
            otherwise(kind, value)

    columns_picture(
        film,
        _decided(kept, part, current, decision),
        current,
        (stored, _decided(kept[-1:], part, stored, decision)[0]) if stored else None,
        totals.CLASSES if classes else totals.LABELS,
        totals.OF_CLASSES if classes else totals.OF_LABELS,
        act,
        of=f"{source.id} {part} all",
        decision=decision,
        tune=None if live else tune.label_for_all(source),
        best=tune.best_for_all(source) if tuned else None,
        part=part,
        live=live,
        **common,
    )


def _decided(
    kept: Sequence[ScoreSource], part: str, at: Sequence[Threshold], decision: Decision | None
) -> list[Outcome]:
    rule, params = decision or ("", {})
    keys = tuple((source.id, source.version) for source in kept)
    return _outcomes(keys, part, tuple(thresholds.values(at)), rule, tuple(params.items()), kept)


@st.cache_resource(max_entries=64, show_spinner=False)
def _outcomes(
    of: tuple[Key, ...], part: str, at: tuple[float, ...], rule: str, params: Params, _kept: Sequence[ScoreSource]
) -> list[Outcome]:
    by = partial(DECISIONS[rule], **dict(params)) if rule else decide
    weight = _kept[-1].row_columns(part).weight
    return outcomes([source.scores(part) for source in _kept], at, by, weight)
