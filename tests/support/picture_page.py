"""A page with nothing but a picture: ?show=fraud or another of SHOWN. Its thresholds can be moved, saved and undone.

?live trains before one's eyes: one epoch more every half second, the first again after the last. ?outline draws a
previous run, ?replay=name plays, ?slow answers after half a second, and ?groups parts the rows.
"""

from __future__ import annotations

import math
import time
from functools import lru_cache

import numpy as np
import streamlit as st
from scipy.special import expit

from core.evaluation import ScoreIndex
from core.evaluation.source import Predictions
from core.evaluation.threshold import ABOVE_ALL
from core.evaluation.tuning import bind, candidates
from core.plots.picture import Film, ValuesFilm, film, values_film
from pages.components.picture.picture import Act, Mark, Outline, picture

EPOCHS = 20
STAGE = ".st-key-picture .stage"


@lru_cache(maxsize=8)
def trained(rows: int, prevalence: float, pos_weight: float = 20.0) -> tuple[Film, list[ScoreIndex]]:
    """A logistic regression on ten features, trained by gradient descent: its film, and the scores of each epoch."""
    rng = np.random.default_rng(7)
    y = rng.random(rows) < prevalence
    x = np.column_stack([rng.normal(size=(rows, 10)) + 0.5 * y[:, None], np.ones(rows)])
    w, indexes, losses = np.zeros(11), [], []
    half = np.arange(rows) % 2 == 0
    for _ in range(EPOCHS + 1):
        p = expit(x @ w)
        weight = np.where(y, pos_weight, 1.0)
        loss = -weight * np.log(np.clip(np.where(y, p, 1 - p), 1e-12, 1))
        losses.append((loss[half].mean(), loss[~half].mean()))
        indexes.append(ScoreIndex.of(y, p.astype(np.float32)))
        w = w - 1.5 * x[half].T @ (weight * (p - y))[half] / weight[half].sum()
    train, validation = np.array(losses).T
    return film(range(EPOCHS + 1), indexes, train, validation), indexes


@lru_cache(maxsize=1)
def regression() -> ValuesFilm:
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    y = 150 + 60 * x + rng.normal(size=400) * 20
    fits = [150 + 60 * x * (1 - 0.7**epoch) + 40 * 0.7**epoch for epoch in range(EPOCHS + 1)]
    losses = np.array([((fit - y) ** 2).mean() / 4000 for fit in fits])
    return values_film(range(EPOCHS + 1), [Predictions(y, fit) for fit in fits], 0.9 * losses, losses)


SHOWN = {"fraud": (5000, 0.01), "exact": (3000, 0.2), "thinned": (50_000, 0.1), "no positives": (200, 0.0)}


def show_regression() -> None:
    outline = Outline(regression(), text="previous run") if "outline" in st.query_params else None
    picture(
        regression(),
        None,
        [],
        lambda act, value: None,
        of="regression",
        key="picture",
        target="progression",
        outline=outline,
        replay=st.query_params.get("replay", ""),
        note="0.1 s on the CPU",
    )


def show_scores(name: str) -> None:
    query = st.query_params
    rows, prevalence = SHOWN[name]
    drawn, indexes = trained(rows, prevalence)
    index, epoch, live = indexes[-1], EPOCHS, "live" in query
    if live:
        epoch = st.session_state["epoch"] = (st.session_state.get("epoch", 0) + 1) % (EPOCHS + 1)
        index = indexes[epoch]
        drawn = film([epoch], [index], drawn.train[: epoch + 1], drawn.validation[: epoch + 1])
    if "groups" in query:
        drawn = film([EPOCHS], [index], groups={"north": [index], "south": [index]}, grouped_by="region")
    acts = st.session_state.setdefault("acts", [])
    steps = st.session_state.setdefault("steps", [(0.5, None)])

    def on_act(act: Act, value: float | str) -> None:
        if "slow" in query:
            time.sleep(0.5)
        acts.append(f"{act} {value:.6g}" if isinstance(value, float | int) else f"{act} {value}")
        saved = steps[-1][1]
        if act == "undo":
            steps.pop()
        elif act == "share":
            distinct = np.append(index.distinct_scores()[::-1], np.inf)
            share = index.counts(distinct).predicted_positive / index.n_rows
            steps.append((float(distinct[share <= float(value) + 1e-9][0]), saved))
        elif act in ("type", "drag", "save"):
            t = math.inf if value == ABOVE_ALL else float(np.float32(value))
            steps.append((t, t if act == "save" else saved))

    current, saved = steps[-1]
    marks = [Mark("current", current)]
    if prevalence and not live:
        best = bind("f1")(candidates(index)).threshold
        marks += [Mark("best", best, f"max F1 {best:.2f}"), Mark("low", best - 0.03), Mark("high", best + 0.04)]
    if saved is not None:
        marks.append(Mark("saved", saved))
    index_before = trained(rows, prevalence, 1.0)[1][-1]
    before = Outline(film([EPOCHS], [index_before], axes=drawn.axes), index_before, 0.5, "previous run (pos_weight 1)")
    picture(
        drawn,
        index,
        marks,
        on_act,
        of=name,
        key="picture",
        label="fraud",
        rest="honest",
        outline=before if "outline" in query else None,
        can_undo=len(steps) > 1,
        asks=True,
        axis="probability" if query.get("axis") == "probability" else "logit",
        parts=("validation", "test"),
        part="validation",
        epochs=EPOCHS,
        live="running" if live else "",
        replay=query.get("replay", ""),
        note="0.4 s on the CPU",
    )
    st.text(f"acts: {', '.join(acts)}")


def page() -> None:
    st.set_page_config(layout="wide")
    st.title("A picture")
    name = st.query_params.get("show", "fraud")
    if name == "regression":
        show_regression()
    elif "live" in st.query_params:
        st.fragment(run_every=0.5)(show_scores)(name)
    else:
        show_scores(name)
