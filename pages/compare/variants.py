"""The variants of an experiment: which there are, which of them the controls edit, sweeps, and how many seeds."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import streamlit as st

from core.errors import CutoffError
from core.experiment.compatibility import Pairs
from core.experiment.config import MAX_RUNS, Experiment, RunConfig
from core.experiment.fitting import fitted
from core.experiment.variants import MAX_SEEDS, SPACINGS, distinct, seeds_from, shared_with, sweep, sweepable, value_of
from core.plots.style import VARIANTS
from pages.shared import choices, session, state, text
from pages.shared.state import Key
from pages.shared.variant_looks import colour_of, dotted

COLOURS = ("green", "magenta", "violet", "orange", "blue", "brown", "lavender", "pink")  # VARIANTS by name
LISTED = 8  # variants that stand below each other; more are chosen from a list


def dataset() -> str:
    """The data that all variants are on."""
    return str(state.VARIANTS.get()[0]["config"]["dataset"])


def move_to(dataset: str, dataset_params: Pairs) -> list[str]:
    """Put all variants on other data; returns a sentence for each choice that did not fit it."""
    edited, seeds = state.EDITED.get(), state.SEEDS.get()
    found, changes = fitted(Experiment(variants=choices.variants()), dataset, dataset_params)
    merged = len(found.variants) < len(state.VARIANTS.get())
    choices.open_with(found)
    state.NEXT_EDITED.set(0 if merged else edited)
    state.SEEDS.set(seeds)
    choices.settle()
    return changes


def choose_edited() -> None:
    """The list of variants, which of them is edited, and what can be done with it."""
    names = [variant.name for variant in choices.variants()]
    if len(names) > 1:
        _choose_among(distinct(names))
    with st.container(horizontal=True):
        if st.button("Duplicate" if len(names) > 1 else "Add a variant", icon=":material/add:", key="duplicate"):
            _duplicate()
        if len(names) > 1:
            if st.button("Remove", icon=":material/delete:", key="remove"):
                _remove()
            with st.popover("Name", icon=":material/edit:"):
                _name(names[state.EDITED.get()])
        with st.popover("Sweep", icon=":material/stacked_line_chart:"):
            _sweep()


def _choose_among(names: list[str]) -> None:
    """Which variant is edited. A browser sends the words of what is chosen, so other words are another control."""
    few = len(names) <= LISTED
    labels = [dotted(name, colour(at)) for at, name in enumerate(names)] if few else names
    key = state.EDITED_CHOICE.of(hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:16])
    key.set(state.EDITED.get())
    show: Any = st.radio if few else st.selectbox
    show(
        "Variant to edit",
        range(len(names)),
        format_func=labels.__getitem__,
        key=key.name,
        on_change=_choose,
        args=(key,),
        label_visibility="collapsed",
    )


def _choose(key: Key[int]) -> None:
    """Edit what was chosen, if the variants are still as many."""
    if (at := key.get()) in range(len(state.VARIANTS.get())):
        choices.edit(at)


def take_up(config: RunConfig) -> None:
    """What the controls say becomes the edited variant, and its shared choices those of all."""
    kept = state.VARIANTS.get()
    kept[state.EDITED.get()]["config"] = config.model_dump()
    for entry, variant in zip(kept, shared_with(config, choices.variants()), strict=True):
        entry["config"] = variant.config.model_dump()


def experiment(config: RunConfig) -> Experiment:
    """The variants with every seed, the first of which is the configuration's."""
    return Experiment(variants=choices.variants(), seeds=seeds_from(config.seed, state.SEEDS.get()))


def choose_seeds() -> None:
    """How many seeds each variant is trained with, and how many runs that makes."""
    count = st.number_input(
        "Seeds",
        1,
        MAX_SEEDS,
        step=1,
        key=state.SEEDS.name,
        help="Runs per variant, with different initial weights and batch orders. All variants use the same seeds.",
        persist_state="session",
    )
    variants = len(state.VARIANTS.get())
    runs = variants * count
    if runs > 1:
        st.caption(f"{variants} x {count} = {runs} runs, trained together.")


