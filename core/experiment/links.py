"""Links: experiments as URL parameters. Reading them never raises and validates every name."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from core.data import dataset_spec, is_table
from core.errors import CutoffError
from core.experiment.compatibility import fixed, misfit, param_refusal, params_for, recommended
from core.experiment.config import MAX_RUNS, PAYOFFS, SETTINGS, Experiment, RunConfig, Variant, make_config
from core.experiment.variants import MAX_SEEDS, names_of, seeds_from, spacing_of, sweep, swept
from core.parameters import Param, Value

GIVEN = ("name", "colour")  # properties of a variant besides its choices
SWEEP = "loss.pos_weight:1:100:16:log"
OWNERS = {"data.": "data set", "loss.": "loss"}  # of parameters, by their prefix
OF_RUN = (
    "shown",
    "predictions",
    "current",
    "current_from",
    "saved",
    "saved_from",
    "decide",
)  # what is shown, its thresholds and decision rule
POINT = ("run", *OF_RUN)  # a job as well: not choices of an experiment


def is_choice(key: str) -> bool:
    """Whether a URL parameter is about the choices of an experiment."""
    prefix = key[: key.find(".") + 1]
    names = {setting.link or name for name, setting in SETTINGS.items()}
    return key in names or prefix in OWNERS or key in (*GIVEN, "sweep", "variants", "seeds")


def read_widths(text: str) -> tuple[int, ...]:
    """Parse hidden widths such as "64-64"; raises CutoffError unless they are one to four numbers with dashes."""
    return make_config(widths=text).widths


def to_query(config: RunConfig) -> dict[str, str]:
    """URL parameters of the choices that differ from their recommended value; `from_query` reads them back."""
    query: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        value = getattr(config, name)
        if setting.link.endswith("."):
            query |= {f"{setting.link}{param}": str(chosen) for param, chosen in value}
        elif value != recommended(name, config):
            query[setting.link or name] = setting.write(value)
    return query


def from_query(query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
    """Read a configuration from URL parameters. Never raises, so a mistyped link still opens.

    Returns
    -------
    config : the configuration, with the recommended value for each invalid choice.
    complaints : a sentence for each parameter that could not be used.
    """
    complaints: list[str] = []
    config = RunConfig()
    if is_table(linked := query.get("dataset", "")) and (gone := misfit("dataset", RunConfig(dataset=linked))):
        return config, [gone]  # the other choices were made for it
    for name in SETTINGS:
        config = config.model_copy(update={name: _read(name, query, config, complaints)})
    return config, complaints


def _read(name: str, query: Mapping[str, str], config: RunConfig, complaints: list[str]) -> object:
    """The value of a field in a link, given the fields before it; errors are appended to the complaints."""
    if name == "dataset_params":
        return _read_params("data.", query, dataset_spec(config.dataset).params, complaints)
    if name == "loss_params":
        params = params_for(config.head, config.loss)
        return _read_params("loss.", query, params, complaints, lambda param: param_refusal(config.loss, param))
    if name == "payoffs":
        known = () if fixed(name, config) else PAYOFFS
        own = {key: text for key, text in query.items() if key in [f"payoff.{param.name}" for param in known]}
        return _read_params("payoff.", own, known, complaints)
    standard = recommended(name, config)
    key = SETTINGS[name].link or name
    if key not in query:
        return standard
    try:
        value = getattr(make_config(**{name: query[key]}), name)
    except CutoffError as error:
        complaints.append(str(error))
        return standard
    if said := misfit(name, config.model_copy(update={name: value})):
        complaints.append(said)
        return standard
    return value


def _read_params(
    prefix: str,
    query: Mapping[str, str],
    params: tuple[Param, ...],
    complaints: list[str],
    refusal: Callable[[str], str] = lambda name: "",
) -> tuple[tuple[str, Value], ...]:
    """The parameters in a query that differ from their defaults; `refusal` gives the reason for an unknown name."""
    values: dict[str, Value] = {}
    known = {prefix + param.name: param for param in params}
    for key in query:
        if not key.startswith(prefix):
            continue
        if key not in known:
            offered = f"its parameters are {', '.join(sorted(known))}" if known else "it has no parameters"
            sentence = f"The {OWNERS[prefix]} in this link has no parameter `{key}`: {offered}."
            complaints.append(f"{sentence} {refusal(key.removeprefix(prefix))}".strip())
            continue
        try:
            value = known[key].parse(query[key])
        except CutoffError as error:
            complaints.append(str(error))
        else:
            if value != known[key].default:
                values[known[key].name] = value
    return tuple(sorted(values.items()))


def experiment_to_query(experiment: Experiment) -> dict[str, str]:
    """URL parameters of an experiment: the choices of the first variant, the number of seeds, and the other variants.

    A sweep is written as its key, first and last value, steps and spacing, as in SWEEP. Other variants are in
    `variants`, a JSON object with a list for each URL parameter that is not the same in all variants, or for the loss
    if all are equal. A list has the text of every variant but the first, null if the variant lacks the parameter.
    Default names are omitted.
    """
    query = to_query(experiment.variants[0].config)
    if len(experiment.seeds) > 1:
        query["seeds"] = str(len(experiment.seeds))
    plain = names_of([variant.config for variant in experiment.variants])
    own, *others = [_own(variant, name) for variant, name in zip(experiment.variants, plain, strict=True)]
    query |= {key: own[key] for key in GIVEN if key in own}
    if spread := _sweep_text(experiment, plain):
        query["sweep"] = spread
    elif others:
        keys = dict.fromkeys(key for one in (own, *others) for key in one)
        differ = [key for key in keys if any(one.get(key) != own.get(key) for one in others)]
        columns = {key: [one.get(key) for one in others] for key in differ or ["loss"]}
        query["variants"] = json.dumps(columns, separators=(",", ":"))
    return query


def _sweep_text(experiment: Experiment, plain: Sequence[str]) -> str:
    """The sweep of an experiment whose variants have their default names; "" if it is none."""
    if [(variant.name, variant.colour) for variant in experiment.variants] != [(name, None) for name in plain]:
        return ""
    key, values = swept(experiment) or ("", [])
    spacing = spacing_of(values) if values else None
    return f"{key}:{values[0]:.10g}:{values[-1]:.10g}:{len(values)}:{spacing}" if spacing else ""


def _read_sweep(text: str, config: RunConfig, complaints: list[str]) -> list[RunConfig]:
    """The configurations of a sweep in a link; the configuration alone if it can't be used."""
    try:
        key, low, high, steps, spacing = text.split(":")
        return list(sweep(config, key, float(low), float(high), int(steps), spacing))
    except CutoffError as error:
        complaints.append(str(error))
    except ValueError:
        complaints.append(f"Expected `sweep` to look like {SWEEP!r}, but got {text!r}.")
    return [config]


