"""Periods of time: the units of the calendar, counts as scikit-learn's per period, drift as scipy's distance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import confusion_matrix

from core.errors import CutoffError
from core.evaluation.groups import indexes_by
from core.evaluation.periods import MOST, drift, period_counts, periods_of
from core.evaluation.scores import ClassView
from tests.conftest import confusion


def days(first: str, count: int, step: str) -> np.ndarray:
    return pd.date_range(first, periods=count, freq=step).to_numpy()


@pytest.mark.parametrize(
    ("time", "unit", "names"),
    [
        (days("2026-01-01", 20, "h"), "hour", ("2026-01-01 00", "2026-01-01 01")),
        (days("2026-01-01", 20, "D"), "day", ("2026-01-01", "2026-01-02")),
        (days("2026-01-01", 100, "D"), "week", ("2025-12-29", "2026-01-05")),
        (days("2026-01-01", 600, "D"), "month", ("2026-01", "2026-02")),
        (days("1990-01-01", 20, "YS"), "year", ("1990", "1991")),
        (np.array([3, 1, 2, 1]), "time", ("1", "2", "3")),
    ],
)
def test_the_shortest_unit_that_gives_few_periods(time: np.ndarray, unit: str, names: tuple[str, ...]):
    periods = periods_of(time)
    assert periods.unit == unit
    assert periods.names[: len(names)] == names
    assert len(periods.names) <= MOST


def test_rows_without_a_time_are_of_no_period():
    periods = periods_of(np.array(["2026-01-01", "NaT", "2026-01-02"], "datetime64[us]"))
    assert periods.codes.tolist() == [0, -1, 1]
    assert periods_of(np.array([1.0, np.nan])).codes.tolist() == [0, -1]
    with pytest.raises(CutoffError, match="No row has a time"):
        periods_of(np.array(["NaT"], "datetime64[us]"))


def test_many_numbers_become_intervals_that_hold_their_values():
    time = np.random.default_rng(0).normal(size=1000)
    periods = periods_of(time)
    edges = np.linspace(time.min(), time.max(), MOST + 1)
    assert len(periods.names) <= MOST
    for at, name in enumerate(periods.names):
        low, high = (float(end) for end in name.split(" to "))
        inside = time[periods.codes == at]
        assert inside.min() >= low - 1e-3
        assert inside.max() <= high + 1e-3
        assert np.isclose(edges, low, atol=1e-3).any()


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_of_a_period_are_scikit_learns(weighted: bool):
    rng = np.random.default_rng(1)
    n = 500
    y, score = rng.random(n) < 0.3, rng.random(n).astype(np.float32).round(2)
    time = days("2026-01-01", 10, "D")[rng.integers(0, 10, n)]
    weight = rng.integers(1, 5, n).astype(float) if weighted else None
    periods = periods_of(time)
    found = confusion(period_counts(indexes_by(ClassView(y, score, "a", "b"), periods.codes, 10, weight), 0.7))
    for at in range(10):
        inside = periods.codes == at
        expected = confusion_matrix(
            y[inside],
            score[inside] >= np.float32(0.7),
            sample_weight=None if weight is None else weight[inside],
            labels=[False, True],
        )
        np.testing.assert_allclose(found[at], expected)


def test_drift_is_the_kolmogorov_smirnov_distance_to_the_first_period():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, 400)
    score = rng.normal(codes / 3, 1, 400).round(1)
    found = drift(score, periods_of(codes))
    expected = [ks_2samp(score[codes == 0], score[codes == at]).statistic for at in range(4)]
    np.testing.assert_allclose(found, expected)
    assert found[0] == 0
