"""Links: choices are written to the URL and read back; a bad link gives sentences and the page goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.data import DATASETS
from core.experiment import compatibility, links
from core.experiment.config import OPTIMIZERS, Experiment, RunConfig, Variant, make_config
from core.experiment.variants import SPACINGS, names_of, sweep
from core.models import MODELS
from tests.conftest import (
    button,
    choose,
    control,
    current_run,
    new_session,
    open_page,
    press,
    sentences,
    stop_training,
    trained,
)

EVERYTHING = {
    "dataset": "gaussians",
    "data.gaussians.separation": 3.5,
    "data.gaussians.samples": 1000,
    "model": "mlp",
    "widths.mlp": "16",
    "head": "softmax2",
    "activation": "softmax",
    "loss": "cross_entropy",
    "loss.cross_entropy.class_weight": "balanced",
    "loss.cross_entropy.label_smoothing": 0.15,
    "optimizer": "sgd",
    "lr": 0.25,
    "epochs": 3,
    "batch_size": 10,
    "weight_decay": 0.001,
    "seed": 11,
    "split_seed": 12,
}


SESSIONS: list[AppTest] = []


@pytest.fixture(autouse=True)
def stopped(shared_services: None) -> Iterator[None]:
    """What the sessions of a test leave in training is stopped."""
    yield
    while SESSIONS:
        stop_training(SESSIONS.pop())


def opened(query: dict[str, str], name: str = "compare") -> AppTest:
    """A fresh session that follows a link."""
    at = new_session()
    at.query_params.update(query)
    SESSIONS.append(at)
    return open_page(at, name)


# --- good links


def test_the_defaults_need_no_parameter():
    assert opened({}).query_params == {}


def test_every_choice_is_in_the_link_and_opens_again():
    at = opened({})
    for key, value in EVERYTHING.items():
        choose(at, key, value)
    link = dict(at.query_params)
    config, complaints = links.from_query(link)
    assert complaints == []
    again = opened(link)
    assert not sentences(again)
    assert {key: control(again, key).value for key in EVERYTHING} == EVERYTHING
    assert again.query_params == link
    press(again, "Start")
    assert current_run(again).config == config


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_link_may_name_the_data_alone(dataset: str):
    at = opened({"dataset": dataset})
    assert not sentences(at)
    assert control(at, "dataset").value == dataset
    assert not button(at, "Start").disabled


def test_typed_text_comes_back_from_a_link():
    query = {
        "model": "mlp",
        "widths": "32-16",
        "head": "softmax2",
        "loss": "cross_entropy",
        "loss.class_weight": "1, 9",
    }
    at = opened(query)
    assert not sentences(at)
    config, _ = links.from_query(dict(at.query_params))
    assert config == make_config(
        model="mlp",
        widths=(32, 16),
        head="softmax2",
        loss="cross_entropy",
        loss_params={"class_weight": "1, 9"},
    )


def test_a_choice_put_back_leaves_the_link():
    at = choose(opened({}), "epochs", 7)
    assert at.query_params == {"epochs": "7"}
    choose(at, "epochs", RunConfig().epochs)
    assert at.query_params == {}


def test_a_link_to_a_run_opens_it_in_another_session():
    at = press(choose(opened({}), "epochs", 3), "Start")
    run = trained(at)
    link = dict(at.query_params)
    assert link == {"epochs": "3", "run": run.id.split("-")[0]}
    for name in ("compare", "workbench"):
        other = opened(link, name)
        assert not sentences(other)
        assert current_run(other).id == run.id
        assert other.get("bidi_component")
    assert opened(link).query_params == link


# --- sweeps


def experiment_of(configs: Sequence[RunConfig], names: Sequence[str] | None = None) -> Experiment:
    names = names or names_of(configs)
    variants = tuple(Variant(name=name, config=config) for name, config in zip(names, configs, strict=True))
    return Experiment(variants=variants, seeds=(0,))


@pytest.mark.parametrize(
    "text", ["loss.pos_weight:1:100:16:log", "loss.pos_weight:0.5:2.5:3:linear", "lr:0.0001:0.1:7:log"]
)
def test_a_sweep_is_a_range_in_the_link(text: str):
    key, low, high, steps, spacing = text.split(":")
    config = make_config(dataset="breast_cancer")
    made = experiment_of(sweep(config, key, float(low), float(high), int(steps), spacing))
    query = links.experiment_to_query(made)
    assert query["sweep"] == text
    assert "variants" not in query
    assert links.experiment_from_query(query) == (made, [])


@given(
    key=st.sampled_from(["loss.pos_weight", "lr"]),
    low=st.floats(1, 40),
    rise=st.floats(0.01, 60),
    steps=st.integers(2, 40),
    spacing=st.sampled_from(list(SPACINGS)),
)
def test_every_sweep_opens_again(key: str, low: float, rise: float, steps: int, spacing: str):
    made = experiment_of(sweep(make_config(), key, low, low + rise, steps, spacing))
    assert links.experiment_from_query(links.experiment_to_query(made)) == (made, [])


def test_variants_with_a_name_of_their_own_are_no_range():
    configs = sweep(make_config(), "lr", 0.01, 0.1, 3, "linear")
    made = experiment_of(configs, ["small", "middle", "large"])
    query = links.experiment_to_query(made)
    assert "sweep" not in query
    assert links.experiment_from_query(query) == (made, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "to look like 'loss.pos_weight:1:100:16:log', but got ''"),
        ("lr", "to look like"),
        ("lr:0.1:1:3", "to look like"),
        ("lr:0.1:1:3:cubic", "linear, log, but got 'cubic'"),
        ("lr:a:1:3:log", "to look like"),
        ("lr:0.1:1:inf:log", "to look like"),
        ("lr:1:0.1:3:log", "from a smaller to a larger value"),
        ("lr:nan:1:3:log", "from a smaller to a larger value"),
        ("lr:1:inf:3:log", "from a smaller to a larger value"),
        ("lr:0:1:3:log", "begin above 0"),
        ("lr:0.1:1:1:log", "2 to 256 steps"),
        ("lr:0.1:1:999999:log", "2 to 256 steps"),
        ("seed:1:9:3:linear", "Expected a sweep over one of"),
        ("lr:1:1e300:3:log", "Expected `lr` to be a number from 1e-06 to 1e+06, but got 1e+150."),
    ],
)
def test_a_sweep_that_cannot_be_made_is_said(text: str, said: str):
    experiment, (complaint,) = links.experiment_from_query({"sweep": text})
    assert said in complaint
    assert [variant.config for variant in experiment.variants] == [RunConfig()]


# --- bad links

BAD = {
    "unknown data": {"dataset": "nope"},
    "unknown model": {"model": "nope"},
    "unknown head": {"head": "nope"},
    "unknown loss": {"loss": "nope"},
    "unknown optimizer": {"optimizer": "nope"},
    "no name": {"dataset": ""},
    "code for a name": {"dataset": "__import__('os')"},
    "markup for a name": {"loss": "<b>x</b>"},
    "a head for other data": {"dataset": "digits", "head": "sigmoid"},
    "a loss for another head": {"head": "sigmoid", "loss": "cross_entropy"},
    "negative lr": {"lr": "-1"},
    "no lr": {"lr": "0"},
    "NaN lr": {"lr": "nan"},
    "infinite lr": {"lr": "inf"},
    "a word for lr": {"lr": "fast"},
    "no epochs": {"epochs": "0"},
    "too many epochs": {"epochs": "1000000000"},
    "half an epoch": {"epochs": "2.5"},
    "no batch": {"batch_size": "0"},
    "a batch beyond the range": {"batch_size": "999999"},
    "negative seed": {"seed": "-1"},
    "a seed beyond the range": {"split_seed": str(2**40)},
    "too many digits": {"seed": "9" * 5000},
    "negative pos_weight": {"loss.pos_weight": "-3"},
    "a word for pos_weight": {"loss.pos_weight": "many"},
    "NaN pos_weight": {"loss.pos_weight": "nan"},
    "prevalence beyond the range": {"dataset": "gaussians", "data.prevalence": "1.5"},
    "half a row": {"dataset": "gaussians", "data.samples": "100.5"},
    "widths in words": {"model": "mlp", "widths": "wide"},
    "too many layers": {"model": "mlp", "widths": "8-8-8-8-8"},
    "a layer too wide": {"model": "mlp", "widths": "99999"},
    "an unknown run": {"run": "deadbeef"},
    "no run": {"run": ""},
}


@pytest.mark.parametrize("name", ["compare", "workbench"])
@pytest.mark.parametrize("query", BAD.values(), ids=BAD)
def test_a_bad_link_gives_one_sentence_and_the_page_goes_on(query: dict[str, str], name: str):
    at = opened(query, name)
    (said,) = sentences(at)
    if "run" in query:
        assert said.startswith(f"The run {query['run']!r} is no longer kept.")
    else:
        assert said.startswith("Expected ")
        assert ", but got " in said
    if name == "compare":
        assert not button(at, "Start").disabled
        choose(at, "epochs", 1)
        press(at, "Start")
        assert trained(at).status == "finished"
        assert sentences(at) == []


def test_every_bad_part_of_a_link_has_its_sentence():
    at = opened({"dataset": "nope", "lr": "fast", "loss.pos_weight": "-3", "run": "deadbeef", "epochs": "7"})
    said = sentences(at)
    assert len(said) == 4
    assert sum(sentence.startswith("Expected ") for sentence in said) == 3
    assert sum("'deadbeef' is no longer kept" in sentence for sentence in said) == 1
    assert control(at, "epochs").value == 7  # what could be used is used
    assert at.query_params == {"epochs": "7"}  # and what could not is gone


@pytest.mark.parametrize(
    ("query", "sentence", "mend"),
    [
        ({"batch_size": "5000"}, "Expected `batch_size` to be at most", ("batch_size", 32)),
        (
            {"dataset": "gaussians", "data.samples": "400", "data.prevalence": "0.005"},
            "Expected every class to have at least 4 rows",
            ("data.gaussians.prevalence", 0.1),
        ),
        (
            {"dataset": "gaussians", "data.samples": "40", "data.prevalence": "0.005", "batch_size": "8"},
            "Expected every class to have at least 4 rows",
            ("data.gaussians.prevalence", 0.5),
        ),
    ],
    ids=["a batch larger than the data", "a class missing from a split", "a class without rows"],
)
def test_what_only_the_data_tells_is_said_and_can_be_mended(query: dict[str, str], sentence: str, mend: tuple):
    at = opened(query | {"epochs": "1"})
    (said,) = sentences(at)
    assert said.startswith(sentence)
    assert button(at, "Start").disabled
    press(choose(at, *mend), "Start")
    assert trained(at).status == "finished"
    assert sentences(at) == []


@pytest.mark.parametrize("weights", ["1,2,3", "a,b", "", "-1,1", "inf,1"])
def test_class_weights_that_do_not_fit_are_said(weights: str):
    at = opened({"head": "softmax2", "loss": "cross_entropy", "loss.class_weight": weights})
    (said,) = sentences(at)
    assert said.startswith("Expected `class_weight` to be equal, balanced or 2 numbers")
    assert button(at, "Start").disabled


def test_an_unknown_parameter_of_the_data_or_the_loss_is_said_and_what_mail_adds_is_left_alone():
    assert sentences(opened({"utm_source": "mail"})) == []
    first, second = sentences(opened({"data.nothing": "1", "loss.nothing": "2"}))
    assert first.startswith("The data set in this link has no parameter `data.nothing`: ")
    assert second.startswith("The loss in this link has no parameter `loss.nothing`: its parameters are loss.")


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("dataset", list(DATASETS)),
        ("model", list(MODELS)),
        ("head", compatibility.heads_for(RunConfig().dataset)),
        ("loss", compatibility.losses_for(RunConfig().dataset, RunConfig().head)),
        ("optimizer", list(OPTIMIZERS)),
    ],
)
def test_a_name_that_is_not_offered_is_answered_with_those_that_are(kind: str, allowed: list[str]):
    (said,) = sentences(opened({kind: "nope"}))
    assert said == f"Expected `{kind}` to be one of {', '.join(allowed)}, but got 'nope'."


@pytest.mark.parametrize(
    "query",
    [
        {"name": "a \ud800"},
        {"variants": json.dumps({"name": ["a \ud800"]})},
        {"variants": json.dumps({"epochs.\udfff": ["1"]})},
        {"variants": json.dumps({"loss.\ud800": ["\ud800"], "colour": ["\ud800"]})},
        {"head": "softmax2", "loss": "cross_entropy", "loss.class_weight": "\ud800"},
        {"head": "softmax2", "loss": "cross_entropy", "variants": json.dumps({"loss.class_weight": ["\ud800"]})},
        {"dataset": "\ud800", "seeds": "\ud800", "lr": "\ud800", "variants": "\ud800"},
    ],
)
def test_half_a_surrogate_pair_becomes_a_question_mark(query: dict[str, str]):
    experiment, complaints = links.experiment_from_query(query)
    assert all(text.encode() for text in [*complaints, *(variant.name for variant in experiment.variants)])
    assert all(text.encode() for text in links.experiment_to_query(experiment).values())
    if "a " in str(query):
        assert "a ?" in [variant.name for variant in experiment.variants]


def test_control_characters_are_left_out():
    experiment, complaints = links.experiment_from_query(
        {"name": "a\x00\n b", "variants": '{"name": ["c\\u0007\\u0085d"]}'}
    )
    assert [variant.name for variant in experiment.variants] == ["a b", "cd"]
    assert complaints == []


def test_a_whole_surrogate_pair_is_a_letter():
    experiment, complaints = links.experiment_from_query({"variants": '{"name": ["a \\ud83d\\ude00"]}'})
    assert (experiment.variants[1].name, complaints) == ("a \U0001f600", [])


@pytest.mark.parametrize("page", ["compare", "workbench", "losses"])
def test_a_name_that_nothing_can_show_breaks_no_page(app_test: AppTest, page: str):
    app_test.query_params["variants"] = '{"name": ["a \\ud800"]}'
    assert not app_test.run().exception
    assert not open_page(app_test, page).exception


def test_what_a_link_says_is_shown_as_text_and_not_as_markdown(app_test: AppTest) -> None:
    app_test.query_params["dataset"] = "![x](http://example.org/a.png) :red[y] <b>z</b>"
    open_page(app_test, "compare")
    (box,) = app_test.warning
    assert "\\!\\[x\\]\\(http\\:\u2060\\/\\/example.org\\/a.png\\) \\:red\\[y\\] \\<b\\>z\\<\\/b\\>" in box.value
    assert box.value.startswith("Expected `dataset` to be one of")
