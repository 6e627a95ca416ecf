"""Charts of several runs hold the curves they were given, with a ring at each threshold and a letter beside it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.utils import PlotlyJSONEncoder
from scipy.special import expit, logit

from core.evaluation import METRICS, ScoreIndex, metric_curve, pr_curve, roc_curve
from core.evaluation.calibration import reliability
from core.plots import comparison as plots
from core.plots.comparison import APART, ASIDE, AXES, HEIGHT, LETTERS
from core.plots.race import Line
from core.plots.style import GROUND, ScoreRange, place, variant_colour, variant_dash
from tests.conftest import decoded

RUNS = 6
LINES = [Line(f"run <{at}>", variant_colour(at, RUNS), variant_dash(at, RUNS)) for at in range(RUNS)]
RNG = np.random.default_rng(0)
Y = RNG.random(500) < 0.3
SCORES = [expit((at + 1) / 3 * Y + RNG.normal(size=500)).astype(np.float32) for at in range(RUNS)]
INDEXES = [ScoreIndex.of(Y, score) for score in SCORES]
THRESHOLDS = [0.3, 0.4, 0.5, 0.5, 0.6, 0.7]
POINTS = [index.counts(t) for index, t in zip(INDEXES, THRESHOLDS, strict=True)]


def seen(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure as a browser gets it, arrays decoded; plotly must know every field of it."""
    go.Figure(spec)
    found: dict[str, Any] = decoded(json.loads(json.dumps(spec, cls=PlotlyJSONEncoder)))
    return found


