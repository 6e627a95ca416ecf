"""Labels at the ends of lines, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.plots.race.common import NAME, Line, marked, short
from core.plots.style import TEXT, plain

LABEL = 16  # pixels from one label to the next


def end_labels(
    ends: Sequence[tuple[Line, int, float]], low: float, high: float, log: bool, tall: float
) -> list[dict[str, Any]]:
    """Names at the ends of lines, moved vertically so that none overlaps another or leaves the plot.

    Parameters
    ----------
    ends : each line with the epoch and the value of its end.
    low, high : ends of the vertical axis, as powers of ten if it is logarithmic.
    log : whether the vertical axis is logarithmic.
    tall : height of the plot in pixels.
    """
    if not ends:
        return []
    values = np.array([value for _, _, value in ends])
    if log:
        values = np.log10(np.maximum(values, 10**low))
    values = np.clip(values, low, high)
    heights = (values - low) / (high - low) * max(tall, 1.0)
    names = short([line for line, _, _ in ends], NAME)
    shifts = LABEL / 2 + apart(heights - LABEL / 2, LABEL, max(tall - LABEL, 1.0)) - heights
    return [
        {
            "text": marked(name, line.colour),
            "hovertext": plain(line.name),
            "x": epoch,
            "y": float(y),
            "xshift": 5,
            "yshift": round(float(shift), 1),
            "xanchor": "left",
            "yanchor": "middle",
            "showarrow": False,
            "font": {"color": TEXT, "size": 12},
        }
        for (line, epoch, _), name, y, shift in zip(ends, names, values, shifts, strict=True)
    ]


def apart(positions: NDArray[np.float64], gap: float, room: float) -> NDArray[np.float64]:
    """Move positions apart by as little as possible.

    After subtracting i gaps from the i-th position this is an isotonic regression, solved by pooling adjacent values.

    Parameters
    ----------
    positions : (n,), in any order.
    gap : minimum distance between neighbours.
    room : length of the axis.

    Returns
    -------
    moved : (n,), in the order of size of the given ones, >= gap apart, and in [0, room] if they fit.
    """
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(positions))
    pools: list[tuple[float, int]] = []
    for target in positions[order] - steps:
        mean, size = float(target), 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    placed = np.empty(len(positions))
    placed[order] = np.clip(level, 0, max(room - steps[-1], 0.0)) + steps
    return placed
