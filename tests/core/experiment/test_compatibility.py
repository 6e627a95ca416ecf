from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from core.data import DATASETS, load_dataset
from core.errors import CutoffError
from core.experiment.compatibility import (
    STACK_BYTES,
    STACK_WORK,
    activation_refusal,
    activations_for,
    check,
    describe,
    heads_for,
    heads_not_offered,
    loss_refusal,
    losses_for,
    losses_not_offered,
    models_for,
    not_taken,
    param_refusal,
    params_for,
    shape_of,
    stacks,
)
from core.experiment.config import SETTINGS, RunConfig, make_config
from core.experiment.links import from_query, read_widths, to_query
from core.experiment.refusals import INSTEAD
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.models import MODELS
from tests.support.configs import sensible_configs

FAST = [name for name in DATASETS if name != "mnist_5k"]
GAUSSIANS = {"dataset": "gaussians", "dataset_params": {"samples": 200}, "batch_size": 10}
KEYS = [setting.link or name for name, setting in SETTINGS.items()]
KEYS += [f"data.{param.name}" for spec in DATASETS.values() for param in spec.params]
KEYS += [f"loss.{param.name}" for spec in LOSSES.values() for param in (*spec.params, *spec.class_params)]
JUNK = st.text() | st.sampled_from(
    ["nan", "inf", "-1", "0", "1e400", "9" * 5000, "0x10", "64-", "1_0", "", "8-8-8-8-8", "linear", "softmax", "true"]
)


def refusal(**choices: object) -> str:
    with pytest.raises(CutoffError) as caught:
        check(make_config(**choices))
    return str(caught.value)


# --- there and back


@settings(deadline=None, max_examples=200)
@given(sensible_configs())
def test_reading_a_link_gives_the_choices_that_were_written_into_it(config):
    query = to_query(config)
    assert all(isinstance(text, str) for pair in query.items() for text in pair)
    assert from_query(query) == (config, [])


def test_link_of_the_default_choices_is_empty():
    assert to_query(RunConfig()) == {}
    assert from_query({}) == (RunConfig(), [])


def test_link_says_only_what_differs_from_the_defaults():
    config = make_config(lr=0.1, loss_params={"pos_weight": 9.0}, model="mlp", widths=MODELS["mlp"].widths)
    assert to_query(config) == {"model": "mlp", "lr": "0.1", "loss.pos_weight": "9.0"}


def test_widths_are_written_with_dashes():
    assert to_query(make_config(model="mlp", widths=(32, 16)))["widths"] == "32-16"
    assert from_query({"model": "mlp", "widths": "32-16"})[0].widths == (32, 16)


@pytest.mark.parametrize("dataset", DATASETS)
def test_data_alone_gives_a_head_and_a_loss_that_fit(dataset):
    config, complaints = from_query({"dataset": dataset})
    assert not complaints
    assert config.head in heads_for(dataset)
    assert config.loss in losses_for(config.dataset, config.head)


