"""Opened predictions: how a file is opened, and what the bar shows of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CutoffError
from core.evaluation.source import ArraySource, ScoreSource
from core.predictions import SCALES
from core.predictions.roles import Roles
from core.predictions.uploads import GONE, Upload
from core.settings import read_settings
from core.text import counted
from pages.components.upload.upload import upload_anywhere, upload_chooser
from pages.shared import dom, own_table, services, session, state, text
from pages.workbench import examples, roles_dialog

MANY = 100_000  # rows


def receive() -> None:
    """Take files that are dropped or pasted anywhere on the page, and ask about their columns where it is needed."""
    upload_anywhere(most_bytes=read_settings().upload_mb << 20, on_opened=_received, key=dom.UPLOAD)
    if asked := state.ASKED_COLUMNS.get():
        try:
            upload = services.uploads().get(asked)
        except CutoffError:
            state.ASKED_COLUMNS.set("")
            return
        roles_dialog.ask(upload, _show)


def offer() -> None:
    """Ways to open predictions: a file, a pasted table, an example."""
    upload_chooser(key="upload.choose")
    examples.offer(_received)
    examples.show_code()


def kept() -> list[ScoreSource]:
    """The predictions that this session has opened and that are kept, the newest first."""
    return [upload.source for upload in _known() if upload.source]


def of(source: ScoreSource) -> Upload | None:
    """The upload that a source is of; None for any other. Counts as looking at it."""
    try:
        return services.uploads().get(source.id)
    except CutoffError:
        return None


def just_opened(source: ScoreSource) -> bool:
    """Whether these predictions are of many rows, and are drawn for the first time."""
    drawn = state.DRAWN.get() == (source.id, source.version)
    state.DRAWN.set((source.id, source.version))
    return not drawn and isinstance(source, ArraySource) and max(map(len, source.places.values()), default=0) > MANY


def open_link(name: str) -> None:
    """Show the predictions of an id in a link; raises CutoffError if they are not kept."""
    _received(services.uploads().get(name).id)


def show(upload: Upload) -> None:
    """The bar of opened predictions: what they are, and what their columns are taken for."""
    roles = upload.roles
    assert roles is not None
    popover = st.popover(f":gray[Predictions] {text.plain(_named(upload))}", key="predictions.about", on_change="rerun")
    if popover.open:
        with popover:
            _about(upload)
    shown = {
        "Columns": f"{_listed(roles.y_true, 'labels')}, {_listed(roles.y_score, 'scores')}",
        "Positive class": roles.positive if roles.task == "binary" else "",
        "Taken as": SCALES[roles.scale] if roles.scale != "probability" else "",
        "Weight in training": f"{roles.trained_weight:g}" if roles.trained_weight != 1 else "",
    }
    for name, value in shown.items():
        if value:
            st.button(
                f":gray[{name}] {text.plain(value)}",
                key=f"predictions.{name}",
                on_click=state.ASKED_COLUMNS.set,
                args=(upload.id,),
            )
    st.button("Close", key="predictions.close", icon=":material/close:", on_click=_close)


def _named(upload: Upload) -> str:
    """The name of a file and, where rows are left out, how many are shown."""
    total = upload.table.n_rows
    rows = sum(map(len, upload.source.places.values())) if upload.source else total
    return upload.name if rows == total else f"{upload.name} · {rows:,} of {counted(total, 'row')}"


def _close() -> None:
    """Go back to the models."""
    state.SHOWN.set("")


def _about(upload: Upload) -> None:
    minutes = read_settings().upload_minutes
    size = f"{counted(upload.table.n_rows, 'row')}, {counted(len(upload.table.names), 'column')}"
    st.markdown(f"**{text.plain(upload.name)}** · {size}")
    if upload.roles and (others := _other_columns(upload.roles)):
        st.caption(text.plain(others))
    for note in upload.opened.notes if upload.opened else ():
        st.caption(text.plain(note))
    st.caption(
        f"Whoever has the link can open these predictions. They are in the memory of this server only, and are deleted "
        f"{counted(minutes, 'minute')} after anybody last looked at them."
    )
    st.button("Delete", key="predictions.delete", icon=":material/delete:", on_click=_delete, args=(upload.id,))


def _other_columns(roles: Roles) -> str:
    """The columns beside labels and scores, as in "Time: month · Groups: plan, region"; "" without."""
    given = {name: getattr(roles, name) for name in roles_dialog.OTHERS}
    said = [f"{roles_dialog.OTHERS[name][0]}: {column}" for name, column in given.items() if column]
    return " · ".join(said + [f"Groups: {', '.join(roles.groups)}"] * bool(roles.groups))


def _delete(name: str) -> None:
    services.uploads().delete(name)
    state.UPLOADS.set([one for one in state.UPLOADS.get() if one != name])
    if state.SHOWN.get() == name:
        state.SHOWN.set("")


def leave_gone() -> None:
    """Say so where the predictions that are shown were deleted meanwhile, by somebody else or after their time."""
    name = state.SHOWN.get()
    if name in state.UPLOADS.get() and services.uploads().peek(name) is None:
        session.complain(GONE)
        state.SHOWN.set("")


def _known() -> list[Upload]:
    found = (services.uploads().peek(name) for name in state.UPLOADS.get())
    return [upload for upload in found if upload]


def _received(name: str) -> None:
    """Show an upload, or ask about its columns if it is not open; a table to train on goes to its dialog."""
    if state.TABLE_ASKED.get():
        own_table.take(name)
        return
    state.UPLOADS.set([name, *(one for one in state.UPLOADS.get() if one != name)])
    state.CHOOSING_SHOWN.set(False)
    if services.uploads().get(name).source:
        _show(name)
    else:
        state.ASKED_COLUMNS.set(name)


def _show(name: str) -> None:
    state.SHOWN_BEFORE.set("")
    state.SHOWN.set(name)
    state.ASKED_COLUMNS.set("")
    state.COMPLAINTS.set(())


def _listed(names: Sequence[str], what: str) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} {what}"
