"""The losses that the Losses page compares: their cards, and what is computed of them, once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from scipy.special import logit

from core.errors import CutoffError
from core.experiment import compatibility
from core.experiment.config import SETTINGS
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved
from core.parameters import Value
from core.plots.losses import Format, Line, OptimalScores
from core.plots.style import Scale
from core.theory import numerical_limits as numerics
from core.theory.binary_loss import OTHERS, POSITIVE_OTHERS, BinaryLoss, binary_loss, class_heads
from core.theory.effect import is_proper
from core.theory.optimal_scores import (
    Cut,
    has_closed_form,
    optimal_scores,
    resting_points,
    searched_scores,
    stands_for,
    threshold_on_score,
)
from core.theory.remarks import remark
from pages.shared import controls, state, text
from pages.shared.state import Key

LETTERS = "ABCD"
STROKES = ("━━━", ":green[━ ━]", ":violet[• • •]", ":red[━ •]")  # as the figures draw each place
KINDS = {"classes": "Classification losses", "values": "Regression losses"}
# What a session begins with: each loss, and its parameters that are not at their defaults.
FIRST: dict[str, tuple[tuple[str, dict[str, Value]], ...]] = {
    "classes": (("bce", {}), ("bce", {"pos_weight": 9.0}), ("focal", {})),
    "values": (("mse", {}), ("huber", {}), ("band_mse", {})),
}
REACH = 8.0  # logits drawn on each side
VALUES = (-1.5, 2.5)  # predictions drawn
ROWS = 1_000_000  # of imagined data, for weights that are taken from shares of classes


class Chosen(NamedTuple):
    """A loss with its head, parameters and output activation, in one of the places A to D: all that a figure needs.

    `values` are those not at their defaults; `positives` is the share that weights taken from data are made of.
    """

    slot: int
    loss: str
    head: str
    values: tuple[tuple[str, Value], ...]
    activation: str
    positives: float

    @property
    def name(self) -> str:
        labels = {param.name: param.label for param in compatibility.params_for(self.head, self.loss)}
        parts = [f"{labels[name]} {f'{v:g}' if isinstance(v, float) else v}" for name, v in self.values]
        if self.head not in ("identity", class_heads(self.loss)[0]):
            parts.append(HEADS[self.head].label)
        if resolved(self.head, self.activation, self.loss) != resolved(self.head, "auto", self.loss):
            parts.append(f"after {ACTIVATIONS[self.activation].label}")
        return f"{LETTERS[self.slot]}. {', '.join([LOSSES[self.loss].label, *parts])}"

    @property
    def counts(self) -> np.ndarray:
        """Rows of each class in imagined data, (2,)."""
        positive = round(self.positives * ROWS)
        return np.array([ROWS - positive, positive])

    def build(self) -> BinaryLoss:
        """The loss itself; raises CutoffError for a parameter that can't be used."""
        return binary_loss(self.loss, self.head, dict(self.values), self.counts, self.activation)


@st.cache_data(max_entries=500, show_spinner=False)
def line_of(one: Chosen, y: float, scale: Scale) -> Line:
    """Value and gradient by z over the drawn logits, or predictions."""
    if one.head == "identity":
        z = np.linspace(*VALUES, 1001)
        x = z
    elif scale == "probability":
        x = np.linspace(0.0005, 0.9995, 1001)
        z = logit(x)
    else:
        x = z = np.linspace(-REACH, REACH, 1001)
    loss, at = one.build(), torch.from_numpy(z)
    return Line(one.slot, one.name, x, loss.values(at, y).numpy(), loss.gradients(at, y).numpy())


@st.cache_data(max_entries=500, show_spinner=False)
def rests_of(one: Chosen, target: float) -> list[float]:
    """The drawn predictions to which gradient descent converges."""
    return resting_points(one.build(), target, *VALUES).tolist()


@st.cache_data(max_entries=200, show_spinner=False)
def optimal_of(one: Chosen) -> OptimalScores:
    """The optimal score, from the closed form on a fine grid and by search at a few points."""
    q, points = np.linspace(0, 1, 501), np.linspace(0.02, 0.98, 25)
    loss = one.build()
    closed = optimal_scores(loss, q) if has_closed_form(loss) else None
    return OptimalScores(one.slot, one.name, q, closed, points, searched_scores(loss, points))


@st.cache_data(max_entries=1000, show_spinner=False)
def cut_of(one: Chosen, q: float) -> Cut:
    return threshold_on_score(one.build(), q)


@st.cache_data(max_entries=1000, show_spinner=False)
def solved_of(one: Chosen, q: float) -> float:
    """The optimal score for a true probability, by search."""
    return float(searched_scores(one.build(), np.array([q]))[0])


@st.cache_data(max_entries=200, show_spinner=False)
def is_closed(one: Chosen) -> bool:
    """Whether the optimal score comes from a closed form."""
    return has_closed_form(one.build())


