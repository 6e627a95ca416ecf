"""Intervals of shares: scipy's, at any level."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation.intervals import wilson


@given(n=st.integers(1, 500), level=st.sampled_from([0.8, 0.9, 0.95]), data=st.data())
def test_wilsons_interval_is_scipys(n: int, level: float, data: st.DataObject):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson(k, n, level), [expected.low, expected.high], atol=1e-9)


def test_a_share_of_no_rows_has_no_interval():
    assert np.isnan(wilson(0, 0, 0.9)).all()
