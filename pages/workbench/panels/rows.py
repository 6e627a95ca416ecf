"""The rows behind an outcome, a range of scores or a cell of a confusion matrix, at the current thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation import NO_CLASS
from core.evaluation.rows import Outcome, behind, behind_cell, described, outcome_counts
from core.evaluation.scores import ClassView, Scores
from core.evaluation.source import ScoreSource
from core.plots.images import figure_height, image_grid
from core.plots.rows import outcome_bars
from pages.components.live_figure import live_figure
from pages.shared import controls, state, text, thresholds
from pages.workbench.panels import decision_rule

PAGE, IMAGES = 100, 24  # rows at once, in a table and as images
FEW, HEIGHT = 10, 440  # rows that a table is as high as; pixels of one with more
ANY = "any"
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
    "row": st.column_config.NumberColumn(help="Place in the data set, from 0.", format="%d"),
    "labels": st.column_config.TextColumn(width=140),
    "score": st.column_config.NumberColumn(format="%.6g"),
    "logit": st.column_config.NumberColumn(format="%.3f"),
    "distance": st.column_config.NumberColumn(help="Score minus threshold.", format="%.3g"),
    "lead": st.column_config.NumberColumn(help="Score of the decided class minus the largest other.", format="%.3g"),
}


def ask(
    source: ScoreSource,
    outcome: Outcome | None = None,
    low: float | None = None,
    high: float | None = None,
    true: int | None = None,
    decided: int | None = None,
) -> None:
    """Open the panel Rows on the rows of an outcome, on those with low <= score < high, or on both; None is any.

    Or, of several classes, on the rows of actual class `true` and predicted class `decided`, by index. Call it in a
    callback, before the page is drawn, such as a figure's on_click.
    """
    cell = true is not None or decided is not None
    _ask(source, {"outcome": outcome, "low": low, "high": high, "cell": cell, "true": true, "decided": decided})
    state.PANEL.set("Rows")
    state.ROWS_FROM_AFAR.set(True)


def show(source: ScoreSource, part: str, column: int) -> None:
    """Choose rows by their outcome; those closest to another decision come first."""
    if state.ROWS_FROM_AFAR.pop():
        st.toast("The rows are shown in the Rows panel below.", icon=":material/table_rows:")
    scores = source.scores(part)
    now = thresholds.values(thresholds.current(source))
    if scores.task == "multiclass":
        _control(source, "cell", st.segmented_control, "Decided", CELL, required=True)
    if scores.task == "multiclass" and _asked(source)["cell"]:
        found, said = _choose_cell(source, scores, now)
    else:
        found, said = _choose_outcome(source, scores.view(column), now[column])
    st.markdown(f"**{len(found):,} of {scores.n_rows:,} {part} rows**{text.plain(said)}.")
    if len(found):
        _show_found(source, part, column, found)


def _choose_outcome(source: ScoreSource, view: ClassView, threshold: float) -> tuple[pd.DataFrame, str]:
    """The rows of the outcome and the range of scores that are asked for, and what they are."""
    outcome, low, high = (_asked(source)[name] for name in ("outcome", "low", "high"))
    counts = outcome_counts(view, threshold, low, high)
    labels = {ANY: f"All {sum(counts.values()):,}"} | {name: f"{name.upper()} {n:,}" for name, n in counts.items()}
    with st.container(horizontal=True, vertical_alignment="top"):
        _control(source, "outcome", st.segmented_control, "Outcome", labels, required=True)
        looks = RANGE | (UNIT if controls.are_probabilities(source) else {})
        _control(source, "low", st.number_input, "Scores from", placeholder="the lowest", **looks)
        _control(source, "high", st.number_input, "to below", placeholder="no end", **looks)
    _show_bars(source, view, threshold)
    said = SAID[outcome].format(label=view.label, rest=view.rest) + f" at threshold {text.threshold(threshold)}"
    ends = [f"{name} {end:.6g}" for name, end in (("at least", low), ("less than", high)) if end is not None]
    said += f", with a score of {' and '.join(ends)}" if ends else ""
    return behind(view, threshold, outcome, low, high), said


def _show_bars(source: ScoreSource, view: ClassView, threshold: float) -> None:
    """The scores by outcome; a click on a bar asks for its rows."""

    def clicked(bar: dict[str, Any]) -> None:
        _, low, high = bar["customdata"]
        _ask(source, _asked(source) | {"outcome": bar["name"], "low": low, "high": high})

    asked, scale = _asked(source), controls.scale_of(source)
    live_figure(
        outcome_bars(view, threshold, scale, asked["low"], asked["high"]),
        key="rows.bars",
        alt="Rows by score and outcome. A click on a bar asks for its rows, as the controls above do.",
        height=180,
        revision=f"{source.id} {view.label} {scale}",
        on_click=clicked,
    )


def _choose_cell(source: ScoreSource, scores: Scores, thresholds: list[float]) -> tuple[pd.DataFrame, str]:
    """The rows of the true and the decided class that are asked for, and what they are."""
    labels = {ANY: "any"} | dict(enumerate(scores.class_names))
    decided = labels | ({NO_CLASS: decision_rule.NO_CLASS_SAID} if decision_rule.gives_no_class(source) else {})
    with st.container(horizontal=True):
        _control(source, "true", st.selectbox, "Actual", labels, width=160)
        _control(source, "decided", st.selectbox, "Predicted", decided, width=160)
    true, predicted = (_asked(source)[name] for name in ("true", "decided"))
    predicted = predicted if predicted in decided else None  # another rule may give every row a class
    told = [f"actual {labels[true]}"] if true is not None else []
    told += [f"predicted {decided[predicted]}"] if predicted is not None else []
    said = f" are {', '.join(told)}" if told else ""
    return behind_cell(scores, decision_rule.decide(source)(scores.y_score, thresholds), true, predicted), said


def _show_found(source: ScoreSource, part: str, column: int, found: pd.DataFrame) -> None:
    """A page of the rows found, as a table and, where rows are images, as those; all of them as a file."""
    image = source.row_columns(part).image
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        shown = _choose_page(source, f"{part} {column}", found, IMAGES if image else PAGE)
        st.download_button(
            "Rows as CSV",
            lambda: described(found, source, part).to_csv(index=False),
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
        alt=f"{len(shown)} rows, {NEAREST}.",
    )


def _choose_page(source: ScoreSource, of: str, found: pd.DataFrame, size: int) -> pd.DataFrame:
    """So many of the rows found; where there are more, from the page that is chosen, at first the first."""
    place, start = st.empty(), 0
    if len(found) > size:
        asked = hash((source.id, of, *_asked(source).values()))  # another question begins on its first page
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
        alt=f"{len(table)} images, {NEAREST}; the table beside them says what each is.",
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
) -> None:
    """A control of one thing that is asked for: a choice among options by their labels, or a number."""
    key, words = state.ROWS_CONTROL.of(name, source.id), state.ROWS_WORDS.of(name, source.id)
    value = _asked(source)[name]
    if options is not None:
        value = value if value in options else ANY
        looks |= {"options": list(options), "format_func": options.__getitem__}

    def changed() -> None:
        now = key.get()
        _ask(source, _asked(source) | {name: None if now == ANY else now})

    # Written where it differs, as in the explorer; and where the words of a choice do, since a browser keeps those.
    said = None if options is None else options[value]
    if not key.is_set() or (key.get(), words.get()) != (value, said):
        key.set(value)
        words.set(said)
    kind(label, key=key.name, on_change=changed, **looks)


def _asked(source: ScoreSource) -> dict[str, Any]:
    """What is asked for: by name "outcome", "low" and "high"; if "cell", by "true" and "decided"; None is any."""
    nothing = dict.fromkeys(("outcome", "low", "high", "true", "decided")) | {"cell": False}
    return nothing | state.ROWS.of(source.id).get()


def _ask(source: ScoreSource, asked: dict[str, Any]) -> None:
    state.ROWS.of(source.id).set(asked)
