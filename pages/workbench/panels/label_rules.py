"""Rules that decide all labels at once: tuned on one split, shown there, in folds of it, and on another split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.evaluation import label_totals, predicted_positive
from core.evaluation.source import Key, ScoreSource, held_out, rows_label, tuned_on
from core.evaluation.tuning import (
    LABEL_RULES,
    LabelChoice,
    LabelRows,
    LabelShares,
    TopLabels,
    cross_decided,
    rules,
)
from core.evaluation.value.payoffs import NET_VALUE, bind_paid
from core.parameters import Param, Value
from core.text import counted
from pages.components.picture.columns import Total
from pages.shared import controls, payoffs, state, text, thresholds
from pages.workbench.panels.payoffs import show_fields
from pages.workbench.totals import LABELS

Params = tuple[tuple[str, Value], ...]
FOLDS = 3


def show(source: ScoreSource, _part: str, _column: int) -> None:
    """Choose a rule and its numbers, see what it comes to beside the default for all, and use its thresholds."""
    name, params, goal, goal_params = _choose_rule()
    if goal == NET_VALUE and (flaw := payoffs.current().flaw):
        st.markdown(flaw)
        return
    choice, found = _tune((source.id, source.version), name, params, goal, goal_params, source)
    st.markdown(text.plain(choice.said))
    part, other = tuned_on(source), held_out(source)
    default = f"{_default(source):g}"
    cases = [f"{part} at {default}", f"{part}, tuned", f"{part}, folds"]
    cases += [f"{other} at {default}", f"{other}, tuned"] if other else []
    table = pd.DataFrame(
        {case: [_said(total, numbers) for total in LABELS] for case, numbers in zip(cases, found, strict=True)},
        index=pd.Index([total.label for total in LABELS], name="number"),
    )
    st.dataframe(
        table,
        height="content",
        column_config={case: st.column_config.TextColumn(alignment="right") for case in cases},
        alt=f"Metrics of {LABEL_RULES[name].label} on each split, beside those of the default threshold.",
    )
    st.caption(
        f"{part.capitalize()}, tuned: in-sample (optimistic). Folds: each third of {rows_label(part, the=True)} is "
        "decided by "
        "thresholds tuned on the other two." + (f" {other.capitalize()} rows are not used for tuning." if other else "")
    )
    _offer(source, name, choice)


def _choose_rule() -> tuple[str, Params, str, Params]:
    """The rule by name and its params, and what it makes the most of by name and params, "" where it does not ask."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = controls.choose("Rule", state.LABEL_RULE, {name: spec.label for name, spec in LABEL_RULES.items()})
        spec = LABEL_RULES[name]
        goals = {goal: rule.label for goal, rule in rules().items() if goal != "fixed"}
        goal = controls.choose("Tuned by", state.LABEL_GOAL, _first("f1", goals)) if spec.takes_rule else ""
        params = _params(name, spec.params)
        goal_params = () if goal == NET_VALUE else _params(goal, rules()[goal].params if goal else ())
    if goal == NET_VALUE:
        show_fields()
        goal_params = payoffs.params()
    st.caption(f"{spec.help} {rules()[goal].help if goal else ''}", help=rules()[goal].reference if goal else None)
    return name, params, goal, goal_params


def _first(name: str, options: dict[str, str]) -> dict[str, str]:
    return {name: options[name]} | options


def _params(rule: str, params: Sequence[Param]) -> Params:
    keys = {param: state.LABEL_RULE_PARAM.of(rule, param.name) for param in params}
    return tuple((param.name, controls.of_param(param, key)) for param, key in keys.items())


@st.cache_data(max_entries=64, show_spinner="Tuning all labels")
def _tune(
    of: Key, name: str, params: Params, goal: str, goal_params: Params, _source: ScoreSource
) -> tuple[LabelChoice, tuple[dict[str, float], ...]]:
    """What the rule chooses on its split, and the totals there at the default, tuned and in folds, and on the other
    split at the default and tuned."""
    rule = bind_paid(goal, dict(goal_params)) if goal else None
    part, other = tuned_on(_source), held_out(_source)
    y_score = _source.scores(part).y_score

    def choose(rows: LabelRows) -> LabelChoice:
        return LABEL_RULES[name](rows, rule, **dict(params))

    rows = LabelRows.of_source(_source, part)
    choice = choose(rows)
    decided: list[tuple[str, NDArray[np.bool_]]] = [
        (part, predicted_positive(y_score, _default(_source))),
        (part, choice.decide(y_score, rows.weight)),
        (part, cross_decided(rows, choose, FOLDS)),
    ]
    if other:
        y_score, weight = _source.scores(other).y_score, _source.row_columns(other).weight
        decided += [
            (other, predicted_positive(y_score, _default(_source))),
            (other, choice.decide(y_score, weight)),
        ]
    return choice, tuple(
        label_totals(_source.scores(part).y_true, called, _source.row_columns(part).weight) for part, called in decided
    )


def _default(source: ScoreSource) -> float:
    """The threshold that nobody chose: .5 for probabilities, 0 for other scores."""
    return thresholds.domain(source).default().value


def _said(total: Total, numbers: dict[str, float]) -> str:
    value = numbers[total.id]
    if total.kind == "count":
        return f"{round(value, 3):,}"  # or a sum of weights
    if total.kind == "mean":
        return f"{value:.2f} (actual {numbers['cardinality_true']:.2f})"
    return text.rate(value)


def _offer(source: ScoreSource, name: str, choice: LabelChoice) -> None:
    """A button that makes the thresholds current, where there are any; what can't be said by thresholds is said."""
    if isinstance(choice, TopLabels):
        st.caption("This rule ranks the labels of a row. It has no thresholds.")
        return
    part = tuned_on(source)
    if isinstance(choice, LabelShares):
        found = choice.thresholds(source.scores(part).y_score, source.row_columns(part).weight)
    else:
        found = choice.thresholds
    never = int(np.count_nonzero(np.isposinf(found)))
    st.button(
        "Use these thresholds",
        on_click=thresholds.use_rule_for_all,
        args=(source, found.tolist(), name, part),
        help="Makes them the current thresholds.",
    )
    if never:
        st.caption(
            f"Above every score, so that it is predicted for no row, is the threshold of {counted(never, 'label')}."
        )
    if isinstance(choice, LabelShares):
        st.caption(
            f"These are the thresholds of {rows_label(part, the=True)}; on other rows the rule matches the shares "
            "again."
        )
