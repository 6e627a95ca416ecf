"""Fewer points for many curves, within an error of all of them that is known. Numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BOUND = 1e-3  # of the drawn range


def thinned(
    xs: Sequence[NDArray[np.int64]], ys: Sequence[NDArray[np.float64]], low: float, high: float, most: int
) -> tuple[list[NDArray[np.int64]], float]:
    """Places of the points that are kept of curves, first and last among them, and the error that this makes.

    A curve has values ys (E_c,) at rising places xs (E_c,) of the horizontal axis.

    The error is the greatest distance along the vertical axis between a curve and the line through its kept points, as
    a share of the drawn range from `low` to `high`, at whose ends both are cut. It is at most 1e-3 unless that takes
    more than `most` points of all curves together. Values are finite.

    By Douglas and Peucker's rule (https://doi.org/10.3138/FM57-6770-U75U-7727, 1973), all curves at once: the segments
    farthest from their curve are parted at the farthest point until all are near enough or the points are used up.
    """
    sizes = np.array([len(y) for y in ys])
    if sizes.sum() <= most:
        return [np.arange(size) for size in sizes], 0.0
    x, y = np.concatenate(xs), np.concatenate(ys)
    ends = np.cumsum(sizes)
    first, last = (ends - sizes)[sizes > 0], (ends - 1)[sizes > 0]
    kept = np.zeros(len(y), bool)
    kept[first] = kept[last] = True
    segments = _measured(x, y, first, last, low, high)
    room = most - int(np.count_nonzero(kept))
    while len(segments[0]):
        distance = segments[3]
        parted = distance > max(BOUND * (high - low), distance.max() / 2)
        if room <= 0 or not parted.any():
            break
        if np.count_nonzero(parted) > room:
            parted[np.argsort(-distance, kind="stable")[room:]] = False
        begin, end, at, _ = (values[parted] for values in segments)
        kept[at] = True
        room -= len(at)
        halves = _measured(x, y, np.append(begin, at), np.append(at, end), low, high)
        segments = [np.append(old[~parted], new) for old, new in zip(segments, halves, strict=True)]
    error = float(segments[3].max(initial=0.0)) / (high - low)
    return [np.flatnonzero(part) for part in np.split(kept, ends[:-1])], error


def _measured(
    x: NDArray[np.int64],
    y: NDArray[np.float64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    low: float,
    high: float,
) -> list[NDArray]:
    """Segments that skip points: begin, end, the point farthest from the segment, and its distance, (S,) each."""
    skips = end - begin > 1
    begin, end = begin[skips], end[skips]
    sizes = end - begin - 1
    starts = np.cumsum(sizes) - sizes
    place = np.arange(sizes.sum()) + np.repeat(begin + 1 - starts, sizes)
    slope = (y[end] - y[begin]) / (x[end] - x[begin])
    line = np.repeat(y[begin] - slope * x[begin], sizes) + np.repeat(slope, sizes) * x[place]
    away = np.abs(np.clip(y[place], low, high) - np.clip(line, low, high))
    distance = np.maximum.reduceat(away, starts) if len(starts) else np.empty(0)
    at = np.flatnonzero(away == np.repeat(distance, sizes))
    at = at[np.searchsorted(at, starts)]  # the first one of each
    return [begin, end, place[at], distance]
