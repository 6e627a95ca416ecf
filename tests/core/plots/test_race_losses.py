"""Losses of several variants: mean and range over seeds, thinned where it is not seen, names at the ends."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from core.plots.race import Sweep, loss_bands
from core.plots.race.common import marked
from core.plots.race.labels import LABEL, apart
from core.plots.race.losses import POINTS
from core.plots.race.thinning import BOUND, thinned
from core.plots.style import TEXT, VARIANTS, faded, variant_colour
from tests.support.race_figures import a_sweep, numbers, of, some_lines, some_losses, taken


def test_losses_are_mean_and_range_over_seeds():
    train, validation = some_losses(3, 4, 30), some_losses(3, 4, 30, seed=1)
    figure = taken(loss_bands(some_lines(3), train, validation, epochs=40))
    for what, by_variant in (("validation", validation), ("training", train)):
        drawn = of(figure, what)
        assert len(drawn) == 3
        for trace, losses, line in zip(drawn, by_variant, some_lines(3), strict=True):
            np.testing.assert_array_equal(numbers(trace["x"]), np.arange(30))
            np.testing.assert_allclose(numbers(trace["y"]), np.mean(losses, axis=0), rtol=1e-6)
            assert trace["line"]["color"] == line.colour
            assert trace["name"] == f"{line.name}, {what}"
            assert trace["line"].get("dash") == ("dash" if what == "training" else None)
    for trace, losses in zip(of(figure, "band"), validation, strict=True):
        outline = np.concatenate([np.max(losses, axis=0), np.min(losses, axis=0)[::-1]])
        np.testing.assert_allclose(numbers(trace["y"]), outline, rtol=1e-6)
        np.testing.assert_array_equal(numbers(trace["x"]), [*range(30), *range(29, -1, -1)])
    assert figure["layout"]["xaxis"]["range"] == [0, 40]


def test_one_seed_has_no_band():
    figure = taken(loss_bands(some_lines(2), some_losses(2, 1, 9), some_losses(2, 1, 9), 9))
    assert not of(figure, "band")
    assert "band" not in figure["layout"]["annotations"][0]["text"]


def test_one_epoch_can_be_seen():
    figure = taken(loss_bands(some_lines(2), some_losses(2, 2, 1), some_losses(2, 2, 1), 9))
    assert {trace["mode"] for trace in of(figure, "validation") + of(figure, "training")} == {"markers"}


def test_a_mean_is_of_the_seeds_that_got_there():
    losses = [[np.array([4.0, 2.0, 1.0]), np.array([2.0])]]
    figure = taken(loss_bands(some_lines(1), losses, losses, 5))
    np.testing.assert_array_equal(numbers(of(figure, "validation")[0]["y"]), [3, 2, 1])
    np.testing.assert_array_equal(numbers(of(figure, "band")[0]["y"]), [4, 2, 1, 1, 2, 2])
    assert not of(figure, "diverged")  # it may have stopped early, or be still on its way


def test_a_curve_stops_where_its_run_broke():
    broken = [1.0, 2.0, np.inf, 3.0]
    figure = taken(loss_bands(some_lines(2), [[broken], [[1.0, 0.5]]], [[broken], [[1.0, 0.5]]], 9))
    np.testing.assert_array_equal(numbers(of(figure, "validation")[0]["y"]), [1, 2])
    (cross,) = of(figure, "diverged")
    assert cross["x"] == [1]
    top = figure["layout"]["yaxis"]["range"][1]
    assert 0.95 * top < numbers(cross["y"]) < 0.98 * top  # 2 would lie beyond the axis, its end on the words above
    assert cross["hovertext"] == ["pos_weight 1: diverged at epoch 2"]
    assert cross["marker"]["color"] == [VARIANTS[0]]


def test_a_run_that_is_said_to_have_diverged_has_its_cross_at_its_last_loss():
    losses = [[[1.0, 0.5], [1.0, 0.5, 0.25]]]
    figure = taken(loss_bands(some_lines(1), losses, losses, 9, diverged=[[True, False]]))
    (cross,) = of(figure, "diverged")
    assert (cross["x"], numbers(cross["y"])) == ([1], [0.5])
    assert cross["hovertext"] == ["pos_weight 1: diverged at epoch 2"]


def test_a_run_that_broke_does_not_flatten_the_others():
    broken, good = [1.0, 1e30, np.nan], [1.0, 0.5, 0.25]
    figure = loss_bands(some_lines(2), [[broken], [good]], [[broken], [good]], 9)
    assert figure["layout"]["yaxis"]["range"] == pytest.approx([0, 1.05])


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("losses", [[np.nan, np.nan], [], [np.inf], [0.0, 0.0], [1e300, 1e300]])
def test_losses_that_cannot_be_drawn_leave_the_axes(losses, log):
    figure = taken(loss_bands(some_lines(2), [[losses]] * 2, [[losses]] * 2, 5, log=log))
    assert np.isfinite(figure["layout"]["yaxis"]["range"]).all()
    assert figure["layout"]["yaxis"]["range"][0] < figure["layout"]["yaxis"]["range"][1]


def test_the_logarithmic_axis_is_in_powers_of_ten_and_holds_all_losses():
    losses = [[[10.0, 0.1]]]
    axis = taken(loss_bands(some_lines(1), losses, losses, 5, log=True))["layout"]["yaxis"]
    assert axis["type"] == "log"
    assert axis["range"][0] < -1 < 1 < axis["range"][1]


def test_names_stand_at_the_ends_of_their_lines():
    validation = [[[1.0, 0.4]], [[1.0, 0.8, 0.6]]]
    notes = loss_bands(some_lines(2), validation, validation, 9)["layout"]["annotations"][1:]
    assert [(note["x"], note["y"], note["yshift"]) for note in notes] == [(1, 0.4, 0), (2, 0.6, 0)]
    assert [note["text"] for note in notes] == [marked(line.name, line.colour) for line in some_lines(2)]
    assert {note["font"]["color"] for note in notes} == {TEXT}


def test_names_of_high_ends_lie_clear_of_the_words_above():
    validation = [[[1.0, 1.0]], [[1.0, 0.99]], [[1.0, 0.5]]]
    layout = loss_bands(some_lines(3), validation, validation, 9, height=360)["layout"]
    tall = 360 - 56 - layout["margin"]["t"]
    high = layout["yaxis"]["range"][1]
    places = [note["y"] / high * tall + note["yshift"] for note in layout["annotations"][1:]]
    assert max(places) <= tall - LABEL / 2 + 0.1


def test_names_of_equal_ends_lieapart():
    validation = [[[1.0, 0.5]]] * 8
    notes = loss_bands(some_lines(8), validation, validation, 9)["layout"]["annotations"][1:]
    np.testing.assert_allclose(np.diff([note["yshift"] for note in notes]), LABEL)
    assert sum(note["yshift"] for note in notes) == pytest.approx(0, abs=1)


@given(st.lists(st.floats(0, 240), min_size=1, max_size=8))
def test_names_lie_apart_inside_the_plot_and_in_order(wanted):
    wanted = np.array(wanted)
    placed = apart(wanted, 16, 240)
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(placed[order]) >= 16 - 1e-9)
    assert placed.min() >= -1e-9
    assert placed.max() <= 240 + 1e-9


def test_names_move_no_farther_than_they_must():
    wanted = np.array([100.0, 103.0, 60.0, 110.0, 140.0])
    placed = apart(wanted, 16, 1000)
    order = np.argsort(wanted)
    gaps = [{"type": "ineq", "fun": lambda p, a=a, b=b: p[b] - p[a] - 16} for a, b in pairwise(order)]
    best = minimize(lambda p: ((p - wanted) ** 2).sum(), wanted, constraints=gaps, method="SLSQP")
    np.testing.assert_allclose(placed, best.x, atol=1e-3)


def test_many_variants_have_a_colour_bar_and_the_focus_its_band():
    sweep = a_sweep(20)
    losses = some_losses(20, 3, 500)
    figure = taken(loss_bands(some_lines(20), losses, losses, 500, sweep=sweep, focus=7))
    assert len(of(figure, "validation")) == 20
    assert [trace["name"] for trace in of(figure, "training")] == ["pos_weight 8, training"]
    (band,) = of(figure, "band")
    assert band["fillcolor"] == faded(variant_colour(7, 20), 0.18)
    bar = figure["data"][-1]["marker"]["colorbar"]
    assert bar["title"]["text"] == "pos_weight"
    assert (bar["ticktext"][0], bar["ticktext"][-1]) == ("1", "100")
    assert len(figure["layout"]["annotations"]) == 1
    assert of(figure, "validation")[-1]["name"] == "pos_weight 8, validation"  # over all others
    in_order = [*losses[:7], *losses[8:], losses[7]]
    for trace, seeds in zip(of(figure, "validation"), in_order, strict=True):
        at = numbers(trace["x"]).astype(int)
        assert (at[0], at[-1]) == (0, 499)
        np.testing.assert_allclose(numbers(trace["y"]), np.mean(seeds, axis=0)[at], rtol=1e-6)


def test_a_colour_bar_has_no_powers_of_ten():
    losses = some_losses(9, 1, 3)
    sweep = Sweep("lr", [0.0005, 0.001, 0.01, 0.1, 1, 12.5, 100, 1000, 10000])
    (*_, bar) = loss_bands(some_lines(9), losses, losses, 3, sweep=sweep)["data"]
    assert bar["marker"]["colorbar"]["ticktext"] == ["0.0005", "1", "10000"]


def between(x: np.ndarray, curve: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The curve as its kept points draw it."""
    return np.interp(x, x[kept], curve[kept])


