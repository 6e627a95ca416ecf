"""Figures hold the numbers they were given: trace names, axis titles and data, and nothing heavy is imported."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.evaluation import METRICS, ScoreIndex, metric_curve
from core.evaluation.scores import ClassView, Scores
from core.plots.scores import score_histograms
from core.plots.style import LOGIT_END, place, score_axis
from core.plots.thresholds import metrics_figure
from core.plots.training import loss_curves
from tests.conftest import ROOT

SCALES = ("probability", "logit")


def a_view(seed: int = 0, n: int = 300, decimals: int = 2) -> ClassView:
    """Rounded float32 scores, 0 and 1 among them, so that many tie with each other and with a threshold."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    score = np.round(expit(rng.normal(size=n) + 3 * y - 1), decimals).astype(np.float32)
    score[:2] = 0, 1
    return ClassView(y, score, "yes", "no")


def traces(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


def words(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


# --- losses


def test_loss_curves_hold_both_losses_by_epoch():
    train, validation = np.array([0.7, 0.5, 0.4]), np.array([0.8, 0.6, 0.55])
    figure = loss_curves(train, validation, epochs=40)
    assert [trace.name for trace in figure.data] == ["validation", "training"]
    for name, losses in (("training", train), ("validation", validation)):
        np.testing.assert_array_equal(traces(figure)[name].x, [0, 1, 2])
        np.testing.assert_array_equal(traces(figure)[name].y, losses)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("epoch", "mean loss")
    assert len({trace.line.dash for trace in figure.data}) == 2  # told apart without colour


@pytest.mark.parametrize("trained", [0, 1, 2, 40])
def test_the_axis_of_epochs_does_not_move_while_a_run_trains(trained):
    assert loss_curves(np.ones(trained), np.ones(trained), epochs=40).layout.xaxis.range == (0, 40)


def test_losses_may_lie_on_a_logarithmic_axis():
    axes = [loss_curves(np.ones(3), np.ones(3), 3, log).layout.yaxis for log in (False, True)]
    assert [(axis.type, axis.rangemode) for axis in axes] == [(None, "tozero"), ("log", None)]


def test_a_single_loss_can_be_seen():
    assert all("markers" in trace.mode for trace in loss_curves(np.ones(1), np.ones(1), epochs=4).data)


# --- the axis of scores


def test_place_is_the_logit_with_ends():
    np.testing.assert_allclose(place([0.5, 0.9], "logit"), [0, np.log(9)])
    np.testing.assert_array_equal(place(np.float32([0, 1e-9, 1]), "logit"), [-LOGIT_END, -LOGIT_END, LOGIT_END])
    np.testing.assert_array_equal(place([0, 0.25, 1], "probability"), [0, 0.25, 1])


@pytest.mark.parametrize("scale", SCALES)
def test_score_axis_shows_every_place_and_labels_it_with_its_probability(scale):
    axis = score_axis(scale, "score")
    low, high = axis["range"]
    assert low < place([0], scale)[0] < place([1], scale)[0] < high
    labels = [float(text) for text in axis.get("ticktext", axis["tickvals"])]
    np.testing.assert_allclose(place(labels, scale), axis["tickvals"])
    assert axis["title"]["text"] == "score"


# --- histograms


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 999),
    threshold=st.integers(0, 100).map(lambda percent: percent / 100),
    scale=st.sampled_from(SCALES),
)
def test_bars_hold_every_row_and_part_right_from_wrong_exactly(seed, threshold, scale):
    view = a_view(seed)
    bars = traces(score_histograms([view], [threshold], scale))
    called = view.score >= np.float32(threshold)
    sizes = {name: int(bar.customdata.sum()) for name, bar in bars.items()}
    assert sizes == {
        "actual yes, predicted yes": np.sum(view.y & called),
        "actual yes, predicted no": np.sum(view.y & ~called),
        "actual no, predicted yes": np.sum(~view.y & called),
        "actual no, predicted no": np.sum(~view.y & ~called),
    }
    assert sum(sizes.values()) == len(view.y)
    for truly, sign in (("yes", 1), ("no", -1)):
        right, wrong = bars[f"actual {truly}, predicted yes"], bars[f"actual {truly}, predicted no"]
        in_bar = right.customdata + wrong.customdata
        np.testing.assert_allclose(sign * (right.y + wrong.y), np.sqrt(in_bar / max(in_bar.sum(), 1)))
        for bar in (right, wrong):
            np.testing.assert_allclose(sign * bar.y * in_bar, np.sqrt(in_bar / max(in_bar.sum(), 1)) * bar.customdata)


def test_a_score_equal_to_the_threshold_is_called_positive():
    threshold = np.float32(0.7)  # less than the .7 of Python, which rounds to it
    score = np.array([np.nextafter(threshold, np.float32(0)), threshold], np.float32)
    bars = traces(score_histograms([ClassView(np.array([True, True]), score, "yes", "no")], [0.7]))
    assert bars["actual yes, predicted yes"].customdata.sum() == bars["actual yes, predicted no"].customdata.sum() == 1


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_constant_scores_stand_in_one_bar(scale, score):
    view = ClassView(np.array([True, False, False]), np.full(3, score, np.float32), "yes", "no")
    figure = score_histograms([view], [0.5], scale)
    verb = "yes" if score >= 0.5 else "no"
    for side, size in (("yes", 1), ("no", 2)):
        bar = traces(figure)[f"actual {side}, predicted {verb}"]
        assert (bar.customdata.max(), bar.customdata.sum(), abs(bar.y).max()) == (size, size, 1)
        (at,) = np.flatnonzero(bar.customdata)
        assert abs(bar.x[at] - place([score], scale)[0]) <= bar.width / 2 + 1e-9