# --- what a link may hold


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), JUNK, max_size=6))
@example({"widths": "64-x", "model": "mlp"})
@example({"seed": "1.5", "lr": "nan", "weight_decay": "nan"})
@example({"loss.class_weight": "banana", "head": "softmax2"})
def test_any_link_opens_with_choices_that_fit_together(query):
    config, complaints = from_query(query)
    assert config.head in heads_for(config.dataset)
    assert config.loss in losses_for(config.dataset, config.head)
    assert config.activation in activations_for(config.head, config.loss)
    assert config.model in models_for(config.dataset)
    assert MODELS[config.model].widths or not config.batch_norm
    assert bool(config.widths) == bool(MODELS[config.model].widths)
    assert len(complaints) <= len(query)
    for sentence in complaints:
        unknown = sentence.startswith(("The data set in this link has no", "The loss in this link has no"))
        assert unknown or (sentence.startswith("Expected `") and ", but got " in sentence)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"dataset": "cifar"}, f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got 'cifar'."),
        ({"model": "rnn"}, f"Expected `model` to be one of {', '.join(MODELS)}, but got 'rnn'."),
        (
            {"model": "cnn", "dataset": "wine"},
            "Expected `model` for wine to be one of linear, mlp, but got 'cnn'.",
        ),
        (
            {"loss": "bce_probabilities", "activation": "none"},
            "Expected `activation` for the loss bce_probabilities to be one of auto, sigmoid, softmax, but got 'none'. "
            "torch says: RuntimeError: all elements of input should be between 0 and 1",
        ),
        (
            {"dataset": "wine", "head": "softmax", "loss": "bce"},
            f"Expected `loss` for the head softmax to be one of {', '.join(losses_for('wine', 'softmax'))}, but got "
            "'bce'. torch says: ValueError: Target size (torch.Size([2])) must be the same as input size "
            "(torch.Size([2, 3]))",
        ),
        ({"batch_norm": "maybe"}, "Expected `batch_norm` to be True or False, but got 'maybe'."),
        ({"optimizer": "x"}, "Expected `optimizer` to be one of adam, adamw, sgd, but got 'x'."),
        ({"head": "x"}, f"Expected `head` to be one of {', '.join(heads_for('digit'))}, but got 'x'."),
        (
            {"head": "softmax"},
            f"Expected `head` for digit to be one of {', '.join(heads_for('digit'))}, but got 'softmax'.",
        ),
        ({"loss": "x"}, f"Expected `loss` to be one of {', '.join(losses_for('digit', 'sigmoid'))}, but got 'x'."),
        ({"lr": "fast"}, "Expected `lr` to be a number from 1e-06 to 1e+06, but got 'fast'."),
        ({"lr": "0"}, "Expected `lr` to be a number from 1e-06 to 1e+06, but got '0'."),
        ({"epochs": "1e3"}, "Expected `epochs` to be a whole number from 1 to 2000, but got '1e3'."),
        ({"epochs": "0"}, "Expected `epochs` to be a whole number from 1 to 2000, but got '0'."),
        ({"loss.pos_weight": "0"}, "Expected `pos_weight` to be a number from 0.01 to 1000, but got '0'."),
        ({"loss.pos_weight": "big"}, "Expected `pos_weight` to be a number from 0.01 to 1000, but got 'big'."),
        (
            {"dataset": "gaussians", "data.noise": "9"},
            "Expected `noise` to be a number from 0.1 to 3, but got '9'.",
        ),
        (
            {"model": "mlp", "widths": "0"},
            "Expected `widths` to be one to four whole numbers from 1 to 1024, separated by dashes, but got '0'.",
        ),
    ],
)
def test_each_bad_choice_in_a_link_costs_one_sentence_and_the_rest_can_be_trained(query, sentence):
    config, complaints = from_query(query)
    assert complaints == [sentence]
    assert check(config) == config


def test_every_bad_choice_has_its_own_sentence_and_the_good_ones_are_kept():
    config, complaints = from_query({"dataset": "cifar", "lr": "x", "loss.pos_weight": "-1", "epochs": "7"})
    assert len(complaints) == 3
    assert config == make_config(epochs=7)


# --- what fits together


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_head_is_either_offered_or_explained(dataset):
    for head in heads_for(dataset):
        sentences = [*heads_not_offered(dataset).values(), *losses_not_offered(dataset, head).values()]
        left_out = [spec.label for name, spec in HEADS.items() if name not in heads_for(dataset)]
        left_out += [spec.label for name, spec in LOSSES.items() if name not in losses_for(dataset, head)]
        assert [sentence.split(":")[0] for sentence in sentences] == left_out
        assert all(sentence.endswith(".") for sentence in sentences)


def test_every_head_serves_some_data_and_every_loss_some_head():
    assert {head for dataset in DATASETS for head in heads_for(dataset)} == set(HEADS)
    offered = {loss for dataset in DATASETS for head in heads_for(dataset) for loss in losses_for(dataset, head)}
    assert offered == set(LOSSES)
    assert {model for dataset in DATASETS for model in models_for(dataset)} == set(MODELS)


def test_first_loss_of_a_head_is_no_mistake_and_first_head_of_a_task_is_the_usual_one():
    for dataset in DATASETS:
        usual = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoids", "regression": "identity"}
        assert heads_for(dataset)[0] == usual[DATASETS[dataset].task]
        first = losses_for(dataset, heads_for(dataset)[0])[0]
        assert first == {"softmax": "cross_entropy", "identity": "mse"}.get(heads_for(dataset)[0], "bce")


MODULES = {
    "bce": nn.BCEWithLogitsLoss,
    "bce_probabilities": nn.BCELoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
    "multi_margin": nn.MultiMarginLoss,
}