@pytest.mark.parametrize("n", [1, 8, 16, 64])
def test_many_losses_are_thinned_where_it_is_not_seen(n):
    losses = [[0.1 + np.exp(-np.arange(2000) / (5 + k % 8))] for k in range(n)]
    figure = loss_bands(some_lines(n), losses, losses, 2000)
    low, high = figure["layout"]["yaxis"]["range"]
    drawn = of(figure, "validation")
    assert sum(len(numbers(trace["y"])) for trace in figure["data"]) <= POINTS
    for trace, (curve,) in zip(drawn, losses, strict=True):
        epochs = numbers(trace["x"]).astype(int)
        np.testing.assert_allclose(numbers(trace["y"]), curve[epochs], rtol=1e-6)
        assert np.abs(between(np.arange(2000), curve, epochs) - curve).max() <= 1e-3 * (high - low)
        assert np.median(epochs) < 100  # dense where it falls
    assert "within" not in figure["layout"]["annotations"][0]["text"]


@pytest.mark.parametrize("log", [False, True])
def test_losses_that_need_more_points_than_there_are_say_how_far_off_their_lines_are(log):
    losses = some_losses(64, 1, 2000)
    figure = loss_bands(some_lines(64), losses, losses, 2000, log)
    assert sum(len(numbers(trace["y"])) for trace in figure["data"]) <= POINTS
    assert re.search(r"within \d+\.\d% of the axis", figure["layout"]["annotations"][0]["text"])


@given(
    st.lists(arrays(np.float64, st.integers(0, 60), elements=st.floats(-2, 2)), min_size=1, max_size=5),
    st.integers(0, 100),
)
def test_thinned_curves_are_as_near_as_is_said(curves, most):
    xs = [np.arange(len(curve)) ** 2 for curve in curves]
    places, error = thinned(xs, curves, -1.0, 1.0, most)
    worst = 0.0
    for x, curve, kept in zip(xs, curves, places, strict=True):
        if len(curve):
            assert (kept[0], kept[-1]) == (0, len(curve) - 1)
            away = np.abs(np.clip(between(x, curve, kept), -1, 1) - np.clip(curve, -1, 1))
            worst = max(worst, float(away.max()) / 2)
    assert error == pytest.approx(worst, abs=1e-9)
    used, needed = sum(map(len, places)), sum(min(len(curve), 2) for curve in curves)
    assert used <= max(most, needed)
    assert error <= BOUND or used >= most
