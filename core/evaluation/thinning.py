"""Thin the points of a figure: evenly, or so that curves stay within a bound. NumPy alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
# Takes the first and last point of each segment, (S,) each, the number of points inside each segment, (S,), and the
# points themselves, (P,), segment by segment. Returns the distance of each point from its segment, (P,).
Distance = Callable[[Places, Places, Places, Places], NDArray[np.float64]]


def evenly_spaced(size: int, most: int) -> Places:
    """Indices from 0 to size - 1: all of them, or `most` that are evenly spaced.

    Parameters
    ----------
    size : number of points, >= 0.
    most : maximum number to keep, >= 1; the first and the last are kept if it is >= 2.

    Returns
    -------
    Ascending indices, (min(size, most),).
    """
    if size <= most:
        return np.arange(size)
    return np.round(np.linspace(0, size - 1, most)).astype(np.intp)


def douglas_peucker(
    begin: Places, end: Places, distance: Distance, bound: float, most: float = np.inf
) -> tuple[Places, float]:
    """Drop the points of curves that are close to the line through the points kept.

    All curves are thinned at once: the segments with the most distant points are split there until all points are close
    enough or `most` are kept.

    Parameters
    ----------
    begin, end : indices of the first and the last point of each curve, (C,); curves follow one another.
    distance : computes the distances of points from the segments that replace them.
    bound : a segment with a point at a distance > bound is split.
    most : maximum number of points to keep; the ends are always kept.

    Returns
    -------
    Ascending indices of the points kept, (K,), and the maximum distance of the others, which is <= bound unless `most`
    was reached.

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
    """For the segments with points inside: begin, end and the first most distant point, (3, S), and its distance,
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