def answer(loss: str, task: str, outputs: int, classes: int) -> str:
    """What torch says to this loss on two rows of outputs and labels as the data holds them; "" if it takes them."""
    y = {
        "binary": torch.tensor([0, 1]),
        "multiclass": torch.tensor([0, classes - 1]),
        "multilabel": torch.stack([torch.zeros(classes), torch.ones(classes)]).long(),
        "regression": torch.tensor([0.2, 0.7]),
    }[task]
    try:
        MODULES[loss]()(torch.full((2, outputs), 0.5), y.float() if loss.startswith("bce") else y)
    except (IndexError, RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("dataset", ["digit", "wine", "digits", "yeast", "diabetes"])
@pytest.mark.parametrize("loss", MODULES)
def test_refusals_are_in_the_words_of_torch_and_none_is_left_out(loss, dataset):
    classes = len(load_dataset(dataset).class_names)
    for head in heads_for(dataset):
        if loss in losses_for(dataset, head):
            assert loss_refusal(dataset, head, loss) == ""
            continue
        said = answer(loss, DATASETS[dataset].task, HEADS[head].outputs(classes), classes)
        assert loss_refusal(dataset, head, loss) == (said and f"torch says: {said}")
        reason = losses_not_offered(dataset, head)[loss]
        assert said in reason


@pytest.mark.parametrize(
    ("task", "head", "loss", "words"),
    [
        ("digit", "sigmoid", "cross_entropy", "IndexError: Target 1 is out of bounds."),
        ("yeast", "sigmoids", "nll", "RuntimeError: 0D or 1D target tensor expected, multi-target not supported"),
        ("digit", "sigmoid", "multi_margin", "RuntimeError: target out of range"),
    ],
)
def test_refusals_are_those_that_practitioners_know(task, head, loss, words):
    assert loss_refusal(task, head, loss) == f"torch says: {words}"


def test_refusals_have_the_sizes_of_the_chosen_data():
    blobs = {"dataset": "blobs", "head": "softmax", "loss": "bce", "dataset_params": {"classes": 6}}
    assert refusal(**blobs).endswith(
        "torch says: ValueError: Target size (torch.Size([2])) must be the same as input size (torch.Size([2, 6]))"
    )


@pytest.mark.parametrize(("loss", "name"), INSTEAD)
def test_parameters_that_torch_does_not_take_are_refused_in_its_words_with_the_remedy(loss, name):
    with pytest.raises(TypeError) as caught:
        MODULES[loss](**{name: torch.tensor(3.0)})
    assert name not in {param.name for head in LOSSES[loss].heads for param in params_for(head, loss)}
    said = f"torch says: TypeError: {caught.value}; {INSTEAD[loss, name]}."
    assert param_refusal(loss, name) == said
    head = LOSSES[loss].heads[0]
    assert f"{name} in {LOSSES[loss].label}: {said}" in not_taken(head, loss)
    sentence = refusal(head=head, loss=loss, loss_params={name: 9.0})
    assert sentence.startswith(f"Expected `loss_params` for the loss {loss} to be one of ")
    assert sentence.endswith(f"but got {name!r}. {said}")
    _, (complaint,) = from_query({"head": head, "loss": loss, f"loss.{name}": "9"})
    assert complaint.startswith(f"The loss in this link has no parameter `loss.{name}`: ")
    assert complaint.endswith(f". {said}")


def test_pos_weight_of_bce_on_probabilities_is_answered_with_bce_with_logits():
    assert param_refusal("bce_probabilities", "pos_weight") == (
        "torch says: TypeError: _WeightedLoss.__init__() got an unexpected keyword argument 'pos_weight'; "
        "take BCE with logits, which has it."
    )
    assert param_refusal("bce_probabilities", "none_such") == ""


def test_refused_combination_names_torch_s_reason_and_the_way_out():
    sentences = [*heads_not_offered("digit").values(), *losses_not_offered("digit", "sigmoid").values()]
    (about_ce,) = [sentence for sentence in sentences if sentence.startswith("Cross-entropy:")]
    assert "torch says “IndexError: Target 1 is out of bounds.”" in about_ce
    assert "needs the head “Two logits, softmax”" in about_ce


def test_activation_is_refused_where_torch_refuses_its_outputs():
    said = activation_refusal("bce_probabilities", "none")
    assert said == "torch says: RuntimeError: all elements of input should be between 0 and 1"
    assert activation_refusal("bce_probabilities", "sigmoid") == ""
    assert {name for name in ACTIVATIONS if activation_refusal("bce", name)} == set()
    sentence = refusal(loss="bce_probabilities", activation="log_softmax")
    assert sentence.startswith(
        "Expected `activation` for the loss bce_probabilities to be one of auto, sigmoid, softmax"
    )
    assert sentence.endswith(f"but got 'log_softmax'. {said}")
    assert not_taken("sigmoid", "bce_probabilities")[:2] == [
        f"Final activation none before BCE on probabilities: {said}. Use sigmoid or softmax.",
        f"Final activation log-softmax before BCE on probabilities: {said}. Use sigmoid or softmax.",
    ]


@pytest.mark.parametrize("loss", ["soft_f1", "tversky"])
def test_a_loss_that_torch_does_not_have_is_not_put_into_its_mouth(loss):
    sentence = refusal(loss=loss, activation="none")
    assert sentence.endswith("but got 'none'. Expected probabilities in [0, 1], but got logits.")
    assert "torch" not in " ".join([sentence, *not_taken("sigmoid", loss)])
    assert len(not_taken("sigmoid", loss)) == 2


def test_values_have_no_output_activation():
    assert activations_for("identity", "mse") == ["auto", "none"]


def test_batch_norm_is_refused_for_a_last_batch_of_one_row_in_torch_s_words():
    one_left = {**GAUSSIANS, "batch_size": 33, "model": "mlp", "widths": (4,)}
    assert check(make_config(**one_left))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training") as caught:
        nn.BatchNorm1d(4)(torch.zeros(1, 4))
    assert refusal(**one_left, batch_norm=True) == (
        "Expected batches of at least 2 rows for batch norm, but got a last one of 1. torch says: "
        f"ValueError: {caught.value}. Use another batch size."
    )
    assert check(make_config(**{**one_left, "batch_size": 34}, batch_norm=True))


@pytest.mark.parametrize("dataset", FAST)
def test_every_combination_that_is_offered_passes_the_check(dataset):
    for head in heads_for(dataset):
        for loss in losses_for(dataset, head):
            for model in models_for(dataset):
                for activation in activations_for(head, loss):
                    names = {"head": head, "loss": loss, "model": model, "activation": activation}
                    config = make_config(dataset=dataset, **names, widths=MODELS[model].widths)
                    assert check(config) is config


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"dataset": "x"}, f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got 'x'."),
        ({"model": "x"}, f"Expected `model` to be one of {', '.join(MODELS)}, but got 'x'."),
        ({"head": "x"}, f"Expected `head` to be one of {', '.join(heads_for('digit'))}, but got 'x'."),
        ({"loss": "x"}, f"Expected `loss` to be one of {', '.join(losses_for('digit', 'sigmoid'))}, but got 'x'."),
        ({"optimizer": "x"}, "Expected `optimizer` to be one of adam, adamw, sgd, but got 'x'."),
        (
            {"head": "softmax"},
            f"Expected `head` for digit to be one of {', '.join(heads_for('digit'))}, but got 'softmax'.",
        ),
        (
            {"loss": "cross_entropy"},
            "Expected `loss` for the head sigmoid to be one of "
            f"{', '.join(losses_for('digit', 'sigmoid'))}, but got 'cross_entropy'. torch says: IndexError: "
            "Target 1 is out of bounds.",
        ),
        (
            {"activation": "relu"},
            "Expected `activation` to be one of auto, none, sigmoid, softmax, log_softmax, but got 'relu'.",
        ),
        (
            {"batch_norm": True},
            "Expected `batch_norm` to be left out for a linear model, which has no hidden layers, but got True.",
        ),
        (
            {"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "model": "cnn", "widths": (4,)},
            "Expected `model` for wine to be one of linear, mlp, but got 'cnn'.",
        ),
        (
            {"widths": (4,)},
            "Expected `widths` to be left out for a linear model, which has no hidden layers, but got (4,).",
        ),
        (
            {"hidden": "tanh"},
            "Expected `hidden` to be relu for a linear model, which has no hidden layers, but got 'tanh'.",
        ),
        ({"momentum": 0.5}, "Expected `momentum` to be left out for Adam, which has its own, but got 0.5."),
        ({"schedule": "x"}, "Expected `schedule` to be one of constant, cosine, but got 'x'."),
        ({"model": "mlp"}, "Expected `widths` of an mlp to have at least one hidden layer, but got none."),
        (
            {"loss_params": {"gamma": 2.0}},
            "Expected `loss_params` for the loss bce to be one of pos_weight, but got 'gamma'.",
        ),
        (
            {"loss_params": {"pos_weight": 1e9}},
            "Expected `pos_weight` to be a number from 0.01 to 1000, but got 1000000000.0.",
        ),
        (
            {"dataset_params": {"noise": 1.0}},
            "Expected a parameter of digit (digit, prevalence), but got 'noise'.",
        ),
        (
            {**GAUSSIANS, "batch_size": 101},
            "Expected `batch_size` to be at most the 100 training rows, but got 101.",
        ),
        (
            {**GAUSSIANS, "dataset_params": {"samples": 200, "prevalence": 0.01}},
            "Expected every class to have at least 4 rows, so that none is missing from a split, but got 2 of class "
            "'positive'. Use more rows or a larger prevalence.",
        ),
    ],
)
def test_configuration_that_cannot_be_trained_is_refused_with_one_sentence(choices, sentence):
    assert refusal(**choices) == sentence


