"""The controls of a run's configuration, drawn from the registries, and its place in the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import checks
from core.data import DATASETS, dataset_spec, load_dataset
from core.errors import CutoffError
from core.experiment import compatibility, links
from core.experiment.config import NUMBERS, SETTINGS, Experiment, RunConfig, make_config
from core.losses import LOSSES, LossSpec
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved
from core.models import MODELS
from core.parameters import Param, Value
from pages.compare import variants
from pages.shared import choices, controls, dom, findings, own_table, payoffs, preview, state, text
from pages.shared.services import runner
from pages.shared.state import Key

T = TypeVar("T")
Slots = dict[str, DeltaGenerator]  # places among the controls that are filled once all choices are known


def edit() -> tuple[Experiment | None, str]:
    """Draw the controls with what the checks find; returns what they say, or None and the sentence that tells why it
    can't be trained."""
    choices.settle()
    changes = _follow_data()
    if choice := state.NEXT_CONFIG.pop():
        choices.take(make_config(**choice))
    problems: list[str] = []
    slots: Slots = {}
    chosen = _data(problems, slots)
    for sentence in changes:
        st.caption(text.plain(sentence))
    chosen |= _model(str(chosen["dataset"]), problems, slots)
    st.header("Variants", help="What trains side by side. A variant has its own head, loss, optimizer and rates.")
    listed = st.container()  # filled at the end: a name follows from the choices
    variants.choose_seeds()
    chosen |= _head_and_loss(chosen, problems, slots)
    st.header("Training")
    chosen |= _optimising(str(chosen["dataset"]), slots)
    config = _or_problem(lambda: compatibility.check(payoffs.in_run(make_config(**chosen))), None, problems)
    if config and not problems:
        variants.take_up(config)
    with listed:
        variants.choose_edited()
    if problems or config is None:
        return None, problems[0]
    if theory := text.of_theory(config):
        slots["theory"].caption(theory)
    _show_findings(config, slots)
    experiment = _or_problem(lambda: runner().check(variants.experiment(config)), None, problems)
    return experiment, problems[0] if problems else ""


def _follow_data() -> list[str]:
    """Where other data was chosen since the last script run, put all variants on it; returns what did not fit."""
    dataset = state.DATASET.get()
    if dataset not in own_table.offered(dataset) or dataset == variants.dataset() or state.NEXT_CONFIG.is_set():
        return []
    try:
        load_dataset(dataset)
    except CutoffError:
        return []  # which is said beside the data; the variants wait for data that can be read
    keys = {param: state.DATA_PARAM.of(dataset, param.name) for param in dataset_spec(dataset).params}
    given = {param.name: key.get() for param, key in keys.items() if key.get() not in (None, param.default)}
    return variants.move_to(dataset, tuple(given.items()))


def _show_findings(config: RunConfig, slots: Slots) -> None:
    """What the checks find in the choices, each beside its control."""
    found = checks.of_config(config)
    for place, slot in slots.items():
        with slot:
            findings.show(findings.at(found, place), "choices", config)


def _data(problems: list[str], slots: Slots) -> dict[str, object]:
    st.header("Data", help=_sources())
    labels = {
        name: f"{spec.label} · {text.TASKS[spec.task]}" for name, spec in own_table.offered(state.DATASET.get()).items()
    }
    dataset = controls.choose("Data", state.DATASET, labels, hide_label=True)
    own_table.button("form.table")
    params = _params("data", partial(state.DATA_PARAM.of, dataset), dataset_spec(dataset).params, problems, slots)
    with st.spinner("Loading the data"):
        data = _or_problem(lambda: load_dataset(dataset, tuple(sorted(params.items()))), None, problems)
    if data:
        st.caption(text.plain(text.of_data(data)), help=text.plain(dataset_spec(dataset).about))
        preview.show(data)
    slots["data"] = st.container()
    return {"dataset": dataset, "dataset_params": params}


def _model(dataset: str, problems: list[str], slots: Slots) -> dict[str, object]:
    st.header("Model", help=_list({spec.label: spec.about for spec in MODELS.values()}))
    labels = {name: MODELS[name].label for name in compatibility.models_for(dataset)}
    model = controls.choose("Model", state.SETTING.of("model"), labels, hide_label=True)
    spec = MODELS[model]
    widths = _or_problem(lambda: _widths(model), spec.widths, problems) if spec.widths else ()
    hidden = _choose("hidden") if spec.widths else "relu"
    batch_norm = bool(spec.widths) and _batch_norm()
    slots["model"] = st.container()
    return {"model": model, "widths": widths, "hidden": hidden, "batch_norm": batch_norm}


