"""Figures of costs, of the band to review and of another prevalence: what they draw, from what they are given."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.special import expit, logit

from core.evaluation import METRICS, ScoreIndex, metric_curve
from core.evaluation.prevalence import GRID, best_thresholds, metric_at, precision_interval, shifted
from core.evaluation.scores import ClassView
from core.evaluation.tuning import candidates
from core.evaluation.value.payoffs import Band, Payoffs, net_value, value_curve
from core.plots.costs import SHADE, band_figure, threshold_mark, value_figure
from core.plots.marks import ROW, Mark, add_marks
from core.plots.prevalence import best_figure, metrics_at_figure, prevalence_figure, share_mark
from core.plots.style import LOGIT_END, MUTED, TEXT, place

PAY = Payoffs(10, 2, 30, 1)


@pytest.fixture(scope="module")
def view() -> ClassView:
    generator = np.random.default_rng(0)
    q = generator.beta(1, 3, 600)
    return ClassView(generator.random(600) < q, q, "fraud", "rest")


def names(figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


# --- marks


def marked(*marks: Mark) -> dict:
    figure = go.Figure()
    add_marks(figure, marks, (0.0, 1.0))
    layout: dict = figure.to_plotly_json()["layout"]
    return layout


def test_every_mark_has_a_line_and_a_name_on_a_row_of_its_own():
    layout = marked(Mark("a", 0.1), Mark("b", 0.1), Mark("c", 0.9), Mark("d", 0.6, "dash", heavy=True))
    rows = [name["yshift"] for name in layout["annotations"]]
    assert sorted(rows) == [0, ROW, 2 * ROW, 3 * ROW]
    assert layout["margin"]["t"] > 4 * ROW
    heavy = next(shape for shape in layout["shapes"] if shape["line"]["dash"] == "dash")
    assert heavy["line"]["color"] == TEXT
    assert layout["shapes"][0]["line"]["color"] == MUTED


def test_on_each_side_no_line_crosses_a_name():
    layout = marked(*(Mark(str(x), x) for x in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)))
    placed = [(name["x"], name["xanchor"], name["yshift"]) for name in layout["annotations"]]
    left = [(x, row) for x, anchor, row in placed if anchor == "left"]
    right = [(x, row) for x, anchor, row in placed if anchor == "right"]
    # A name on the left reaches to the right, so lines further right must end below it; and the other way round.
    assert all(x > y and row < above for (x, row), (y, above) in pairwise(left))
    assert all(x < y and row < above for (x, row), (y, above) in pairwise(right))


def test_marks_beyond_the_axis_are_left_out():
    assert marked(Mark("inf", math.inf), Mark("nan", math.nan), Mark("far", 1.2)).get("annotations", ()) == ()


@pytest.mark.parametrize("threshold", [math.inf, -math.inf, math.nan])
def test_a_threshold_without_a_place_has_no_line(threshold):
    assert math.isnan(threshold_mark("best", threshold, "logit").x)


# --- net value


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_net_value_is_drawn_for_each_split_with_counts_on_hover(view, scale):
    index = ScoreIndex.of(view.y, place(view.score, scale))
    curve = value_curve(index, PAY, 1000)
    marks = [threshold_mark("theory", 0.25, scale, "dash"), threshold_mark("on trial", 0.5, scale, heavy=True)]
    figure = value_figure({"validation": curve, "test": curve}, marks, (0.2, 0.4), "EUR", scale)
    validation, test = figure.data
    assert (validation.name, test.name) == ("validation", "test")
    assert validation.line.dash != test.line.dash
    thresholds, tp, fp, fn, tn = np.asarray(validation.customdata).T
    exact = net_value(ScoreIndex.of(view.y, view.score).counts(thresholds), PAY, 1000)
    if scale == "probability":
        np.testing.assert_allclose(validation.y, exact)
    assert (tp + fp + fn + tn == 600).all()
    assert {"theory 0.250", "on trial 0.500", "predict all positive", "predict all negative"} <= set(names(figure))
    assert "EUR" in figure.layout.yaxis.title.text
    (band,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (band.x0, band.x1) == pytest.approx(tuple(place([0.2, 0.4], scale)))
    assert band.opacity == SHADE["opacity"]
    levels = [shape.y0 for shape in figure.layout.shapes if shape.type == "line" and shape.y0 == shape.y1]
    assert {float(curve.y[0]), float(curve.y[-1])} <= set(levels)


def test_an_interval_that_ends_above_every_score_ends_at_the_axis(view):
    curve = value_curve(ScoreIndex.of(view.y, view.score), PAY)
    figure = value_figure({"validation": curve, "test": curve}, [], (0.4, math.inf), "<b>", "probability")
    (band,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert band.x1 == 1
    assert "&lt;b&gt;" in figure.layout.yaxis.title.text  # a unit is typed by hand


# --- the band


def test_the_band_is_shaded_and_holds_no_mistake(view):
    marks = [threshold_mark("low", 0.2, "probability"), threshold_mark("high", 0.6, "probability")]
    figure = band_figure(view, Band(0.2, 0.6), marks)
    (rect,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (rect.x0, rect.x1) == (0.2, 0.6)
    wrong = [bar for bar in figure.data if bar.marker.pattern.shape == "/"]
    for bar in wrong:
        inside = (np.asarray(bar.x) > 0.21) & (np.asarray(bar.x) < 0.59)
        assert not np.asarray(bar.customdata)[inside].any()
    mistakes = sum(int(np.sum(bar.customdata)) for bar in wrong)
    assert mistakes == np.sum(view.y & (view.score < 0.2)) + np.sum(~view.y & (view.score >= 0.6))
    assert {"low 0.200", "high 0.600"} <= set(names(figure))


def test_without_a_band_nothing_is_shaded(view):
    figure = band_figure(view, Band(0.4, 0.4), [], "logit")
    assert not [shape for shape in figure.layout.shapes if shape.type == "rect"]


# --- another prevalence


def test_metrics_are_drawn_against_the_logarithm_of_the_prevalence(view):
    point = ScoreIndex.of(view.y, view.score).counts(0.4)
    precision = METRICS["precision"](shifted(point, GRID))
    band = precision_interval(point, GRID)
    marks = [share_mark("data", 0.25, "dot"), share_mark("production", 0.01, heavy=True)]
    figure = prevalence_figure(GRID, {"Precision": precision}, band, marks)
    low, high, line = figure.data
    np.testing.assert_allclose(10 ** np.asarray(line.x), GRID)
    np.testing.assert_array_equal(line.y, precision)
    assert (np.asarray(low.y) <= precision).all()
    assert (precision <= np.asarray(high.y)).all()
    assert high.fill == "tonexty"
    assert {"data 25%", "production 1%"} == set(names(figure))
    assert line.customdata[0] == "0.01%"


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_the_best_threshold_is_drawn_tuned_and_predicted(view, scale):
    y = view.y & (view.score < view.score.max())  # a negative row scores highest
    best = best_thresholds("accuracy", PAY, candidates(ScoreIndex.of(y, view.score)), GRID)
    tuned, predicted = best_figure(best, "validation", [], scale).data
    assert np.isposinf(best.tuned[0])  # rare enough, it is best to call none
    assert tuned.y[0] == (1 if scale == "probability" else LOGIT_END)
    assert tuned.customdata[0][1] == "above every score"
    assert predicted.line.dash == "dash"
    inside = np.abs(logit(best.predicted)) < LOGIT_END
    drawn = np.asarray(predicted.y) if scale == "probability" else expit(np.asarray(predicted.y))
    np.testing.assert_allclose(drawn[inside], best.predicted[inside], atol=1e-9)


def test_metrics_against_threshold_keep_the_line_on_trial_beside_the_marks(view):
    index = ScoreIndex.of(view.y, view.score)
    curve = metric_curve(index, metric_at(METRICS["f1"], 0.01))
    figure = metrics_at_figure({"F1": curve}, 0.5, [Mark("tuned", 0.7)], "probability")
    assert [shape.x0 for shape in figure.layout.shapes] == [0.5, 0.7, 0.7]
    assert names(figure) == ["tuned"]