def colour(at: int) -> str:
    """The colour of a variant in lists and figures."""
    kept = state.VARIANTS.get()
    return colour_of(at, len(kept), kept[at]["colour"])


def _duplicate() -> None:
    kept, at = list(state.VARIANTS.get()), state.EDITED.get()
    if len(kept) >= MAX_RUNS:
        session.complain(f"The limit is {MAX_RUNS} variants.")
    else:
        kept.insert(at + 1, choices.new_variant(RunConfig(**kept[at]["config"])))
        state.VARIANTS.set(kept)
        state.NEXT_EDITED.set(at + 1)
    st.rerun()


def _remove() -> None:
    at = state.EDITED.get()
    state.VARIANTS.set([entry for place, entry in enumerate(state.VARIANTS.get()) if place != at])
    state.NEXT_EDITED.set(max(at - 1, 0))
    st.rerun()


def _name(shown: str) -> None:
    """Name and colour of the edited variant."""
    entry = state.VARIANTS.get()[state.EDITED.get()]
    name, colour = state.VARIANT_NAME.of(entry["id"]), state.VARIANT_COLOUR.of(entry["id"])
    keep = partial(_keep, entry["id"])
    name.setdefault(entry["name"])
    colour.setdefault(entry["colour"])
    st.text_input("Name", placeholder=shown, max_chars=80, key=name.name, on_change=keep)
    labels = [dotted(word, hue) for word, hue in zip(COLOURS, VARIANTS, strict=True)]
    st.pills("Colour", range(len(VARIANTS)), format_func=labels.__getitem__, key=colour.name, on_change=keep)


def _keep(identity: str) -> None:
    """Write what was typed and picked into the variant."""
    name, colour = state.VARIANT_NAME.of(identity).get(), state.VARIANT_COLOUR.of(identity).get()
    for entry in state.VARIANTS.get():
        if entry["id"] == identity:
            entry |= {"name": (name or "").strip(), "colour": colour}


def _sweep() -> None:
    """Make variants of the edited one by one of its numbers."""
    count = len(state.VARIANTS.get())
    config = RunConfig(**state.VARIANTS.get()[state.EDITED.get()]["config"])
    params = sweepable(config)
    if state.SWEEP_FIELD.get() not in params:
        state.SWEEP_FIELD.set(next(iter(params)))
    key = st.selectbox("Vary", list(params), format_func=lambda key: params[key].label, key=state.SWEEP_FIELD.name)
    param = params[key]
    assert param.low is not None
    assert param.high is not None
    now = float(value_of(config, key))
    low, high = max(now, 1e-4 if param.log else param.low), min(100 * now or 1.0, param.high)
    first, last = st.columns(2)
    first_value = first.number_input("From", value=low, format="%g", key=state.SWEEP_LOW.of(key).name)
    last_value = last.number_input("To", value=high, format="%g", key=state.SWEEP_HIGH.of(key).name)
    steps = st.number_input("Steps", 2, MAX_RUNS, state.SWEEP_STEPS.default, key=state.SWEEP_STEPS.name)
    spacing = st.segmented_control(
        "Spacing", list(SPACINGS), default="log" if param.log else "linear", required=True,
        key=state.SWEEP_SPACING.of(key).name,
    )  # fmt: skip
    if count > 1:
        st.caption(f"They replace the {count} current variants.")
    if st.button("Make these variants", type="primary", key="sweep.make"):
        try:
            made = sweep(config, key, first_value, last_value, int(steps), spacing)
        except CutoffError as error:
            st.error(text.plain(str(error)))
            return
        state.VARIANTS.set([choices.new_variant(one) for one in made])
        state.NEXT_EDITED.set(0)
        st.rerun()
