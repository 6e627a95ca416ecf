"""Predictions from files: what the columns are, and a source of scores made of them.

`guess` finds the roles of a table's columns, `open_predictions` checks them and makes the source.
"""

from core.predictions.guess import Guess, guess, guess_binary
from core.predictions.opening import ALL, CannotOpen, Opened, open_predictions
from core.predictions.roles import SCALES, Roles, Scale

__all__ = [
    "ALL",
    "SCALES",
    "CannotOpen",
    "Guess",
    "Opened",
    "Roles",
    "Scale",
    "guess",
    "guess_binary",
    "open_predictions",
]
