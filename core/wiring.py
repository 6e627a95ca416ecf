"""Which names fit together: what a configuration may combine, what is offered, and why the rest is not.

The one place where a `RunConfig` is held against the registries, and where it is written to and read from a URL.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.errors import CutoffError
from core.heads import ACTIVATIONS, HEADS
from core.losses import LOSSES, loss_tensors, params_of
from core.models import MODELS, shape_of
from core.objective import label_counts
from core.specs import Param, Value

OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}
MAX_STEP_WORK = 1_000_000_000  # about half a second on one core, during which nobody else trains
PLAIN = {
    "split_seed": int,
    "lr": float,
    "weight_decay": float,
    "batch_size": int,
    "epochs": int,
    "seed": int,
}
TASKS = {
    "binary": "two classes",
    "multiclass": "more than two classes",
    "multilabel": "several labels a row",
    "regression": "values instead of classes",
}
# What torch 2.13 says to a loss on the outputs of another head.
REFUSALS = {
    ("cross_entropy", "sigmoid"): "IndexError: Target 1 is out of bounds.",
    ("nll", "sigmoid"): "IndexError: Target 1 is out of bounds.",
    ("bce", "softmax2"): "ValueError: Target size (torch.Size([64])) must be the same as input size "
    "(torch.Size([64, 2]))",
    ("bce", "softmax"): "ValueError: Target size (torch.Size([64])) must be the same as input size "
    "(torch.Size([64, 10]))",
}


def heads_for(dataset: str) -> list[str]:
    """The heads that serve this data set's task."""
    return [name for name, head in HEADS.items() if DATASETS[dataset].task in head.tasks]


def losses_for(dataset: str, head: str) -> list[str]:
    """The losses that serve this data set's task and understand this head's outputs."""
    task = DATASETS[dataset].task
    return [name for name, loss in LOSSES.items() if head in loss.heads and task in loss.tasks]


def models_for(dataset: str) -> list[str]:
    """The models that can read this data: a convolution needs images."""
    return [name for name, model in MODELS.items() if DATASETS[dataset].image or not model.takes_images]


def activations_for(head: str, loss: str) -> list[str]:
    """ "auto", and every output activation that torch lets this loss follow, right or wrong."""
    if HEADS[head].link == "none":
        return ["auto", "none"]
    return ["auto"] + [name for name in ACTIVATIONS if not activation_refusal(loss, name)]


def params_for(head: str, loss: str) -> tuple[Param, ...]:
    """The parameters of a loss on this head."""
    return params_of(loss, several=HEADS[head].outputs(2) > 1)


def activation_refusal(loss: str, activation: str) -> str:
    """What torch says when this activation's outputs reach this loss; "" when it takes them."""
    return LOSSES[loss].refusal if ACTIVATIONS[activation].gives != "probabilities" else ""


def not_offered(dataset: str, head: str) -> list[str]:
    """One sentence for every head and loss that these choices leave out, with the reason."""
    task = DATASETS[dataset].task
    reasons = [
        f"{other.label}: serves {' and '.join(TASKS[t] for t in other.tasks)}; this data has {TASKS[task]}."
        for name, other in HEADS.items()
        if name not in heads_for(dataset)
    ]
    for name, loss in LOSSES.items():
        if name in losses_for(dataset, head):
            continue
        if task not in loss.tasks:
            reasons.append(f"{loss.label}: serves {' and '.join(TASKS[t] for t in loss.tasks)}.")
            continue
        wanted = " or ".join(f"“{HEADS[h].label}”" for h in loss.heads if task in HEADS[h].tasks)
        said = f"torch says “{REFUSALS[name, head]}”; it " if (name, head) in REFUSALS else ""
        reasons.append(f"{loss.label}: {said}needs the head {wanted}.")
    return reasons


def describe(config: RunConfig) -> tuple[str, str, str, str]:
    """What a run is: data, model, head, and loss with the parameters that are not at their defaults.

    An output activation is named where it was chosen, a data set's parameters where they differ from the defaults.
    """
    model = MODELS[config.model].label
    if config.widths:
        model += " " + "-".join(str(width) for width in config.widths)
    if config.batch_norm:
        model += ", batch norm"
    head = HEADS[config.head].label
    if config.activation != "auto":
        head += f", {ACTIVATIONS[config.activation].label} in the network"
    spec = LOSSES[config.loss]
    return (
        _named(DATASETS[config.dataset].label, DATASETS[config.dataset].params, config.dataset_params),
        model,
        head,
        _named(spec.label, params_for(config.head, config.loss), config.loss_params),
    )


