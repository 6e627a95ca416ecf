"""What every figure shares: the colours of the truth, the two scales of a score, the threshold's line.

Colours are the theme's CSS variables, so one figure serves light and dark; whoever draws it looks them up.
Colour says what is true (blue positive, amber negative); texture says what is wrong (hatched).
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
NEGATIVE_TEXT = "var(--st-orange-text-color)"  # amber is too light for small letters on white
POSITIVE_FILL, NEGATIVE_FILL = "var(--st-blue-background-color)", "var(--st-orange-background-color)"
TEXT, MUTED, LINE, GROUND = (
    "var(--st-text-color)",
    "var(--st-gray-text-color)",
    "var(--st-border-color)",
    "var(--st-background-color)",
)
MARGIN: dict[str, Any] = {"l": 8, "r": 12, "t": 8, "b": 8}
# Room above the plot and a place in it: left to itself, plotly lets the legend slip into a narrow plot.
LEGEND_ABOVE: dict[str, Any] = {
    "margin": MARGIN | {"t": 40},
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
}
# Room for two names beside each other on a narrow page.
LEGEND_SMALL: dict[str, Any] = LEGEND_ABOVE | {"legend": LEGEND_ABOVE["legend"] | {"font": {"size": 11}}}

# The colours of variants: each has a contrast of at least 3 to the light and to the dark ground, and every pair stays
# apart with protanopia, deuteranopia and tritanopia (Machado et al. 2009; distance in OKLab >= .08).
VARIANTS = ("#189c60", "#b42478", "#8448d8", "#f05400", "#006c9c", "#905430", "#9c84d8", "#e46c9c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
# Viridis from .28 to .71 (van der Walt and Smith, 2015): its ends would sink into the dark and the light ground.
SEQUENCE = ("#37598c", "#2e708e", "#26848e", "#209a8a", "#2dad7f", "#4bc06c")


class ScoreRange(NamedTuple):
    """The axis of scores that are no probabilities, evenly spaced from `low` to `high`, low < high."""

    low: float
    high: float


ProbabilityScale = Literal["probability", "logit"]
Scale = ProbabilityScale | ScoreRange
LOGIT_END = 9.0  # scores beyond sigmoid(+-9), .0001 from the ends, are drawn there
LOGIT_TICKS = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])


def score_range(low: float, high: float) -> ScoreRange:
    """The axis that fits scores from `low` to `high`, with some room on either side."""
    room = 0.05 * (high - low) or max(abs(high), 1.0)
    return ScoreRange(low - room, high + room)


def limits(scale: Scale) -> tuple[float, float]:
    """The first and the last place of an axis of scores."""
    if isinstance(scale, ScoreRange):
        return scale.low, scale.high
    return (0.0, 1.0) if scale == "probability" else (-LOGIT_END, LOGIT_END)


def unit_of(scale: Scale) -> str:
    """What a threshold on this axis is."""
    return "score" if isinstance(scale, ScoreRange) else "probability"


def place(scores: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """Where scores lie on the axis of this scale; beyond the ends of a logit or of another score they lie there."""
    values = np.asarray(scores, dtype=np.float64)
    if scale == "probability":
        return values
    return np.clip(logit(np.clip(values, 0, 1)) if scale == "logit" else values, *limits(scale))


def place_within(scores: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """`place`, with what lies beyond the axis at its ends, such as a threshold above every score."""
    return np.clip(place(scores, scale), *limits(scale))


def scores_at(places: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """The scores that lie at these places."""
    placed = np.asarray(places, dtype=np.float64)
    return np.asarray(expit(placed)) if scale == "logit" else placed


def bin_edges(scale: Scale, bins: int) -> NDArray[np.float64]:
    """The scores (bins + 1,), ascending, between which bins lie that are equally wide on the axis of this scale."""
    width = equal_width(bins)
    if isinstance(scale, ScoreRange):
        return scale.low + width * (scale.high - scale.low)
    return expit(LOGIT_END * (2 * width - 1)) if scale == "logit" else width


def score_axis(scale: Scale, title: str | None = None) -> dict[str, Any]:
    """The layout of an axis of scores: probabilities, evenly spaced or by their logit, or the range of other scores."""
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
    """The colour of variant `i` in 0 .. n-1, as "#rrggbb": one of eight, or for n > 8 a place on a sequence."""
    if n <= len(VARIANTS):
        return VARIANTS[i]
    place, part = divmod(i / (n - 1) * (len(SEQUENCE) - 1), 1)
    low, high = SEQUENCE[int(place)], SEQUENCE[min(int(place) + 1, len(SEQUENCE) - 1)]
    mixed = (round(a + part * (b - a)) for a, b in zip(_rgb(low), _rgb(high), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def variant_dash(i: int, n: int) -> str:
    """The dash of variant `i` in 0 .. n-1, beside its colour: the five in turn, or solid for n > 8."""
    return DASHES[i % len(DASHES)] if n <= len(VARIANTS) else "solid"


def faded(colour: str, opacity: float) -> str:
    """A colour "#rrggbb" that lets the ground through; opacity is in [0, 1]."""
    red, green, blue = _rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def packed(values: ArrayLike, dtype: str = "f4") -> dict[str, str] | list[float]:
    """An array of one or two dimensions as plotly.js reads it, 4/3 of its bytes long; NaN is a gap.

    `dtype` is one of f4 (a relative error of at most 6e-8), f8, i1, i2, i4, u1, u2 and u4.
    """
    with np.errstate(over="ignore"):  # beyond float32 a value is infinite, which plotly.js does not draw
        array = np.ascontiguousarray(values, dtype=f"<{dtype}")
    if not array.size:
        return []
    spec = {"dtype": dtype, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    return spec if array.ndim == 1 else spec | {"shape": ", ".join(map(str, array.shape))}


def plain(text: str, longest: int | None = None) -> str:
    """Text that plotly shows as it is, no tags and entities; cut to `longest` characters with an ellipsis."""
    return html.escape(text if longest is None else shortened(text, longest), quote=False)
