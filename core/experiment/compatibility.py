"""Which choices fit together: the values offered for each field of a `RunConfig`, and why others are not.

Only this module validates a `RunConfig` against the registries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data import dataset_spec, load_dataset, load_split
from core.errors import CutoffError
from core.experiment import refusals
from core.experiment.config import EARLY_STOPPING, HIDDEN, OPTIMIZERS, PAYOFFS, SETTINGS, Experiment, RunConfig
from core.losses import LOSSES, loss_tensors, params_of
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import label_counts
from core.models import MODELS, Shape
from core.parameters import Param, Value, checked

Pairs = tuple[tuple[str, Value], ...]
MAX_STEP_WORK = 1_000_000_000  # about half a second on one core, during which no other experiment trains
STACK_WORK, STACK_BYTES = 100_000_000, 48 << 20  # per step: a twentieth of a second
MAX_WEIGHTS = 40_000_000  # about a gigabyte with gradients and moments
TASKS = {
    "binary": "two classes",
    "multiclass": "more than two classes",
    "multilabel": "several labels per row",
    "regression": "values instead of classes",
}


def heads_for(dataset: str) -> list[str]:
    """The heads for the task of a data set."""
    return [name for name, head in HEADS.items() if dataset_spec(dataset).task in head.tasks]


def losses_for(dataset: str, head: str) -> list[str]:
    """The losses for the task of a data set and the outputs of a head."""
    task = dataset_spec(dataset).task
    return [name for name, loss in LOSSES.items() if head in loss.heads and task in loss.tasks]


def models_for(dataset: str) -> list[str]:
    """The models for a data set; a CNN needs images."""
    return [name for name, model in MODELS.items() if dataset_spec(dataset).image or not model.takes_images]


def activations_for(head: str, loss: str) -> list[str]:
    """ "auto", and every final activation that torch accepts before this loss, right or wrong."""
    if HEADS[head].link == "none":
        return ["auto", "none"]
    return ["auto"] + [name for name in ACTIVATIONS if not activation_refusal(loss, name)]


def params_for(head: str, loss: str) -> tuple[Param, ...]:
    """The parameters of a loss with this head."""
    return params_of(loss, several=HEADS[head].outputs(2) > 1)


def activation_refusal(loss: str, activation: str) -> str:
    """Why the loss can't be used after this activation, with torch's error if it has the loss; "" if it can."""
    if words := refusals.activation_sentence(loss, activation):
        return f"torch says: {words}"
    return LOSSES[loss].refusal if ACTIVATIONS[activation].gives != "probabilities" else ""


def loss_refusal(dataset: str, head: str, loss: str, dataset_params: Pairs = ()) -> str:
    """The error of torch for this loss with the outputs of this head and the labels of this data; "" if there is none.

    Raises CutoffError for an invalid parameter of the data.
    """
    words = _words(dataset, head, loss, dataset_params)
    return words and f"torch says: {words}"


def _words(dataset: str, head: str, loss: str, dataset_params: Pairs) -> str:
    if LOSSES[loss].torch_loss is None or loss in losses_for(dataset, head):
        return ""
    classes = len(load_dataset(dataset, dataset_params).class_names)
    return refusals.outputs_sentence(loss, dataset_spec(dataset).task, HEADS[head].outputs(classes), classes)


def param_refusal(loss: str, name: str) -> str:
    """The error of torch for a parameter that this loss lacks, and what to do instead; "" for any other name."""
    words = refusals.parameter_sentence(loss, name)
    return words and f"torch says: {words}; {refusals.INSTEAD[loss, name]}."


def heads_not_offered(dataset: str) -> dict[str, str]:
    """A sentence for every head that is not offered for this data, with the reason, by name."""
    task = dataset_spec(dataset).task
    return {
        name: f"{head.label}: for {' and '.join(TASKS[t] for t in head.tasks)}; this data has {TASKS[task]}."
        for name, head in HEADS.items()
        if name not in heads_for(dataset)
    }


def losses_not_offered(dataset: str, head: str, dataset_params: Pairs = ()) -> dict[str, str]:
    """A sentence for every loss that is not offered with these choices, with the reason, by name.

    Raises CutoffError for an invalid parameter of the data.
    """
    task = dataset_spec(dataset).task
    reasons: dict[str, str] = {}
    for name, loss in LOSSES.items():
        if name in losses_for(dataset, head):
            continue
        words = _words(dataset, head, name, dataset_params)
        if task not in loss.tasks:
            said = f"; torch says “{words}”" if words else ""
            reasons[name] = f"{loss.label}: for {' and '.join(TASKS[t] for t in loss.tasks)}{said}."
            continue
        wanted = " or ".join(f"“{HEADS[h].label}”" for h in loss.heads if task in HEADS[h].tasks)
        said = f"torch says “{words}”; it " if words else ""
        reasons[name] = f"{loss.label}: {said}needs the head {wanted}."
    return reasons


def not_taken(head: str, loss: str) -> list[str]:
    """A sentence for every final activation and parameter that this loss does not accept, with what to do instead."""
    label, offered = LOSSES[loss].label, activations_for(head, loss)
    reasons = [
        f"Final activation {spec.label} before {label}: {said}. Use {_listed(offered[1:])}."
        for name, spec in ACTIVATIONS.items()
        if HEADS[head].link != "none" and (said := activation_refusal(loss, name))
    ]
    return reasons + [f"{name} in {label}: {param_refusal(of, name)}" for of, name in refusals.INSTEAD if of == loss]


def _listed(activations: list[str]) -> str:
    return " or ".join(ACTIVATIONS[name].label for name in activations)


def describe(config: RunConfig) -> tuple[str, str, str, str]:
    """Describe a run.

    Returns
    -------
    data, model, head, loss : each with its parameters that differ from the defaults.
    """
    model = MODELS[config.model].label
    if config.widths:
        model += " " + "-".join(str(width) for width in config.widths)
    if config.hidden != "relu":
        model += f", {HIDDEN[config.hidden]}"
    if config.batch_norm:
        model += ", batch norm"
    head = HEADS[config.head].label
    if config.activation != "auto":
        head += f", {ACTIVATIONS[config.activation].label} in the network"
    spec = LOSSES[config.loss]
    return (
        _named(dataset_spec(config.dataset).label, dataset_spec(config.dataset).params, config.dataset_params),
        model,
        head,
        _named(spec.label, params_for(config.head, config.loss), config.loss_params),
    )


def _named(label: str, params: tuple[Param, ...], values: tuple[tuple[str, Value], ...]) -> str:
    """A label with the parameters that are not at their defaults."""
    plain = {param.name: (param.label, param.default) for param in params}
    changed = [(plain[name][0], value) for name, value in values if value != plain[name][1]]
    return ", ".join([label] + [f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in changed])


@dataclass(frozen=True)
class Choice:
    """A field of `RunConfig` whose value is a name.

    Parameters
    ----------
    registry : all names.
    offered : names that fit the fields before it.
    place : names these fields in error messages.
    refusal : says why a name is not offered; "" if there is nothing to add.
    """

    registry: Mapping[str, object]
    offered: Callable[[RunConfig], list[str]]
    place: str = ""
    refusal: Callable[[RunConfig], str] = lambda config: ""


def _of_options(options: Mapping[str, str]) -> Choice:
    return Choice(options, lambda config: list(options))


CHOICES: dict[str, Choice] = {
    "model": Choice(MODELS, lambda config: models_for(config.dataset), " for {0.dataset}"),
    "head": Choice(HEADS, lambda config: heads_for(config.dataset), " for {0.dataset}"),
    "loss": Choice(
        LOSSES,
        lambda config: losses_for(config.dataset, config.head),
        " for the head {0.head}",
        lambda config: loss_refusal(config.dataset, config.head, config.loss, config.dataset_params),
    ),
    "activation": Choice(
        ACTIVATIONS,
        lambda config: activations_for(config.head, config.loss),
        " for the loss {0.loss}",
        lambda config: activation_refusal(config.loss, config.activation),
    ),
} | {name: _of_options(setting.options) for name, setting in SETTINGS.items() if setting.options}


def recommended(name: str, config: RunConfig) -> Any:
    """The default of a field, given the fields before it; never a loss that is a mistake."""
    if name == "widths":
        return MODELS[config.model].widths
    default = RunConfig.model_fields[name].default
    if name not in CHOICES:
        return default
    offered = CHOICES[name].offered(config)
    if default in offered:
        return default
    return next(one for one in offered if name != "loss" or not LOSSES[one].mistake)


def fixed(name: str, config: RunConfig) -> str:
    """Why a field has no effect, given the fields before it, as the end of a sentence; "" if it has an effect."""
    needs = SETTINGS[name].needs
    if needs == "hidden layers" and not MODELS[config.model].widths:
        return f"a {config.model} model, which has no hidden layers"
    if needs == "SGD" and config.optimizer != "sgd":
        return f"{OPTIMIZERS[config.optimizer]}, which has its own"
    if needs == "scores" and dataset_spec(config.dataset).task == "regression":
        return "a regression, which has no scores"
    if needs == "net value" and config.best_by != "net_value":
        return f"early stopping by {EARLY_STOPPING[config.best_by]}"
    return ""


def misfit(name: str, config: RunConfig) -> str:
    """The error message for a field that does not fit the fields before it; "" if it fits."""
    value = getattr(config, name)
    if (reason := fixed(name, config)) and value != recommended(name, config):
        return f"Expected `{name}` to be {recommended(name, config) or 'left out'} for {reason}, but got {value!r}."
    if name == "dataset":
        return _unknown(config.dataset)
    if name in CHOICES:
        choice = CHOICES[name]
        offered = choice.offered(config)
        if value not in offered:
            known = value in choice.registry
            place = choice.place.format(config) if known else ""
            return expected(f"`{name}`{place}", offered, value, choice.refusal(config) if known else "")
    if name == "widths" and MODELS[config.model].widths and not value:
        return f"Expected `widths` of an {config.model} to have at least one hidden layer, but got none."
    if name == "payoffs":
        try:
            checked("`payoffs`", PAYOFFS, dict(config.payoffs))
        except CutoffError as error:
            return str(error)
    if name == "loss_params":
        known_params = [param.name for param in params_for(config.head, config.loss)]
        for param, _ in config.loss_params:
            if param not in known_params:
                what = f"`loss_params` for the loss {config.loss}"
                return expected(what, known_params, param, param_refusal(config.loss, param))
    return ""


def _unknown(dataset: str) -> str:
    """Why there is no data set of this name; "" if there is."""
    try:
        dataset_spec(dataset)
    except CutoffError as error:
        return str(error)
    return ""


def check(config: RunConfig) -> RunConfig:
    """Return `config` if it can be trained; raises CutoffError otherwise.

    Loads the data, to compare the batch size with the training rows and to check that each split has all classes.
    """
    for name in SETTINGS:
        if said := misfit(name, config):
            raise CutoffError(said)
    data = load_dataset(config.dataset, config.dataset_params)
    _, outputs = _shape(config)
    loss_tensors(config.loss, [dict(config.loss_params)], label_counts(data.y, outputs))
    if said := batch_misfit(config):
        raise CutoffError(said)
    return config


def batch_misfit(config: RunConfig) -> str:
    """The error message for a batch size that does not fit the data and the model; "" if it fits."""
    rows = len(load_split(config.dataset, config.dataset_params, config.split_seed).y["train"])
    if config.batch_size > rows:
        return f"Expected `batch_size` to be at most the {rows} training rows, but got {config.batch_size}."
    shape, outputs = _shape(config)
    last_batch = rows % config.batch_size or config.batch_size
    if last_batch < shape.smallest_batch():
        said = refusals.batch_norm_sentence(last_batch, next(s.fan_out for s in shape.stages() if s.positions == 1))
        return (
            f"Expected batches of at least {shape.smallest_batch()} rows for batch norm, but got a last one of "
            f"{last_batch}. torch says: {said}. Use another batch size."
        )
    work = config.batch_size * shape.row_work(outputs)
    if work > MAX_STEP_WORK:
        return (
            f"Expected `batch_size` times the multiplications of a row to be at most {MAX_STEP_WORK:,}, so that a step "
            f"stays short, but got {work:,}."
        )
    return ""


def check_experiment(experiment: Experiment) -> Experiment:
    """Return `experiment` if all its runs can be trained; raises CutoffError otherwise.

    Limits the number of runs and of weights.
    """
    for variant in experiment.variants:
        try:
            check(variant.config)
        except CutoffError as error:
            if len(experiment.variants) == 1:
                raise
            raise CutoffError(f"{variant.name}: {error}") from None
    weights = 0
    for config in experiment.runs():
        shape, outputs = _shape(config)
        weights += shape.count_weights(outputs)
    if weights > MAX_WEIGHTS:
        raise CutoffError(
            f"Expected all runs together to have at most {MAX_WEIGHTS:,} weights, so that they fit into memory, but "
            f"got {weights:,}. Use fewer runs or a smaller model."
        )
    return experiment


def stacks(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Group runs into stacks that are trained together.

    A step of a stack takes at most STACK_WORK multiplications and STACK_BYTES of memory, unless a single run takes
    more.

    Returns
    -------
    stacks : indices of the runs in each stack. Runs with the same stack key are split into stacks of similar size.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for at, config in enumerate(configs):
        alike.setdefault(config.stack_key(), []).append(at)
    found = []
    for rows in alike.values():
        shapes = [_shape(configs[at]) for at in rows]
        size = configs[rows[0]].batch_size
        work = size * max(shape.row_work(outputs) for shape, outputs in shapes)
        held = size * max(4 * shape.row_floats() for shape, _ in shapes)
        parts = max(-(-len(rows) * work // STACK_WORK), -(-len(rows) * held // STACK_BYTES))
        found += [part.tolist() for part in np.array_split(rows, min(parts, len(rows)))]
    return found


def shape_of(config: RunConfig, features: int, image: tuple[int, int] | None) -> Shape:
    """The shape of a configuration's networks, for rows of `features` features; `image` is their size if they are
    images."""
    image = image if MODELS[config.model].takes_images else None
    return Shape(features, config.widths, image, config.batch_norm, config.hidden)


def _shape(config: RunConfig) -> tuple[Shape, int]:
    """The shape of a configuration's network, and its number of outputs."""
    data = load_dataset(config.dataset, config.dataset_params)
    features = load_split(config.dataset, config.dataset_params, config.split_seed).x["train"].shape[1]
    outputs = HEADS[config.head].outputs(len(data.class_names))
    return shape_of(config, features, data.image), outputs


def expected(what: str, allowed: list[str], got: object, said: str = "") -> str:
    """The error message for a name that is not allowed; `said` adds a reason, such as an error of torch."""
    reason = f" {said}" if said else ""
    return f"Expected {what} to be one of {', '.join(allowed) or 'none'}, but got {got!r}.{reason}"
