"""Histograms of several variants: what numpy counts, in panels that share their axes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import logit

from core.plots.race import grid_height, histogram_grid
from core.plots.race.scores import AXES
from core.plots.style import LOGIT_END, NEGATIVE, POSITIVE
from tests.support.race_figures import NOTHING, numbers, of, some_lines, taken


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
def test_scores_on_an_edge_are_in_the_upper_bin_in_their_own_dtype(dtype):
    edges = np.array([k / 24 for k in range(25)])
    near = [np.nextafter(edges.astype(dtype), dtype(towards)) for towards in (-1, 2)]
    score = np.concatenate([edges.astype(dtype), *near])
    y = np.arange(len(score)) % 3 == 0
    figure = taken(histogram_grid(some_lines(1), [score], y, [None], [None]))
    for trace, member in zip(figure["data"], (y, ~y), strict=True):
        np.testing.assert_array_equal(
            numbers(trace["customdata"]), np.histogram(score[member].clip(0, 1), edges.astype(dtype))[0]
        )


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
