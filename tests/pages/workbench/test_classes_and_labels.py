"""All classes and all labels on the Workbench: every number is scikit-learn's, at every rule and threshold."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation import DECISIONS
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, RowColumns, ScoreSource
from core.evaluation.threshold import ABOVE_ALL
from core.evaluation.tuning import LABEL_RULES, LabelRows
from core.experiment.config import RunConfig, make_config
from core.plots.columns import MOST
from pages.components.content import store
from pages.shared import services
from tests.conftest import act, button, choose, control, drawn, experiment, new_session, press, sentences, until
from tests.support.node import in_node, needs_node
from tests.support.shown_sources import choose_source, digits, open_run, open_source, values_of, yeast
from tests.support.sources import a_run, alike, as_arrays
from tests.support.table import defined, metric_of, moment, move, open_alone, table_of, totals
from tests.support.workbench_page import marks

METRICS = {"precision": sklearn.precision_score, "recall": sklearn.recall_score, "f1": sklearn.f1_score}


def wine(**choices: object) -> RunConfig:
    return make_config(**{"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "epochs": 3} | choices)


def topics(**choices: object) -> RunConfig:
    return make_config(**{"dataset": "multilabel_synthetic", "head": "sigmoids", "epochs": 3} | choices)


def decide_by(at: AppTest, run: ScoreSource, rule: str) -> AppTest:
    return choose(at, f"decision.{run.id}.rule", rule)


def by_hand(rule: str, y_score: np.ndarray, t: np.ndarray, fallback: int = -1) -> np.ndarray:
    """The class of each row, -1 for none, as one would write the rule down."""
    p = y_score.astype(np.float64)
    if rule == "masked":
        reached = y_score >= t.astype(y_score.dtype)
        return np.where(reached.any(1), np.where(reached, p, -1).argmax(1), fallback)
    return {"argmax": p, "difference": p - t, "ratio": p / t}[rule].argmax(1)


def check_classes(at: AppTest, scores: Scores, y_pred: np.ndarray, no_class: bool = False) -> None:
    """The matrix, the rows and the totals are scikit-learn's for these decisions."""
    k = scores.n_columns
    theirs = sklearn.confusion_matrix(scores.y_true, np.where(y_pred < 0, k, y_pred), labels=range(k + 1))[:k]
    np.testing.assert_array_equal(moment(at)["matrix"], theirs)
    assert table_of(at)["none"] == no_class
    now = totals(at)
    for name, metric in METRICS.items():
        each = metric(scores.y_true, y_pred, labels=range(k), average=None, zero_division=np.nan)
        np.testing.assert_allclose(metric_of(at, name), each)
        known = each[~np.isnan(each)]
        assert now[name] == pytest.approx(known.mean() if known.size else np.nan, nan_ok=True)
    assert now["accuracy"] == pytest.approx(sklearn.accuracy_score(scores.y_true, y_pred))
    plain = scores.y_score.argmax(1)
    assert now["without"] == np.sum(y_pred < 0)
    assert now["changed"] == np.sum(plain != y_pred)
    assert now["righted"] == np.sum((plain != scores.y_true) & (y_pred == scores.y_true))
    assert now["wronged"] == np.sum((plain == scores.y_true) & (y_pred != scores.y_true))


# --- classes


def test_as_it_opens_every_class_is_at_a_half_and_decisions_are_argmax(app_test: AppTest):
    run = open_run(app_test, digits())
    scores = run.scores("validation")
    assert control(app_test, f"decision.{run.id}.rule").value == "ratio"
    check_classes(app_test, scores, scores.y_score.argmax(1))
    held = table_of(app_test)
    assert held["names"] == list(scores.class_names)
    assert held["support"] == scores.positives.tolist()
    assert held["thresholds"] == [0.5] * 10
    assert held["saved"] is None
    np.testing.assert_array_equal(held["scores"].reshape(10, -1).T, scores.y_score)
    np.testing.assert_array_equal(held["truth"], scores.y_true)


