"""The Train page without a browser: every state of a run, every choice, and no control without effect."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core import checks, links, wiring
from core.checks import CHECKS, Finding
from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.engine import Epoch, train_in_turns
from core.errors import CutoffError
from core.heads import ACTIVATIONS, HEADS
from core.losses import LOSSES
from core.models import MODELS
from core.objective import Objective, resolved
from core.specs import Param, Value
from core.thresholds import called_per_row, summary
from pages.shared import preview, services, text
from tests.conftest import (
    ROOT,
    button,
    choose,
    control,
    current_run,
    experiment,
    figure_of,
    open_page,
    press,
    sentences,
    trained,
    until,
)

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
    monkeypatch.setattr(services, "train_in_turns", lambda configs, devices: iter(()))


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


def labels(names: Iterable[str], registry: dict) -> list[str]:
    return [registry[name].label for name in names]


def of_losses(names: Sequence[str]) -> list[str]:
    """What the list of losses shows: those that are mistakes say so."""
    return [LOSSES[name].label + " · a mistake" * bool(LOSSES[name].mistake) for name in names]


def shown(at: AppTest) -> set[str]:
    """The keys of the figures on the page."""
    return {element.key for element in at.get("bidi_component")} - {"status"}  # which is heard and not seen


def captions(at: AppTest) -> str:
    return " ".join(caption.value for caption in at.caption)


# --- the states of a page


def test_with_nothing_trained_one_button_is_to_press(app_test: AppTest):
    at = app_test.run()
    assert not sentences(at)
    assert can(at) == {"Start": True, "Stop": False}
    assert not at.metric
    assert not shown(at)
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


def test_reset_stops_what_trains_and_puts_it_aside(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    name = at.session_state["job"]
    until(lambda: current_run(at).epoch == 2)
    press(press(at.run(), "Pause"), "Reset")
    until(lambda: services.runner().job(name).status == "stopped")
    assert "run" not in at.query_params
    assert can(at) == {"Start": True, "Stop": False}


def test_pause_and_resume_are_one_button(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    until(lambda: current_run(at).epoch == 2)
    for label, status in (("Pause", "paused"), ("Resume", "running"), ("Pause", "paused")):
        assert at.run().button(key="pause").label == label
        at.button(key="pause").click().run()
        assert current_run(at).status == status


def test_the_pace_is_that_of_the_job_whoever_looks(app_test: AppTest, held: Held):
    at = press(app_test.run(), "Start")
    name = at.session_state["job"]
    choose(at, "pace", "5 epochs a second")
    assert services.runner().job(name).pace == 5
    other = AppTest.from_file(ROOT / "pages" / "shell.py", default_timeout=60)
    other.query_params["run"] = name
    assert control(other.run(), "pace").value == "5 epochs a second"
    assert services.runner().job(name).pace == 5
    choose(other, "pace", "as fast as can be")
    assert services.runner().job(name).pace is None
    assert control(at.run(), "pace").value == "as fast as can be"


def test_another_start_keeps_the_pace(app_test: AppTest, held: Held):
    at = choose(press(app_test.run(), "Start"), "pace", "1 epoch a second")
    press(at, "Start")
    assert services.runner().job(at.session_state["job"]).pace == 1


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
    app_test.query_params.update(dataset=dataset, epochs="2")
    at = press(app_test.run(), "Start")
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
    assert len(shown(at)) == (5 if epochs else 0)  # losses, scores, thresholds, epochs, mistakes


def test_a_diverged_run_says_at_which_epoch_and_what_to_do(app_test: AppTest):
    app_test.query_params.update(model="mlp", optimizer="sgd", lr="1e5")
    at = press(app_test.run(), "Start")
    run = trained(at)
    assert run.status == "diverged"
    (said,) = sentences(at)
    assert f"epoch {run.epoch + 1}" in said
    assert "smaller learning rate" in said
    assert progress(at).startswith(f"Diverged · epoch {run.epoch + 1} of")
    assert text.of_run(run).endswith(f" · diverged at epoch {run.epoch + 1}")
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
    at = press(app_test.run(), "Start")
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


FIRST_OF_TASK = {next(name for name, spec in DATASETS.items() if spec.task == task) for task in wiring.TASKS}


@pytest.mark.parametrize(
    "dataset", [pytest.param(name, marks=[pytest.mark.slow] * (name not in FIRST_OF_TASK)) for name in DATASETS]
)
def test_every_head_and_loss_of_every_data_set_can_be_chosen(app_test: AppTest, dataset: str):
    at = choose(app_test.run(), "dataset", dataset)
    assert control(at, "head").options == labels(wiring.heads_for(dataset), HEADS)
    for head in wiring.heads_for(dataset):
        choose(at, "head", head)
        assert control(at, "loss").options == of_losses(wiring.losses_for(dataset, head))
        for loss in wiring.losses_for(dataset, head):
            choose(at, "loss", loss)
            assert not sentences(at)
            assert can(at)["Start"]
            assert at.query_params.get("dataset", RunConfig().dataset) == dataset
            assert f"Expects {LOSSES[loss].expects}." in captions(at)
            assert text.of_wiring(head, "auto", loss) in captions(at)
            for reason in (*wiring.not_offered(dataset, head), *wiring.not_taken(head, loss)):
                assert text.plain(reason) in captions(at)


def test_every_data_set_can_be_chosen_and_looked_at(app_test: AppTest):
    at = app_test
    at.session_state["preview"] = True
    at.run()
    assert [label.rpartition(" · ")[0] for label in control(at, "dataset").options] == labels(DATASETS, DATASETS)
    for dataset, spec in DATASETS.items():
        choose(at, "dataset", dataset)
        assert not sentences(at)
        assert can(at)["Start"]
        data = load_dataset(dataset)
        assert f"{len(data.x):,} rows, {data.x.shape[1]} feature" in captions(at)
        pictures, figure = len(at.get("image")), "preview_figure" in shown(at)
        assert (pictures, figure, len(at.dataframe)) == (
            (20, False, 0) if spec.image else (0, True, 0) if data.x.shape[1] <= 2 else (0, False, 1)
        )


def test_the_preview_is_made_only_while_it_is_open(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preview, "show_table", lambda data: pytest.fail("the preview was made"))
    choose(app_test.run(), "dataset", "wine")
    assert not sentences(app_test)


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
    assert not sentences(choose(at, "dataset", "digit"))


def test_a_loss_is_called_proper_only_where_it_is_with_these_parameters(app_test: AppTest):
    at = app_test.run()
    assert "Proper: least at the true probability. A score means the true probability itself." in captions(at)
    choose(at, "loss.bce.pos_weight", 9.0)
    assert "With these parameters not proper: its best score is not the true one." in captions(at)
    assert "Proper: least" not in captions(at)
    choose(at, "loss", "focal")
    assert "Not proper: its best score is not the true one." in captions(at)
    choose(choose(at, "loss.focal.gamma", 0.0), "loss.focal.alpha", 0.5)
    assert "With these parameters proper: least at the true probability." in captions(at)


# --- the output activation


def test_an_activation_is_chosen_and_gives_way_to_the_right_one_with_the_loss(app_test: AppTest, untrained: None):
    at = app_test.run()
    assert control(at, "activation").options == [
        "as the loss expects",
        *(ACTIVATIONS[name].label for name in wiring.activations_for("sigmoid", "bce")[2:]),
    ]
    choose(at, "activation", "sigmoid")
    assert "p = sigmoid(sigmoid(z))" in captions(at)
    assert submitted(at).activation == "sigmoid"
    assert at.query_params["activation"] == "sigmoid"
    choose(at, "loss", "brier")  # which expects the sigmoid
    assert control(at, "activation").value == "auto"
    assert text.of_wiring("sigmoid", "auto", "brier") in captions(at)
    assert submitted(at).activation == "auto"
    choose(at, "loss", "bce")
    choose(at, "activation", "log_softmax")
    choose(at, "loss", "bce_probabilities")  # torch refuses what is no probability
    assert control(at, "activation").value == "auto"
    assert submitted(at).activation == "auto"


WIRINGS = [
    (head, activation, loss)
    for loss, spec in LOSSES.items()
    for head in spec.heads
    for activation in wiring.activations_for(head, loss)
]


@pytest.mark.parametrize(("head", "activation", "loss"), WIRINGS)
def test_what_is_said_of_a_wiring_is_what_it_computes(head: str, activation: str, loss: str):
    names = {"sigmoid": torch.sigmoid, "softmax": lambda u: u.softmax(-1), "log_softmax": lambda u: u.log_softmax(-1)}
    names["exp"] = torch.exp

    def value(said: str) -> torch.Tensor:
        """What "sigmoid(softmax(z))" says."""
        found, cut = z, said.endswith(", cut to [0, 1]")
        for name in reversed(said.removesuffix(", cut to [0, 1]").rstrip(")").split("(")[:-1]):
            found = names[name](found)
        return found.clamp(0, 1) if cut else found

    z = torch.randn(1, 5, HEADS[head].outputs(3), generator=torch.Generator().manual_seed(0)) * 3
    objective = Objective(head, resolved(head, activation, loss), loss, {})
    said = text.of_wiring(head, activation, loss)
    given, _, shown = said.removeprefix("The loss gets ").removesuffix(".").partition("; p = ")
    torch.testing.assert_close(value(given.removesuffix(", the prediction")), objective.outputs(z))
    expected = value(shown)[..., HEADS[head].first_column :] if shown else z
    torch.testing.assert_close(expected, objective.probabilities(z))


# --- what the checks find


def lines(at: AppTest) -> list[str]:
    """The findings on the page, each as severity and code."""
    return [found.group(1) for one in at.caption if (found := re.search(r"\*\*(\w+ C\d+)\.\*\*", one.value))]


def remedies(at: AppTest) -> dict[str, str]:
    """The label of each remedy's button, by its key."""
    return {one.key: one.label for one in at.button if one.key and re.search(r"\.C\d+$", one.key)}


