"""Other data for an experiment: it can be trained, nothing turns into a mistake, and what changed is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import checks
from core.checks import CHECKS
from core.data import DATASETS, load_split
from core.errors import CutoffError
from core.experiment.compatibility import CHOICES, TASKS, check, check_experiment, heads_for, losses_for
from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.experiment.fitting import fitted, head_for, with_choices
from core.experiment.presets import PRESETS
from core.experiment.variants import names_of, shared_with, sweep
from core.losses import LOSSES
from core.losses.heads import HEADS
from tests.support.configs import sensible_configs

OF_TASK = {task: [name for name, spec in DATASETS.items() if spec.task == task] for task in TASKS}
SMALL = [name for name in DATASETS if name not in ("mnist_5k", "shuttle", "fraud")]


def as_experiment(*configs: RunConfig, names: list[str] | None = None) -> Experiment:
    names = names or names_of(configs)
    return Experiment(variants=tuple(Variant(name=n, config=c) for n, c in zip(names, configs, strict=True)))


def swept(key: str, **choices: object) -> Experiment:
    return as_experiment(*sweep(make_config(**choices), key, 1, 100, 16, "log"))


EXPERIMENTS = {name: preset.experiment for name, preset in PRESETS.items()} | {
    "sweep of pos_weight": swept("loss.pos_weight"),
    "sweep of lr": swept("lr"),
    "sweep of one-vs-rest": swept("loss.pos_weight", dataset="digits", head="one_vs_rest"),
    "sweep on values": swept("lr", dataset="line", head="identity", loss="huber"),
}


def wrong_outputs(config: RunConfig) -> set[str]:
    """The codes of mistakes and cautions of the output that the checks find."""
    codes = {finding.code for finding in checks.of_config(config)}
    return {code for code in codes if code.startswith("C1") and CHECKS[code].severity != "note"}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_preset_or_a_sweep_goes_on_with_data_of_any_task(experiment: Experiment, task: str):
    dataset = OF_TASK[task][0]
    found, changes = fitted(experiment, dataset)
    assert check_experiment(found) is found
    assert {variant.config.dataset for variant in found.variants} == {dataset}
    assert len({variant.config for variant in found.variants}) == len(found.variants)
    assert found.seeds == experiment.seeds
    assert all(sentence.endswith(".") for sentence in changes)
    assert len(set(changes)) == len(changes)
    before = set().union(*(wrong_outputs(variant.config) for variant in experiment.variants))
    assert all(wrong_outputs(variant.config) <= before for variant in found.variants)
    if DATASETS[experiment.variants[0].config.dataset].task != task:
        assert changes


@settings(deadline=None, max_examples=150)
@given(sensible_configs(SMALL), st.sampled_from(SMALL))
def test_nothing_becomes_a_mistake_and_what_fits_stays(config: RunConfig, dataset: str):
    try:
        check(config)
    except Exception:  # parameters of the data that don't go together
        return
    (variant,) = fitted(as_experiment(config), dataset)[0].variants
    found = check(variant.config)
    same_task = DATASETS[dataset].task == DATASETS[config.dataset].task
    for name in ("lr", "epochs", "optimizer", "momentum", "schedule", "patience", "weight_decay", "seed", "split_seed"):
        assert getattr(found, name) == getattr(config, name)
    if same_task:
        assert (found.head, found.loss, found.activation) == (config.head, config.loss, config.activation)
    else:
        assert wrong_outputs(found) <= wrong_outputs(config)
    if config.loss in losses_for(dataset, found.head) and not LOSSES[config.loss].mistake:
        assert found.loss == config.loss


def test_the_same_data_changes_nothing():
    for experiment in EXPERIMENTS.values():
        config = experiment.variants[0].config
        assert fitted(experiment, config.dataset, config.dataset_params) == (experiment, [])


def test_images_of_classes_become_labels_without_a_mistake():
    config = make_config(dataset="mnist_5k", head="softmax", loss="cross_entropy", model="cnn", widths=(8, 16))
    found, changes = fitted(as_experiment(config), "yeast")
    (variant,) = found.variants
    assert (variant.config.head, variant.config.loss, variant.config.model) == ("sigmoids", "bce", "linear")
    assert changes == [
        "Model: Linear instead of CNN.",
        "Hidden layers: none instead of 8-16.",
        f"Head: {HEADS['sigmoids'].label} instead of {HEADS['softmax'].label}.",
        f"Loss: {LOSSES['bce'].label} instead of {LOSSES['cross_entropy'].label}.",
    ]


def test_a_deliberate_mistake_stays_where_it_is_the_same_one():
    twice = make_config(dataset="digits", head="softmax", loss="cross_entropy", activation="softmax")
    (variant,) = fitted(as_experiment(twice), "moons")[0].variants
    assert (variant.config.head, variant.config.activation) == ("softmax2", "softmax")


def test_a_sweep_of_what_the_other_loss_lacks_becomes_one_variant():
    found, changes = fitted(swept("loss.pos_weight"), "diabetes")
    assert len(found.variants) == 1
    assert "15 variants were removed, because on this data they would equal other variants." in changes


def test_a_name_stays_with_what_it_was_given_to():
    race = as_experiment(make_config(), make_config(loss="focal"), names=["mine", "also mine"])
    same, _ = fitted(race, "moons")
    assert [variant.name for variant in same.variants] == ["mine", "also mine"]
    other, _ = fitted(as_experiment(make_config(), make_config(lr=0.1), names=["mine", "faster"]), "diabetes")
    assert [variant.name for variant in other.variants] == names_of([v.config for v in other.variants])


def test_a_batch_larger_than_the_data_becomes_the_next_power_of_two_that_fits():
    found, changes = fitted(as_experiment(make_config(batch_size=800)), "wine")
    rows = len(load_split("wine").y["train"])
    size = found.variants[0].config.batch_size
    assert size <= rows < 2 * size
    assert f"Batch size: {size} instead of 800." in changes


def test_parameters_that_do_not_fit_are_left_out_and_said():
    config = make_config(head="softmax2", loss="cross_entropy", loss_params={"class_weight": "1, 9"})
    found, changes = fitted(as_experiment(config), "wine", (("nothing", 1), ("prevalence", "5%")))
    assert found.variants[0].config.loss_params == ()
    assert found.variants[0].config.dataset_params == ()
    assert sum("dropped" in sentence for sentence in changes) == 3
    found, changes = fitted(as_experiment(make_config()), "gaussians", (("samples", 200), ("prevalence", 0.01)))
    assert found.variants[0].config.dataset_params == ()
    assert changes[0].endswith("The default parameters are used.")


def test_every_head_that_is_chosen_is_one_of_the_data():
    for dataset in DATASETS:
        (variant,) = fitted(as_experiment(RunConfig()), dataset)[0].variants
        assert variant.config.head in heads_for(dataset)
        assert not wrong_outputs(variant.config)
        assert shared_with(variant.config, [variant]) == (variant,)


def test_a_head_brings_its_loss_and_a_loss_its_head():
    config = make_config(dataset="fraud", loss_params={"pos_weight": 20})
    found, changes = with_choices(config, head="softmax2")
    assert check(found) == config.model_copy(update={"head": "softmax2", "loss": "cross_entropy", "loss_params": ()})
    assert changes == [f"Loss: {LOSSES['cross_entropy'].label} instead of {LOSSES['bce'].label}."]
    assert with_choices(config, head=head_for(config, "cross_entropy"), loss="cross_entropy") == (found, [])
    assert head_for(config, "focal") == "sigmoid"
    assert head_for(found, "brier") == "softmax2"
    assert head_for(config, "mse") is None


def test_what_had_no_effect_is_not_said_to_change():
    found, changes = with_choices(RunConfig(), model="mlp")
    assert found.widths == (64, 64)
    assert not changes
    found, changes = with_choices(found.model_copy(update={"hidden": "tanh"}), model="linear")
    assert found == RunConfig()
    assert len(changes) == 2


@settings(deadline=None, max_examples=100)
@given(sensible_configs(SMALL), st.data())
def test_any_single_choice_leaves_a_configuration_that_can_be_trained(config: RunConfig, data: st.DataObject):
    try:
        check(config)
    except CutoffError:  # parameters of the data that don't go together
        return
    name = data.draw(st.sampled_from(["model", "head", "loss", "activation", "dataset", "optimizer"]))
    value = data.draw(st.sampled_from(SMALL if name == "dataset" else CHOICES[name].offered(config)))
    found, changes = with_choices(config, **{name: value})
    assert getattr(check(found), name) == value
    if name != "dataset" and not changes:
        hidden = {"widths", "hidden", "batch_norm", "momentum"}  # of no effect in one of the two
        same = set(type(config).model_fields) - {name, "loss_params"} - hidden
        assert all(getattr(found, other) == getattr(config, other) for other in same)


def test_a_choice_that_is_no_choice_is_refused():
    with pytest.raises(CutoffError, match="`lr`"):
        with_choices(RunConfig(), lr=-1)