@pytest.mark.parametrize("rule", DECISIONS)
def test_every_rule_decides_as_it_says(app_test: AppTest, rule: str):
    run = open_run(app_test, digits(epochs=2))
    scores, t = run.scores("validation"), np.full(10, 0.5)
    decide_by(app_test, run, rule)
    for index, threshold in ((8, 0.1), (3, 0.9), (0, 0.3)):
        move(app_test, index, threshold)
        t[index] = threshold
    assert not sentences(app_test)
    check_classes(app_test, scores, by_hand(rule, scores.y_score, t), no_class=rule == "masked")
    assert table_of(app_test)["rule"] == rule
    assert any(DECISIONS[rule].formula in text.value for text in app_test.markdown)


def test_rows_without_a_class_get_the_fallback_or_a_column_of_their_own(app_test: AppTest):
    run = open_run(app_test, digits(epochs=1))
    scores = run.scores("validation")
    at = decide_by(app_test, run, "masked")
    none = by_hand("masked", scores.y_score, np.full(10, 0.5))
    assert (none < 0).any()
    check_classes(at, scores, none, no_class=True)

    choose(at, f"decision.{run.id}.fallback", 4)
    check_classes(at, scores, by_hand("masked", scores.y_score, np.full(10, 0.5), fallback=4))
    assert table_of(at)["fallback"] == 4
    assert at.session_state[f"decision.{run.id}"] == ("masked", {"fallback": 4})


def test_the_rule_is_in_the_link_and_in_the_verdict(app_test: AppTest):
    run = open_run(app_test, digits(epochs=1))
    y = run.scores("validation").y_true
    assert "decide" not in app_test.query_params
    at = decide_by(app_test, run, "masked")
    predicted = by_hand("masked", run.scores("validation").y_score, np.full(10, 0.5))
    accuracy, without = sklearn.accuracy_score(y, predicted), np.sum(predicted < 0)
    said = "\n".join(text.value for text in at.markdown)
    assert f"ccuracy is {accuracy:.3f}" in said
    assert f"{without} of {len(y)} rows get no class" in said
    link = dict(at.query_params)
    assert link["decide"] == "masked:-1"

    again = new_session()
    again.query_params.update(link)
    again.run()
    check_classes(again, run.scores("validation"), predicted, no_class=True)


@pytest.mark.parametrize("given", ["", ":", "nearest", "masked:10", "masked:a", "masked:-2"])
def test_a_rule_in_a_link_that_cannot_be_used_is_said(app_test: AppTest, given: str):
    name = services.runner().submit(experiment(digits(epochs=1)))
    until(lambda: services.runner().job(name).ended)
    app_test.query_params.update({"run": name, "decide": given})
    app_test.run()
    assert len(sentences(app_test)) == (given != "")
    assert table_of(app_test)["rule"] == "ratio"


def test_the_rule_is_that_of_the_run(app_test: AppTest):
    last = open_run(app_test, wine(seed=1), wine(seed=2))
    at = decide_by(app_test, last, "difference")
    other = next(job for job in at.session_state["jobs"] if job != last.job)
    (run,) = services.runner().job(other).runs
    choose_source(at, run.id)
    assert control(at, f"decision.{run.id}.rule").value == "ratio"
    choose_source(at, last.id)
    assert control(at, f"decision.{last.id}.rule").value == "difference"
    assert table_of(at)["rule"] == "difference"


def test_a_threshold_that_is_moved_is_current_and_compared_with_the_saved(app_test: AppTest):
    run = open_run(app_test, digits(epochs=2))
    assert table_of(app_test)["before"] is None
    act(app_test, "save_all")
    before = totals(app_test)
    at = move(app_test, 8, 0.05)
    held = table_of(at)
    assert values_of(at, run)[8] == np.float32(0.05)
    assert held["thresholds"][8] == 0.05
    assert held["saved"] == [0.5] * 10
    assert defined(held["before"]) == before
    assert totals(at) != before
    act(at, "undo")
    assert values_of(at, run)[8] == 0.5


@pytest.mark.parametrize("config", [digits(epochs=2), yeast(epochs=1)], ids=["classes", "labels"])
def test_scores_are_sent_once_whatever_the_thresholds(app_test: AppTest, config: RunConfig):
    open_run(app_test, config)
    address = drawn(app_test)["address"]
    for index, threshold in ((8, 0.05), (3, 0.9)):
        assert drawn(move(app_test, index, threshold))["address"] == address
    assert drawn(act(app_test, "axis", "probability"))["address"] == address
    assert drawn(act(app_test, "part", "test"))["address"] != address