def _own(variant: Variant, plain_name: str) -> dict[str, str]:
    """The choices in which a variant may differ, with a custom name or colour."""
    own = {key: value for key, value in to_query(variant.config).items() if _is_own(key)}
    if variant.name != plain_name:
        own["name"] = variant.name
    if variant.colour is not None:
        own["colour"] = str(variant.colour)
    return own


def _is_own(key: str) -> bool:
    """Whether a URL parameter may differ between variants."""
    keys = {setting.link or name for name, setting in SETTINGS.items() if setting.varies}
    return key in GIVEN or key in keys or key[: key.find(".") + 1] in keys


def experiment_from_query(query: Mapping[str, str]) -> tuple[Experiment, list[str]]:
    """Read an experiment from URL parameters, with a sentence for each that could not be used. Never raises."""
    query = {_readable(key): _readable(text) for key, text in query.items()}
    config, complaints = from_query(query)
    shared = {key: value for key, value in query.items() if not _is_own(key)}
    owns = [{key: query[key] for key in GIVEN if key in query}]
    configs = [config]
    if "sweep" in query:
        configs = _read_sweep(query["sweep"], config, complaints)
        owns += [{} for _ in configs[1:]]
    for own in _others(query, complaints):
        config, more = from_query(shared | own)
        complaints += [sentence for sentence in more if sentence not in complaints]
        configs.append(config)
        owns.append(own)
    count = _whole(query, "seeds", 1, 1, min(MAX_SEEDS, MAX_RUNS // len(configs)), complaints)
    plain = names_of(configs)
    given = [own.get("name", "")[:80] for own in owns]
    if twice := next((name for name in given if name and given.count(name) > 1), None):
        complaints.append(f"Two variants have the name {twice!r}, so all have their default names.")
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
    """The choices of all variants but the first, with their names and colours."""
    if "variants" not in query or "sweep" in query:
        return []
    try:
        columns = json.loads(query["variants"])
    except (ValueError, RecursionError):
        columns = None
    if not _are_columns(columns):
        complaints.append("Expected `variants` to be JSON, lists of texts of the same length, but got something else.")
        return []
    columns = {_readable(key): [text and _readable(text) for text in column] for key, column in columns.items()}
    complaints += [f"Variants can't differ in `{key}`, so it is ignored." for key in columns if not _is_own(key)]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if len(rows) >= MAX_RUNS:
        complaints.append(
            f"The limit is {MAX_RUNS} variants. This link has {len(rows) + 1}, so only the first is used."
        )
        return []
    like_the_first = {key: text for key, text in query.items() if _is_own(key) and key != "name"}
    return [
        {key: text for key, text in (like_the_first | row).items() if text is not None and _is_own(key)} for row in rows
    ]


def _are_columns(columns: object) -> bool:
    """Whether this maps each key to a list of texts or None, all of the same length."""
    return (
        isinstance(columns, dict)
        and all(isinstance(column, list) for column in columns.values())
        and all(isinstance(text, str | None) for column in columns.values() for text in column)
        and len({len(column) for column in columns.values()}) < 2
    )


def _readable(text: str) -> str:
    """The text without control characters, and with a question mark for each lone surrogate."""
    whole = text.encode(errors="replace").decode()
    return "".join(letter for letter in whole if unicodedata.category(letter) != "Cc")


def _whole(
    query: Mapping[str, str], name: str, otherwise: int | None, low: int, high: int, complaints: list[str]
) -> int | None:
    """A whole number from `low` to `high`; otherwise a complaint, and `otherwise`."""
    if name not in query:
        return otherwise
    if query[name].isdecimal() and len(query[name]) < 10 and low <= int(query[name]) <= high:
        return int(query[name])
    complaints.append(f"Expected `{name}` to be a whole number from {low} to {high}, but got {query[name]!r}.")
    return otherwise
