"""The axis of scores: its range, and ticks that are few and round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.plots.axis import axes_between, inner_range, round_numbers


def test_probabilities_have_two_axes_and_other_scores_their_own_range():
    axes = axes_between(0.0, 1.0, (expit(-8.3), expit(3.9)))
    assert list(axes) == ["probability", "logit"]
    for (kind, axis), ends in zip(axes.items(), ((0, 1), (-10, 4)), strict=True):
        assert (axis.kind, axis.low, axis.high, axis.start, axis.end) == (kind, 0, 1, *ends)
        assert [float(text) for _, text in axis.ticks] == pytest.approx([score for score, _ in axis.ticks])
    assert [text for _, text in axes["logit"].ticks] == ["0.0001", "0.001", "0.01", "0.1", "0.5", "0.9"]
    (margins,) = axes_between(-3.0, 17.0).values()
    assert (margins.kind, margins.low, margins.high) == ("score", -4, 18)
    assert [score for score, _ in margins.ticks] == [0, 5, 10, 15]
    assert list(axes_between(np.nan, np.nan)) == list(axes)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_logit_axis_has_room_for_its_scores_and_a_half_and_ends(one: float, other: float):
    low, high = sorted((one, other))
    axis = axes_between(low, high)["logit"]
    assert -40 <= axis.start <= -2 < 2 <= axis.end <= 40
    for score in (low, high):
        assert axis.start <= np.clip(logit(score), -40, 40) <= axis.end
    assert (0.5, "0.5") in axis.ticks


def test_the_inner_range_leaves_a_tail_of_each_class_and_what_has_no_logit():
    many, few = np.linspace(0.001, 0.4, 10_000), np.array([0.2, 0.97])
    assert inner_range(many, few) == (many[10], 0.97)
    saturated = np.array([0.0] * 50 + [0.25] + [1.0] * 50)
    assert inner_range(saturated) == (0.25, 0.25)
    assert np.isnan(inner_range(np.array([0.0, 1.0]), np.empty(0))).all()


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
