"""Questions as a strip of small charts of the scores that answer them; a press on one opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import streamlit as st

from core.experiment.presets import Question
from core.plots.miniature import miniature

HERE = Path(__file__)
_component = st.components.v2.component(
    "preset_strip",
    html='<h2>Questions to try</h2><div class="strip"></div>',
    css=HERE.with_suffix(".css").read_text(),
    js=HERE.with_suffix(".js").read_text(),
)


def preset_strip(
    questions: Mapping[str, Question], *, key: str, on_choose: Callable[[str], None] | None = None
) -> str | None:
    """Show questions by name in one row, which scrolls where it is wider than the page.

    Returns the name of the one that was just chosen, else None. `on_choose` is called with it, before the rerun.
    """

    def chose() -> None:
        if on_choose and (name := st.session_state[key].get("chosen")) in questions:
            on_choose(name)

    cards = [{"name": name, "question": one.question, "chart": _chart(name)} for name, one in questions.items()]
    name = _component(key=key, data=cards, on_chosen_change=chose).chosen
    return name if name in questions else None


@cache
def _chart(name: str) -> str:
    return miniature(name, "var(--st-blue-color)", "var(--st-orange-color)")
