"""The current threshold in each period of time: metrics, prevalence, and how the scores drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import CutoffError
from core.evaluation import METRICS
from core.evaluation.counts import ThresholdCounts
from core.evaluation.intervals import wilson
from core.evaluation.periods import Periods, drift, period_counts, periods_of
from core.evaluation.source import Key, ScoreSource
from core.plots.periods import Series, periods_figure
from pages.components.live_figure import live_figure
from pages.shared import text, thresholds

LEVEL = 0.95
SHOWN = ("precision", "recall", "f1")


def fits(source: ScoreSource) -> bool:
    """Whether rows have a time."""
    return bool(source.parts) and source.row_columns(source.parts[0]).time is not None


def show(source: ScoreSource, part: str, column: int) -> None:
    """What changed most, the numbers of each period as lines, and as a table."""
    view, (threshold, _) = source.scores(part).view(column), thresholds.of_column(source, column)
    try:
        periods, drifted = _periods((source.id, source.version), part, column, source)
    except CutoffError as error:
        st.markdown(text.plain(str(error)))
        return
    counts = period_counts(view, threshold, periods, source.row_columns(part).weight)
    st.markdown(_said(counts, periods, drifted, view.label))
    rates = {name: Series(METRICS[name].function(counts)) for name in SHOWN}
    n = counts.tp + counts.fp + counts.fn + counts.tn
    actual = Series((counts.tp + counts.fn) / n, *wilson(counts.tp + counts.fn, n, LEVEL))
    shares = {"actual": actual, "predicted": Series((counts.tp + counts.fp) / n)}
    where = f"by {periods.unit}"
    figures = {
        "metrics": (
            {text.metric_label(name): one for name, one in rates.items()},
            f"at threshold {text.threshold(threshold)}",
        ),
        "shares": (shares, f"share of {view.label}"),
        "drift": ({"scores (Kolmogorov-Smirnov)": Series(drifted)}, f"distance from the first {periods.unit}"),
    }
    for place, (name, (series, title)) in zip(st.columns(3), figures.items(), strict=True):
        with place.container(border=True, height="stretch"):
            live_figure(
                periods_figure(periods.names, series, title),
                key=f"periods.{name}",
                alt=f"{', '.join(series).capitalize()} {where}.",
                height=260,
                revision=f"{source.id} {part} {column}",
            )
    with st.expander("Table"):
        st.dataframe(_table(counts, periods, drifted, rates), hide_index=True)


@st.cache_resource(max_entries=32, show_spinner=False)
def _periods(of: Key, part: str, column: int, _source: ScoreSource) -> tuple[Periods, np.ndarray]:
    time = _source.row_columns(part).time
    assert time is not None
    periods = periods_of(time)
    return periods, drift(_source.scores(part).view(column).score, periods)


def _said(counts: ThresholdCounts, periods: Periods, drifted: np.ndarray, label: str) -> str:
    """The best and the worst period, and the largest drift, in a line."""
    if len(periods.names) == 1:
        return f"All rows are of one {periods.unit}, {text.plain(periods.names[0])}."
    f1 = METRICS["f1"].function(counts)
    share = (counts.tp + counts.fn) / (counts.tp + counts.fp + counts.fn + counts.tn)
    worst, best, last = int(np.nanargmin(f1)), int(np.nanargmax(f1)), int(drifted.argmax())
    names = [text.plain(name) for name in periods.names]
    return (
        f"**F1 from {f1[worst]:.3f} ({names[worst]}) to {f1[best]:.3f} ({names[best]})** at one threshold. "
        f"The share of {text.plain(label)} goes from {share.min():.1%} to {share.max():.1%}. "
        f"Scores are farthest from the first {periods.unit} in {names[last]} (Kolmogorov-Smirnov distance "
        f"{drifted[last]:.3f})."
    )


def _table(counts: ThresholdCounts, periods: Periods, drifted: np.ndarray, rates: dict[str, Series]) -> pd.DataFrame:
    n = counts.tp + counts.fp + counts.fn + counts.tn
    columns = {
        periods.unit.capitalize(): periods.names,
        "Rows": n,
        "Prevalence": (counts.tp + counts.fn) / n,
        "Predicted positive": (counts.tp + counts.fp) / n,
    }
    columns |= {text.metric_label(name): one.values for name, one in rates.items()}
    confusion = {name.upper(): getattr(counts, name) for name in ("tp", "fp", "fn", "tn")}
    return pd.DataFrame(columns | confusion | {"Distance of scores": drifted}).round(4)
