"""Two thresholds with a review between them: the best pair, Chow's rule and the best single threshold."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from core.evaluation.source import rows_label
from core.evaluation.tuning import candidates
from core.evaluation.value.payoffs import Band, Outcome, Review, best_band, chow, outcome, rows_here
from core.plots.costs import band_figure, threshold_mark
from core.text import counted
from pages.components.live_figure import live_figure
from pages.shared import state, text
from pages.workbench.panels.payoffs import PER, Priced, percent, threshold
from pages.workbench.panels.tiles import tiles

BEST, SINGLE, CHOW = "Best pair", "Best single threshold", "Chow's rule"


def show(priced: Priced) -> None:
    """The cost of a review, the band of scores to review, and what that saves."""
    view = priced.views[priced.part]
    st.markdown("**Review**")
    st.caption(
        text.plain(
            f"Two thresholds: score >= high is predicted {view.label}, score < low is predicted {view.rest}, and a "
            "person decides about the scores between them."
        )
    )
    review, capacity = _choose_review(priced.unit)
    reported = priced.reported
    index = priced.indexes[priced.tuned_on]
    counts = candidates(index)
    free = best_band(counts, priced.payoffs, review)
    most = math.inf if capacity is None else rows_here(capacity, priced.volume, index.n_rows)
    bands = {
        BEST: best_band(counts, priced.payoffs, review, most),
        **({CHOW: chow(priced.payoffs, review)} if priced.probabilities else {}),
        SINGLE: best_band(counts, priced.payoffs, review, most=0),
    }
    tuned = {name: outcome(index, priced.payoffs, review, band) for name, band in bands.items()}
    worth = {name: outcome(priced.indexes[reported], priced.payoffs, review, band) for name, band in bands.items()}
    wanted = outcome(index, priced.payoffs, review, free)
    st.markdown(_of_capacity(priced, wanted, tuned[BEST], worth[BEST], most, capacity))
    best, single = worth[BEST], worth[SINGLE]
    low, high = bands[BEST]
    tiles(
        (
            "Low to high",
            f"{threshold(low)} to {threshold(high)}" if low < high else "none",
            f"tuned on {rows_label(priced.tuned_on)}",
        ),
        (f"Reviewed, {reported}", percent(best.shares()[1]), f"{best.reviewed:,} of {best.total:,} rows"),
        (f"Errors left, {reported}", f"{best.errors:,.4g}", f"{single.errors:,.4g} with the best single threshold"),
        (
            f"Per {PER:,} rows, {reported}",
            priced.money(PER * best.value),
            priced.more(PER * (best.value - single.value), "the best single threshold"),
        ),
    )
    _figure(priced, bands)
    _table(priced, bands, tuned, worth)


def _choose_review(unit: str) -> tuple[Review, int | None]:
    """The cost of a review and how often it is correct, and the maximum reviews per month; None for no limit."""
    cost, accuracy, capacity = st.columns(3)
    state.REVIEW_COST.setdefault()
    state.REVIEW_RIGHT.setdefault()
    with cost:
        price = st.number_input(
            "Cost of a review",
            0.0,
            1e9,
            step=0.1,
            format="%g",
            key=state.REVIEW_COST.name,
            persist_state="session",
            help=f"Of one row, in {text.plain(unit) or 'the unit of the payoffs'}.",
        )
    with accuracy:
        right = st.number_input(
            "Correct reviews (%)",
            0.0,
            100.0,
            step=1.0,
            format="%g",
            key=state.REVIEW_RIGHT.name,
            persist_state="session",
            help="The same for positive and negative rows. 100 assumes that reviewers make no mistakes.",
        )
    with capacity:
        most = st.number_input(
            "Maximum reviews per month",
            0.0,
            1e12,
            None,
            step=1.0,  # of whole numbers Streamlit reads 1e6 as 1
            format="%.0f",
            key=state.REVIEW_MOST.name,
            placeholder="no limit",
            persist_state="session",
            help="Of the rows per month above. Tuning uses the same share of its rows as its limit.",
        )
    return Review(price, right / 100), None if most is None else round(most)


def _of_capacity(
    priced: Priced, wanted: Outcome, tuned: Outcome, worth: Outcome, most: float, capacity: int | None
) -> str:
    """What the limit on reviews does to the best pair, in a sentence or two."""
    volume = priced.volume
    if not wanted.reviewed:
        return "No review is worth its cost here: the best pair is a single threshold."
    rows = rows_label(priced.tuned_on, f"{wanted.total:,}", the=True)
    here = f"{wanted.reviewed:,} of {rows} are worth a review"
    if capacity is None:
        return f"{here}."
    if wanted.reviewed <= most:
        said = f"{here}, and the limit of {capacity:,} of {volume:,} rows per month covers them."
    elif tuned.reviewed:
        said = (
            f"{here}, but the limit of {capacity:,} of {volume:,} rows per month allows {most:,.0f}. "
            f"The best pair within the limit reviews {tuned.reviewed:,}."
        )
    else:
        said = (
            f"{here}, but the limit of {capacity:,} of {volume:,} rows per month allows {most:,.0f}, too few for a "
            "pair to pay off. A single threshold is best."
        )
    if worth.reviewed > rows_here(capacity, volume, worth.total):
        sent = f"{worth.reviewed:,} of {counted(worth.total, 'row')}"
        said += f" On {priced.reported} it sends {sent} to review, more than the limit."
    return said


def _figure(priced: Priced, bands: dict[str, Band]) -> None:
    axis = priced.scale
    low, high = bands[BEST]
    theory = bands.get(CHOW)
    pair = [threshold_mark("low", low, axis, heavy=True), threshold_mark("high", high, axis, heavy=True)]
    marks = [
        *(pair if low < high else [threshold_mark("single", high, axis, heavy=True)]),
        *([threshold_mark("Chow low", theory.low, axis, "dash")] if theory else []),
        *([threshold_mark("Chow high", theory.high, axis, "dash")] if theory else []),
    ]
    by_theory = f"; by Chow's rule {threshold(theory.low)} to {threshold(theory.high)}" if theory else ""
    live_figure(
        band_figure(priced.views[priced.part], bands[BEST], marks, axis),
        key="band",
        alt=f"Histograms of the scores of {rows_label(priced.part, the=True)} by actual class. Scores to review: "
        f"{threshold(low)} to "
        f"{threshold(high)}{by_theory}.",
        height=380,
        revision=f"{priced.source.id} {priced.part} {priced.column} {axis}",
    )
    dashed = (
        " Dashed: Chow's rule (1970), optimal for calibrated scores without a limit: a row is reviewed where a review "
        "is worth more than either decision."
    )
    st.caption(
        f"{rows_label(priced.part).capitalize()}. Hatched: misclassified. Shaded: reviewed, drawn as if every review "
        "were correct." + dashed * priced.probabilities
    )
    priced.say_theory_is_missing("review.theory", "Chow's rule (1970)")


def _table(priced: Priced, bands: dict[str, Band], tuned: dict[str, Outcome], worth: dict[str, Outcome]) -> None:
    """Where each pair sends the rows, and its net value on each split."""
    reported = priced.reported
    table = pd.DataFrame({"": list(bands)})
    table["low"], table["high"] = zip(*bands.values(), strict=True)
    shares = zip(*(sent.shares() for sent in worth.values()), strict=True)
    for name, share in zip((f"predicted negative, {reported}", "reviewed", "predicted positive"), shares, strict=True):
        table[name] = share
    table["errors left"] = [sent.errors for sent in worth.values()]
    amounts = {
        f"{PER:,} rows, {priced.tuned_on}": [PER * sent.value for sent in tuned.values()],
        f"{PER:,} rows, {reported}": [PER * sent.value for sent in worth.values()],
        f"per month, {reported}": [priced.volume * sent.value for sent in worth.values()],
    }
    for name, values in amounts.items():
        table[name] = values
    priced.show_table(table, list(amounts), alt="Where each pair of thresholds sends the rows, and its net value.")
