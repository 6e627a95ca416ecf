"""The choices of a session: its variants, which of them the controls show, and where all of that comes from."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.data import dataset_spec
from core.errors import CutoffError
from core.experiment import compatibility, links
from core.experiment.config import SETTINGS, Experiment, RunConfig, Variant
from core.experiment.variants import names_of
from core.parameters import defaults
from core.text import shortened
from pages.shared import dom, payoffs, services, session, state, thresholds

ADDED = ("utm_", "fbclid", "gclid")  # how parameters begin that mail and other sites add to links
MOST_NAMED = 5  # parameters of a link that a sentence names

COMPARE = "compare/compare.py"


def open_link() -> bool:
    """On a session's first script run, take the choices from the URL, or from the run that it names and nothing else.

    Returns whether it was the first. Sentences on what could not be used are kept for `session.show_complaints`.
    """
    if state.DATASET.is_set():
        _leave_gone()
        return False
    experiment, complaints = links.experiment_from_query(st.query_params)
    session.complain(*complaints, *_left_out())
    job = session.current_job()
    thresholds.open_link()
    payoffs.open_link()
    if not st.query_params:
        state.LINKED.of("predictions").set(services.uploads().first)
    if job and not are_linked():
        experiment = job.experiment
    open_with(experiment)
    settle()
    take(experiment.variants[0].config)
    return True


def _leave_gone() -> None:
    """Take the default choices where the table that was chosen is gone."""
    try:
        for dataset in {state.DATASET.get(), state.VARIANTS.get()[0]["config"]["dataset"]}:
            dataset_spec(dataset)
    except CutoffError as error:
        session.complain(str(error))
        default = RunConfig()
        open_with(Experiment(variants=(Variant(name=names_of([default])[0], config=default),)))
        settle()
        take(default)


def are_linked() -> bool:
    """Whether the URL holds choices of an experiment."""
    return any(links.is_choice(name) and name not in payoffs.LINKED for name in st.query_params)


def _left_out() -> list[str]:
    """A sentence on the parameters of the URL that nothing here reads, if there are any."""
    known = {*links.POINT, *payoffs.LINKED, dom.MARK}
    named = [name for name in st.query_params if name not in known and not links.is_choice(name)]
    unknown = [name for name in named if not name.startswith(ADDED)]
    if not unknown:
        return []
    listed = ", ".join(f"`{shortened(name, 40)}`" for name in unknown[:MOST_NAMED])
    more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
    return [f"Left out of this link, since nothing here has that name: {listed}{more}."]


def take(config: RunConfig) -> None:
    """Make these the choices; call it before the controls are drawn."""
    payoffs.take(config)
    for name in SETTINGS:
        state.SETTING.of(name).set(getattr(config, name))
    if config.widths:
        state.WIDTHS.of(config.model).set("-".join(map(str, config.widths)))
    for name, value in (defaults(dataset_spec(config.dataset).params) | dict(config.dataset_params)).items():
        state.DATA_PARAM.of(config.dataset, name).set(value)
    loss_params = compatibility.params_for(config.head, config.loss)
    for name, value in (defaults(loss_params) | dict(config.loss_params)).items():
        state.LOSS_PARAM.of(config.loss, name).set(value)


def open_with(experiment: Experiment) -> None:
    """Make these the variants of the session, the first one edited; names that follow from the choices stay so."""
    plain = names_of([variant.config for variant in experiment.variants])
    state.VARIANTS.set(
        [
            new_variant(variant.config, "" if variant.name == name else variant.name, variant.colour)
            for variant, name in zip(experiment.variants, plain, strict=True)
        ]
    )
    state.NEXT_EDITED.set(0)
    state.SEEDS.set(len(experiment.seeds))


def race(experiment: Experiment, complaints: Sequence[str] = ()) -> None:
    """Make these the variants of the session, train them, and go to the Compare page with these sentences."""
    open_with(experiment)
    state.COMPLAINTS.set(())
    session.start(experiment)
    session.complain(*complaints)
    st.switch_page(COMPARE)


def new_variant(config: RunConfig, name: str = "", colour: int | None = None) -> dict[str, Any]:
    """What a session keeps of a variant; the id is for the keys of its controls. Without a name it has a plain one."""
    return {"id": secrets.token_hex(4), "name": name, "colour": colour, "config": config.model_dump()}


def settle() -> None:
    """Take up what was decided in the last script run, before any control is drawn."""
    if (at := state.NEXT_EDITED.pop()) is not None:
        edit(at)


def variants() -> tuple[Variant, ...]:
    """The variants, those without a name under their plain one."""
    kept = state.VARIANTS.get()
    configs = [RunConfig(**entry["config"]) for entry in kept]
    plain = names_of(configs)
    return tuple(
        Variant(name=entry["name"] or name, config=config, colour=entry["colour"])
        for entry, name, config in zip(kept, plain, configs, strict=True)
    )


def edit(at: int) -> None:
    """Let the controls show this variant."""
    state.EDITED.set(at)
    state.NEXT_CONFIG.set(state.VARIANTS.get()[at]["config"])
