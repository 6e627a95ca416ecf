"""Intervals hold what they are of about as often as they say, by simulation on a population that is known."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from benchmarks.coverage import paired_coverage, tuned_coverage

SETS = 200
CHANCE = 0.05  # that a share so far off is drawn where the coverage is right


def least(coverage: float, sets: int) -> float:
    """The smallest share of so many sets that is no sign of a lower coverage."""
    return float(binom.ppf(CHANCE, sets, coverage)) / sets


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 300])
def test_intervals_of_tuned_values_cover(rows: int):
    for name, (of_value, _) in tuned_coverage(rows, SETS, resamples=200).items():
        assert of_value >= least(0.85, SETS), name


@pytest.mark.slow
def test_paired_intervals_of_differences_cover():
    measures = ("accuracy", "cost", "f1", "average_precision", "log_loss")
    for name, share in paired_coverage(300, SETS, 200, measures).items():
        assert share >= least(0.91, SETS), name


@pytest.mark.long
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_intervals_of_tuned_values_cover_in_many_sets(rows: int):
    for name, (of_value, _) in tuned_coverage(rows, 1000, resamples=300).items():
        assert of_value >= 0.85, name


@pytest.mark.long
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_paired_intervals_of_differences_cover_in_many_sets(rows: int):
    for name, share in paired_coverage(rows, 1000, 300).items():
        if (name, rows) != ("recall", 100):  # often none of ten positive rows tells the sources apart
            assert share == pytest.approx(0.95, abs=0.04), name
