"""Fewer points for a figure: evenly spaced ones, or those that keep curves within a bound. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
# From segments that begin and end at (S,), and of the points between them how many each segment has, (S,), and which
# they are, (P,), segment by segment: the distance of each point from its segment, (P,).
Distance = Callable[[Places, Places, Places, Places], NDArray[np.float64]]


def evenly_spaced(size: int, most: int) -> Places:
    """Places of 0 .. size-1: all of them, or `most` that are evenly spaced.

    Parameters
    ----------
    size : how many places there are, >= 0
    most : how many are kept at most, >= 1; the first and the last are kept if this is at least 2

    Returns
    -------
    Rising places, (min(size, most),).
    """
    if size <= most:
        return np.arange(size)
    return np.round(np.linspace(0, size - 1, most)).astype(np.intp)


def douglas_peucker(
    begin: Places, end: Places, distance: Distance, bound: float, most: float = np.inf
) -> tuple[Places, float]:
    """Points of curves that stay when those near the line through the others are left out.

    All curves are thinned at once: the segments farthest from a point between their ends are parted there, until all
    points are near enough or `most` are kept.

    Parameters
    ----------
    begin, end : places of the first and the last point of each curve, (C,); the curves lie one after the other
    distance : distances of points from the segments that replace them
    bound : a segment with a point farther away than this is parted
    most : how many points are kept at most, though never fewer than the ends

    Returns
    -------
    Rising places of the points that are kept, (K,), and the largest distance of the others. It is at most `bound`
    unless `most` was reached.

    References
    ----------
    Douglas and Peucker (1973), https://doi.org/10.3138/FM57-6770-U75U-7727.
    """
    kept = [np.unique([begin, end])]
    room = most - kept[0].size
    segments, away = _farthest(begin, end, distance)
    while away.size:
        parted = away > max(bound, away.max() / 2)
        if room <= 0 or not parted.any():
            break
        if np.count_nonzero(parted) > room:
            parted[np.argsort(-away, kind="stable")[int(room) :]] = False
        first, last, at = segments[:, parted]
        kept.append(at)
        room -= at.size
        halves, distances = _farthest(np.concatenate([first, at]), np.concatenate([at, last]), distance)
        segments = np.concatenate([segments[:, ~parted], halves], axis=1)
        away = np.concatenate([away[~parted], distances])
    return np.sort(np.concatenate(kept)), float(away.max(initial=0.0))


def _farthest(begin: Places, end: Places, distance: Distance) -> tuple[Places, NDArray[np.float64]]:
    """Of the segments that skip points: begin, end and the first of the points farthest away, (3, S), and its distance,
    (S,)."""
    skips = end - begin > 1
    begin, end = begin[skips], end[skips]
    if not begin.size:
        return np.empty((3, 0), np.intp), np.empty(0)
    sizes = end - begin - 1
    starts = np.cumsum(sizes) - sizes
    places = np.arange(starts[-1] + sizes[-1]) + np.repeat(begin + 1 - starts, sizes)
    away = distance(begin, end, sizes, places)
    farthest = np.maximum.reduceat(away, starts)
    at = np.flatnonzero(away == np.repeat(farthest, sizes))
    at = at[np.searchsorted(at, starts)]
    return np.stack([begin, end, places[at]]), farthest