@st.cache_data(max_entries=200, show_spinner=False)
def half_of(one: Chosen) -> float:
    """The true probability whose optimal score is .5."""
    return stands_for(one.build(), 0.5)


@st.cache_data(max_entries=200, show_spinner=False)
def meaning_of(one: Chosen) -> str:
    """What the scores mean, in a sentence; "" after another output activation than the loss expects."""
    if not one.build().as_expected:
        return ""
    return remark(one.loss, one.head, dict(one.values), one.counts)


@st.cache_data(max_entries=200, show_spinner=False)
def proper_of(one: Chosen) -> bool | None:
    """Whether the expected loss is minimised by the true probability; None in a regression."""
    return is_proper(one.loss, one.head, dict(one.values), one.counts)


@st.cache_data(max_entries=100, show_spinner=False)
def formats_of(one: Chosen | None, y: int) -> dict[str, tuple[Format, tuple[str, ...]]]:
    """The loss (None: naive BCE) in each floating-point type, and a sentence for every finding."""
    found = {}
    predicts = one is not None and one.head == "identity"
    for name, dtype in numerics.DTYPES.items():
        loss = one.build().to(dtype) if one else None
        value = (lambda z, of=loss: of.values(z, y)) if loss else (lambda z: numerics.naive_bce(z, y))
        numbers = numerics.numbers(value, dtype, points=801, end=numerics.FAR if predicts else numerics.END)
        if predicts:
            findings = numerics.overflows(value, dtype, numerics.FAR, "ŷ")
        else:
            findings = numerics.findings(value, loss.scores if loss else torch.sigmoid, y, dtype)
        marks = [finding for finding in findings if finding.z is not None and not finding.of_score]
        sentences = tuple(map(str, marks))
        figure = Format(*numbers, np.array([finding.z for finding in marks], dtype=np.float64), sentences)
        found[name] = figure, tuple(map(str, findings))
    return found


# --- the losses that are compared


def slots_of(kind: str) -> Sequence[int]:
    """The places in use; the first time those of FIRST, with their losses."""
    slots = state.CARDS.of(kind)
    if not slots.is_set():
        known = [(loss, values) for loss, values in FIRST[kind] if loss in LOSSES]
        for slot, (loss, values) in enumerate(known):
            state.CARD_LOSS.of(kind, slot).set(loss)
            for param, value in values.items():
                state.CARD_PARAM.of(kind, slot, loss, param).set(value)
        slots.set(list(range(len(known))))
    return slots.get()


def add_loss(kind: str) -> None:
    """Take the first free place for the first loss that is not looked at yet."""
    slots = slots_of(kind)
    free = next(slot for slot in range(len(LETTERS)) if slot not in slots)
    seen = [state.CARD_LOSS.of(kind, slot).get() for slot in slots]
    state.CARD_LOSS.of(kind, free).set(next(name for name in losses_of(kind) if name not in seen))
    state.CARDS.of(kind).set(sorted([*slots, free]))


def remove_loss(kind: str, slot: int) -> None:
    state.CARDS.of(kind).set([kept for kept in slots_of(kind) if kept != slot])


def losses_of(kind: str) -> list[str]:
    """The classification or the regression losses."""
    return [name for name, spec in LOSSES.items() if serves(kind, spec.tasks)]


def serves(kind: str, tasks: tuple[str, ...]) -> bool:
    return "regression" in tasks if kind == "values" else tasks != ("regression",)


def choose_losses(kind: str) -> list[Chosen]:
    """A card for each place; returns those that can be drawn."""
    slots = slots_of(kind)
    positives = share_of_positives(kind, slots)
    chosen = []
    for slot in slots:
        with st.container(border=True, key=f"card.{kind}.{slot}", gap="xsmall"):
            one = choose_one(kind, slot, positives, alone=len(slots) == 1)
        if one:
            chosen.append(one)
    full = len(slots) == len(LETTERS)
    st.button(
        "Add a loss",
        icon=":material/add:",
        on_click=add_loss,
        args=(kind,),
        disabled=full,
        help="The limit is four losses." if full else None,
    )
    return chosen


def share_of_positives(kind: str, slots: Sequence[int]) -> float:
    """The share of positives in imagined data, asked for where a chosen loss takes weights from its data."""
    if not any(reads_rows(*loss_and_head(kind, slot)) for slot in slots):
        return 0.1
    state.POSITIVES.setdefault()
    return st.slider(
        "Share of positives",
        0.01,
        0.99,
        step=0.01,
        key=state.POSITIVES.name,
        help="In the training rows that balanced weights or class priors are computed from.",
        persist_state="session",
    )


def loss_and_head(kind: str, slot: int) -> tuple[str, str]:
    """What a place shows, before its card is drawn."""
    loss = state.CARD_LOSS.of(kind, slot).get()
    first = "identity" if kind == "values" else class_heads(loss)[0]
    return loss, state.CARD_HEAD.of(kind, slot, loss).get() or first


