"""All that the app computes; `explore` shows scores from a notebook."""

from core.notebook import explore

__all__ = ["explore"]
