"""Controls that several pages share: a choice of names, a parameter from its spec, the scale of scores."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from core.evaluation.source import ScoreSource
from core.parameters import Param, Value
from core.plots.style import ProbabilityScale, Scale, score_range
from pages.shared import state, thresholds
from pages.shared.state import Key


def choose(
    label: str, key: Key[str], options: dict[str, str], hide_label: bool = False, help: str | None = None
) -> str:
    """A choice among names; one that is no longer offered is replaced by the first that is.

    A browser keeps the words of what is chosen: they must not change while the choice stays.
    """
    if key.setdefault() not in options:
        key.set(next(iter(options)))
    chosen = st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key.name,
        help=help,
        persist_state="session",
        label_visibility="collapsed" if hide_label else "visible",
    )
    return str(chosen)


def of_param(param: Param, key: Key[Value]) -> Value:
    """The control that fits the parameter: a list, a slider for a step of even size, else a number to type."""
    key.setdefault(param.default)
    if param.options:
        value = st.selectbox(
            param.label,
            param.options,
            key=key.name,
            help=param.help,
            accept_new_options=param.free,
            persist_state="session",
        )
        return param.check(value)
    kind = int if param.integer else float
    low, high = (None if end is None else kind(end) for end in (param.low, param.high))
    if param.step is not None and not (param.integer or param.log):
        return param.check(
            st.slider(
                param.label,
                low,
                high,
                step=kind(param.step),
                format="%g",
                key=key.name,
                help=param.help,
                persist_state="session",
            )
        )
    step = kind(param.step) if param.step is not None else None
    return param.check(
        st.number_input(
            param.label,
            low,
            high,
            step=step,
            format=None if param.integer else "%g",
            key=key.name,
            help=param.help,
            persist_state="session",
        )
    )


def are_probabilities(source: ScoreSource) -> bool:
    """Whether all scores of a source lie in [0, 1]."""
    return thresholds.domain(source).probabilities


def scale_of(*sources: ScoreSource) -> Scale:
    """The scale of an axis for the scores of all these sources: the one chosen last, or, where some scores are no
    probabilities, the range of all."""
    if all(map(are_probabilities, sources)):
        return scale_now()
    given = [source.scores(part).y_score for source in sources for part in source.parts]
    known = [scores for scores in given if scores.size]
    return score_range(min(float(scores.min()) for scores in known), max(float(scores.max()) for scores in known))


def offer_calibration(where: str) -> None:
    """A button that leads to calibration; `where` tells the places of such buttons apart."""
    st.button(
        "Calibrate",
        key=f"{where}.calibrate",
        type="tertiary",
        icon=":material/build:",
        on_click=state.PANEL.set,
        args=("Calibration",),
    )


def scale_now() -> ProbabilityScale:
    """The scale chosen last, wherever its control stands."""
    return state.SCALE.get()


def score_scale() -> ProbabilityScale:
    """How the axis of scores is spaced."""
    return st.segmented_control(
        "Score axis",
        get_args(ProbabilityScale),
        key=state.SCALE.name,
        format_func={"probability": "linear axis", "logit": "logit axis"}.__getitem__,
        default=state.SCALE.default,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
        help="Linear in the probability, or in the logit, which separates scores near 0 and 1.",
    )
