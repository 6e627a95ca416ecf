"""Figures of predictions and of data: what is drawn is what was given, in the ranges that hold all of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.data import load_dataset
from core.plots.data import pictures, plane
from core.plots.regression import POINTS, predicted_vs_actual, residual_histogram

NUMBERS = st.integers(-(10**8), 10**8).map(lambda thousandths: thousandths / 1000)
VALUES = arrays(np.float64, st.integers(1, 30), elements=NUMBERS)


def some(rows: int = 50, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y_true = rng.normal(100, 20, rows)
    return y_true, y_true + rng.normal(0, 5, rows)


@given(y_true=VALUES, error=NUMBERS)
def test_every_row_and_the_diagonal_lie_within_the_ranges(y_true: np.ndarray, error: float):
    figure = predicted_vs_actual(y_true, y_true + error, "y")
    diagonal, points = figure.data
    np.testing.assert_array_equal(points.x, y_true)
    np.testing.assert_array_equal(points.y, y_true + error)
    np.testing.assert_array_equal(diagonal.x, diagonal.y)
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    low, high = figure.layout.xaxis.range
    assert low < min(points.x.min(), points.y.min()) <= max(points.x.max(), points.y.max()) < high


def test_axes_name_the_target():
    figure = predicted_vs_actual(*some(), "price")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("actual price", "predicted price")


def test_a_band_lies_across_the_predictions():
    figure = predicted_vs_actual(*some(), "y", band=(90.0, 110.0))
    band = next(shape for shape in figure.layout.shapes if shape.type == "rect")
    assert (band.y0, band.y1) == (90, 110)
    assert band.yref == "y"
    assert not predicted_vs_actual(*some(), "y").layout.shapes


def test_many_rows_are_thinned_evenly_and_ranges_are_those_of_all():
    y_true, y_pred = some(5 * POINTS)
    y_pred[1] = 1e4
    figure = predicted_vs_actual(y_true, y_pred, "y")
    assert len(figure.data[1].x) == POINTS
    assert figure.layout.yaxis.range[1] > 1e4


@given(y_true=VALUES, error=NUMBERS)
def test_every_residual_is_counted_on_its_side_of_zero(y_true: np.ndarray, error: float):
    y_pred = y_true + error
    (bars,) = residual_histogram(y_true, y_pred).data
    assert bars.y.sum() == len(y_true)
    residual = y_pred - y_true
    assert bars.y[bars.x > 0].sum() == np.sum(residual >= 0)
    assert bars.y[bars.x < 0].sum() == np.sum(residual < 0)


def test_residuals_beyond_the_limit_of_a_loss_are_shaded():
    y_true, y_pred = some()
    figure = residual_histogram(y_true, y_pred, 4.0)
    sides = [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"]
    reach = figure.layout.xaxis.range[1]
    assert sides == [(-reach, -4), (4, reach)]
    assert len(residual_histogram(y_true, y_pred, 1e3).layout.shapes) == 1  # the line at 0 alone


def test_no_rows_draw_empty_figures():
    empty = np.empty(0)
    assert len(predicted_vs_actual(empty, empty, "y").data[1].x) == 0
    assert residual_histogram(empty, empty).data[0].y.sum() == 0


@pytest.mark.parametrize("dataset", ["digit", "mnist_5k"])
def test_pictures_are_the_pixels_row_by_row(dataset: str):
    data = load_dataset(dataset)
    assert data.image
    grey = pictures(data.x[:3], data.image)
    zoom = grey.shape[1] // data.image[0]
    assert grey.shape == (3, data.image[0] * zoom, data.image[1] * zoom)
    assert grey.shape[1] >= 64
    for at in range(3):
        back = grey[at, ::zoom, ::zoom].astype(float) / 255
        np.testing.assert_allclose(back.ravel(), data.x[at] / data.x[:3].max(), atol=1 / 255)
        np.testing.assert_array_equal(grey[at], np.kron(grey[at, ::zoom, ::zoom], np.ones((zoom, zoom))))


def test_a_picture_of_one_value_is_black():
    assert not pictures(np.full((1, 4), 3.0), (2, 2)).any()


def test_every_class_of_the_plane_has_its_points_a_colour_and_a_shape():
    data = load_dataset("blobs")
    figure = plane(data.x, data.class_names, data.y, ("a", "b"))
    for at, trace in enumerate(figure.data):
        np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=1), data.x[data.y == at])
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == len({symbol for _, symbol in looks}) == len(data.class_names)


def test_positives_are_blue_as_everywhere():
    data = load_dataset("moons")
    traces = {trace.name: trace for trace in plane(data.x, data.class_names, data.y, ("a", "b")).data}
    assert traces[data.class_names[1]].marker.color == "var(--st-blue-color)"
    assert traces[data.class_names[0]].marker.color == "var(--st-orange-color)"
