"""The panel Periods: only where rows have a time, and its numbers are scikit-learn's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from streamlit.testing.v1 import AppTest

from core.evaluation.source import ArraySource, RowColumns
from pages.shared import state
from tests.conftest import figure_of, sentences
from tests.support.shown_sources import open_source
from tests.support.sources import binary

N = 300
SCORES = binary(N)
TIME = pd.date_range("2026-01-15", periods=N, freq="D").to_numpy()


def source(time: np.ndarray | None = TIME) -> ArraySource:
    return ArraySource({"all": SCORES}, {"all": RowColumns(time=time)})


def opened(at: AppTest, given: ArraySource) -> AppTest:
    at.session_state[state.PANEL.name] = "Periods"
    return open_source(at, given)


def test_each_month_has_scikit_learns_f1(app_test: AppTest):
    at = opened(app_test, source())
    assert not sentences(at)
    table = at.dataframe[-1].value
    months = pd.DatetimeIndex(TIME).strftime("%Y-%m")
    assert table["Month"].tolist() == sorted(set(months))
    predicted = SCORES.y_score[:, 0] >= np.float32(0.5)
    expected = [f1_score(SCORES.y_true[months == month], predicted[months == month]) for month in table["Month"]]
    np.testing.assert_allclose(table["F1"], expected, atol=1e-4)
    assert table["Rows"].sum() == N


def test_the_axes_are_titled_by_what_they_measure(app_test: AppTest):
    at = opened(app_test, replace(source(), id="titles"))
    figures = [figure_of(at, f"periods.{name}") for name in ("metrics", "shares", "drift")]
    titles = [figure["layout"]["yaxis"]["title"]["text"] for figure in figures]
    assert titles == ["Precision, Recall, F1", "share of rows", "KS distance"]


def test_without_a_time_there_is_no_such_panel(app_test: AppTest):
    at = opened(app_test, source(None))
    assert "Periods" not in [tab.label for tab in at.tabs]


def test_rows_without_any_time_are_said(app_test: AppTest):
    at = opened(app_test, source(np.full(N, np.datetime64("NaT"))))
    assert any("No row has a time" in one.value for one in at.markdown)


def test_one_period_is_said(app_test: AppTest):
    at = opened(app_test, replace(source(np.full(N, np.datetime64("2026-01-01"))), id="one"))
    assert any("All rows are of one" in one.value for one in at.markdown)


def in_two_parts(later: np.ndarray) -> ArraySource:
    """Validation rows, and the same rows again as test rows at later times."""
    columns = {"validation": RowColumns(time=TIME), "test": RowColumns(time=later)}
    return ArraySource({"validation": SCORES, "test": SCORES}, columns)


def test_test_rows_follow_the_others_in_time(app_test: AppTest):
    at = opened(app_test, in_two_parts(TIME + np.timedelta64(N, "D")))
    assert at.dataframe[-1].value["Rows"].sum() == 2 * N
    assert not [one for one in at.caption if "rows only" in one.value]


def test_parts_of_the_same_time_are_not_pooled(app_test: AppTest):
    at = opened(app_test, in_two_parts(TIME))
    assert at.dataframe[-1].value["Rows"].sum() == N
    assert [one for one in at.caption if "Validation rows only" in one.value]
