"""Shared parts of figures of several variants: styles, limits of points, bands, a colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.plots.style import SEQUENCE, VARIANTS, faded, packed, plain
from core.text import shortened

Spec = dict[str, Any]  # {"data": [...], "layout": {...}}
FEW = len(VARIANTS)  # maximum number of variants with their own colour and name; more have a colour scale
POINTS = 200  # maximum of one curve
POINTS_OF_ALL = 2400  # maximum of all curves of a figure
NAME = 18  # characters of a name beside a line
KEY = 16  # characters of a name in a legend


@dataclass(frozen=True)
class Line:
    """The name, colour "#rrggbb" and dash of a variant in all figures."""

    name: str
    colour: str
    dash: str = "solid"


class Sweep(NamedTuple):
    """The swept parameter: its label, its value in each variant (V,), and whether the axis is logarithmic."""

    label: str
    values: Sequence[float]
    log: bool = False


class Spread(NamedTuple):
    """Mean, minimum and maximum over seeds, (K,) each."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def focus_last(variants: int, focus: int | None) -> list[int]:
    """Indices of variants in drawing order: with more than FEW the focus is last, on top; few keep their order."""
    return sorted(range(variants), key=lambda at: variants > FEW and at == focus)


def short(lines: Sequence[Line], longest: int) -> list[str]:
    """Shorten names to at most `longest` characters, escaped for plotly; different names stay different.

    Names are cut at the end; if that makes two of them equal, also at the start, before the first word that differs,
    else in the middle, else with a number added.
    """
    names = [line.name for line in lines]
    for shown, cut in ((names, shortened), (_from_differences(names), shortened), (names, _without_middle)):
        found = [cut(name, longest) for name in shown]
        if len(set(found)) == len(set(names)):
            return [plain(name) for name in found]
    numbers = {name: f" {at}" for at, name in enumerate(dict.fromkeys(names), 1)}
    return [plain(shortened(name, longest - len(numbers[name])) + numbers[name]) for name in names]


def _without_middle(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    head = longest // 2
    return f"{name[:head].rstrip()}…{name[len(name) - (longest - 1 - head) :].lstrip()}"


def _from_differences(names: Sequence[str]) -> list[str]:
    """The names without the first words that they share with another name; the last word is always kept."""
    words = {name: name.split(" ") for name in names}
    shared = dict.fromkeys(names, 0)
    for one, other in pairwise(sorted(words, key=words.__getitem__)):  # names next to each other share most
        pairs = zip(words[one], words[other], strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        shared[one], shared[other] = max(shared[one], same), same
    starts = {name: min(shared[name], len(words[name]) - 1) for name in words}
    return [f"…{' '.join(words[name][starts[name] :])}" if starts[name] else name for name in names]


def marked(name: str, colour: str) -> str:
    """A name in the text colour after a dot in its own colour, which has too little contrast for text."""
    return f'<span style="color:{colour}">●</span> <b>{name}</b>'


def points_each(curves: int) -> int:
    """The maximum number of points per curve in a figure of `curves` curves."""
    return int(np.clip(POINTS_OF_ALL // max(curves, 1), 12, POINTS))


def there_and_back(x: NDArray) -> NDArray:
    """Coordinates (K,) followed by the same in reverse (2 K,), for the outline of a band."""
    return np.concatenate([x, x[::-1]])


def band(x: dict[str, str] | list[float], spread: Spread, colour: str) -> dict[str, Any]:
    """The area between minimum and maximum; x comes from `there_and_back`."""
    return {
        "type": "scatter",
        "mode": "lines",
        "meta": "band",
        "x": x,
        "y": packed(np.concatenate([spread.high, spread.low[::-1]])),
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": faded(colour, 0.18) if colour.startswith("#") else colour,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def log_ticks(decades: float) -> dict[str, Any]:
    """Ticks at powers of ten, and on axes of at most three decades also at 2 and 5 times them."""
    return {"dtick": 1 if decades > 3 else "D2", "tickformat": "~g", "tickangle": 0}


def _written(value: float) -> str:
    """A number with three digits, in scientific notation only if it is very large or very small."""
    rounded = f"{value:.3g}"
    return np.format_float_positional(float(rounded), trim="-") if 1e-4 <= abs(value) < 1e6 else rounded


def colour_bar(sweep: Sweep) -> dict[str, Any]:
    """A trace with the colour bar of a sweep, without points; colours follow the order of variants."""
    last = len(sweep.values) - 1
    ticks = [0, last // 2, last]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "showlegend": False,
        "hoverinfo": "skip",
        "marker": {
            "color": [0],
            "cmin": 0,
            "cmax": last,
            "showscale": True,
            "colorscale": [[at / (len(SEQUENCE) - 1), colour] for at, colour in enumerate(SEQUENCE)],
            "colorbar": {
                "title": {"text": plain(sweep.label, NAME), "side": "right"},
                "thickness": 10,
                "outlinewidth": 0,
                "tickvals": ticks,
                "ticktext": [_written(sweep.values[at]) for at in ticks],
            },
        },
    }
