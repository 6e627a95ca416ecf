"""A grid of images with captions, such as misclassified rows, as plain dicts for plotly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.plots.race import Spec
from core.plots.style import LINE, MARGIN, packed, plain

PIXELS = 20_000  # of all images together; more are shrunk by an integer factor
COLUMNS = 4
SIDE, GAP, CAPTION = 72, 4, 50  # pixels: height of an image, gap between columns, room for captions between rows
LONGEST = 14  # characters of a caption's line


def figure_height(count: int, image: tuple[int, int], columns: int = COLUMNS) -> int:
    """Height in pixels of a figure of `count` images (h, w), with room for captions at widths >= 300 pixels."""
    return -(-count // columns) * round(_pitch(*image)[1] * SIDE / image[0]) + int(MARGIN["t"] + MARGIN["b"])


def image_grid(images: NDArray, titles: Sequence[str], columns: int = COLUMNS) -> Spec:
    """A grid of images with titles below them.

    Grey levels go from black at the minimum of all values to white at the maximum, in 255 steps. Images with more than
    20,000 pixels in total are shrunk by averaging blocks of pixels.

    Parameters
    ----------
    images : (n, h, w), drawn row by row from the top left.
    titles : title of each image; "<br>" separates lines.
    columns : number of columns.
    """
    images = _shrunk(np.asarray(images, np.float64))
    count, height, width = images.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    across, down = _pitch(height, width)
    canvas = np.zeros((rows * down, columns * across), np.uint8)  # 0 where there is no image
    corners = [(at // columns * down, at % columns * across) for at in range(count)]
    for image, (top, left) in zip(_grey(images), corners, strict=True):
        canvas[top : top + height, left : left + width] = image
    nothing = "rgba(0,0,0,0)"
    data: list[dict[str, Any]] = []
    if count:
        data.append(
            {
                "type": "heatmap",
                "z": packed(canvas, "u1"),
                "zmin": 0,
                "zmax": 255,
                "colorscale": [[0, nothing], [0.5 / 255, nothing], [0.5 / 255, "#000000"], [1, "#ffffff"]],
                "showscale": False,
                "hoverinfo": "skip",
            }
        )
    axis: dict[str, Any] = {
        "fixedrange": True,
        "constrain": "domain",
        "showgrid": False,
        "showline": False,
        "zeroline": False,
        "showticklabels": False,
        "ticks": "",
    }
    layout = {
        "margin": MARGIN,
        "showlegend": False,
        "xaxis": axis | {"range": [-1.0, columns * across - 0.5], "constrain": "domain", "constraintoward": "left"},
        "yaxis": axis
        | {"range": [rows * down - 0.5, -1.0], "constrain": "domain", "scaleanchor": "x", "constraintoward": "top"},
        "shapes": [
            {"type": "rect", "x0": left - 0.5, "x1": left + width - 0.5, "y0": top - 0.5, "y1": top + height - 0.5}
            | {"line": {"color": LINE, "width": 1}}
            for top, left in corners
        ],
        "annotations": [
            {
                "text": "<br>".join(plain(part, LONGEST) for part in title.split("<br>")),
                "hovertext": "<br>".join(plain(part) for part in title.split("<br>")),
                "x": left + (width - 1) / 2,
                "y": top + height - 0.5,
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 11},
            }
            for title, (top, left) in zip(titles, corners, strict=True)
        ],
    }
    return {"data": data, "layout": layout}


def _pitch(height: int, width: int) -> tuple[int, int]:
    """Distance between adjacent images, across and down, in image pixels."""
    unit = height / SIDE
    return width + max(1, round(GAP * unit)), height + int(np.ceil(CAPTION * unit))


def _grey(images: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values as 1 (black) to 255 (white); values that are not finite are black."""
    finite = np.where(np.isfinite(images), images, np.nan)
    low, high = (np.nanmin(finite), np.nanmax(finite)) if np.isfinite(images).any() else (0.0, 1.0)
    return np.nan_to_num(1 + np.round((finite - low) / ((high - low) or 1.0) * 254), nan=1.0).astype(np.uint8)


def _shrunk(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Images (n, h, w), or means of k x k pixels (n, h // k, w // k) if there are too many pixels."""
    count, height, width = images.shape
    k = max(1, min(int(np.ceil(np.sqrt(images.size / PIXELS))), height, width))
    parted = images[:, : height // k * k, : width // k * k].reshape(count, height // k, k, width // k, k)
    return parted.mean(axis=(2, 4))
