"""The button that copies the link to what is shown."""

from __future__ import annotations

from pages.components.copy_link import copy_link

HELP = (
    "Copies the link: recipe, run, current and saved thresholds, and your payoffs. A run that is gone is trained again."
)


def show() -> None:
    """One button."""
    copy_link("Share", HELP, key="share")
