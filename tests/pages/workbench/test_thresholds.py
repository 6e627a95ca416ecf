"""Thresholds on the Workbench without a browser: every number equals scikit-learn's at the chosen threshold."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.data import load_dataset
from core.evaluation import METRICS, ScoreIndex
from core.evaluation.comparison import OF_SCORES
from core.evaluation.scores import Scores
from core.evaluation.source import ScoreSource
from core.evaluation.threshold import ABOVE_ALL, Provenance
from core.evaluation.tuning import bind, candidates
from core.experiment import links
from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.training.engine import Epoch, train_in_turns
from core.training.runs import Run
from pages.shared import services
from tests.conftest import (
    act,
    button,
    choose,
    control,
    current_run,
    drawn,
    experiment,
    new_session,
    open_page,
    press,
    sentences,
    tell,
    until,
)
from tests.support.shown_sources import (
    choose_source,
    current_threshold,
    digit,
    digits,
    open_run,
    open_source,
    sources_on_offer,
    thresholds_of,
    yeast,
)
from tests.support.sources import a_run, as_arrays
from tests.support.table import moment, move, open_alone, table_of
from tests.support.workbench_page import choose_in, counted, filmed, marks, opened, shown_run, trained_again


def matrix(at: AppTest) -> list[list[int]]:
    """The counts of all rows at the current threshold, [[tn, fp], [fn, tp]], as the picture is told."""
    film, point = filmed(at), marks(at)["current"]
    return [
        [film["negatives"] - point["fp"], point["fp"]],
        [film["positives"] - point["tp"], point["tp"]],
    ]


def expected(run: ScoreSource, part: str, threshold: float, column: int = 0) -> np.ndarray:
    """scikit-learn's matrix, compared in the scores' own dtype."""
    y, score, _, _ = run.scores(part).view(column)
    return sklearn.confusion_matrix(y, score >= score.dtype.type(threshold), labels=[False, True])


# --- the states of the page


def test_with_nothing_trained_the_demonstration_is_shown(app_test: AppTest):
    at = open_page(app_test, "workbench")
    assert not sentences(at)
    run = services.demonstration().runs[-1]
    assert shown_run(at) == run
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.5))
    act(at, "drag", 0.9)
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.9))


def test_a_finished_binary_run(app_test: AppTest):
    run = open_run(app_test, digit())
    at = app_test
    assert shown_run(at) == run
    assert current_threshold(at) == 0.5
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.5))


def test_a_stopped_run_can_be_looked_at(app_test: AppTest):
    runner = services.runner()
    job = runner.submit(experiment(digit(epochs=2000, batch_size=8)))
    until(lambda: runner.job(job).runs[0].epoch >= 1)
    runner.cancel(job)
    until(lambda: runner.job(job).ended)
    app_test.query_params["run"] = job
    at = open_page(app_test, "workbench")
    run = current_run(at)
    assert run.status == "stopped"
    assert not sentences(at)
    said, *_ = sources_on_offer(at)
    assert f"stopped at epoch {run.epoch}" in said
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.5))


def test_a_run_in_training_can_be_looked_at(app_test: AppTest):
    runner = services.runner()
    job = runner.submit(experiment(digit(epochs=2000, batch_size=8)))
    until(lambda: runner.job(job).runs[0].epoch >= 1)
    app_test.query_params["run"] = job
    at = open_page(app_test, "workbench")
    assert not runner.job(job).ended
    assert not sentences(at)
    act(at, "pause")
    until(lambda: runner.job(job).status == "paused")
    act(at, "drag", 0.9)
    assert not sentences(at)
    assert current_threshold(at) == np.float32(0.9)
    np.testing.assert_array_equal(matrix(at), expected(current_run(at), "validation", 0.9))
    assert drawn(at)["live"] == "paused"
    act(at, "resume")
    until(lambda: runner.job(job).status == "running")


def test_a_failed_run_says_why_and_shows_the_scores_that_it_has(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    def fails(configs: Sequence[RunConfig], **options: Any) -> Iterator[Epoch | None]:
        for epoch in train_in_turns(configs, **options):
            yield epoch
            if epoch is not None and configs[0].dataset == "digit" and epoch.index == 2:
                raise RuntimeError("out of memory")

    monkeypatch.setattr(services, "train_in_turns", fails)
    job = services.runner().submit(experiment(digit()))
    until(lambda: services.runner().job(job).ended)
    app_test.query_params["run"] = job
    at = open_page(app_test, "workbench")
    assert sentences(at) == ["Training failed with RuntimeError: out of memory"]
    np.testing.assert_array_equal(matrix(at), expected(current_run(at), "validation", 0.5))


def test_a_diverged_run_shows_its_last_good_scores(app_test: AppTest):
    run = open_run(app_test, digit(model="mlp", widths=(16,), optimizer="sgd", lr=1e5))
    assert run.status == "diverged"
    assert any(text.value.endswith(f"The scores are those of epoch {run.epoch}.") for text in app_test.markdown)
    said, *_ = sources_on_offer(app_test)
    assert "diverged" in said
    np.testing.assert_array_equal(matrix(app_test), expected(run, "validation", 0.5))


def test_the_newest_run_comes_first_and_every_run_keeps_its_threshold(app_test: AppTest):
    last = open_run(app_test, digit(seed=1), digit(seed=2), digit(seed=3))
    at = app_test
    runs = {run.id: run for job in at.session_state["jobs"] for run in services.runner().job(job).runs}
    assert shown_run(at) == last
    offered = sources_on_offer(at)
    assert len(offered) == 3 + len(services.demonstration().runs)
    assert offered[0].endswith(last.about.label)
    other = next(name for name in runs if name != last.id)

    act(at, "drag", 0.9)
    choose_source(at, other)
    assert current_threshold(at) == 0.5
    np.testing.assert_array_equal(matrix(at), expected(runs[other], "validation", 0.5))
    choose_source(at, last.id)
    assert current_threshold(at) == np.float32(0.9)
    np.testing.assert_array_equal(matrix(at), expected(last, "validation", 0.9))


def test_an_old_run_id_is_said_in_a_sentence(app_test: AppTest):
    app_test.query_params["run"] = "nosuchrun"
    at = open_page(app_test, "workbench")
    (said,) = sentences(at)
    assert said.startswith("The run 'nosuchru' is no longer kept")
    assert shown_run(at).job == services.demonstration().id


# --- moving the threshold


@pytest.mark.parametrize("threshold", [0.0, 0.001, 0.137, 0.5, 0.9, 0.999, 1.0])
def test_counts_are_scikit_learns_where_the_threshold_comes_to_rest(app_test: AppTest, threshold: float):
    run = open_run(app_test, digit())
    at = act(app_test, "drag", threshold)
    assert current_threshold(at) == np.float32(threshold)
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", threshold))
    assert not sentences(at)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.07, 0.5, 1.0])
def test_a_share_of_the_rows_is_never_exceeded_and_means_what_the_rule_means(app_test: AppTest, share: float):
    run = open_run(app_test, digit())
    at = act(app_test, "share", share)
    view = run.scores("validation").view()
    rule = bind("top_percent", percent=100 * share)(candidates(ScoreIndex.of(view.y, view.score)))
    predicted = np.sum(matrix(at), axis=0)[1]
    assert predicted == np.sum(view.score >= rule.threshold) <= share * len(view.y) + 1e-9
    assert (current_threshold(at) == ABOVE_ALL) == (not predicted)
    now = thresholds_of(at, run)[-1].current[0]
    assert now.provenance == Provenance("rule", "validation", "top_percent")
    assert not sentences(at)


def test_above_every_score_is_shown_saved_linked_and_exported_as_a_state(app_test: AppTest):
    run = open_run(app_test, digit())
    at = act(app_test, "share", 0)
    act(at, "save", ABOVE_ALL)
    assert marks(at)["saved"]["threshold"] == ABOVE_ALL
    assert at.query_params["saved"] in (ABOVE_ALL, [ABOVE_ALL])
    for panel in ("Tune", "Value", "Prevalence", "Calibration", "Rows", "Theory", "Compare", "Export"):
        at.session_state["panel"] = panel
        at.run()
        assert not sentences(at)
        written = " ".join(str(one.value) for kind in ("markdown", "caption", "code", "metric") for one in at.get(kind))
        assert "e+308" not in written
        assert len(written) < 50_000
    assert '"above_all": true' in next(code.value for code in at.code)
    assert thresholds_of(at, run)[-1].saved[0].above_all


@pytest.mark.parametrize("given", [2, -1, "nan", "", "x"])
def test_what_a_probability_cannot_be_is_refused_and_the_threshold_stays(app_test: AppTest, given: float | str):
    open_run(app_test, digit())
    at = act(app_test, "type", given)
    (said,) = sentences(at)
    assert "threshold" in said
    assert current_threshold(at) == 0.5


def test_a_threshold_knows_how_it_came_about_and_which_rows_were_shown(app_test: AppTest):
    run = open_run(app_test, digit())
    at = app_test

    def provenance() -> Provenance:
        return thresholds_of(at, run)[-1].current[0].provenance

    assert provenance() == Provenance()
    act(at, "type", 0.5)
    assert provenance() == Provenance("typed", "validation")
    act(at, "part", "test")
    act(at, "drag", 0.7)
    assert provenance() == Provenance("dragged", "test")
    press(at, "Use this threshold")
    assert provenance() == Provenance("rule", "validation", "f1")


def test_save_and_undo_take_a_step_each(app_test: AppTest):
    run = open_run(app_test, digit())
    at = app_test

    def state() -> tuple[float, float | None, bool]:
        now = marks(at)
        return now["current"]["threshold"], now["saved"]["threshold"] if "saved" in now else None, drawn(at)["undo"]

    moved = np.float32(0.9)
    assert state() == (0.5, None, False)
    act(at, "drag", 0.9)
    assert state() == (moved, None, True)
    act(at, "save", 0.9)
    assert state() == (moved, moved, True)
    act(at, "drag", 0.2)
    before = marks(at)["saved"]
    (_, fp), (_, tp) = expected(run, "validation", 0.9)
    assert (before["tp"], before["fp"]) == (tp, fp)
    act(at, "undo")
    assert state() == (moved, moved, True)
    act(at, "undo")
    assert state() == (moved, None, True)
    act(at, "undo")
    assert state() == (0.5, None, False)
    act(at, "undo")
    assert state() == (0.5, None, False)
    assert not sentences(at)


def test_what_is_saved_while_it_moves_is_what_was_under_the_hand(app_test: AppTest):
    open_run(app_test, digit())
    at = act(app_test, "save", 0.7)
    now = marks(at)
    assert now["current"]["threshold"] == now["saved"]["threshold"] == np.float32(0.7)


def test_a_threshold_of_another_class_is_left_alone_and_one_of_another_split_is_not(app_test: AppTest):
    """A commit may arrive after another split or class was chosen."""
    open_run(app_test, digits())
    at = open_alone(app_test, 2)
    of_validation = drawn(at)
    act(at, "part", "test")
    assert drawn(at)["of"] != of_validation["of"]
    told(at, "drag", 0.75, of_validation)
    assert current_threshold(at) == 0.75
    choose(at, "column", 3)
    told(at, "drag", 0.25, of_validation)
    assert current_threshold(at) == 0.5
    choose(at, "column", 2)
    assert current_threshold(at) == 0.75


def test_each_commit_is_answered_by_its_number(app_test: AppTest):
    open_run(app_test, digit())
    at = app_test
    for number in range(3):
        assert drawn(at)["serial"] == number
        act(at, "drag", 0.1 + number / 10)


def test_a_message_that_comes_twice_counts_once(app_test: AppTest):
    """A tick of a fragment in the same moment takes it along once more."""
    open_run(app_test, digit())
    at = app_test
    for threshold in (0.9, 0.8, 0.7):
        act(at, "drag", threshold)
    act(at, "undo")
    assert current_threshold(at) == np.float32(0.8)
    (element,) = [element for element in at.get("bidi_component") if element.key == "picture"]
    serial = json.loads(element.proto.json)["serial"]
    element.proto.json = json.dumps(json.loads(element.proto.json) | {"serial": serial - 1})
    act(at, "undo")
    assert current_threshold(at) == np.float32(0.8)
    act(at, "undo")
    assert current_threshold(at) == np.float32(0.9)


def test_a_threshold_that_is_one_of_the_scores_takes_its_row(app_test: AppTest):
    run = open_run(app_test, digit())
    score = run.scores("validation").y_score[:, 0]
    chosen = float(np.sort(score)[len(score) // 2])
    at = act(app_test, "drag", chosen)
    np.testing.assert_array_equal(np.sum(matrix(at), axis=0)[1], np.sum(score >= score.dtype.type(chosen)))
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", chosen))


def test_validation_and_test_have_their_own_counts_and_one_threshold(app_test: AppTest):
    run = open_run(app_test, digit())
    at = act(app_test, "drag", 0.9)
    act(at, "part", "test")
    assert current_threshold(at) == np.float32(0.9)
    np.testing.assert_array_equal(matrix(at), expected(run, "test", 0.9))
    act(at, "drag", 0.2)
    np.testing.assert_array_equal(matrix(at), expected(run, "test", 0.2))
    act(at, "part", "validation")
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.2))


def test_the_browser_gets_every_point_of_scikit_learns_curves(app_test: AppTest):
    run = open_run(app_test, digit())
    scores = run.scores("validation")
    precision, recall, thresholds = sklearn.precision_recall_curve(scores.y_true, scores.y_score[:, 0])
    film = filmed(app_test)
    last = film["frames"][-1]
    tp, fp = counted(last["tp"]), counted(last["fp"])
    assert last["bound"] == 0
    np.testing.assert_array_equal(last["thresholds"], thresholds)
    np.testing.assert_allclose(tp / film["positives"], recall[:-1])
    np.testing.assert_allclose(tp / (tp + fp), precision[:-1])


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_browser_gets_every_kept_epoch_of_the_rows_with_its_losses(app_test: AppTest, part: str):
    run = open_run(app_test, digit())
    act(app_test, "part", part)
    film, scores = filmed(app_test), run.scores(part)
    assert (film["positives"], film["negatives"]) == (np.sum(scores.y_true == 1), np.sum(scores.y_true == 0))
    kept = {one.epoch: one.outputs[part] for one in run.kept}
    assert [frame["epoch"] for frame in film["frames"]] == list(kept)
    for frame, y_score in zip(film["frames"], kept.values(), strict=True):
        assert frame["roc_auc"] == pytest.approx(sklearn.roc_auc_score(scores.y_true, y_score))
        assert frame["average_precision"] == pytest.approx(sklearn.average_precision_score(scores.y_true, y_score))
        for bins in frame["bins"].values():
            assert (counted(bins["tp"])[0], counted(bins["fp"])[0]) == (film["positives"], film["negatives"])
    np.testing.assert_allclose(film["losses"]["train"], run.history.train, rtol=1e-6)
    np.testing.assert_allclose(film["losses"]["validation"], run.history.validation, rtol=1e-6)


def test_the_scale_changes_the_axis_and_no_number(app_test: AppTest):
    run = open_run(app_test, digit())
    at = act(app_test, "drag", 0.9)
    for scale, ends in (("probability", [0, 1]), ("logit", [-4, 4])):
        act(at, "axis", scale)
        assert drawn(at)["axis"] == scale
        axis = filmed(at)["axes"][scale]
        assert (axis["kind"], [axis["start"], axis["end"]]) == (scale, ends)
        assert (axis["low"], axis["high"]) == (0, 1)
        np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.9))


def test_the_tiles_are_metrics_of_the_registry(app_test: AppTest):
    open_run(app_test, digit())
    texts = drawn(app_test)["metrics"]
    of_counts = {"precision", "recall", "f1", "specificity", "mcc"}
    assert set(texts) == {*of_counts, *OF_SCORES, "predicted_positive"}
    for name, spec in [*METRICS.items(), *OF_SCORES.items()]:
        if name in texts:
            assert texts[name]["help"] == spec.help
    assert all(texts[name]["label"] == METRICS[name].label for name in of_counts)


# --- many classes


def test_every_class_keeps_its_own_threshold(app_test: AppTest):
    run = open_run(app_test, digits())
    at = open_alone(app_test, 0)
    assert len(control(at, "column").options) == 10
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.5, column=0))
    choose(at, "column", 3)
    act(at, "drag", 0.9)
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.9, column=3))
    choose(at, "column", 5)
    assert current_threshold(at) == 0.5
    act(at, "drag", float(expit(-2.0)))
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", expit(-2.0), column=5))
    choose(at, "column", 3)
    assert current_threshold(at) == np.float32(0.9)
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.9, column=3))
    thresholds = table_of(press(at, "All classes"))["thresholds"]
    np.testing.assert_allclose(thresholds, [0.5, 0.5, 0.5, 0.9, 0.5, expit(-2.0), 0.5, 0.5, 0.5, 0.5])


def decided(at: AppTest) -> np.ndarray:
    """The counts in the confusion matrix of all classes."""
    matrix: np.ndarray = moment(at)["matrix"][:, :-1]
    return matrix


def test_the_matrix_of_all_classes_is_scikit_learns_for_the_largest_multiple_of_its_threshold(app_test: AppTest):
    run = open_run(app_test, digits(epochs=1))
    at = app_test
    scores = run.scores("validation")
    plain = sklearn.confusion_matrix(scores.y_true, scores.y_score.argmax(1))
    np.testing.assert_array_equal(decided(at), plain)

    move(at, 8, 0.1)
    thresholds = np.where(np.arange(10) == 8, 0.1, 0.5)
    y_pred = np.argmax(scores.y_score / thresholds, axis=1)
    np.testing.assert_array_equal(decided(at), sklearn.confusion_matrix(scores.y_true, y_pred))
    assert (decided(at) != plain).any()


def test_all_classes_follow_the_split(app_test: AppTest):
    run = open_run(app_test, digits())
    at = act(app_test, "part", "test")
    scores = run.scores("test")
    np.testing.assert_array_equal(decided(at), sklearn.confusion_matrix(scores.y_true, scores.y_score.argmax(1)))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_all_classes_at_the_ends_of_a_threshold(app_test: AppTest, threshold: float):
    run = open_run(app_test, digits())
    at = move(app_test, 0, threshold)
    assert not sentences(at)
    assert decided(at).sum() == run.scores("validation").n_rows


def test_a_run_with_fewer_classes_may_follow_one_with_more(app_test: AppTest):
    two = open_run(app_test, digits(), digit())
    at = app_test
    (many,) = (
        run.id for job in at.session_state["jobs"] for run in services.runner().job(job).runs if run.id != two.id
    )
    choose_source(at, many)
    open_alone(at, 7)
    for one, other in pairwise((two.id, many, two.id)):
        choose_source(at, one)
        choose_source(at, other)
        assert not sentences(at)
    np.testing.assert_array_equal(matrix(at), expected(two, "validation", 0.5))


# --- several labels


def test_every_label_keeps_its_own_threshold(app_test: AppTest):
    run = open_run(app_test, yeast())
    scores = run.scores("validation")
    at = open_alone(app_test, 0)
    assert len(control(at, "column").options) == 14
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.5))
    choose(at, "column", 11)
    act(at, "drag", 0.8)
    np.testing.assert_array_equal(matrix(at), expected(run, "validation", 0.8, column=11))

    held = table_of(press(at, "All labels"))
    assert held["support"] == scores.y_true.sum(0).tolist()
    assert held["thresholds"] == [0.5] * 11 + [0.8] + [0.5] * 2
    assert moment(at).keys() == {"tp", "fp", "fn", "totals"}


@pytest.mark.parametrize("share", [0, 1])
def test_a_label_that_no_row_or_every_row_has_breaks_nothing(app_test: AppTest, share: int):
    def one_sided(scores: Scores) -> Scores:
        y_true = scores.y_true.copy()
        y_true[:, 0] = share
        return replace(scores, y_true=y_true)

    source = as_arrays(a_run("yeast", "sigmoids"), one_sided)
    at = open_source(app_test, source)
    assert not sentences(at)
    assert table_of(at)["support"][0] == share * source.scores("validation").n_rows
    open_alone(at, 0)
    np.testing.assert_array_equal(matrix(at), expected(source, "validation", 0.5))
    for threshold in (0.0, 1.0):
        act(at, "drag", threshold)
        assert not sentences(at)


def test_labels_and_classes_may_follow_each_other(app_test: AppTest):
    last = open_run(app_test, yeast(), digits(), make_config(dataset="line", head="identity", loss="mse", epochs=1))
    at = app_test
    names = [run.id for job in at.session_state["jobs"] for run in services.runner().job(job).runs]
    assert names[0] == last.id
    choose_source(at, names[2])
    open_alone(at, 13)
    for name in (names[1], last.id, names[2]):
        choose_source(at, name)
        assert not sentences(at)


# --- values


def test_a_regression_has_no_threshold_and_shows_predictions_residuals_and_rows(app_test: AppTest):
    run = open_run(app_test, make_config(dataset="diabetes", head="identity", loss="mse", epochs=20))
    at = app_test
    assert not marks(at)
    assert drawn(at)["target"] == load_dataset("diabetes").target
    for part in ("validation", "test"):
        act(at, "part", part)
        y_true, y_pred = run.predictions(part)
        film = filmed(at)
        last = film["frames"][-1]
        for name, error in {
            "mae": sklearn.mean_absolute_error,
            "rmse": sklearn.root_mean_squared_error,
            "r2": sklearn.r2_score,
        }.items():
            assert last["errors"][name] == pytest.approx(error(y_true, y_pred), rel=1e-5)
        assert last["errors"]["mean_residual"] == pytest.approx(np.mean(y_pred - y_true), rel=1e-4)
        np.testing.assert_allclose(film["actual"], y_true, rtol=1e-6)
        np.testing.assert_allclose(last["predicted"], y_pred, rtol=1e-6)
        assert sum(last["residuals"]) == len(y_true)
        table = at.dataframe[0].value
        order = np.argsort(-np.abs(y_pred - y_true), kind="stable")[:100]
        np.testing.assert_array_equal(table["row"], run.rows(part)[order])
        np.testing.assert_allclose(table["error"], (y_pred - y_true)[order])
        (download,) = at.get("download_button")
        assert download.proto.label == "Predictions as CSV"


# --- what theory says


def captions(at: AppTest) -> str:
    """What stands in the popover of the loss."""
    with opened(at, "part.loss"):
        return " ".join(text.value for text in at.caption)


def test_the_page_says_what_a_half_means_under_pos_weight(app_test: AppTest):
    open_run(app_test, digit())
    assert "a score of 0.5 means a true probability of 0.100" in captions(app_test)


def test_nothing_is_said_of_scores_behind_another_activation(app_test: AppTest):
    open_run(app_test, digit(activation="sigmoid"))
    assert "a score of 0.5 means" not in captions(app_test)


# --- the link


def linked(run: Run, **query: str) -> AppTest:
    """The Workbench of another session that opens a link to a run."""
    other = new_session()
    other.query_params.update({"run": run.job, **query})
    return open_page(other, "workbench")


def test_a_link_brings_the_current_and_the_saved_threshold_and_where_they_came_from(app_test: AppTest):
    at = app_test
    run = open_run(at, digit())
    assert set(at.query_params) == {"run", *links.to_query(digit()), "dataset"}
    act(at, "save", 0.62)
    act(at, "part", "test")
    act(at, "type", 0.039161900052816126)
    query = {name: at.query_params[name] for name in ("current", "current_from", "saved", "saved_from")}
    query = {name: value[0] if isinstance(value, list) else value for name, value in query.items()}
    assert query == {
        "current": "0.0391619",
        "current_from": "typed@test",
        "saved": "0.62",
        "saved_from": "dragged@validation",
    }
    other = linked(run, **query)
    assert not sentences(other)
    assert thresholds_of(other, run)[-1] == thresholds_of(at, run)[-1]
    train = open_page(other, "compare")
    assert (control(train, "loss.bce.pos_weight").value, control(train, "epochs").value) == (9, 5)


def test_a_link_opens_the_run_that_it_names(app_test: AppTest):
    runner = services.runner()
    job = runner.submit(Experiment(variants=(Variant(name="one", config=digit()),), seeds=(1, 2)))
    until(lambda: runner.job(job).ended)
    second = runner.job(job).runs[1]
    app_test.query_params.update({"run": job, "shown": second.id})
    open_page(app_test, "workbench")
    assert shown_run(app_test) == second
    assert app_test.query_params["shown"] in (second.id, [second.id])


@pytest.mark.parametrize("given", ["high", "2", "-1", "2,-1,0.5", "inf", "1e400"])
def test_a_bad_threshold_in_a_link_is_said_and_nothing_else_is_lost(app_test: AppTest, given: str):
    run = open_run(app_test, digit())
    other = linked(run, current=given, saved="0.25")
    assert len(sentences(other)) == 1
    now = thresholds_of(other, run)[-1]
    assert (now.current[0].value, now.saved[0].value) == (0.25, 0.25)


def told(at: AppTest, kind: str, value: float | str, before: dict[str, Any]) -> AppTest:
    """Run as when the picture says what was done while it still showed what it was sent before."""
    here = drawn(at)["serial"] + 1
    said = {"serial": here, "kind": kind, "value": value, "moved": None, "column": None}
    return tell(at, "picture", "acts", [said | {name: before[name] for name in ("of", "threshold_of")}])


def test_a_threshold_that_was_moved_in_the_picture_before_is_that_of_the_new_run_on_the_same_data(app_test: AppTest):
    at = app_test.run()
    before = drawn(at)
    button(at, "Train").click().run()
    run = trained_again(at)
    assert drawn(at)["of"] != before["of"]
    told(at, "type", 0.25, before)
    assert marks(at)["current"]["threshold"] == 0.25
    told(at, "undo", math.nan, before)  # of the run before
    told(at, "tp", 1, before)
    assert drawn(at)["serial"] == 3  # answered all the same
    assert shown_run(at) == run
    assert marks(at)["current"]["threshold"] == 0.25
    choose_in(at, "data", "Data", "gaussians")
    trained_again(at)
    told(at, "type", 0.75, before)
    assert marks(at)["current"]["threshold"] == 0.5


def test_a_threshold_that_is_moved_before_the_first_epoch_is_that_of_the_run_in_training(
    app_test: AppTest, own_services: None, monkeypatch: pytest.MonkeyPatch
):
    goes_on, train = threading.Event(), services.train_in_turns

    def held(*given: Any, **named: Any) -> Iterator[Any]:
        goes_on.wait(60)
        yield from train(*given, **named)

    monkeypatch.setattr(services, "train_in_turns", held)
    goes_on.set()
    at = app_test.run()
    goes_on.clear()
    button(at, "Train").click().run()
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)
    act(at, "drag", 0.25)
    at.select_slider[0].set_value(99.0).run()  # overtakes a run that was never drawn
    act(at, "drag", 0.125)
    goes_on.set()
    run = trained_again(at)
    assert drawn(at)["of"].startswith(run.id)
    assert marks(at)["current"]["threshold"] == 0.125