@pytest.mark.parametrize("text", ["1", "1, 2, 3", "1, x", "", "1, 0"])
def test_class_weights_have_to_be_one_number_a_class(text):
    sentence = refusal(head="softmax2", loss="cross_entropy", loss_params={"class_weight": text})
    assert sentence.startswith("Expected `class_weight` to be equal, balanced or 2 ")
    assert sentence.endswith(f"but got {text!r}.")


def test_batch_of_all_training_rows_is_allowed():
    config = make_config(**{**GAUSSIANS, "batch_size": 100})
    assert check(config) is config


# --- widths and descriptions


@settings(max_examples=50)
@given(st.lists(st.integers(1, 1024), min_size=1, max_size=4))
def test_widths_read_back_what_was_written(widths):
    assert read_widths("-".join(map(str, widths))) == tuple(widths)


@pytest.mark.parametrize("text", ["", "64-", "-64", "64,64", "1025", "0", "a", "1-1-1-1-1", "6.5"])
def test_widths_that_are_none_are_refused_with_one_sentence(text):
    with pytest.raises(CutoffError) as caught:
        read_widths(text)
    wanted = "Expected `widths` to be one to four whole numbers from 1 to 1024, separated by dashes"
    assert str(caught.value) == f"{wanted}, but got {text!r}."


