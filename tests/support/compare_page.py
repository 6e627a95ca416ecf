"""Train page: what several test files share."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.experiment.config import RunConfig
from tests.conftest import (
    button,
    current_run,
    press,
    sentences,
)


def can(at: AppTest) -> dict[str, bool]:
    """Which of Start and Stop can be pressed."""
    return {label: not button(at, label).disabled for label in ("Start", "Stop")}


def submitted(at: AppTest) -> RunConfig:
    """What Start trains."""
    assert not sentences(at)
    press(at, "Start")
    assert not sentences(at)
    return current_run(at).config


def shown(at: AppTest) -> set[str]:
    """The keys of the figures on the page."""
    others = {"status", "presets", "upload"}  # heard and not seen; questions to begin with; takes dropped files
    return {element.key for element in at.get("bidi_component")} - others


def captions(at: AppTest) -> str:
    return " ".join(caption.value for caption in at.caption)
