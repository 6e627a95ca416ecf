"""Figures of the race hold the numbers they were given, stay small with 64 variants, and are what plotly takes."""

from __future__ import annotations

import html
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from core.plots.plane import LINES, boundary
from core.plots.race import (
    PANELS,
    Line,
    Sweep,
    histogram_grid,
    loss_bands,
    metric_sweep,
    precision_recall,
    threshold_gaps,
)
from core.plots.race.common import short
from core.plots.style import VARIANTS
from tests.support.plane import ACROSS, ROWS, SIDE, UP
from tests.support.race_figures import LIMIT, NOTHING, a_sweep, bytes_of, numbers, of, some_lines, some_losses, taken

# --- names


@given(st.lists(st.text(min_size=1, max_size=40), max_size=9), st.integers(8, 20))
def test_names_that_are_cut_stay_apart(names, longest):
    found = [html.unescape(name) for name in short([Line(name, VARIANTS[0]) for name in names], longest)]
    assert all(len(name) <= longest for name in found)
    assert len(set(found)) == len(set(names))


def test_names_are_cut_where_they_are_alike():
    def cut(*names: str) -> list[str]:
        return short([Line(name, VARIANTS[0]) for name in names], 12)

    assert cut("learning rate 0.001", "focal") == ["learning ra…", "focal"]
    assert cut("learning rate 0.001", "learning rate 0.003") == ["…0.001", "…0.003"]
    assert cut("learning_rate_0.001", "learning_rate_0.003") == ["learni…0.001", "learni…0.003"]
    assert cut("momentum is 1 of 1000", "momentum is 2 of 1000", "focal") == ["…1 of 1000", "…2 of 1000", "focal"]
    assert cut("momentum-is-1-of-all-rows", "momentum-is-2-of-all-rows") == ["momentum-… 1", "momentum-… 2"]


# --- precision and recall


def test_curves_and_points_are_those_given():
    recall = np.array([0, 0.5, 1.0])
    curves = [(recall, np.array([1, 0.8, 0.3])), (recall, np.array([np.nan, 0.6, 0.2]))]
    figure = taken(precision_recall(some_lines(3), [*curves, (NOTHING, NOTHING)], [(0.5, 0.8), None, (0, np.nan)], 0.2))
    one, two, three, ring = figure["data"]
    np.testing.assert_allclose(numbers(one["y"]), [1, 0.8, 0.3], rtol=1e-6)
    np.testing.assert_allclose(numbers(two["x"]), [0.5, 1])
    np.testing.assert_allclose(numbers(two["y"]), [0.6, 0.2], rtol=1e-6)
    assert len(numbers(three["x"])) == 0
    assert len({trace["line"]["dash"] for trace in (one, two, three)}) == 3
    np.testing.assert_allclose([numbers(ring["x"]), numbers(ring["y"])], [[0.5], [0.8]], rtol=1e-6)
    assert (ring["text"], ring["marker"]["line"]["color"]) == (["pos_weight 1"], [VARIANTS[0]])
    assert figure["layout"]["shapes"][0]["y0"] == 0.2


def test_long_curves_are_thinned_to_where_recalls_begin_and_end():
    recall = np.repeat(np.linspace(0, 1, 1000), 5)  # four negatives after each positive
    precision = np.linspace(1, 0.1, recall.size)
    line = precision_recall(some_lines(1), [(recall, precision)], [None], 0.5)["data"][0]
    x, y = numbers(line["x"]), numbers(line["y"])
    assert len(x) == 200
    np.testing.assert_array_equal(x[::2], x[1::2])
    np.testing.assert_array_equal(x, recall.astype(np.float32)[np.searchsorted(-precision, -y.astype(float) - 1e-6)])
    assert [(x[0], y[0]), (x[-1], y[-1])] == [(0, 1), (1, pytest.approx(0.1))]


def test_no_prevalence_has_no_baseline():
    assert not precision_recall(some_lines(1), [(NOTHING, NOTHING)], [None], float("nan"))["layout"]["shapes"]


# --- thresholds and metrics


def test_rows_hold_prediction_measurement_and_interval():
    low, value, high, guess = np.array([[0.1, 0.3], [0.2, 0.4], [0.25, 0.5], [0.22, np.nan]])
    figure = taken(threshold_gaps(some_lines(2), guess, value, low, high))
    (bar,) = of(figure, "bar")
    np.testing.assert_allclose(numbers(bar["base"]), low, rtol=1e-6)
    np.testing.assert_allclose(numbers(bar["base"]) + numbers(bar["x"]), high, rtol=1e-6)
    np.testing.assert_allclose(numbers(of(figure, "measured")[0]["x"]), value, rtol=1e-6)
    np.testing.assert_allclose(numbers(of(figure, "predicted")[0]["x"]), guess, rtol=1e-6)
    assert of(figure, "predicted")[0]["marker"]["symbol"] == "diamond"
    (gap,) = [trace for trace in figure["data"] if trace.get("line", {}).get("dash") == "dash"]
    np.testing.assert_allclose(numbers(gap["x"])[:2], [0.2, 0.22], rtol=1e-6)
    first, last = figure["layout"]["yaxis"]["range"]
    assert first > 1
    assert last < 0  # the first variant on top
    assert VARIANTS[1] in figure["layout"]["yaxis"]["ticktext"][1]


