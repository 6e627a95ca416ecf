"""The dialog that asks what the columns of a file are, beside a preview of its rows and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from core.data.tables import Table
from core.errors import CutoffError
from core.evaluation.scores import Scores, Task
from core.evaluation.source import GIVEN, tuned_on
from core.plots.miniature import BINS, score_miniature
from core.predictions import SCALES, CannotOpen, Opened, Roles, Scale, guess_binary, open_predictions
from core.predictions.opening import label_values
from core.predictions.uploads import Upload
from core.text import counted
from pages.shared import own_table, services, state, text

PREVIEW_ROWS, SAMPLE = 5, 50_000
BLUE, ORANGE, LINE = "#0b6cb8", "#c97500", "#808a94"  # of an image, which the colours of the theme do not reach
TASKS: dict[Task, str] = {"binary": "Binary", "multiclass": "Multi-class", "multilabel": "Multi-label"}
OTHERS: dict[str, tuple[str, str | None]] = {
    "weight": ("Sample weight", "Every count and rate is of weighted rows, as with sample_weight in scikit-learn."),
    "split": ("Split", "Tune on validation rows, evaluate on test rows. Rows of training are left out."),
    "id": ("Id", None),
    "amount": ("Amount", None),
    "time": ("Time", None),
}
WEIGHT_HELP = (
    "pos_weight, scale_pos_weight or the ratio of class weights; 1 / r for a model trained on a share r of the "
    "negatives. Scores are converted back to probabilities. 1 leaves them as they are."
)


def _dismiss() -> None:
    state.ASKED_COLUMNS.set("")


@st.dialog("What the columns are", width="large", on_dismiss=_dismiss)
def ask(upload: Upload, show: Callable[[str], None]) -> None:
    """Choose what each column is; `show` is called with the id of the upload once it is open."""
    if state.ASKED_COLUMNS.get() != upload.id:  # answered: a button of a dialog reruns nothing but the dialog
        st.rerun()
    if why := _why_asked(upload):
        st.markdown(text.plain(why))
    roles: Roles | None = None
    problem: CutoffError | None = None
    chosen, shown = st.columns([3, 2], gap="large")
    with chosen:
        try:
            roles = _choose(upload)
        except CutoffError as error:
            problem = error
    with shown:
        st.markdown(f"**{text.plain(upload.name)}** · {counted(upload.table.n_rows, 'row')}")
        rows = _rows(upload.table, upload.roles)
        st.dataframe(rows, hide_index=True, height="content", placeholder="")
        if roles is not None:
            try:
                _preview(_sampled(upload, roles), roles)
            except CutoffError as error:
                problem = error
    if upload.problem and roles and roles == upload.roles and problem is None:
        problem = CannotOpen(upload.problem, upload.repair, upload.offer)
    _conclude(upload, roles, problem, show)


def _why_asked(upload: Upload) -> str:
    """What is not found or can be mistaken in this file, in a line; "" where only a missing value is in the way."""
    if upload.no_scores:
        return "No column looks like scores. Train on this table, or choose the columns."
    if upload.guess is None or upload.roles is None:
        return upload.problem
    said = {
        "positive": "Which value is the positive class?",
        "scale": f"The scores look like {SCALES[upload.guess.roles.scale]}. Are they?",
        "opposite": "ROC-AUC is below 0.5. Are the scores of the other class?",
    }
    return " ".join(said[question] for question in upload.guess.questions)


def _rows(table: Table, roles: Roles | None) -> pd.DataFrame:
    """The first rows and, if none of them lacks a label, score or weight, one that does, where there is one."""
    needed = (*roles.y_true, *roles.y_score, *([roles.weight] if roles.weight else [])) if roles else ()
    shown = list(range(min(PREVIEW_ROWS, table.n_rows)))
    lacks = [pc.index(pc.is_null(table.columns[name], nan_is_null=True), True).as_py() for name in needed]
    first = min((at for at in lacks if at >= 0), default=-1)
    if first >= PREVIEW_ROWS:
        shown.append(first)
    return table.columns.take(pa.array(shown)).to_pandas()


def _conclude(upload: Upload, roles: Roles | None, problem: CutoffError | None, show: Callable[[str], None]) -> None:
    """What is wrong, and the buttons: what trains on the table instead, primary where nothing looks like scores until
    columns are chosen that fit; what opens the file, or mends it and opens it then."""
    repair = problem.repair if isinstance(problem, CannotOpen) else None
    label = text.plain(problem.offer) if isinstance(problem, CannotOpen) and repair else "Open predictions"
    can_open = repair is not None or (roles is not None and problem is None)
    trains = upload.no_scores and not can_open
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if problem:
            st.markdown(f":red[:material/error:] {text.plain(str(problem))}")
        st.button(
            "Train on this table…",
            key="columns.train",
            type="primary" if trains else "tertiary",
            on_click=_train,
            args=(upload,),
        )
        st.button(
            label,
            key="columns.open",
            type="secondary" if trains else "primary",
            disabled=not can_open,
            on_click=_open,
            args=(upload, repair or roles, show),
        )


def _train(upload: Upload) -> None:
    """Ask what is to be predicted from the table instead."""
    state.ASKED_COLUMNS.set("")
    own_table.ask()
    own_table.take(upload.id)


def _open(upload: Upload, roles: Roles, show: Callable[[str], None]) -> None:
    """Open an upload with these roles; if that fails the dialog says why."""
    try:
        services.uploads().open(upload.id, roles)
    except CannotOpen:
        for field in ("scale", "opposite", "trained_weight", "leave_out", *OTHERS):
            state.ROLE.of(upload.id, field).set(getattr(roles, field))
    except CutoffError as error:
        state.COMPLAINTS.set((str(error),))
        state.ASKED_COLUMNS.set("")
    else:
        show(upload.id)


# --- controls


def _choose(upload: Upload) -> Roles | None:
    """The controls of the roles, None until a column is chosen; raises CutoffError if they do not fit together."""
    start = upload.roles
    task = state.ROLE.of(upload.id, "task")
    task.setdefault(start.task if start else "binary")
    st.segmented_control(
        "Task", list(TASKS), format_func=lambda name: TASKS[cast(Task, name)], key=task.name, required=True
    )
    several = task.get() != "binary"
    left, right = st.columns(2)
    with left:
        truths = _pick(upload, "y_true", "Labels", task.get() == "multilabel")
    with right:
        scores = _pick(upload, "y_score", "Scores, in the order of the classes" if several else "Scores", several)
    if not truths and not scores:
        return None
    if not truths or not scores:
        raise CutoffError("Choose a column of labels and a column of scores.")
    more = {"leave_out": state.ROLE.of(upload.id, "leave_out").setdefault(bool(start and start.leave_out))}
    roles = (_several if several else _binary)(upload, truths, scores, more)
    return replace(roles, **_others(upload, roles))


def _binary(upload: Upload, truths: tuple[str, ...], scores: tuple[str, ...], more: dict[str, Any]) -> Roles:
    start, values = upload.roles, label_values(upload.table, truths[0]).values
    positive, opposite = (state.ROLE.of(upload.id, field) for field in ("positive", "opposite"))
    if positive.get() not in values:
        positive.set(start.positive if start and start.positive in values else values[-1] if values else "")
    left, right = st.columns(2)
    left.selectbox("Positive class", values, key=positive.name, help="What a score of at least the threshold predicts.")
    roles = Roles("binary", truths, scores, positive.get(), **more)
    found = guess_binary(upload.table, roles)
    with right:
        roles = replace(roles, scale=_scale(upload, found.roles.scale))
    if "opposite" in found.questions or opposite.setdefault(bool(start and start.opposite)):
        st.toggle(
            "These scores are of the other class",
            key=opposite.name,
            help=f"As scores of {text.plain(positive.get())} they have a ROC-AUC below 0.5.",
        )
    return replace(roles, opposite=bool(opposite.get()))


def _several(upload: Upload, truths: tuple[str, ...], scores: tuple[str, ...], more: dict[str, Any]) -> Roles:
    """Roles of several classes or labels. A score column keeps the class that was guessed for it; the other classes
    follow in ascending order."""
    start = upload.roles
    scale = _scale(upload, start.scale if start else "probability")
    if state.ROLE.of(upload.id, "task").get() == "multilabel":
        same = start is not None and start.task == "multilabel" and start.y_score == scores
        names = start.names if start and same else scores
        return Roles("multilabel", truths, scores, names=names, scale=scale, **more)
    guessed = dict(zip(start.y_score, start.classes, strict=True)) if start and start.task == "multiclass" else {}
    taken = {guessed.get(name) for name in scores}
    left = iter([value for value in label_values(upload.table, truths[0]).values if value not in taken])
    classes = tuple(guessed.get(name) or next(left, name) for name in scores)
    return Roles("multiclass", truths, scores, classes=classes, scale=scale, **more)


def _scale(upload: Upload, guessed: Scale) -> Scale:
    scale = state.ROLE.of(upload.id, "scale")
    scale.setdefault(guessed)
    st.selectbox("Scores are", list(SCALES), format_func=lambda name: SCALES[cast(Scale, name)], key=scale.name)
    return cast(Scale, scale.get())


def _pick(upload: Upload, field: str, label: str, several: bool) -> tuple[str, ...]:
    """The columns that were picked for labels or scores: one, or several in their order."""
    start: tuple[str, ...] = getattr(upload.roles, field, ())
    role = state.ROLE.of(upload.id, f"{field}{'.several' if several else ''}")
    if several:
        role.setdefault(list(start))
        st.multiselect(label, upload.table.names, key=role.name)
        return tuple(role.get())
    role.setdefault(start[-1] if start else None)
    st.selectbox(label, upload.table.names, key=role.name, placeholder="Choose a column", index=None)
    return (role.get(),) if role.get() else ()


def _others(upload: Upload, roles: Roles) -> dict[str, Any]:
    """The optional columns, and the weight in training of binary probabilities, by field of Roles."""
    start = upload.roles
    found: dict[str, Any] = {}
    weight = state.ROLE.of(upload.id, "trained_weight")
    chosen = [field for field in OTHERS if getattr(start, field, None)]
    labels = [f"{OTHERS[field][0]}: {getattr(start, field)}" for field in chosen]
    with st.expander(text.plain(", ".join(labels) or "Sample weight, split, groups, weight in training …")):
        places = st.columns(2) * len(OTHERS)
        for place, (field, (label, help)) in zip(places, OTHERS.items(), strict=False):
            role = state.ROLE.of(upload.id, field)
            role.setdefault(getattr(start, field, None))
            place.selectbox(label, upload.table.names, key=role.name, index=None, placeholder="none", help=help)
            found[field] = role.get()
        role = state.ROLE.of(upload.id, "groups")
        role.setdefault(list(getattr(start, "groups", ())))
        places[len(OTHERS)].multiselect("Groups", upload.table.names, key=role.name, help="Such as a region.")
        found["groups"] = tuple(role.get())
        if roles.task == "binary" and roles.scale != "margin":
            weight.setdefault(getattr(start, "trained_weight", 1.0))
            st.number_input("Weight in training", min_value=1e-6, key=weight.name, format="%g", help=WEIGHT_HELP)
            found["trained_weight"] = float(weight.get())
    return found


# --- preview


def _sampled(upload: Upload, roles: Roles) -> Opened:
    """The predictions of up to SAMPLE rows, evenly spread."""
    table = upload.table
    if table.n_rows > SAMPLE:
        rows = pa.array(np.linspace(0, table.n_rows - 1, SAMPLE).astype(np.int64))
        table = Table(table.columns.take(rows), table.notes)
    return open_predictions(table, roles, GIVEN)


def _preview(opened: Opened, roles: Roles) -> None:
    """The scores by class as they will be shown, and what was done to read them."""
    scores = opened.source.scores(tuned_on(opened.source))
    view = scores.view(0)
    st.image(_histogram(scores), width="stretch")
    low, high = _limits(scores)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for end in (f"{low:.3g}", "probability" if scores.are_probabilities else "score", f"{high:.3g}"):
            st.caption(end, width="content")
    converted = roles.scale not in ("probability", "margin") or roles.trained_weight != 1
    what = f"{SCALES[roles.scale]}, converted to probabilities" if converted else "scores"
    share = (
        f"{view.y.mean():.1%} positive ({view.label}), {what} from {view.score.min():.3g} to {view.score.max():.3g}."
    )
    st.caption(text.plain(" ".join((share, *opened.notes))))


def _limits(scores: Scores) -> tuple[float, float]:
    """Where the histogram begins and ends."""
    score = scores.view(0).score
    low, high = (0.0, 1.0) if scores.are_probabilities else (float(score.min()), float(score.max()))
    return low, high if high > low else low + 1


def _histogram(scores: Scores) -> str:
    view = scores.view(0)
    low, high = _limits(scores)
    up, down = (np.histogram(view.score[side], BINS, (low, high))[0] for side in (view.y, ~view.y))
    label = f"Scores from {low:.3g} to {high:.3g}: {view.label} above the line, {view.rest} below it."
    return score_miniature(label, up, down, BLUE, ORANGE, LINE)
