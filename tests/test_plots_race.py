"""Figures of the race hold the numbers they were given, stay small with 64 variants, and are what plotly takes."""

from __future__ import annotations

import base64
import html
import json
import re
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plotly.utils import PlotlyJSONEncoder
from scipy.optimize import minimize
from scipy.special import expit, logit

from core.plots.images import figure_height, image_grid
from core.plots.plane import LINES, STEPS, boundary
from core.plots.race import (
    PANELS,
    Line,
    Sweep,
    grid_height,
    histogram_grid,
    loss_bands,
    metric_sweep,
    precision_recall,
    threshold_gaps,
)
from core.plots.race.common import marked, short
from core.plots.race.labels import LABEL, apart
from core.plots.race.losses import POINTS
from core.plots.race.scores import AXES
from core.plots.race.thinning import BOUND, thinned
from core.plots.style import (
    LOGIT_END,
    NEGATIVE,
    POSITIVE,
    SEQUENCE,
    TEXT,
    VARIANTS,
    faded,
    packed,
    plain,
    variant_colour,
    variant_dash,
)

LIMIT = 60_000  # bytes that a page may send at a tick
NOTHING = np.empty(0)


def some_lines(n: int) -> list[Line]:
    return [Line(f"pos_weight {k + 1}", variant_colour(k, n), variant_dash(k, n)) for k in range(n)]


def some_losses(n: int, seeds: int, epochs: int, seed: int = 0) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [[np.exp(-np.arange(epochs) / 20) + rng.random(epochs) for _ in range(seeds)] for _ in range(n)]


def a_sweep(n: int) -> Sweep:
    return Sweep("pos_weight", list(np.geomspace(1, 100, n)), log=True)


def numbers(spec: Any) -> np.ndarray:
    """What plotly.js reads of a packed array."""
    if not isinstance(spec, dict):
        return np.asarray(spec, float)
    values = np.frombuffer(base64.b64decode(spec["bdata"]), f"<{spec['dtype']}")
    return values.reshape([int(size) for size in spec["shape"].split(",")]) if "shape" in spec else values


def bytes_of(spec: dict[str, Any]) -> int:
    return len(json.dumps(spec, cls=PlotlyJSONEncoder, separators=(",", ":")))


def taken(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure, once plotly has found every trace, attribute and value in it valid."""
    go.Figure(spec)
    return spec


def of(spec: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return [trace for trace in spec["data"] if what in (trace.get("meta"), trace.get("name"), trace["type"])]


# --- colours and numbers on their way


def _linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1: (L1 + .05) / (L2 + .05) of the relative luminances."""
    low, high = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira and Fernandes (2009), severity 1, and the OKLab of Ottosson (2020).
SIGHTS = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_LMS = [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.6806996, 0.1073970], [0.0883025, 0.2817188, 0.6299787]]
TO_LAB = [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]]


@pytest.mark.parametrize("sight", SIGHTS)
def test_variants_stay_apart_in_every_sight(sight):
    seen = {colour: np.clip(SIGHTS[sight] @ _linear(colour), 0, 1) for colour in VARIANTS}
    lab = {colour: np.array(TO_LAB) @ np.cbrt(np.array(TO_LMS) @ light) for colour, light in seen.items()}
    assert min(np.linalg.norm(lab[a] - lab[b]) for a, b in combinations(VARIANTS, 2)) >= 0.08


@pytest.mark.parametrize("ground", ["#ffffff", "#11151a"])
def test_variants_stand_out_from_both_grounds(ground):
    assert min(_contrast(colour, ground) for colour in VARIANTS) >= 3
    assert min(_contrast(variant_colour(k, 64), ground) for k in range(64)) >= 2.2


def test_variants_have_the_eight_in_turn_or_a_sequence_from_end_to_end():
    assert [variant_colour(k, 8) for k in range(8)] == list(VARIANTS)
    assert [variant_colour(k, 3) for k in range(3)] == list(VARIANTS[:3])
    swept = [variant_colour(k, 64) for k in range(64)]
    assert (swept[0], swept[-1]) == (SEQUENCE[0], SEQUENCE[-1])
    assert len(set(swept)) == 64
    light = [float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in swept]
    assert light == sorted(light)


def test_neighbours_differ_in_dash_as_well():
    dashes = [variant_dash(k, 8) for k in range(8)]
    assert all(a != b for a, b in pairwise(dashes))
    assert {variant_dash(k, 9) for k in range(9)} == {"solid"}


