"""Reducing the points of many curves with a known maximum error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.thinning import Places, douglas_peucker

BOUND = 1e-3  # of the drawn range; the accepted error


def thinned(
    xs: Sequence[NDArray[np.int64]], ys: Sequence[NDArray[np.float64]], low: float, high: float, most: int
) -> tuple[list[NDArray[np.int64]], float]:
    """Thin curves by the algorithm of Douglas and Peucker.

    Parameters
    ----------
    xs : coordinates of each curve (E_c,), ascending.
    ys : finite values of each curve (E_c,).
    low, high : the drawn range, to which curves are clipped.
    most : maximum number of points of all curves together.

    Returns
    -------
    kept : indices of the kept points of each curve, including the first and the last.
    error : maximum vertical distance between a curve and the line through its kept points, as a fraction of the drawn
        range; <= BOUND unless that takes more than `most` points.

    References
    ----------
    Douglas and Peucker, Algorithms for the reduction of the number of points required to represent a digitized line or
    its caricature, 1973.
    """
    sizes = np.array([len(y) for y in ys])
    if sizes.sum() <= most:
        return [np.arange(size) for size in sizes], 0.0
    x, y = np.concatenate(xs).astype(np.float64), np.concatenate(ys)
    ends = np.cumsum(sizes)
    starts, some = ends - sizes, sizes > 0
    cut = np.minimum(np.maximum(y, low), high)

    def distance(begin: Places, end: Places, counts: Places, places: Places) -> NDArray[np.float64]:
        slope = (y[end] - y[begin]) / (x[end] - x[begin])
        line = np.repeat(slope, counts)
        line *= x[places]
        line += np.repeat(y[begin] - slope * x[begin], counts)
        np.minimum(np.maximum(line, low, out=line), high, out=line)
        line -= cut[places]
        return np.abs(line, out=line)

    kept, error = douglas_peucker(starts[some], ends[some] - 1, distance, BOUND * (high - low), most)
    curve = np.searchsorted(kept, starts), np.searchsorted(kept, ends)
    return [kept[a:b] - start for a, b, start in zip(*curve, starts, strict=True)], error / (high - low)
