"""Which names fit together: what a configuration may combine, what is offered, and why the rest is not.

The one place where a `RunConfig` is held against the registries, and where it is written to and read from a URL.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.errors import CutoffError
from core.heads import HEADS
from core.losses import LOSSES, class_weights
from core.models import MODELS, count_weights
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


def heads_for(dataset: str) -> list[str]:
    """The heads that serve this data set's task."""
    return [name for name, head in HEADS.items() if DATASETS[dataset].task in head.tasks]


def losses_for(head: str) -> list[str]:
    """The losses that understand this head's logits."""
    return [name for name, loss in LOSSES.items() if head in loss.heads]


def not_offered(dataset: str, head: str) -> list[str]:
    """One sentence for every head and loss that these choices leave out, with the reason."""
    task, kind = DATASETS[dataset].task, {"binary": "two classes", "multiclass": "more than two classes"}
    reasons = [
        f"{other.label}: serves {' and '.join(kind[t] for t in other.tasks)}; this data has {kind[task]}."
        for name, other in HEADS.items()
        if name not in heads_for(dataset)
    ]
    for name, loss in LOSSES.items():
        if name not in losses_for(head):
            wanted = " or ".join(f"“{HEADS[h].label}”" for h in loss.heads)
            reasons.append(f"{loss.label}: needs the head {wanted}.")
    return reasons


def describe(config: RunConfig) -> tuple[str, str, str, str]:
    """What a run is: data, model, head, and loss with the parameters that are not at their defaults."""
    model = MODELS[config.model].label
    if config.widths:
        model += " " + "-".join(str(width) for width in config.widths)
    plain = {param.name: (param.label, param.default) for param in LOSSES[config.loss].params}
    loss = LOSSES[config.loss].label
    for name, value in config.loss_params:
        label, default = plain[name]
        if value != default:
            loss += f", {label} {value:g}" if isinstance(value, float) else f", {label} {value}"
    return DATASETS[config.dataset].label, model, HEADS[config.head].label, loss


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
    if config.loss not in losses_for(config.head):
        raise CutoffError(_expected("loss", losses_for(config.head), config.loss, f"for the head {config.head}"))
    if config.model == "linear" and config.widths:
        raise CutoffError(f"Expected no `widths` for a linear model, but got {config.widths}.")
    if config.model == "mlp" and not config.widths:
        raise CutoffError("Expected `widths` of an mlp to name at least one hidden layer, but got none.")
    known = {param.name: param for param in LOSSES[config.loss].params}
    for name, value in config.loss_params:
        if name not in known:
            raise CutoffError(_expected("loss_params", list(known), name, f"for the loss {config.loss}"))
        known[name].check(value)
    data = load_dataset(config.dataset, config.dataset_params)
    weights = dict(config.loss_params).get("class_weight")
    if isinstance(weights, str):
        class_weights(weights, data.counts)
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    if config.batch_size > len(split.y["train"]):
        raise CutoffError(
            f"Expected `batch_size` to be at most the {len(split.y['train'])} training rows, "
            f"but got {config.batch_size}."
        )
    outputs = HEADS[config.head].outputs(len(data.class_names))
    work = config.batch_size * count_weights(data.x.shape[1], config.widths, outputs)
    if work > MAX_STEP_WORK:
        raise CutoffError(
            f"Expected `batch_size` times the number of weights to be at most {MAX_STEP_WORK:,}, so that a step stays "
            f"short, but got {work:,}."
        )
    return config


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
    for name in ("dataset", "model", "head", "loss", "optimizer", *PLAIN):
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
    model = named("model", MODELS, list(MODELS), plain.model)
    head = named("head", HEADS, heads_for(dataset))
    loss = named("loss", LOSSES, losses_for(head))
    choices: dict[str, object] = {
        "dataset": dataset,
        "model": model,
        "head": head,
        "loss": loss,
        "optimizer": named("optimizer", OPTIMIZERS, list(OPTIMIZERS)),
        "widths": _widths(query, model, complaints),
        "dataset_params": _params(query, "data.", DATASETS[dataset].params, complaints),
        "loss_params": _params(query, "loss.", LOSSES[loss].params, complaints),
    }
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
