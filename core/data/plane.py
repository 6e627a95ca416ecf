"""A grid over data with two features, for maps of a model's scores."""

from __future__ import annotations

import numpy as np

from core.data.dataset import Dataset, Split

SIDE = 48
MARGIN = 0.1  # around the data, as a fraction of its range


def has_plane(data: Dataset) -> bool:
    """Whether the data can be drawn as a map: two features and two classes."""
    return data.task == "binary" and data.x.shape[1] == 2 and data.encoder is None


def plane(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the grid's columns, xs (SIDE,), and rows, ys (SIDE,), in the units of the data."""
    low, high = data.x.min(0).astype(np.float64), data.x.max(0).astype(np.float64)
    pad = MARGIN * (high - low)
    return np.linspace(low[0] - pad[0], high[0] + pad[0], SIDE), np.linspace(low[1] - pad[1], high[1] + pad[1], SIDE)


def points(data: Dataset) -> np.ndarray:
    """All grid points (SIDE * SIDE, 2), row by row: point i * SIDE + j is (xs[j], ys[i])."""
    return np.stack(np.meshgrid(*plane(data)), axis=-1).reshape(-1, 2)


def standardised_points(data: Dataset, split: Split) -> np.ndarray:
    """`points`, standardised like the features of this split, float32."""
    return ((points(data) - split.mean) / split.deviation).astype(np.float32)
