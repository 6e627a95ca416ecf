"""What the checks found, as quiet lines beside the control or figure that causes it, each with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.checks import CHECKS, Finding
from core.experiment.config import RunConfig
from pages.shared import state, text

SEVERITIES = {
    "mistake": (":red[:material/error:]", "Mistake"),
    "caution": (":orange[:material/warning:]", "Caution"),
    "note": (":material/info:", "Note"),
}
AT_ONCE = 2


def at(found: Sequence[Finding], place: str) -> list[Finding]:
    """Those of this place, in their order."""
    return [finding for finding in found if CHECKS[finding.code].place == place]


Use = Callable[..., None]


def show(found: Sequence[Finding], where: str, config: RunConfig | None, use: Use | None = None) -> None:
    """AT_ONCE lines, the others behind "n more"; `found` is ordered, the gravest first. Remedies change the choices
    `config`; without it none is offered. `use` is called with the changes as keywords, before the rerun; without it the
    Train page takes them."""
    for finding in found[:AT_ONCE]:
        show_line(finding, where, config, use)
    if rest := found[AT_ONCE:]:
        with st.expander(f"{len(rest)} more"):
            for finding in rest:
                show_line(finding, where, config, use)


def show_line(finding: Finding, where: str, config: RunConfig | None, use: Use | None = None) -> None:
    icon, word = SEVERITIES[CHECKS[finding.code].severity]
    said = f"{icon} **{word}.** {text.plain(finding.sentence)}"
    with st.container(gap=None):
        st.caption(said, help=text.of_check(finding.code))
        if not (finding.remedy and config):
            return
        label = text.of_remedy(finding.remedy, config)
        looks: dict[str, Any] = {"type": "tertiary", "icon": ":material/build:"}
        looks |= {"on_click": use, "kwargs": dict(finding.remedy)} if use else {}
        if st.button(label, key=f"{where}.{finding.code}", **looks) and not use:
            # The controls are drawn already; the next script run applies these choices before it draws them.
            state.NEXT_CONFIG.set(config.model_copy(update=finding.remedy).model_dump())
            st.rerun()