def curves_of(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """The traces of the runs, in their order."""
    return [trace for trace in figure["data"] if trace.get("name", "").startswith("<b>")]


def rings_of(figure: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Letter -> where its ring stands."""
    rings = figure["data"][-1]
    names = [text.removeprefix("<b>")[0] for text in rings["customdata"]]
    return dict(zip(names, zip(rings["x"], rings["y"], strict=True), strict=True))


def letters_of(figure: dict[str, Any]) -> list[dict[str, Any]]:
    return [note for note in figure["layout"]["annotations"] if note.get("arrowcolor")]


def test_every_run_has_a_letter_its_colour_and_its_dash():
    figure = seen(plots.roc_curves(LINES, [roc_curve(index) for index in INDEXES], POINTS))
    curves = curves_of(figure)
    assert [trace["name"] for trace in curves] == [f"<b>{LETTERS[at]}</b> run &lt;{at}&gt;" for at in range(RUNS)]
    assert [(trace["line"]["color"], trace["line"]["dash"]) for trace in curves] == [(a.colour, a.dash) for a in LINES]
    assert [note["text"] for note in letters_of(figure)] == [f"<b>{letter}</b>" for letter in LETTERS]


@pytest.mark.parametrize("kind", ["pr", "roc"])
def test_curves_are_those_given_and_rings_the_counts_at_the_thresholds(kind: str):
    if kind == "pr":
        curves = [pr_curve(index) for index in INDEXES]
        figure = seen(plots.pr_curves(LINES, curves, POINTS, INDEXES[0].prevalence))
        names = ("recall", "precision")
        assert figure["layout"]["shapes"][0]["y0"] == pytest.approx(Y.mean())
        edges = [note["text"] for note in figure["layout"]["annotations"] if not note.get("arrowcolor")]
        assert edges == ["F1 0.2", "F1 0.4", "F1 0.6", "F1 0.8"]
    else:
        curves = [roc_curve(index) for index in INDEXES]
        figure = seen(plots.roc_curves(LINES, curves, POINTS))
        names = ("specificity", "recall")
    for trace, curve in zip(curves_of(figure), curves, strict=True):
        np.testing.assert_allclose(trace["x"], curve.x, rtol=1e-6)
        np.testing.assert_allclose(trace["y"], curve.y, rtol=1e-6)
        np.testing.assert_allclose(trace["customdata"], curve.thresholds, rtol=1e-6)
    for at, (x, y) in enumerate(rings_of(figure).values()):
        assert x == pytest.approx(abs(float(METRICS[names[0]](POINTS[at])) - (kind == "roc")))
        assert y == pytest.approx(float(METRICS[names[1]](POINTS[at])))


def test_lines_of_equal_f1_have_it():
    figure = seen(plots.pr_curves(LINES[:2], [pr_curve(index) for index in INDEXES[:2]], POINTS[:2], 0.3))
    for trace, f1 in zip(figure["data"][:4], (0.2, 0.4, 0.6, 0.8), strict=True):
        np.testing.assert_allclose(2 * trace["x"] * trace["y"] / (trace["x"] + trace["y"]), f1, rtol=1e-5)


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_costs_reach_both_ends_of_the_axis_and_rings_lie_on_them(scale: Any):
    spec, params = METRICS["cost"], {"cost_fp": 1.0, "cost_fn": 4.0}
    curves = [metric_curve(ScoreIndex.of(Y, place(score, scale)), spec, **params) for score in SCORES]
    costs = [float(spec(point, **params)) for point in POINTS]
    figure = seen(plots.cost_curves(LINES, curves, THRESHOLDS, costs, scale))
    for trace in curves_of(figure):
        assert trace["x"][0] == (1 if scale == "probability" else 9)
        assert trace["x"][-1] == (0 if scale == "probability" else -9)
        assert trace["y"][0] == pytest.approx(4 * Y.mean())  # no row called
        assert trace["y"][-1] == pytest.approx(1 - Y.mean())  # every row called
        low, high = figure["layout"]["yaxis"]["range"]
        assert low < 0 < trace["y"].max() < high
    for at, (x, y) in enumerate(rings_of(figure).values()):
        wanted = THRESHOLDS[at] if scale == "probability" else logit(THRESHOLDS[at])
        assert (x, y) == (pytest.approx(wanted), costs[at])


def test_a_threshold_above_every_score_stands_at_the_end_of_the_axis():
    curves = [metric_curve(INDEXES[0], METRICS["cost"], cost_fp=1.0, cost_fn=5.0)] * 2
    for scale, end in (("probability", 1), ("logit", 9)):
        figure = seen(plots.cost_curves(LINES[:2], curves, [0.5, np.inf], [0.4, 1.5], scale))
        assert rings_of(figure)["B"] == (end, 1.5)
        assert "above every score" in figure["data"][-1]["customdata"][1]


def test_costs_of_scores_that_are_no_probabilities_are_drawn_on_their_own_axis():
    scale = ScoreRange(-5, 6)
    index = ScoreIndex.of(Y, 8 * SCORES[0] - 4)
    curve = metric_curve(index, METRICS["cost"], cost_fp=1.0, cost_fn=5.0)
    figure = seen(plots.cost_curves(LINES[:2], [curve] * 2, [-2.0, np.inf], [0.4, 1.5], scale))
    low, high = figure["layout"]["xaxis"]["range"]
    assert (low, high) == scale
    assert rings_of(figure) == {"A": (-2, 0.4), "B": (high, 1.5)}
    assert figure["layout"]["xaxis"]["title"]["text"] == "threshold (score)"


def test_reliability_has_a_dot_a_bin_and_rings_between_them():
    found = [reliability(Y, score) for score in SCORES]
    curves = [(one.score, one.share, one.rows) for one in found]
    figure = seen(plots.reliability_curves(LINES, curves, [*THRESHOLDS[:5], 0.9999]))
    for trace, one in zip(curves_of(figure), found, strict=True):
        np.testing.assert_allclose(trace["x"], one.score, rtol=1e-6)
        np.testing.assert_allclose(trace["y"], one.share, rtol=1e-6)
        np.testing.assert_array_equal(trace["customdata"], one.rows)
    rings = rings_of(figure)
    assert list(rings) == list("ABCDE")  # F lies beyond its last bin
    for at, (x, y) in enumerate(rings.values()):
        assert (x, y) == (THRESHOLDS[at], pytest.approx(np.interp(x, found[at].score, found[at].share)))


def test_without_a_positive_row_there_are_no_curves_and_no_rings_and_the_axes_stay():
    index = ScoreIndex.of(np.zeros(9), np.linspace(0, 1, 9))
    point = index.counts(0.5)
    for spec in (
        plots.pr_curves(LINES[:2], [pr_curve(index)] * 2, [point] * 2, index.prevalence),
        plots.roc_curves(LINES[:2], [roc_curve(index)] * 2, [point] * 2),
    ):
        figure = seen(spec)
        assert not rings_of(figure)
        assert not letters_of(figure)
        assert all(len(trace["x"]) == 0 for trace in curves_of(figure))
    nothing = np.zeros(0)
    assert not rings_of(seen(plots.reliability_curves(LINES[:2], [(nothing, nothing, nothing)] * 2, [0.5] * 2)))
    empty = metric_curve(ScoreIndex.of([], []), METRICS["cost"], cost_fp=1.0, cost_fn=5.0)
    assert not rings_of(seen(plots.cost_curves(LINES[:2], [empty] * 2, [0.5] * 2, [np.nan] * 2)))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=RUNS))
def test_letters_of_rings_above_each_other_never_cover_one_another(places: list[tuple[float, float]]):
    curves = [(np.array([x, x]), np.array([y, y]), np.ones(2)) for x, y in places]
    figure = plots.reliability_curves(LINES[: len(places)], curves, [x for x, _ in places])
    notes = figure["layout"]["annotations"]
    assert len(notes) == len(places)
    low, high = figure["layout"]["yaxis"]["range"]
    tall = (HEIGHT - AXES) / (high - low)
    heights = {note["text"]: (note["x"], note["y"] * tall - note["ay"]) for note in notes}
    order = sorted(heights.values())
    for (x, height), (other_x, other) in pairwise(order):
        if other_x - x < 0.05:
            assert abs(other - height) > APART - 0.2
    assert {abs(note["ax"]) for note in notes} == {ASIDE}


def test_differences_stand_in_rows_with_their_intervals_and_are_filled_where_told_apart():
    value, low, high = [0, 0.1, -0.05, np.nan], [0, 0.02, -0.2, np.nan], [0, 0.2, 0.1, np.nan]
    figure = seen(plots.differences(LINES[:4], value, low, high, "F1", higher_is_better=True))
    first, second = figure["data"]
    assert (first["x"], first["y"], second["x"], second["y"]) == ([0.1], [1], [-0.05], [2])
    assert first["x"][0] - first["error_x"]["arrayminus"][0] == pytest.approx(0.02)
    assert first["x"][0] + first["error_x"]["array"][0] == pytest.approx(0.2)
    assert first["marker"]["color"] == LINES[1].colour
    assert second["marker"]["color"] == GROUND
    layout = figure["layout"]
    assert [tick[:8] for tick in layout["yaxis"]["ticktext"]] == ["<b>B</b>", "<b>C</b>", "<b>D</b>"]
    left, right = layout["xaxis"]["range"]
    assert left == -right
    assert right > 0.2
    assert [note["text"] for note in layout["annotations"]] == ["← worse than A", "better than A →"]
    lower = plots.differences(LINES[:2], value[:2], low[:2], high[:2], "Log-loss", higher_is_better=False)
    assert [note["text"] for note in lower["layout"]["annotations"]] == ["← better than A", "worse than A →"]


def test_differences_of_nothing_keep_their_axis():
    figure = seen(plots.differences(LINES[:2], [0, 0], [0, 0], [0, 0], "F1", True))
    assert figure["data"][0]["marker"]["color"] == GROUND
    assert figure["layout"]["xaxis"]["range"] == pytest.approx([-0.011, 0.011])
    assert not seen(plots.differences(LINES[:2], [np.nan] * 2, [np.nan] * 2, [np.nan] * 2, "F1", True))["data"]
