"""Another prevalence in production: what the current threshold is worth there, and which one would be best."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from scipy.special import logit

from core.evaluation import METRICS, metric_curve
from core.evaluation import prevalence as shift
from core.evaluation.prevalence import GRID, Aim, BestThresholds
from core.evaluation.source import Key, ScoreSource, rows_label, tuned_on
from core.evaluation.tuning import Bootstrap, bootstrap, candidates
from core.evaluation.value.payoffs import Payoffs, net_value
from core.plots import prevalence as plots
from core.plots.costs import threshold_mark
from core.plots.style import place
from pages.components.live_figure import live_figure
from pages.shared import controls, payoffs, state, text, thresholds
from pages.workbench.panels import tune
from pages.workbench.panels.payoffs import PER, Priced, threshold
from pages.workbench.panels.tiles import tiles

AIMS: dict[Aim, str] = {"f1": "F1", "cost": "net value", "accuracy": "accuracy"}
LINES = ("precision", "f1", "accuracy")
CURVES = ("precision", "recall", "f1")
PREDICTED: dict[Aim, str] = {
    "f1": "the score whose probability there is F*/2, with F* the maximum F1 there",
    "cost": "the score whose probability there is Elkan's threshold",
    "accuracy": "the score whose probability there is 0.5",
}
READS_PROBABILITIES: dict[Aim, str] = {"f1": "half_f1", "cost": "cost"}  # as the rules that checks know
ASSUMED = (
    "Assumes label shift: the scores of each class keep their distribution, so recall and false positive rate stay."
)


def show(source: ScoreSource, part: str, column: int) -> None:
    """The prevalence in production, with precision, net value and the best threshold there."""
    pays = payoffs.current()
    priced = Priced(source, part, column, pays, payoffs.unit(), source.scores(part).n_rows)
    here = priced.indexes[priced.tuned_on].prevalence
    if not 0 < here < 1:
        rows = rows_label(priced.tuned_on, "All" if here == 1 else "No")
        label = text.plain(priced.views[priced.tuned_on].label)
        st.markdown(f"{rows} are {label}, so another prevalence can't be simulated.")
        return
    now, before = thresholds.of_column(source, column)
    with st.container(border=True):
        there = _choose_prevalence(source, column, here)
        _tiles(priced, now, here, there)
    aim = _choose_aim()
    if aim == "cost" and pays.flaw:
        st.markdown(f"{pays.flaw} What follows is for F1.")
        aim = "f1"
    of = source.id, source.version
    tuned, theory = _tune(of, column, aim, pays, there, source)
    best = tuned.choice.threshold
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _against_prevalence(priced, now, here, there)
    with right.container(border=True, height="stretch"):
        _best_against_prevalence(priced, aim, _best(of, column, aim, pays, source), here, there)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        _against_threshold(priced, now, best, theory, there)
    with right.container(border=True, height="stretch"):
        _best_there(priced, aim, tuned, theory, there)
        predicted = {"Predicted": theory} if priced.probabilities else {}
        compared = {"Tuned": best, **predicted, "Current": now}
        _table(priced, aim, there, compared | ({} if before is None else {"Saved": before}))


def _choose_prevalence(source: ScoreSource, column: int, here: float) -> float:
    """The prevalence in production, that of the rows to tune on until another is chosen: a slider, a number to type."""
    key = state.PREVALENCE.of(source.id, column)
    there = key.setdefault(here)
    options = sorted({*GRID, here})
    slider = state.PREVALENCE_SLIDER.of(source.id, column)
    number = state.PREVALENCE_PERCENT.of(source.id, column)
    # Each control writes the other when it is moved, and nothing is written while they are drawn: that would overtake
    # a control which moves on meanwhile.
    slider.setdefault(shift.nearest(there, options))
    number.setdefault(_in_percent(there))

    def slid() -> None:
        key.set(slider.get())
        number.set(_in_percent(slider.get()))

    def typed() -> None:
        if (value := number.get()) is not None:
            key.set(value / 100)
            slider.set(shift.nearest(value / 100, options))

    wide, narrow = st.columns([4, 1], vertical_alignment="bottom")
    wide.select_slider(
        "Prevalence in production",
        options,
        key=slider.name,
        format_func=_percent,
        on_change=slid,
        persist_state="session",
    )
    narrow.number_input(
        "in percent",
        0.0001,
        99.9999,
        step=0.1,
        format="%g",
        key=number.name,
        on_change=typed,
        persist_state="session",
    )
    st.caption(f"{_percent(here)} of {rows_label(tuned_on(source), the=True)} are positive. {ASSUMED}")
    return there


def _choose_aim() -> Aim:
    chosen = st.segmented_control(
        "Best for",
        list(AIMS),
        format_func=AIMS.__getitem__,
        key=state.PREVALENCE_AIM.name,
        default=state.PREVALENCE_AIM.default,
        required=True,
        persist_state="session",
        help="What the best threshold maximises. Net value uses the payoffs of the panel Value.",
    )
    return chosen if chosen in AIMS else "f1"


@st.cache_data(max_entries=64)
def _best(of: Key, column: int, aim: Aim, payoffs: Payoffs, _source: ScoreSource) -> BestThresholds:
    """The best threshold at every prevalence of the grid; predicted for probabilities alone."""
    best = shift.best_thresholds(aim, payoffs, candidates(_source.index(tuned_on(_source), column)), GRID)
    return best if controls.are_probabilities(_source) else replace(best, predicted=np.full(len(GRID), np.nan))


@st.cache_data(max_entries=256, show_spinner="Tuning on resamples")
def _tune(
    of: Key, column: int, aim: Aim, payoffs: Payoffs, there: float, _source: ScoreSource
) -> tuple[Bootstrap, float]:
    """The threshold tuned for a prevalence on its split and on resamples, and the one predicted, NaN for
    scores that are not probabilities."""
    rule = shift.rule_at(shift.rule_of(aim, payoffs), there)
    part = tuned_on(_source)
    counts, view = candidates(_source.index(part, column)), _source.scores(part).view(column)
    tuned = bootstrap(rule, view.y, view.score, sample_weight=_source.row_columns(part).weight)
    if not controls.are_probabilities(_source):
        return tuned, math.nan
    return tuned, shift.predicted(aim, payoffs, counts, there)


def _tiles(priced: Priced, now: float, here: float, there: float) -> None:
    """What the current threshold is worth at the prevalence chosen, beside that of the data where the two differ."""
    point = priced.indexes[priced.part].counts(now)
    at, before = shift.shifted(point, there), shift.shifted(point, here)
    low, high = shift.precision_interval(point, there)
    values = {name: (METRICS[name](at), METRICS[name](before)) for name in LINES}

    def data(was: str) -> str:
        return "" if there == here else f"{was} at the data's {_percent(here)}"

    shown = [
        (f"{METRICS[name].label} at {_percent(there)}", text.rate(float(value)), data(text.rate(float(was))))
        for name, (value, was) in values.items()
    ]
    label, value, caption = shown[0]
    interval = f"90% interval {text.rate(float(low))} to {text.rate(float(high))}"
    shown[0] = label, value, "; ".join(filter(None, (interval, caption)))
    value, was = (priced.money(float(net_value(counts, priced.payoffs, PER))) for counts in (at, before))
    tiles(*shown, (f"{PER:,} rows at {_percent(there)}", value, data(was)))


def _against_prevalence(priced: Priced, now: float, here: float, there: float) -> None:
    point = priced.indexes[priced.part].counts(now)
    at = shift.shifted(point, GRID)
    st.markdown(f"**At threshold {threshold(now)}, against prevalence**")
    live_figure(
        plots.prevalence_figure(
            GRID,
            {METRICS[name].label: METRICS[name](at) for name in LINES},
            shift.precision_interval(point, GRID),
            [plots.share_mark("data", here, "dot"), plots.share_mark("production", there, heavy=True)],
        ),
        key="prevalence",
        alt=f"Precision, F1 and accuracy of the current threshold against the prevalence, {rows_label(priced.part)}.",
        height=380,
        revision=f"{priced.source.id} {priced.part} {priced.column}",
    )
    st.caption(
        f"{rows_label(priced.part).capitalize()}. Shaded: interval of precision, coverage at least 90% (Wilson, of "
        "both rates)."
    )


def _best_against_prevalence(priced: Priced, aim: Aim, best: BestThresholds, here: float, there: float) -> None:
    st.markdown(f"**Best threshold for {AIMS[aim]}, against prevalence**")
    live_figure(
        plots.best_figure(
            best,
            priced.tuned_on,
            [plots.share_mark("data", here, "dot"), plots.share_mark("production", there, heavy=True)],
            priced.scale,
        ),
        key="best_threshold",
        alt=f"The best threshold for {AIMS[aim]} against the prevalence, tuned on {rows_label(priced.tuned_on)} and "
        "predicted.",
        height=380,
        revision=f"{priced.source.id} {priced.column} {aim} {priced.scale}",
    )
    if priced.probabilities:
        st.caption(f"Dashed: predicted for scores that are calibrated at {_percent(here)}: {PREDICTED[aim]}.")
    priced.say_theory_is_missing("prevalence.theory", "The predicted threshold")


def _against_threshold(priced: Priced, now: float, best: float, theory: float, there: float) -> None:
    axis = priced.scale
    index = priced.indexes[priced.part].mapped(partial(place, scale=axis))
    st.markdown(f"**At {_percent(there)}, against threshold**")
    curves = {METRICS[name].label: metric_curve(index, shift.metric_at(METRICS[name], there)) for name in CURVES}
    marks = [threshold_mark("tuned", best, axis)]
    if priced.probabilities:
        marks.append(threshold_mark("predicted", theory, axis, "dash"))
    live_figure(
        plots.metrics_at_figure(curves, now, marks, axis),
        key="metrics_there",
        alt=f"Precision, recall and F1 of {rows_label(priced.part, the=True)} against the threshold at "
        f"{_percent(there)}.",
        height=380,
        revision=f"{priced.source.id} {priced.part} {priced.column} {axis}",
    )
    st.caption(f"{rows_label(priced.part).capitalize()}, each class weighted by its new share divided by its old one.")


def _best_there(priced: Priced, aim: Aim, tuned: Bootstrap, theory: float, there: float) -> None:
    """The thresholds that are best there, in a sentence, with the button that makes the tuned one current."""
    best, (low, high) = tuned.choice.threshold, tuned.threshold_spread
    st.markdown(f"**Best threshold for {AIMS[aim]} at {_percent(there)}**")
    st.markdown(
        f"Tuned on {rows_label(priced.tuned_on)}: {threshold(best)}, spread over 90% of resamples {threshold(low)} to "
        f"{threshold(high)}." + (f" Predicted: {threshold(theory)}." if priced.probabilities else "")
    )
    st.button(
        "Use the tuned threshold",
        on_click=thresholds.use_rule,
        args=(priced.source, priced.column, best, aim, priced.tuned_on),
        help="Makes it the current threshold.",
    )
    if use := READS_PROBABILITIES.get(aim):
        tune.show_findings(priced.source, priced.column, use, "prevalence")


def _table(priced: Priced, aim: Aim, there: float, compared: dict[str, float]) -> None:
    """Each threshold with what it is worth at the prevalence chosen, on each split."""
    at = np.array(list(compared.values()))
    counts = {part: shift.shifted(index.counts(at), there) for part, index in priced.indexes.items()}
    table = pd.DataFrame({"": list(compared), "threshold": at, "logit": logit(np.clip(at, 0, 1))})
    names = [f"{AIMS[aim]}, {part}" for part in priced.parts]
    for name, part in zip(names, priced.parts, strict=True):
        table[name] = net_value(counts[part], priced.payoffs, PER) if aim == "cost" else METRICS[aim](counts[part])
    table[f"precision, {priced.reported}"] = METRICS["precision"](counts[priced.reported])
    priced.show_table(table, names if aim == "cost" else [], alt=f"What each threshold is worth at {_percent(there)}.")
    if aim == "cost":
        st.caption(f"Net value of {PER:,} rows.")


def _in_percent(share: float) -> float:
    """A share as a number to type, in percent with four digits."""
    return float(f"{100 * share:.4g}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
