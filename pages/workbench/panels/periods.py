"""The current threshold in each period of time: metrics, prevalence, and how the scores drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation import METRICS
from core.evaluation.counts import ScoreIndex, ThresholdCounts
from core.evaluation.groups import indexes_by
from core.evaluation.periods import Periods, Shares, drift, period_counts, periods_of, shares
from core.evaluation.source import Key, ScoreSource
from core.plots.periods import Series, periods_figure
from pages.components.live_figure import live_figure
from pages.shared import text, thresholds

LEVEL = 0.95
SHOWN = ("precision", "recall", "f1")


def fits(source: ScoreSource) -> bool:
    """Whether rows have a time."""
    return bool(source.parts) and source.row_columns(source.parts[0]).time is not None


class Timed(NamedTuple):
    """The rows that are shown: those of all parts if test rows begin when the others have ended, else of one part.

    label: of the positive class. periods: of these rows. indexes: (T,), of the rows of each period. drifted: (T,), see
    `drift`. test: the period in which test rows begin, if any.
    """

    label: str
    periods: Periods
    indexes: tuple[ScoreIndex, ...]
    drifted: NDArray[np.floating]
    test: int | None


def show(source: ScoreSource, part: str, column: int) -> None:
    """What changed most, the numbers of each period as lines, and as a table."""
    threshold, _ = thresholds.of_column(source, column)
    try:
        timed = _timed((source.id, source.version), part, column, source)
    except CutoffError as error:
        st.markdown(text.plain(str(error)))
        return
    periods, label = timed.periods, timed.label
    counts = period_counts(timed.indexes, threshold)
    positive = shares(counts, LEVEL)
    st.markdown(_said(counts, positive, periods, timed.drifted, label))
    if timed.test is None and len(source.parts) > 1:
        st.caption(f"{part.capitalize()} rows only, since validation and test rows are of the same time.")
    rates = {name: Series(METRICS[name].function(counts)) for name in SHOWN}
    of_rows = {
        "actual": Series(positive.actual, positive.low, positive.high),
        "predicted": Series(positive.predicted),
    }
    metrics = {text.metric_label(name): one for name, one in rates.items()}
    distance = {"distance": Series(timed.drifted)}
    figures: dict[str, tuple[str, dict[str, Series], str]] = {
        "metrics": (f"**Metrics** at threshold {text.threshold(threshold)}", metrics, ", ".join(metrics)),
        "shares": (f"**Share** of {text.plain(label)}", of_rows, "share of rows"),
        "drift": (f"**Drift of scores** from the first {periods.unit}", distance, "KS distance"),
    }
    for place, (name, (heading, series, title)) in zip(st.columns(3), figures.items(), strict=True):
        with place.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(heading)
            live_figure(
                periods_figure(periods.names, series, title, timed.test),
                key=f"periods.{name}",
                alt=f"{', '.join(series).capitalize()} by {periods.unit}.",
                height=260,
                revision=f"{source.id} {part} {column}",
            )
    with st.expander("Table"):
        st.dataframe(_table(counts, positive, periods, timed.drifted, rates), hide_index=True)


@st.cache_resource(max_entries=32, show_spinner=False)
def _timed(of: Key, part: str, column: int, _source: ScoreSource) -> Timed:
    pooled = _test_comes_later(_source)
    parts = _source.parts if pooled else (part,)
    views = [_source.scores(one).view(column) for one in parts]
    view = views[0]._replace(
        y=np.concatenate([one.y for one in views]), score=np.concatenate([one.score for one in views])
    )
    rows = [_source.row_columns(one) for one in parts]
    weights = [one.weight for one in rows if one.weight is not None]
    periods = periods_of(np.concatenate([one.time for one in rows if one.time is not None]))
    codes = periods.codes[len(views[0].y) :]
    test = int(codes[codes >= 0].min()) if pooled else None
    weight = np.concatenate(weights) if weights else None
    indexes = indexes_by(view, periods.codes, len(periods.names), weight)
    return Timed(view.label, periods, indexes, drift(view.score, periods), test)


def _test_comes_later(source: ScoreSource) -> bool:
    """Whether there are validation and test rows, and all of the test rows come after all of the others."""
    times = [time for part in source.parts if (time := source.row_columns(part).time) is not None]
    if source.parts != ("validation", "test") or len(times) != 2:
        return False
    validation, test = (pd.Series(np.asarray(time)).dropna() for time in times)
    return bool(len(validation) and len(test) and validation.max() <= test.min())


def _said(counts: ThresholdCounts, positive: Shares, periods: Periods, drifted: np.ndarray, label: str) -> str:
    """The best and the worst period, and the largest drift, in a line."""
    if len(periods.names) == 1:
        return f"All rows are of one {periods.unit}, {text.plain(periods.names[0])}."
    f1 = METRICS["f1"].function(counts)
    names = [text.plain(name) for name in periods.names]
    return (
        f"**F1: {_extremes(f1, names, '.3f')}** at one threshold. "
        f"Share of {text.plain(label)}: {_extremes(positive.actual, names, '.1%')}. "
        f"Scores are farthest from the first {periods.unit} in {names[int(drifted.argmax())]} (Kolmogorov-Smirnov "
        f"distance {drifted.max():.3f})."
    )


def _extremes(values: NDArray[np.floating], names: Sequence[str], form: str) -> str:
    """As in "lowest 0.212 (2026-03), highest 0.391 (2026-01)"."""
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    return f"lowest {values[low]:{form}} ({names[low]}), highest {values[high]:{form}} ({names[high]})"


def _table(
    counts: ThresholdCounts, positive: Shares, periods: Periods, drifted: np.ndarray, rates: dict[str, Series]
) -> pd.DataFrame:
    columns = {
        periods.unit.capitalize(): periods.names,
        "Rows": counts.total,
        "Prevalence": positive.actual,
        "Predicted positive": positive.predicted,
    }
    columns |= {text.metric_label(name): one.values for name, one in rates.items()}
    confusion = {name.upper(): getattr(counts, name) for name in ("tp", "fp", "fn", "tn")}
    return pd.DataFrame(columns | confusion | {"Distance of scores": drifted}).round(4)
