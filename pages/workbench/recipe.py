"""The recipe: the choices of one run in a bar, each in a popover, and the loss's main parameter as a slider.

The choices are one RunConfig in the session. Controls are drawn from it and change it through `choose`, which keeps
what still fits, replaces what does not by the recommended choice and keeps sentences on that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import checks
from core.checks import Finding
from core.data import dataset_spec, is_table, load_dataset
from core.errors import CutoffError
from core.evaluation.source import ScoreSource
from core.experiment import compatibility
from core.experiment.config import NUMBERS, SETTINGS, RunConfig
from core.experiment.fitting import head_for, with_choices
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved
from core.models import MODELS
from core.parameters import Param, Value, defaults
from core.text import counted
from pages.shared import choices, controls, dom, findings, own_table, payoffs, preview, session, state, text
from pages.workbench import best_epoch, dials

ICONS = {"mistake": " :red[:material/error:]", "caution": " :orange[:material/warning:]"}


class Part(NamedTuple):
    """A popover of the bar: its label, the choice that it shows, and what draws its controls.

    It shows the findings whose place begins with one of `places`.
    """

    label: str
    shown: Callable[[RunConfig], str]
    draw: Callable[[RunConfig], None]
    places: tuple[str, ...]

    def of(self, found: Sequence[Finding]) -> list[Finding]:
        return [one for one in found if checks.CHECKS[one.code].place.partition(".")[0] in self.places]


def config() -> RunConfig:
    """The choices now."""
    return payoffs.in_run(state.RECIPE.get())


def open_link(default: RunConfig) -> None:
    """When this page is first drawn, take the choices from the URL that opened the session, or from the run that it
    names or that another page has trained, else `default`.

    Choices without a run train at once; a link to several variants opens on the Compare page.
    """
    if state.RECIPE.is_set():
        _leave_gone(default)
        return
    opens = choices.open_link()
    linked = opens and choices.are_linked()
    shown = state.LINKED.of("shown").get()
    (first, *others) = choices.variants()
    if opens and others and not shown:
        st.switch_page(choices.COMPARE)
    job = session.current_job()
    if job and not linked:
        take(next((run for run in job.runs if run.id == shown), job.runs[0]).config)
    else:
        take(first.config if linked else default)
    try:
        compatibility.check(config())
    except CutoffError as error:  # only the data tells that they can't be trained
        session.complain(str(error))
        take(default)
        return
    if linked:
        train_if_gone()


def train_if_gone() -> None:
    """Ask to train choices of the URL that have no run, and say so where they had one."""
    linked = st.query_params.get("dataset", "")
    table_is_gone = is_table(linked) and linked != config().dataset
    if session.current_job() or not choices.are_linked() or table_is_gone:
        return
    state.RECIPE_TRAINS.set(True)
    if "run" in st.query_params:
        session.complain("It is trained again with the same settings, which gives the same numbers.")


def _leave_gone(default: RunConfig) -> None:
    """Take `default` where the table that was chosen is gone."""
    try:
        dataset_spec(config().dataset)
    except CutoffError as error:
        session.complain(str(error))
        take(default)


def _ask_for_table() -> None:
    """Open the dialog of tables, and close the popover, which would cover it."""
    for name in ("data", "all"):
        state.RECIPE_PART.of(name).set(False)
    own_table.ask()


def take(config: RunConfig) -> None:
    """Make these the choices, without a word."""
    payoffs.take(config)
    state.RECIPE.set(config)
    _say([], None)


def take_shown(source: ScoreSource) -> None:
    """Take the choices of the run that is shown where that is another one than when the page was drawn last, as after
    training on the Compare page; without a word. The first one leaves the choices of a link."""
    run = source.id.partition("@")[0]
    if not source.config or state.RECIPE_OF.get() == run:
        return
    if state.RECIPE_OF.is_set() and source.config != config():
        take(source.config)
    state.RECIPE_OF.set(run)


def choose(**chosen: Any) -> None:
    """Change some choices. To be called in a callback.

    Other data trains at once: beside its name, results of the data before would be misread as its own. Everything else
    waits for Train, since a loss, its parameters and a rate are usually changed together.
    """
    before = config()
    try:
        found, changes = with_choices(before, **chosen)
        compatibility.check(found)
    except CutoffError as error:
        state.RECIPE_PROBLEM.set(str(error))
        return
    state.RECIPE_PROBLEM.set("")
    if found == before:  # as a browser may say of a list whose options changed
        return
    state.RECIPE.set(found)
    if said := _data_change(before, found):
        state.RECIPE_TRAINS.set(True)
        changes = [said, *changes]
    _say(changes, before)


def _data_change(before: RunConfig, now: RunConfig) -> str:
    """What changed in the data, as a sentence; "" if nothing did."""
    if before.dataset != now.dataset:
        return f"Data: {dataset_spec(now.dataset).label} instead of {dataset_spec(before.dataset).label}."
    params = dataset_spec(now.dataset).params
    old, new = (defaults(params) | dict(one.dataset_params) for one in (before, now))
    changed = [param for param in params if old[param.name] != new[param.name]]
    return " ".join(f"{one.label}: {_number(new[one.name])} instead of {_number(old[one.name])}." for one in changed)


def _number(value: Value) -> str:
    return f"{value:,.6g}" if isinstance(value, float | int) else value


def choose_and_train(**chosen: Any) -> None:
    """Change some choices and train again at once. To be called in a callback."""
    before = config()
    choose(**chosen)
    state.RECIPE_TRAINS.set(config() != before)
    state.COMPLAINTS.set(())


def _say(changes: list[str], before: RunConfig | None) -> None:
    state.RECIPE_CHANGES.set(changes)
    state.RECIPE_BEFORE.set(before if changes else None)
    state.RECIPE_PROBLEM.set("")


def asks_to_train() -> bool:
    """Whether a change of the choices asked for training since this was called last."""
    return state.RECIPE_TRAINS.pop()


def show(shown: RunConfig | None) -> bool:
    """Draw the controls of the bar; returns whether Train was pressed, which stands out where the run that is shown had
    other choices."""
    now = config()
    found = checks.of_config(now)
    with st.container(
        key=dom.RECIPE_PARTS, horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
    ):
        for name, part in PARTS.items():
            title = f":gray[{part.label}] {text.plain(part.shown(now))}{_icon(part, found)}"
            if body := _opened(name, title):
                with body:
                    _draw(name, part, now, found)
    with st.container(key=dom.RECIPE_WHOLE, width="content"):  # on a phone, instead of the others
        if body := _opened("all", ":gray[Recipe]"):
            titles = [f"{part.label}{_icon(part, found)}" for part in PARTS.values()]
            tabs = body.tabs(titles, key=state.RECIPE_TAB.name, on_change="rerun")
            for tab, part in zip(tabs, PARTS.values(), strict=True):
                if tab.open:
                    with tab:
                        _draw("all", part, now, found)
    dials.show(now, choose_and_train)
    changed = shown is not None and shown != now
    return st.button("Train", key="train", type="primary" if changed else "secondary", icon=":material/play_arrow:")


def show_changes(shown: RunConfig | None, undo: Callable[[RunConfig], None]) -> None:
    """What the last choice changed, in one line with Undo, why a choice could not be taken, and whether the run that is
    shown had other choices. `undo` is called with the choices to go back to."""
    if problem := state.RECIPE_PROBLEM.get():
        st.error(text.plain(problem))
    before, changes = state.RECIPE_BEFORE.get(), text.plain(" ".join(state.RECIPE_CHANGES.get()))
    if shown and shown != config():
        changes += " :orange[:material/warning:] **Settings changed:** results are from the previous run."
    if changes:
        with st.container(key=dom.RECIPE_CHANGES, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(changes, width="content")
            if before := before or shown:
                st.button(
                    "Undo", key="recipe.back", type="tertiary", icon=":material/undo:", on_click=undo, args=(before,)
                )
            if state.RECIPE_CHANGES.get():
                st.button(":material/close:", key="recipe.close", type="tertiary", on_click=take, args=(config(),))


def _icon(part: Part, found: Sequence[Finding]) -> str:
    severities = [checks.CHECKS[one.code].severity for one in part.of(found)]  # the gravest first
    return ICONS.get(severities[0], "") if severities else ""


def _opened(name: str, title: str) -> DeltaGenerator | None:
    """A popover of the bar: what to draw into if it is open, else None."""
    popover = st.popover(title, key=state.RECIPE_PART.of(name).name, on_change="rerun")
    return popover.container(key=f"recipe.body.{name}", width=420) if popover.open else None


def _draw(name: str, part: Part, now: RunConfig, found: tuple[Finding, ...]) -> None:
    part.draw(now)
    findings.show(part.of(found), f"recipe.{name}.{part.label}", now, choose)


# --- controls


def _select(label: str, name: str, options: Mapping[str, str], now: RunConfig, help: str | None = None) -> None:
    """A choice among names that changes the recipe."""
    control = state.RECIPE_CONTROL.of(name)
    control.set(getattr(now, name))
    st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=control.name,
        help=help,
        on_change=lambda: choose(**{name: control.get()}),
    )


def _parameter(param: Param, key: str, value: Value, use: Callable[[Value], None]) -> None:
    """The control of a parameter that changes the recipe."""
    control = state.RECIPE_CONTROL.of(key)
    control.set(value)
    controls.widget(param, control, on_change=lambda: use(control.get()))


def _use_pair(field: str, name: str, value: Value) -> None:
    """Set a parameter of the data or the loss."""
    choose(**{field: tuple((dict(getattr(config(), field)) | {name: value}).items())})


def _pairs(field: str, params: tuple[Param, ...], now: RunConfig) -> None:
    values = defaults(params) | dict(getattr(now, field))
    for param in params:
        _parameter(param, f"{field}.{param.name}", values[param.name], partial(_use_pair, field, param.name))


# --- parts


def _data(now: RunConfig) -> None:
    found = own_table.offered(now.dataset)
    labels = {name: f"{spec.label} · {text.TASKS[spec.task]}" for name, spec in found.items()}
    spec = found[now.dataset]
    _select("Data", "dataset", labels, now, help=f"{spec.source}. Licence: {spec.licence}.")
    with st.container(horizontal=True, gap="small"):
        own_table.button("recipe.table", _ask_for_table)
        if is_table(now.dataset):
            own_table.delete_button(now.dataset, "recipe.table.delete", lambda: choose(dataset=RunConfig().dataset))
    _pairs("dataset_params", spec.params, now)
    data = load_dataset(now.dataset, now.dataset_params)
    kept = own_table.kept_sentence() if is_table(now.dataset) else None
    st.caption(text.plain(f"{spec.about} {text.of_data(data)}"), help=kept)
    preview.show(data)


def _model(now: RunConfig) -> None:
    spec = MODELS[now.model]
    _select("Model", "model", {name: MODELS[name].label for name in compatibility.models_for(now.dataset)}, now)
    st.caption(spec.about)
    if not spec.widths:
        return
    control = state.RECIPE_CONTROL.of("widths")
    control.set("-".join(map(str, now.widths)))
    options = list(dict.fromkeys([*controls.WIDTHS[now.model], control.get()]))
    st.selectbox(
        spec.widths_label,
        options,
        key=control.name,
        help=SETTINGS["widths"].help,
        accept_new_options=True,
        on_change=lambda: choose(widths=control.get()),
    )
    _setting("hidden", now)
    _setting("batch_norm", now)


def _head(now: RunConfig) -> None:
    offered = compatibility.heads_for(now.dataset)
    _select("Head", "head", {name: HEADS[name].label for name in offered}, now)
    st.caption(text.of_head(HEADS[now.head], dataset_spec(now.dataset).task))
    right = resolved(now.head, "auto", now.loss)
    names = [name for name in compatibility.activations_for(now.head, now.loss) if name not in ("auto", right)]
    labels = {"auto": f"{ACTIVATIONS[right].label} (default for this loss)"}
    labels |= {name: ACTIVATIONS[name].label for name in names}
    _select(SETTINGS["activation"].label, "activation", labels, now, help=SETTINGS["activation"].help)
    st.caption(text.of_output(now.head, now.activation, now.loss))
    reasons = [*compatibility.heads_not_offered(now.dataset).values(), *compatibility.not_taken(now.head, now.loss)]
    _reasons("Heads and final activations that do not fit", reasons)


def _loss(now: RunConfig) -> None:
    offered = compatibility.losses_for(now.dataset, now.head)
    labels = {name: LOSSES[name].label + (" · a mistake" if LOSSES[name].mistake else "") for name in offered}
    _select("Loss", "loss", labels, now)
    spec = LOSSES[now.loss]
    st.caption(f"{spec.about} {text.of_loss(spec, None)}", help=spec.reference)
    with st.container(key=dom.FORMULA):
        st.latex(spec.formula)
    _pairs("loss_params", compatibility.params_for(now.head, now.loss), now)
    if theory := text.of_theory(now):
        st.caption(theory)
    _other_losses(now, offered)


def _other_losses(now: RunConfig, offered: list[str]) -> None:
    """Every loss that does not fit: those that another head makes fit with that switch, and the reasons of the rest."""
    heads = {name: head_for(now, name) for name in LOSSES if name not in offered}
    for name, head in heads.items():
        if head:
            st.button(
                f"{LOSSES[name].label}: switch to {HEADS[head].label}",
                key=f"recipe.switch.{name}",
                type="tertiary",
                icon=":material/swap_horiz:",
                on_click=choose,
                kwargs={"head": head, "loss": name},
                help=f"{LOSSES[name].label} needs this head.",
            )
    reasons = compatibility.losses_not_offered(now.dataset, now.head, now.dataset_params)
    _reasons("Losses that do not fit this data", [said for name, said in reasons.items() if not heads[name]])


def _reasons(title: str, reasons: list[str]) -> None:
    if reasons:
        with st.expander(title):
            for reason in reasons:
                st.caption(text.plain(reason))


def _training(now: RunConfig) -> None:
    names = [name for name, setting in SETTINGS.items() if setting.group == "training"]
    for name in names:
        if not SETTINGS[name].rare:
            _setting(name, now)
    with st.expander("Batch size, schedule, decay, seeds"):
        for name in names:
            if SETTINGS[name].rare and not compatibility.fixed(name, now):
                _setting(name, now)
    best_epoch.show()


def _setting(name: str, now: RunConfig) -> None:
    setting = SETTINGS[name]
    if setting.options:
        _select(setting.label, name, setting.options, now, help=setting.help or None)
    else:
        param = NUMBERS.get(name, Param(name, setting.label, RunConfig.model_fields[name].default, help=setting.help))
        _parameter(param, name, getattr(now, name), lambda value: choose(**{name: value}))


def _data_label(now: RunConfig) -> str:
    params = dict(now.dataset_params)
    prevalence = params.get("prevalence")
    share = f", {prevalence:.3g}" if isinstance(prevalence, float) else f", {prevalence}" if prevalence else ""
    return dataset_spec(now.dataset).label + share


def _model_label(now: RunConfig) -> str:
    return MODELS[now.model].label + (f" {'-'.join(map(str, now.widths))}" if now.widths else "")


def _head_label(now: RunConfig) -> str:
    return HEADS[now.head].label.partition(" (")[0] + (
        "" if now.activation == "auto" else f", {ACTIVATIONS[now.activation].label}"
    )


PARTS: dict[str, Part] = {
    "data": Part("Data", _data_label, _data, ("data",)),
    "model": Part("Model", _model_label, _model, ("model",)),
    "head": Part("Head", _head_label, _head, ("head", "activation")),
    "loss": Part("Loss", lambda now: LOSSES[now.loss].label, _loss, ("loss",)),
    "training": Part("Training", lambda now: counted(now.epochs, "epoch"), _training, ("lr", "epochs", "batch_size")),
}
