"""Previews of data: rows that are images, and rows in the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plots.style import LEGEND_ABOVE, MUTED, NEGATIVE, POSITIVE

SIDE = 64  # smallest height and width of a picture in pixels
COLOURS = (POSITIVE, NEGATIVE, "var(--st-green-color)", "var(--st-violet-color)", "var(--st-red-color)", MUTED)
SYMBOLS = ("circle", "diamond-open", "cross", "triangle-up-open", "square", "star-open")


def pictures(x: NDArray, image: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows as greyscale images.

    Parameters
    ----------
    x : pixels of each row (N, H * W).
    image : height H and width W.

    Returns
    -------
    images : (N, H * k, W * k) in 0 .. 255, each pixel repeated k x k times, from black at the minimum of all values to
        white at the maximum.
    """
    low, high = float(x.min()), float(x.max())
    grey = np.round((x.reshape(-1, *image) - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    zoom = max(1, -(-SIDE // max(image)))
    return grey.repeat(zoom, axis=1).repeat(zoom, axis=2)


def plane(x: NDArray, names: Sequence[str], label: NDArray[np.int64], axes: tuple[str, str]) -> go.Figure:
    """Points x (N, 2) with one trace per name; label (N,) in 0 .. C-1 is the index of the name.

    In a binary task the positive class, label 1, is blue. Classes differ in colour and in shape.
    """
    figure = go.Figure()
    looks = (1, 0) if len(names) == 2 else range(len(names))
    for at, (name, look) in enumerate(zip(names, looks, strict=True)):
        members = label == at
        figure.add_scatter(
            x=x[members, 0],
            y=x[members, 1],
            mode="markers",
            name=name,
            marker={"color": COLOURS[look % len(COLOURS)], "symbol": SYMBOLS[look % len(SYMBOLS)], "size": 5},
            hovertemplate=f"{name}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        )
    figure.update_layout(
        **LEGEND_ABOVE,
        showlegend=len(names) > 1,
        xaxis={"title": {"text": axes[0]}, "zeroline": False},
        yaxis={"title": {"text": axes[1]}, "zeroline": False},
    )
    return figure
