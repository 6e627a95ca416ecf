"""Counts at some of the scores hold the bound that they state; those around a threshold are those of all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.condensed import BOUND, EXACT, around, condensed
from tests.support.indexes import an_index, indexes


@settings(max_examples=60)
@given(indexes)
def test_few_scores_are_all_kept_with_their_counts(index: ScoreIndex):
    kept = condensed(index.counts_at_scores())
    distinct = index.distinct_scores()[::-1]
    if distinct.size <= EXACT:
        np.testing.assert_array_equal(kept.thresholds, distinct)
    np.testing.assert_array_equal(kept.tp, index.counts(kept.thresholds).tp)
    np.testing.assert_array_equal(kept.fp, index.counts(kept.thresholds).fp)


def assert_within_bound(index: ScoreIndex, points: ThresholdCounts) -> None:
    distinct = index.distinct_scores()[::-1]
    assert points.thresholds[0] == distinct[0]
    assert points.thresholds[-1] == distinct[-1]
    assert np.all(np.diff(points.thresholds) > 0)
    exact = index.counts(distinct)
    place = points.thresholds.searchsorted(distinct)  # the first that is held and >= the score
    assert np.all(np.abs(exact.tp - points.tp[place]) <= BOUND * index.positive_scores.size)
    assert np.all(np.abs(exact.fp - points.fp[place]) <= BOUND * index.negative_scores.size)


@settings(max_examples=60)
@given(indexes)
def test_of_many_scores_some_are_held_within_the_bound(index: ScoreIndex):
    kept = condensed(index.counts_at_scores(), exact=0)
    assert kept.thresholds.size <= 2 / BOUND + 1
    assert_within_bound(index, kept)


@pytest.mark.parametrize("positive", [0.5, 0.05, 0.0005, 0.0])
@pytest.mark.parametrize("decimals", [None, 4])
def test_the_bound_holds_for_a_hundred_thousand_rows(positive: float, decimals: int | None):
    index = an_index(3, 100_000, positive, decimals, "float64")
    kept = condensed(index.counts_at_scores())
    assert kept.thresholds.size <= 2 / BOUND + 1 < index.distinct_scores().size
    assert_within_bound(index, kept)


@settings(max_examples=60)
@given(indexes, st.floats(0, 1), st.integers(1, 70))
def test_the_scores_around_a_threshold_are_those_next_to_it(index: ScoreIndex, threshold: float, count: int):
    near = around(index, threshold, count)
    distinct = index.distinct_scores()[::-1]
    t = distinct.dtype.type(threshold)
    wanted = np.concatenate([distinct[distinct < t][-count:], distinct[distinct >= t][:count]])
    np.testing.assert_array_equal(near.thresholds, wanted)
    np.testing.assert_array_equal(near.tp, index.counts(wanted).tp)
