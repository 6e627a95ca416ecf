"""Losses: choose up to four, and compare value, gradient, optimal score and numerical limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pandas as pd
import streamlit as st
from scipy.special import expit, logit

from core.plots.losses import format_figure, loss_figure, score_figure, twice_figure
from core.plots.style import ProbabilityScale
from core.theory import numerical_limits as numerics
from core.theory.optimal_scores import softmax_twice
from pages.components.live_figure import live_figure
from pages.losses.cards import (
    KINDS,
    LETTERS,
    STROKES,
    Chosen,
    badges,
    choose_losses,
    cut_of,
    formats_of,
    half_of,
    is_closed,
    line_of,
    meaning_of,
    optimal_of,
    rests_of,
    solved_of,
)
from pages.losses.training import train
from pages.shared import choices, dom, files, state, text

LABELS = {1: ":blue[**y = 1**], a positive row", 0: ":orange[**y = 0**], a negative row"}
GRADIENT = "Gradient: the derivative of the loss by the logit z. Where it is positive, gradient descent lowers z."
BY_HAND = "Naive BCE, -log(sigmoid(z)) and -log(1 - sigmoid(z))"
GRID_STEP = 0.002  # a range of true probabilities with one optimal score is reported if it is wider than this
# The variable of the numerical limits: its name, the axis title, the title of the gradient, and the end of its range.
LOGITS = ("logits", "logit z", "gradient by z", numerics.END)
PREDICTIONS = ("predictions", "prediction", "gradient", numerics.FAR)
HEIGHT = 440  # pixels of a figure
LOGIT_LIMIT = 40.0  # what stands for the logits of 0 and 1, which are infinite


@st.fragment
def show_values(chosen: list[Chosen]) -> None:
    """Value and gradient by z, for y = 1 and for y = 0."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        badges(chosen)
        scale: ProbabilityScale = st.segmented_control(
            "Against",
            get_args(ProbabilityScale),
            format_func={"logit": "against the logit", "probability": "against the probability"}.__getitem__,
            key=state.LOSS_SCALE.name,
            default=state.LOSS_SCALE.default,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    title = "logit z" if scale == "logit" else "sigmoid(z)"
    for place, (y, label) in zip(st.columns(2), LABELS.items(), strict=True):
        with place.container(border=True):
            st.markdown(label, help=GRADIENT)
            live_figure(
                loss_figure([line_of(one, y, scale) for one in chosen], title, "gradient by z"),
                key=f"values_{y}",
                alt=f"Value and gradient for y = {y} against the {title}: {', '.join(one.name for one in chosen)}.",
                height=HEIGHT,
                revision=scale,
            )


@st.fragment
def show_regression(chosen: list[Chosen]) -> None:
    """Value and gradient against the prediction, for one target."""
    state.LOSS_TARGET.setdefault()
    target = st.slider(
        "Target y",
        -1.0,
        2.0,
        step=0.05,
        key=state.LOSS_TARGET.name,
        persist_state="session",
        help="Gradient descent converges where the gradient crosses 0 from below; this should be at the target only.",
    )
    with st.container(border=True):
        live_figure(
            loss_figure([line_of(one, target, "logit") for one in chosen], "prediction", "gradient", target),
            key="values_target",
            alt=f"Value and gradient for the target {target:g} against the prediction: "
            f"{', '.join(one.name for one in chosen)}.",
            height=HEIGHT,
        )
    for one in chosen:
        points = ", ".join(f"{point:z.2f}" for point in rests_of(one, target)) or "none"
        st.markdown(f"{STROKES[one.slot]} &nbsp; {text.plain(one.name)}: gradient descent converges to {points}")


@st.fragment
def show_optimal_scores(chosen: list[Chosen]) -> None:
    """The optimal score of each loss by true probability, and the threshold on it that corresponds to one on q."""
    state.LOSS_THRESHOLD.setdefault()
    threshold = st.slider(
        "Threshold on the true probability q",
        0.01,
        0.99,
        step=0.01,
        key=state.LOSS_THRESHOLD.name,
        persist_state="session",
        help="The optimal score minimises the expected loss of rows that are positive with probability q. Lines: "
        "closed form. Symbols: numerical search. Dashed diagonal: the score equals q.",
    )
    badges(chosen)
    left, right = st.columns(2)
    with left.container(border=True):
        live_figure(
            score_figure([optimal_of(one) for one in chosen], threshold),
            key="optimal",
            alt=f"Optimal score against the true probability: {', '.join(one.name for one in chosen)}. "
            f"The threshold is at {threshold:g}.",
            height=HEIGHT,
        )
    with right:
        st.markdown(f"**q >= {threshold:g}** corresponds to these thresholds on the scores:")
        st.table(thresholds_table(chosen, threshold), hide_index=True)
        for one in chosen:
            if meaning := meaning_of(one):
                st.caption(f"**{LETTERS[one.slot]}** {STROKES[one.slot]} &nbsp; {text.plain(meaning)}")


def thresholds_table(chosen: list[Chosen], threshold: float) -> pd.DataFrame:
    """The threshold on each loss's score that corresponds to one on q, in closed form and by search, and the q at which
    the score is .5."""
    rows = []
    for one in chosen:
        cut, closed = cut_of(one, threshold), is_closed(one)
        as_logit = float(np.clip(logit(cut.score), -LOGIT_LIMIT, LOGIT_LIMIT))
        told = cut.high - cut.low < GRID_STEP
        shared = f"none: the score is {cut.score:.4f} for all q from {cut.low:.2f} to {cut.high:.2f}"
        if len(cut.scores) > 1:
            shared = f"above {cut.scores[0]:.4f} up to {cut.scores[-1]:.4f}, both optimal for q = {threshold:g}"
        rows.append(
            {
                "loss": f"{LETTERS[one.slot]}\u00a0{STROKES[one.slot]}",
                "threshold on the score": (f"{cut.score:.4f}" if told else shared)
                if closed or not told
                else "no closed form",
                "by search": f"{solved_of(one, threshold):.4f}" if told else "",
                "logit": f"{as_logit:.3f}" if told else "",
                "q at a score of 0.5": {0.0: "always", 1.0: "never"}.get(half_of(one), f"{half_of(one):.4f}"),
            }
        )
    return pd.DataFrame(rows)


@st.fragment
def show_formats(chosen: list[Chosen]) -> None:
    """One loss in four floating-point types, with a list of its numerical limits."""
    predicts = chosen[0].head == "identity"
    what, axis, gradient, end = PREDICTIONS if predicts else LOGITS
    ones: dict[str, Chosen | None] = {LETTERS[one.slot]: one for one in chosen}
    labels = {LETTERS[one.slot]: f"**{LETTERS[one.slot]}** {STROKES[one.slot]}" for one in chosen}
    if not predicts:
        labels["hand"] = "naive implementation"
    if state.NUMERICAL.get() not in labels:
        state.NUMERICAL.pop()
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        which = st.segmented_control(
            "Loss shown",
            list(labels),
            format_func=labels.__getitem__,
            key=state.NUMERICAL.name,
            default=next(iter(labels)),
            required=True,
            persist_state="session",
            help=f"Over {what} from -{end:,g} to {end:,g} in four floating-point types, with torch's gradient. Rings "
            "mark where the loss saturates, its gradient vanishes, or either is NaN; the lists also say where the "
            "score rounds to 0 or 1.",
        )
        y = st.segmented_control(
            "Target" if predicts else "Label",
            (0, 1),
            format_func="y = {}".format,
            key=state.NUMERICAL_LABEL.name,
            default=state.NUMERICAL_LABEL.default,
            required=True,
            persist_state="session",
        )
    one = ones.get(which)
    shown = one.name if one else BY_HAND
    formats = formats_of(one, y)
    with st.container(border=True):
        st.markdown(f"{text.plain(shown)}, **y = {y}**")
        live_figure(
            format_figure({name: figure for name, (figure, _) in formats.items()}, axis, gradient),
            key="formats",
            alt=f"{shown} for y = {y} over {what} from -{end:,g} to {end:,g} in {', '.join(formats)}.",
            height=HEIGHT,
            revision=f"{which} {y}",
        )
    for place, (name, (_, sentences)) in zip(st.columns(len(formats)), formats.items(), strict=True):
        with place:
            st.markdown(f"**{name}**")
            st.markdown("\n".join(f"- {line}" for line in sentences) or "Accurate over the whole range.")


@st.fragment
def show_twice() -> None:
    """The limits of probability and loss after a second softmax or sigmoid."""
    state.SOFTMAX_CLASSES.setdefault()
    classes = st.slider(
        "Classes K",
        2,
        100,
        key=state.SOFTMAX_CLASSES.name,
        persist_state="session",
        help="A softmax in the network before a loss that applies its own, such as cross-entropy, limits the "
        "probabilities to this maximum and the loss to this minimum.",
    )
    every = np.arange(2, 101)
    largest, floor = softmax_twice(every)
    at = classes - 2
    with st.container(horizontal=True):
        st.metric("Maximum probability", f"{largest[at]:.4f}", help="e / (e + K - 1)", border=True)
        st.metric("Minimum loss", f"{floor[at]:.4f}", help="log(1 + (K - 1) / e)", border=True)
        st.metric(
            "Sigmoid twice",
            f"{expit(0):.1f} to {expit(1):.3f}",
            help="A sigmoid of a sigmoid is at least 0.5, so at p >= 0.5 every row is predicted positive.",
            border=True,
        )
    with st.container(border=True):
        live_figure(
            twice_figure(every, largest, floor, classes),
            key="twice",
            alt=f"Maximum probability and minimum loss after two softmaxes against the number of classes; with "
            f"{classes} classes {largest[at]:.4f} and {floor[at]:.4f}.",
            height=400,
        )


@st.fragment
def show_decisions() -> None:
    """One logit, and the decision of each implementation in each floating-point type."""
    state.LOGIT.setdefault()
    z = st.number_input(
        "Logit z",
        -1e4,
        1e4,
        format="%g",
        step=None,
        key=state.LOGIT.name,
        persist_state="session",
        width=240,
        help="torch.round rounds ties to even, so torch.round(sigmoid(z)) means p > 0.5, not p >= 0.5. The sigmoid of "
        "a small positive logit is exactly 0.5. argmax over one column is always 0.",
    )
    found = {name: numerics.decisions(z, dtype) for name, dtype in numerics.DTYPES.items()}
    rows = {
        "z": [f"{one.logit:.6g}" for one in found.values()],
        "sigmoid(z)": [f"{one.score:.9g}" for one in found.values()],
        "z >= 0": [one.logit_reaches_0 for one in found.values()],
        "sigmoid(z) >= 0.5": [one.score_reaches_half for one in found.values()],
        "torch.round(sigmoid(z))": [one.rounded for one in found.values()],
        "argmax over the column": [one.argmax for one in found.values()],
        "exactly 0.5 up to z =": [f"{numerics.largest_tie(dtype):.3g}" for dtype in numerics.DTYPES.values()],
    }
    st.table(pd.DataFrame.from_dict(rows, orient="index", columns=list(found), dtype=str))


@st.fragment
def explore() -> None:
    """The chosen losses and what is drawn of them; a change of a parameter reruns only this."""
    with st.container(key=dom.BESIDE, horizontal=True, gap="medium"):
        settings, results = st.container(key=dom.SETTINGS), st.container(key=dom.CURVES, gap="small")
    with results.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Losses", width="stretch")
        kind = st.segmented_control(
            "Kind",
            list(KINDS),
            format_func=KINDS.__getitem__,
            key=state.LOSS_KIND.name,
            default=state.LOSS_KIND.default,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
            width="content",
        )
        place = st.container(width="content")
    with settings:
        chosen = choose_losses(kind)
    pressed = place.button(
        "Train these",
        key="losses.train",
        icon=":material/play_arrow:",
        type="primary",
        disabled=not chosen,
        help="Train a model with each of these losses, side by side.",
    )
    if pressed:
        train(chosen)
    shown = {name: show for name, show in OF_LOSSES[kind].items() if chosen}
    with results:
        tabs = st.tabs([*shown, *OF_ALL])
    for tab, show in zip(tabs, shown.values(), strict=False):
        with tab:
            show(chosen)
    for tab, show_all in zip(tabs[len(shown) :], OF_ALL.values(), strict=True):
        with tab:
            show_all()


# By the label of its tab, what is drawn of the losses of each kind, and what does not depend on a loss.
OF_LOSSES: dict[str, dict[str, Callable[[list[Chosen]], None]]] = {
    "classes": {
        "Value and gradient": show_values,
        "Optimal score": show_optimal_scores,
        "Numerical limits": show_formats,
    },
    "values": {"Value and gradient": show_regression, "Numerical limits": show_formats},
}
OF_ALL: dict[str, Callable[[], None]] = {"Softmax twice": show_twice, "Decision": show_decisions}

choices.open_link()
explore()
files.receive()
