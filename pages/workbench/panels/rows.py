"""The rows behind an outcome, a range of scores or a cell of a confusion matrix, at the current thresholds.

Where the saved thresholds differ from them, the rows that they decide otherwise come first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation import NO_CLASS, changes
from core.evaluation.groups import Grouping
from core.evaluation.rows import Outcome, behind, behind_cell, described, outcome_counts
from core.evaluation.scores import ClassView, Scores
from core.evaluation.source import ScoreSource, rows_label
from core.export import table_csv
from core.plots.images import figure_height, image_grid
from core.plots.rows import outcome_bars
from core.text import counted
from pages.components.live_figure import live_figure
from pages.shared import controls, dom, state, text, thresholds
from pages.workbench import columns, groups
from pages.workbench.panels import decision_rule

PAGE, IMAGES = 100, 24  # rows at once, in a table and as images
FEW, HEIGHT = 10, 440  # rows that a table is as high as; pixels of one with more
UNASKED, ANY = "", "any"
CHANGED = "changed"  # rows whose decision differs between the current and the saved thresholds
CELL = {False: "One-vs-rest", True: "All classes"}
SAID: dict[Outcome | None, str] = {
    None: "",
    "tp": " are actual {label}, predicted {label}",
    "fp": " are actual {rest}, predicted {label}",
    "fn": " are actual {label}, predicted {rest}",
    "tn": " are actual {rest}, predicted {rest}",
}
NEAREST = "those closest to another decision first"
RANGE: dict[str, Any] = {"value": None, "format": "%.4g", "width": 170}
UNIT: dict[str, Any] = {"min_value": 0.0, "max_value": 1.0, "step": 0.01}  # where scores are probabilities
COLUMNS = {
    "saved outcome": st.column_config.TextColumn(help="Outcome at the saved threshold."),
    "saved predicted": st.column_config.TextColumn(help="Predicted with the saved thresholds."),
    "row": st.column_config.NumberColumn(help="Place in the data set, from 0.", format="%d"),
    "labels": st.column_config.TextColumn(width=140),
    "score": st.column_config.NumberColumn(format="%.6g"),
    "logit": st.column_config.NumberColumn(format="%.3f"),
    "distance": st.column_config.NumberColumn(help="Score minus threshold.", format="%.3g"),
    "lead": st.column_config.NumberColumn(
        "margin", help="Score of the decided class minus the largest other.", format="%.3g"
    ),
}


def ask(
    source: ScoreSource,
    outcome: Outcome | None = None,
    low: float | None = None,
    high: float | None = None,
    true: int | None = None,
    decided: int | None = None,
    group: str = "",
) -> None:
    """Open the panel Rows on the rows of an outcome, on those with low <= score < high, or on both; None is any. Of the
    rows of a group, "" for all rows.

    Or, of several classes, on the rows of actual class `true` and predicted class `decided`, by index. Call it in a
    callback, before the page is drawn, such as a figure's on_click.
    """
    cell = true is not None or decided is not None
    of_cell = {"cell": cell, "true": true, "decided": decided, "saved": None}
    state.ROWS.of(source.id).set({"outcome": outcome, "low": low, "high": high, "group": group or None} | of_cell)
    state.PANEL.set("Rows")
    dom.bring_into_sight(dom.PANELS)


def show(source: ScoreSource, part: str, column: int) -> None:
    """Choose rows by their outcome, at first those whose decision differs from the saved one, if any is saved; those
    closest to another decision come first."""
    scores, now, stored = source.scores(part), thresholds.current(source), thresholds.saved(source)
    saved = thresholds.values(stored) if stored else None
    if scores.task == "multiclass" and _control(source, "cell", st.segmented_control, "Decided", CELL):
        found, said = _choose_cell(source, scores, thresholds.values(now), saved)
    else:
        if columns.are_all_shown(scores):
            columns.choose(scores)
        found, said = _choose_outcome(source, part, scores.view(column), *thresholds.of_column(source, column))
    st.markdown(f"**{len(found):,} of {rows_label(part, scores.n_rows)}**{text.plain(said)}.")
    if len(found):
        _show_found(source, part, column, found)


def _choose_outcome(
    source: ScoreSource, part: str, view: ClassView, threshold: float, saved: float | None
) -> tuple[pd.DataFrame, str]:
    """The rows of the outcome, the range of scores and the group that are asked for, and what they are."""
    parted = groups.of(source, part)
    group = _asked(source)["group"]
    if parted is None or group not in parted.names:
        return _choose_outcome_of(source, parted, view, threshold, saved)
    places = np.flatnonzero(parted.rows(group))
    of_group = view._replace(y=view.y[places], score=view.score[places])
    found, said = _choose_outcome_of(source, parted, of_group, threshold, saved)
    return found.set_index(places[found.index]), f"{said}, with {parted.column} {group}"


def _choose_outcome_of(
    source: ScoreSource, parted: Grouping | None, view: ClassView, threshold: float, saved: float | None
) -> tuple[pd.DataFrame, str]:
    """The rows of the outcome and the range of scores among these rows; a choice of their group stands beside."""
    low, high = (_asked(source)[name] for name in ("low", "high"))
    counts = outcome_counts(view, threshold, low, high)
    labels = {ANY: f"All {sum(counts.values()):,}"} | {name: f"{name.upper()} {n:,}" for name, n in counts.items()}
    changes: dict[Outcome, int] = {}
    if saved is not None and saved != threshold:
        changes = outcome_counts(view, threshold, low, high, saved)
        labels = {CHANGED: f"Changed {sum(changes.values()):,}"} | labels
    with st.container(horizontal=True, vertical_alignment="top"):
        outcome = _control(source, "outcome", st.segmented_control, "Outcome", labels)
        looks = RANGE | (UNIT if controls.are_probabilities(source) else {})
        _control(source, "low", st.number_input, "Scores from", placeholder="the lowest", **looks)
        _control(source, "high", st.number_input, "to below", placeholder="no end", **looks)
        if parted:
            named = {ANY: "any"} | {name: name for name in parted.names}
            _control(source, "group", st.selectbox, text.plain(parted.column), named, width=170)
    shaded = (low, high)
    if outcome == CHANGED and shaded == (None, None):
        assert saved is not None
        shaded = min(threshold, saved), max(threshold, saved)
    _show_bars(source, view, threshold, shaded)
    ends = [f"{name} {end:.6g}" for name, end in (("at least", low), ("less than", high)) if end is not None]
    within = f", with a score of {' and '.join(ends)}" if ends else ""
    if outcome == CHANGED:
        assert saved is not None
        return behind(view, threshold, None, low, high, saved), _of_changes(view, threshold, saved, within, changes)
    chosen = None if outcome == ANY else outcome
    said = SAID[chosen].format(label=view.label, rest=view.rest) + f" at threshold {text.threshold(threshold)}"
    return behind(view, threshold, chosen, low, high), said + within


def _of_changes(view: ClassView, threshold: float, saved: float, within: str, changes: dict[Outcome, int]) -> str:
    """How the decision changes from the saved to the current threshold, and for how many rows of each actual class."""
    moves: tuple[tuple[Outcome, Outcome], ...] = (("tp", "fn"), ("fp", "tn"))
    now, before = view.rest, view.label
    if threshold < saved:
        moves, now, before = tuple((to, start) for start, to in moves), before, now
    told = ", ".join(
        f"{changes[to]:,} actual {name} ({start.upper()} \N{RIGHTWARDS ARROW} {to.upper()})"
        for name, (start, to) in zip((view.label, view.rest), moves, strict=True)
    )
    return (
        f" are predicted {now} at threshold {text.threshold(threshold)} and {before} at the saved threshold "
        f"{text.threshold(saved)}{within}: {told}"
    )


def _show_bars(
    source: ScoreSource, view: ClassView, threshold: float, shaded: tuple[float | None, float | None]
) -> None:
    """The scores by outcome, with a shaded range; a click on a bar asks for its rows."""

    def clicked(bar: dict[str, Any]) -> None:
        _, low, high = bar["customdata"]
        _ask(source, outcome=bar["name"], low=low, high=high)

    scale = controls.scale_of(source)
    live_figure(
        outcome_bars(view, threshold, scale, *shaded),
        key="rows.bars",
        alt="Rows by score and outcome. A click on a bar asks for its rows, as the controls above do.",
        height=180,
        revision=f"{source.id} {view.label} {scale}",
        on_click=clicked,
    )


def _choose_cell(
    source: ScoreSource, scores: Scores, now: list[float], saved: list[float] | None
) -> tuple[pd.DataFrame, str]:
    """The rows of the actual and the predicted class that are asked for, and what they are."""
    labels = {ANY: "any"} | dict(enumerate(scores.class_names))
    classes = labels | ({NO_CLASS: decision_rule.NO_CLASS_SAID} if decision_rule.gives_no_class(source) else {})
    decide = decision_rule.decide(source)
    decided, before = decide(scores.y_score, now), None
    with st.container(horizontal=True):
        true, predicted = (
            None if chosen == ANY else chosen
            for chosen in (
                _control(source, "true", st.selectbox, "Actual", labels, width=160),
                _control(source, "decided", st.selectbox, "Predicted", classes, width=160),
            )
        )
        if saved is not None and saved != now:
            among = {CHANGED: "another class", ANY: "any"}
            if _control(source, "saved", st.selectbox, "With the saved thresholds", among, width=200) == CHANGED:
                before = decide(scores.y_score, saved)
    told = [f"actual {labels[true]}"] if true is not None else []
    told += [f"predicted {classes[predicted]}"] if predicted is not None else []
    found = behind_cell(scores, decided, true, predicted, before)
    if before is None:
        return found, f" are {', '.join(told)}" if told else ""
    told.append("predicted another class with the saved thresholds")
    at = found.index
    differing = changes(scores.y_true[at], before[at], decided[at])
    neither = differing.rows - differing.righted - differing.wronged
    counts = (
        f"{differing.righted:,.0f} correct now, {differing.wronged:,.0f} correct with the saved thresholds, "
        f"{neither:,.0f} with neither"
    )
    return found, f" are {', '.join(told)}: {counts}"


def _show_found(source: ScoreSource, part: str, column: int, found: pd.DataFrame) -> None:
    """A page of the rows found, as a table and, where rows are images, as those; all of them as a file."""
    image = source.row_columns(part).image
    with st.container(horizontal=True, vertical_alignment="center"):  # at the right the table has its own buttons
        shown = _choose_page(source, f"{part} {column}", found, IMAGES if image else PAGE)
        st.download_button(
            "Rows as CSV",
            lambda: table_csv(described(found, source, part)),
            f"rows-{source.id}-{part}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help=f"All {len(found):,}, with every feature, unscaled.",
        )
    table = described(shown, source, part, with_features=not image)
    images, beside = st.columns([1, 2]) if image else (None, st.container())
    if images:
        with images:
            _show_images(source, part, column, shown, table)
    tall = figure_height(len(shown), image) if image else HEIGHT
    beside.dataframe(
        table,
        hide_index=True,
        height=tall if len(shown) > FEW else "content",
        column_config=COLUMNS,
        alt=f"{counted(len(shown), 'row')}, {NEAREST}.",
    )


def _choose_page(source: ScoreSource, of: str, found: pd.DataFrame, size: int) -> pd.DataFrame:
    """So many of the rows found; where there are more, from the page that is chosen, at first the first."""
    place, start = st.empty(), 0
    if len(found) > size:
        # Another question begins on its first page.
        asked = hash((source.id, of, *found.columns, *_asked(source).values()))
        start = size * (st.pagination(-(-len(found) // size), key=state.ROWS_PAGE.of(f"{asked:x}").name) - 1)
    shown = found.iloc[start : start + size]
    place.caption(f"Rows {start + 1:,} to {start + len(shown):,}, {NEAREST}.", width="content")
    return shown


def _show_images(source: ScoreSource, part: str, column: int, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    """The images of the rows shown, with what the table says of them: the score is that of the class named."""
    known = source.row_columns(part)
    assert known.features is not None
    assert known.image is not None
    by_class = "predicted" in table
    name = "predicted" if by_class else "row"
    classes = table["predicted"] if by_class else [source.scores(part).view(column).label] * len(table)
    scored = ["max p" if by_class and one == "none" else f"p({one})" for one in classes]  # none: its largest score
    titles = [
        f"actual {actual}<br>{name} {value}<br>{what} = {score:.3f}"
        for actual, value, what, score in zip(table["class"], table[name], scored, table["score"], strict=True)
    ]
    live_figure(
        image_grid(known.features[shown.index].reshape(-1, *known.image), titles),
        key="rows.images",
        alt=f"{counted(len(table), 'image')}, {NEAREST}; the table beside them says what each is.",
        height=figure_height(len(table), known.image),
        revision=source.id,
    )


def _control(
    source: ScoreSource,
    name: str,
    kind: Callable[..., Any],
    label: str,
    options: Mapping[Any, str] | None = None,
    **looks: Any,
) -> Any:
    """A control of one thing that is asked for, and its value: a choice among options by their labels, the first until
    another is chosen, or a number."""
    key, words = state.ROWS_CONTROL.of(name, source.id), state.ROWS_WORDS.of(name, source.id)
    value = _asked(source)[name]
    if options is not None:
        value = ANY if value is None else value
        value = value if value in options else next(iter(options))
        looks |= {"options": list(options), "format_func": options.__getitem__}
    if kind is st.segmented_control:
        looks |= {"required": True}

    def changed() -> None:
        _ask(source, **{name: key.get()})

    # Written where it differs, as in the explorer; and where the words of a choice do, since a browser keeps those.
    said = None if options is None else options[value]
    if not key.is_set() or (key.get(), words.get()) != (value, said):
        key.set(value)
        words.set(said)
    kind(label, key=key.name, on_change=changed, **looks)
    return value


def _asked(source: ScoreSource) -> dict[str, Any]:
    """What is asked for, by name: "outcome", "low", "high" and "group"; if "cell", "true", "decided" and "saved". None
    is any, UNASKED what nobody has chosen. Where all classes are shown, they are asked for together."""
    unasked = dict.fromkeys(("outcome", "cell", "true", "decided", "saved"), UNASKED)
    unlimited = dict.fromkeys(("low", "high", "group"))
    return unasked | unlimited | {"cell": not state.ALONE.get()} | state.ROWS.of(source.id).get()


def _ask(source: ScoreSource, **asked: Any) -> None:
    """Ask for this too."""
    key = state.ROWS.of(source.id)
    key.set(key.get() | asked)
