"""The threshold of maximum net value, and below it the band of scores to review."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from scipy.special import logit

from core.evaluation.source import Key, ScoreSource, rows_label, tuned_on
from core.evaluation.value.payoffs import Optimum, Payoffs, net_value, optimum, value_curve
from core.plots.costs import threshold_mark, value_figure
from core.plots.style import place
from core.text import counted
from pages.components.live_figure import live_figure
from pages.shared import text, thresholds
from pages.workbench.panels import review, tune
from pages.workbench.panels.payoffs import PER, Priced, choose_payoffs, threshold
from pages.workbench.panels.tiles import tiles

ENDS = {"Predict all positive": -math.inf, "Predict all negative": math.inf}


def show(source: ScoreSource, part: str, column: int) -> None:
    """The payoffs of a class or label, the threshold of maximum net value, and the band to review."""
    with st.container(border=True):
        priced = choose_payoffs(source, part, column)
    if priced.payoffs.flaw:
        st.markdown(priced.payoffs.flaw)
        _table(priced, ENDS)
        return
    _best_threshold(priced)
    with st.container(border=True):
        review.show(priced)


@st.cache_data(max_entries=256, show_spinner="Tuning on resamples")
def _optimum(of: Key, column: int, payoffs: Payoffs, _source: ScoreSource) -> Optimum:
    part = tuned_on(_source)
    view = _source.scores(part).view(column)
    return optimum(payoffs, view.y, view.score, _source.row_columns(part).weight)


def _best_threshold(priced: Priced) -> None:
    """The threshold of maximum net value beside that of theory, those in use, and predicting all or none positive."""
    source, payoffs, volume = priced.source, priced.payoffs, priced.volume
    best = _optimum((source.id, source.version), priced.column, payoffs, source)
    now, before = thresholds.of_column(source, priced.column)
    low, high = best.threshold_spread
    tuned, reported = priced.tuned_on, priced.reported
    counts = priced.indexes[reported].counts([best.threshold, now])
    a_thousand, a_month = net_value(counts, payoffs, PER), net_value(counts, payoffs, volume)
    tiles(
        (
            "Best threshold",
            threshold(best.threshold),
            f"{threshold(low)} to {threshold(high)} in 90% of resamples",
        ),
        (
            f"Per {PER:,} rows, {tuned}",
            priced.money(PER * best.value),
            f"in-sample (optimistic); on new rows {' to '.join(priced.money(PER * end) for end in best.interval)} "
            "(90% interval)",
        ),
        *([(f"Per {PER:,} rows, {reported}", priced.money(a_thousand[0]), "")] if reported != tuned else []),
        (
            f"Per month of {counted(volume, 'row')}, {reported}",
            priced.money(a_month[0]),
            priced.more(a_month[0] - a_month[1], "the current threshold"),
        ),
    )
    tune.show_findings(source, priced.column, "cost", "costs")
    st.button(
        "Use this threshold",
        on_click=thresholds.use_rule,
        args=(source, priced.column, best.threshold, "cost", tuned),
        help="Makes it the current threshold.",
    )
    with st.container(border=True):
        _figure(priced, best, now, before)
        theory = {"Theory": payoffs.threshold} if priced.probabilities else {}
        found = {f"Best on {tuned}": best.threshold, **theory, "Current": now}
        _table(priced, found | ({} if before is None else {"Saved": before}) | ENDS)


def _figure(priced: Priced, best: Optimum, now: float, before: float | None) -> None:
    st.markdown(f"**Net value of {PER:,} rows against threshold**")
    axis = priced.scale
    curves = {
        part: value_curve(index.mapped(partial(place, scale=axis)), priced.payoffs, PER)
        for part, index in priced.indexes.items()
    }
    theory = priced.payoffs.threshold if priced.probabilities else math.nan
    marks = [
        threshold_mark("best", best.threshold, axis),
        *([threshold_mark("theory", theory, axis, "dash")] if priced.probabilities else []),
        *([] if before is None else [threshold_mark("saved", before, axis, "dot")]),
        threshold_mark("current", now, axis, heavy=True),
    ]
    live_figure(
        value_figure(curves, marks, best.threshold_spread, priced.unit, axis),
        key="net_value",
        alt=f"Net value against threshold: at best {priced.money(PER * best.value)} per "
        f"{rows_label(priced.tuned_on, PER)}, at {threshold(best.threshold)}"
        + (f"; theory says {threshold(theory)}." if priced.probabilities else "."),
        height=400,
        revision=f"{priced.source.id} {priced.column} {axis}",
    )
    st.caption(
        f"Shaded: spread of the best threshold over 90% of unstratified resamples of "
        f"{rows_label(priced.tuned_on, the=True)}. 90% "
        "interval: of the net value of this threshold in the population. "
        + f"Dashed: theory (Elkan, 2001), {text.rate(theory)}, optimal for calibrated scores. " * priced.probabilities
        + "Lines are accurate to 0.1% of the height; the table is exact."
    )
    priced.say_theory_is_missing("costs.theory", "The threshold of theory (Elkan, 2001)")


def _table(priced: Priced, compared: dict[str, float]) -> None:
    """Each threshold with its net value on each split."""
    at = np.array(list(compared.values()))
    counts = {part: index.counts(at) for part, index in priced.indexes.items()}
    table = pd.DataFrame({"": list(compared), "threshold": at})
    table["logit"] = logit(np.clip(at, 0, 1))
    reported = priced.reported
    table[f"predicted positive, {reported}"] = counts[reported].predicted_positive
    amounts = [f"{PER:,} rows, {part}" for part in priced.parts]
    for name, part in zip(amounts, priced.parts, strict=True):
        table[name] = net_value(counts[part], priced.payoffs, PER)
    table[f"per month, {reported}"] = net_value(counts[reported], priced.payoffs, priced.volume)
    alt = f"Net value of each threshold on {' and '.join(priced.parts)} rows."
    priced.show_table(table, [*amounts, f"per month, {reported}"], alt=alt)