def test_faded_keeps_the_colour():
    assert faded("#189c60", 0.25) == "rgba(24,156,96,0.25)"


@given(st.lists(st.floats(-1e30, 1e30) | st.just(float("nan")), max_size=20))
def test_packed_numbers_come_back_as_float32(values):
    np.testing.assert_array_equal(numbers(packed(values)), np.array(values, np.float32))


def test_packed_grids_keep_their_shape():
    grid = np.arange(6).reshape(2, 3) - 3
    np.testing.assert_array_equal(numbers(packed(grid, "i1")), grid)


def test_plain_text_has_no_tags_and_says_when_it_is_cut():
    assert plain("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"
    assert plain("pos_weight 100", 8) == "pos_wei…"
    assert plain("focal", 5) == "focal"


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


# --- losses


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


# --- histograms


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_histograms_are_root_shares_of_each_class(scale):
    rng = np.random.default_rng(0)
    y = rng.random(200) < 0.3
    scores = [rng.random(200).astype(np.float32) for _ in range(2)]
    figure = taken(histogram_grid(some_lines(2), scores, y, [0.5, 0.7], [0.4, None], scale, ("yes", "no")))
    assert len(figure["data"]) == 4
    low, high = (0, 1) if scale == "probability" else (-LOGIT_END, LOGIT_END)
    for at, score in enumerate(scores):
        where = score if scale == "probability" else np.clip(logit(score.astype(float)), low, high)
        for trace, member, sign, colour in zip(
            figure["data"][2 * at : 2 * at + 2], (y, ~y), (1, -1), (POSITIVE, NEGATIVE), strict=True
        ):
            counts = np.histogram(where[member], 24, (low, high))[0]
            np.testing.assert_array_equal(numbers(trace["customdata"]), counts)
            np.testing.assert_allclose(numbers(trace["y"]), sign * np.sqrt(counts / member.sum()), rtol=1e-6)
            assert counts.sum() == member.sum()
            assert trace["marker"]["color"] == colour
            assert trace["x0"] - trace["dx"] / 2 == pytest.approx(low)
            assert trace["x0"] + 23.5 * trace["dx"] == pytest.approx(high)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_on_an_edge_are_in_the_bin_that_numpy_puts_them_in(dtype):
    edges = np.linspace(0, 1, 25)
    near = [np.nextafter(edges.astype(dtype), dtype(towards)) for towards in (-1, 2)]
    score = np.concatenate([edges.astype(dtype), *near])
    y = np.arange(len(score)) % 3 == 0
    figure = taken(histogram_grid(some_lines(1), [score], y, [None], [None]))
    for trace, member in zip(figure["data"], (y, ~y), strict=True):
        np.testing.assert_array_equal(numbers(trace["customdata"]), np.histogram(score[member], edges)[0])


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_solid_is_the_threshold_and_dashed_the_prediction(scale):
    figure = histogram_grid(
        some_lines(3), [np.array([0.2, 0.8])] * 3, np.array([0, 1]), [0.5, 0.7, 0.9], [0.4, None, np.nan], scale
    )
    lines = [(shape["xref"], shape["x0"], shape["line"].get("dash")) for shape in figure["layout"]["shapes"]]
    put = (lambda p: p) if scale == "probability" else logit
    assert lines == [
        ("x", pytest.approx(put(0.5)), None),
        ("x", pytest.approx(put(0.4)), "dash"),
        ("x2", pytest.approx(put(0.7)), None),
        ("x3", pytest.approx(put(0.9)), None),
    ]


@pytest.mark.parametrize(
    ("threshold", "predicted", "words"),
    [
        (0.5, 0.4, "score · solid: threshold, dashed: predicted"),
        (0.5, None, "score · solid: threshold"),
        (None, np.nan, "score"),
    ],
)
def test_only_what_is_drawn_is_explained(threshold, predicted, words):
    figure = taken(
        histogram_grid(some_lines(2), [np.array([0.2, 0.8])] * 2, np.arange(2), [threshold] * 2, [predicted] * 2)
    )
    assert figure["layout"]["annotations"][-1]["text"] == words


def test_scores_from_before_are_outlined():
    rng = np.random.default_rng(0)
    y, scores, former = rng.random(100) < 0.5, [rng.random(100)], [rng.random(100)]
    outlines = of(taken(histogram_grid(some_lines(1), scores, y, [0.5], [None], former=former)), "before")
    bars = of(histogram_grid(some_lines(1), former, y, [0.5], [None]), "bar")
    for outline, bar in zip(outlines, bars, strict=True):
        np.testing.assert_array_equal(numbers(outline["y"]), numbers(bar["y"]))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 16])
