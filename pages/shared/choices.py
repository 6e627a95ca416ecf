"""The choices of a session: its variants, which of them the controls show, and where all of that comes from."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from core.data import DATASETS
from core.experiment import compatibility, links
from core.experiment.config import SETTINGS, Experiment, RunConfig, Variant
from core.experiment.variants import names_of
from core.parameters import defaults
from pages.shared import session, thresholds


def open_link() -> None:
    """On a session's first script run, take the choices from the URL, or from the run that it names and nothing else.

    Sentences on what could not be used are kept for `session.show_complaints`.
    """
    if "dataset" in st.session_state:
        return
    experiment, complaints = links.experiment_from_query(st.query_params)
    session.complain(*complaints)
    job = session.current_job()
    thresholds.open_link()
    if job and set(st.query_params) <= set(links.POINT):
        experiment = job.experiment
    open_with(experiment)
    settle()
    take(experiment.variants[0].config)


def take(config: RunConfig) -> None:
    """Make these the choices; call it before the controls are drawn."""
    state = st.session_state
    for name in SETTINGS:
        state[name] = getattr(config, name)
    if config.widths:
        state[f"widths.{config.model}"] = "-".join(map(str, config.widths))
    for prefix, params, pairs in (
        (f"data.{config.dataset}", DATASETS[config.dataset].params, config.dataset_params),
        (f"loss.{config.loss}", compatibility.params_for(config.head, config.loss), config.loss_params),
    ):
        for name, value in (defaults(params) | dict(pairs)).items():
            state[f"{prefix}.{name}"] = value


def open_with(experiment: Experiment) -> None:
    """Make these the variants of the session, the first one edited; names that follow from the choices stay so."""
    plain = names_of([variant.config for variant in experiment.variants])
    st.session_state.variants = [
        new_variant(variant.config, "" if variant.name == name else variant.name, variant.colour)
        for variant, name in zip(experiment.variants, plain, strict=True)
    ]
    st.session_state.next_edited = 0
    st.session_state.seeds = len(experiment.seeds)


def new_variant(config: RunConfig, name: str = "", colour: int | None = None) -> dict[str, Any]:
    """What a session keeps of a variant; the id is for the keys of its controls. Without a name it has a plain one."""
    return {"id": secrets.token_hex(4), "name": name, "colour": colour, "config": config.model_dump()}


def settle() -> None:
    """Take up what was decided in the last script run, before any control is drawn."""
    state = st.session_state
    if "next_edited" in state:
        edit(state.pop("next_edited"))


def variants() -> tuple[Variant, ...]:
    """The variants, those without a name under their plain one."""
    kept: list[dict[str, Any]] = st.session_state.variants
    configs = [RunConfig(**entry["config"]) for entry in kept]
    plain = names_of(configs)
    return tuple(
        Variant(name=entry["name"] or name, config=config, colour=entry["colour"])
        for entry, name, config in zip(kept, plain, configs, strict=True)
    )


def edit(at: int) -> None:
    """Let the controls show this variant."""
    state = st.session_state
    state.edited = at
    state.next_config = state.variants[at]["config"]
