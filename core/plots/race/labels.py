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
    """Names at the ends of their lines, moved so far that none covers another or leaves the plot, `tall` pixels."""
    if not ends:
        return []
    values = np.array([value for _, _, value in ends])
    if log:
        values = np.log10(np.maximum(values, 10**low))
    values = np.clip(values, low, high)
    wanted = (values - low) / (high - low) * max(tall, 1.0)
    names = short([line for line, _, _ in ends], NAME)
    shifts = LABEL / 2 + apart(wanted - LABEL / 2, LABEL, max(tall - LABEL, 1.0)) - wanted
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


def apart(wanted: NDArray[np.float64], gap: float, room: float) -> NDArray[np.float64]:
    """The positions closest to the given ones (n,), in the same order, `gap` apart and in [0, room] if they fit.

    With i gaps taken off the i-th place, that is an isotonic regression: pools of equal places, joined from below.
    """
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    pools: list[tuple[float, int]] = []
    for target in wanted[order] - steps:
        mean, size = float(target), 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    placed = np.empty(len(wanted))
    placed[order] = np.clip(level, 0, max(room - steps[-1], 0.0)) + steps
    return placed
