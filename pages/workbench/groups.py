"""Groups of the rows of a source, and the scores of one of them."""

from __future__ import annotations

import streamlit as st

from core.evaluation.counts import ScoreIndex
from core.evaluation.groups import Grouping, grouping, indexes_by
from core.evaluation.source import Key, ScoreSource
from pages.shared import state


def of(source: ScoreSource, part: str) -> Grouping | None:
    """The groups of the rows of a split, None where no column parts them into a few."""
    return _grouping((source.id, source.version), part, source)


def chosen(source: ScoreSource, part: str) -> str:
    """The group that the picture shows, "" for all rows."""
    name = state.GROUP.of(source.id).get()
    parted = of(source, part) if name else None
    return name if parted and name in parted.names else ""


def index(source: ScoreSource, part: str, column: int, group: str) -> ScoreIndex:
    """The scores of one class or label in a group, or in all rows for ""."""
    if not group:
        return source.index(part, column)
    return _index((source.id, source.version), part, column, group, source)


def indexes(source: ScoreSource, part: str, column: int, parted: Grouping) -> dict[str, ScoreIndex]:
    """The scores of one class or label in each group, by its name."""
    view, weight = source.scores(part).view(column), source.row_columns(part).weight
    found = indexes_by(view, parted.codes, len(parted.names), weight)
    return dict(zip(parted.names, found, strict=True))


@st.cache_resource(max_entries=64, show_spinner=False)
def _grouping(of: Key, part: str, _source: ScoreSource) -> Grouping | None:
    return grouping(_source.row_columns(part))


@st.cache_resource(max_entries=16, show_spinner=False)
def _index(key: Key, part: str, column: int, group: str, _source: ScoreSource) -> ScoreIndex:
    parted = of(_source, part)
    assert parted is not None
    return indexes(_source, part, column, parted)[group]