def test_a_sweep_of_thresholds_lies_over_the_swept_value():
    sweep = Sweep("pos_weight", [10, 1, 100], log=True)
    guess, value = np.array([[10, 1, 100], [9, 1, 90]]) / 101
    figure = taken(threshold_gaps(some_lines(3), guess, value, value - 0.01, value + 0.02, sweep))
    order = [1, 0, 2]
    band, measured, predicted = figure["data"]
    np.testing.assert_array_equal(numbers(measured["x"]), [1, 10, 100])
    np.testing.assert_allclose(numbers(measured["y"]), value[order], rtol=1e-6)
    np.testing.assert_allclose(numbers(predicted["y"]), guess[order], rtol=1e-6)
    assert predicted["line"]["dash"] == "dash"
    np.testing.assert_allclose(numbers(band["y"])[:3], value[order] + 0.02, rtol=1e-6)
    np.testing.assert_allclose(numbers(band["y"])[3:], value[order][::-1] - 0.01, rtol=1e-5)
    assert measured["marker"]["color"] == [VARIANTS[at] for at in order]
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert figure["layout"]["xaxis"]["title"]["text"] == "pos_weight"


def test_a_metric_over_a_sweep_leaves_out_what_is_not_finite():
    mean = np.array([0.5, np.nan, 0.7])
    figure = taken(metric_sweep(Sweep("lr", [1, 2, 3]), "F1", mean, mean - 0.1, mean + 0.1))
    band, line = figure["data"]
    np.testing.assert_array_equal(numbers(band["x"]), [1, 3, 3, 1])
    np.testing.assert_allclose(numbers(band["y"]), [0.6, 0.8, 0.6, 0.4], rtol=1e-6)
    np.testing.assert_allclose(numbers(line["y"]), mean, rtol=1e-6)
    np.testing.assert_allclose(numbers(line["customdata"]), np.stack([mean - 0.1, mean + 0.1], axis=1), rtol=1e-6)
    assert "type" not in figure["layout"]["xaxis"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "F1"


# --- what every figure owes the page


def every_figure(n: int, seeds: int = 5, epochs: int = 200, broken: bool = False) -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(n)
    lines, sweep, losses = some_lines(n), a_sweep(n), some_losses(n, seeds, epochs)
    y, scores = np.arange(400) % 4 == 0, [rng.random(400) for _ in range(n)]
    recall = np.linspace(0, 1, 300)
    values = np.sort(rng.random((4, n)), axis=0)
    focus = n // 2 if n else None
    diverged = [[broken] * seeds] * n
    surfaces = [expit(UP - k * ACROSS) for k in range(n)]
    return {
        "losses": loss_bands(lines, losses, losses, epochs, diverged=diverged, sweep=sweep, focus=focus),
        "histograms": histogram_grid(lines, scores, y, [0.5] * n, [0.4] * n, "logit"),
        "curves": precision_recall(lines, [(recall, 1 - recall / 2)] * n, [(0.5, 0.75)] * n, 0.25, sweep, focus),
        "boundary": boundary(SIDE, SIDE, surfaces, lines, [0.5] * n, ROWS, ROWS[:, 0] > 0, expit(UP), focus=focus),
        "gaps": threshold_gaps(lines, *values),
        "swept gaps": threshold_gaps(lines, *values, sweep),
        "metric": metric_sweep(sweep, "F1", *values[1:], lines),
    }


@pytest.mark.parametrize("n", [0, 1, 2, 8, 9, 64])
@pytest.mark.parametrize("broken", [False, True])
def test_every_figure_is_valid_and_small(n, broken):
    for name, figure in every_figure(n, broken=broken).items():
        taken(figure)
        assert bytes_of(figure) < LIMIT, name


def test_many_variants_are_drawn_in_part():
    figures = every_figure(64)
    assert len(of(figures["histograms"], "bar")) == 2 * PANELS
    names = [trace["name"] for trace in of(figures["boundary"], "contour")]
    assert LINES + 1 <= len(names) <= LINES + 2  # the focus and the posterior come along
    assert {"pos_weight 1", "pos_weight 33", "pos_weight 64", "Bayes decision boundary"} <= set(names)


def test_strict_json_needs_no_second_pass():
    """The encoder parses and writes a figure again that has NaN in its text: NaN stays in packed arrays."""
    for figure in every_figure(8).values():
        assert "NaN" not in json.dumps(figure)
