"""Questions below the panels: the demonstration answers some on this page, where the question stands above the verdict;
a preset opens on the Compare page."""

from __future__ import annotations

from dataclasses import replace

from core.evaluation.source import ScoreSource
from core.experiment.presets import DEMONSTRATED, PRESETS, QUESTIONS, Demonstrated
from pages.components.preset_strip import preset_strip
from pages.shared import choices, dom, services, state, thresholds
from pages.workbench import panels, predictions, recipe, shown
from pages.workbench.panels import tune


def show() -> None:
    """A strip of all questions; the preset that is pressed begins to train."""
    if (name := preset_strip(QUESTIONS, key="gallery", on_choose=_demonstrate)) in PRESETS:
        choices.race(PRESETS[name].experiment)


def _demonstrate(name: str) -> None:
    """Show the run of the demonstration that answers a question, at the threshold and with the panel that it names."""
    if name not in DEMONSTRATED:
        return
    question = DEMONSTRATED[name]
    opened = predictions.of(shown.source())
    state.QUESTION_OVER.set(opened.id if opened else state.QUESTION_OVER.get())
    run = shown.demonstrated(question.shown)
    recipe.take(run.config)
    shown.demonstrate(run, shown.demonstrated(question.beside) if question.beside else None)
    state.RULE.set(question.rule)
    thresholds.reset(run)
    if question.rule:
        tune.use_for_all(run)
    state.COMPLAINTS.set(())
    state.QUESTION.set(name)
    panels.choose(question.panel)
    dom.bring_into_sight(dom.RECIPE)


def answered(source: ScoreSource) -> Demonstrated | None:
    """The question that was opened and is answered by this source; it says which file its cross leads back to."""
    question = DEMONSTRATED.get(state.QUESTION.get())
    if question is None or source.id != shown.demonstrated(question.shown).id:
        return None
    file = services.uploads().peek(state.QUESTION_OVER.get())
    return replace(question, answer=f"{question.answer} Close leads back to {file.name}.") if file else question


def close() -> None:
    """Take the question away, and go back to the file in whose place its answer stands, else leave the answer. To be
    called in a callback."""
    state.QUESTION.set("")
    file = services.uploads().peek(state.QUESTION_OVER.pop())
    if file and file.source:
        state.SHOWN_BEFORE.set("")
        state.SHOWN.set(file.id)
