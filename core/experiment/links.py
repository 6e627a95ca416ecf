"""Links: an experiment written into URL parameters and read back. Reading never raises and looks every name up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence

from core.data import DATASETS
from core.errors import CutoffError
from core.experiment.compatibility import (
    HIDDEN,
    OPTIMIZERS,
    SCHEDULES,
    activation_refusal,
    activations_for,
    expected,
    heads_for,
    loss_refusal,
    losses_for,
    models_for,
    param_refusal,
    params_for,
)
from core.experiment.config import MAX_RUNS, Experiment, RunConfig, Variant, make_config
from core.experiment.variants import MAX_SEEDS, VARIED, names_of, seeds_from
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.models import MODELS
from core.parameters import Param, Value

PLAIN = {
    "split_seed": int,
    "lr": float,
    "weight_decay": float,
    "momentum": float,
    "batch_size": int,
    "epochs": int,
    "patience": int,
    "seed": int,
}
GIVEN = ("name", "colour")  # what a variant may be given besides its choices
POINT = ("run", "shown", "threshold")  # a job, one of its runs, and its thresholds: they name no choice
NAMED = ("dataset", "model", "hidden", "batch_norm", "head", "activation", "loss", "optimizer", "schedule")


def read_widths(text: str) -> tuple[int, ...]:
    """Hidden widths from text such as "64-64"; raises CutoffError unless it is one to four numbers with dashes."""
    try:
        return make_config(widths=tuple(int(part) for part in text.split("-"))).widths
    except ValueError:  # CutoffError among them
        raise CutoffError(
            f"Expected `widths` to be one to four whole numbers from 1 to 1024 with dashes, but got {text!r}."
        ) from None


def thresholds_to_text(thresholds: Sequence[float]) -> str:
    """Thresholds with commas, in as many digits as tell float32 scores apart; `read_thresholds` reads them back."""
    return ",".join(f"{threshold:.9g}" for threshold in thresholds)


def read_thresholds(text: str, columns: int) -> list[float]:
    """Thresholds from text such as "0.62"; raises CutoffError unless it is `columns` finite numbers with commas."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != columns or not all(map(math.isfinite, found)):
        wanted = "a number" if columns == 1 else f"{columns} numbers with commas"
        raise CutoffError(f"Expected `threshold` to be {wanted}, but got {text!r}.")
    return found