MISTAKES = {
    "C101": {"dataset": "digits", "activation": "softmax"},
    "C102": {"activation": "sigmoid"},
    "C105": {"head": "softmax2", "loss": "nll", "activation": "softmax"},
    "C109": {"loss": "cross_entropy_float"},
    "C110": {"dataset": "yeast", "head": "softmax", "loss": "cross_entropy_multihot"},
}


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_is_shown_with_its_code_trained_all_the_same_and_cured_by_its_remedy(
    app_test: AppTest, untrained: None, code: str
):
    app_test.query_params.update(MISTAKES[code])
    at = app_test.run()
    assert f"Mistake {code}" in lines(at)
    before = submitted(at)
    at.button(key=f"choices.{code}").click().run()
    assert not sentences(at)
    assert not [line for line in lines(at) if line.startswith("Mistake")]
    assert links.from_query(dict(at.query_params)) == (submitted(at), [])
    assert submitted(at) != before


def test_a_remedy_says_what_it_changes_and_changes_nothing_else(app_test: AppTest, untrained: None):
    app_test.query_params.update(
        {"dataset": "moons", "loss.pos_weight": "9", "lr": "0.02", "model": "mlp", "widths": "16", "epochs": "7"}
    )
    at = app_test.run()
    plain = submitted(at)
    assert remedies(at) == {"choices.C202": "Use pos_weight 1"}
    at.button(key="choices.C202").click().run()
    assert control(at, "loss.bce.pos_weight").value == 1
    assert submitted(at) == plain.model_copy(update={"loss_params": ()})
    assert not lines(at)


