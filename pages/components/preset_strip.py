"""The presets as a strip of small charts of their own scores, each with its question, which opens it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import streamlit as st

from core.experiment.presets import PRESETS
from core.plots.miniature import preset_miniature

HERE = Path(__file__)
_component = st.components.v2.component(
    "preset_strip",
    html='<h2>Questions to try</h2><div class="strip"></div>',
    css=HERE.with_suffix(".css").read_text(),
    js=HERE.with_suffix(".js").read_text(),
)


def preset_strip(*, key: str, on_choose: Callable[[str], None] | None = None) -> str | None:
    """Show every preset in one row, which scrolls where it is wider than the page.

    Returns the name of the preset that was just chosen, else None. `on_choose` is called with it, before the rerun.
    """

    def chose() -> None:
        if on_choose and (name := st.session_state[key].get("chosen")) in PRESETS:
            on_choose(name)

    presets = [{"name": name, "question": preset.question, "chart": _chart(name)} for name, preset in PRESETS.items()]
    name = _component(key=key, data=presets, on_chosen_change=chose).chosen
    return name if name in PRESETS else None


@cache
def _chart(name: str) -> str:
    return preset_miniature(name, "var(--st-blue-color)", "var(--st-orange-color)")
