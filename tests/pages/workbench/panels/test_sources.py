"""Every panel on scores that no run made: margins, one split alone, weights. Each works on the scores' own axis, or
says what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sklearn
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedKFold
from streamlit.testing.v1 import AppTest

from core.evaluation.calibration import fit
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, RowColumns
from core.evaluation.tuning import bind, bootstrap_of
from core.plots.style import score_range
from pages.shared import state
from pages.workbench.panels import PANELS
from tests.conftest import act, choose, figure_of, press, sentences, unescaped
from tests.support.shown_sources import open_source, tile
from tests.support.sources import alike, binary, margins
from tests.support.table import metric_of, table_of, totals
from tests.support.workbench_page import filmed, marks

TASKS = ("binary", "multiclass", "multilabel")
BINARY = [name for name, panel in PANELS.items() if "binary" in panel.tasks]
# The figures that have an axis of scores.
ON_SCORES = {
    "tune": ("tuned",),
    "value": ("net_value", "band"),
    "prevalence": ("metrics_there",),
    "rows": ("rows.bars",),
}


def two_parts(task: str) -> ArraySource:
    """Margins of either split, drawn apart, with times."""
    sizes = {"validation": 90, "test": 60}
    times = {part: RowColumns(time=np.arange(rows, dtype=float)) for part, rows in sizes.items()}
    return ArraySource({part: margins(task, rows) for part, rows in sizes.items()}, times)


def open_panel(at: AppTest, panel: str, *sources: ArraySource) -> AppTest:
    """Open the page on the first of these sources with this panel, by its identifier."""
    at.session_state["panel"] = PANELS[panel].label
    at.session_state["rule.curve"] = True
    at.session_state[state.ROWS.of(sources[0].id).name] = {"cell": False}  # of all classes there are no bars
    return open_source(at, *sources)


def said(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info))


@pytest.mark.parametrize(
    ("panel", "task"),
    [(name, task) for name, panel in PANELS.items() for task in panel.tasks if task in TASKS and name != "theory"],
)
def test_every_panel_but_that_of_a_loss_shows_margins(app_test: AppTest, panel: str, task: str):
    source = two_parts(task)
    at = open_panel(app_test, panel, source, two_parts(task))
    assert not sentences(at)
    assert at.session_state["panel"] == PANELS[panel].label
    given = [source.scores(part).y_score for part in source.parts]
    ends = score_range(min(scores.min() for scores in given), max(scores.max() for scores in given))
    for key in ON_SCORES.get(panel, ()):
        assert figure_of(at, key)["layout"]["xaxis"]["range"] == pytest.approx(list(ends))
    for part in source.parts:
        act(at, "part", part)
        assert not at.exception
        (axis,) = filmed(at)["axes"].values()
        scores = source.scores(part).y_score
        assert axis["kind"] == "score"
        assert [axis["start"], axis["end"]] == pytest.approx(list(score_range(scores.min(), scores.max())))


def test_theory_is_not_offered_for_scores_of_no_known_loss(app_test: AppTest):
    at = open_panel(app_test, "tune", two_parts("binary"))
    labels = [tab.label for tab in at.tabs]
    assert "Tune" in labels
    assert "Theory" not in labels


@pytest.mark.parametrize("panel", ["value", "prevalence"])
def test_what_needs_probabilities_says_so_and_leads_to_calibration(app_test: AppTest, panel: str):
    at = open_panel(app_test, panel, two_parts("binary"))
    assert "needs probabilities, and these scores are outside" in said(at).replace("\\", "")
    next(button for button in at.button if button.label == "Calibrate").click().run()
    assert at.session_state["panel"] == "Calibration"


def test_a_threshold_on_margins_is_taken_over_as_it_is(app_test: AppTest):
    source = two_parts("binary")
    at = press(open_panel(app_test, "tune", source), "Use this threshold")
    y, score, _, _ = source.scores("validation").view()
    now = marks(at)["current"]["threshold"]
    assert sklearn.f1_score(y, score >= now) == max(sklearn.f1_score(y, score >= t) for t in score)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_margins_are_calibrated_from_their_sigmoid(app_test: AppTest, method: str):
    source = two_parts("binary")
    at = choose(open_panel(app_test, "calibration", source), "calibration.method", method)
    assert not at.exception
    (table,) = [frame.value for frame in at.dataframe if "− resolution" in frame.value.index]
    y, score, _, _ = source.scores("test").view()
    assert table["test, uncalibrated"]["Log-loss"] == pytest.approx(sklearn.log_loss(y, expit(score)), abs=1e-4)
    if method != "isotonic":  # whose steps tie scores
        auc = sklearn.roc_auc_score(y, score)
        assert min(abs(float(tile(at, "ROC-AUC, test")) - one) for one in (auc, 1 - auc)) < 1e-3
    assert figure_of(at, "calibration_map")["layout"]["xaxis"]["range"][0] < score.min()


def test_classes_are_decided_by_a_rule_that_takes_margins(app_test: AppTest):
    source = alike(margins("multiclass"))
    at = open_panel(app_test, "classes", source)
    held = table_of(at)
    assert (list(held["axes"]), held["rule"]) == (["score"], "difference")
    scores = source.scores("test")
    expected = sklearn.accuracy_score(scores.y_true, scores.y_score.argmax(1))
    assert totals(at)["accuracy"] == pytest.approx(expected)


def test_labels_are_drawn_on_the_axis_of_their_margins(app_test: AppTest):
    source = alike(margins("multilabel"))
    axis = table_of(open_source(app_test, source))["axes"]["score"]
    scores = source.scores("test").y_score
    assert (axis["low"], axis["high"]) == pytest.approx(tuple(score_range(scores.min(), scores.max())))
    assert all(axis["low"] <= tick <= axis["high"] for tick, _ in axis["ticks"])


def test_a_record_of_margins_has_no_logit(app_test: AppTest):
    at = open_panel(app_test, "export", two_parts("binary"))
    record = json.loads(at.code[0].value)
    assert record["thresholds"][0]["logit"] is None
    assert record["config"] is None
    choose(at, "export.format", "scikit_learn")
    assert 'response_method="decision_function"' in at.code[0].value
    choose(at, "export.format", "pytorch")
    assert "needs the head of the network, which is not known" in said(at).replace("\\", "")


# --- what else a source may lack, or have


@pytest.mark.parametrize("panel", BINARY)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_every_panel_shows_a_source_of_one_split(app_test: AppTest, panel: str, part: str):
    other = "test" if part == "validation" else "validation"
    at = open_panel(app_test, panel, ArraySource({part: binary()}), ArraySource({part: binary(seed=2)}))
    assert not sentences(at)
    (only,) = [line for line in said(at).split("\n") if line.startswith("There are only")]
    assert unescaped(only) == f"There are only {part} rows: what is tuned on them is in-sample (optimistic)."
    words = " ".join([said(at), *(element.label for element in at.metric), *(box.value for box in at.code)])
    assert not re.search(rf"\b{other} (rows|split)\b", words)


@pytest.mark.parametrize(
    ("task", "panel"),
    [(task, name) for task in ("multiclass", "multilabel") for name, panel in PANELS.items() if task in panel.tasks],
)
def test_every_panel_shows_classes_and_labels_of_one_split(app_test: AppTest, panel: str, task: str):
    at = open_panel(app_test, panel, ArraySource({"test": margins(task)}), ArraySource({"test": margins(task)}))
    assert not sentences(at)


def test_one_split_is_tuned_on_and_the_estimate_is_that_of_the_bootstrap(app_test: AppTest):
    source = ArraySource({"test": binary()})
    at = press(open_panel(app_test, "tune", source), "Use this threshold")
    y, score, _, _ = binary().view()
    tuned = bootstrap_of(source, 0, bind("f1"), "test")
    assert tile(at, "F1, test") == f"{max(sklearn.f1_score(y, score >= t) for t in score):.3f}"
    assert tile(at, "F1, new rows") == f"{tuned.estimate:.3f}"
    names = [trace["name"] for trace in figure_of(at, "tuned")["data"] if trace.get("name", "").startswith("F1, ")]
    assert names[0] == "F1, test"
    assert not any("validation" in name for name in names)
    at.session_state["panel"] = "Export"
    record = json.loads(at.run().code[0].value)
    assert record["thresholds"][0]["origin"] == {"how": "rule", "rows": "test", "rule": "f1", "earlier": False}
    assert list(record["worth"]) == ["test"]
    assert record["worth"]["test"]["in_sample"] is True
    choose(at, "export.format", "scikit_learn")
    assert "tuned on test rows" in at.code[0].value


def test_calibration_of_one_split_is_cross_fitted(app_test: AppTest):
    source = ArraySource({"validation": binary()})
    at = choose(open_panel(app_test, "calibration", source), "calibration.method", "sigmoid")
    assert "cross-fitted" in said(at).replace("\\", "")
    y, score, _, _ = binary().view()
    crossed = np.empty(len(y))
    for others, held in StratifiedKFold(5, shuffle=True, random_state=0).split(score, y):
        crossed[held] = fit("sigmoid", y[others], score[others])(score[held])
    assert tile(at, "Log-loss, validation") == f"{sklearn.log_loss(y, crossed):.3f}"
    in_sample = sklearn.log_loss(y, fit("sigmoid", y, score)(score))
    assert float(tile(at, "Log-loss, validation")) > in_sample


def test_a_source_without_a_configuration_says_why_nothing_is_converted_back(app_test: AppTest):
    at = open_panel(app_test, "calibration", alike(binary()))
    assert "which is not known here" in said(at)


def test_rows_show_what_is_known_of_them(app_test: AppTest):
    scores = binary(20)
    columns = RowColumns(groups={"group": np.repeat(["north", "south"], 10)}, amount=np.arange(20.0))
    source = ArraySource({"validation": scores, "test": scores}, {"validation": columns})
    at = open_panel(app_test, "rows", source)
    (table,) = [frame.value for frame in at.dataframe if "distance" in frame.value]
    assert set(table["group"]) == {"north", "south"}
    np.testing.assert_array_equal(table["amount"], table["row"])
    act(at, "part", "test")
    (table,) = [frame.value for frame in at.dataframe if "distance" in frame.value]
    assert "group" not in table


@pytest.mark.parametrize("panel", BINARY)
def test_every_panel_shows_weighted_rows(app_test: AppTest, panel: str):
    scores = binary()
    weight = np.random.default_rng(0).random(scores.n_rows)
    columns = {part: RowColumns(weight=weight) for part in ("validation", "test")}
    source = alike(scores, columns=columns)
    at = open_panel(app_test, panel, source)
    assert not sentences(at)
    trial = marks(at)["current"]
    y, score, _, _ = scores.view()
    _, fp, _, tp = sklearn.confusion_matrix(y, score >= 0.5, sample_weight=weight).ravel()
    assert (trial["tp"], trial["fp"]) == pytest.approx((tp, fp))


def weighted(scores: Scores) -> tuple[ArraySource, np.ndarray]:
    """The scores as both parts, and the weights of their rows."""
    weight = np.random.default_rng(0).random(scores.n_rows)
    return alike(scores, columns={part: RowColumns(weight=weight) for part in ("validation", "test")}), weight


def test_tuning_weighs_rows(app_test: AppTest):
    source, weight = weighted(binary())
    at = open_panel(app_test, "tune", source)
    y, score, _, _ = binary().view()
    best = max(sklearn.f1_score(y, score >= t, sample_weight=weight) for t in score)
    assert tile(at, "F1, validation") == f"{best:.3f}"
    assert not re.search(r"predicts [\d,]+\.\d{4}", said(at))


def test_calibration_weighs_rows(app_test: AppTest):
    source, weight = weighted(binary())
    at = choose(open_panel(app_test, "calibration", source), "calibration.method", "isotonic")
    (table,) = [frame.value for frame in at.dataframe if "− resolution" in frame.value.index]
    y, score, _, _ = binary().view()
    steps = IsotonicRegression(y_min=0, y_max=1).fit(score, y, weight).predict(score)
    for column, p in ((table["test, uncalibrated"], score), (table["test, Isotonic"], steps)):
        assert column["Log-loss"] == pytest.approx(sklearn.log_loss(y, p, sample_weight=weight), abs=1e-4)
        assert column["Brier score"] == pytest.approx(sklearn.brier_score_loss(y, p, sample_weight=weight), abs=1e-4)
        assert column["ROC-AUC"] == pytest.approx(sklearn.roc_auc_score(y, p, sample_weight=weight), abs=1e-4)


def test_comparing_weighs_rows(app_test: AppTest):
    (first, weight), (second, _) = weighted(binary()), weighted(replace(binary(), y_score=binary(seed=3).y_score))
    at = open_panel(app_test, "compare", first, second)
    (table,) = [frame.value for frame in at.dataframe if "Log-loss" in frame.value]
    y, score, _, _ = binary().view()
    for at_row, p in enumerate((score, binary(seed=3).view().score)):
        row = table.iloc[at_row]
        assert row["F1"] == pytest.approx(sklearn.f1_score(y, p >= 0.5, sample_weight=weight))
        assert row["Brier score"] == pytest.approx(sklearn.brier_score_loss(y, p, sample_weight=weight))
    (gaps,) = [frame.value for frame in at.dataframe if "Difference" in frame.value]
    assert gaps["Difference"].iloc[0] == f"{table['F1'].iloc[1] - table['F1'].iloc[0]:+.3f}"


def test_rows_of_other_weights_are_not_compared(app_test: AppTest):
    at = open_panel(app_test, "compare", weighted(binary())[0], alike(binary()))
    assert "the same rows with other weights" in said(at).lower()


def test_an_export_weighs_rows(app_test: AppTest):
    source, weight = weighted(binary())
    worth = json.loads(open_panel(app_test, "export", source).code[0].value)["worth"]["test"]
    y, score, _, _ = binary().view()
    cells = sklearn.confusion_matrix(y, score >= 0.5, sample_weight=weight).ravel()
    assert [worth["columns"][0][name] for name in ("tn", "fp", "fn", "tp")] == pytest.approx(list(cells))
    assert worth["together"]["f1"] == pytest.approx(sklearn.f1_score(y, score >= 0.5, sample_weight=weight))
    assert worth["together"]["roc_auc"] == pytest.approx(sklearn.roc_auc_score(y, score, sample_weight=weight))
    assert worth["rows"] == len(y)


def test_classes_weigh_rows(app_test: AppTest):
    scores = margins("multiclass")
    source, weight = weighted(scores)
    at = open_panel(app_test, "classes", source)
    y, decided = scores.y_true, scores.y_score.argmax(1)
    accuracy = sklearn.accuracy_score(y, decided, sample_weight=weight)
    f1 = sklearn.f1_score(y, decided, average=None, sample_weight=weight)
    now = totals(at)
    assert (now["accuracy"], now["f1"]) == pytest.approx((accuracy, f1.mean()))
    assert metric_of(at, "f1") == pytest.approx(f1)
    worth = json.loads(open_panel(at, "export", source).code[0].value)["worth"]["test"]
    assert (worth["together"]["accuracy"], worth["together"]["macro_f1"]) == pytest.approx((accuracy, f1.mean()))
    matrix = sklearn.confusion_matrix(y, decided, sample_weight=weight)
    assert [column["tp"] for column in worth["columns"]] == pytest.approx(list(np.diag(matrix)))


def test_labels_weigh_rows(app_test: AppTest):
    scores = margins("multilabel")
    source, weight = weighted(scores)
    at = open_panel(app_test, "labels", source)
    y, called = scores.y_true, scores.y_score >= 0
    micro = sklearn.f1_score(y, called, average="micro", sample_weight=weight)
    hamming = sklearn.hamming_loss(y, called, sample_weight=weight)
    now = totals(at)
    assert (now["micro_f1"], now["hamming"]) == pytest.approx((micro, hamming))
    worth = json.loads(open_panel(at, "export", source).code[0].value)["worth"]["test"]
    assert (worth["together"]["micro_f1"], worth["together"]["hamming"]) == pytest.approx((micro, hamming))
    assert [column["tp"] for column in worth["columns"]] == pytest.approx(list(weight @ (called & (y == 1))))


def test_a_new_version_brings_new_numbers(app_test: AppTest):
    first = alike(binary(), version=1)
    second = ArraySource(dict.fromkeys(("validation", "test"), binary(seed=5)), id=first.id, version=2)

    def shown(source: ArraySource) -> tuple[str, float]:
        at = open_panel(app_test, "tune", source)
        return tile(at, "F1, validation"), marks(at)["current"]["tp"]

    def expected(scores: Scores) -> tuple[str, float]:
        y, score, _, _ = scores.view()
        return f"{max(sklearn.f1_score(y, score >= t) for t in score):.3f}", int((score[y] >= 0.5).sum())

    for source in (first, second):
        assert shown(source) == expected(source.scores("validation"))
