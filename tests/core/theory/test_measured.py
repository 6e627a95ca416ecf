"""Measured thresholds against brute force, and their spread on data whose posterior is known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.theory.measured import RESAMPLES, Measured, measured_threshold
from tests.support.scored_rows import Rows, rows


def brute(y: np.ndarray, score: np.ndarray, q: float, t: float) -> float:
    called = score >= t
    return q * np.count_nonzero(called & ~y) + (1 - q) * np.count_nonzero(~called & y)


@given(rows(weighted=False), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_no_threshold_costs_less_than_the_measured_ones(data: Rows, q: float):
    y, score = data.y_true == 1, data.y_score.astype(np.float64)
    found = measured_threshold(y, score[None], q)
    assert found.low < found.high
    candidates = [*score, np.inf, found.high, np.nextafter(found.low, np.inf)]
    least = min(brute(y, score, q, t) for t in candidates)
    assert found.cost * len(y) == pytest.approx(least)
    for t in (found.high, np.nextafter(found.low, np.inf)):
        assert brute(y, score, q, t) == pytest.approx(least)


def test_seeds_are_measured_together():
    y = np.array([False, True])
    found = measured_threshold(y, np.array([[0.2, 0.6], [0.4, 0.8]]))
    assert (found.low, found.high, found.cost) == (0.4, 0.6, 0)


def test_memory_for_resamples_does_not_grow_with_their_number():
    rng = np.random.default_rng(6)
    y = rng.random(2000) < 0.3
    score = rng.random((10, 2000))
    tracemalloc.start()
    measured_threshold(y, score)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * RESAMPLES * score.size / 4


def test_the_spread_holds_its_ends():
    found = Measured(0.4, 0.5, 0.0, 0.3, 0.6)
    assert [found.holds(t) for t in (0.2, 0.3, 0.55, 0.6, 0.7)] == [False, True, True, True, False]


def test_spread_holds_the_truth_of_most_samples_where_scores_are_true_probabilities():
    """Of 60 samples of 400 rows whose scores are the posterior, four in five spreads must hold q."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        p = expit(rng.normal(0, 2, 400))
        found = measured_threshold(rng.random(400) < p, p[None], 0.3)
        held += found.holds(0.3)
    assert held >= 48


def test_spread_is_narrower_with_more_rows():
    rng = np.random.default_rng(0)
    widths = []
    for n in (100, 10_000):
        p = expit(rng.normal(0, 2, n))
        found = measured_threshold(rng.random(n) < p, p[None])
        widths.append(found.greatest - found.least)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("seeds", [1, 3])
def test_spread_is_that_of_a_plain_loop_over_the_drawn_rows(seeds: int):
    generator = np.random.default_rng(0)
    p = expit(generator.normal(0, 2, 120))
    y, score = generator.random(120) < p, expit(logit(p) + generator.normal(0, 0.5, (seeds, 120))).round(2)
    found, draw = measured_threshold(y, score, 0.3), np.random.default_rng(0)
    alone = []
    for _ in range(200):
        drawn = draw.choice(120, 120)
        alone.append(measured_threshold(y[drawn], score[:, drawn], 0.3))
    # 200 thresholds: ten of them lie below the one that ends the lower twentieth.
    assert found.least == sorted(one.low for one in alone)[10]
    assert found.greatest == sorted(one.high for one in alone)[-11]