def reads_rows(loss: str, head: str) -> bool:
    """Whether a parameter that is shown here depends on the rows of each class."""
    return any(param.name in LOSSES[loss].read for param in compatibility.params_for(head, loss))


def choose_one(kind: str, slot: int, positives: float, alone: bool) -> Chosen | None:
    """The controls of one place; None, with a sentence, where its parameters can't be used."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{LETTERS[slot]}** &nbsp; {STROKES[slot]}", width="content")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            details = st.popover(
                "Details", type="tertiary", help=f"Formula, head and final activation of {LETTERS[slot]}."
            )
            st.button(
                "",
                icon=":material/close:",
                key=f"losses.{kind}.{slot}.remove",
                type="tertiary",
                on_click=remove_loss,
                args=(kind, slot),
                disabled=alone,
                help=f"Remove {LETTERS[slot]}.",
            )
    names = {name: f"{LOSSES[name].label}{' · a mistake' * bool(LOSSES[name].mistake)}" for name in losses_of(kind)}
    loss = controls.choose("Loss", state.CARD_LOSS.of(kind, slot), names, hide_label=True)
    spec = LOSSES[loss]
    warned = st.container()
    details.latex(stacked(spec.formula))
    described = details.container()  # filled once the parameters are known
    with details:
        head = "identity" if kind == "values" else choose_head(state.CARD_HEAD.of(kind, slot, loss), loss)
        activation = choose_activation(state.CARD_ACTIVATION.of(kind, slot, loss), head, loss)
    values: dict[str, Value] = {}
    complaint = ""
    for param in compatibility.params_for(head, loss):
        try:
            values[param.name] = controls.of_param(param, state.CARD_PARAM.of(kind, slot, loss, param.name))
        except CutoffError as error:
            complaint = str(error)
    changed = [
        (param.name, values[param.name])
        for param in compatibility.params_for(head, loss)
        if values.get(param.name, param.default) != param.default
    ]
    one = Chosen(slot, loss, head, tuple(changed), activation, positives)
    try:
        one.build()
    except CutoffError as error:
        complaint = str(error)
    if wrong := spec.mistakes_with(values):
        warned.caption(f":material/error: **A mistake:** {text.plain(wrong)}")
    proper = None if complaint else proper_of(one)
    described.caption(f"{spec.about} {text.of_loss(spec, proper)}", help=about(loss, head))
    if complaint:
        st.error(text.plain(complaint))
        return None
    return one


def stacked(formula: str) -> str:
    """A formula with what its signs mean on a line below, so that it fits a card."""
    lines = formula.replace(r", \quad", r"\\").replace(r"\end{cases}\quad", r"\end{cases}\\")
    return rf"\begin{{gathered}}{lines}\end{{gathered}}"


def choose_head(key: Key[str], loss: str) -> str:
    """The head whose outputs the loss is given, where there is a choice."""
    heads = class_heads(loss)
    if len(heads) == 1:
        return heads[0]
    return controls.choose("Head", key, {name: HEADS[name].label for name in heads})


def choose_activation(key: Key[str], head: str, loss: str) -> str:
    """The last step inside the network, where there is a choice."""
    right = resolved(head, "auto", loss)
    others = [name for name in compatibility.activations_for(head, loss) if name not in ("auto", right)]
    if not others:
        return "auto"
    labels = {"auto": "default for this loss"}
    labels |= {name: ACTIVATIONS[name].label for name in others}
    activation = controls.choose(SETTINGS["activation"].label, key, labels)
    st.caption(text.of_output(head, activation, loss))
    return activation


def about(loss: str, head: str) -> str:
    """Source and tasks of a loss, and how it is looked at here where that is not plain."""
    spec = LOSSES[loss]
    lines = [spec.reference, f"For {' and '.join(compatibility.TASKS[task] for task in spec.tasks)}."]
    if spec.of == "batch":
        lines.append(
            f"Drawn for one row of a batch of {OTHERS + 1}: the {OTHERS} others have p = 0.5, and {POSITIVE_OTHERS} "
            "of them are positive."
        )
    if head == "sigmoids" or spec.tasks == ("multilabel",):
        lines.append(
            "Drawn for a row with two labels: the first is always present, the second if y = 1. z is the logit of the "
            "second; the logit of the first is 0."
        )
    elif HEADS[head].outputs(2) == 2:
        lines.append("z is the logit of class 1; the logit of class 0 is 0.")
    return "\n\n".join(lines)


def badges(chosen: list[Chosen]) -> None:
    """Which stroke is which loss."""
    with st.container(horizontal=True, width="content"):
        for one in chosen:
            st.markdown(f"{STROKES[one.slot]} &nbsp; {text.plain(one.name)}", width="content")