def _named(label: str, params: tuple[Param, ...], values: tuple[tuple[str, Value], ...]) -> str:
    """A label with the parameters that are not at their defaults."""
    plain = {param.name: (param.label, param.default) for param in params}
    changed = [(plain[name][0], value) for name, value in values if value != plain[name][1]]
    return ", ".join([label] + [f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in changed])


def check(config: RunConfig) -> RunConfig:
    """Return `config` if it can be trained; raises CutoffError with one sentence if it can't.

    Loads the data, since a batch larger than the training rows or a class missing from a split shows only there.
    """
    for kind, name, registry in (
        ("dataset", config.dataset, DATASETS),
        ("model", config.model, MODELS),
        ("head", config.head, HEADS),
        ("loss", config.loss, LOSSES),
        ("optimizer", config.optimizer, OPTIMIZERS),
    ):
        _known(kind, name, registry)
    if config.head not in heads_for(config.dataset):
        raise CutoffError(_expected("head", heads_for(config.dataset), config.head, f"for {config.dataset}"))
    losses = losses_for(config.dataset, config.head)
    if config.loss not in losses:
        said = f" torch says: {REFUSALS[config.loss, config.head]}" if (config.loss, config.head) in REFUSALS else ""
        raise CutoffError(_expected("loss", losses, config.loss, f"for the head {config.head}") + said)
    _check_activation(config)
    _check_model(config)
    data = load_dataset(config.dataset, config.dataset_params)
    outputs = HEADS[config.head].outputs(len(data.class_names))
    known = [param.name for param in params_for(config.head, config.loss)]
    for name, _ in config.loss_params:
        if name not in known:
            raise CutoffError(_expected("loss_params", known, name, f"for the loss {config.loss}"))
    loss_tensors(config.loss, [dict(config.loss_params)], label_counts(data.y, outputs))
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    if config.batch_size > len(split.y["train"]):
        raise CutoffError(
            f"Expected `batch_size` to be at most the {len(split.y['train'])} training rows, "
            f"but got {config.batch_size}."
        )
    shape = shape_of(config.model, data.x.shape[1], data.image, config.widths, config.batch_norm)
    last_batch = len(split.y["train"]) % config.batch_size or config.batch_size
    if last_batch < shape.smallest_batch():
        raise CutoffError(
            f"Expected batches of at least {shape.smallest_batch()} rows for batch norm, but got a last one of "
            f"{last_batch}. torch says: Expected more than 1 value per channel when training. Use another batch size."
        )
    work = config.batch_size * shape.row_work(outputs)
    if work > MAX_STEP_WORK:
        raise CutoffError(
            f"Expected `batch_size` times the multiplications of a row to be at most {MAX_STEP_WORK:,}, so that a step "
            f"stays short, but got {work:,}."
        )
    return config


def _check_activation(config: RunConfig) -> None:
    offered = activations_for(config.head, config.loss)
    if config.activation not in offered:
        _known("activation", config.activation, dict.fromkeys(["auto", *ACTIVATIONS]))
        said = activation_refusal(config.loss, config.activation) and f" torch says: {LOSSES[config.loss].refusal}"
        raise CutoffError(_expected("activation", offered, config.activation, f"for the loss {config.loss}") + said)


def _check_model(config: RunConfig) -> None:
    spec = MODELS[config.model]
    if config.model not in models_for(config.dataset):
        raise CutoffError(_expected("model", models_for(config.dataset), config.model, f"for {config.dataset}"))
    if not spec.widths and config.widths:
        raise CutoffError(f"Expected no `widths` for a linear model, but got {config.widths}.")
    if spec.widths and not config.widths:
        raise CutoffError(f"Expected `widths` of an {config.model} to name at least one hidden layer, but got none.")
    if config.batch_norm and not spec.normalises:
        raise CutoffError(f"Expected `batch_norm` to be false for a {config.model} model, but got true.")


def read_widths(text: str) -> tuple[int, ...]:
    """Hidden widths from text such as "64-64"; raises CutoffError unless it is one to four numbers with dashes."""
    try:
        return make_config(widths=tuple(int(part) for part in text.split("-"))).widths
    except ValueError:  # CutoffError among them
        raise CutoffError(
            f"Expected `widths` to be one to four whole numbers from 1 to 1024 with dashes, but got {text!r}."
        ) from None


