"""The thresholds of all classes or labels, each under its histogram, and what they come to together.

Everything that moves while a threshold is dragged is computed in the browser, from the rows it was sent; the server
hears of it once, on release, and everything at rest is what it counted. Two components make one column: scores are
large and sent once, what a commit changes is small. Both fetch one module, in which they find each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation import METRICS, NO_CLASS, ThresholdCounts
from core.evaluation.decisions import Normalise
from core.evaluation.scores import Scores
from core.evaluation.thinning import evenly_spaced
from core.evaluation.threshold import ABOVE_ALL, How, Threshold
from core.plots.axis import round_numbers
from core.plots.style import Scale, ScoreRange, limits
from core.plots.thresholds import MOST_NAMES
from pages.components.scripts import loader

HERE = Path(__file__)
MOST = 60_000  # scores that a browser is sent; of more rows it gets as many as that comes to, evenly spread
_shown = st.components.v2.component(
    "threshold_column",
    html=HERE.with_suffix(".html").read_text(),
    css=HERE.with_suffix(".css").read_text(),
    js=loader("threshold_column", "The column of thresholds", ".held"),
)
_followed = st.components.v2.component(
    "threshold_column_followed",
    html='<p class="spoken" role="status" aria-live="polite"></p>',
    css=".spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }",
    js=loader("threshold_column", "The column of thresholds", ".spoken", "follow"),
)


@dataclass(frozen=True)
class Total:
    """A tile: the number `id`, as a rate, a count or a mean; better is 1 if higher is better, -1 if lower is.

    Below it is the difference to the saved thresholds, the actual value, or how many rows became correct or wrong.
    """

    id: str
    label: str
    help: str
    kind: Literal["rate", "count", "mean"] = "rate"
    better: Literal[-1, 0, 1] = 0
    under: Literal["delta", "true", "changes"] = "delta"


def threshold_column(
    scores: Scores,
    *,
    thresholds: Sequence[Threshold],
    saved: Sequence[Threshold] | None,
    counts: ThresholdCounts,
    totals: Sequence[Total],
    now: Mapping[str, float],
    before: Mapping[str, float],
    chosen: int,
    scale: Scale,
    key: str,
    revision: str,
    on_move: Callable[[int, float, How], None],
    on_choose: Callable[[int], None],
    rule: str = "",
    fallback: int = NO_CLASS,
    beside: str = "",
    normalise: Normalise = "none",
    sample_weight: NDArray[np.floating] | None = None,
) -> None:
    """Show a row for each class or label of `scores`, with its threshold (C,), and the totals above them.

    counts (C,) are those of each row at rest, `now` the totals by id and `before` those at the `saved` thresholds, if
    any are. Classes are decided by `rule`, an entry of DECISIONS, and the live figure of their confusion matrix with
    the key `beside` follows what moves. When a threshold is released, `on_move` is called with its column, the number
    given, not yet admitted, and whether it was typed or dragged; `on_choose` with the column whose name was clicked;
    both before the rerun. Name in `revision` what the scores are of: what moves in the browser belongs to that.
    sample_weight (N,), by default 1 per row, is counted while a threshold moves as well.
    """

    follower = f"{key}_now"

    def moved() -> None:
        given = st.session_state[follower].get("moved")
        if given and given["of"] == revision:
            st.session_state[f"{key}.answered"] = given["serial"]
            if given["threshold"] is not None and given["how"] in ("typed", "dragged"):
                on_move(int(given["column"]), given["threshold"], given["how"])

    def chose() -> None:
        column = st.session_state[follower].get("chosen")
        if column is not None:
            on_choose(int(column))

    with st.container(gap=None):  # what follows is only heard
        _shown(key=key, data=_bulk(scores, sample_weight, totals, key, revision))
        _followed(
            key=follower,
            data={
                "name": key,
                "of": revision,
                "thresholds": _sent(thresholds),
                "saved": saved and _sent(saved),
                "chosen": chosen,
                "scale": "score" if isinstance(scale, ScoreRange) else scale,
                "range": list(limits(scale)),
                "ticks": round_numbers(*scale) if isinstance(scale, ScoreRange) else [],
                "rule": rule,
                "fallback": fallback,
                "beside": beside if scores.n_columns <= MOST_NAMES else "",
                "normalise": normalise,
                "columns": _columns(counts),
                "now": _known(now),
                "before": _known(before),
                "answered": st.session_state.get(f"{key}.answered", 0),
            },
            on_moved_change=moved,
            on_chosen_change=chose,
        )


def _sent(thresholds: Sequence[Threshold]) -> list[float | str]:
    return [ABOVE_ALL if threshold.number is None else threshold.number for threshold in thresholds]


def _columns(counts: ThresholdCounts) -> list[dict[str, float | None]]:
    found = {name: METRICS[name](counts).ravel().tolist() for name in ("precision", "recall", "f1")}
    return [_known(dict(zip(found, values, strict=True))) for values in zip(*found.values(), strict=True)]


def _known(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Numbers as JSON has them: none for NaN."""
    return {name: None if math.isnan(value) else value for name, value in numbers.items()}


def _bulk(
    scores: Scores, sample_weight: NDArray[np.floating] | None, totals: Sequence[Total], key: str, revision: str
) -> bytes:
    """What stays while thresholds move: the length of a head in four bytes, the head as JSON, the arrays it names."""
    shown = evenly_spaced(scores.n_rows, max(MOST // scores.n_columns, 1))
    exact = "f8" if scores.y_score.dtype == np.float64 else "f4"  # float16 is sent as float32, which holds it exactly
    truth = scores.y_true[shown]
    arrays = {
        "scores": (exact, scores.y_score[shown].T),
        "truth": ("u1", truth.T) if scores.task == "multilabel" else ("i4", truth),
    }
    if sample_weight is not None:
        arrays["weights"] = "f8", sample_weight[shown]
    head = {
        "name": key,
        "of": revision,
        "task": scores.task,
        "names": scores.column_names,
        "positives": scores.positives.tolist(),
        "dtype": scores.y_score.dtype.name,
        "shown": shown.size,
        "total": scores.n_rows,
        "sampled": f"Bars, and numbers during a drag, are of {shown.size:,} evenly spaced rows of {scores.n_rows:,}; "
        "at rest every number is of all rows.",
        "totals": [asdict(total) for total in totals],
        "arrays": [[name, kind, array.size] for name, (kind, array) in arrays.items()],
    }
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    body = (np.ascontiguousarray(array, f"<{kind}").tobytes() for kind, array in arrays.values())
    return b"".join((len(text).to_bytes(4, "little"), text, *body))
