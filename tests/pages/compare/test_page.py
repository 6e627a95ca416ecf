"""The Train page without a browser: every state of a run, in every task, and visits to other pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.data import DATASETS, load_dataset, load_split
from core.errors import CutoffError
from core.evaluation import number_label, predicted_per_row, summary
from core.experiment.config import RunConfig
from core.training.engine import Epoch, train_in_turns
from pages.shared import services
from tests.conftest import (
    ROOT,
    choose,
    control,
    current_run,
    experiment,
    figure_of,
    open_page,
    press,
    sentences,
    trained,
    unescaped,
    until,
)
from tests.support.compare_page import can, captions, shown, submitted


class Held:
    """The engine, which after two epochs takes turns without progress until the test opens it."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, configs: Sequence[RunConfig], **options: object) -> Iterator[Epoch | None]:
        epochs = train_in_turns(configs, **options)
        for epoch in epochs:
            yield epoch
            if epoch is not None and epoch.index == 2:
                break
        while not self.opened.wait(0.002):
            yield None
        yield from epochs


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, own_services: None) -> Held:
    """Every run of this test waits after its second epoch."""
    gate = Held()
    monkeypatch.setattr(services, "train_in_turns", gate)
    return gate


def progress(at: AppTest) -> str:
    (bar,) = at.get("progress")
    return bar.proto.text


# --- the states of a page


def test_with_nothing_trained_one_button_is_to_press(app_test: AppTest):
    at = open_page(app_test, "compare")
    assert not sentences(at)
    assert can(at) == {"Start": True, "Stop": False}
    assert not at.metric
    assert not shown(at)
    assert not at.get("progress")
    assert "run" not in at.query_params


def test_the_defaults_train_at_once_and_learn(app_test: AppTest):
    at = open_page(app_test, "compare")
    assert submitted(at) == RunConfig()
    run = trained(at)
    assert run.status == "finished"
    assert run.history.validation[-1] < run.history.validation[0] / 2