def to_query(config: RunConfig) -> dict[str, str]:
    """The choices that differ from the defaults, as URL parameters; `from_query` reads them back."""
    plain = RunConfig()
    query = {}
    for name in (*NAMED, *PLAIN):
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

    def named(
        kind: str,
        registry: Mapping[str, object],
        allowed: list[str],
        preferred: str | None = None,
        refusal: Callable[[str], str] = lambda name: "",
    ) -> str:
        fallback = preferred if preferred in allowed else allowed[0]
        name = query.get(kind, fallback)
        if name in allowed:
            return name
        known = name in registry
        complaints.append(
            expected(kind, allowed, name, "with the other choices" * known, refusal(name) if known else "")
        )
        return fallback

    plain = RunConfig()
    dataset = named("dataset", DATASETS, list(DATASETS), plain.dataset)
    model = named("model", MODELS, models_for(dataset), plain.model)
    head = named("head", HEADS, heads_for(dataset))
    loss = named("loss", LOSSES, losses_for(dataset, head), refusal=lambda name: loss_refusal(dataset, head, name))
    choices: dict[str, object] = {
        "dataset": dataset,
        "model": model,
        "head": head,
        "activation": named(
            "activation",
            ACTIVATIONS,
            activations_for(head, loss),
            refusal=lambda name: activation_refusal(loss, name),
        ),
        "loss": loss,
        "optimizer": named("optimizer", OPTIMIZERS, list(OPTIMIZERS)),
        "schedule": named("schedule", SCHEDULES, list(SCHEDULES)),
        "hidden": named("hidden", HIDDEN, list(HIDDEN) if MODELS[model].widths else ["relu"]),
        "widths": _widths(query, model, complaints),
        "dataset_params": _params(query, "data.", DATASETS[dataset].params, complaints),
        "loss_params": _params(
            query, "loss.", params_for(head, loss), complaints, lambda name: param_refusal(loss, name)
        ),
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


def experiment_to_query(experiment: Experiment) -> dict[str, str]:
    """The first variant's choices as `to_query` writes them, how many seeds, and what the others choose otherwise.

    `variants` is JSON: to each URL parameter that is not the same in all variants a list with the text of every
    variant but the first, null where it has none; if all are alike, to the loss. Names that `names_of` gives are left
    out.
    """
    query = to_query(experiment.variants[0].config)
    if len(experiment.seeds) > 1:
        query["seeds"] = str(len(experiment.seeds))
    plain = names_of([variant.config for variant in experiment.variants])
    own, *others = [_own(variant, name) for variant, name in zip(experiment.variants, plain, strict=True)]
    query |= {key: own[key] for key in GIVEN if key in own}
    if others:
        keys = dict.fromkeys(key for one in (own, *others) for key in one)
        differ = [key for key in keys if any(one.get(key) != own.get(key) for one in others)]
        columns = {key: [one.get(key) for one in others] for key in differ or ["loss"]}
        query["variants"] = json.dumps(columns, separators=(",", ":"))
    return query


def _own(variant: Variant, plain_name: str) -> dict[str, str]:
    """What a variant chooses for itself, with its name and colour if they were given."""
    own = {key: value for key, value in to_query(variant.config).items() if _is_own(key)}
    if variant.name != plain_name:
        own["name"] = variant.name
    if variant.colour is not None:
        own["colour"] = str(variant.colour)
    return own


def _is_own(key: str) -> bool:
    return key in (*VARIED, *GIVEN) or key.startswith("loss.")


def experiment_from_query(query: Mapping[str, str]) -> tuple[Experiment, list[str]]:
    """An experiment from URL parameters, and a sentence for each that could not be used. Never raises."""
    query = {_readable(key): _readable(text) for key, text in query.items()}
    config, complaints = from_query(query)
    shared = {key: value for key, value in query.items() if not _is_own(key)}
    owns = [{key: query[key] for key in GIVEN if key in query}]
    configs = [config]
    for own in _others(query, complaints):
        config, more = from_query(shared | own)
        complaints += [sentence for sentence in more if sentence not in complaints]
        configs.append(config)
        owns.append(own)
    count = _whole(query, "seeds", 1, 1, min(MAX_SEEDS, MAX_RUNS // len(configs)), complaints)
    plain = names_of(configs)
    given = [own.get("name", "")[:80] for own in owns]
    if twice := next((name for name in given if name and given.count(name) > 1), None):
        complaints.append(f"Expected every variant to have its own name, but got {twice!r} twice.")
        given = [""] * len(given)
    variants = tuple(
        Variant(
            name=name or other,
            config=one,
            colour=_whole(own, "colour", None, 0, 7, complaints),
        )
        for name, other, one, own in zip(given, plain, configs, owns, strict=True)
    )
    return Experiment(variants=variants, seeds=seeds_from(config.seed, count or 1)), complaints


def _others(query: Mapping[str, str], complaints: list[str]) -> list[dict[str, str]]:
    """What the second and further variants choose, with their names and colours.

    A list of objects, as links had it before, says all that a variant chooses, also what is that of the first.
    """
    if "variants" not in query:
        return []
    try:
        found = json.loads(query["variants"])
    except (ValueError, RecursionError):
        found = None
    like_the_first: dict[str, str] = {}
    if isinstance(found, dict) and all(isinstance(column, list) for column in found.values()):
        like_the_first = {key: text for key, text in query.items() if _is_own(key) and key != "name"}
        alike = len({len(column) for column in found.values()}) < 2
        found = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)] if alike else None
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and all(isinstance(text, str | None) for text in one.values()) for one in found
    ):
        complaints.append("Expected `variants` to be JSON, lists of texts of the same length, but got something else.")
        return []
    if len(found) >= MAX_RUNS:
        complaints.append(f"Expected at most {MAX_RUNS} variants, but got {len(found) + 1}.")
        return []
    return [
        {
            _readable(key): _readable(text)
            for key, text in (like_the_first | one).items()
            if text is not None and _is_own(key)
        }
        for one in found
    ]


def _readable(text: str) -> str:
    """The text with a question mark for every half of a surrogate pair, which JSON may hold and nothing can show."""
    return text.encode(errors="replace").decode()


def _whole(
    query: Mapping[str, str], name: str, otherwise: int | None, low: int, high: int, complaints: list[str]
) -> int | None:
    """A whole number from `low` to `high`."""
    if name not in query:
        return otherwise
    if query[name].isdecimal() and len(query[name]) < 10 and low <= int(query[name]) <= high:
        return int(query[name])
    complaints.append(f"Expected `{name}` to be a whole number from {low} to {high}, but got {query[name]!r}.")
    return otherwise


def _widths(query: Mapping[str, str], model: str, complaints: list[str]) -> tuple[int, ...]:
    if not MODELS[model].widths or "widths" not in query:
        return MODELS[model].widths
    try:
        return read_widths(query["widths"])
    except CutoffError as error:
        complaints.append(str(error))
        return MODELS[model].widths


def _params(
    query: Mapping[str, str],
    prefix: str,
    params: tuple[Param, ...],
    complaints: list[str],
    refusal: Callable[[str], str] = lambda name: "",
) -> dict[str, Value]:
    """The parameters in the query that differ from their defaults; `refusal` says more of a name that is not known."""
    values: dict[str, Value] = {}
    known = {prefix + param.name for param in params}
    unknown = (name for name in query if name.startswith(prefix) and name not in known)
    complaints.extend(
        expected(f"{prefix}*", sorted(known), name, said=refusal(name.removeprefix(prefix))) for name in unknown
    )
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
