"""Figures of calibration and of tuned thresholds: what is drawn is what was computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from core.evaluation import ScoreIndex
from core.evaluation.calibration import Reliability, fit, reliability
from core.evaluation.tuning import RULES, bind, bootstrap, candidates, population_best, regret, simulate
from core.plots.calibration import map_figure, reliability_figure
from core.plots.style import LOGIT_END, place
from core.plots.tuning import CELLS, Steps, optimism_figure, thinned, tuned_figure
from tests.support.scored_rows import rows

both_scales = pytest.mark.parametrize("scale", ["probability", "logit"])


def calibrated(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(-1.5, 2, n))
    return rng.random(n) < p, p


def named(figure, name: str):
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


# --- reliability


@both_scales
def test_points_bars_and_band_are_those_of_the_bins(scale):
    y, p = calibrated()
    now, before = reliability(y, p), reliability(y, expit(2 * np.log(p / (1 - p))))
    figure = reliability_figure(now, "Platt", before, scale)
    points = named(figure, "Platt")
    np.testing.assert_allclose(points.x, place(now.score, scale))
    np.testing.assert_allclose(points.y, place(now.share, scale))
    np.testing.assert_allclose(points.y + points.error_y.array, place(now.share_high, scale))
    np.testing.assert_allclose(points.y - points.error_y.arrayminus, place(now.share_low, scale))
    np.testing.assert_allclose(named(figure, "rows, Platt").y ** 2, now.rows)
    np.testing.assert_allclose(named(figure, "rows, uncalibrated").y ** 2, before.rows)
    band = named(figure, "90% if calibrated")
    np.testing.assert_allclose(band.y[: len(now.rows)], place(now.band_high, scale))
    assert named(figure, "uncalibrated").line.dash == "dash"  # told apart without colour
    assert figure.layout.xaxis.title.text == "mean score of a bin"
    assert figure.layout.yaxis.title.text == "fraction of positives"


@both_scales
@pytest.mark.parametrize("binning", ["width", "count"])
@given(data=rows(weighted=False))
@settings(max_examples=20)
def test_any_rows_can_be_drawn(data, scale, binning):
    p = expit(data.y_score.astype(float))
    figure = reliability_figure(reliability(data.y_true == 1, p, binning), "uncalibrated", None, scale)
    for trace in figure.data:
        assert np.isfinite(np.asarray(trace.y, float)).all()
    assert (named(figure, "rows, uncalibrated").width > 0).all()


def test_no_rows_draw_nothing():
    none: Reliability = reliability(np.zeros(0, bool), np.zeros(0))
    assert not len(named(reliability_figure(none, "uncalibrated"), "uncalibrated").x)


@both_scales
def test_map_marks_the_threshold_and_what_becomes_a_half(scale):
    y, p = calibrated()
    found = fit("sigmoid", y, expit(2 * np.log(p / (1 - p)) + 1))
    grid = np.linspace(0.01, 0.99, 9)
    figure = map_figure(grid, found(grid), "Platt", (0.3, 0.2), found.score_for(0.5), scale)
    np.testing.assert_allclose(named(figure, "Platt").y, place(found(grid), scale))
    ring, half = figure.data[-2:]
    assert (ring.x[1], ring.y[1]) == (place(0.3, scale), place(0.2, scale))
    assert (half.x[1], half.y[1]) == (pytest.approx(float(place(found.score_for(0.5), scale))), place(0.5, scale))
    assert "threshold 0.300 becomes 0.200" in ring.name
    assert len(map_figure(grid, found(grid), "Platt", (0.3, 0.2), float("nan"), scale).data) == len(figure.data) - 1


# --- a tuned threshold


@both_scales
@given(data=rows(weighted=False), seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_thinned_steps_are_steps_and_leave_out_only_what_is_not_seen(data, scale, seed):
    counts = candidates(ScoreIndex.of(data.y_true, expit(data.y_score.astype(float))))
    values = np.random.default_rng(seed).random(len(counts.thresholds))
    kept = thinned(counts.thresholds, values, scale)
    finite = np.isfinite(counts.thresholds)
    assert set(kept.thresholds) <= set(counts.thresholds[finite])
    if finite.any():
        width = 1 if scale == "probability" else 2 * LOGIT_END
        for t, value in zip(counts.thresholds[finite], values[finite], strict=True):
            x = np.abs(place(kept.thresholds, scale) - place(t, scale)) / width
            y = np.abs(kept.values - value) / (np.ptp(values[finite]) or 1)
            assert np.maximum(x, y).min() <= 1 / CELLS + 1e-9


def test_very_many_steps_become_few():
    y, p = calibrated(100_000)
    counts = candidates(ScoreIndex.of(y, p))
    kept = thinned(counts.thresholds, RULES["f1"].function(counts).value, "logit")
    assert 100 < len(kept.thresholds) < 4000
    assert kept.values.max() == pytest.approx(np.nanmax(RULES["f1"].function(counts).value), abs=1e-3)


@both_scales
def test_tuned_figure_has_both_splits_the_spread_the_interval_the_resamples_and_the_regret(scale):
    (y, p), (other, q) = calibrated(400, 1), calibrated(400, 2)
    rule = bind("f1")
    tuned = bootstrap(rule, y, p, 200)
    counts, on_test = (candidates(ScoreIndex.of(*pair)) for pair in ((y, p), (other, q)))
    lost = regret(rule, tuned.choice.threshold, on_test)
    parts = {"validation": counts, "test": on_test}
    steps = {part: thinned(c.thresholds, rule.goal(c).value, scale) for part, c in parts.items()}
    figure = tuned_figure("F1", steps, tuned, lost, scale)
    t = float(place(tuned.choice.threshold, scale))
    band, line = figure.layout.shapes
    assert (line.x0, line.x1) == (t, t)
    assert (band.x0, band.x1) == tuple(map(float, place(tuned.threshold_spread, scale)))
    assert named(figure, "F1, validation").line.dash is None
    assert named(figure, "F1, test").line.dash == "dash"
    assert named(figure, "F1, validation").line.shape == "vh"
    best = named(figure, "best on test")
    assert (best.x[0], best.y[0]) == (place(lost.best_threshold, scale), lost.best)
    fall = named(figure, f"regret {lost.loss:.3f}")
    assert fall.y[1] - fall.y[0] == pytest.approx(lost.loss)
    worth = named(figure, "F1, .632 bootstrap estimate")
    assert worth.y[0] == tuned.estimate
    assert worth.y[0] + worth.error_y.array[0] == pytest.approx(tuned.interval[1])
    assert worth.y[0] - worth.error_y.arrayminus[0] == pytest.approx(tuned.interval[0])
    assert named(figure, "resamples").y.sum() == 200
    low, high = figure.layout.xaxis.range
    assert low <= band.x0 <= t <= band.x1 <= high


@both_scales
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("y", [[1, 1], [0, 0], [0, 1], [1, 0, 1, 0]])
def test_every_rule_can_be_drawn_on_few_rows_and_one_class(rule, y, scale):
    p = np.full(len(y), 0.5) if len(y) > 2 else np.array([0.2, 0.7])
    counts = candidates(ScoreIndex.of(y, p))
    tuned = bootstrap(bind(rule), y, p, 20)
    lost = regret(bind(rule), tuned.choice.threshold, counts)
    steps = thinned(counts.thresholds, bind(rule).goal(counts).value, scale)
    assert isinstance(steps, Steps)
    for parts, regretted in (({"validation": steps, "test": steps}, lost), ({"test": steps}, None)):
        figure = tuned_figure(RULES[rule].value, parts, tuned, regretted, scale)
        assert np.isfinite(figure.layout.xaxis.range).all()


def test_optimism_is_drawn_by_size_with_the_best_and_the_size_chosen():
    found = [simulate(n, 50) for n in (50, 200, 1000)]
    best = population_best()
    figure = optimism_figure(found, best, 200)
    np.testing.assert_allclose(named(figure, "F1, in-sample").y, [one.in_sample.mean() for one in found])
    np.testing.assert_allclose(named(figure, "F1, population").y, [one.true.mean() for one in found])
    thresholds = named(figure, "threshold tuned")
    np.testing.assert_allclose(thresholds.y, [one.thresholds.mean() for one in found])
    np.testing.assert_allclose(thresholds.customdata, [one.thresholds.std() for one in found])
    assert thresholds.yaxis == "y2"
    assert named(figure, "best F1").y[0] == best.value
    assert named(figure, "best threshold").y[0] == best.threshold
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == 200