def test_a_run_in_training_can_be_watched_and_stopped(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    until(lambda: current_run(at).epoch == 2)
    at.run()
    assert not sentences(at)
    assert can(at)["Stop"]
    assert progress(at).startswith("Training")
    assert f"epoch 2 of {RunConfig().epochs}" in progress(at)
    assert "left" in progress(at)
    assert at.query_params["run"] == at.session_state["job"]

    run = current_run(at)
    curves = {trace["name"]: trace["y"] for trace in figure_of(at, "loss_figure")["data"]}
    np.testing.assert_array_equal(curves["training"], run.history.train)
    np.testing.assert_array_equal(curves["validation"], run.history.validation)
    bars = [trace["customdata"].sum() for trace in figure_of(at, "scores_figure")["data"]]
    assert sum(bars) == len(run.scores("validation").y_true)

    press(at, "Stop")
    assert trained(at).status == "stopped"
    assert progress(at).startswith("Stopped")
    assert can(at) == {"Start": True, "Stop": False}
    assert not sentences(at)


def test_reset_stops_what_trains_and_puts_it_aside(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    name = at.session_state["job"]
    until(lambda: current_run(at).epoch == 2)
    press(press(at.run(), "Pause"), "Reset")
    until(lambda: services.runner().job(name).status == "stopped")
    assert "run" not in at.query_params
    assert can(at) == {"Start": True, "Stop": False}


def test_pause_and_resume_are_one_button(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    until(lambda: current_run(at).epoch == 2)
    for label, status in (("Pause", "paused"), ("Resume", "running"), ("Pause", "paused")):
        assert at.run().button(key="pause").label == label
        at.button(key="pause").click().run()
        assert current_run(at).status == status


def test_the_pace_is_that_of_the_job_whoever_looks(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    name = at.session_state["job"]
    choose(at, "pace", "5 epochs per second")
    assert services.runner().job(name).pace == 5
    other = AppTest.from_file(ROOT / "pages" / "shell.py", default_timeout=60)
    other.query_params["run"] = name
    assert control(open_page(other, "compare"), "pace").value == "5 epochs per second"
    assert services.runner().job(name).pace == 5
    choose(other, "pace", "maximum speed")
    assert services.runner().job(name).pace is None
    assert control(at.run(), "pace").value == "maximum speed"


def test_another_start_keeps_the_pace(app_test: AppTest, held: Held):
    at = choose(press(open_page(app_test, "compare"), "Start"), "pace", "1 epoch per second")
    press(at, "Start")
    assert services.runner().job(at.session_state["job"]).pace == 1


def test_a_stopped_run_keeps_what_it_has_learned(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    until(lambda: current_run(at).epoch == 2)
    press(at.run(), "Stop")
    run = trained(at)
    np.testing.assert_array_equal(figure_of(at, "loss_figure")["data"][0]["y"], run.history.validation)
    assert at.metric
    assert at.get("page_link")


def test_a_finished_run_says_so_and_shows_its_numbers(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    assert progress(at).startswith("Finished")
    assert can(at) == {"Start": True, "Stop": False}
    scores = run.scores("validation")
    numbers = summary(scores, np.full(scores.n_columns, 0.5))
    assert {metric.label: metric.value for metric in at.metric} == {
        number_label(name): f"{value:.3f}" for name, value in numbers.items()
    }
    assert len(figure_of(at, "loss_figure")["data"][0]["x"]) == run.config.epochs + 1
    assert at.get("page_link")


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_run_of_any_data_can_be_watched(app_test: AppTest, dataset: str):
    app_test.query_params.update(dataset=dataset, epochs="2")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    assert not sentences(at)
    assert run.status == "finished"
    if run.task == "regression":
        assert shown(at) == {"loss_figure", "predictions_figure", "residuals_figure"}
        return
    scores = run.scores("validation")
    panels = {trace.get("xaxis", "x") for trace in figure_of(at, "scores_figure")["data"]}
    assert len(panels) == scores.n_columns
    choose(at, "scale", "probability")
    assert figure_of(at, "scores_figure")["layout"]["xaxis"]["range"][0] < 0 < 1
    choose(at, "scale", "logit")
    assert not at.exception


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
        (CutoffError("Expected more rows, but got 3."), "Expected more rows, but got 3."),
    ],
)
@pytest.mark.parametrize("epochs", [0, 2])
def test_a_failed_run_says_why_and_another_can_start(
    app_test: AppTest,
    monkeypatch: pytest.MonkeyPatch,
    own_services: None,
    error: Exception,
    sentence: str,
    epochs: int,
):
    def fails(configs: Sequence[RunConfig], **options: object) -> Iterator[Epoch | None]:
        for _, epoch in zip(range(epochs), filter(None, train_in_turns(configs, **options)), strict=False):
            yield epoch
        raise error

    monkeypatch.setattr(services, "train_in_turns", fails)
    at = press(open_page(app_test, "compare"), "Start")
    assert trained(at).status == "failed"
    (said,) = sentences(at)
    assert sentence in said
    assert progress(at).startswith("Failed")
    assert can(at) == {"Start": True, "Stop": False}
    assert len(shown(at)) == (5 if epochs else 0)  # losses, scores, thresholds, epochs, mistakes


def test_a_diverged_run_says_at_which_epoch_and_what_to_do(app_test: AppTest):
    app_test.query_params.update(model="mlp", optimizer="sgd", lr="1e5")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    assert run.status == "diverged"
    (said,) = sentences(at)
    assert f"epoch {run.epoch + 1}" in said
    assert "smaller learning rate" in said
    assert progress(at).startswith(f"Diverged · epoch {run.epoch + 1} of")
    assert run.about.label.endswith(f" · diverged at epoch {run.epoch + 1}")
    (bar,) = at.get("progress")
    assert bar.proto.value == 100
    assert np.isfinite(figure_of(at, "loss_figure")["data"][0]["y"]).all()

    choose(at, "lr", 0.01)
    press(at, "Start")
    assert trained(at).status == "finished"
    assert not sentences(at)


def test_a_run_waits_its_turn_and_the_page_says_so(app_test: AppTest, monkeypatch: pytest.MonkeyPatch, held: Held):
    monkeypatch.setenv("CUTOFF_MAX_ACTIVE_RUNS", "1")
    first = services.runner().submit(experiment(RunConfig()))
    until(lambda: services.runner().job(first).status == "running")
    services.runner().submit(experiment(RunConfig()))
    at = press(open_page(app_test, "compare"), "Start")
    assert current_run(at).status == "queued"
    assert "number 2 in the queue" in progress(at)
    assert can(at)["Stop"]
    assert not shown(at)
    assert not at.get("page_link")

    press(at, "Stop")
    assert trained(at).status == "stopped"
    assert not sentences(at)


def test_a_full_queue_is_said_in_a_sentence(app_test: AppTest, monkeypatch: pytest.MonkeyPatch, held: Held):
    monkeypatch.setenv("CUTOFF_MAX_ACTIVE_RUNS", "1")
    monkeypatch.setenv("CUTOFF_MAX_QUEUED", "1")
    first = services.runner().submit(experiment(RunConfig()))
    until(lambda: services.runner().job(first).status == "running")
    services.runner().submit(experiment(RunConfig()))
    at = press(open_page(app_test, "compare"), "Start")
    (said,) = sentences(at)
    assert said.startswith("The queue is full (limit: 1).")

    held.opened.set()
    until(lambda: services.runner().job(first).ended)
    press(at, "Start")
    assert trained(at).status == "finished"
    assert not sentences(at)


def test_a_run_that_is_forgotten_while_it_is_watched_is_said_in_a_sentence(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    services.close()
    at.run()
    (said,) = sentences(at)
    assert "is no longer kept" in said
    assert can(at) == {"Start": True, "Stop": False}


def test_the_page_says_when_the_choices_are_no_longer_those_of_the_run(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Start")
    trained(at)

    def hint() -> bool:
        return any("Settings changed" in caption.value for caption in at.caption)

    assert not hint()
    choose(at, "epochs", RunConfig().epochs + 10)
    assert hint()


# --- what a run of each task shows


def test_a_multi_label_run_says_how_many_rows_get_no_label_and_how_many_several(app_test: AppTest):
    app_test.query_params.update(dataset="yeast", epochs="5")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    scores = run.scores("validation")
    called = (scores.y_score >= 0.5).sum(1)
    none, several = np.sum(called == 0), np.sum(called > 1)
    verb = "gets" if none == 1 else "get"
    assert f"{none} of {len(called)} rows {verb} no label and {several} get several." in captions(at)
    tiles = {metric.label: metric.value for metric in at.metric}
    assert tiles["Hamming loss"] == f"{sklearn.hamming_loss(scores.y_true, scores.y_score >= 0.5):.3f}"
    figure = figure_of(at, "scores_figure")
    assert len(figure["layout"]["shapes"]) == 14


@pytest.mark.parametrize("head", ["softmax", "one_vs_rest"])
def test_where_argmax_decides_no_line_is_drawn_and_bars_are_parted_by_it(app_test: AppTest, head: str):
    app_test.query_params.update(dataset="wine", head=head, epochs="3")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    scores = run.scores("validation")
    figure = figure_of(at, "scores_figure")
    assert not figure["layout"].get("shapes")
    decided = scores.y_score.argmax(1)
    sizes = {bar["name"]: bar["customdata"].sum() for bar in figure["data"][:4]}
    name = scores.class_names[0]
    assert sizes[f"actual {name}, predicted {name}"] == np.sum((scores.y_true == 0) & (decided == 0))
    assert sizes[f"actual rest, predicted {name}"] == np.sum((scores.y_true != 0) & (decided == 0))
    none, several = predicted_per_row(scores, 0.5)
    said = f"no class reaches its threshold in {none} of {scores.n_rows} rows, and several do in {several}."
    assert (said in captions(at)) == (head == "one_vs_rest")


@pytest.mark.parametrize("loss", ["mse", "band_mse"])
def test_a_regression_shows_its_errors_in_the_targets_unit(app_test: AppTest, loss: str):
    app_test.query_params.update(dataset="diabetes", loss=loss, epochs="20")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    y_true, y_pred = run.predictions("validation")
    assert {metric.label: metric.value for metric in at.metric} == {
        "MAE": f"{sklearn.mean_absolute_error(y_true, y_pred):.4g}",
        "RMSE": f"{sklearn.mean_squared_error(y_true, y_pred) ** 0.5:.4g}",
        "Mean residual": f"{np.mean(y_pred.astype(float) - y_true):.4g}",
        "R²": f"{sklearn.r2_score(y_true, y_pred):.4g}",
    }
    figure = figure_of(at, "predictions_figure")
    points = next(trace for trace in figure["data"] if trace["name"] == "rows")
    np.testing.assert_allclose(points["x"], y_true)
    np.testing.assert_allclose(points["y"], y_pred)
    bands = [shape for shape in figure["layout"].get("shapes", []) if shape["type"] == "rect"]
    assert len(bands) == (loss == "band_mse")
    for band in bands:  # .5 +- .2 standard deviations of the training rows, from their mean
        y = load_dataset("diabetes").y[load_split("diabetes").rows["train"]].astype(float)
        np.testing.assert_allclose([band["y0"], band["y1"]], y.mean() + y.std() * np.array([0.3, 0.7]), rtol=1e-5)
    (link,) = at.get("page_link")
    assert link.proto.label == "Open in the Workbench"


def test_a_convolution_with_batch_norm_trains(app_test: AppTest):
    app_test.query_params.update(dataset="digits", model="cnn", batch_norm="True", epochs="3")
    at = press(open_page(app_test, "compare"), "Start")
    run = trained(at)
    assert not sentences(at)
    assert (run.status, run.config.model, run.config.batch_norm) == ("finished", "cnn", True)
    assert any("CNN 8-16, batch norm" in unescaped(caption.value) for caption in at.caption)


# --- between pages


def test_choices_and_the_run_last_through_a_visit_to_another_page(app_test: AppTest):
    at = open_page(app_test, "compare")
    choices = {
        "dataset": "digits",
        "head": "softmax",
        "model": "mlp",
        "widths.mlp": "16",
        "epochs": 2,
        "lr": 0.02,
        "batch_size": 48,
        "seed": 3,
    }
    for key, value in choices.items():
        choose(at, key, value)
    choose(at, "loss.cross_entropy.label_smoothing", 0.2)
    config = submitted(at)
    trained(at)
    link = dict(at.query_params)

    open_page(at, "workbench")
    assert not sentences(at)
    at.switch_page("compare/compare.py").run()
    assert not sentences(at)
    assert {key: control(at, key).value for key in choices} == choices
    assert at.query_params == link
    assert current_run(at).config == config
    assert figure_of(at, "loss_figure")["data"][0]["y"].size == 3
    assert submitted(at) == config


def test_start_trains_what_was_typed_just_before(app_test: AppTest):
    at = open_page(app_test, "compare")
    control(at, "loss.bce.pos_weight").set_value(9.0)
    press(at, "Start")  # one rerun brings both, as when a field is left by pressing the button
    assert dict(current_run(at).config.loss_params) == {"pos_weight": 9.0}


def test_starting_again_stops_what_this_session_still_trains(app_test: AppTest, held: Held):
    at = press(open_page(app_test, "compare"), "Start")
    first = at.session_state["job"]
    until(lambda: current_run(at).epoch == 2)
    press(at.run(), "Start")
    assert at.session_state["job"] != first
    until(lambda: services.runner().job(first).status == "stopped")


def test_what_cannot_be_trained_leaves_every_control_and_the_link_as_they_are(app_test: AppTest):
    at = app_test
    at.query_params["model"] = "mlp"
    at.query_params["epochs"] = "7"
    open_page(at, "compare")
    control(at, "batch_size").set_value(5000).run()
    (sentence,) = sentences(at)
    assert sentence.startswith("Expected `batch_size`")
    assert control(at, "epochs").value == 7
    assert at.query_params["epochs"] in ("7", ["7"])
    assert not can(at)["Start"]
