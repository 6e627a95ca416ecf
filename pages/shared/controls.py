"""Controls that several pages share: a choice of names, a parameter from its spec, the scale of scores."""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st

from core.evaluation.source import ScoreSource
from core.parameters import Param, Value
from core.plots.style import ProbabilityScale, Scale, score_range
from pages.shared import state, thresholds
from pages.shared.state import Key

# Hidden widths to choose from, by model; others can be typed.
WIDTHS = {"mlp": ("16", "64", "64-64", "128-64"), "cnn": ("8", "8-16", "16-32", "8-16-32")}


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
    """The control of a parameter and its value, the default to begin with."""
    key.setdefault(param.default)
    return param.check(widget(param, key, persist_state="session"))


def widget(param: Param, key: Key[Value], **looks: Any) -> object:
    """Draw the control that fits a parameter: a switch, a list, a slider for steps of even size, or a number to type.

    It shows what the key holds; `looks` are further arguments of the widget.
    """
    looks |= {"key": key.name, "help": param.help or None}
    if isinstance(param.default, bool):
        return st.checkbox(param.label, **looks)
    if isinstance(param.default, str):
        own = [] if key.get() in param.options else [key.get()]  # typed by the user
        return st.selectbox(param.label, [*param.options, *own], accept_new_options=param.free, **looks)
    kind = int if param.integer else float
    low, high, step = (None if number is None else kind(number) for number in (param.low, param.high, param.step))
    if isinstance(now := key.get(), int | float):
        key.set(kind(now))
    if step is not None and not (param.integer or param.log):
        return st.slider(param.label, low, high, step=step, format="%g", **looks)
    return st.number_input(param.label, low, high, step=step, format=None if param.integer else "%g", **looks)


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
