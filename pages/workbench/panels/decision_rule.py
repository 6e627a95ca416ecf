"""How a source decides among its classes, as this session has chosen: a rule of DECISIONS and its params."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.errors import CutoffError
from core.evaluation import DECISIONS, NO_CLASS
from core.evaluation.source import ScoreSource
from core.evaluation.summary import Decide
from core.parameters import Value
from pages.shared import controls, session, state
from pages.shared.state import Key

# The first that a source can be decided by is its default. With both of these equal thresholds are plain argmax, and
# every threshold has a say.
DEFAULTS = ("ratio", "difference")
LINKED = "decide"  # the URL parameter
NO_CLASS_SAID = "no class"


def of(source: ScoreSource) -> tuple[str, dict[str, Value]]:
    """The rule by name, and all its params."""
    default = next(rule for rule in DEFAULTS if rule in _offered(source))
    name, params = state.DECISION.of(source.id).get() or (default, {})
    return name, {param.name: params.get(param.name, param.default) for param in DECISIONS[name].params}


def decide(source: ScoreSource) -> Decide:
    """The rule as a function of scores (N, C) and thresholds (C,)."""
    name, params = of(source)
    return partial(DECISIONS[name], **params)


def gives_no_class(source: ScoreSource) -> bool:
    """Whether the rule may leave rows without a class."""
    _, params = of(source)
    return params.get("fallback") == NO_CLASS


def take(source: ScoreSource, name: str, **params: Value) -> None:
    """Decide by this rule from now on."""
    state.DECISION.of(source.id).set((name, params))


def forget(source: ScoreSource) -> None:
    """Decide by the default rule again."""
    state.DECISION.of(source.id).set(None)


def take_linked(source: ScoreSource) -> None:
    """Take over the rule of the link that opened this session, once there are scores; a sentence is kept if that
    fails."""
    if source.task != "multiclass" or not source.parts or not (given := state.LINKED.of(LINKED).pop()):
        return
    name, *values = given.split(":")
    try:
        if name not in _offered(source):
            raise CutoffError(f"Expected the rule to be one of {', '.join(_offered(source))}, but got {name!r}.")
        params = DECISIONS[name].params
        chosen = {param.name: param.parse(value) for param, value in zip(params, values, strict=False)}
        DECISIONS[name](source.scores(source.parts[0]).y_score[:1], np.ones(len(source.class_names)), **chosen)
    except CutoffError as error:
        session.complain(f"The link's decision rule can't be used. {error}")
    else:
        take(source, name, **chosen)


def as_link(source: ScoreSource) -> dict[str, str]:
    """The rule and its params as a URL parameter; nothing while nobody chose one."""
    chosen = state.DECISION.of(source.id).get()
    name, params = of(source) if chosen else ("", {})
    return {LINKED: ":".join([name, *map(str, params.values())])} if chosen else {}


def show(source: ScoreSource, _part: str, _column: int) -> None:
    """The controls of the rule, with what it does as a formula and in words."""
    name, params = of(source)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        labels = {rule: DECISIONS[rule].label for rule in _offered(source)}
        _choose(state.DECISION_RULE.of(source.id), "Decide by", labels, name, lambda chosen: take(source, chosen))
        if "fallback" in params:
            (param,) = DECISIONS[name].params
            options = {NO_CLASS: NO_CLASS_SAID} | dict(enumerate(source.class_names))
            _choose(
                state.DECISION_FALLBACK.of(source.id),
                param.label,
                options,
                params["fallback"],
                lambda to: take(source, name, fallback=to),
            )
        st.markdown(rf"$\displaystyle {DECISIONS[name].formula}$", width="content")
    st.caption(DECISIONS[name].help, help=DECISIONS[name].reference)
    st.caption(
        "Every row gets at most one class. One class alone (one-vs-rest) counts every row with p ≥ t as positive, "
        "whatever the other classes score, so its counts differ."
    )


def _offered(source: ScoreSource) -> list[str]:
    """The rules that its scores can be decided by."""
    probabilities = controls.are_probabilities(source)
    return [rule for rule, spec in DECISIONS.items() if probabilities or not spec.needs_probabilities]


def _choose(
    key: Key[Any],
    label: str,
    options: dict[Any, str],
    now: object,
    take_over: Callable[[Any], None],
) -> None:
    if key.get() != now:  # what is chosen is the truth, the control shows it
        key.set(now)
    st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key.name,
        on_change=lambda: take_over(key.get()),
        persist_state="session",
        width=320,
    )
