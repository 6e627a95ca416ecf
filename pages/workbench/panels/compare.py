"""Two to six sources on the same rows: curves and numbers side by side, and how much of a difference may be chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, ScoreIndex, comparison, metric_curve, pr_curve, roc_curve
from core.evaluation.calibration import reliability
from core.evaluation.comparison import Comparison, measures
from core.evaluation.source import Key, ScoreSource, rows_label, tuned_on
from core.evaluation.tuning import bind, candidates
from core.evaluation.value.payoffs import Payoffs
from core.parameters import Value
from core.plots import comparison as plots
from core.plots.race import Line, Spec
from core.plots.style import limits, place
from pages.components.live_figure import live_figure
from pages.shared import choices, controls, payoffs, state, tables, text, thresholds
from pages.workbench.panels import comparable_sources
from pages.workbench.panels.payoffs import caption, show_fields

MODES = {"own": "each its own", "f1": "tuned for F1", "common": "one for all"}
DOT = st.column_config.ImageColumn(width=30, pinned=True)


class Compared(NamedTuple):
    """The sources on the chart, the first the one that the others are compared with: their labels y (N,), scores (N,),
    indexes, the weights of the rows (N,) if they have some, and thresholds of one class or label (one-vs-rest), and the
    costs of a false positive and a false negative."""

    sources: list[ScoreSource]
    lines: list[Line]
    y: NDArray[np.bool_]
    scores: list[NDArray[np.floating]]
    indexes: list[ScoreIndex]
    weight: NDArray | None
    thresholds: list[float]
    costs: dict[str, float]


def show(source: ScoreSource, part: str, column: int) -> None:
    """Choose runs to compare this one with, and see all of them on one chart, in numbers, and by their differences."""
    members = comparable_sources.with_others(source, part)
    refused = {
        name: why for name, other in members.items() if (why := comparable_sources.why_not(source, other.source, part))
    }
    offered = {name: other for name, other in members.items() if name not in refused and name != source.id}
    if not offered:
        _say_alone(trained=source.config is not None)
        comparable_sources.say_refused(members, refused)
        return
    others = [members[name] for name in comparable_sources.choose(source, members, offered)]
    comparable_sources.say_refused(members, refused)
    if not others:
        st.markdown("Choose one more to compare this one with.")
        return
    compared = _compared([members[source.id]._replace(source=source), *others], part, column)
    _say_odd(compared, part, source.scores(part).view(column).label)
    curves, gaps = st.columns([3, 2])
    with curves.container(border=True, height="stretch"):
        _show_curves(compared, part)
    with gaps.container(border=True, height="stretch"):
        _show_differences(compared, part, column)
    _show_numbers(compared, part, tuned=part == tuned_on(source) and state.COMPARE_MODE.get() == "f1")


def _say_alone(trained: bool) -> None:
    """How to get something to compare with a trained run, or with opened predictions."""
    if not trained:
        st.markdown(
            "There are no other predictions to compare these with. Open a second file with the same labels, row by "
            "row, such as the scores of another model."
        )
        return
    st.markdown(
        "There is no other run to compare this one with. Train one on the same data with the same split, with another "
        "model, loss or seed."
    )
    st.page_link(choices.COMPARE, label="Train another one", icon=":material/arrow_forward:")


def _compared(members: Sequence[comparable_sources.Member], part: str, column: int) -> Compared:
    sources = [member.source for member in members]
    views = [source.scores(part).view(column) for source in sources]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = _choose_thresholds(sources, part, column)
        costs = _costs()
    indexes = [source.index(part, column) for source in sources]
    scores = [view.score for view in views]
    weight = sources[0].row_columns(part).weight
    return Compared(sources, comparable_sources.lines(members), views[0].y, scores, indexes, weight, chosen, costs)


def _choose_thresholds(sources: Sequence[ScoreSource], part: str, column: int) -> list[float]:
    """The threshold of each source, (R,), inf above every score."""
    mode = st.segmented_control(
        "Thresholds",
        list(MODES),
        format_func=MODES.__getitem__,
        key=state.COMPARE_MODE.name,
        default=state.COMPARE_MODE.default,
        required=True,
        persist_state="session",
        help="Each its own: the current threshold of each run. Tuned for F1: maximum F1 on the validation rows, or on "
        "the only ones, for each run.",
    )
    own = [thresholds.of_column(source, column)[0] for source in sources]
    if mode == "own":
        return own
    if mode == "common":
        unit = all(map(controls.are_probabilities, sources))
        low, high = (0.0 if unit else None), (1.0 if unit else None)
        common = st.number_input(
            "Threshold",
            low,
            high,
            min(own[0], limits(controls.scale_of(*sources))[1]) if math.isinf(own[0]) else own[0],
            0.01,
            "%.4f",
            key=state.COMPARE_THRESHOLD.name,
            width=130,
            persist_state="session",
        )
        chosen = [float(common)] * len(sources)
    else:
        chosen = [_tuned(source, column) for source in sources]
    st.button(
        "Use these thresholds",
        key="compare.use",
        on_click=lambda: _use(sources, part, column, chosen, mode),
        help="Makes them the current thresholds of the runs.",
    )
    return chosen


def _tuned(source: ScoreSource, column: int) -> float:
    return bind("f1")(candidates(source.index(tuned_on(source), column))).threshold


def _use(sources: Sequence[ScoreSource], part: str, column: int, chosen: Sequence[float], mode: str) -> None:
    for source, threshold in zip(sources, chosen, strict=True):
        if mode == "common":
            thresholds.move(source, column, threshold, "typed", part)
        else:
            thresholds.use_rule(source, column, threshold, "f1", tuned_on(source))
    state.COMPARE_MODE.set("own")


def _costs() -> dict[str, float]:
    """What a false positive and a false negative cost, each against the correct prediction, by the payoffs of the
    session; by the defaults, with a sentence, where an error is worth more than a correct prediction."""
    with st.popover("Payoffs", icon=":material/payments:"):
        st.caption(caption())
        show_fields()
    pays = payoffs.current()
    if min(pays.at_stake) < 0:
        st.markdown(f"{pays.flaw} Cost per row is that of the default payoffs.")
        pays = Payoffs()
    cost_fn, cost_fp = pays.at_stake
    return {"cost_fp": cost_fp, "cost_fn": cost_fn}


def _say_odd(compared: Compared, part: str, label: str) -> None:
    """What can't be told from these rows or scores, and which scores are still to change."""
    positives = int(np.count_nonzero(compared.y))
    if not positives:
        st.warning(
            f"{rows_label(part, 'No')} are {text.plain(label)}: recall, both curves and their areas are undefined, "
            "and F1 is 0 "
            "wherever a row is predicted positive."
        )
    elif positives == len(compared.y):
        st.warning(f"{rows_label(part, 'All')} are {text.plain(label)}: ROC and specificity are undefined.")
    for letter, score in zip(plots.LETTERS, compared.scores, strict=False):
        if len(score) and score.min() == score.max():
            st.warning(f"{letter} gives {rows_label(part, 'all')} the score {score[0]:.4g}, so it does not rank them.")
    for letter, source in zip(plots.LETTERS, compared.sources, strict=False):
        if not source.about.final:
            st.caption(f"{letter} is not final yet: {source.about.origin}.")


