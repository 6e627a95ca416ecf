"""Evenly spaced places, and Douglas and Peucker's rule against its recursive form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.thinning import douglas_peucker, evenly_spaced


@given(size=st.integers(0, 3000), most=st.integers(1, 3000))
def test_evenly_spaced_places_are_different_as_many_as_can_be_and_as_far_apart(size, most):
    found = evenly_spaced(size, most)
    assert found.dtype.kind == "i"
    assert len(found) == min(size, most)
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, size - 1)
        gaps = np.diff(found)
        assert gaps.min() >= 1
        assert np.ptp(gaps) <= 1


def vertical(y):
    """The vertical distance of each point from the straight segment over it; a point's place is its x."""

    def distance(begin, end, sizes, places):
        begin, end = np.repeat(begin, sizes), np.repeat(end, sizes)
        return np.abs(y[places] - y[begin] - (y[end] - y[begin]) * (places - begin) / (end - begin))

    return distance


def recursive(y, begin, end, bound):
    """The rule as Douglas and Peucker state it: part at the farthest point, then do the same to both parts."""
    between = np.arange(begin + 1, end)
    if not between.size:
        return {begin, end}
    away = np.abs(y[between] - np.interp(between, [begin, end], [y[begin], y[end]]))
    if away.max() <= bound:
        return {begin, end}
    at = int(between[away.argmax()])
    return recursive(y, begin, at, bound) | recursive(y, at, end, bound)


CURVES = st.lists(st.lists(st.integers(-20, 20), min_size=1, max_size=30), min_size=1, max_size=4)


def joined(curves):
    """All points one after the other, and where each curve begins and ends."""
    end = np.cumsum([len(curve) for curve in curves])
    return np.concatenate(curves).astype(float), np.append(0, end[:-1]), end - 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.floats(0, 3), st.integers(0, 10**6))
def test_kept_points_are_those_of_the_recursive_rule(sizes, bound, seed):
    generator = np.random.default_rng(seed)  # no two distances are equal, so that the farthest point is one
    y, begin, end = joined([generator.standard_normal(size) for size in sizes])
    kept, error = douglas_peucker(begin, end, vertical(y), bound)
    expected = set().union(*(recursive(y, a, b, bound) for a, b in zip(begin.tolist(), end.tolist(), strict=True)))
    assert kept.tolist() == sorted(expected)
    assert error <= bound


@given(CURVES, st.integers(0, 40))
def test_the_error_is_that_of_the_lines_through_the_kept_points_however_few_there_may_be(curves, most):
    y, begin, end = joined(curves)
    kept, error = douglas_peucker(begin, end, vertical(y), 0.0, most)
    assert len(kept) <= max(most, len(np.union1d(begin, end)))
    worst = 0.0
    for a, b in zip(begin, end, strict=True):
        of_curve = kept[(kept >= a) & (kept <= b)]
        places = np.arange(a, b + 1)
        worst = max(worst, np.abs(y[a : b + 1] - np.interp(places, of_curve, y[of_curve])).max())
    assert error == pytest.approx(worst, abs=1e-9)


def test_no_points_are_no_points():
    nowhere = np.empty(0, np.intp)
    kept, error = douglas_peucker(nowhere, nowhere, vertical(np.empty(0)), 0.1)
    assert kept.tolist() == []
    assert error == 0