def test_description_names_data_model_head_loss_and_what_differs_from_the_defaults():
    plain = describe(RunConfig())
    assert plain == ("Digits: one-vs-rest", "Linear", "One logit, sigmoid", "BCE with logits")
    assert describe(make_config(loss_params={"pos_weight": 9.0})) == (*plain[:3], "BCE with logits, pos_weight 9")
    assert describe(make_config(loss_params={"pos_weight": 1.0})) == plain
    mlp = make_config(
        model="mlp",
        widths=(64, 32),
        head="softmax2",
        loss="cross_entropy",
        loss_params={"class_weight": "balanced", "label_smoothing": 0.1},
    )
    assert describe(mlp) == (
        plain[0],
        "MLP 64-32",
        "Two logits, softmax",
        "Cross-entropy, Class weights balanced, Label smoothing 0.1",
    )


def test_description_names_the_digit_the_batch_norm_and_an_activation_that_was_chosen():
    config = make_config(
        dataset_params={"digit": 3, "prevalence": "5%"},
        model="cnn",
        widths=(8, 16),
        batch_norm=True,
        activation="sigmoid",
    )
    assert describe(config) == (
        "Digits: one-vs-rest, Positive digit 3, Prevalence 5%",
        "CNN 8-16, batch norm",
        "One logit, sigmoid, sigmoid in the network",
        "BCE with logits",
    )


# --- which runs are trained together


def test_runs_that_differ_in_what_a_stack_shares_are_trained_apart():
    configs = [make_config(batch_size=size, lr=lr) for size, lr in ((10, 0.1), (20, 0.2), (10, 0.3), (20, 0.4))]
    assert stacks(configs) == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    "model",
    [{"model": "mlp", "widths": (64, 64), "batch_size": 64}, {"model": "cnn", "widths": (8, 16), "batch_size": 32}],
    ids=["mlp", "cnn"],
)
def test_a_stack_is_parted_into_equal_parts_that_keep_a_step_short_and_small(model):
    config = make_config(dataset="mnist_5k", head="softmax", loss="cross_entropy", **model)
    parts = stacks([config] * 200)
    assert [at for part in parts for at in part] == list(range(200))
    assert 1 < len(parts) < 20
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    shape = shape_of(config, 784, (28, 28))
    largest = config.batch_size * max(map(len, parts))
    assert largest * shape.row_work(10) <= STACK_WORK
    assert largest * 4 * shape.row_floats() <= STACK_BYTES


def test_a_run_that_is_larger_than_a_part_trains_alone():
    config = make_config(dataset="mnist_5k", head="softmax", loss="cross_entropy", batch_size=3000)
    wide = config.model_copy(update={"model": "mlp", "widths": (128,)})
    assert stacks([wide] * 3) == [[0], [1], [2]]