def _show_curves(compared: Compared, part: str) -> None:
    """One chart for all runs; which one is chosen above it."""
    view = st.segmented_control(
        "Chart",
        list(VIEWS),
        key=state.COMPARE_VIEW.name,
        default=next(iter(VIEWS)),
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    try:
        figure = VIEWS[view](compared)
    except CutoffError as error:  # reliability is that of probabilities
        st.info(text.plain(str(error)))
        controls.offer_calibration("compare")
        return
    live_figure(
        figure,
        key="compare_curves",
        alt=_in_words(compared, view, part),
        height=plots.HEIGHT,
        revision=" ".join([view, part, controls.scale_now(), *(source.id for source in compared.sources)]),
    )
    st.caption(f"{ABOUT[view]} Letters: the runs' thresholds.")


def _pr(compared: Compared) -> Spec:
    indexes = compared.indexes
    points = [index.counts(t) for index, t in zip(indexes, compared.thresholds, strict=True)]
    return plots.pr_curves(compared.lines, [pr_curve(index) for index in indexes], points, indexes[0].prevalence)


def _roc(compared: Compared) -> Spec:
    indexes = compared.indexes
    points = [index.counts(t) for index, t in zip(indexes, compared.thresholds, strict=True)]
    return plots.roc_curves(compared.lines, [roc_curve(index) for index in indexes], points)


def _cost(compared: Compared) -> Spec:
    spec, scale = METRICS["cost"], controls.scale_of(*compared.sources)
    placed = [index.mapped(partial(place, scale=scale)) for index in compared.indexes]
    costs = [
        float(spec(index.counts(t), **compared.costs))
        for index, t in zip(compared.indexes, compared.thresholds, strict=True)
    ]
    curves = [metric_curve(index, spec, **compared.costs) for index in placed]
    return plots.cost_curves(compared.lines, curves, compared.thresholds, costs, scale)


def _reliability(compared: Compared) -> Spec:
    found = [reliability(compared.y, score, sample_weight=compared.weight) for score in compared.scores]
    curves = [(one.score, one.share, one.rows) for one in found]
    return plots.reliability_curves(compared.lines, curves, compared.thresholds)


VIEWS: dict[str, Callable[[Compared], Spec]] = {
    "PR": _pr,
    "ROC": _roc,
    "Cost": _cost,
    "Calibration": _reliability,
}
ABOUT = {
    "PR": "Thin lines: constant F1. Dashed: prevalence.",
    "ROC": "Dashed: uninformative scores.",
    "Cost": "Mean cost per row at every threshold.",
    "Calibration": "Dots: 15 bins of equal width. Dashed: perfect calibration.",
}


def _in_words(compared: Compared, view: str, part: str) -> str:
    """What the chart shows, for those who can't see it."""
    said = []
    for letter, line, index, t in zip(
        plots.LETTERS, compared.lines, compared.indexes, compared.thresholds, strict=False
    ):
        at = index.counts(t)
        rates = ", ".join(
            f"{METRICS[name].label.lower() if name != 'f1' else 'F1'} {text.rate(float(METRICS[name](at)))}"
            for name in ("precision", "recall", "f1")
        )
        said.append(f"{letter}, {line.name}, at threshold {_threshold(t)}: {rates}")
    return f"{view} of {len(said)} runs on {rows_label(part)}. {'; '.join(said)}."


def _show_differences(compared: Compared, part: str, column: int) -> None:
    """A measure of every run less that of the first, with intervals by a paired bootstrap."""
    name, params = _choose_measure(compared.costs)
    measure = measures()[name]
    found = _compare(
        [(source.id, source.version) for source in compared.sources],
        part,
        column,
        name,
        params,
        tuple(compared.thresholds),
        compared.y,
        compared.scores,
        compared.weight,
    )
    least, greatest = found.intervals.T
    live_figure(
        plots.differences(compared.lines, found.differences, least, greatest, measure.label, measure.higher_is_better),
        key="compare_differences",
        alt=_differences_in_words(compared, found, measure.label),
        height=plots.height_of_differences(len(compared.sources)),
        revision=" ".join([name, part, *(source.id for source in compared.sources)]),
    )
    st.markdown(_verdict(found, measure.label))
    shown = [_signed(value) for value in found.differences]
    intervals = [f"{_signed(low)} to {_signed(high)}" for low, high in found.intervals]
    better = [f"{share:.1%}" if math.isfinite(share) else "undefined" for share in found.better]
    st.dataframe(
        pa.table(
            {name: values[1:] for name, values in _named(compared.lines, short=True).items()}
            | {"Difference": shown[1:], "95% interval": intervals[1:], "Better in": better[1:]}
        ),
        hide_index=True,
        column_config={"": DOT, "Run": st.column_config.TextColumn(pinned=True)},
        height=tables.height(len(shown) - 1),
        alt=f"{measure.label} of each run minus that of A, with its interval.",
    )
    st.caption(
        f"Percentile intervals from {comparison.RESAMPLES:,} unstratified resamples of {rows_label(part, the=True)}, "
        "the same for "
        f"all runs. {'Thresholds are fixed. ' if measure.at_threshold else ''}"
        f"Better in: share of resamples in which a run is better than A.{_undefined(found)}"
    )


def _choose_measure(costs: dict[str, float]) -> tuple[str, tuple[tuple[str, Value], ...]]:
    """The measure by name, F1 to begin with, and its params; costs are those given for the chart."""
    name = controls.choose(
        "Difference in", state.COMPARE_MEASURE, {name: one.label for name, one in measures().items()}
    )
    st.caption(measures()[name].help, help=measures()[name].reference)
    if name == "cost":
        return name, tuple(costs.items())
    params = measures()[name].params
    return name, tuple(
        (param.name, controls.of_param(param, state.MEASURE_PARAM.of(name, param.name))) for param in params
    )


@st.cache_data(max_entries=128, show_spinner="Resampling the rows a thousand times")
def _compare(
    of: list[Key],
    part: str,
    column: int,
    measure: str,
    params: tuple[tuple[str, Value], ...],
    thresholds: tuple[float, ...],
    _y: NDArray[np.bool_],
    _scores: list[NDArray[np.floating]],
    _weight: NDArray | None,
) -> Comparison:
    return comparison.compare(measure, _y, _scores, thresholds, params, sample_weight=_weight)


def _verdict(found: Comparison, label: str) -> str:
    """Which runs the resamples tell from the first by this measure, and which not."""
    runs = range(1, len(found.values))
    known = [at for at in runs if np.isfinite(found.intervals[at]).all()]
    gained = found.differences if found.higher_is_better else -found.differences
    better = [at for at in known if found.told_apart[at] and gained[at] > 0]
    worse = [at for at in known if found.told_apart[at] and gained[at] < 0]
    open_still = [at for at in known if at not in better and at not in worse]
    said = [
        f"{_letters(group)} {'is' if len(group) == 1 else 'are'} {word} than A."
        for group, word in ((better, "better"), (worse, "worse"))
        if group
    ]
    if open_still:
        own = "interval includes" if len(open_still) == 1 else "intervals include"
        said.append(f"{_letters(open_still)}: the {own} 0, so these rows do not tell which is better.")
    if unknown := [at for at in runs if at not in known]:
        said.append(f"{_letters(unknown)}: undefined on these rows.")
    return f"By {label}: {' '.join(said)}"


def _letters(places: Sequence[int]) -> str:
    *first, last = (plots.LETTERS[at] for at in places)
    return f"{', '.join(first)} and {last}" if first else last


def _undefined(found: Comparison) -> str:
    most = int(found.undefined.max())
    return f" Resamples in which it is undefined are left out, at most {most:,}." if most else ""


def _differences_in_words(compared: Compared, found: Comparison, label: str) -> str:
    said = [
        f"{plots.LETTERS[at]}, {compared.lines[at].name}: {_signed(found.differences[at])}, 95% interval "
        f"{_signed(found.intervals[at, 0])} to {_signed(found.intervals[at, 1])}"
        for at in range(1, len(compared.lines))
    ]
    return f"{label} minus that of A, {compared.lines[0].name}. {'; '.join(said)}."


def _show_numbers(compared: Compared, part: str, tuned: bool) -> None:
    """The numbers of every run on these rows, the threshold beside those that depend on it; `tuned` on them or not."""
    found = comparison.numbers(
        compared.y, compared.scores, compared.thresholds, **compared.costs, sample_weight=compared.weight
    )
    numbers = {
        comparison.number_label(name): pa.array(values, from_pandas=True) for name, values in found.items()
    }  # NaN as nothing
    st.dataframe(
        pa.table(_named(compared.lines) | {"Threshold": list(map(_threshold, compared.thresholds))} | numbers),
        hide_index=True,
        column_config={"": DOT, "Run": st.column_config.TextColumn(width=170, pinned=True)}
        | dict.fromkeys(numbers, st.column_config.NumberColumn(format="%.3f")),
        placeholder="undefined",
        height=tables.height(len(compared.lines)),
        alt=f"Threshold and numbers of each run on {rows_label(part, the=True)}.",
    )
    in_sample = " Thresholds were tuned on these rows: in-sample (optimistic)." if tuned else ""
    cost_fp, cost_fn = (text.plain(f"{cost:g} {payoffs.unit()}".rstrip()) for cost in compared.costs.values())
    st.caption(
        f"On {rows_label(part, the=True)}. Precision to cost are at the threshold; a false positive costs {cost_fp} "
        "more than a "
        f"true negative, a false negative {cost_fn} more than a true positive. Positive-class ECE over 15 bins of "
        f"equal width.{in_sample}"
    )


def _named(lines: Sequence[Line], short: bool = False) -> dict[str, list[str]]:
    """A dot in the colour of each run, and its letter, with its name unless `short`."""
    letters = plots.LETTERS[: len(lines)]
    names = list(letters) if short else [f"{at} · {line.name}" for at, line in zip(letters, lines, strict=True)]
    return {"": tables.named(lines)[""], "Run": names}


def _threshold(t: float) -> str:
    return "above every score" if math.isinf(t) else f"{t:.4f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if math.isfinite(value) else "undefined"