def test_every_kept_epoch_is_decided_at_the_current_thresholds(app_test: AppTest):
    run = open_run(app_test, digits(epochs=3))
    move(app_test, 8, 0.05)
    t = np.where(np.arange(10) == 8, 0.05, 0.5)
    table = table_of(app_test)
    for place, frame in enumerate(table["frames"]):
        scores = run.at(frame["epoch"]).scores("validation")
        y_pred = by_hand("ratio", scores.y_score, t)
        theirs = sklearn.confusion_matrix(scores.y_true, y_pred, labels=range(10))
        np.testing.assert_array_equal(moment(app_test, place)["matrix"][:, :10], theirs)
        for c, (rest, own) in enumerate(np.array(frame["bins"]["probability"])):
            edges = np.linspace(0, 1, len(own) + 1, dtype=np.float32)
            member = scores.y_true == c
            np.testing.assert_array_equal(own, np.histogram(scores.y_score[member, c], edges)[0])
            np.testing.assert_array_equal(rest, np.histogram(scores.y_score[~member, c], edges)[0])
    assert table["frames"][-1]["epoch"] == 3


def test_a_name_that_is_pressed_is_shown_alone_and_there_is_a_way_back(app_test: AppTest):
    run = open_run(app_test, digits())
    move(app_test, 7, 0.3)
    at = open_alone(app_test, 7)
    assert control(at, "column").value == 7
    assert drawn(at)["label"] == "7"
    assert marks(at)["current"]["threshold"] == np.float32(0.3)
    act(at, "drag", 0.6)
    press(at, "All classes")
    assert table_of(at)["thresholds"] == [0.6 if c == 7 else 0.5 for c in range(10)]
    assert values_of(at, run)[7] == np.float32(0.6)
    assert not sentences(at)


@pytest.mark.parametrize("config", [digits(), yeast()])
def test_each_small_histogram_has_the_best_threshold_that_the_button_tunes_to(app_test: AppTest, config: RunConfig):
    open_run(app_test, config)
    best = drawn(app_test)["best"]
    at = act(app_test, "tune")
    assert drawn(at)["thresholds"] == pytest.approx(best)
    assert drawn(at)["best"] == best


def test_the_outline_of_a_small_histogram_is_that_of_the_run_before(app_test: AppTest):
    before, now = (digits(epochs=epochs) for epochs in (2, 3))
    run = open_run(app_test, before, now)
    first = services.runner().job(app_test.session_state["jobs"][-1]).runs[0]
    app_test.session_state["shown.before"] = first.id
    app_test.run()
    content = store.compressed(drawn(app_test)["outline"]["address"])
    assert content
    sent = json.loads(gzip.decompress(content))
    scores = first.scores("validation")
    for kind, place in (("probability", scores.y_score), ("logit", logit(scores.y_score.astype(np.float64)))):
        axis = sent["axes"][kind]
        edges = np.linspace(axis["start"], axis["end"], 41)
        for c, (negatives, positives) in enumerate(sent["bins"][kind]):
            is_class = scores.y_true == c
            held = np.clip(place[:, c], edges[0], edges[-1])
            np.testing.assert_array_equal(positives, np.histogram(held[is_class], edges)[0])
            assert sum(negatives) == (~is_class).sum()
    assert first.id != run.id


@pytest.mark.parametrize("config", [digits(epochs=2), yeast(epochs=2)], ids=["classes", "labels"])
def test_one_button_tunes_all_by_the_rule_chosen_in_tune(app_test: AppTest, config: RunConfig):
    run = open_run(app_test, config)
    assert table_of(app_test)["tune"]["label"] == "Tune all: max F1"
    at = act(app_test, "tune")
    scores = run.scores("validation")
    for c, t in enumerate(values_of(at, run)):
        view = scores.view(c)
        best = max(sklearn.f1_score(view.y, view.score >= at_score) for at_score in np.unique(view.score))
        assert sklearn.f1_score(view.y, view.score >= np.float32(t)) == pytest.approx(best)
    act(at, "undo")
    assert values_of(at, run) == [0.5] * scores.n_columns


