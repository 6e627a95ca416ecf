"""A look at a data set: pictures of images, points in the plane, or the first columns of a few rows."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data import Dataset, examples, preview, row_labels
from core.evaluation.thinning import evenly_spaced
from core.plots.data import pictures, plane
from core.plots.regression import POINTS
from pages.components.live_figure import live_figure
from pages.shared import state

PICTURES, ROWS = 20, 8


def show(data: Dataset) -> None:
    """A part of the settings that is computed only while it is open; it follows the choices about the data."""
    look = st.expander("Look at the data", key=state.PREVIEW.name, icon=":material/visibility:", on_change="rerun")
    if not look.open:
        return
    with look:
        if data.table:
            show_table(data)
        elif data.image:
            show_pictures(data, data.image)
        elif data.x.shape[1] == 2 and data.task in ("binary", "multiclass"):
            show_plane(data)
        elif data.x.shape[1] == 1 and data.task == "regression":
            show_line(data)
        else:
            show_table(data)


def show_pictures(data: Dataset, image: tuple[int, int]) -> None:
    rows = examples(data, PICTURES)
    names = [str(name) for name in row_labels(data, rows)]
    with st.container(horizontal=True, gap="small"):
        for picture, name in zip(pictures(data.x[rows], image), names, strict=True):
            st.image(picture, name, width=44, alt=f"An image of class {name}")


def show_plane(data: Dataset) -> None:
    rows = evenly_spaced(len(data.x), POINTS)
    show_points(data, data.x[rows], data.y[rows], data.class_names, (data.feature_names[0], data.feature_names[1]))


def show_line(data: Dataset) -> None:
    rows = evenly_spaced(len(data.x), POINTS)
    points = np.stack([data.x[rows, 0], data.y[rows]], axis=1)
    show_points(data, points, np.zeros(len(rows), np.int64), (data.target,), (data.feature_names[0], data.target))


def show_points(
    data: Dataset, points: np.ndarray, label: np.ndarray, names: tuple[str, ...], axes: tuple[str, str]
) -> None:
    figure = plane(points, names, label, axes)
    alt = f"{len(points):,} of {len(data.x):,} rows, {axes[1]} against {axes[0]}."
    live_figure(figure, key="preview_figure", alt=alt, height=260, revision=data.name)
    if len(points) < len(data.x):
        st.caption(f"{len(points):,} of the {len(data.x):,} rows are drawn.")


def show_table(data: Dataset) -> None:
    table = preview(data, ROWS)
    st.dataframe(table.style.format(precision=3), height="content", alt=f"{len(table)} rows of the data.")
    if data.x.shape[1] >= table.shape[1]:
        st.caption(f"The first {table.shape[1] - 1} of {data.x.shape[1]} features.")
