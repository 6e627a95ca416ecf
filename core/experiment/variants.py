"""Variants of an experiment: their shared choices, their default names, and sweeps over a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.data import dataset_spec, load_split
from core.errors import CutoffError
from core.experiment.compatibility import fixed, params_for
from core.experiment.config import MAX_RUNS, MAX_SEED, NUMBERS, SETTINGS, Experiment, RunConfig, Variant
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import label_counts, resolved
from core.parameters import Param, Value, defaults
from core.text import shortened

MAX_SEEDS = 50
LONGEST = 70  # characters of a default name

SPACINGS: dict[str, Callable[[float, float, int], NDArray[np.float64]]] = {"linear": np.linspace, "log": np.geomspace}


def shared_with(config: RunConfig, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """The variants with all choices that must be the same taken from `config`."""
    common = {name: getattr(config, name) for name, setting in SETTINGS.items() if not setting.varies}
    return tuple(v.model_copy(update={"config": v.config.model_copy(update=common)}) for v in variants)


def main_parameter(config: RunConfig) -> Param | None:
    """The first parameter of the loss that is a number; None if there is none."""
    params = params_for(config.head, config.loss)
    return next((param for param in params if not isinstance(param.default, str | bool)), None)


def balancing_weight(config: RunConfig) -> float | None:
    """Negative over positive training rows of two classes in three digits, the pos_weight that balances them; None for
    other data."""
    if dataset_spec(config.dataset).task != "binary":
        return None
    train = load_split(config.dataset, config.dataset_params, config.split_seed).y["train"]
    rows, (positives,) = label_counts(train, outputs=1)
    return float(f"{(rows - positives) / positives:.3g}")


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """`count` consecutive seeds from `first` on; the largest seed is followed by 0."""
    return tuple((first + i) % (MAX_SEED + 1) for i in range(count))


def names_of(configs: Sequence[RunConfig]) -> list[str]:
    """Default names of configurations: the loss, and the choices in which they differ.

    A parameter of the loss is included if it is not at its default or if variants of the same loss differ in it. Equal
    names are numbered, long ones are shortened.
    """
    said = [_choices(config) for config in configs]
    return distinct([_name(config, own, said) for config, own in zip(configs, said, strict=True)])


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number added to repeated ones."""
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
        parts = [*parts[1:], parts[0]]  # the difference comes first, since figures shorten names
    return shortened(" · ".join(parts) or own["loss"], LONGEST)


def _numbered(names: Sequence[str], i: int) -> str:
    before = names[:i].count(names[i])
    return f"{names[i]} ({before + 1})" if before else names[i]


def _choices(config: RunConfig) -> dict[str, str]:
    """The choices of a variant in words, including defaults, since other variants may differ in them."""
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
    """A field of a configuration in words, such as "learning rate 0.003"."""
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
    """The value of a configuration for a key of `sweepable`."""
    if key.startswith("loss."):
        name = key.removeprefix("loss.")
        return (defaults(params_for(config.head, config.loss)) | dict(config.loss_params))[name]
    value: Value = getattr(config, key)
    return value


def with_value(config: RunConfig, key: str, value: Value) -> RunConfig:
    """The configuration with another value for a key of `sweepable`; loss parameters at their default are omitted."""
    if not key.startswith("loss."):
        return config.model_copy(update={key: value})
    name = key.removeprefix("loss.")
    plain = defaults(params_for(config.head, config.loss))[name]
    params = dict(config.loss_params) | {name: value}
    if value == plain:
        del params[name]
    return config.model_copy(update={"loss_params": tuple(sorted(params.items()))})


def sweep(config: RunConfig, key: str, low: float, high: float, steps: int, spacing: str) -> tuple[RunConfig, ...]:
    """Configurations that differ in one number.

    Parameters
    ----------
    config : all other choices.
    key : a key of `sweepable`.
    low, high : first and last value, low < high.
    steps : number of values, 2 <= steps <= MAX_RUNS.
    spacing : key in SPACINGS; low must be > 0 for "log".

    Returns
    -------
    configs : one per value. Values are rounded to four significant digits, or to whole numbers; duplicates are dropped.

    Raises
    ------
    CutoffError
        If an argument is invalid or a value is out of the range of this number.
    """
    known = sweepable(config)
    if key not in known:
        raise CutoffError(f"Expected a sweep over one of {', '.join(known)}, but got {key!r}.")
    if not 2 <= steps <= MAX_RUNS:
        raise CutoffError(f"Expected a sweep of 2 to {MAX_RUNS} steps, but got {steps}.")
    if not (low < high and math.isfinite(high - low)):
        raise CutoffError(f"Expected the sweep to go from a smaller to a larger value, but got {low:g} to {high:g}.")
    if spacing not in SPACINGS:
        raise CutoffError(f"Expected the spacing of a sweep to be one of {', '.join(SPACINGS)}, but got {spacing!r}.")
    if spacing == "log" and low <= 0:
        raise CutoffError(f"Expected a logarithmic sweep to begin above 0, but got {low:g}.")
    values = _spaced(low, high, steps, spacing, known[key].integer)
    return tuple(with_value(config, key, known[key].check(value)) for value in values)


def _spaced(low: float, high: float, steps: int, spacing: str, whole: bool) -> list[float]:
    """The values of a sweep, see there."""
    values = SPACINGS[spacing](low, high, steps)
    return list(dict.fromkeys(round(value) if whole else float(f"{value:.4g}") for value in values.tolist()))


def spacing_of(values: Sequence[float]) -> str | None:
    """The key in SPACINGS of a sweep with these values (V,); None if neither gives them."""
    low, high = values[0], values[-1]
    if not low < high:
        return None
    ways = [name for name in SPACINGS if low > 0 or name == "linear"]
    return next((name for name in ways if _spaced(low, high, len(values), name, False) == list(values)), None)


def swept(experiment: Experiment) -> tuple[str, list[float]] | None:
    """Detect a sweep: at least three variants that differ in one number only.

    Returns
    -------
    swept : the key in `sweepable` and the values (V,) in the order of variants; None if it is not a sweep.
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
