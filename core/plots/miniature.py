"""A small picture of each question: the validation scores of one of its runs by class with the threshold, its
precision-recall curve, or the losses of all its runs.

The numbers are in miniatures.json, which `python -m core.miniatures` writes. Colours are given by the caller;
everything else is in the colour of the text around.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError

NUMBERS = Path(__file__).with_name("miniatures.json")
WIDTH, HEIGHT = 120, 56
BINS = 24  # of scores in [0, 1], of equal width
MARGIN = 2
AXIS = f"M0 {HEIGHT // 2}H{WIDTH}"


@cache
def miniatures() -> dict[str, dict[str, Any]]:
    """The numbers of each question's picture, by its name: the `variant` that they are of, and one of

    - `positive` and `negative`, the rows (BINS,) of each class by score, with `before`, those of the outline, and the
      `threshold` where there are such;
    - `points` (P, 2) of a regression, actual and predicted values;
    - `curve` (P, 2) and `rings` (V, 2), recall and precision of the variant and of all variants at 0.5;
    - `lines`, for each variant its losses (E_v,), evenly spaced over the epochs up to its last.
    """
    return json.loads(NUMBERS.read_text(encoding="utf-8"))


def miniature(name: str, positive: str, negative: str) -> str:
    """Draw the miniature of a question.

    Parameters
    ----------
    name : key in core.experiment.presets.QUESTIONS.
    positive, negative : CSS colours of the two classes; regressions, curves and losses use the first.

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
    variant = found["variant"]
    if "points" in found:
        return _regression(variant, found["points"], positive)
    if "curve" in found:
        return _curve(variant, found["curve"], found["rings"], positive)
    if "lines" in found:
        return _losses(variant, found["lines"], positive)
    return _histogram(found, positive, negative)


def score_miniature(label: str, up: ArrayLike, down: ArrayLike, positive: str, negative: str, line: str) -> str:
    """Draw rows by score, (BINS,) of the positive and of the negative class, in these CSS colours, and the line between
    them in that of `line`; `label` is the text alternative."""
    return _svg(label, *_bars(up, down, positive, negative), _line(AXIS, line))


def _histogram(found: Mapping[str, Any], positive: str, negative: str) -> str:
    """Positive rows above the axis and negative rows below it, each as the root of their share of the fullest bin."""
    threshold = found.get("threshold", 0.5)
    marks = [_line(f"{AXIS}M{WIDTH * threshold:g} 0V{HEIGHT}")]
    label = f"Validation scores from 0 to 1 of {found['variant']}: actual positives above the line, negatives below it"
    if before := found.get("before"):
        outline = _line(_top(before["positive"], -1) + _top(before["negative"], 1), extra=' opacity="0.6"')
        marks.append(outline)
        label += ", the run before as an outline"
    if threshold != 0.5:
        marks.append(_line(f"M{WIDTH // 2} 0V{HEIGHT}", extra=' stroke-dasharray="3"'))
    label += f", and the threshold {threshold:g}."
    return _svg(label, *_bars(found["positive"], found["negative"], positive, negative), *marks)


def _curve(variant: str, points: ArrayLike, rings: ArrayLike, colour: str) -> str:
    """Precision against recall, both from 0 to 1, and a ring for each variant at 0.5."""
    dots = "".join(f"M{x:g} {y:g}h0" for x, y in _placed(rings))
    return _svg(
        f"Precision against recall of {variant}, and all variants at the threshold 0.5.",
        _line(f"M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}", extra=' opacity="0.6"'),
        _line("M" + "L".join(f"{x:g} {y:g}" for x, y in _placed(points)), colour, ' stroke-width="1.5"'),
        _line(dots, extra=' stroke-width="5" stroke-linecap="round"'),
    )


def _losses(variant: str, lines: Sequence[Sequence[float]], colour: str) -> str:
    """Losses from 0 to the largest by epoch, from the first to the last of the longest run."""
    highest, longest = max(map(max, lines)), max(map(len, lines)) - 1
    paths = [
        "M"
        + "L".join(f"{x:g} {y:g}" for x, y in _placed([(at / longest, loss / highest) for at, loss in enumerate(line)]))
        for line in lines
    ]
    dashes = ("none", "5 2", "2 2", "1 3")
    return _svg(
        f"Validation losses of {len(lines)} variants by epoch, {variant} among them.",
        _line(f"M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}", extra=' opacity="0.6"'),
        *[
            _line(path, colour, f' stroke-width="2" stroke-dasharray="{dash}"')
            for path, dash in zip(paths, dashes, strict=False)
        ],
    )


def _placed(points: ArrayLike) -> NDArray[np.float64]:
    """Points (P, 2) of the unit square, from its lower left corner, where they are drawn."""
    x, y = np.asarray(points, float).T
    room = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    return np.column_stack([MARGIN + x * room[0], HEIGHT - MARGIN - y * room[1]]).round(1)


def _line(path: str, colour: str = "currentColor", extra: str = "") -> str:
    return f'<path d="{path}" stroke={quoteattr(colour)} fill="none"{extra}/>'


def _bars(up: ArrayLike, down: ArrayLike, positive: str, negative: str) -> tuple[str, str]:
    return _steps(up, -1, positive), _steps(down, 1, negative)


def _steps(counts: ArrayLike, direction: int, colour: str) -> str:
    return f'<path d="{_top(counts, direction)}z" fill={quoteattr(colour)}/>'


def _top(counts: ArrayLike, direction: int) -> str:
    rows = np.asarray(counts, float)
    heights = np.sqrt(rows / max(rows.max(), 1)) * (HEIGHT / 2 - MARGIN) * direction
    path = "".join(f"V{top:g}h{WIDTH // BINS}" for top in (HEIGHT / 2 + heights).round(1))
    return f"M0 {HEIGHT // 2}{path}V{HEIGHT // 2}"


def _regression(variant: str, points: ArrayLike, colour: str) -> str:
    """Predicted against actual values on one range, with the diagonal of no error."""
    values = np.asarray(points, float)
    low, high = values.min(), values.max()
    dots = "".join(f"M{x:g} {y:g}h0" for x, y in _placed((values - low) / max(high - low, 1e-9)))
    return _svg(
        f"Predicted against actual values of {variant}, and the diagonal of no error.",
        _line(f"M{MARGIN} {HEIGHT - MARGIN}L{WIDTH - MARGIN} {MARGIN}"),
        _line(dots, colour, ' stroke-width="3" stroke-linecap="round"'),
    )


def _svg(title: str, *parts: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
