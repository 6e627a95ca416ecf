"""Experiments: which choices differ from variant to variant, what a variant is called, and sweeps over a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from core.errors import CutoffError
from core.experiment.compatibility import fixed, params_for
from core.experiment.config import MAX_RUNS, MAX_SEED, NUMBERS, SETTINGS, Experiment, RunConfig, Variant
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved
from core.parameters import Param, Value, defaults
from core.text import shortened

MAX_SEEDS = 50
LONGEST = 70  # characters of a name that follows from the choices


def shared_with(config: RunConfig, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """The variants with every choice in which they may not differ taken from `config`."""
    common = {name: getattr(config, name) for name, setting in SETTINGS.items() if not setting.varies}
    return tuple(v.model_copy(update={"config": v.config.model_copy(update=common)}) for v in variants)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """`count` seeds from `first` on; after the largest comes 0."""
    return tuple((first + i) % (MAX_SEED + 1) for i in range(count))


def names_of(configs: Sequence[RunConfig]) -> list[str]:
    """What to call configurations that have no name: the loss, and whatever tells them apart.

    A parameter of the loss is named where it is not at its default or where variants of the same loss differ in it.
    Equal ones are told apart by a number, long ones are cut.
    """
    said = [_choices(config) for config in configs]
    return distinct([_name(config, own, said) for config, own in zip(configs, said, strict=True)])


def distinct(names: Sequence[str]) -> list[str]:
    """The names, equal ones told apart by a number."""
    return [_numbered(names, i) for i in range(len(names))]


def _name(config: RunConfig, own: dict[str, str], said: Sequence[dict[str, str]]) -> str:
    alike = [one for one in said if one["loss"] == own["loss"]]
    chosen = {f"loss.{name}" for name, _ in config.loss_params}
    parts = []
    for key, words in own.items():
        among = alike if key == "head" or key.startswith("loss.") else said
        differs = len({one.get(key) for one in among}) > 1
        if differs or key == "activation" or (key in chosen and len(alike) < len(said)):
            parts.append(words)
    if len(alike) > 1 and parts and parts[0] == own["loss"]:
        parts = [*parts[1:], parts[0]]  # what tells them apart comes first, since figures cut names
    return shortened(" · ".join(parts) or own["loss"], LONGEST)


def _numbered(names: Sequence[str], i: int) -> str:
    before = names[:i].count(names[i])
    return f"{names[i]} ({before + 1})" if before else names[i]


def _choices(config: RunConfig) -> dict[str, str]:
    """What a variant chooses, in words; parameters at their defaults as well, since another may have another."""
    said = {"loss": LOSSES[config.loss].label, "head": HEADS[config.head].label}
    if resolved(config.head, config.activation, config.loss) != resolved(config.head, "auto", config.loss):
        said["activation"] = f"{ACTIVATIONS[config.activation].label} in the network"
    params = params_for(config.head, config.loss)
    values = defaults(params) | dict(config.loss_params)
    said |= {f"loss.{param.name}": f"{param.label} {_value(values[param.name])}" for param in params}
    return said | {
        name: field_label(name, config)
        for name, setting in SETTINGS.items()
        if setting.varies and setting.group == "training"
    }


def field_label(name: str, config: RunConfig) -> str:
    """A field of a configuration in words, as in "learning rate 0.003"."""
    setting, value = SETTINGS[name], getattr(config, name)
    if setting.options:
        return setting.options[value]
    return f"{setting.words} {_value(value)}"


def _value(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def sweepable(config: RunConfig) -> dict[str, Param]:
    """The numbers of a configuration that a sweep may vary, by key: "loss.<name>" or the field's name."""
    params = params_for(config.head, config.loss)
    found = {f"loss.{param.name}": param for param in params if param.low is not None}
    return found | {name: param for name, param in NUMBERS.items() if SETTINGS[name].sweeps and not fixed(name, config)}


def value_of(config: RunConfig, key: str) -> Value:
    """What a configuration has for a key of `sweepable`."""
    if key.startswith("loss."):
        name = key.removeprefix("loss.")
        return (defaults(params_for(config.head, config.loss)) | dict(config.loss_params))[name]
    value: Value = getattr(config, key)
    return value


def with_value(config: RunConfig, key: str, value: Value) -> RunConfig:
    """The configuration with another number for a key of `sweepable`; one at its default is not written down."""
    if not key.startswith("loss."):
        return config.model_copy(update={key: value})
    name = key.removeprefix("loss.")
    plain = defaults(params_for(config.head, config.loss))[name]
    params = dict(config.loss_params) | {name: value}
    if value == plain:
        del params[name]
    return config.model_copy(update={"loss_params": tuple(sorted(params.items()))})


def sweep(config: RunConfig, key: str, low: float, high: float, steps: int, log: bool) -> tuple[RunConfig, ...]:
    """`config` with `steps` values of one number, from `low` to `high`, both included, evenly spaced or by logarithm.

    Values are rounded to four significant digits, those of a whole number to the next one; equal values count once.
    Raises CutoffError for a key that can't be swept, an empty or too long sweep, and a value outside the range.
    """
    known = sweepable(config)
    if key not in known:
        raise CutoffError(f"Expected a sweep over one of {', '.join(known)}, but got {key!r}.")
    if not 2 <= steps <= MAX_RUNS:
        raise CutoffError(f"Expected a sweep of 2 to {MAX_RUNS} steps, but got {steps}.")
    if not low < high:
        raise CutoffError(f"Expected the sweep to go from a smaller to a larger value, but got {low:g} to {high:g}.")
    if log and low <= 0:
        raise CutoffError(f"Expected a logarithmic sweep to begin above 0, but got {low:g}.")
    param = known[key]
    values = np.geomspace(low, high, steps) if log else np.linspace(low, high, steps)
    rounded = dict.fromkeys(round(v) if param.integer else float(f"{v:.4g}") for v in values.tolist())
    return tuple(with_value(config, key, param.check(value)) for value in rounded)


def swept(experiment: Experiment) -> tuple[str, list[float]] | None:
    """The key and the values (V,) of the one number that tells all variants apart, in order; None if there is none.

    At least three variants, all else equal: what a sweep makes.
    """
    configs = [variant.config for variant in experiment.variants]
    if len(configs) < 3:
        return None
    for key in sweepable(configs[0]):
        if any(key not in sweepable(config) for config in configs):
            continue
        values = [float(value_of(config, key)) for config in configs]
        same = {with_value(config, key, value_of(configs[0], key)) for config in configs}
        if len(same) == 1 and len(set(values)) == len(values):
            return key, values
    return None