def test_tuning_all_leaves_alone_what_has_no_positives(app_test: AppTest):
    def without(scores: Scores) -> Scores:
        return replace(scores, y_true=scores.y_true * (np.arange(scores.n_columns) > 0))

    source = as_arrays(a_run("multilabel_synthetic", "sigmoids"), without)
    open_source(app_test, source)
    at = act(app_test, "tune")
    name = source.class_names[0]
    assert sentences(at) == [f"max F1 is undefined for {name}: the threshold is as before."]
    now = values_of(at, source)
    assert now[0] == 0.5
    assert 0.5 not in now[1:]


@pytest.mark.parametrize("rule", DECISIONS)
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_the_ends_of_a_threshold_break_no_rule(app_test: AppTest, rule: str, threshold: float):
    run = open_run(app_test, wine())
    at = decide_by(app_test, run, rule)
    for index in range(3):
        move(at, index, threshold)
    assert not sentences(at)
    assert moment(at)["matrix"].sum() == run.scores("validation").n_rows


def test_classes_follow_the_split(app_test: AppTest):
    run = open_run(app_test, digits())
    at = act(app_test, "part", "test")
    scores = run.scores("test")
    check_classes(at, scores, scores.y_score.argmax(1))


@pytest.mark.parametrize("kind", ["constant", "one class", "two rows"])
def test_bad_scores_of_classes_leave_the_page_up(app_test: AppTest, kind: str):
    def spoilt(scores: Scores) -> Scores:
        if kind == "constant":
            return replace(scores, y_score=np.full_like(scores.y_score, 1 / scores.n_columns))
        if kind == "one class":
            return replace(scores, y_true=np.zeros_like(scores.y_true))
        return replace(scores, y_true=scores.y_true[:2], y_score=scores.y_score[:2])

    scores = spoilt(a_run("wine", "softmax", "cross_entropy").scores("validation"))
    source = alike(scores)
    open_source(app_test, source)
    for rule in DECISIONS:
        at = decide_by(app_test, source, rule)
        assert not sentences(at)
        check_classes(at, scores, by_hand(rule, scores.y_score, np.full(3, 0.5)), no_class=rule == "masked")


# --- labels


def check_labels(at: AppTest, scores: Scores, t: np.ndarray) -> None:
    """The rows and the totals are scikit-learn's at thresholds (C,)."""
    y_true, y_pred = scores.y_true, scores.y_score >= t.astype(scores.y_score.dtype)
    for name, metric in METRICS.items():
        each = metric(y_true, y_pred, average=None, zero_division=np.nan)
        np.testing.assert_allclose(metric_of(at, name), each)
    called = y_pred.sum(1)
    shown = dict.fromkeys(("micro", "macro"), METRICS) | {
        average: {"f1": sklearn.f1_score} for average in ("weighted", "samples")
    }
    expected = {
        f"{average}_{name}": metric(y_true, y_pred, average=average, zero_division=np.nan)
        for average, metrics in shown.items()
        for name, metric in metrics.items()
    } | {
        "hamming": sklearn.hamming_loss(y_true, y_pred),
        "subset": sklearn.accuracy_score(y_true, y_pred),
        "cardinality": called.mean(),
        "cardinality_true": y_true.sum(1).mean(),
        "without": np.sum(called == 0),
        "several": np.sum(called > 1),
    }
    assert totals(at) == pytest.approx(expected)


def test_every_number_of_the_labels_is_scikit_learns(app_test: AppTest):
    run = open_run(app_test, yeast())
    scores, t = run.scores("validation"), np.full(14, 0.5)
    check_labels(app_test, scores, t)
    for index, threshold in ((0, 0.3), (13, float(np.sort(scores.y_score[:, 13])[-5])), (5, float(expit(-1.0)))):
        move(app_test, index, threshold)
        t[index] = threshold
        check_labels(app_test, scores, t)
    act(app_test, "part", "test")
    check_labels(app_test, run.scores("test"), t)
    assert not sentences(app_test)


