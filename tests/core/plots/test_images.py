"""Grids of images hold every pixel they were given, with room for their captions."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.images import figure_height, image_grid
from tests.support.race_figures import LIMIT, bytes_of, numbers, taken


def test_images_lie_in_rows_with_their_titles_beneath():
    images = np.random.default_rng(0).random((5, 8, 6))
    figure = taken(image_grid(images, [f"is {k}<br>p = .{k}" for k in range(5)], columns=3))
    canvas = numbers(figure["data"][0]["z"])
    grey = 1 + np.round((images - images.min()) / np.ptp(images) * 254)
    boxes = [
        tuple(round(shape[side] + 0.5) for side in ("y0", "y1", "x0", "x1")) for shape in figure["layout"]["shapes"]
    ]
    for (top, bottom, left, right), image, note in zip(boxes, grey, figure["layout"]["annotations"], strict=True):
        np.testing.assert_array_equal(canvas[top:bottom, left:right], image)
        assert (note["x"], note["y"]) == ((left + right - 1) / 2, bottom - 0.5)
    assert np.count_nonzero(canvas) == images.size  # 0, which is no grey, lies everywhere else
    assert boxes[3][0] > boxes[0][1] > boxes[0][0] == boxes[1][0]
    assert figure["layout"]["annotations"][4]["text"] == "is 4<br>p = .4"


@pytest.mark.parametrize("image", [(8, 8), (28, 28), (64, 64)])
@pytest.mark.parametrize("width", [304, 1300])  # of the plot on a phone and on a wide page
def test_captions_of_mistakes_have_room_for_three_lines_on_any_page(image, width):
    figure = image_grid(np.random.default_rng(0).random((12, *image)), ["actual 3<br>predicted 8<br>p(8) = 0.98"] * 12)
    layout = figure["layout"]
    (left, right), (bottom, top) = layout["xaxis"]["range"], layout["yaxis"]["range"]
    scale = min(width / (right - left), (figure_height(12, image) - 16) / (bottom - top))  # pixels a unit
    boxes = layout["shapes"]
    assert len({box["x0"] for box in boxes}) == 4
    assert (boxes[4]["y0"] - boxes[0]["y1"]) * scale >= 3 * 1.3 * 11


def test_large_images_are_means_of_squares():
    images = np.random.default_rng(0).random((4, 128, 128))
    figure = taken(image_grid(images, ["a"] * 4, columns=2))
    small = images.reshape(4, 64, 2, 64, 2).mean(axis=(2, 4))
    shape = figure["layout"]["shapes"][0]
    assert shape["x1"] - shape["x0"] == 64
    canvas = numbers(figure["data"][0]["z"])[:64, :64]
    np.testing.assert_array_equal(canvas, 1 + np.round((small[0] - small.min()) / np.ptp(small) * 254))


@pytest.mark.parametrize("images", [np.empty((0, 8, 8)), np.full((2, 8, 8), np.nan), np.ones((1, 8, 8))])
def test_images_without_contrast(images):
    figure = taken(image_grid(images, ["title"] * len(images)))
    assert len(figure["layout"]["annotations"]) == len(images)


def test_images_are_small():
    images = np.random.default_rng(0).random((16, 64, 64))
    assert bytes_of(image_grid(images, ["actual 3, predicted 8<br>p(8) = .98"] * 16)) < LIMIT
