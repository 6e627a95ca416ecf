"""A slider over the epochs of a run: scores, precision and recall, and decisions of each, drawn in the browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from scipy.special import logit

from core.plots.epochs import EpochFrames
from core.plots.style import packed, place, score_axis

HERE = Path(__file__)
_component = st.components.v2.component(
    "epoch_scrubber",
    html=HERE.with_suffix(".html").read_text(),
    css=HERE.with_suffix(".css").read_text(),
    js=HERE.with_suffix(".js").read_text(),
)


def epoch_scrubber(
    frames: EpochFrames,
    losses: NDArray[np.floating] | None,
    *,
    label: str,
    rest: str,
    threshold: float,
    key: str,
    alt: str,
    height: int = 260,
) -> None:
    """Show one epoch of `frames` at a time, chosen by a slider or played at 20 epochs a second.

    `losses` (E,) are the validation losses of these epochs, `label` and `rest` the names of the two classes, and
    `threshold` is the one that `frames` were counted at. Nothing is sent to the server. When epochs are added under
    the same `key` the slider stays where it is, unless it stood at the last epoch: then it follows. So give each run
    its own key.

    `alt` is one sentence for those who cannot see the histograms, which are `height` pixels tall.
    """
    # All rows of a bin are predicted positive or none, except in the threshold's bin, which tp and fp split.
    axis = score_axis(frames.scale)
    words = axis.get("ticktext", [f"{tick:g}" for tick in axis["tickvals"]])
    _component(
        key=key,
        data={
            "alt": alt,
            "label": label,
            "rest": rest,
            "height": height,
            "threshold": f"p ≥ {threshold:.3f} · logit ≥ {logit(threshold):.3f}",
            "x": float(np.clip(place(threshold, frames.scale), frames.edges[0], frames.edges[-1])),
            "edges": [float(frames.edges[0]), float(frames.edges[-1])],
            "ticks": list(zip(axis["tickvals"], words, strict=True)),
            "split": frames.split,
            "tallest": frames.tallest,
            "epochs": _whole(frames.epochs),
            "rows": _whole(frames.by_class),
            "tp": _whole(frames.tp),
            "fp": _whole(frames.fp),
            "precision": packed(frames.precision, "f8"),
            "recall": packed(frames.recall, "f8"),
            "losses": None if losses is None else packed(losses, "f8"),
        },
    )


def _whole(numbers: NDArray[np.integer]) -> object:
    """Whole numbers >= 0 of any shape in as few bytes as they fit."""
    return packed(numbers.ravel(), "u2" if numbers.max() < 2**16 else "u4")