def test_a_label_without_positives_is_undefined(app_test: AppTest):
    def without(scores: Scores) -> Scores:
        return replace(scores, y_true=scores.y_true * (np.arange(scores.n_columns) > 0))

    open_source(app_test, as_arrays(a_run("multilabel_synthetic", "sigmoids"), without))
    at = move(app_test, 0, 1.0)
    assert all(np.isnan(metric_of(at, name)[0]) for name in METRICS)
    assert not sentences(at)


def test_two_hundred_labels_are_all_there(app_test: AppTest):
    rng = np.random.default_rng(0)
    names = tuple(f"label {n}" for n in range(200))
    y_score = rng.random((500, 200)).astype(np.float32)
    open_source(app_test, alike(Scores(rng.random((500, 200)) < 0.05, y_score, "multilabel", names)))
    held = table_of(choose(app_test, "label_rule", "pcut"))
    assert len(held["thresholds"]) == len(held["names"]) == len(metric_of(app_test, "f1")) == 200
    assert held["scores"].size <= MOST
    assert held["shown"] < held["rows"] == 500
    assert not sentences(app_test)


# --- weights

COUNTED = """
    const found = m.count(given, given.thresholds);
    return { ...found, matrix: found.matrix && Array.from(found.matrix), called: undefined };
"""


def weighted(task: str, rows: int = 300) -> ArraySource:
    """Three classes or labels, rows of fractional weights, a ninth of them 0."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, rows) if task == "multiclass" else rng.integers(0, 2, (rows, 3))
    p = np.float32(rng.dirichlet(np.ones(3), rows) if task == "multiclass" else rng.random((rows, 3)))
    columns = RowColumns(weight=rng.integers(0, 9, rows) / 5)
    return alike(Scores(y, p, task, ("a", "b", "c")), columns={"validation": columns, "test": columns})


def check_weighted(numbers: dict[str, np.ndarray], totals: dict[str, float], source: ArraySource) -> None:
    """Numbers of each class or label and of all together are scikit-learn's with the weights of the rows."""
    scores, weight = source.scores("validation"), source.row_columns("validation").weight
    y, p = scores.y_true, scores.y_score
    multiclass = scores.task == "multiclass"
    y_pred = p.argmax(1) if multiclass else p >= 0.5
    for name, metric in METRICS.items():
        each = metric(y, y_pred, average=None, sample_weight=weight)
        np.testing.assert_allclose(numbers[name], each, rtol=1e-12)
    if multiclass:
        assert totals["accuracy"] == pytest.approx(sklearn.accuracy_score(y, y_pred, sample_weight=weight))
        assert totals["f1"] == pytest.approx(sklearn.f1_score(y, y_pred, average="macro", sample_weight=weight))
        return
    for average in ("micro", "macro", "weighted"):
        expected = sklearn.f1_score(y, y_pred, average=average, sample_weight=weight)
        assert totals[f"{average}_f1"] == pytest.approx(expected)
    known = (weight > 0) & (y | y_pred).any(1)  # F1 of a row without actual and predicted labels is undefined
    f1 = sklearn.f1_score(y[known], y_pred[known], average="samples", sample_weight=weight[known])
    assert totals["samples_f1"] == pytest.approx(f1)
    assert totals["hamming"] == pytest.approx(sklearn.hamming_loss(y, y_pred, sample_weight=weight))
    assert totals["subset"] == pytest.approx(sklearn.accuracy_score(y, y_pred, sample_weight=weight))
    assert totals["cardinality"] == pytest.approx(np.average(y_pred.sum(1), weights=weight))
    assert totals["without"] == pytest.approx(weight[~y_pred.any(1)].sum())
    assert totals["several"] == pytest.approx(weight[y_pred.sum(1) > 1].sum())


