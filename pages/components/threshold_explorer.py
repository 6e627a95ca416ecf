"""A threshold to drag: histogram, curves, metrics and confusion matrix of one class, moved in the browser.

The threshold moves without the server; when it rests, one message says where. Two components make one explorer: what
stays while the threshold moves is large and sent once, what a commit changes is small. Both fetch one module, in which
they find each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation import METRICS, ScoreIndex, ThresholdCounts
from core.evaluation.condensed import BOUND, around
from core.evaluation.rows import OUTCOMES, Outcome
from core.evaluation.threshold import ABOVE_ALL, Threshold
from core.plots.explorer import Held
from core.plots.style import packed
from pages.components.scripts import loader

HERE = Path(__file__)
_shown = st.components.v2.component(
    "threshold_explorer",
    html=HERE.with_suffix(".html").read_text(),
    css=HERE.with_suffix(".css").read_text(),
    js=loader("threshold_explorer", "The explorer", ".said"),
)
_followed = st.components.v2.component(
    "threshold_followed",
    html='<output class="readout" aria-live="polite"></output>',
    css=".readout { font: 0.875rem var(--st-font); color: var(--st-gray-text-color) }",
    js=loader("threshold_explorer", "The explorer", ".readout", "follow"),
)

Act = Literal["drag", "type", "share", "save", "undo"]
ACTS: tuple[Act, ...] = get_args(Act)
TILES = ("precision", "recall", "f1", "accuracy", "specificity", "mcc")


def threshold_explorer(
    held: Held,
    index: ScoreIndex,
    current: Threshold,
    saved: Threshold | None,
    on_act: Callable[[Act, float | str], None],
    *,
    of: str,
    label: str,
    rest: str,
    key: str,
    can_undo: bool = False,
    band: tuple[float, float] | None = None,
    on_rows: Callable[[Outcome], None] | None = None,
) -> None:
    """Show what `held` holds of one class, `label` against `rest`, at the current and the saved threshold.

    `index` is what `held` was made of: it gives the counts that are shown at rest. `of` names run, rows and column;
    when it changes, what was being dragged is dropped. `band` (low, high) is the interval of a tuned threshold.

    `on_act` is called, before the rerun, with what was done and the value given: "drag" or "type" a threshold (a number
    or ABOVE_ALL, not yet admitted), "share" of the rows in [0, 1] to predict positive, "save" a threshold, "undo" (with
    NaN). `on_rows` is called with the outcome whose cell of the confusion matrix was pressed, after a move that had not
    come to rest; without it cells can't be pressed.
    """
    follower = f"{key}_now"
    serial = f"{key}_serial"

    def acted() -> None:
        act = st.session_state[follower].get("act")
        if not act or act["of"] != of or int(act["serial"]) <= st.session_state.get(serial, 0):
            return  # of other scores, or sent once more with a tick of a fragment
        if act["kind"] in OUTCOMES:
            asked(act["kind"], act)
        if act["kind"] not in ACTS:
            return
        st.session_state[serial] = int(act["serial"])
        value = math.nan if act["kind"] == "undo" else act["value"]
        if value is not None:  # as JSON has NaN
            on_act(act["kind"], value)

    def asked(outcome: Outcome, act: dict[str, Any]) -> None:
        st.session_state[serial] = int(act["serial"])
        if act["value"] is not None:
            on_act("drag", act["value"])
        if on_rows:
            on_rows(outcome)

    _shown(key=key, data=_bulk(held, label, rest) | {"name": key, "of": of, "asks": on_rows is not None})
    _followed(
        key=follower,
        data={
            "name": key,
            "of": of,
            "serial": st.session_state.get(serial, 0),
            "current": _point(index, current),
            "saved": saved and _point(index, saved),
            "window": None if held.exact else _counts(around(index, current.value)),
            "undo": can_undo,
            "band": band and [ABOVE_ALL if math.isinf(end) else end for end in band],
        },
        on_act_change=acted,
    )


def _bulk(held: Held, label: str, rest: str) -> dict[str, Any]:
    axis = held.axis
    note = (
        ""
        if held.exact
        else f"While it moves, {held.points.thresholds.size:,} of {held.distinct:,} distinct scores are at hand, and "
        f"counts are within {BOUND:.1%} of a class. At rest they are exact."
    )
    return {
        "label": label,
        "rest": rest,
        "note": note,
        "band": "the spread of the tuned threshold over resamples,",
        "labels": {name: METRICS[name].label for name in TILES},
        "help": {name: METRICS[name].help for name in TILES},
        "dtype": held.points.thresholds.dtype.name,
        "exact": held.exact,
        "positives": held.positives,
        "negatives": held.negatives,
        "points": _counts(held.points),
        "bins": {"tp": _rows(held.bins.tp), "fp": _rows(held.bins.fp)},
        "axis": {
            "kind": axis.kind,
            "low": axis.low,
            "high": axis.high,
            "start": axis.start,
            "end": axis.end,
            "ticks": [list(tick) for tick in axis.ticks],
        },
    }


def _counts(counts: ThresholdCounts) -> dict[str, object]:
    """Counts (T,) as typed arrays; thresholds in their own precision, or one that holds it."""
    return {
        "thresholds": packed(counts.thresholds, "f8" if counts.thresholds.dtype == np.float64 else "f4"),
        "tp": _rows(counts.tp),
        "fp": _rows(counts.fp),
    }


def _rows(counts: NDArray) -> object:
    """Numbers of rows (T,) as a typed array, weighted ones in float64."""
    return packed(counts, "f8" if counts.dtype.kind == "f" else "u4")


def _point(index: ScoreIndex, threshold: Threshold) -> dict[str, object]:
    """A threshold and its counts over all rows."""
    counts = index.counts(threshold.value)
    return {
        "threshold": ABOVE_ALL if threshold.above_all else threshold.number,
        "tp": counts.tp.item(),
        "fp": counts.fp.item(),
    }
