"""A threshold by rule: tuned on one split, shown with its spread and with what it is worth on rows of another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core import checks
from core.evaluation import METRICS
from core.evaluation.source import Key, ScoreSource, held_out, rows_label, tuned_on
from core.evaluation.tuning import (
    PREVALENCE,
    Bootstrap,
    Choice,
    Optimism,
    Regret,
    Rule,
    RuleSpec,
    Tuned,
    bootstrap_of,
    candidates,
    population_best,
    rules,
    simulate,
    tune,
)
from core.evaluation.value.payoffs import NET_VALUE, bind_paid
from core.parameters import Value
from core.plots.style import Scale, limits
from core.plots.tuning import Steps, optimism_figure, thinned, tuned_figure
from core.text import counted
from pages.components.live_figure import live_figure
from pages.shared import controls, findings, payoffs, session, state, text, thresholds
from pages.workbench.panels.payoffs import caption, show_fields
from pages.workbench.panels.tiles import tiles

Params = tuple[tuple[str, Value], ...]
ESTIMATE = (
    "What this threshold is worth in the population, with its interval. The whole tuning is repeated on resamples of "
    "these rows, drawn with replacement and without regard to class. The estimate is .368 of the in-sample "
    "value and .632 of the out-of-bag value (the .632 bootstrap)."
)
SIZES = (25, 50, 100, 200, 500, 1000, 2000, 5000)  # rows of a simulated split
DRAWN = 200_000  # rows drawn for each of them


def show(source: ScoreSource, _part: str, column: int) -> None:
    """A tuning rule and its parameters, the threshold that it finds for a class or label, and a button to use it."""
    name, params = _choose_rule()
    if name == NET_VALUE and (flaw := payoffs.current().flaw):
        st.markdown(flaw)
        return
    tuned, lost = _tune((source.id, source.version), column, name, params, source)
    choice, value, part = tuned.choice, rules()[name].value, tuned_on(source)
    if not choice.feasible:
        st.markdown(text.plain(choice.said))
    show_findings(source, column, name, "tune")
    low, high = tuned.threshold_spread
    estimated = f"{value}, new rows"
    tiles(
        (
            "Threshold",
            _number(choice.threshold),
            f"{_number(low)} to {_number(high)} in {tuned.level:.0%} of resamples",
        ),
        (f"{value}, {part}", _number(choice.value), "in-sample (optimistic)"),
        (
            estimated,
            _number(tuned.estimate),
            f"{tuned.level:.0%} interval {' to '.join(map(_number, tuned.interval))}",
        ),
        *([(f"{value}, {held_out(source)}", _number(lost.value), _of_regret(lost, held_out(source)))] if lost else []),
        helps={
            "Threshold": f"{text.plain(choice.said)} Range: over {_resamples(tuned)}.",
            estimated: ESTIMATE,
            f"{value}, {held_out(source)}": "Regret: the difference to the best threshold on these rows.",
        },
    )
    st.button(
        "Use this threshold",
        on_click=thresholds.use_rule,
        args=(source, column, choice.threshold, name, part),
        help="Makes it the current threshold.",
    )
    _on_demand(
        f"{value} against threshold, {' and '.join(_parts(source))}",
        state.TUNED_CURVE,
        lambda: _show_curve(source, column, name, params, tuned, lost),
    )
    _on_demand(
        f"Metrics at threshold {_number(choice.threshold)}",
        state.TUNED_METRICS,
        lambda: _show_beside(source, column, choice.threshold),
    )
    _on_demand(
        "How optimistic is a tuned threshold?",
        state.OPTIMISM,
        lambda: _show_optimism(int(source.scores(part).positives[column]), part),
    )


def _on_demand(title: str, key: state.Key[bool], draw: Callable[[], None]) -> None:
    """What is drawn, and computed, once somebody opens it."""
    with st.expander(title, key=key.name, on_change="rerun") as place:
        if place.open:
            draw()


class Best(NamedTuple):
    """The best threshold by a rule, as in "max F1 0.93", and its spread over resamples, (low, high)."""

    threshold: float
    label: str
    spread: tuple[float, float]


def best(source: ScoreSource, column: int) -> Best | None:
    """What the rule chosen in the Tune panel finds on the rows that it tunes on; None where nothing can be tuned.

    An end of the spread that is above every score is that of the axis.
    """
    rule = _chosen()
    if rule is None:
        return None
    tuned = bootstrap_of(source, column, rule, tuned_on(source))
    if math.isnan(tuned.choice.value):
        return None
    end = 1.0 if controls.are_probabilities(source) else limits(controls.scale_of(source))[1]
    low, high = (min(threshold, end) for threshold in tuned.threshold_spread)
    return Best(tuned.choice.threshold, f"{_short(rule)} {_number(tuned.choice.threshold)}", (low, high))


def label_for_all(source: ScoreSource) -> tuple[str, str] | None:
    """What a button that calls `use_for_all` says, and its tooltip; None where nothing can be tuned."""
    rule, kind = _chosen(), "label" if source.task == "multilabel" else "class (one-vs-rest)"
    if rule is None:
        return None
    said = f"The threshold of each {kind} by the rule chosen in Tune, on {rows_label(tuned_on(source), the=True)}."
    return f"Tune all: {_short(rule)}", said


def best_for_all(source: ScoreSource) -> tuple[float | None, ...] | None:
    """What the chosen rule finds for each class or label (C,), inf above every score, None where it finds none; None
    where nothing can be tuned."""
    rule = _chosen()
    return _best_for_all((source.id, source.version), rule.spec.name, rule.params, source) if rule else None


@st.cache_data(max_entries=64, show_spinner=False)
def _best_for_all(of: Key, name: str, params: Params, _source: ScoreSource) -> tuple[float | None, ...]:
    rule, part = bind_paid(name, dict(params)), tuned_on(_source)
    columns = range(_source.scores(part).n_columns)
    found = [rule(candidates(_source.index(part, column))) for column in columns]
    return tuple(None if math.isnan(choice.value) else choice.threshold for choice in found)


def use_for_all(source: ScoreSource) -> None:
    """Make what the chosen rule finds for each class or label its current threshold; where it finds none, the threshold
    stays, and a sentence is kept."""
    rule, part, domain = _chosen(), tuned_on(source), thresholds.domain(source)
    found = best_for_all(source)
    if rule is None or found is None:
        return
    thresholds.replace_all(
        source,
        tuple(
            now if best is None else domain.found(best, rule.spec.name, part)
            for now, best in zip(thresholds.current(source), found, strict=True)
        ),
    )
    names = source.scores(part).column_names
    left = [name for name, best in zip(names, found, strict=True) if best is None]
    if left:
        session.complain(f"{_short(rule)} is undefined for {', '.join(left)}: the threshold is as before.")


def _chosen() -> Rule | None:
    """The rule chosen in the panel with its parameters, the first one until one is chosen; None where payoffs have a
    flaw."""
    spec = _rule()
    if spec.name == NET_VALUE and payoffs.current().flaw:
        return None
    chosen = {param: state.RULE_PARAM.of(spec.name, param.name).get() for param in spec.params}
    params = tuple((param.name, param.check(param.default if to is None else to)) for param, to in chosen.items())
    return bind_paid(spec.name, dict(payoffs.params() if spec.name == NET_VALUE else params))


def _short(rule: Rule) -> str:
    return rule.spec.label.replace("Maximum", "max")


def show_findings(source: ScoreSource, column: int, rule: str, where: str) -> None:
    """What is to be said of using a rule on these scores, as quiet lines; `where` tells the places of lines apart."""
    found = _findings((source.id, source.version), column, rule, source)
    findings.show(found, where, None)
    if any(checks.CHECKS[finding.code].place == "rule" for finding in found):
        controls.offer_calibration(where)


@st.cache_data(max_entries=256, show_spinner=False)
def _findings(of: Key, column: int, rule: str, _source: ScoreSource) -> tuple[checks.Finding, ...]:
    return checks.of_rule(_source, column, rule)


def _names() -> dict[str, str]:
    """The rules that tune a threshold, with their labels."""
    return {name: spec.label for name, spec in rules().items() if name != "fixed"}


def _rule() -> RuleSpec:
    """The rule chosen last, else the first."""
    names = _names()
    return rules()[state.RULE.get() if state.RULE.get() in names else next(iter(names))]


def _choose_rule() -> tuple[str, Params]:
    """The rule by name, and its params."""
    spec = _rule()
    help = caption() if spec.name == NET_VALUE else spec.help
    name = controls.choose("Rule", state.RULE, _names(), help=f"{help}\n\n{spec.reference}")
    if name == NET_VALUE:
        show_fields()
        return name, payoffs.params()
    if not spec.params:
        return name, ()
    with st.container(horizontal=True):
        keys = {param: state.RULE_PARAM.of(name, param.name) for param in spec.params}
        return name, tuple((param.name, controls.of_param(param, key)) for param, key in keys.items())


@st.cache_data(max_entries=256, show_spinner="Tuning on resamples")
def _tune(of: Key, column: int, name: str, params: Params, _source: ScoreSource) -> Tuned:
    """What the rule chooses on its split and on resamples, and its regret on the other split if there is one."""
    return tune(_source, column, bind_paid(name, dict(params)))


@st.cache_data(max_entries=256, show_spinner=False)
def _steps(of: Key, column: int, name: str, params: Params, scale: Scale, _source: ScoreSource) -> dict[str, Steps]:
    """What is tuned against the threshold, by split."""
    goal = bind_paid(name, dict(params)).goal

    def steps(part: str) -> Steps:
        counts = candidates(_source.index(part, column))
        return thinned(counts.thresholds, goal(counts).value, scale)

    return {part: steps(part) for part in _parts(_source)}


def _parts(source: ScoreSource) -> tuple[str, ...]:
    """The split to tune on, then the other one if there is one."""
    other = held_out(source)
    return (tuned_on(source), other) if other else (tuned_on(source),)


def _show_curve(
    source: ScoreSource, column: int, name: str, params: Params, tuned: Bootstrap, lost: Regret | None
) -> None:
    """What is tuned against the threshold on each split."""
    value, scale = rules()[name].value, controls.scale_of(source)
    steps = _steps((source.id, source.version), column, name, params, scale, source)
    live_figure(
        tuned_figure(value, steps, tuned, lost, scale),
        key="tuned",
        alt=_in_words(source, value, tuned, lost),
        height=420,
        revision=f"{source.id} {column} {name} {scale}",
    )
    st.caption(_of_figure(tuned))


def _show_beside(source: ScoreSource, column: int, threshold: float) -> None:
    """Metrics at the threshold on the rows that it was tuned on, and on rows that it was not."""
    points = {part: source.index(part, column).counts(threshold) for part in _parts(source)}
    table = pd.DataFrame(
        {
            part: {metric.label: float(metric(point)) for metric in METRICS.values() if not metric.params}
            for part, point in points.items()
        }
    )
    part, *others = points
    for other in others:
        table["difference"] = table[other] - table[part]
    st.table(
        table.style.format(precision=3, na_rep="undefined").format(
            "{:+.3f}", subset=["difference"] if others else [], na_rep="undefined"
        ),
        border="horizontal",
        alt=f"Metrics at threshold {_number(threshold)} on {' and on '.join(map(rows_label, points))}.",
    )
    estimates = "".join(f"; {rows_label(other, the=True)} estimate its metrics on new rows" for other in others)
    st.caption(f"The threshold was tuned on {rows_label(part)}{estimates or ': in-sample (optimistic)'}.")


def _resamples(tuned: Bootstrap) -> str:
    return f"{tuned.level:.0%} of {len(tuned.thresholds):,} resamples"


def _of_figure(tuned: Bootstrap) -> str:
    """How the figure is to be read."""
    above = sum(map(math.isinf, tuned.thresholds.tolist()))
    predict = counted(above, "resample predicts", "resamples predict")
    beyond = f" {predict} all negative, drawn at the end." if above else ""
    return (
        f"Band: spread of the threshold, {_resamples(tuned)}; each of them below. Bar beside the line: .632 bootstrap "
        f"estimate of the value with its {tuned.level:.0%} interval.{beyond}"
    )


def _in_words(source: ScoreSource, value: str, tuned: Bootstrap, lost: Regret | None) -> str:
    low, high = tuned.threshold_spread
    said = (
        f"{value} against threshold. Tuned on {rows_label(tuned_on(source))}: {_number(tuned.choice.value)} at "
        "threshold "
        f"{_number(tuned.choice.threshold)}, spread {_number(low)} to {_number(high)} over {_resamples(tuned)}."
    )
    if lost is None:
        return said
    other = rows_label(held_out(source) or "")
    return (
        f"{said} On {other} {_number(lost.value)} there; the best is {_number(lost.best)} at "
        f"{_number(lost.best_threshold)}."
    )


def _of_regret(lost: Regret, part: str | None) -> str:
    """The regret on the rows of another split: how far they are below the best that could be tuned on them."""
    if not lost.kept:
        return "constraint violated on these rows"
    if math.isnan(lost.loss):
        return ""
    return f"regret {_number(lost.loss)} (best on {part}: {_number(lost.best)} at {_number(lost.best_threshold)})"


def _number(value: float) -> str:
    return "above every score" if math.isinf(value) else text.rate(value)


# --- how optimistic tuning is


def _show_optimism(positives: int, part: str) -> None:
    """F1 tuned on samples of a known population, in-sample and in the population; at first on about as many rows as
    have this many positives."""
    found, best = _simulated()
    alike = positives / PREVALENCE
    chosen = st.select_slider(
        "Rows to tune on",
        SIZES,
        min(SIZES, key=lambda n: abs(n - alike)),
        format_func="{:,}".format,
        key=state.OPTIMISM_ROWS.name,
        persist_state="session",
        help="Samples are drawn repeatedly from a population with 7.7% positives, scored by a calibrated model.",
    )
    one = next(one for one in found if one.n == chosen)
    st.markdown(
        f"Tuned on {chosen:,} rows, F1 is **{one.in_sample.mean():.3f}** in-sample and **{one.true.mean():.3f}** in "
        f"the population, at thresholds of {one.thresholds.mean():.3f} ± {one.thresholds.std():.3f}; the best possible "
        f"is {best.value:.3f} at {best.threshold:.3f}."
    )
    st.caption(f"You have {positives:,} positives to tune on, as {alike:,.0f} rows here have on average.")
    live_figure(
        optimism_figure(found, best, chosen),
        key="optimism_figure",
        alt=". ".join(
            f"{one.n:,} rows: in-sample {one.in_sample.mean():.3f}, population {one.true.mean():.3f}, threshold "
            f"{one.thresholds.mean():.3f} ± {one.thresholds.std():.3f}"
            for one in found
        ),
        height=420,
    )
    st.caption(
        "Bands: one standard deviation over samples. The model is calibrated, so all optimism comes from tuning the "
        "threshold; it grows with fewer rows."
    )


@st.cache_data(show_spinner=False)
def _simulated() -> tuple[tuple[Optimism, ...], Choice]:
    """Samples of every size, and the best in the population."""
    return tuple(simulate(n, DRAWN // n) for n in SIZES), population_best()
