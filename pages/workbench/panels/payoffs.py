"""What the panels of costs share: fields for the payoffs, a column of a source with them, amounts as text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation import ScoreIndex
from core.evaluation.scores import ClassView
from core.evaluation.source import ScoreSource, held_out, tuned_on
from core.evaluation.value.payoffs import LIMIT, Payoffs
from core.plots.style import Scale
from pages.shared import controls, payoffs, state, text
from pages.workbench.panels.tiles import NARROW

PER = 1000  # rows of a net value
# Two rows of two, as in the confusion matrix: actual classes down, predicted ones across.
CELLS = (
    ("benefit_tn", "True negative: benefit"),
    ("cost_fp", "False positive: cost"),
    ("cost_fn", "False negative: cost"),
    ("benefit_tp", "True positive: benefit"),
)
MEANING = "Net value = benefits - costs; higher is better."


@dataclass(frozen=True, eq=False)
class Priced:
    """A class or label of a source, whose decisions have payoffs in a unit; `volume` rows are decided in a month."""

    source: ScoreSource
    part: str  # the rows shown
    column: int
    payoffs: Payoffs
    unit: str
    volume: int

    @property
    def tuned_on(self) -> str:
        """The split that thresholds are tuned on."""
        return tuned_on(self.source)

    @property
    def reported(self) -> str:
        """The split that says what a threshold is worth: one that nothing was tuned on if there is one."""
        return held_out(self.source) or self.tuned_on

    @property
    def parts(self) -> tuple[str, ...]:
        """Both splits, or the only one."""
        return tuple(dict.fromkeys((self.tuned_on, self.reported)))

    @cached_property
    def views(self) -> dict[str, ClassView]:
        """Labels and scores, by part."""
        return {part: self.source.scores(part).view(self.column) for part in self.parts}

    @cached_property
    def indexes(self) -> dict[str, ScoreIndex]:
        return {part: self.source.index(part, self.column) for part in self.parts}

    @property
    def scale(self) -> Scale:
        """How the axis of scores is spaced: as chosen beside the histogram, or their range if they leave [0, 1]."""
        return controls.scale_of(self.source)

    @property
    def probabilities(self) -> bool:
        """Whether the scores lie in [0, 1], so that theory says something of their threshold."""
        return controls.are_probabilities(self.source)

    def say_theory_is_missing(self, where: str, what: str) -> None:
        """What theory needs probabilities for, with the way to them; nothing where the scores are some."""
        if not self.probabilities:
            st.caption(f"{what} needs probabilities, and these scores are outside [0, 1].")
            controls.offer_calibration(where)

    def money(self, value: float) -> str:
        """An amount with thousands separators: two decimals below 100, a power of ten from 1e9 on."""
        if math.isnan(value):
            return "undefined"
        size = abs(value)
        number = f"{size:.3e}" if size >= 1e9 else f"{size:,.0f}" if size >= 100 else f"{size:,.2f}"
        sign = "\N{MINUS SIGN}" if value < 0 and number != "0.00" else ""
        return f"{sign}{number} {self.unit}".rstrip()

    def more(self, value: float, than: str) -> str:
        """How much more or less than something else, in words."""
        if math.isnan(value):
            return ""
        return f"{self.money(abs(value))} {'less' if value < 0 else 'more'} than {than}"

    def show_table(self, table: pd.DataFrame, amounts: list[str], alt: str) -> None:
        """A table whose columns `amounts` are net values, thresholds are rates and all else counts or names."""
        kinds: dict[str, Any] = dict.fromkeys(table.columns[1:], text.rate)
        kinds |= dict.fromkeys(amounts, self.money) | dict.fromkeys(("threshold", "low", "high"), threshold)
        kinds |= (
            {"logit": logit}
            | dict.fromkeys(table.select_dtypes("integer").columns, "{:,}")
            | {"errors left": "{:,.4g}"}
        )
        if not self.probabilities:
            table = table.drop(columns="logit", errors="ignore")
        shown = table.style.format({name: kinds[name] for name in table.columns[1:]})
        st.dataframe(shown, hide_index=True, height="content", alt=alt)


def show_fields() -> None:
    """The payoffs as a matrix, and their unit: the same in every panel, and one panel is open at a time."""
    matrix, rest = st.columns([4, 1])
    with matrix, st.grid(2, min_column_width=NARROW):
        for name, label in CELLS:
            key = state.PAYOFFS[name]
            key.setdefault()
            st.number_input(label, -LIMIT, LIMIT, step=1.0, format="%g", key=key.name, persist_state="session")
    state.UNIT.setdefault()
    rest.text_input("Unit", max_chars=payoffs.UNIT_LENGTH, key=state.UNIT.name, persist_state="session")


def caption() -> str:
    """What the payoffs are, and that they are still the defaults."""
    said = f"Benefits and costs of one row, all in one unit, the same in every panel and in the link. {MEANING}"
    if payoffs.current() == Payoffs():
        said += " Defaults: a false positive costs 1, a false negative 5."
    return said


def choose_payoffs(source: ScoreSource, part: str, column: int) -> Priced:
    """The payoffs as a matrix, their unit, and the rows to decide per month: by default the rows shown."""
    rows = source.scores(part).n_rows
    st.markdown("**Payoffs**")
    st.caption(caption())
    fields, rest = st.columns([4, 1])
    with fields:
        show_fields()
    volume = rest.number_input(
        "Rows per month",
        1.0,
        1e12,
        None,
        step=1.0,  # of whole numbers Streamlit reads 1e6 as 1
        format="%.0f",
        key=state.VOLUME.name,
        placeholder=f"{rows:,}, as shown",
        persist_state="session",
        help="Rows to decide per month. Empty: the number of rows of this split.",
    )
    return Priced(source, part, column, payoffs.current(), payoffs.unit(), round(volume or max(rows, 1)))


def threshold(value: float) -> str:
    """A threshold on scores in [0, 1], three decimals; an infinite one is said in words."""
    if np.isinf(value):
        return "above every score" if value > 0 else "below every score"
    return text.rate(value)


def logit(value: float) -> str:
    """A logit, three decimals; those of 0 and 1 and of what lies beyond are infinite."""
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}").replace("inf", "\N{INFINITY}")


def percent(share: float) -> str:
    return "undefined" if math.isnan(share) else f"{share:.1%}"