def test_panels_share_their_axes_and_do_not_meet(n):
    height, rows = grid_height(n), np.arange(50)
    layout = taken(histogram_grid(some_lines(n), [rows / 49] * n, rows % 2, [0.5] * n, [None] * n, height=height))[
        "layout"
    ]
    axes = [(layout[f"xaxis{k or ''}"], layout[f"yaxis{k or ''}"]) for k in (0, *range(2, n + 1))]
    assert len({tuple(x["range"]) for x, _ in axes}) == len({tuple(y["range"]) for _, y in axes}) == 1
    for (x, y), (x2, y2) in combinations(axes, 2):
        across = min(x["domain"][1], x2["domain"][1]) - max(x["domain"][0], x2["domain"][0])
        down = min(y["domain"][1], y2["domain"][1]) - max(y["domain"][0], y2["domain"][0])
        assert min(across, down) < 0
    across, down = ({tuple(axis["domain"]) for axis in side} for side in zip(*axes, strict=True))
    assert len(across) <= 4
    assert all((height - AXES) * (top - bottom) >= 80 for bottom, top in down)
    assert [note["hovertext"] for note in layout["annotations"][:-1]] == [line.name for line in some_lines(n)]


@pytest.mark.parametrize("score", [np.full(4, np.nan), NOTHING, np.array([np.nan, 0.5, 0, 1])])
def test_scores_that_are_no_numbers_are_left_out(score):
    y = np.arange(len(score)) % 2 == 0
    figure = taken(histogram_grid(some_lines(1), [score], y, [0.5], [None]))
    counted = sum(int(numbers(trace["customdata"]).sum()) for trace in figure["data"])
    assert counted == np.isfinite(score).sum()
    assert all(np.isfinite(numbers(trace["y"])).all() for trace in figure["data"])


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


# --- boundaries

SIDE = np.linspace(-2, 2, 41)
ACROSS, UP = np.meshgrid(SIDE, SIDE)
ROWS = np.random.default_rng(0).normal(size=(1000, 2))


def crossings(trace: dict[str, Any]) -> np.ndarray:
    """Where the line crosses each column of the grid, by interpolation: what plotly draws."""
    z, y = numbers(trace["z"]).astype(float), numbers(trace["y"])
    return np.array([np.interp(0, column, y) for column in z.T])


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_lines_lie_where_the_score_is_the_threshold(threshold):
    surface = expit(3 * UP - ACROSS)
    figure = taken(boundary(SIDE, SIDE, [surface], some_lines(1), [threshold], ROWS, ROWS[:, 1] > 0))
    (line,) = of(figure, "contour")
    truth = (logit(threshold) + numbers(line["x"])) / 3
    np.testing.assert_allclose(crossings(line), truth, atol=1.01 / (2 * STEPS * 3))
    assert (line["contours"]["start"], line["contours"]["end"]) == (0, 0)
    assert line["line"]["color"] == VARIANTS[0]


def test_the_true_posterior_is_dashed_at_its_own_threshold():
    figure = taken(
        boundary(SIDE, SIDE, [expit(UP)], some_lines(1), [0.5], ROWS, ROWS[:, 1] > 0, expit(2 * UP), 0.7, focus=0)
    )
    line = of(figure, "true posterior")[0]
    np.testing.assert_allclose(crossings(line), logit(0.7) / 2, atol=1.01 / (4 * STEPS))
    assert (line["line"]["dash"], line["line"]["color"]) == ("dash", TEXT)
    np.testing.assert_allclose(numbers(of(figure, "heatmap")[0]["z"]), expit(UP), rtol=1e-6)


def test_rows_are_thinned_and_coloured_by_the_truth():
    truth = ROWS[:, 1] > 0
    figure = boundary(SIDE, SIDE, [], [], [], ROWS, truth, names=("yes", "no"))
    drawn = {trace["name"]: np.stack([numbers(trace["x"]), numbers(trace["y"])], axis=1) for trace in figure["data"]}
    assert sum(map(len, drawn.values())) == 600
    for name, member in (("yes", truth), ("no", ~truth)):
        assert {tuple(row) for row in drawn[name]} <= {tuple(row) for row in ROWS[member].astype(np.float32)}