def test_the_defaults_are_nothing_to_complain_of(app_test: AppTest):
    assert not lines(app_test.run())


@pytest.mark.parametrize("dataset", ["digit", "digits", "yeast", "line"])
def test_every_finding_has_a_place_and_a_long_list_is_folded(app_test: AppTest, untrained: None, dataset: str):
    app_test.query_params["dataset"] = dataset
    at = app_test.run()
    for head in wiring.heads_for(dataset):
        choose(at, "head", head)
        for loss in wiring.losses_for(dataset, head):
            choose(at, "loss", loss)
            config, _ = links.from_query(dict(at.query_params))
            expected = [f"{CHECKS[f.code].severity.capitalize()} {f.code}" for f in checks.before(config)]
            assert sorted(lines(at)) == sorted(expected)


def test_more_findings_than_two_in_a_place_are_behind_a_count(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    three = tuple(Finding(code, f"sentence {code}") for code in ("C109", "C110", "C210"))
    monkeypatch.setattr(checks, "before", lambda config: three)
    at = app_test.run()
    (folded,) = [one for one in at.expander if one.label == "1 more"]
    assert ["sentence C210" in one.value for one in folded.caption] == [True]
    assert lines(at) == ["Mistake C109", "Mistake C110", "Note C210"]


def test_what_a_run_shows_stands_beside_it_and_its_remedy_changes_the_choices(app_test: AppTest):
    app_test.query_params.update(model="mlp", optimizer="sgd", lr="1e5", epochs="5")
    at = press(app_test.run(), "Start")
    assert trained(at).status == "diverged"
    assert lines(at).count("Mistake C302") == 1
    assert remedies(at)["run.C302"] == "Use learning rate 10000"
    at.button(key="run.C302").click().run()
    assert control(at, "lr").value == 1e4
    assert "Mistake C302" in lines(at)  # it is still what the run shows
    assert "run.C302" not in remedies(at)  # but the choices are others now


# --- what a run of each task shows


def test_a_multi_label_run_says_how_many_rows_get_no_label_and_how_many_several(app_test: AppTest):
    app_test.query_params.update(dataset="yeast", epochs="5")
    at = press(app_test.run(), "Start")
    run = trained(at)
    scores = run.scores("validation")
    called = (scores.y_score >= 0.5).sum(1)
    assert (
        f"{np.sum(called == 0)} of {len(called)} rows get no label and {np.sum(called > 1)} get several."
    ) in captions(at)
    tiles = {metric.label: metric.value for metric in at.metric}
    assert tiles["Hamming loss"] == f"{sklearn.hamming_loss(scores.y_true, scores.y_score >= 0.5):.3f}"
    figure = figure_of(at, "scores_figure")
    assert len(figure["layout"]["shapes"]) == 14


@pytest.mark.parametrize("head", ["softmax", "one_vs_rest"])
def test_where_argmax_decides_no_line_is_drawn_and_bars_are_parted_by_it(app_test: AppTest, head: str):
    app_test.query_params.update(dataset="wine", head=head, epochs="3")
    at = press(app_test.run(), "Start")
    run = trained(at)
    scores = run.scores("validation")
    figure = figure_of(at, "scores_figure")
    assert not figure["layout"].get("shapes")
    decided = scores.y_score.argmax(1)
    sizes = {bar["name"]: bar["customdata"].sum() for bar in figure["data"][:4]}
    name = scores.class_names[0]
    assert sizes[f"is {name}, called {name}"] == np.sum((scores.y_true == 0) & (decided == 0))
    assert sizes[f"is rest, called {name}"] == np.sum((scores.y_true != 0) & (decided == 0))
    none, several = called_per_row(scores, 0.5)
    said = f"no class reaches its threshold in {none} of {scores.n_rows} rows, and several do in {several}."
    assert (said in captions(at)) == (head == "one_vs_rest")


@pytest.mark.parametrize("loss", ["mse", "band_mse"])
def test_a_regression_shows_its_errors_in_the_targets_unit(app_test: AppTest, loss: str):
    app_test.query_params.update(dataset="diabetes", loss=loss, epochs="20")
    at = press(app_test.run(), "Start")
    run = trained(at)
    y_true, y_pred = run.predictions("validation")
    assert {metric.label: metric.value for metric in at.metric} == {
        "MAE": f"{sklearn.mean_absolute_error(y_true, y_pred):.4g}",
        "RMSE": f"{sklearn.mean_squared_error(y_true, y_pred) ** 0.5:.4g}",
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
    assert link.proto.label == "See the residuals"


def test_a_convolution_with_batch_norm_trains(app_test: AppTest):
    app_test.query_params.update(dataset="digits", model="cnn", batch_norm="True", epochs="3")
    at = press(app_test.run(), "Start")
    run = trained(at)
    assert not sentences(at)
    assert (run.status, run.config.model, run.config.batch_norm) == ("finished", "cnn", True)
    assert any("CNN 8-16, batch norm" in caption.value for caption in at.caption)


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
    for written in control(at, f"widths.{model}").options:
        choose(at, f"widths.{model}", written)
        assert submitted(at).widths == links.read_widths(written)
    at.checkbox(key="batch_norm").check().run()
    assert submitted(at).batch_norm
    assert at.query_params["batch_norm"] == "True"
    choose(at, "model", "linear")
    assert not submitted(at).batch_norm


def test_only_images_offer_a_convolution(app_test: AppTest):
    at = choose(app_test.run(), "model", "cnn")
    choose(at, "dataset", "wine")
    assert MODELS["cnn"].label not in control(at, "model").options
    assert submitted(at).model == "linear"


@pytest.mark.parametrize("dataset", [name for name, spec in DATASETS.items() if spec.params])
def test_every_parameter_of_the_data_reaches_the_run(app_test: AppTest, untrained: None, dataset: str):
    at = choose(app_test.run(), "dataset", dataset)
    plain = submitted(at)
    assert plain.dataset_params == ()
    for param in DATASETS[dataset].params:
        choose(at, f"data.{dataset}.{param.name}", another(param))
        assert submitted(at) == plain.model_copy(update={"dataset_params": ((param.name, another(param)),)})
        choose(at, f"data.{dataset}.{param.name}", param.default)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_parameter_of_the_loss_reaches_the_run(app_test: AppTest, untrained: None, loss: str):
    head = LOSSES[loss].heads[-1]
    dataset = next(
        name for name in DATASETS if head in wiring.heads_for(name) and loss in wiring.losses_for(name, head)
    )
    at = app_test.run()
    for key, name in (("dataset", dataset), ("head", head), ("loss", loss)):
        choose(at, key, name)
    plain = submitted(at)
    assert (plain.head, plain.loss, plain.loss_params) == (head, loss, ())
    for param in wiring.params_for(head, loss):
        if len(param.options) == 1:
            continue  # what can only be typed is tested with links, since AppTest can't type it
        choose(at, f"loss.{loss}.{param.name}", another(param))
        assert submitted(at) == plain.model_copy(update={"loss_params": ((param.name, another(param)),)})
        choose(at, f"loss.{loss}.{param.name}", param.default)


@pytest.mark.parametrize("dataset", ["digit", "diabetes"])
def test_what_is_said_of_a_linear_model_is_true_in_every_task(app_test: AppTest, dataset: str):
    app_test.query_params["dataset"] = dataset
    assert "No hidden layer: each output is a weighted sum of the inputs and a constant." in captions(app_test.run())


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


@pytest.mark.parametrize("written", ["1, wide", "1", "0, 1", "1, 2, 3"])
def test_bad_text_in_class_weights_is_said_at_once_and_can_be_mended(app_test: AppTest, untrained: None, written: str):
    app_test.query_params.update(head="softmax2", **{"loss.class_weight": written})
    at = app_test.run()
    (said,) = sentences(at)
    assert said.startswith("Expected `class_weight` to be equal, balanced or 2 numbers")
    assert said.endswith(f"but got {written!r}.")
    assert not can(at)["Start"]
    choose(at, "loss.cross_entropy.class_weight", "balanced")
    assert submitted(at).loss_params == (("class_weight", "balanced"),)


def test_a_bad_prevalence_is_said_at_once_and_can_be_mended(app_test: AppTest, untrained: None):
    app_test.query_params.update({"data.prevalence": "none"})
    at = app_test.run()
    assert all(said.startswith("Expected `prevalence` to be as it is, or a share") for said in sentences(at))
    assert len(sentences(at)) == 1
    assert not can(at)["Start"]
    choose(at, "data.digit.prevalence", "5%")
    assert "5.0% positive" in captions(at)
    assert submitted(at).dataset_params == (("prevalence", "5%"),)


LINKED = (
    {"activation": "softmax", "head": "softmax2"},
    {"model": "mlp", "widths": (32, 16), "batch_norm": True},
    {"dataset": "yeast", "head": "sigmoids", "loss_params": {"output_weight": "balanced", "over_outputs": "sum"}},
    {"dataset": "digits", "head": "softmax", "loss": "cross_entropy", "model": "cnn", "widths": (4, 8)},
    {"dataset": "line", "head": "identity", "loss": "huber", "loss_params": {"delta": 0.5}},
    {"dataset": "wine", "head": "softmax", "loss": "logit_adjusted", "loss_params": {"prior": "0.5, 0.3, 0.2"}},
)


@pytest.mark.parametrize("choices", LINKED)
def test_a_link_brings_every_choice_back(app_test: AppTest, choices: dict[str, object]):
    loss = {"softmax2": "cross_entropy"}.get(str(choices.get("head")), "bce")
    config = make_config(**{"loss": loss} | choices)
    link = links.to_query(config)
    app_test.query_params.update(link)
    at = app_test.run()
    assert not sentences(at)
    assert can(at)["Start"]
    assert dict(at.query_params) == link  # which the page writes anew from its controls
    assert text.of_config(config) in captions(at)


# --- between pages


def test_choices_and_the_run_last_through_a_visit_to_another_page(app_test: AppTest):
    at = app_test.run()
    choices = {
        "dataset": "digits",
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
