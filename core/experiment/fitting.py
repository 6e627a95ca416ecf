"""Change the choices of an experiment: those that still fit are kept, others get their recommended value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.data import dataset_spec, is_table, load_dataset, load_split
from core.errors import CutoffError
from core.experiment.compatibility import (
    Pairs,
    batch_misfit,
    fixed,
    heads_for,
    losses_for,
    misfit,
    params_for,
    recommended,
)
from core.experiment.config import SETTINGS, Experiment, RunConfig, Variant, make_config
from core.experiment.variants import distinct, names_of
from core.losses import LOSSES, loss_tensors
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import label_counts
from core.models import MODELS
from core.parameters import Value
from core.text import counted

LABELS: Mapping[str, Mapping[str, Any]] = {"model": MODELS, "head": HEADS, "loss": LOSSES, "activation": ACTIVATIONS}
# Final activations that belong to the link of a head.
FAMILIES = {"sigmoid": ("none", "sigmoid"), "softmax": ("none", "softmax", "log_softmax"), "none": ("none",)}


def fitted(experiment: Experiment, dataset: str, dataset_params: Pairs = ()) -> tuple[Experiment, list[str]]:
    """Change the data of an experiment: choices that fit are kept, others get their recommended value.

    It never selects a mistake, and does not keep a choice that would be one on the new data. Variants that become equal
    are merged. A custom name is kept unless the choices of its variant changed.

    Parameters
    ----------
    experiment : a valid experiment.
    dataset : the new data set, as `load_dataset` takes it.
    dataset_params : (name, value) pairs. Invalid ones are dropped, and all of them if the data can't be loaded with
    them.

    Returns
    -------
    experiment : the experiment on the new data, valid if the data can be loaded.
    changes : one sentence for each choice that was changed, without duplicates.
    """
    changes: list[str] = []
    params = _usable(dataset, dataset_params, experiment.variants[0].config.split_seed, changes)
    configs = [_fitted(variant.config, dataset, params, changes) for variant in experiment.variants]
    size = min(config.batch_size for config in configs)
    configs = [config.model_copy(update={"batch_size": size}) for config in configs]
    kept = [at for at, config in enumerate(configs) if config not in configs[:at]]
    if left := len(configs) - len(kept):
        what = counted(left, "variant was", "variants were")
        changes.append(f"{what} removed, because on this data they would equal other variants.")
    before = names_of([variant.config for variant in experiment.variants])
    plain = names_of([configs[at] for at in kept])
    names = []
    for at, name in zip(kept, plain, strict=True):
        variant = experiment.variants[at]
        stays = variant.name != before[at] and _own(variant.config) == _own(configs[at])
        names.append(variant.name if stays else name)
    variants = tuple(
        Variant(name=name, config=configs[at], colour=experiment.variants[at].colour)
        for at, name in zip(kept, distinct(names), strict=True)
    )
    return Experiment(variants=variants, seeds=experiment.seeds), list(dict.fromkeys(changes))


def with_choices(config: RunConfig, **choices: Any) -> tuple[RunConfig, list[str]]:
    """Change some choices of a configuration and keep the others where they fit.

    Choices that no longer fit get their recommended value. It never selects a mistake by itself. On another table of
    one's own the parameters of the loss are the default ones again: they were chosen for other data.

    Parameters
    ----------
    config : a valid configuration.
    choices : new values by field, as `make_config` takes them.

    Returns
    -------
    config : the new configuration, valid if `choices` fit each other.
    changes : one sentence for each other choice that was changed.

    Raises
    ------
    CutoffError
        If a value is not valid by itself.
    """
    chosen = {name: getattr(make_config(**{name: value}), name) for name, value in choices.items()}
    changes: list[str] = []
    params = chosen.get("dataset_params", config.dataset_params if "dataset" not in chosen else ())
    if {"dataset", "dataset_params"} & set(chosen):
        split_seed = chosen.get("split_seed", config.split_seed)
        chosen["dataset_params"] = _usable(chosen.get("dataset", config.dataset), params, split_seed, changes)
    data = chosen.get("dataset", config.dataset)
    if data != config.dataset and is_table(data) and "loss_params" not in chosen:
        chosen["loss_params"] = ()
        changes += _sentences("loss_params", config, config.model_copy(update={"loss_params": ()}))
    return _refitted(config, chosen, changes), changes


def head_for(config: RunConfig, loss: str) -> str | None:
    """The head that lets this data be trained with a loss: the one of `config` if it fits; None if no head does."""
    heads = [config.head, *heads_for(config.dataset)]
    return next((head for head in heads if loss in losses_for(config.dataset, head)), None)


def _own(config: RunConfig) -> list[object]:
    """The choices in which variants may differ."""
    return [getattr(config, name) for name, setting in SETTINGS.items() if setting.varies]


def _usable(dataset: str, params: Pairs, split_seed: int, changes: list[str]) -> Pairs:
    """The valid parameters of a data set; none if it can't be loaded with them."""
    known = {param.name: param for param in dataset_spec(dataset).params}
    kept = []
    for name, value in params:
        try:
            kept.append((name, known[name].check(value)))
        except (KeyError, CutoffError):
            changes.append(f"{dataset_spec(dataset).label} does not take {name} {value}, so it is dropped.")
    try:
        load_split(dataset, tuple(kept), split_seed)
    except CutoffError as error:
        changes.append(f"{error} The default parameters are used.")
        return ()
    return tuple(kept)