@needs_node
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_rows_weigh_the_same_at_rest_and_while_a_threshold_moves(app_test: AppTest, tmp_path: Path, task: str):
    source = weighted(task)
    open_source(app_test, source)
    assert not sentences(app_test)
    check_weighted({name: metric_of(app_test, name) for name in METRICS}, totals(app_test), source)
    held = table_of(app_test)
    given = {name: held[name] for name in ("names", "shown", "dtype", "rule", "fallback", "thresholds")}
    arrays = {name: held[name].tolist() for name in ("scores", "truth", "weights")}
    found = in_node(tmp_path, "picture/decisions.js", COUNTED, {"task": task, **given, **arrays})
    counted = {name: np.array([one[name] for one in found["columns"]], float) for name in METRICS}
    check_weighted(counted, found["totals"], source)
    assert found["totals"] == pytest.approx({name: totals(app_test)[name] for name in found["totals"]})
    if task == "multiclass":
        np.testing.assert_allclose(found["matrix"], moment(app_test)["matrix"].ravel())


def test_a_rule_for_all_labels_is_tuned_and_shown_with_the_weights_of_the_rows(app_test: AppTest):
    source = weighted("multilabel")
    open_source(app_test, source)
    scores, weight = source.scores("validation"), source.row_columns("validation").weight
    columns = zip(scores.y_true.T, scores.y_score.T, strict=True)
    best = [max(sklearn.f1_score(y, p >= t, sample_weight=weight) for t in np.unique(p)) for y, p in columns]
    assert cell(app_test, "Macro F1", "validation, tuned") == f"{np.mean(best):.3f}"


# --- rules for all labels


def cell(at: AppTest, total: str, case: str) -> str:
    return at.dataframe[0].value.loc[total, case]


@pytest.mark.parametrize("rule", LABEL_RULES)
def test_every_label_rule_is_tuned_on_validation_and_shown_on_both(app_test: AppTest, rule: str):
    run = open_run(app_test, yeast())
    at = choose(app_test, "label_rule", rule)
    assert not sentences(at)
    validation, test = run.scores("validation"), run.scores("test")
    choice = LABEL_RULES[rule](LabelRows.of(validation))
    for scores, part in ((validation, "validation"), (test, "test")):
        for case, called in (
            (f"{part} at 0.5", scores.y_score >= 0.5),
            (f"{part}, tuned", choice.decide(scores.y_score)),
        ):
            macro = sklearn.f1_score(scores.y_true, called, average="macro", zero_division=np.nan)
            assert cell(at, "Macro F1", case) == f"{macro:.3f}"
            assert cell(at, "Hamming loss", case) == f"{sklearn.hamming_loss(scores.y_true, called):.3f}"
            assert cell(at, "No label", case) == f"{np.sum(called.sum(1) == 0):,}"
    assert cell(at, "Micro F1", "validation, folds") != "undefined"


def test_the_thresholds_of_a_rule_can_be_tried(app_test: AppTest):
    run = open_run(app_test, yeast())
    at = choose(app_test, "label_rule", "one_for_all")
    press(at, "Use these thresholds")
    scores = run.scores("validation")
    found = LABEL_RULES["one_for_all"](LabelRows.of(scores)).thresholds
    np.testing.assert_array_equal(np.float32(table_of(at)["thresholds"]), np.float32(found))
    check_labels(at, scores, found)
    assert f"{totals(at)['micro_f1']:.3f}" == cell(at, "Micro F1", "validation, tuned")


def test_a_label_that_a_rule_gives_to_no_row_is_above_every_score(app_test: AppTest):
    open_run(app_test, yeast(epochs=1))
    at = choose(app_test, "label_rule", "fbr_0")
    choose(at, "label_rule.fbr_0.least", 0.95)
    press(at, "Use these thresholds")
    assert ABOVE_ALL in table_of(at)["thresholds"]
    assert any("for no row" in caption.value for caption in at.caption)
    assert not sentences(at)


def test_the_top_k_of_a_row_are_no_thresholds(app_test: AppTest):
    open_run(app_test, yeast(epochs=1))
    at = choose(app_test, "label_rule", "rcut")
    assert not [one for one in at.button if one.label == "Use these thresholds"]
    assert any("no thresholds" in caption.value for caption in at.caption)


def test_labels_can_be_tuned_by_another_rule(app_test: AppTest):
    run = open_run(app_test, yeast(epochs=1))
    at = choose(app_test, "label_rule.goal", "recall")
    choose(at, "label_rule.recall.least", 0.9)
    press(at, button(at, "Use these thresholds").label)
    assert (metric_of(at, "recall")[run.scores("validation").positives > 0] >= 0.9).all()
