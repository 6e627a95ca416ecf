"""The picture of a run: threshold, histogram, metrics, confusion matrix, curves, losses and the epochs that it plays.

Everything moves in the browser; when the threshold rests, one message says where. What is large is fetched by the hash
of its content, so that a message is small.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, NamedTuple, TypedDict, Unpack, get_args

import streamlit as st

from core.evaluation import METRICS, ScoreIndex, ThresholdCounts
from core.evaluation.comparison import OF_SCORES
from core.evaluation.condensed import around
from core.evaluation.errors import ERRORS
from core.evaluation.threshold import ABOVE_ALL
from core.plots.axis import AxisKind
from core.plots.picture import Film, ValuesFilm, counts_packed
from pages.components.content import store
from pages.components.scripts import loader

_component = st.components.v2.component(
    "picture",
    html='<div class="picture"></div><p class="failed" role="status"></p>',
    css=Path(__file__).with_name("place.css").read_text(),
    js=loader("picture/component", "The picture", ".failed"),
)

_SERVER, _SENT = token_hex(4), itertools.count()  # which process sends an update, and the number of it

Role = Literal["current", "saved", "best", "low", "high"]
Live = Literal["", "running", "paused"]
Act = Literal[
    "drag", "type", "share", "save", "undo", "tp", "fp", "fn", "tn", "axis", "part", "group",
    "pause", "resume", "step", "restart", "speed", "save_all", "tune", "open", "cell",
]  # fmt: skip
ACTS: tuple[Act, ...] = get_args(Act)
WITHOUT_VALUE: tuple[Act, ...] = (
    "undo",
    "pause",
    "resume",
    "step",
    "restart",
    "save_all",
    "tune",
)

# Acts that are done though the picture shows another run on the same data by now, or other rows.
KEPT: tuple[Act, ...] = ("drag", "type", "share", "save", "save_all", "axis", "part")

# What the tiles of a picture say: those of the registries, and a few that stand in none.
TEXTS: dict[str, tuple[str, str]] = {
    "predicted_positive": ("Predicted positive", "Share of rows predicted positive, above the share that is positive."),
}
AT_THRESHOLD = ("precision", "recall", "f1", "specificity", "mcc")
SHORT_LABELS = {"average_precision": "Avg. precision"}


@dataclass(frozen=True)
class Mark:
    """A threshold that is drawn: the one that moves, the saved one, the best by a rule, or an end of its spread.

    value: a number, or inf above every score. label: what stands beside it, as in "max F1 0.93".
    """

    role: Role
    value: float
    label: str = ""


@dataclass(frozen=True, eq=False)
class Outline:
    """The previous run, drawn in grey behind: its last epoch, its threshold, and its name, as in "pos_weight 1".

    index: its scores, for exact counts at the threshold, since a film may hold only some; None in a regression.
    """

    film: Film | ValuesFilm
    index: ScoreIndex | None = None
    threshold: float = 0.5
    text: str = ""


class BestEpoch(NamedTuple):
    """An epoch of the film, and what it is the best by, as in "minimum validation loss 0.123"."""

    epoch: int
    by: str


class Looks(TypedDict, total=False):
    """What a picture of any kind is told, each with a default.

    can_undo : whether there is a step to undo.
    threshold_of : names what its thresholds are of, by default `of`. While it stays the same, a threshold that is on
        its way when `of` changes is kept.
    asks : whether cells of the confusion matrix can be pressed.
    axis : how scores are spaced when `of` is first seen; switching it needs no answer.
    parts, part : names of the splits to choose from, and the one that is drawn.
    epochs : number of epochs that the run will have, by default that of its last frame.
    run : names the run, by default `of`; where it stays the same the epoch that is shown does too.
    live : whether the run still trains, so that play, step and restart are about its training.
    replay : a name; all epochs are played once when it is one that was not played last. "" plays nothing.
    note : a few words beside the last epoch, as in "0.4 s on the CPU".
    best_epoch : the epoch that a press shows, None where it is not known.
    """

    can_undo: bool
    threshold_of: str
    asks: bool
    axis: AxisKind
    parts: Sequence[str]
    part: str
    epochs: int | None
    run: str
    live: Live
    replay: str
    note: str
    best_epoch: BestEpoch | None


def looks_sent(looks: Looks, of: str) -> dict[str, Any]:
    """What draw.js gets of them."""
    best = looks.get("best_epoch")
    return {
        "undo": looks.get("can_undo", False),
        "threshold_of": looks.get("threshold_of", of),
        "asks": looks.get("asks", False),
        "axis": looks.get("axis", "probability"),
        "parts": list(looks.get("parts", ())),
        "part": looks.get("part", ""),
        "epochs": looks.get("epochs"),
        "run": looks.get("run", of),
        "live": looks.get("live", ""),
        "replay": looks.get("replay", ""),
        "note": looks.get("note", ""),
        "best_epoch": best and {"epoch": best.epoch, "by": best.by},
    }


def picture(
    film: Film | ValuesFilm,
    index: ScoreIndex | None,
    marks: Sequence[Mark],
    on_act: Callable[[Act, float | str], None],
    *,
    of: str,
    key: str,
    label: str = "",
    rest: str = "",
    target: str = "",
    group: str = "",
    outline: Outline | None = None,
    **looks: Unpack[Looks],
) -> None:
    """Draw a film. The same `key` updates the picture already there, and keeps what the viewer chose in it.

    Parameters
    ----------
    film : what is drawn; its last frame is the run as it is now.
    index : the scores of that frame, of the rows of `group`, for exact counts at the marks; None in a regression.
    marks : thresholds, "current" among them; none in a regression. "low" and "high" come together.
    on_act : called, before the rerun, with what was done and its value. "drag" or "type": a threshold, a number or
        ABOVE_ALL, not yet admitted; "share": the share of rows in [0, 1] to predict positive; "save": a threshold;
        "undo": NaN. "tp", "fp", "fn", "tn": a cell was pressed, with the epoch that was shown.
        "axis", "part" and "group": the one chosen. While `live`, "pause", "resume", "step", "restart" with NaN, and
        "speed". A move that had not come to rest is said first, as "drag".
    of : names run, rows and column. When it changes, what was done in the picture before is dropped, but for a
        threshold; see `threshold_of` of `Looks`.
    label, rest : names of the positive class and of the other rows.
    target : name of a regression's target.
    group : the group of the film whose rows are drawn, "" for all rows.
    outline : the previous run.
    looks : see `Looks`.
    """
    behind = _behind(outline) if outline else None
    data = looks_sent(looks, of) | {"outline": behind, "label": label, "rest": rest, "target": target}
    drawn = film.groups[group] if group and isinstance(film, Film) else film
    mount(
        film.content,
        data | thresholds_data(drawn, index, marks) | {"group": group},
        lambda act, value, _column: on_act(act, value),
        of,
        key,
    )


def mount(
    content: bytes,
    data: dict[str, Any],
    on_act: Callable[[Act, float | str, int | None], None],
    of: str,
    key: str,
) -> None:
    """Draw a film from its content and what else draw.js gets; on_act is called with the column that moved as well.

    of, key and on_act are as for `picture`.
    """
    serial, missing = f"{key}_serial", f"{key}_missing"
    address = store.keep(content)

    def acted() -> None:
        for act in st.session_state[key].get("acts") or ():
            if act["threshold_of"] != data["threshold_of"] or int(act["serial"]) <= st.session_state.get(serial, 0):
                continue  # of other data, or sent once more, with a later act or a tick of a fragment
            if act["kind"] not in ACTS:
                continue
            st.session_state[serial] = int(act["serial"])
            column = None if act["column"] is None else int(act["column"])
            if act["moved"] is not None:
                on_act("drag", act["moved"], column)
            if act["of"] != of and act["kind"] not in KEPT:
                continue
            if act["kind"] in WITHOUT_VALUE:
                on_act(act["kind"], math.nan, column)
            elif act["value"] is not None:  # as JSON has NaN
                on_act(act["kind"], act["value"], column)

    def asked_again() -> None:
        st.session_state[missing] = (address, int(st.session_state[key].get("missing") or 0))

    of_address, asked = st.session_state.get(missing, (address, 0))
    sent = {
        "of": of,
        "serial": st.session_state.get(serial, 0),
        "sent": [_SERVER, next(_SENT)],
        "address": address,
        "asked": asked if of_address == address else 0,
    }
    _component(key=key, data=sent | data, on_acts_change=acted, on_missing_change=asked_again)


def thresholds_data(film: Film | ValuesFilm, index: ScoreIndex | None, marks: Sequence[Mark]) -> dict[str, Any]:
    """What draw.js gets of thresholds and metrics beside the film; arguments as for `picture`."""
    return {
        "marks": [] if index is None else [_mark(index, mark) for mark in marks],
        "window": _window(film, index, marks),
        "metrics": metric_texts(film),
    }


def metric_texts(film: Film | ValuesFilm) -> dict[str, dict[str, str]]:
    """Label and explanation of what the tiles show, by name."""
    if isinstance(film, ValuesFilm):
        texts = {name: (error.label, error.help) for name, error in ERRORS.items()}
    else:
        texts = {name: (METRICS[name].label, METRICS[name].help) for name in AT_THRESHOLD}
        texts |= {name: (SHORT_LABELS.get(name, spec.label), spec.help) for name, spec in OF_SCORES.items()}
        texts |= {"predicted_positive": TEXTS["predicted_positive"]}
    return {name: {"label": label, "help": text} for name, (label, text) in texts.items()}


def _behind(outline: Outline) -> dict[str, Any]:
    """What draw.js gets of the previous run beside its film."""
    sent = {"address": store.keep(outline.film.content), "text": outline.text}
    return sent | (_counted(outline.index, outline.threshold) if outline.index else {})


def _mark(index: ScoreIndex, mark: Mark) -> dict[str, Any]:
    return {"role": mark.role, "label": mark.label} | _counted(index, mark.value)


def _counted(index: ScoreIndex, threshold: float) -> dict[str, Any]:
    """A threshold and its counts over all rows."""
    counts = index.counts(threshold)
    return {"threshold": _number(threshold), "tp": counts.tp.item(), "fp": counts.fp.item()}


def _window(film: Film | ValuesFilm, index: ScoreIndex | None, marks: Sequence[Mark]) -> dict[str, object] | None:
    """The scores next to the current threshold, where the film holds only some."""
    if index is None or isinstance(film, ValuesFilm) or film.exact:
        return None
    (current,) = (mark.value for mark in marks if mark.role == "current")
    counts: ThresholdCounts = around(index, current)
    return counts_packed(counts)


def _number(value: float) -> float | str:
    return ABOVE_ALL if math.isinf(value) else value
