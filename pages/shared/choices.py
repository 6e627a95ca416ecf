"""The controls of a run's configuration, drawn from the registries, and its place in the URL."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import streamlit as st

from core import wiring
from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset
from core.errors import CutoffError
from core.heads import HEADS
from core.losses import LOSSES
from core.models import MODELS
from core.specs import Param, Value
from pages.shared import controls, session

T = TypeVar("T")
WIDTHS = ("16", "64", "64-64", "128-64")
OPTIMISING = {
    "optimizer": "Optimizer",
    "lr": "Learning rate",
    "batch_size": "Batch size",
    "epochs": "Epochs",
    "weight_decay": "Weight decay",
    "seed": "Seed",
    "split_seed": "Split seed",
}


def open_link() -> None:
    """On a session's first script run, take the choices from the URL, or from the run that it names and nothing else.

    Sentences on what could not be used are kept for `session.show_complaints`.
    """
    if "dataset" in st.session_state:
        return
    config, complaints = wiring.from_query(st.query_params)
    session.complain(*complaints)
    job = session.current_job()
    if job and set(st.query_params) == {"run"}:
        config = job.runs[0].config
    state = st.session_state
    for name in ("dataset", "model", "head", "loss", *OPTIMISING):
        state[name] = getattr(config, name)
    state.widths = "-".join(map(str, config.widths or MODELS["mlp"].widths))
    for prefix, pairs in (
        (f"data.{config.dataset}", config.dataset_params),
        (f"loss.{config.loss}", config.loss_params),
    ):
        for name, value in pairs:
            state[f"{prefix}.{name}"] = value


def edit() -> tuple[RunConfig | None, str]:
    """Draw the controls; returns what they say, or None and the sentence that tells why it can't be trained."""
    problems: list[str] = []
    st.subheader("Data", help=_sources())
    dataset = controls.choose("Data", "dataset", {name: spec.label for name, spec in DATASETS.items()}, hide_label=True)
    dataset_params = _params(f"data.{dataset}", DATASETS[dataset].params, problems)
    _about_data(dataset, dataset_params)

    st.subheader("Model")
    model = controls.choose("Model", "model", {name: spec.label for name, spec in MODELS.items()}, hide_label=True)
    st.caption(MODELS[model].about)
    widths = _or_problem(_widths, MODELS[model].widths, problems) if MODELS[model].widths else ()

    st.subheader("Head and loss")
    head = controls.choose("Head", "head", {name: HEADS[name].label for name in wiring.heads_for(dataset)})
    st.caption(f"{HEADS[head].about} Default decision: {HEADS[head].decision}.")
    loss = controls.choose("Loss", "loss", {name: LOSSES[name].label for name in wiring.losses_for(head)})
    st.caption(LOSSES[loss].about, help=LOSSES[loss].reference)
    st.latex(LOSSES[loss].formula)
    loss_params = _params(f"loss.{loss}", LOSSES[loss].params, problems)
    counts = load_dataset(dataset, _pairs(dataset_params)).counts
    st.caption(_or_problem(lambda: LOSSES[loss].remark(loss_params, counts), "", problems))
    with st.expander("Why are some heads and losses missing?"):
        for reason in wiring.not_offered(dataset, head):
            st.caption(reason)

    st.subheader("Training")
    chosen: dict[str, object] = {"dataset": dataset, "model": model, "widths": widths, "head": head, "loss": loss}
    chosen |= {"dataset_params": dataset_params, "loss_params": loss_params, **_optimising()}
    config = _or_problem(lambda: wiring.check(make_config(**chosen)), None, problems)
    return (None, problems[0]) if problems else (config, "")


def _or_problem(read: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    """What `read` returns; `otherwise` when it refuses, so that the controls after it are still drawn."""
    try:
        return read()
    except CutoffError as error:
        problems.append(str(error))
        return otherwise


def _params(prefix: str, params: tuple[Param, ...], problems: list[str]) -> dict[str, Value]:
    """One control a parameter; returns those that differ from their defaults."""
    values = {
        param.name: _or_problem(partial(controls.of_param, param, f"{prefix}.{param.name}"), param.default, problems)
        for param in params
    }
    return {param.name: values[param.name] for param in params if values[param.name] != param.default}


def _widths() -> tuple[int, ...]:
    st.session_state.setdefault("widths", WIDTHS[2])
    text = st.selectbox(
        "Hidden layers",
        WIDTHS,
        key="widths",
        help="Units of each hidden layer, from the input on. Type your own, such as 32-16.",
        accept_new_options=True,
        persist_state="session",
    )
    return wiring.read_widths(str(text))


def _optimising() -> dict[str, Value]:
    chosen: dict[str, Value] = {"optimizer": controls.choose("Optimizer", "optimizer", wiring.OPTIMIZERS)}
    chosen["lr"] = _number("lr", 1e-6, 1e6, 0.001, "%g", "Size of a step. Too large a one makes the loss diverge.")
    chosen["epochs"] = _number("epochs", 1, 2000, 10, None, "Passes over the training rows.")
    with st.expander("Batch size, weight decay, seeds"):
        chosen["batch_size"] = _number("batch_size", 1, 65536, 16, None, "Rows in a step.")
        chosen["weight_decay"] = _number("weight_decay", 0.0, 10.0, 0.001, "%g", "L2 factor added to the gradient.")
        chosen["seed"] = _number("seed", 0, 2**31 - 1, 1, None, "Initial weights and order of batches.")
        chosen["split_seed"] = _number("split_seed", 0, 2**31 - 1, 1, None, "Which rows are in which split.")
    return chosen


def _number(name: str, low: float, high: float, step: float | None, form: str | None, text: str) -> Value:
    value = st.number_input(
        OPTIMISING[name], low, high, step=step, format=form, key=name, help=text, persist_state="session"
    )
    assert value is not None
    return value


def _about_data(name: str, params: dict[str, Value]) -> None:
    """Rows, features and class shares of the data, and where it is from."""
    spec = DATASETS[name]
    with st.spinner("Loading the data"):
        data = load_dataset(name, _pairs(params))
    rows, features = data.x.shape
    share = f"{data.counts[1] / rows:.1%} positive" if data.task == "binary" else f"{len(data.counts)} classes"
    st.caption(f"{spec.about} {rows:,} rows, {features} features, {share}.")


def _sources() -> str:
    """Where each data set comes from, as a list."""
    return "\n".join(f"- {spec.label}: {spec.source}. Licence: {spec.licence}." for spec in DATASETS.values())


def _pairs(params: dict[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(params.items()))
