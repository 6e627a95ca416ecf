"""A threshold by rule: tuned on the validation rows, shown with its interval and with what it is worth on test rows."""

from __future__ import annotations

import math

import streamlit as st

from core.jobs import Run
from core.specs import Value
from core.thresholds import ScoreIndex
from core.tuning import RULES, Bootstrap, Regret, bind, bootstrap, candidates, regret
from pages.shared import controls, text, trial

Params = tuple[tuple[str, Value], ...]
LEFT_OUT = "Rows that a resample leaves out had no part in its threshold: they show what tuning in this way is worth."


def show(run: Run, _part: str, column: int) -> None:
    """Choose a rule and its numbers, see the threshold that it finds for a class or label, and take it over."""
    name, params = _choose_rule()
    tuned, lost = _tune((run.id, run.epoch), column, name, params, run)
    choice, value = tuned.choice, RULES[name].value
    st.markdown(text.plain(choice.said))
    low, high = tuned.threshold_interval
    _tiles(
        ("Threshold", choice.threshold, f"{_number(low)} to {_number(high)} in 90% of resamples"),
        (f"{value}, validation", choice.value, "tuned on these rows, so it flatters"),
        (
            f"{value}, rows left out",
            tuned.out_of_bag,
            f"{_number(tuned.interval[0])} to {_number(tuned.interval[1])}",
        ),
        (f"{value}, test", lost.value, _of_regret(lost)),
    )
    st.button(
        "Use this threshold",
        on_click=trial.try_one,
        args=(run, run.scores("validation").n_columns, column, choice.threshold),
        disabled=not 0 <= choice.threshold <= 1,
        help="It then stands in the controls above and in every number below.",
    )


def _choose_rule() -> tuple[str, Params]:
    """The rule by name, and its params."""
    name = controls.choose("Rule", "rule", {name: spec.label for name, spec in RULES.items() if name != "fixed"})
    spec = RULES[name]
    st.caption(spec.help)
    with st.container(horizontal=True):
        params = tuple((param.name, controls.of_param(param, f"rule.{name}.{param.name}")) for param in spec.params)
    return name, params


@st.cache_data(max_entries=256, show_spinner="Tuning on a thousand resamples")
def _tune(of: tuple[str, int], column: int, name: str, params: Params, _run: Run) -> tuple[Bootstrap, Regret]:
    """What the rule chooses on the validation rows and their resamples, and its regret on the test rows."""
    rule = bind(name, **dict(params))
    validation, test = (_run.scores(part).view(column) for part in ("validation", "test"))
    tuned = bootstrap(rule, validation.y, validation.score)
    return tuned, regret(rule, tuned.choice.threshold, candidates(ScoreIndex.of(test.y, test.score)))


def _tiles(*tiles: tuple[str, float, str]) -> None:
    for place, (label, value, caption) in zip(st.columns(len(tiles)), tiles, strict=True):
        with place:
            st.metric(label, _number(value), help=LEFT_OUT if label.endswith("left out") else None)
            st.caption(caption)


def _of_regret(lost: Regret) -> str:
    """How far the test rows fall short of the best that could be tuned on them."""
    if not lost.kept:
        return "the constraint is broken on these rows"
    if math.isnan(lost.loss):
        return ""
    return f"{_number(lost.loss)} short of the best there, at {_number(lost.best_threshold)}"


def _number(value: float) -> str:
    return "above every score" if math.isinf(value) else text.rate(value)
