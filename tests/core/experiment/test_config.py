from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import CutoffError
from core.experiment.config import MAX_RUNS, NUMBERS, SETTINGS, Experiment, RunConfig, Variant, make_config
from tests.support.configs import values_of

VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53), st.text())
WIDTHS = "one to four whole numbers from 1 to 1024, separated by dashes"
PARAMS = st.dictionaries(st.text(), st.one_of(VALUES, st.booleans()), max_size=3)
CONFIGS = st.builds(
    make_config,
    dataset=st.text(),
    dataset_params=PARAMS,
    loss_params=PARAMS,
    widths=st.lists(st.integers(1, 1024), max_size=4).map(tuple),
    lr=st.floats(1e-6, 1e6),
    weight_decay=st.floats(0, 10),
    batch_size=st.integers(1, 65536),
    epochs=st.integers(1, 2000),
    seed=st.integers(0, 2**31 - 1),
)


def refusal(**choices: object) -> str:
    with pytest.raises(CutoffError) as caught:
        make_config(**choices)
    return str(caught.value)


@given(CONFIGS)
def test_json_round_trip_gives_an_equal_config_with_an_equal_hash(config):
    again = RunConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert hash(again) == hash(config)


def test_order_in_which_parameters_are_given_does_not_matter():
    pairs = (("label_smoothing", 0.1), ("class_weight", "balanced"))
    as_pairs, as_dict = make_config(loss_params=pairs), make_config(loss_params=dict(reversed(pairs)))
    assert as_pairs == as_dict
    assert len({as_pairs, as_dict}) == 1


def test_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().lr = 1.0


def test_stack_key_ignores_exactly_what_may_differ_within_a_stack():
    plain = RunConfig()
    free = {"head": "softmax2", "activation": "sigmoid", "loss": "x", "loss_params": {"w": 2}}
    free |= {"lr": 0.5, "weight_decay": 0.1, "momentum": 0.9, "patience": 5, "best_by": "f1", "seed": 7}
    free |= {"payoffs": {"cost_fn": 2}}
    bound = {
        "dataset": "digits",
        "dataset_params": {"noise": 2},
        "split_seed": 1,
        "model": "mlp",
        "widths": (4,),
        "hidden": "tanh",
        "batch_norm": True,
        "optimizer": "sgd",
        "schedule": "cosine",
        "batch_size": 2,
        "epochs": 3,
    }
    assert set(free) | set(bound) == set(RunConfig.model_fields)
    assert all(make_config(**{name: value}).stack_key() == plain.stack_key() for name, value in free.items())
    assert all(make_config(**{name: value}).stack_key() != plain.stack_key() for name, value in bound.items())


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"lr": 0}, "Expected `lr` to be a number from 1e-06 to 1e+06, but got 0."),
        ({"epochs": 2001}, "Expected `epochs` to be a whole number from 1 to 2000, but got 2001."),
        ({"widths": (4, 0)}, f"Expected `widths` to be {WIDTHS}, but got (4, 0)."),
        ({"widths": (1,) * 5}, f"Expected `widths` to be {WIDTHS}, but got (1, 1, 1, 1, 1)."),
        ({"dataset": None}, "Expected `dataset` to be text, but got None."),
        ({"loss_params": {1: 2.0}}, "Expected `loss_params` to be values by name, but got {1: 2.0}."),
    ],
)
def test_bad_choice_is_refused_with_its_name_and_what_was_got(choices, sentence):
    assert refusal(**choices) == sentence


@pytest.mark.parametrize("name", ["lr", "weight_decay"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_rates_have_to_be_finite(name, value):
    assert refusal(**{name: value}).endswith(f"but got {value!r}.")


def test_unknown_choice_is_refused_with_the_ones_there_are():
    sentence = refusal(learning_rate=0.1)
    assert sentence.startswith("Expected one of dataset, ")
    assert sentence.endswith("but got `learning_rate`.")


def test_every_field_is_declared_in_the_table_and_no_two_share_a_link_key():
    assert list(SETTINGS) == list(RunConfig.model_fields)
    assert all(setting.label for setting in SETTINGS.values())
    assert len({setting.link or name for name, setting in SETTINGS.items()}) == len(SETTINGS)


def test_every_number_has_a_range_that_holds_its_default_and_its_own_ends():
    for name, field in RunConfig.model_fields.items():
        assert (name in NUMBERS) == (type(field.default) in (int, float))
    for name, param in NUMBERS.items():
        assert param.low <= param.default <= param.high
        assert [getattr(make_config(**{name: end}), name) for end in (param.low, param.high)] == [param.low, param.high]
        for beyond in (param.low - 1, param.high + 1, "many"):
            assert refusal(**{name: beyond}) == f"Expected `{name}` to be {param.range_text}, but got {beyond!r}."


def test_what_may_be_swept_is_a_number_in_which_variants_may_differ():
    swept = [name for name, setting in SETTINGS.items() if setting.sweeps]
    assert swept
    assert all(name in NUMBERS and SETTINGS[name].varies for name in swept)


@given(st.data())
def test_every_number_is_read_from_the_text_that_a_link_has_of_it(data):
    name = data.draw(st.sampled_from(list(NUMBERS)))
    value = data.draw(values_of(NUMBERS[name]))
    assert getattr(make_config(**{name: SETTINGS[name].write(value)}), name) == value


def experiment(names: list[str], seeds: int) -> Experiment:
    variants = tuple(Variant(name=name, config=make_config(lr=0.1 + i)) for i, name in enumerate(names))
    return Experiment(variants=variants, seeds=tuple(range(seeds)))


def test_experiment_trains_every_variant_with_the_same_seeds():
    runs = experiment(["a", "b"], 3).runs()
    assert [(run.lr, run.seed) for run in runs] == [(lr, seed) for lr in (0.1, 1.1) for seed in (0, 1, 2)]


def test_experiment_refuses_two_variants_of_one_name():
    with pytest.raises(CutoffError, match=r"Two variants have the name 'a'\. Give each a different name\."):
        experiment(["a", "b", "a"], 1).runs()


def test_experiment_refuses_more_than_the_most_runs():
    names = [str(i) for i in range(MAX_RUNS // 2)]
    assert len(experiment(names, 2).runs()) == MAX_RUNS
    with pytest.raises(
        CutoffError,
        match=f"The limit is {MAX_RUNS} runs; this experiment has {MAX_RUNS // 2 * 3}",
    ):
        experiment(names, 3).runs()


@pytest.mark.parametrize("parts", [{"variants": ()}, {"seeds": ()}, {"seeds": (-1,)}, {"seeds": (2**31,)}])
def test_experiment_needs_a_variant_and_a_valid_seed(parts):
    with pytest.raises(ValidationError, match="validation error"):
        Experiment(**{"variants": (Variant(name="a", config=RunConfig()),), **parts})
