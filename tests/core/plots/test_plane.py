"""Boundaries in the plane lie where the score is the threshold, among the rows they were given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from core.plots.plane import STEPS, boundary
from core.plots.style import TEXT, VARIANTS
from tests.support.plane import ACROSS, ROWS, SIDE, UP
from tests.support.race_figures import NOTHING, numbers, of, some_lines, taken


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
    line = of(figure, "Bayes decision boundary")[0]
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
