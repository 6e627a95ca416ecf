"""All that the app computes; `explore` shows scores from a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.notebook import explore

__all__ = ["explore"]


def __getattr__(name: str) -> object:
    """`explore`, imported when it is asked for: nothing else here needs what it imports."""
    if name == "explore":
        from core.notebook import explore

        return explore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