@pytest.mark.parametrize("surface", [np.full((41, 41), np.nan), np.zeros((41, 41)), np.ones((41, 41))])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_surfaces_without_a_line(surface, threshold):
    figure = taken(boundary(SIDE, SIDE, [surface], some_lines(1), [threshold], ROWS[:0], NOTHING, focus=0))
    assert len(of(figure, "contour")) == np.isfinite(surface).all()


# --- images


def test_images_lie_in_rows_with_their_titles_beneath():
    images = np.random.default_rng(0).random((5, 8, 6))
    figure = taken(image_grid(images, [f"is {k}<br>p = .{k}" for k in range(5)], columns=3))
    canvas = numbers(figure["data"][0]["z"])
    grey = 1 + np.round((images - images.min()) / np.ptp(images) * 254)
    boxes = [
        tuple(round(shape[side] + 0.5) for side in ("y0", "y1", "x0", "x1")) for shape in figure["layout"]["shapes"]
    ]
    for (top, bottom, left, right), image, note in zip(boxes, grey, figure["layout"]["annotations"], strict=True):
        np.testing.assert_array_equal(canvas[top:bottom, left:right], image)
        assert (note["x"], note["y"]) == ((left + right - 1) / 2, bottom - 0.5)
    assert np.count_nonzero(canvas) == images.size  # 0, which is no grey, lies everywhere else
    assert boxes[3][0] > boxes[0][1] > boxes[0][0] == boxes[1][0]
    assert figure["layout"]["annotations"][4]["text"] == "is 4<br>p = .4"


@pytest.mark.parametrize("image", [(8, 8), (28, 28), (64, 64)])
@pytest.mark.parametrize("width", [304, 1300])  # of the plot on a phone and on a wide page
def test_captions_of_mistakes_have_room_for_three_lines_on_any_page(image, width):
    figure = image_grid(np.random.default_rng(0).random((12, *image)), ["is 3<br>called 8<br>p 0.98"] * 12)
    layout = figure["layout"]
    (left, right), (bottom, top) = layout["xaxis"]["range"], layout["yaxis"]["range"]
    scale = min(width / (right - left), (figure_height(12, image) - 16) / (bottom - top))  # pixels a unit
    boxes = layout["shapes"]
    assert len({box["x0"] for box in boxes}) == 4
    assert (boxes[4]["y0"] - boxes[0]["y1"]) * scale >= 3 * 1.3 * 11


def test_large_images_are_means_of_squares():
    images = np.random.default_rng(0).random((4, 128, 128))
    figure = taken(image_grid(images, ["a"] * 4, columns=2))
    small = images.reshape(4, 64, 2, 64, 2).mean(axis=(2, 4))
    shape = figure["layout"]["shapes"][0]
    assert shape["x1"] - shape["x0"] == 64
    canvas = numbers(figure["data"][0]["z"])[:64, :64]
    np.testing.assert_array_equal(canvas, 1 + np.round((small[0] - small.min()) / np.ptp(small) * 254))


@pytest.mark.parametrize("images", [np.empty((0, 8, 8)), np.full((2, 8, 8), np.nan), np.ones((1, 8, 8))])
def test_images_without_contrast(images):
    figure = taken(image_grid(images, ["title"] * len(images)))
    assert len(figure["layout"]["annotations"]) == len(images)


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


def test_images_are_small():
    images = np.random.default_rng(0).random((16, 64, 64))
    assert bytes_of(image_grid(images, ["is 3, called 8<br>p = .98"] * 16)) < LIMIT


def test_many_variants_are_drawn_in_part():
    figures = every_figure(64)
    assert len(of(figures["histograms"], "bar")) == 2 * PANELS
    names = [trace["name"] for trace in of(figures["boundary"], "contour")]
    assert LINES + 1 <= len(names) <= LINES + 2  # the focus and the posterior come along
    assert {"pos_weight 1", "pos_weight 33", "pos_weight 64", "true posterior"} <= set(names)


def test_strict_json_needs_no_second_pass():
    """The encoder parses and writes a figure again that has NaN in its text: NaN stays in packed arrays."""
    for figure in every_figure(8).values():
        assert "NaN" not in json.dumps(figure)
