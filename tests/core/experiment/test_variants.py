"""Experiments: names, sweeps, and the way through a link and back."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from core.data import load_dataset, load_split
from core.data.plane import MARGIN, SIDE, plane, points, standardised_points
from core.errors import CutoffError
from core.experiment.config import (
    MAX_RUNS,
    MAX_SEED,
    NUMBERS,
    SETTINGS,
    Experiment,
    RunConfig,
    Variant,
    make_config,
)
from core.experiment.links import experiment_from_query, experiment_to_query
from core.experiment.variants import (
    balancing_weight,
    field_label,
    main_parameter,
    names_of,
    shared_with,
    sweep,
    sweepable,
    swept,
    value_of,
    with_value,
)
from tests.support.configs import experiments

WEIGHT = "loss.pos_weight"


def as_experiment(configs, seeds=(0,)) -> Experiment:
    names = names_of(configs)
    return Experiment(
        variants=tuple(Variant(name=n, config=c) for n, c in zip(names, configs, strict=True)), seeds=seeds
    )


# --- names


def test_names_say_what_tells_variants_apart():
    plain, heavy = RunConfig(), make_config(loss_params={"pos_weight": 9.0})
    focal, fast = make_config(loss="focal"), make_config(lr=0.1)
    assert names_of([plain]) == ["BCE with logits"]
    assert names_of([plain, focal]) == ["BCE with logits", "Focal"]
    assert names_of([plain, heavy]) == ["pos_weight 1", "pos_weight 9"]
    assert names_of([plain, heavy, focal]) == [
        "pos_weight 1 · BCE with logits",
        "pos_weight 9 · BCE with logits",
        "Focal",
    ]
    assert names_of([plain, fast]) == ["learning rate 0.003", "learning rate 0.1"]
    assert names_of([plain, plain, plain]) == ["BCE with logits", "BCE with logits (2)", "BCE with logits (3)"]


def test_shared_choices_are_taken_over_and_a_variants_own_are_not():
    variants = as_experiment([RunConfig(), make_config(loss="focal", lr=0.5)]).variants
    found = shared_with(make_config(dataset="moons", epochs=7, lr=0.9), variants)
    assert [v.config.dataset for v in found] == ["moons", "moons"]
    assert [v.config.epochs for v in found] == [7, 7]
    assert [v.config.lr for v in found] == [0.003, 0.5]
    assert found[1].config.loss == "focal"


# --- sweeps


def test_sweep_holds_both_ends_and_equal_steps():
    by_ratio = [value_of(c, WEIGHT) for c in sweep(RunConfig(), WEIGHT, 1, 100, 5, "log")]
    assert by_ratio == pytest.approx([1, 3.162, 10, 31.62, 100])
    evenly = [value_of(c, "lr") for c in sweep(RunConfig(), "lr", 0.1, 0.5, 5, "linear")]
    assert evenly == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ((WEIGHT, 1, 100, 1, "log"), f"Expected a sweep of 2 to {MAX_RUNS} steps, but got 1."),
        ((WEIGHT, 1, 100, 257, "log"), f"Expected a sweep of 2 to {MAX_RUNS} steps, but got 257."),
        ((WEIGHT, 5, 5, 3, "log"), "Expected the sweep to go from a smaller to a larger value, but got 5 to 5."),
        ((WEIGHT, 0, 5, 3, "log"), "Expected a logarithmic sweep to begin above 0, but got 0."),
        ((WEIGHT, 1, 2000, 3, "log"), "Expected `pos_weight` to be a number from 0.01 to 1000, but got 2000.0."),
        (
            ("momentum", 0, 0.9, 3, "linear"),
            "Expected a sweep over one of loss.pos_weight, lr, weight_decay, but got",
        ),
    ],
)
def test_bad_sweep_is_one_sentence(choices, sentence):
    with pytest.raises(CutoffError) as caught:
        sweep(RunConfig(), *choices)
    assert str(caught.value).startswith(sentence)


def test_a_number_set_and_read_is_the_same_and_a_default_is_not_written_down():
    for config in (RunConfig(), make_config(loss="focal"), make_config(optimizer="sgd")):
        for key, param in sweepable(config).items():
            assert value_of(with_value(config, key, param.high), key) == param.high
            assert with_value(with_value(config, key, param.high), key, value_of(config, key)) == config


def test_what_a_sweep_made_is_found_again_and_nothing_else():
    configs = sweep(RunConfig(), WEIGHT, 1, 100, 8, "log")
    key, values = swept(as_experiment(configs))
    assert key == WEIGHT
    assert values == [value_of(config, key) for config in configs]
    assert swept(as_experiment(configs[:2])) is None
    assert swept(as_experiment([*configs, make_config(loss="focal")])) is None
    assert swept(as_experiment([*configs, configs[0].model_copy(update={"lr": 0.5})])) is None


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.sweeps])
def test_every_field_that_may_be_swept_is_found_by_its_name(name: str):
    param = NUMBERS[name]
    configs = sweep(make_config(optimizer="sgd"), name, param.low, param.high, 5, "linear")
    values = [getattr(config, name) for config in configs]
    assert (values[0], values[-1]) == (param.low, param.high)
    assert swept(as_experiment(configs)) == (name, values)
    assert names_of(configs) == [field_label(name, config) for config in configs]
    assert experiment_from_query(experiment_to_query(as_experiment(configs))) == (as_experiment(configs), [])


# --- links


@settings(max_examples=100, deadline=None)
@given(experiments())
@example(as_experiment([make_config(seed=MAX_SEED)], seeds=(MAX_SEED, 0, 1)))
def test_a_link_gives_the_experiment_back(experiment):
    query = experiment_to_query(experiment)
    assert all(isinstance(text, str) for pair in query.items() for text in pair)
    assert experiment_from_query(query) == (experiment, [])


def test_a_link_says_only_what_is_not_the_same_in_all_variants():
    first = make_config(optimizer="sgd", loss="focal", loss_params={"gamma": 3.0}, lr=0.5)
    others = [first.model_copy(update={"lr": 0.003}), make_config(optimizer="sgd", lr=0.5)]
    query = experiment_to_query(as_experiment([first, *others]))
    assert query["loss"] == "focal"
    assert json.loads(query["variants"]) == {"lr": [None, "0.5"], "loss": ["focal", None], "loss.gamma": ["3.0", None]}
    assert json.loads(experiment_to_query(as_experiment([first, first]))["variants"]) == {"loss": ["focal"]}


@pytest.mark.parametrize("choices", [{}, {"head": "softmax2", "loss": "cross_entropy", "optimizer": "adamw"}])
def test_a_link_of_the_longest_sweep_fits_a_url(choices):
    config = make_config(dataset="gaussians", epochs=20, **choices)
    swept_by = WEIGHT if not choices else "lr"
    experiment = as_experiment(sweep(config, swept_by, 0.0101, 101.01, MAX_RUNS, "log"))
    assert len(experiment.variants) == MAX_RUNS
    query = experiment_to_query(experiment)
    assert len(urlencode(query)) < 5000
    assert experiment_from_query(query) == (experiment, [])


def test_link_of_the_default_choices_is_empty():
    assert experiment_to_query(as_experiment([RunConfig()])) == {}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            {"variants": "{"},
            "Expected `variants` to be JSON, lists of texts of the same length, but got something else.",
        ),
        ({"variants": '[{"lr":1}]'}, "Expected `variants` to be JSON, lists of texts"),
        ({"variants": '{"lr":["1"],"loss":[]}'}, "Expected `variants` to be JSON, lists of texts of the same length"),
        ({"variants": '{"lr":[1]}'}, "Expected `variants` to be JSON, lists of texts"),
        ({"variants": '{"lr":"1"}'}, "Expected `variants` to be JSON, lists of texts"),
        ({"variants": json.dumps({"lr": ["1"] * 256})}, "The limit is 256 variants. This link has 257, so only"),
        ({"variants": '{"loss":["nope"]}'}, "Expected `loss` to be one of"),
        ({"variants": '[{"loss":"focal"}]'}, "Expected `variants` to be JSON, lists of texts"),
        ({"variants": '{"lr":["0.1"],"epochs":["7"]}'}, "Variants can't differ in `epochs`"),
        ({"seeds": "0"}, "Expected `seeds` to be a whole number from 1 to 50, but got '0'."),
        ({"seeds": "many"}, "Expected `seeds` to be a whole number from 1 to 50, but got 'many'."),
        ({"colour": "9"}, "Expected `colour` to be a whole number from 0 to 7, but got '9'."),
        (
            {"name": "a", "variants": '{"name":["a"]}'},
            "Two variants have the name 'a', so all have their default names.",
        ),
    ],
)
def test_what_a_link_gets_wrong_is_one_sentence(query, sentence):
    experiment, complaints = experiment_from_query(query)
    assert len(complaints) == 1
    assert complaints[0].startswith(sentence)
    assert experiment.runs()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.text(), st.text())
def test_no_link_raises(variants, seeds, name):
    for text in (json.dumps(variants), name):
        experiment, _ = experiment_from_query({"variants": text, "seeds": seeds, "name": name})
        assert experiment.variants


# --- the plane


def test_grid_covers_the_data_with_a_margin_row_by_row():
    data = load_dataset("moons")
    xs, ys = plane(data)
    low, high = data.x.min(0), data.x.max(0)
    np.testing.assert_allclose([xs[0], ys[0]], low - MARGIN * (high - low), rtol=1e-5)
    np.testing.assert_allclose([xs[-1], ys[-1]], high + MARGIN * (high - low), rtol=1e-5)
    grid = points(data).reshape(SIDE, SIDE, 2)
    np.testing.assert_array_equal(grid[3, 5], [xs[5], ys[3]])


def test_grid_is_standardised_as_the_rows_are():
    data, split = load_dataset("moons"), load_split("moons")
    again = standardised_points(data, split) * split.deviation + split.mean
    np.testing.assert_allclose(again, points(data), atol=1e-5)
    rows = (data.x[split.rows["train"]] - split.mean) / split.deviation
    np.testing.assert_allclose(rows, split.x["train"], atol=1e-5)


def test_the_balancing_weight_is_scikit_learns_ratio_of_balanced_class_weights():
    for dataset in ("fraud", "breast_cancer"):
        config = make_config(dataset=dataset)
        y = load_split(dataset, (), config.split_seed).y["train"]
        zero, one = compute_class_weight("balanced", classes=np.array([0, 1]), y=y)
        assert balancing_weight(config) == pytest.approx(one / zero, rel=5e-3)
    assert balancing_weight(make_config(dataset="digits", head="softmax", loss="cross_entropy")) is None


def test_the_main_parameter_is_the_first_number_of_the_loss():
    def name(**choices: object) -> str | None:
        param = main_parameter(make_config(**choices))
        return param and param.name

    assert name() == "pos_weight"
    assert name(loss="focal") == "gamma"
    assert name(dataset="digits", head="softmax", loss="cross_entropy") == "label_smoothing"
    assert name(loss="soft_f1") is None
