"""The axis of scores: its range, and ticks that are few and round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plots.axis import axes_between, round_numbers


def test_probabilities_have_two_axes_and_other_scores_their_own_range():
    axes = axes_between(0.0, 1.0)
    assert list(axes) == ["probability", "logit"]
    for (kind, axis), ends in zip(axes.items(), ((0, 1), (-9, 9)), strict=True):
        assert (axis.kind, axis.low, axis.high, axis.start, axis.end) == (kind, 0, 1, *ends)
        assert [float(text) for _, text in axis.ticks] == pytest.approx([score for score, _ in axis.ticks])
    (margins,) = axes_between(-3.0, 17.0).values()
    assert (margins.kind, margins.low, margins.high) == ("score", -4, 18)
    assert [score for score, _ in margins.ticks] == [0, 5, 10, 15]
    assert list(axes_between(np.nan, np.nan)) == list(axes)


@pytest.mark.parametrize("value", [7.0, -2.5, 1e6, 1.5])
def test_a_constant_outside_of_probabilities_has_room_on_both_sides(value: float):
    (axis,) = axes_between(value, value).values()
    assert axis.low < value < axis.high


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_round_numbers_lie_in_the_range_and_are_few(low: float, width: float):
    ticks = round_numbers(low, low + width)
    assert 2 <= len(ticks) <= 6
    assert low - 1e-6 * width <= ticks[0]
    assert ticks[-1] <= low + width * (1 + 1e-6)