def _fitted(old: RunConfig, dataset: str, params: Pairs, changes: list[str]) -> RunConfig:
    """A configuration on the new data, with valid parameters of the data."""
    return _refitted(old, {"dataset": dataset, "dataset_params": params}, changes)


def _refitted(old: RunConfig, chosen: Mapping[str, Any], changes: list[str]) -> RunConfig:
    """A configuration with the chosen values, and others where the old ones do not fit them."""
    config = old.model_copy(update=dict(chosen))
    for name in SETTINGS:
        if name in chosen or name == "dataset_params":
            continue
        value = _value(name, old, config)
        if value != getattr(config, name):
            config = config.model_copy(update={name: value})
            changes += [] if fixed(name, old) else _sentences(name, old, config)  # what had no effect changes nothing
    return config


def _value(name: str, old: RunConfig, config: RunConfig) -> object:
    """The new value of a field, given the fields before it, which have been fitted."""
    other_task = dataset_spec(old.dataset).task != dataset_spec(config.dataset).task
    if name == "head" and other_task:
        return _head(config)
    if name == "loss" and LOSSES[config.loss].mistake and other_task:
        return recommended("loss", config)
    if name == "loss_params":
        return _loss_params(config) if config.loss == old.loss else ()
    if name == "activation" and not _same_output(old, config):
        return "auto"
    if name == "batch_size":
        return _batch_size(config)
    return recommended(name, config) if misfit(name, config) else getattr(config, name)


def _head(config: RunConfig) -> str:
    """The first head for the task of the data that fits the loss, or else the first one."""
    made_for = [head for head in heads_for(config.dataset) if HEADS[head].tasks[0] == dataset_spec(config.dataset).task]
    return next((head for head in made_for if config.loss in losses_for(config.dataset, head)), made_for[0])


def _loss_params(config: RunConfig) -> tuple[tuple[str, Value], ...]:
    """The loss parameters that are valid with this head and this data."""
    data = load_dataset(config.dataset, config.dataset_params)
    counts = label_counts(data.y, HEADS[config.head].outputs(len(data.class_names)))
    known = [param.name for param in params_for(config.head, config.loss)]

    def fits(name: str, value: Value) -> bool:
        try:
            loss_tensors(config.loss, [{name: value}], counts)
        except CutoffError:
            return False
        return name in known

    return tuple((name, value) for name, value in config.loss_params if fits(name, value))


def _same_output(old: RunConfig, config: RunConfig) -> bool:
    """Whether the final activation has the same role as before: the same link, and a loss that expects the same."""
    if config.activation == "auto" or dataset_spec(old.dataset).task == dataset_spec(config.dataset).task:
        return not misfit("activation", config)
    link = HEADS[config.head].link
    same = link == HEADS[old.head].link and LOSSES[config.loss].expects == LOSSES[old.loss].expects
    return same and config.activation in FAMILIES[link] and not misfit("activation", config)


def _batch_size(config: RunConfig) -> int:
    """The batch size, or else the largest power of two below it that fits the data and the model."""
    sizes: Sequence[int] = [config.batch_size, *(2**k for k in range(16, -1, -1) if 2**k < config.batch_size)]
    return next((size for size in sizes if not batch_misfit(config.model_copy(update={"batch_size": size}))), sizes[-1])


def _written(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sentences(name: str, old: RunConfig, config: RunConfig) -> list[str]:
    """Sentences on how a field changed; one for each parameter."""
    before, now = getattr(old, name), getattr(config, name)
    if name == "payoffs":
        return []  # the sentence on the metric says it
    if name == "loss_params":
        if old.loss != config.loss:
            return []  # the sentence on the loss says it
        gone = [f"{param} {_written(value)}" for param, value in before if (param, value) not in now]
        return [f"{LOSSES[config.loss].label}: {what} is dropped." for what in gone]
    setting, labels = SETTINGS[name], LABELS.get(name, {})

    def words(value: Any) -> str:
        if value == "auto":
            return "the default for this loss"
        return labels[value].label if value in labels else setting.write(value) or "none"

    return [f"{setting.label}: {words(now)} instead of {words(before)}."]