def to_query(config: RunConfig) -> dict[str, str]:
    """The choices that differ from the defaults, as URL parameters; `from_query` reads them back."""
    plain = RunConfig()
    query = {}
    for name in ("dataset", "model", "batch_norm", "head", "activation", "loss", "optimizer", *PLAIN):
        if getattr(config, name) != getattr(plain, name):
            query[name] = f"{getattr(config, name)}"
    if config.widths and config.widths != MODELS[config.model].widths:
        query["widths"] = "-".join(str(width) for width in config.widths)
    query |= {f"data.{name}": str(value) for name, value in config.dataset_params}
    query |= {f"loss.{name}": str(value) for name, value in config.loss_params}
    return query


def from_query(query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
    """A configuration from URL parameters, and a sentence for each that could not be used.

    Never raises: what can't be read falls back to its default, so a mistyped link still opens.
    """
    complaints: list[str] = []

    def named(kind: str, registry: Mapping[str, object], allowed: list[str], preferred: str | None = None) -> str:
        fallback = preferred if preferred in allowed else allowed[0]
        name = query.get(kind, fallback)
        if name in allowed:
            return name
        where = "" if name not in registry else "with the other choices"
        complaints.append(_expected(kind, allowed, name, where))
        return fallback

    plain = RunConfig()
    dataset = named("dataset", DATASETS, list(DATASETS), plain.dataset)
    model = named("model", MODELS, models_for(dataset), plain.model)
    head = named("head", HEADS, heads_for(dataset))
    loss = named("loss", LOSSES, losses_for(dataset, head))
    choices: dict[str, object] = {
        "dataset": dataset,
        "model": model,
        "head": head,
        "activation": named("activation", ACTIVATIONS, activations_for(head, loss)),
        "loss": loss,
        "optimizer": named("optimizer", OPTIMIZERS, list(OPTIMIZERS)),
        "widths": _widths(query, model, complaints),
        "dataset_params": _params(query, "data.", DATASETS[dataset].params, complaints),
        "loss_params": _params(query, "loss.", params_for(head, loss), complaints),
    }
    if "batch_norm" in query:
        if query["batch_norm"] in ("True", "False"):
            choices["batch_norm"] = query["batch_norm"] == "True" and MODELS[model].normalises
        else:
            complaints.append(f"Expected `batch_norm` to be True or False, but got {query['batch_norm']!r}.")
    for name, kind in PLAIN.items():
        if name in query:
            try:
                make_config(**{name: kind(query[name])})
            except CutoffError as error:
                complaints.append(str(error))
            except ValueError:
                complaints.append(f"Expected `{name}` to be a number, but got {query[name]!r}.")
            else:
                choices[name] = kind(query[name])
    return make_config(**choices), complaints


def _known(kind: str, name: str, registry: Mapping[str, object]) -> None:
    if name not in registry:
        raise CutoffError(_expected(kind, list(registry), name))


def _expected(kind: str, allowed: list[str], got: object, where: str = "") -> str:
    place = f" {where}" if where else ""
    return f"Expected `{kind}`{place} to be one of {', '.join(allowed) or 'none'}, but got {got!r}."


def _widths(query: Mapping[str, str], model: str, complaints: list[str]) -> tuple[int, ...]:
    if not MODELS[model].widths or "widths" not in query:
        return MODELS[model].widths
    try:
        return read_widths(query["widths"])
    except CutoffError as error:
        complaints.append(str(error))
        return MODELS[model].widths


def _params(
    query: Mapping[str, str], prefix: str, params: tuple[Param, ...], complaints: list[str]
) -> dict[str, Value]:
    """The parameters in the query that differ from their defaults."""
    values: dict[str, Value] = {}
    known = {prefix + param.name for param in params}
    unknown = (name for name in query if name.startswith(prefix) and name not in known)
    complaints.extend(_expected(f"{prefix}*", sorted(known), name) for name in unknown)
    for param in params:
        if prefix + param.name not in query:
            continue
        try:
            value = param.parse(query[prefix + param.name])
        except CutoffError as error:
            complaints.append(str(error))
        else:
            if value != param.default:
                values[param.name] = value
    return values
