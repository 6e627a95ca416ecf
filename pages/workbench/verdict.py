"""The verdict above the picture: what is right or wrong with the scores at the current threshold, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.checks.verdict import OpenPanel, RestoreEpoch, SetChoices, UseThreshold, Verdict, verdict
from core.evaluation.source import ScoreSource
from core.experiment.presets import Demonstrated
from core.training.runs import Run
from pages.components.announcement import announcement
from pages.shared import dom, services, text, thresholds
from pages.workbench import panels, recipe, shown
from pages.workbench.panels import decision_rule

ICONS = {
    "good": ":green[:material/check_circle:]",
    "warning": ":orange[:material/warning:]",
    "bad": ":red[:material/error:]",
}


def place() -> DeltaGenerator:
    """Where `show` draws, which takes its room while it is empty."""
    return st.container(
        key=dom.VERDICT, border=True, horizontal=True, wrap=False, vertical_alignment="center", gap="small"
    )


def show(source: ScoreSource, part: str, question: Demonstrated | None, close: Callable[[], None]) -> None:
    """One line with its buttons, below the question that it answers if there is one, with a cross that calls `close`;
    while a run trains, how far it has come."""
    job = shown.job_of(source)
    if job and not job.ended:
        st.markdown(text.of_progress(job, len(services.devices()) > 1))
        st.button("Stop", key="verdict.stop", on_click=services.runner().cancel, args=(job.id,))
    elif not source.parts:
        st.markdown(f"{ICONS['bad']} {text.plain(source.error if isinstance(source, Run) else '')}")
    else:
        _judge(source, part, question, close)
    announcement(text.of_status(job) if job else "", key=dom.VERDICT_STATUS)


def _judge(source: ScoreSource, part: str, question: Demonstrated | None, close: Callable[[], None]) -> None:
    if isinstance(source, Run) and source.error and source.status != "diverged":  # of which the verdict speaks
        st.error(text.plain(source.error))
    found = of(source, part)
    heading = f"**{text.plain(question.question)}** {text.plain(question.answer)}  \n" if question else ""
    st.markdown(f"{heading}{ICONS[found.tone]} {_epoch(source)}{text.plain(found.text)}")
    for at, action in enumerate(found.actions):
        st.button(action.label, key=f"verdict.{at}", on_click=_perform, args=(source, action))
    if found.why:
        with st.popover("Why?", key="verdict.why"):
            with st.container(key=dom.VERDICT_TEXT):
                st.markdown(text.plain(found.text))
            st.markdown(found.why)
    if question:
        st.button(":material/close:", key="verdict.close", type="tertiary", on_click=close, help="Close the question")


def _epoch(source: ScoreSource) -> str:
    """The epoch that is judged, which the picture may not show: it can show earlier ones."""
    return "" if shown.run_of(source) is None else f":small[:gray[Epoch {source.version}]]\u2002"


def of(source: ScoreSource, part: str) -> Verdict:
    """The verdict on a source at its current thresholds."""
    if source.task == "regression":
        return verdict(source, (), part, shown.run_of(source))
    decision = None
    if source.task == "multiclass":
        name, params = decision_rule.of(source)
        decision = name, tuple(params.items())
    values = thresholds.values(thresholds.current(source))
    return verdict(source, values, part, shown.run_of(source), decision, thresholds.rule_of(source))


def _perform(source: ScoreSource, action: UseThreshold | RestoreEpoch | SetChoices | OpenPanel) -> None:
    """Do what a button of the verdict says."""
    if isinstance(action, UseThreshold):
        thresholds.use_rule_for_all(source, action.thresholds, action.rule, action.rows)
    elif isinstance(action, RestoreEpoch):
        shown.restore(source, action.epoch)
    elif isinstance(action, SetChoices):
        recipe.choose_and_train(**action.changes)
    else:
        panels.open_panel(action.panel, action.calibrate)
