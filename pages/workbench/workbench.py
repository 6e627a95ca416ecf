"""Workbench: one model, one threshold. The first screen is the picture and the controls that move it."""

from __future__ import annotations

import streamlit as st

from core.experiment.config import RunConfig
from core.training.runs import Run
from pages.shared import dom, own_table, services, session, state, text
from pages.workbench import columns, gallery, link, panels, picture, predictions, recipe, share, shown, verdict

TICK_SECONDS = 0.25


def look(source_id: str) -> None:
    """The verdict, the picture and, at rest, the panels of a source; once its training ends the whole script runs."""
    if not whole and state.PAINTED.get():
        st.rerun()
    shown.wait_briefly(source_id)
    source = shown.find(source_id, shown.known())
    live = isinstance(source, Run) and not source.ended
    if source is None or source.id != shown.source().id:  # forgotten meanwhile, or another one is to be shown
        st.rerun()
    drawn = source if source.parts else shown.last()  # until the first epoch is trained, what was there before
    part, decides = picture.part(drawn), drawn.task != "regression"
    link.take(source)
    link.write(source)
    # Training that has just ended, or a large file that was just opened, is drawn before what takes longer.
    brief = live != state.LIVE.get() or predictions.just_opened(source)
    with st.container(gap="xsmall"):
        line = verdict.place()  # filled after the picture, which takes less time
        column = columns.show(drawn.scores(part)) if decides else 0
        picture.show(drawn, part, column, brief=brief)
    if not whole:
        state.PAINTED.set(True)
        return
    if brief:
        st.rerun()
    with line:
        verdict.show(source, part, gallery.answered(source), gallery.close)
    if not live:
        if len(source.parts) == 1:
            st.caption(text.of_parts(source))
        panels.show(drawn, part, column)


def bar() -> bool:
    """What the picture shows, and what may be shown in its place; whether Train was pressed."""
    upload = predictions.of(shown.source())
    if upload:
        predictions.show(upload)
    pressed = not upload and recipe.show(shown.source().config)
    shown.choose()
    share.show()
    return pressed


def undo(config: RunConfig) -> None:
    """Go back to choices, and to the run that had them. To be called in a callback."""
    recipe.take(config)
    shown.show_run_of(config)


whole = state.PAINTED.get()  # the first picture of a session is drawn alone, and the rest a moment later
opens = not state.RECIPE.is_set()
recipe.open_link(services.demonstration().runs[-1].config)
shown.open_link()
predictions.leave_gone()
if state.WENT_BACK.get():
    link.follow()
if recipe.asks_to_train():
    shown.train(recipe.config(), replay=False, outlined=not opens)  # a link has no run before it
recipe.take_shown(shown.source())
with st.container(key=dom.RECIPE, horizontal=True, vertical_alignment="center", gap="xsmall"):
    if not whole:
        st.space()  # of an empty container Streamlit draws nothing
    pressed = whole and bar()
own_table.show_dialog(lambda name: recipe.choose(dataset=name))
if pressed:
    state.COMPLAINTS.set(())
    recipe.take(recipe.config())  # what changed before has been seen
    shown.train(recipe.config(), replay=True)
    st.rerun()
shown.show_awaited()
source = shown.source()
recipe.show_changes(source.config, undo)
link.take(source)
session.show_complaints()
state.LIVE.set(isinstance(source, Run) and not source.ended)
st.fragment(look, run_every=TICK_SECONDS if state.LIVE.get() or not whole else None)(source.id)
if whole:
    if not state.LIVE.get():  # no panel is drawn then, and it would jump
        gallery.show()
    predictions.receive()
