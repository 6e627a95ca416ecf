"""A confusion matrix with a choice of its normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from core.evaluation.decisions import NO_CLASS, Normalise
from core.plots.thresholds import confusion_figure
from pages.components.live_figure import live_figure
from pages.shared import state, text

NORMALISE: dict[Normalise, str] = {"none": "counts", "row": "by row", "column": "by column"}


def normalise_now(key: str) -> Normalise:
    """The normalisation of the matrix with this key, as chosen last."""
    return state.NORMALISED.of(key).get()


def show_matrix(
    title: str,
    key: str,
    matrix: np.ndarray,
    names: tuple[str, ...],
    revision: str,
    on_cell: Callable[[int, int], None],
) -> None:
    """The matrix of rows by actual (row) and predicted class (column), under its title: (K, K), or (K, K + 1) with the
    rows without a class in the last column. `on_cell` is called, in a callback, with the actual class of a cell that is
    clicked and the predicted one, NO_CLASS for that last column."""

    def clicked(cell: dict[str, Any]) -> None:
        two = matrix.shape == (2, 2)  # drawn as four bars, TN, FP, FN and TP
        true, called = divmod(cell["curve"], 2) if two else (int(cell["y"]), int(cell["x"]))
        on_cell(true, called if called < len(names) else NO_CLASS)

    matrix = matrix.round(3)  # sums of weights
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{title}**", width="content")
        normalise = st.segmented_control(
            "Numbers",
            list(NORMALISE),
            format_func=NORMALISE.__getitem__,
            key=state.NORMALISED.of(key).name,
            default=state.NORMALISED.default,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    figure = confusion_figure(matrix, names, normalise)
    height = 320 if len(names) == 2 else min(120 + 36 * len(names), 620)
    live_figure(
        figure,
        key=key,
        alt=text.of_matrix(matrix, names),
        height=height,
        revision=f"{revision} {matrix.shape}",
        on_click=clicked,
    )
    st.caption("Click a cell to see its rows in the Rows panel.")
