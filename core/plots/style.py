"""Shared parts of all figures: colours, scales of scores, axes, and packing of arrays.

Colours are CSS variables of the theme, looked up when a figure is drawn, so that it fits the light and the dark theme.
Colour encodes the actual class (blue positive, amber negative); hatching marks misclassified rows.
"""

from __future__ import annotations

import base64
import html
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from core.evaluation.bins import equal_width
from core.text import shortened

POSITIVE, NEGATIVE = "var(--st-blue-color)", "var(--st-orange-color)"
NEGATIVE_TEXT = "var(--st-orange-text-color)"  # amber has too little contrast for small text on white
POSITIVE_FILL, NEGATIVE_FILL = "var(--st-blue-background-color)", "var(--st-orange-background-color)"
TEXT, MUTED, LINE, GROUND = (
    "var(--st-text-color)",
    "var(--st-gray-text-color)",
    "var(--st-border-color)",
    "var(--st-background-color)",
)
MARGIN: dict[str, Any] = {"l": 8, "r": 12, "t": 8, "b": 8}
# Space above the plot with a fixed place in it: by default plotly moves the legend into a narrow plot.
LEGEND_ABOVE: dict[str, Any] = {
    "margin": MARGIN | {"t": 40},
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
}
# Small enough for two names beside each other on a narrow page.
LEGEND_SMALL: dict[str, Any] = LEGEND_ABOVE | {"legend": LEGEND_ABOVE["legend"] | {"font": {"size": 11}}}

# The colours of variants: each has a contrast >= 3 to the light and the dark background, and every pair can be told
# apart with protanopia, deuteranopia and tritanopia (Machado et al., 2009; distance in OKLab >= .08).
VARIANTS = ("#189c60", "#b42478", "#8448d8", "#f05400", "#006c9c", "#905430", "#9c84d8", "#e46c9c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
# Viridis from .28 to .71 (van der Walt and Smith, 2015): its ends have too little contrast to one of the backgrounds.
SEQUENCE = ("#37598c", "#2e708e", "#26848e", "#209a8a", "#2dad7f", "#4bc06c")


class ScoreRange(NamedTuple):
    """The linear scale of scores that are not probabilities, from `low` to `high`, low < high."""

    low: float
    high: float


ProbabilityScale = Literal["probability", "logit"]
Scale = ProbabilityScale | ScoreRange
LOGIT_END = 9.0  # logits outside [-9, 9], probabilities within .0001 of 0 or 1, are drawn at the ends
LOGIT_TICKS = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])


def score_range(low: float, high: float) -> ScoreRange:
    """The scale of scores from `low` to `high`, with padding on both sides."""
    room = 0.05 * (high - low) or max(abs(high), 1.0)
    return ScoreRange(low - room, high + room)


def limits(scale: Scale) -> tuple[float, float]:
    """The ends of an axis of scores, in axis coordinates."""
    if isinstance(scale, ScoreRange):
        return scale.low, scale.high
    return (0.0, 1.0) if scale == "probability" else (-LOGIT_END, LOGIT_END)


def unit_of(scale: Scale) -> str:
    """The unit of a threshold on this scale, "score" or "probability"."""
    return "score" if isinstance(scale, ScoreRange) else "probability"


def place(scores: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """Axis coordinates of scores (...), clipped to the ends of the axis except on a probability scale."""
    values = np.asarray(scores, dtype=np.float64)
    if scale == "probability":
        return values
    return np.clip(logit(np.clip(values, 0, 1)) if scale == "logit" else values, *limits(scale))


def place_within(scores: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """Axis coordinates of scores (...), always clipped, so that a threshold above every score is at the end."""
    return np.clip(place(scores, scale), *limits(scale))


def scores_at(places: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """The scores at axis coordinates (...); the inverse of `place`."""
    placed = np.asarray(places, dtype=np.float64)
    return np.asarray(expit(placed)) if scale == "logit" else placed


def bin_edges(scale: Scale, bins: int) -> NDArray[np.float64]:
    """Edges (bins + 1,) of bins of equal width on the axis, as scores in ascending order."""
    width = equal_width(bins)
    if isinstance(scale, ScoreRange):
        return scale.low + width * (scale.high - scale.low)
    return expit(LOGIT_END * (2 * width - 1)) if scale == "logit" else width


def score_axis(scale: Scale, title: str | None = None) -> dict[str, Any]:
    """The layout of an axis of scores on this scale."""
    axis: dict[str, Any]
    if isinstance(scale, ScoreRange):
        axis = {"range": list(scale), "nticks": 6, "tickformat": "~g"}
    elif scale == "probability":
        axis = {"range": [-0.005, 1.005], "tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".2~f"}
    else:
        end = LOGIT_END * 1.01
        axis = {
            "range": [-end, end],
            "tickvals": place(LOGIT_TICKS, scale).tolist(),
            "ticktext": [f"{tick:g}" for tick in LOGIT_TICKS],
        }
    return axis | {"tickangle": 0, "showgrid": False, "zeroline": False, "title": {"text": title}}


def unit_axis(title: str) -> dict[str, Any]:
    """The layout of an axis for a rate in [0, 1]."""
    return {"range": [-0.01, 1.03], "tickvals": [0, 0.25, 0.5, 0.75, 1], "title": {"text": title}, "zeroline": False}


def variant_colour(i: int, n: int) -> str:
    """The colour "#rrggbb" of variant `i` in 0 .. n - 1: one of eight, or for n > 8 a colour of a sequential scale."""
    if n <= len(VARIANTS):
        return VARIANTS[i]
    place, part = divmod(i / (n - 1) * (len(SEQUENCE) - 1), 1)
    low, high = SEQUENCE[int(place)], SEQUENCE[min(int(place) + 1, len(SEQUENCE) - 1)]
    mixed = (round(a + part * (b - a)) for a, b in zip(_rgb(low), _rgb(high), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def variant_dash(i: int, n: int) -> str:
    """The dash of variant `i` in 0 .. n - 1: one of five in turn, or solid for n > 8."""
    return DASHES[i % len(DASHES)] if n <= len(VARIANTS) else "solid"


def faded(colour: str, opacity: float) -> str:
    """A colour "#rrggbb" with an opacity in [0, 1]."""
    red, green, blue = _rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def packed(values: ArrayLike, dtype: str = "f4") -> dict[str, str] | list[float]:
    """Encode an array as base64 for plotly.js.

    Parameters
    ----------
    values : array of one or two dimensions; NaN is a gap.
    dtype : f4 (relative error <= 6e-8), f8, i1, i2, i4, u1, u2 or u4.

    Returns
    -------
    spec : the type, the data and, for two dimensions, the shape; [] for an empty array.
    """
    with np.errstate(over="ignore"):  # values beyond the range of float32 become infinite and are not drawn
        array = np.ascontiguousarray(values, dtype=f"<{dtype}")
    if not array.size:
        return []
    spec = {"dtype": dtype, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    return spec if array.ndim == 1 else spec | {"shape": ", ".join(map(str, array.shape))}


def plain(text: str, longest: int | None = None) -> str:
    """Text escaped for plotly, shortened to `longest` characters with an ellipsis."""
    return html.escape(text if longest is None else shortened(text, longest), quote=False)
