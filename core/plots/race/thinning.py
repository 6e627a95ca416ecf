"""Fewer points for many curves, within an error of all of them that is known. Numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
    x, y = np.concatenate(xs).astype(np.float64), np.concatenate(ys)
    ends = np.cumsum(sizes)
    first, last = (ends - sizes)[sizes > 0], (ends - 1)[sizes > 0]
    kept = np.zeros(len(y), bool)
    kept[first] = kept[last] = True
    curves = _Curves(x, y, np.minimum(np.maximum(y, low), high), low, high)
    segments, distance = curves.measured(first, last)
    room = most - int(np.count_nonzero(kept))
    while len(distance):
        parted = distance > max(BOUND * (high - low), distance.max() / 2)
        if room <= 0 or not parted.any():
            break
        if np.count_nonzero(parted) > room:
            parted[np.argsort(-distance, kind="stable")[room:]] = False
        begin, end, at = segments[:, parted]
        kept[at] = True
        room -= len(at)
        halves, distances = curves.measured(np.concatenate([begin, at]), np.concatenate([at, end]))
        segments = np.concatenate([segments[:, ~parted], halves], axis=1)
        distance = np.concatenate([distance[~parted], distances])
    error = float(distance.max(initial=0.0)) / (high - low)
    starts = ends - sizes
    return [np.flatnonzero(kept[start:end]) for start, end in zip(starts, ends, strict=True)], error


class _Curves(NamedTuple):
    """Points of all curves one after the other, (P,), and their values cut to the drawn range."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    cut: NDArray[np.float64]
    low: float
    high: float

    def measured(
        self, begin: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of the segments that skip points: begin, end and the point farthest from the segment, (3, S), and its
        distance, (S,)."""
        skips = end - begin > 1
        begin, end = begin[skips], end[skips]
        if not len(begin):
            return np.empty((3, 0), np.int64), np.empty(0)
        sizes = end - begin - 1
        starts = np.cumsum(sizes) - sizes
        place = np.arange(starts[-1] + sizes[-1]) + np.repeat(begin + 1 - starts, sizes)
        slope = (self.y[end] - self.y[begin]) / (self.x[end] - self.x[begin])
        line = np.repeat(slope, sizes)
        line *= self.x[place]
        line += np.repeat(self.y[begin] - slope * self.x[begin], sizes)
        np.minimum(np.maximum(line, self.low, out=line), self.high, out=line)
        line -= self.cut[place]
        away = np.abs(line, out=line)
        distance = np.maximum.reduceat(away, starts)
        at = np.flatnonzero(away == np.repeat(distance, sizes))
        at = at[np.searchsorted(at, starts)]  # the first one of each
        return np.stack([begin, end, place[at]]), distance
