"""A small picture of each question: the validation scores of one of its runs by class, with the threshold 0.5.

The numbers are in miniatures.json, which `python -m core.miniatures` writes. Colours are given by the caller;
everything else is in the colour of the text around.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import ArrayLike

from core.errors import CutoffError

NUMBERS = Path(__file__).with_name("miniatures.json")
WIDTH, HEIGHT = 120, 56
BINS = 24  # of scores in [0, 1], of equal width
MARGIN = 2


@cache
def miniatures() -> dict[str, dict[str, Any]]:
    """The numbers of each question's picture, by its name: the `variant` that they are of, `positive` and `negative`,
    the rows (BINS,) of each class by score, or in a regression `points` (P, 2), actual and predicted values."""
    return json.loads(NUMBERS.read_text(encoding="utf-8"))


def miniature(name: str, positive: str, negative: str) -> str:
    """Draw the miniature of a question.

    Parameters
    ----------
    name : key in core.experiment.presets.QUESTIONS.
    positive, negative : CSS colours of the two classes; a regression uses the first.

    Returns
    -------
    An SVG element with a text alternative, as wide as its container and at most 4 KB.

    Raises
    ------
    CutoffError for another name.
    """
    if name not in miniatures():
        raise CutoffError(f"Expected `name` to be one of {', '.join(miniatures())}, but got {name!r}.")
    found = miniatures()[name]
    if "points" in found:
        return _regression(found["variant"], found["points"], positive)
    return _histogram(found["variant"], found["positive"], found["negative"], positive, negative)


def score_miniature(label: str, up: ArrayLike, down: ArrayLike, positive: str, negative: str) -> str:
    """Draw rows by score, (BINS,) of the positive and of the negative class, in these CSS colours; `label` is the text
    alternative."""
    return _sides(label, up, down, positive, negative, "")


def _histogram(variant: str, up: ArrayLike, down: ArrayLike, positive: str, negative: str) -> str:
    """Positive rows above the axis and negative rows below it, each as the root of their share of the fullest bin."""
    label = f"Validation scores from 0 to 1 of {variant}: actual positives above the line, negatives below it, and the "
    return _sides(f"{label}threshold 0.5.", up, down, positive, negative, f"M{WIDTH // 2} 0V{HEIGHT}")


def _sides(label: str, up: ArrayLike, down: ArrayLike, positive: str, negative: str, marks: str) -> str:
    line = f'<path d="M0 {HEIGHT // 2}H{WIDTH}{marks}" stroke="currentColor" fill="none"/>'
    return _svg(label, _steps(up, -1, positive), _steps(down, 1, negative), line)


def _steps(counts: ArrayLike, direction: int, colour: str) -> str:
    rows = np.asarray(counts, float)
    heights = np.sqrt(rows / max(rows.max(), 1)) * (HEIGHT / 2 - MARGIN) * direction
    tops = (HEIGHT / 2 + heights).round(1)
    path = "".join(f"V{top:g}h{WIDTH // BINS}" for top in tops)
    return f'<path d="M0 {HEIGHT // 2}{path}V{HEIGHT // 2}z" fill={quoteattr(colour)}/>'


def _regression(variant: str, points: ArrayLike, colour: str) -> str:
    """Predicted against actual values on one range, with the diagonal of no error."""
    values = np.asarray(points, float)
    low, high = values.min(), values.max()
    across, along = ((values - low) / max(high - low, 1e-9)).T
    x = (MARGIN + across * (WIDTH - 2 * MARGIN)).round(1)
    y = (HEIGHT - MARGIN - along * (HEIGHT - 2 * MARGIN)).round(1)
    dots = "".join(f"M{a:g} {b:g}h0" for a, b in zip(x, y, strict=True))
    return _svg(
        f"Predicted against actual values of {variant}, and the diagonal of no error.",
        f'<path d="M{MARGIN} {HEIGHT - MARGIN}L{WIDTH - MARGIN} {MARGIN}" stroke="currentColor" fill="none"/>',
        f'<path d="{dots}" stroke={quoteattr(colour)} stroke-width="3" stroke-linecap="round" fill="none"/>',
    )


def _svg(title: str, *parts: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
