"""Jumps of a loss and gradients away from the target, against the definitions of losses written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.losses import LOSSES
from core.theory.binary_loss import binary_head, binary_loss
from core.theory.landscape import gate, growth, jumps, traps

GRID = np.linspace(-2, 2, 41)


def test_only_a_jump_is_left_of_a_function_with_a_kink_a_zero_and_a_steep_part():
    def function(x: np.ndarray) -> np.ndarray:
        return np.tanh(50 * (x + 1.234)) + np.abs(x - 0.37) + 0.01 * (x >= 1.1234)

    ((before, after),) = jumps(function, GRID)
    assert before < 1.1234 <= after
    assert after - before < 1e-8


def test_each_jump_is_found_in_either_direction_of_the_grid():
    steps = [-1.57, 0.31, 0.77]
    for grid in (GRID, GRID[::-1]):
        found = jumps(lambda x: np.searchsorted(steps, x).astype(float), grid)
        np.testing.assert_allclose(np.sort(found.mean(1)), steps, atol=1e-8)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.02, 0.98), st.floats(0.01, 1), st.floats(1.1, 100))
def test_the_gate_of_weighted_bce_is_its_threshold_with_both_weights(threshold, below, ratio):
    found = gate(binary_loss("gated_bce", "sigmoid", {"threshold": threshold, "below": below, "above": below * ratio}))
    assert found is not None
    assert (found.score, found.below, found.above) == pytest.approx((threshold, below, below * ratio), rel=1e-6)
    assert found.jump == pytest.approx(ratio, rel=1e-5)


def test_a_larger_weight_below_is_no_gate():
    assert gate(binary_loss("gated_bce", "sigmoid", {"above": 0.1, "below": 1.0})) is None


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 10), st.floats(1.1, 10))
def test_the_growth_of_a_gated_squared_error_is_its_limit_with_its_factor(tau, factor):
    found = growth(binary_loss("loss_gated_mse", "identity", {"tau": tau, "factor": factor}))
    assert found is not None
    assert (found.error**2, found.factor) == pytest.approx((tau, factor), rel=1e-6)
    assert found.of_loss


def test_a_gradient_that_jumps_without_the_loss_multiplies_the_gradient_alone(monkeypatch: pytest.MonkeyPatch):
    def kinked(u: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
        squares = (u - y).square()
        return squares + 2 * torch.relu(squares - 0.49)

    of_function(monkeypatch, kinked)
    found = growth(binary_loss("by_hand", "identity", {}))
    assert found is not None
    assert (found.error, found.factor) == pytest.approx((0.7, 3), abs=1e-6)
    assert not found.of_loss


@settings(deadline=None, max_examples=20)
@given(st.floats(-2, 2), st.floats(0.05, 2), st.floats(0.1, 10))
def test_traps_of_a_band_are_its_edges_for_targets_further_than_twice_the_radius_per_penalty(t, r, c):
    found = traps(binary_loss("band_mse", "identity", {"threshold": t, "radius": r, "penalty": c}), -3.0, 3.0)
    edges = {"above": (t + r, t + r - 2 * r / c), "below": (t - r, t - r + 2 * r / c)}
    assume(all(abs(abs(target) - 3) > 0.05 for _, target in edges.values()))
    expected = {
        side: pytest.approx(at, abs=1e-6)
        for side, at in edges.items()
        if (at[1] > -3 if side == "above" else at[1] < 3)
    }
    assert {one.side: (one.output, one.target) for one in found} == expected


def test_a_smooth_hill_is_a_trap_where_descent_itself_stops(monkeypatch: pytest.MonkeyPatch):
    def hill(u: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
        return (u - y).square() + 3 * torch.exp(-u.square() / 0.1)

    of_function(monkeypatch, hill)
    of = binary_loss("by_hand", "identity", {})
    above, below = traps(of, -1.0, 1.0)
    for trap, target in ((above, -1.0), (below, 1.0)):
        u = torch.tensor([-3.0 * target], dtype=torch.float64)
        for _ in range(1000):
            u -= 0.02 * of.gradients(u, target)
        assert trap.output == pytest.approx(u.item(), abs=0.005)
    assert below.output == pytest.approx(-above.output)
    assert below.target == pytest.approx(-above.target)


def of_function(monkeypatch: pytest.MonkeyPatch, function: Callable[[Tensor, Tensor, dict[str, Tensor]], Tensor]):
    monkeypatch.setitem(LOSSES, "by_hand", replace(LOSSES["mse"], function=function, gradient=None))


def drawn(loss: str, rng: np.random.Generator) -> dict[str, float | str]:
    """Parameters of a loss: one of the options, or a number from its range."""
    numbers = {param.name: (param.low, param.high) for param in LOSSES[loss].params if not param.options}
    return {
        name: float(round(rng.uniform(low, high))) if name == "p" else rng.uniform(low, high)
        for name, (low, high) in numbers.items()
    }


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "gated_bce"])
def test_no_other_loss_has_a_gate(loss):
    rng = np.random.default_rng(0)
    for values in ({}, *(drawn(loss, rng) for _ in range(4))):
        assert LOSSES[loss].links == ("none",) or gate(binary_loss(loss, binary_head(loss), values)) is None, values


@pytest.mark.parametrize("loss", [name for name, spec in LOSSES.items() if spec.expects == "values"])
def test_no_other_loss_of_values_has_traps_or_growth(loss):
    rng = np.random.default_rng(0)
    for values in ({}, *(drawn(loss, rng) for _ in range(4))):
        of = binary_loss(loss, "identity", values)
        assert loss == "band_mse" or not traps(of, -3.0, 3.0), values
        assert loss == "loss_gated_mse" or growth(of) is None, values
