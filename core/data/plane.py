"""A grid over data of two features, on which a model's scores make a map."""

from __future__ import annotations

import numpy as np

from core.data.dataset import Dataset, Split

SIDE = 48
MARGIN = 0.1  # beyond the data, as a share of its range


def has_plane(data: Dataset) -> bool:
    """Whether there is a map to draw: two features and two classes."""
    return data.task == "binary" and data.x.shape[1] == 2


def plane(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Where the columns xs (SIDE,) and the rows ys (SIDE,) of the grid lie, in the data's own units."""
    low, high = data.x.min(0).astype(np.float64), data.x.max(0).astype(np.float64)
    pad = MARGIN * (high - low)
    return np.linspace(low[0] - pad[0], high[0] + pad[0], SIDE), np.linspace(low[1] - pad[1], high[1] + pad[1], SIDE)


def points(data: Dataset) -> np.ndarray:
    """All points of the grid (SIDE SIDE, 2), row by row: reshaped to (SIDE, SIDE), [i, j] lies at ys[i], xs[j]."""
    return np.stack(np.meshgrid(*plane(data)), axis=-1).reshape(-1, 2)


def standardised_points(data: Dataset, split: Split) -> np.ndarray:
    """`points` as the models of this split see them, float32."""
    return ((points(data) - split.mean) / split.deviation).astype(np.float32)
