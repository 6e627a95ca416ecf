"""What decisions are worth, typed once: every rule, panel and link has these payoffs, their unit and rows per month."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import streamlit as st

from core.errors import CutoffError
from core.evaluation.value.payoffs import Payoffs
from core.experiment.config import LIMIT, PAYOFFS, RunConfig
from core.parameters import Param, Value, defaults
from pages.shared import session, state
from pages.shared.state import Key

UNIT_LENGTH = 12
_TYPED: tuple[tuple[Key[Any], Param], ...] = (
    *((key, Param(key.name, name, key.default, -LIMIT, LIMIT)) for name, key in state.PAYOFFS.items()),
    (state.UNIT, Param(state.UNIT.name, "Unit", state.UNIT.default, free=True)),
    (state.VOLUME, Param(state.VOLUME.name, "Rows per month", 1, 1, 10**12)),
    (state.REVIEW_COST, Param(state.REVIEW_COST.name, "Cost of a review", state.REVIEW_COST.default, 0, LIMIT)),
    (state.REVIEW_RIGHT, Param(state.REVIEW_RIGHT.name, "Correct reviews (%)", state.REVIEW_RIGHT.default, 0, 100)),
    (state.REVIEW_MOST, Param(state.REVIEW_MOST.name, "Maximum reviews per month", 0, 0, 10**12)),
)
LINKED = {key.name: (key, param) for key, param in _TYPED}  # what a link may hold, by URL parameter


def current() -> Payoffs:
    """The payoffs that were typed, with defaults for the others."""
    return Payoffs(**{name: float(key.get()) for name, key in state.PAYOFFS.items()})


def in_run(config: RunConfig) -> RunConfig:
    """The configuration with these payoffs, if early stopping goes by net value."""
    if config.best_by != "net_value":
        return config
    now = asdict(current())
    return config.model_copy(
        update={"payoffs": tuple(sorted((p.name, now[p.name]) for p in PAYOFFS if now[p.name] != p.default))}
    )


def take(config: RunConfig) -> None:
    """Type the payoffs that early stopping of a run goes by, if it goes by net value."""
    if config.best_by == "net_value":
        for name, value in (defaults(PAYOFFS) | dict(config.payoffs)).items():
            state.PAYOFFS[name].set(float(value))


def unit() -> str:
    """The unit of the payoffs, "" without one."""
    return state.UNIT.get().strip()


def params() -> tuple[tuple[str, Value], ...]:
    """The payoffs as params of the rule of net value."""
    return tuple(asdict(current()).items())


def open_link() -> None:
    """Take what the URL says of payoffs, defaults for the others; a sentence is kept for each value that can't be
    used."""
    for name, (key, param) in LINKED.items():
        if (given := st.query_params.get(name)) is None:
            if key.is_set():
                key.set(key.default)
            continue
        try:
            key.set(param.parse(given[:UNIT_LENGTH] if param.free else given))
        except CutoffError as error:
            session.complain(str(error))


def as_link() -> dict[str, str]:
    """URL parameters of what differs from the default."""
    return {name: _written(key.get()) for name, (key, _) in LINKED.items() if key.get() not in (key.default, None)}


def _written(value: object) -> str:
    """The shortest text that is read as the same value."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
