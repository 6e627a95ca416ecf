"""The Train page without a browser: every state of a run, every choice, and no control without effect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import wiring
from core.config import RunConfig, make_config
from core.datasets import DATASETS
from core.engine import Epoch, train_in_turns
from core.errors import CutoffError
from core.heads import HEADS
from core.losses import LOSSES
from core.models import MODELS
from core.specs import Param, Value
from core.thresholds import summary
from pages.shared import services
from tests.conftest import button, choose, control, current_run, figure_of, open_page, press, sentences, trained, until

Train = Callable[..., Iterator[Epoch | None]]


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
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Every run of this test waits after its second epoch."""
    gate = Held()
    monkeypatch.setattr(services, "train_in_turns", gate)
    return gate


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of this test ends at once, without an epoch."""
    monkeypatch.setattr(services, "train_in_turns", lambda configs, device: iter(()))


def can(at: AppTest) -> dict[str, bool]:
    """Which of Start and Stop can be pressed."""
    return {label: not button(at, label).disabled for label in ("Start", "Stop")}


def submitted(at: AppTest) -> RunConfig:
    """What Start trains."""
    assert not sentences(at)
    press(at, "Start")
    assert not sentences(at)
    return current_run(at).config


def progress(at: AppTest) -> str:
    (bar,) = at.get("progress")
    return bar.proto.text


def labels(names: Sequence[str], registry: dict) -> list[str]:
    return [registry[name].label for name in names]


# --- the states of a page


def test_with_nothing_trained_one_button_is_to_press(app_test: AppTest):
    at = app_test.run()
    assert not sentences(at)
    assert can(at) == {"Start": True, "Stop": False}
    assert not at.metric
    assert not at.get("bidi_component")
    assert not at.get("progress")
    assert "run" not in at.query_params


def test_the_defaults_train_at_once_and_learn(app_test: AppTest):
    at = app_test.run()
    assert submitted(at) == RunConfig()
    run = trained(at)
    assert run.status == "finished"
    assert run.history.validation[-1] < run.history.validation[0] / 2


def test_a_run_in_training_can_be_watched_and_stopped(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
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


def test_a_stopped_run_keeps_what_it_has_learned(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    until(lambda: current_run(at).epoch == 2)
    press(at.run(), "Stop")
    run = trained(at)
    np.testing.assert_array_equal(figure_of(at, "loss_figure")["data"][0]["y"], run.history.validation)
    assert at.metric
    assert at.get("page_link")


def test_a_finished_run_says_so_and_shows_its_numbers(app_test: AppTest):
    at = press(app_test.run(), "Start")
    run = trained(at)
    assert progress(at).startswith("Finished")
    assert can(at) == {"Start": True, "Stop": False}
    scores = run.scores("validation")
    numbers = summary(scores, np.full(scores.n_columns, 0.5))
    assert {metric.label: metric.value for metric in at.metric} == {
        name: f"{value:.3f}" for name, value in numbers.items()
    }
    assert len(figure_of(at, "loss_figure")["data"][0]["x"]) == run.config.epochs + 1
    assert at.get("page_link")


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_run_of_any_data_can_be_watched(app_test: AppTest, dataset: str):
    app_test.query_params.update(dataset=dataset, epochs="2", **{"loss.pos_weight": "3"})
    at = press(app_test.run(), "Start")
    run = trained(at)
    assert not at.exception
    assert run.status == "finished"
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
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str, epochs: int
):
    def fails(configs: Sequence[RunConfig], **options: object) -> Iterator[Epoch | None]:
        for _, epoch in zip(range(epochs), filter(None, train_in_turns(configs, **options)), strict=False):
            yield epoch
        raise error

    monkeypatch.setattr(services, "train_in_turns", fails)
    at = press(app_test.run(), "Start")
    assert trained(at).status == "failed"
    (said,) = sentences(at)
    assert sentence in said
    assert progress(at).startswith("Failed")
    assert can(at) == {"Start": True, "Stop": False}
    assert len(at.get("bidi_component")) == (2 if epochs else 0)


def test_a_diverged_run_says_at_which_epoch_and_what_to_do(app_test: AppTest):
    app_test.query_params.update(model="mlp", optimizer="sgd", lr="1e5")
    at = press(app_test.run(), "Start")
    run = trained(at)
    assert run.status == "diverged"
    (said,) = sentences(at)
    assert f"epoch {run.epoch + 1}" in said
    assert "smaller learning rate" in said
    assert progress(at).startswith("Diverged")
    assert np.isfinite(figure_of(at, "loss_figure")["data"][0]["y"]).all()

    choose(at, "lr", 0.01)
    press(at, "Start")
    assert trained(at).status == "finished"
    assert not sentences(at)


def test_a_run_waits_its_turn_and_the_page_says_so(app_test: AppTest, monkeypatch: pytest.MonkeyPatch, held: Held):
    monkeypatch.setenv("CUTOFF_MAX_ACTIVE_RUNS", "1")
    first = services.runner().submit([RunConfig()])
    until(lambda: services.runner().job(first).status == "running")
    services.runner().submit([RunConfig()])
    at = press(app_test.run(), "Start")
    assert current_run(at).status == "queued"
    assert "number 2 in the queue" in progress(at)
    assert can(at)["Stop"]
    assert not at.get("bidi_component")
    assert not at.get("page_link")

    press(at, "Stop")
    assert trained(at).status == "stopped"
    assert not sentences(at)


def test_a_full_queue_is_said_in_a_sentence(app_test: AppTest, monkeypatch: pytest.MonkeyPatch, held: Held):
    monkeypatch.setenv("CUTOFF_MAX_ACTIVE_RUNS", "1")
    monkeypatch.setenv("CUTOFF_MAX_QUEUED", "1")
    first = services.runner().submit([RunConfig()])
    until(lambda: services.runner().job(first).status == "running")
    services.runner().submit([RunConfig()])
    at = press(app_test.run(), "Start")
    (said,) = sentences(at)
    assert said.startswith("Expected at most 1 waiting")

    held.opened.set()
    until(lambda: services.runner().job(first).ended)
    press(at, "Start")
    assert trained(at).status == "finished"
    assert not sentences(at)


def test_a_run_that_is_forgotten_while_it_is_watched_is_said_in_a_sentence(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    services.runner.clear()
    at.run()
    (said,) = sentences(at)
    assert said.startswith("Expected the id of a run")
    assert can(at) == {"Start": True, "Stop": False}


def test_the_page_says_when_the_choices_are_no_longer_those_of_the_run(app_test: AppTest):
    at = press(app_test.run(), "Start")
    trained(at)

    def hint() -> bool:
        return any("choices have changed" in caption.value for caption in at.caption)

    assert not hint()
    choose(at, "epochs", RunConfig().epochs + 10)
    assert hint()


# --- what is offered


def test_every_head_and_loss_of_every_data_set_can_be_chosen(app_test: AppTest):
    at = app_test.run()
    for dataset in DATASETS:
        choose(at, "dataset", dataset)
        assert control(at, "head").options == labels(wiring.heads_for(dataset), HEADS)
        for head in wiring.heads_for(dataset):
            choose(at, "head", head)
            assert control(at, "loss").options == labels(wiring.losses_for(head), LOSSES)
            for loss in wiring.losses_for(head):
                choose(at, "loss", loss)
                assert not sentences(at)
                assert can(at)["Start"]
                assert at.query_params.get("dataset", RunConfig().dataset) == dataset
                said = " ".join(caption.value for caption in at.sidebar.caption)
                for reason in wiring.not_offered(dataset, head):
                    assert reason.split(":")[0] in said


def test_what_data_offers_changes_with_the_data(app_test: AppTest):
    at = app_test.run()
    two = control(at, "head").options
    choose(at, "dataset", "digits")
    many = control(at, "head").options
    assert not set(two) & set(many)
    choose(at, "dataset", "breast_cancer")
    assert control(at, "head").options == two


def test_a_head_that_the_data_rules_out_gives_way(app_test: AppTest):
    at = choose(choose(app_test.run(), "head", "softmax2"), "dataset", "digits")
    assert control(at, "head").value == "softmax"
    assert control(at, "loss").value == "cross_entropy"
    assert not sentences(choose(at, "dataset", "digits_8"))


# --- no dead control


def another(param: Param) -> Value:
    """A value that this parameter can take and that is not its default."""
    if param.options:
        return next(option for option in param.options if option != param.default)
    assert isinstance(param.default, int | float)
    assert param.low is not None
    assert param.high is not None
    step = param.step or (param.high - param.low) / 100
    value = param.default + step if param.default + step <= param.high else param.default - step
    return param.check(int(value) if param.integer else round(value, 6))


PLAIN_CHOICES = {
    "optimizer": "sgd",
    "lr": 0.5,
    "epochs": 7,
    "batch_size": 17,
    "weight_decay": 0.25,
    "seed": 5,
    "split_seed": 6,
}


@pytest.mark.parametrize("name", PLAIN_CHOICES)
def test_every_control_of_training_reaches_the_run(app_test: AppTest, untrained: None, name: str):
    at = choose(app_test.run(), name, PLAIN_CHOICES[name])
    assert submitted(at) == RunConfig().model_copy(update={name: PLAIN_CHOICES[name]})


@pytest.mark.parametrize("model", [model for model in MODELS if model != RunConfig().model])
def test_the_model_and_its_widths_reach_the_run(app_test: AppTest, untrained: None, model: str):
    at = choose(app_test.run(), "model", model)
    assert submitted(at) == make_config(model=model, widths=MODELS[model].widths)
    for text in control(at, "widths").options:
        choose(at, "widths", text)
        assert submitted(at).widths == wiring.read_widths(text)


@pytest.mark.parametrize(
    ("dataset", "param"),
    [
        pytest.param(dataset, param, id=f"{dataset}-{param.name}")
        for dataset, spec in DATASETS.items()
        for param in spec.params
    ],
)
def test_every_parameter_of_the_data_reaches_the_run(app_test: AppTest, untrained: None, dataset: str, param: Param):
    at = choose(app_test.run(), "dataset", dataset)
    plain = submitted(at)
    assert plain.dataset_params == ()
    choose(at, f"data.{dataset}.{param.name}", another(param))
    assert submitted(at) == plain.model_copy(update={"dataset_params": ((param.name, another(param)),)})


@pytest.mark.parametrize(
    ("loss", "param"),
    [pytest.param(loss, param, id=f"{loss}-{param.name}") for loss, spec in LOSSES.items() for param in spec.params],
)
def test_every_parameter_of_the_loss_reaches_the_run(app_test: AppTest, untrained: None, loss: str, param: Param):
    head = LOSSES[loss].heads[0]
    dataset = next(name for name in DATASETS if head in wiring.heads_for(name))
    at = app_test.run()
    for key, name in (("dataset", dataset), ("head", head), ("loss", loss)):
        choose(at, key, name)
    plain = submitted(at)
    assert (plain.head, plain.loss, plain.loss_params) == (head, loss, ())
    choose(at, f"loss.{loss}.{param.name}", another(param))
    assert submitted(at) == plain.model_copy(update={"loss_params": ((param.name, another(param)),)})


def test_the_remark_follows_pos_weight(app_test: AppTest):
    at = choose(app_test.run(), "loss.bce.pos_weight", 9.0)
    said = " ".join(caption.value for caption in at.sidebar.caption)
    assert f"{1 / (1 + 9):.3f}" in said


# --- bad choices


def test_a_batch_larger_than_the_data_is_said_at_once_and_can_be_mended(app_test: AppTest):
    at = choose(app_test.run(), "batch_size", 60_000)
    (said,) = sentences(at)
    assert said.startswith("Expected `batch_size` to be at most the 898 training rows, but got 60000")
    assert not can(at)["Start"]
    choose(at, "batch_size", 32)
    assert submitted(at).batch_size == 32


def test_a_class_missing_from_a_split_is_said_at_once_and_can_be_mended(app_test: AppTest):
    at = choose(app_test.run(), "dataset", "gaussians")
    choose(at, "data.gaussians.samples", 400)
    choose(at, "data.gaussians.prevalence", 0.005)
    (said,) = sentences(at)
    assert said.startswith("Expected every class to have at least 4 rows")
    assert "'positive'" in said
    assert not can(at)["Start"]
    choose(at, "data.gaussians.prevalence", 0.2)
    assert submitted(at).dataset_params == (("prevalence", 0.2), ("samples", 400))


@pytest.mark.parametrize("key", ["lr", "batch_size", "epochs", "weight_decay", "seed", "split_seed"])
def test_the_ends_of_a_range_can_be_chosen(app_test: AppTest, untrained: None, key: str):
    at = app_test.run()
    for end in (control(at, key).min, control(at, key).max):
        choose(at, key, end)
        assert not at.exception
        assert all(said.startswith("Expected") for said in sentences(at))


# --- between pages


def test_choices_and_the_run_last_through_a_visit_to_another_page(app_test: AppTest):
    at = app_test.run()
    choices = {
        "dataset": "digits",
        "model": "mlp",
        "widths": "16",
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

    open_page(at, "thresholds")
    assert not sentences(at)
    at.switch_page("train.py").run()
    assert not sentences(at)
    assert {key: control(at, key).value for key in choices} == choices
    assert at.query_params == link
    assert current_run(at).config == config
    assert figure_of(at, "loss_figure")["data"][0]["y"].size == 3
    assert submitted(at) == config


def test_start_trains_what_was_typed_just_before(app_test: AppTest):
    at = app_test.run()
    control(at, "loss.bce.pos_weight").set_value(9.0)
    press(at, "Start")  # one rerun brings both, as when a field is left by pressing the button
    assert dict(current_run(at).config.loss_params) == {"pos_weight": 9.0}


def test_starting_again_stops_what_this_session_still_trains(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    first = at.session_state["job"]
    until(lambda: current_run(at).epoch == 2)
    press(at.run(), "Start")
    assert at.session_state["job"] != first
    until(lambda: services.runner().job(first).status == "stopped")


def test_what_cannot_be_trained_leaves_every_control_and_the_link_as_they_are(app_test: AppTest):
    at = app_test
    at.query_params["model"] = "mlp"
    at.query_params["epochs"] = "7"
    at.run()
    control(at, "batch_size").set_value(5000).run()
    (sentence,) = sentences(at)
    assert sentence.startswith("Expected `batch_size`")
    assert control(at, "epochs").value == 7
    assert at.query_params["epochs"] in ("7", ["7"])
    assert not can(at)["Start"]