def test_no_rows_draw_an_empty_figure():
    figure = score_histograms([ClassView(np.empty(0, bool), np.empty(0), "yes", "no")], [0.5])
    assert sum(bar.customdata.sum() for bar in figure.data) == 0
    assert words(figure) == ["<b>actual yes (n = 0)</b>", "<b>actual no (n = 0)</b>"]


def test_wrong_bars_are_hatched_and_right_ones_are_solid():
    for name, bar in traces(score_histograms([a_view()], [0.5])).items():
        right = name in ("actual yes, predicted yes", "actual no, predicted no")
        assert bool(bar.marker.pattern.shape) != right


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 1.0])
def test_the_line_stands_at_the_threshold(scale, threshold):
    (line,) = score_histograms([a_view()], [threshold], scale).layout.shapes
    assert line.x0 == line.x1 == pytest.approx(place([threshold], scale)[0])
    assert line.y0 == -line.y1 < 0


@pytest.mark.parametrize("scale", SCALES)
def test_one_class_names_its_sides_and_its_axis(scale):
    view = a_view()
    figure = score_histograms([view], [0.5], scale)
    assert words(figure) == [f"<b>actual yes (n = {view.y.sum()})</b>", f"<b>actual no (n = {(~view.y).sum()})</b>"]
    assert figure.layout.xaxis.title.text.startswith("score (probability")


@pytest.mark.parametrize("classes", [2, 3, 5, 6, 10])
def test_every_class_has_a_panel_with_its_own_threshold(classes):
    rng = np.random.default_rng(classes)
    scores = Scores(
        rng.integers(0, classes, 80),
        rng.dirichlet(np.ones(classes), 80),
        "multiclass",
        tuple(f"class {k}" for k in range(classes)),
    )
    views = [scores.view(column) for column in range(classes)]
    thresholds = np.linspace(0.1, 0.9, classes)
    figure = score_histograms(views, thresholds)
    assert words(figure) == [f"class {k}" for k in range(classes)]
    for k, (view, threshold) in enumerate(zip(views, thresholds, strict=True)):
        axis = f"x{k + 1 if k else ''}"
        bars = {bar.name: bar.customdata.sum() for bar in figure.data if bar.xaxis == axis}
        assert len(bars) == 4
        assert sum(bars.values()) == 80
        assert bars[f"actual class {k}, predicted class {k}"] == np.sum(view.y & (view.score >= threshold))
    np.testing.assert_allclose([line.x0 for line in figure.layout.shapes], thresholds)


# --- curves


@pytest.mark.parametrize("scale", SCALES)
def test_metrics_stand_over_their_thresholds(scale):
    view = a_view()
    placed = ScoreIndex.of(view.y, place(view.score, scale))
    curves = {METRICS[name].label: metric_curve(placed, METRICS[name]) for name in ("precision", "recall", "f1")}
    figure = metrics_figure(curves, 0.9, scale)
    assert [trace.name for trace in figure.data] == ["Precision", "Recall", "F1"]
    assert len({trace.line.dash for trace in figure.data}) == 3
    for name, curve in curves.items():
        trace = traces(figure)[name]
        np.testing.assert_array_equal(trace.x, curve.x)
        np.testing.assert_array_equal(trace.y, curve.y)
        np.testing.assert_allclose(place(trace.customdata, scale), curve.thresholds, atol=1e-9)
        assert [f"TP {tp:,} ·" in text for tp, text in zip(curve.tp, trace.hovertext, strict=True)].count(False) == 0
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == pytest.approx(0.9 if scale == "probability" else np.log(9))
    assert figure.layout.xaxis.title.text.startswith("threshold")


def test_tooltips_name_the_logit_of_the_threshold():
    view = a_view()
    index = ScoreIndex.of(view.y, view.score)
    line = traces(metrics_figure({"F1": metric_curve(index, METRICS["f1"])}, 0.5))["F1"]
    for t, text in zip(line.customdata, line.hovertext, strict=True):
        assert t > 1 or f"threshold {t:.6g} (logit {float(logit(t)):.2f})" in text
    assert "%{hovertext}" in line.hovertemplate


# --- what every figure owes the page


def every_figure() -> list[go.Figure]:
    view = a_view()
    index = ScoreIndex.of(view.y, view.score)
    return [
        loss_curves(np.ones(2), np.ones(2), 3),
        score_histograms([view], [0.5]),
        metrics_figure({"F1": metric_curve(index, METRICS["f1"])}, 0.5),
    ]


def test_colours_are_the_themes_variables():
    for figure in every_figure():
        assert not re.search(r"#|rgb\(|hsl\(", str(figure.data))


def test_plots_import_no_torch_and_no_streamlit():
    code = "import pkgutil, sys, core.plots\n" + (
        "for module in pkgutil.iter_modules(core.plots.__path__, 'core.plots.'): __import__(module.name)\n"
        "print(*{'torch', 'streamlit'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
