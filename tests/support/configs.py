"""Hypothesis strategies of whole configurations and experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from core.data import DATASETS
from core.experiment.compatibility import CHOICES, fixed, params_for, recommended
from core.experiment.config import NUMBERS, PAYOFFS, SETTINGS, Experiment, RunConfig, Variant, make_config
from core.experiment.variants import names_of, seeds_from, shared_with
from core.parameters import Param

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


def values_of(param: Param) -> st.SearchStrategy:
    """Any value that the parameter may take; for free text the numbers that a two-class loss takes."""
    if param.free:
        return st.sampled_from([*param.options, "1, 9", "0.5,2"])
    if param.options:
        return st.sampled_from(param.options)
    if param.integer:
        return st.integers(int(param.low), int(param.high))
    return st.floats(param.low, param.high)


@st.composite
def param_dicts(draw: st.DrawFn, params: tuple[Param, ...]) -> dict[str, object]:
    """Some of the parameters, none at its default: the one way in which choices are written down."""
    chosen = {param.name: draw(values_of(param)) for param in params if draw(st.booleans())}
    return {
        param.name: chosen[param.name] for param in params if chosen.get(param.name, param.default) != param.default
    }


@st.composite
def sensible_configs(draw: st.DrawFn, datasets: Sequence[str] = tuple(DATASETS)) -> RunConfig:
    """Any configuration whose choices fit together, on one of these data sets; it is not held against their rows.

    It is drawn field by field from the table, so that a new field is drawn too.
    """
    config = RunConfig(dataset=draw(st.sampled_from(datasets)))
    for name in list(SETTINGS)[1:]:
        value: object
        if fixed(name, config):
            value = recommended(name, config)
        elif name in NUMBERS:
            value = draw(values_of(NUMBERS[name]))
        elif name in CHOICES:
            value = draw(st.sampled_from(CHOICES[name].offered(config)))
        else:
            value = draw(OTHERS[name](config))
        config = make_config(**config.model_dump() | {name: value})
    return config


OTHERS: dict[str, Callable[[RunConfig], st.SearchStrategy]] = {
    "dataset_params": lambda config: param_dicts(DATASETS[config.dataset].params),
    "loss_params": lambda config: param_dicts(params_for(config.head, config.loss)),
    "widths": lambda config: st.lists(st.integers(1, 1024), min_size=1, max_size=4).map(tuple),
    "payoffs": lambda config: param_dicts(PAYOFFS),
    "batch_norm": lambda config: st.booleans(),
}


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """Variants with any of the choices in which they may differ, some with names and colours of their own."""
    first = draw(sensible_configs())
    configs = [first, *draw(st.lists(sensible_configs([first.dataset]), max_size=4))]
    given = draw(st.lists(st.none() | NAMES, min_size=len(configs), max_size=len(configs)))
    colours = draw(st.lists(st.none() | st.integers(0, 7), min_size=len(configs), max_size=len(configs)))
    variants = [
        Variant(name="any", config=config, colour=colour) for config, colour in zip(configs, colours, strict=True)
    ]
    shared = shared_with(first, variants)
    names = names_of([variant.config for variant in shared])
    names = [own if own and (given + names).count(own) == 1 else name for own, name in zip(given, names, strict=True)]
    named = tuple(variant.model_copy(update={"name": name}) for variant, name in zip(shared, names, strict=True))
    return Experiment(variants=named, seeds=seeds_from(first.seed, draw(st.integers(1, 10))))
