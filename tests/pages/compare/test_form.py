"""What the Train page offers: every choice reaches the run and the link, and a bad one is said at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.data import DATASETS, load_dataset
from core.experiment import compatibility, links
from core.experiment.config import RunConfig, make_config
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import Objective, resolved
from core.models import MODELS
from core.parameters import Param, Value
from pages.shared import preview, text
from tests.conftest import choose, control, open_page, sentences, unescaped
from tests.support.compare_page import can, captions, shown, submitted


def labels(names: Iterable[str], registry: dict) -> list[str]:
    return [registry[name].label for name in names]


def of_losses(names: Sequence[str]) -> list[str]:
    """What the list of losses shows: those that are mistakes say so."""
    return [LOSSES[name].label + " · a mistake" * bool(LOSSES[name].mistake) for name in names]


# --- what is offered


FIRST_OF_TASK = {next(name for name, spec in DATASETS.items() if spec.task == task) for task in compatibility.TASKS}


@pytest.mark.parametrize(
    "dataset", [pytest.param(name, marks=[pytest.mark.slow] * (name not in FIRST_OF_TASK)) for name in DATASETS]
)
def test_every_head_and_loss_of_every_data_set_can_be_chosen(app_test: AppTest, dataset: str):
    at = choose(open_page(app_test, "compare"), "dataset", dataset)
    assert control(at, "head").options == labels(compatibility.heads_for(dataset), HEADS)
    for head in compatibility.heads_for(dataset):
        choose(at, "head", head)
        assert control(at, "loss").options == of_losses(compatibility.losses_for(dataset, head))
        for loss in compatibility.losses_for(dataset, head):
            choose(at, "loss", loss)
            assert not sentences(at)
            assert can(at)["Start"]
            assert at.query_params.get("dataset", RunConfig().dataset) == dataset
            assert f"Expects {LOSSES[loss].expects}." in captions(at)
            assert text.of_output(head, "auto", loss) in captions(at)
            others = compatibility.heads_not_offered(dataset) | compatibility.losses_not_offered(dataset, head)
            for reason in (*others.values(), *compatibility.not_taken(head, loss)):
                assert text.plain(reason) in captions(at)


def test_every_data_set_can_be_chosen_and_looked_at(app_test: AppTest):
    at = app_test
    at.session_state["preview"] = True
    open_page(at, "compare")
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
    choose(open_page(app_test, "compare"), "dataset", "wine")
    assert not sentences(app_test)


def test_what_data_offers_changes_with_the_data(app_test: AppTest):
    at = open_page(app_test, "compare")
    two = control(at, "head").options
    choose(at, "dataset", "digits")
    many = control(at, "head").options
    assert not set(two) & set(many)
    choose(at, "dataset", "breast_cancer")
    assert control(at, "head").options == two


def test_a_head_that_the_data_rules_out_gives_way(app_test: AppTest):
    at = choose(choose(open_page(app_test, "compare"), "head", "softmax2"), "dataset", "digits")
    assert control(at, "head").value == "softmax"
    assert control(at, "loss").value == "cross_entropy"
    assert not sentences(choose(at, "dataset", "digit"))


def test_a_loss_is_called_proper_only_where_it_is_with_these_parameters(app_test: AppTest):
    at = open_page(app_test, "compare")
    proper, not_proper = (
        "proper scoring rule: minimised by the true probability.",
        "not proper: its optimal score is not the true probability.",
    )
    assert f"A {proper} Scores estimate the true probability." in captions(at)
    choose(at, "loss.bce.pos_weight", 9.0)
    assert f"With these parameters it is {not_proper}" in captions(at)
    assert proper not in captions(at)
    choose(at, "loss", "focal")
    assert not_proper.capitalize() in captions(at)
    choose(choose(at, "loss.focal.gamma", 0.0), "loss.focal.alpha", 0.5)
    assert f"With these parameters it is a {proper}" in captions(at)


# --- the output activation


def test_an_activation_is_chosen_and_gives_way_to_the_right_one_with_the_loss(app_test: AppTest, untrained: None):
    at = open_page(app_test, "compare")
    assert control(at, "activation").options == [
        "default for this loss",
        *(ACTIVATIONS[name].label for name in compatibility.activations_for("sigmoid", "bce")[2:]),
    ]
    choose(at, "activation", "sigmoid")
    assert "p = sigmoid(sigmoid(z))" in captions(at)
    assert submitted(at).activation == "sigmoid"
    assert at.query_params["activation"] == "sigmoid"
    choose(at, "loss", "brier")  # which expects the sigmoid
    assert control(at, "activation").value == "auto"
    assert text.of_output("sigmoid", "auto", "brier") in captions(at)
    assert submitted(at).activation == "auto"
    choose(at, "loss", "bce")
    choose(at, "activation", "log_softmax")
    choose(at, "loss", "bce_probabilities")  # torch refuses what is no probability
    assert control(at, "activation").value == "auto"
    assert submitted(at).activation == "auto"


COMBINATIONS = [
    (head, activation, loss)
    for loss, spec in LOSSES.items()
    for head in spec.heads
    for activation in compatibility.activations_for(head, loss)
]


@pytest.mark.parametrize(("head", "activation", "loss"), COMBINATIONS)
def test_what_is_said_of_an_output_is_what_it_computes(head: str, activation: str, loss: str):
    names = {"sigmoid": torch.sigmoid, "softmax": lambda u: u.softmax(-1), "log_softmax": lambda u: u.log_softmax(-1)}
    names["exp"] = torch.exp

    def value(said: str) -> torch.Tensor:
        """What "sigmoid(softmax(z))" says."""
        found, cut = z, said.endswith(", clipped to [0, 1]")
        for name in reversed(said.removesuffix(", clipped to [0, 1]").rstrip(")").split("(")[:-1]):
            found = names[name](found)
        return found.clamp(0, 1) if cut else found

    z = torch.randn(1, 5, HEADS[head].outputs(3), generator=torch.Generator().manual_seed(0)) * 3
    objective = Objective(head, resolved(head, activation, loss), loss, {})
    said = text.of_output(head, activation, loss)
    given, _, shown = said.removeprefix("The loss gets ").removesuffix(".").partition("; p = ")
    torch.testing.assert_close(value(given.removesuffix(", the prediction")), objective.outputs(z))
    expected = value(shown)[..., HEADS[head].first_column :] if shown else z
    torch.testing.assert_close(expected, objective.probabilities(z))


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
    "best_by": "f1",
    "weight_decay": 0.25,
    "seed": 5,
    "split_seed": 6,
}


@pytest.mark.parametrize("name", PLAIN_CHOICES)
def test_every_control_of_training_reaches_the_run(app_test: AppTest, untrained: None, name: str):
    at = choose(open_page(app_test, "compare"), name, PLAIN_CHOICES[name])
    assert submitted(at) == RunConfig().model_copy(update={name: PLAIN_CHOICES[name]})


@pytest.mark.parametrize("model", [model for model in MODELS if model != RunConfig().model])
def test_the_model_and_its_widths_reach_the_run(app_test: AppTest, untrained: None, model: str):
    at = choose(open_page(app_test, "compare"), "model", model)
    assert submitted(at) == make_config(model=model, widths=MODELS[model].widths)
    for written in control(at, f"widths.{model}").options:
        choose(at, f"widths.{model}", written)
        assert submitted(at).widths == links.read_widths(written)
    at.checkbox(key="batch_norm").check().run()
    assert submitted(at).batch_norm
    assert at.query_params["batch_norm"] == "True"
    choose(at, "model", "linear")
    assert not submitted(at).batch_norm


def test_a_regression_stops_early_by_its_loss_alone(app_test: AppTest):
    open_page(app_test, "compare")
    choose(app_test, "best_by", "f1")
    choose(app_test, "dataset", "diabetes")
    assert "best_by" not in [one.key for one in app_test.selectbox]
    assert can(app_test)["Start"]
    assert not sentences(app_test)


def test_only_images_offer_a_convolution(app_test: AppTest):
    at = choose(open_page(app_test, "compare"), "model", "cnn")
    choose(at, "dataset", "wine")
    assert MODELS["cnn"].label not in control(at, "model").options
    assert submitted(at).model == "linear"


@pytest.mark.parametrize("dataset", [name for name, spec in DATASETS.items() if spec.params])
def test_every_parameter_of_the_data_reaches_the_run(app_test: AppTest, untrained: None, dataset: str):
    at = choose(open_page(app_test, "compare"), "dataset", dataset)
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
        name
        for name in DATASETS
        if head in compatibility.heads_for(name) and loss in compatibility.losses_for(name, head)
    )
    at = open_page(app_test, "compare")
    for key, name in (("dataset", dataset), ("head", head), ("loss", loss)):
        choose(at, key, name)
    plain = submitted(at)
    assert (plain.head, plain.loss, plain.loss_params) == (head, loss, ())
    for param in compatibility.params_for(head, loss):
        if len(param.options) == 1:
            continue  # what can only be typed is tested with links, since AppTest can't type it
        choose(at, f"loss.{loss}.{param.name}", another(param))
        assert submitted(at) == plain.model_copy(update={"loss_params": ((param.name, another(param)),)})
        choose(at, f"loss.{loss}.{param.name}", param.default)


@pytest.mark.parametrize("dataset", ["digit", "diabetes"])
def test_what_is_said_of_a_linear_model_is_true_in_every_task(app_test: AppTest, dataset: str):
    app_test.query_params["dataset"] = dataset
    (header,) = (header for header in open_page(app_test, "compare").header if header.value == "Model")
    assert "No hidden layer: each output is a weighted sum of the inputs plus a bias." in header.proto.help


def test_the_remark_follows_pos_weight(app_test: AppTest):
    at = choose(open_page(app_test, "compare"), "loss.bce.pos_weight", 9.0)
    said = " ".join(caption.value for caption in at.caption)
    assert f"{1 / (1 + 9):.3f}" in said


# --- bad choices


def test_a_batch_larger_than_the_data_is_said_at_once_and_can_be_mended(app_test: AppTest):
    at = choose(open_page(app_test, "compare"), "batch_size", 60_000)
    (said,) = sentences(at)
    assert said.startswith("Expected `batch_size` to be at most the 898 training rows, but got 60000")
    assert not can(at)["Start"]
    choose(at, "batch_size", 32)
    assert submitted(at).batch_size == 32


def test_a_class_missing_from_a_split_is_said_at_once_and_can_be_mended(app_test: AppTest):
    at = choose(open_page(app_test, "compare"), "dataset", "gaussians")
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
    at = open_page(app_test, "compare")
    for end in (control(at, key).min, control(at, key).max):
        choose(at, key, end)
        assert not at.exception
        assert all(said.startswith("Expected") for said in sentences(at))


@pytest.mark.parametrize("written", ["1, wide", "1", "0, 1", "1, 2, 3"])
def test_bad_text_in_class_weights_is_said_at_once_and_can_be_mended(app_test: AppTest, untrained: None, written: str):
    app_test.query_params.update(head="softmax2", **{"loss.class_weight": written})
    at = open_page(app_test, "compare")
    (said,) = sentences(at)
    assert said.startswith("Expected `class_weight` to be equal, balanced or 2 numbers")
    assert said.endswith(f"but got {written!r}.")
    assert not can(at)["Start"]
    choose(at, "loss.cross_entropy.class_weight", "balanced")
    assert submitted(at).loss_params == (("class_weight", "balanced"),)


def test_a_bad_prevalence_is_said_at_once_and_can_be_mended(app_test: AppTest, untrained: None):
    app_test.query_params.update({"data.prevalence": "none"})
    at = open_page(app_test, "compare")
    assert all(said.startswith("Expected `prevalence` to be original, or a fraction") for said in sentences(at))
    assert len(sentences(at)) == 1
    assert not can(at)["Start"]
    choose(at, "data.digit.prevalence", "5%")
    assert "5.0% positive" in unescaped(captions(at))
    assert submitted(at).dataset_params == (("prevalence", "5%"),)


# --- links


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
    at = open_page(app_test, "compare")
    assert not sentences(at)
    assert can(at)["Start"]
    assert dict(at.query_params) == link  # which the page writes anew from its controls
    assert text.plain(text.of_config(config)) in captions(at)