def _head_and_loss(data: Mapping[str, Any], problems: list[str], slots: Slots) -> dict[str, object]:
    dataset, dataset_params = data["dataset"], tuple(sorted(data["dataset_params"].items()))
    st.header("Head and loss")
    head = controls.choose(
        "Head", state.SETTING.of("head"), {name: HEADS[name].label for name in compatibility.heads_for(dataset)}
    )
    st.caption(text.of_head(HEADS[head], dataset_spec(dataset).task))
    slots["head"] = st.container()
    losses = compatibility.losses_for(dataset, head)
    loss = controls.choose(
        "Loss",
        state.SETTING.of("loss"),
        {name: _named(LOSSES[name]) for name in losses},
        help=_expectations(losses, dataset_spec(dataset).task),
    )
    spec = LOSSES[loss]
    st.caption(f"{spec.about} {text.of_loss(spec, None)}", help=spec.reference)
    with st.container(key=dom.FORMULA):
        st.latex(spec.formula)
    slots["loss"] = st.container()
    params = _params("loss", partial(state.LOSS_PARAM.of, loss), compatibility.params_for(head, loss), problems, slots)
    slots["theory"] = st.container()
    activation = _activation(head, loss)
    slots["activation"] = st.container()
    with st.expander("Why are some choices missing?"):
        reasons = [*compatibility.not_taken(head, loss), *compatibility.heads_not_offered(dataset).values()]
        reasons += _or_problem(
            lambda: list(compatibility.losses_not_offered(dataset, head, dataset_params).values()), [], problems
        )
        for reason in reasons:
            st.caption(text.plain(reason))
    return {"head": head, "activation": activation, "loss": loss, "loss_params": params}


def _named(loss: LossSpec) -> str:
    return f"{loss.label} · a mistake" if loss.mistake else loss.label


def _activation(head: str, loss: str) -> str:
    """The final activation; one that the loss does not accept is replaced by the default for this loss."""
    right = resolved(head, "auto", loss)
    others = [name for name in compatibility.activations_for(head, loss) if name not in ("auto", right)]
    labels = {"auto": "default for this loss"}
    labels |= {name: ACTIVATIONS[name].label for name in others}
    activation = controls.choose(
        SETTINGS["activation"].label, state.SETTING.of("activation"), labels, help=SETTINGS["activation"].help
    )
    st.caption(text.of_output(head, activation, loss))
    return activation


def _or_problem(read: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    """What `read` returns; `otherwise` when it refuses, so that the controls after it are still drawn."""
    try:
        return read()
    except CutoffError as error:
        problems.append(str(error))
        return otherwise


def _params(
    kind: str, key_of: Callable[[str], Key[Any]], params: tuple[Param, ...], problems: list[str], slots: Slots
) -> dict[str, Value]:
    """One control a parameter of the "data" or the "loss"; returns those that differ from their defaults."""
    values = {}
    for param in params:
        read = partial(controls.of_param, param, key_of(param.name))
        values[param.name] = _or_problem(read, param.default, problems)
        slots[f"{kind}.{param.name}"] = st.container()
    return {param.name: values[param.name] for param in params if values[param.name] != param.default}


def _widths(model: str) -> tuple[int, ...]:
    key = state.WIDTHS.of(model)
    key.setdefault("-".join(map(str, MODELS[model].widths)))
    written = st.selectbox(
        MODELS[model].widths_label,
        controls.WIDTHS[model],
        key=key.name,
        help=SETTINGS["widths"].help,
        accept_new_options=True,
        persist_state="session",
    )
    return links.read_widths(str(written))


def _batch_norm() -> bool:
    key = state.SETTING.of("batch_norm")
    key.setdefault(False)
    return st.checkbox(
        SETTINGS["batch_norm"].label,
        key=key.name,
        help=SETTINGS["batch_norm"].help,
        persist_state="session",
    )


def _optimising(dataset: str, slots: Slots) -> dict[str, Value]:
    """The controls of training, the rarer ones folded away, and without those that have no effect."""
    chosen: dict[str, Value] = {}
    names = [name for name, setting in SETTINGS.items() if setting.group == "training"]
    rare = [name for name in names if SETTINGS[name].rare]
    for name in names:
        if name not in rare:
            chosen[name] = _control(name)
        slots[name] = st.container()
    with st.expander("Batch size, schedule, decay, seeds"):
        for name in rare:
            if not compatibility.fixed(name, RunConfig(dataset=dataset, **chosen)):
                chosen[name] = _control(name)
    return chosen


def _control(name: str) -> Value:
    return _number(NUMBERS[name]) if name in NUMBERS else _choose(name)


def _choose(name: str) -> str:
    setting = SETTINGS[name]
    return controls.choose(setting.label, state.SETTING.of(name), dict(setting.options), help=setting.help or None)


def _number(param: Param) -> Value:
    kind = int if param.integer else float
    low, high, step = (None if number is None else kind(number) for number in (param.low, param.high, param.step))
    form = None if param.integer else "%g"
    value = st.number_input(
        param.label,
        low,
        high,
        step=step,
        format=form,
        key=state.SETTING.of(param.name).name,
        help=param.help,
        persist_state="session",
    )
    assert value is not None
    return value


def _sources() -> str:
    """Where each data set comes from, as a list."""
    return _list({spec.label: f"{spec.source}. Licence: {spec.licence}." for spec in DATASETS.values()})


def _expectations(losses: list[str], task: str) -> str:
    """What each of these losses expects and whether it is proper at its defaults, as a list."""
    said = {name: text.of_loss(LOSSES[name], None if task == "regression" else LOSSES[name].proper) for name in losses}
    return _list({LOSSES[name].label: sentence for name, sentence in said.items()})


def _list(said: Mapping[str, str]) -> str:
    """Sentences by label, as a list in Markdown."""
    return "\n".join(f"- **{label}**: {sentence}" for label, sentence in said.items())
