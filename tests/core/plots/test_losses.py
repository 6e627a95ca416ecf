"""Figures of losses hold the arrays they were given, and tell losses apart by colour and by dash."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from core.plots.losses import (
    COLOURS,
    DASHES,
    Format,
    Line,
    OptimalScores,
    format_figure,
    loss_figure,
    score_figure,
    twice_figure,
)

X = np.linspace(-3, 3, 7)
Q = np.linspace(0, 1, 11)


def a_line(slot: int) -> Line:
    return Line(slot, f"loss {slot}", X, X**2 + slot, 2 * X)


def traces(figure: go.Figure, what: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.meta == what]


def test_loss_figure_has_values_above_and_gradients_below_on_one_axis():
    figure = loss_figure([a_line(0), a_line(2)], "logit z", "gradient by z")
    for what, axis, of in (("value", "y", lambda line: line.value), ("gradient", "y2", lambda line: line.gradient)):
        drawn = traces(figure, what)
        assert [trace.yaxis for trace in drawn] == [axis, axis]
        for trace, slot in zip(drawn, (0, 2), strict=True):
            np.testing.assert_array_equal(trace.x, X)
            np.testing.assert_array_equal(trace.y, of(a_line(slot)))
    assert figure.layout.xaxis.title.text == "logit z"
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text) == ("loss", "gradient by z")
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]


def test_a_place_keeps_its_look_without_the_others():
    (value,) = traces(loss_figure([a_line(3)], "", ""), "value")
    assert (value.line.color, value.line.dash) == (COLOURS[3], DASHES[3])
    assert len(set(COLOURS)) == len(set(DASHES)) == 4


def test_a_target_is_a_vertical_line():
    (line,) = loss_figure([a_line(0)], "prediction", "gradient", mark=0.25).layout.shapes
    assert (line.x0, line.x1) == (0.25, 0.25)
    assert not loss_figure([a_line(0)], "prediction", "gradient").layout.shapes


def test_score_figure_has_closed_forms_as_lines_and_searches_as_symbols():
    optimal = [OptimalScores(0, "a", Q, Q**2, Q[1:-1], Q[1:-1] ** 2), OptimalScores(1, "b", Q, None, Q[1:-1], Q[1:-1])]
    figure = score_figure(optimal, threshold=0.3)
    (closed,) = traces(figure, "closed form")
    np.testing.assert_array_equal(closed.y, Q**2)
    assert [trace.name for trace in traces(figure, "solved")] == ["a", "b"]
    assert all(trace.mode == "markers" for trace in traces(figure, "solved"))
    diagonal = figure.data[0]
    assert (list(diagonal.x), list(diagonal.y)) == ([0, 1], [0, 1])
    assert figure.layout.shapes[0].x0 == 0.3


def test_format_figure_leaves_out_what_is_no_number_and_rings_the_findings():
    value = np.where(X > 1.5, np.inf, X)
    formats = {
        name: Format(X, value, np.where(X > 0.5, np.nan, X), np.array([2.0]), ("The loss is infinite",))
        for name in ("float64", "float32", "float16", "bfloat16")
    }
    figure = format_figure(formats)
    for drawn in traces(figure, "value"):
        assert np.isnan(drawn.y[-1])
        assert np.isfinite(drawn.y[:4]).all()
    rings = traces(figure, "findings on the value")
    assert [ring.name for ring in rings] == list(formats)
    assert rings[0].hovertext == ("The loss is infinite",)
    assert rings[0].y[0] == 1.0  # at the last finite value
    assert [trace.showlegend for trace in figure.data].count(True) == 4


def test_format_figure_without_a_finite_number():
    one = Format(X, X * np.nan, X * np.nan, np.array([2.0]), ("The loss is NaN",))
    assert len(format_figure(dict.fromkeys(("a", "b", "c", "d"), one)).data) == 16


@pytest.mark.parametrize("chosen", [2, 10, 100])
def test_twice_figure_marks_the_chosen_number_of_classes(chosen):
    classes = np.arange(2, 101)
    figure = twice_figure(classes, 1 / classes, np.log(classes) / 2, chosen)
    largest, floor = (trace for trace in figure.data if trace.name == "chosen")
    assert (largest.x[0], largest.y[0]) == (chosen, 1 / chosen)
    assert floor.y[0] == np.log(chosen) / 2
    low, high = figure.layout.xaxis.range
    assert 10**low < 2
    assert 10**high > 100
