"""The one bootstrap: its draws, its percentiles, and counts on resamples, against numpy alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, t

from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.bootstrap import RankedRows, affordable, check, draws, expanded_level, percentile_interval
from tests.support.scored_rows import Rows, rows


@pytest.mark.parametrize("at_once", [None, 1, 4, 100])
def test_draws_are_those_of_numpys_choice_whatever_is_drawn_at_once(at_once):
    found = np.concatenate(list(draws(23, 30, seed=5, at_once=at_once)))
    draw = np.random.default_rng(5)
    for times in found:
        np.testing.assert_array_equal(times, np.bincount(draw.choice(23, 23), minlength=23))


@pytest.mark.parametrize("at_once", [None, 7])
def test_draws_within_strata_are_those_of_numpys_choice_in_each(at_once):
    strata = np.array([0, 1, 1, 0, 2, 1, 2, 2, 2, 2])
    found = np.concatenate(list(draws(10, 20, seed=5, strata=strata, at_once=at_once)))
    for stratum, draw in enumerate(np.random.default_rng(5).spawn(3)):
        size = np.count_nonzero(strata == stratum)
        for times in found[:, strata == stratum]:
            np.testing.assert_array_equal(times, np.bincount(draw.choice(size, size), minlength=size))


def test_the_number_of_positives_varies_as_it_does_between_samples():
    """With pi of N rows positive it is binomial, of variance N pi (1 - pi)."""
    y = np.arange(1000) < 100
    positives = np.concatenate([times @ y for times in draws(1000, 4000)])
    assert positives.mean() == pytest.approx(100, abs=1)
    assert positives.var() == pytest.approx(90, rel=0.1)


def test_a_row_is_left_out_of_about_a_share_of_1_in_e():
    left_out = np.mean([np.mean(times == 0) for times in draws(1000, 200)])
    assert left_out == pytest.approx((1 - 1 / 1000) ** 1000, abs=0.002)


def test_no_rows_are_drawn_from_none():
    assert [times.shape for times in draws(0, 3)] == [(3, 0)]


def test_blocks_stay_small_however_many_rows_there_are():
    assert {times.shape for times in draws(100_000, 3)} == {(1, 100_000)}


@given(
    arrays(float, st.integers(1, 60), elements=st.floats(-5, 5) | st.just(np.nan) | st.just(np.inf)),
    st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_percentiles_leave_out_the_same_share_at_both_ends(values: np.ndarray, level: float):
    low, high = percentile_interval(values, level)
    known = values[~np.isnan(values)]
    if not known.size:
        assert np.isnan([low, high]).all()
        return
    assert {low, high} <= set(known.tolist())
    beyond = (1 - level) / 2 * known.size + 1e-9
    for outside, within in ((known < low, known <= low), (known > high, known >= high)):
        assert np.count_nonzero(outside) <= beyond < np.count_nonzero(within)


def test_percentiles_of_several_are_those_of_each():
    values = np.random.default_rng(0).normal(size=(3, 4, 50))
    values[1, 2, :20] = np.nan
    found = percentile_interval(values, 0.9)
    assert found.shape == (3, 4, 2)
    np.testing.assert_array_equal(found[1, 2], percentile_interval(values[1, 2, 20:], 0.9))


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("n", [4, 10, 30])
def test_expanded_percentiles_of_a_mean_are_students_interval(n: int, level: float):
    """The bootstrap of a mean is about normal around it, of variance s^2 (n - 1) / n^2."""
    spread = norm.ppf((1 + expanded_level(level, n)) / 2) * np.sqrt((n - 1) / n**2)
    assert spread == pytest.approx(t.ppf((1 + level) / 2, n - 1) / np.sqrt(n), rel=1e-6)


def test_percentiles_of_many_rows_are_not_expanded_and_those_of_one_are_as_of_two():
    assert expanded_level(0.9, 10**9) == pytest.approx(0.9, abs=1e-6)
    assert expanded_level(0.9, 0) == expanded_level(0.9, 2)


@given(data=rows(), seed=st.integers(0, 100))
def test_counts_of_a_resample_are_those_of_weighted_rows(data: Rows, seed: int):
    y, score = data.y_true == 1, data.y_score
    weight = np.ones(y.size) if data.weight is None else data.weight
    times = np.random.default_rng(seed).integers(0, 3, (2, y.size)) * weight
    ranked = RankedRows.of(y, score)
    found = ranked.counts(times)
    assert ranked.thresholds.dtype == score.dtype
    for b in range(2):
        wanted = ScoreIndex.of(y, score, times[b]).counts(ranked.thresholds)
        for field in ("tp", "fp", "fn", "tn"):
            np.testing.assert_array_equal(getattr(found, field)[b], getattr(wanted, field))


def test_rows_that_several_models_score_count_once_a_model():
    y, score = np.array([True, False, True]), np.array([[0.9, 0.5, 0.2], [0.1, 0.2, 0.9]])
    counts = RankedRows.of(y, score).counts(np.array([[1, 2, 0]]))
    np.testing.assert_array_equal(counts.thresholds[0], [np.inf, 0.9, 0.5, 0.2, 0.1])
    np.testing.assert_array_equal(counts.tp[0], [0, 1, 1, 1, 2])
    np.testing.assert_array_equal(counts.fp[0], [0, 0, 2, 4, 4])


@pytest.mark.parametrize(
    ("rows", "resamples"), [(0, 1000), (10_000, 1000), (20_000, 1000), (100_000, 200), (10**7, 100)]
)
def test_very_many_rows_are_resampled_less_often(rows: int, resamples: int):
    assert affordable(rows) == resamples


@pytest.mark.parametrize(
    ("resamples", "level", "sentence"),
    [
        (0, 0.9, "`resamples` to be at least 1, but got 0"),
        (1, 1.0, "`level` to be above 0 and below 1, but got 1.0"),
        (1, np.nan, "`level` to be above 0 and below 1, but got nan"),
    ],
)
def test_what_can_not_be_resampled_is_refused_in_one_sentence(resamples: int, level: float, sentence: str):
    with pytest.raises(CutoffError, match=f"^Expected {sentence}\\.$"):
        check(resamples, level)
