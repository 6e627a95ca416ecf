"""What every figure shares: the colours of the truth, the two scales of a score, the threshold's line.

Colours are the theme's CSS variables, so one figure serves light and dark; whoever draws it looks them up.
Colour says what is true (blue positive, amber negative); texture says what is wrong (hatched).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

POSITIVE, NEGATIVE = "var(--st-blue-color)", "var(--st-orange-color)"
POSITIVE_FILL, NEGATIVE_FILL = "var(--st-blue-background-color)", "var(--st-orange-background-color)"
TEXT, MUTED, LINE, GROUND = (
    "var(--st-text-color)",
    "var(--st-gray-text-color)",
    "var(--st-border-color)",
    "var(--st-background-color)",
)
MARGIN = {"l": 8, "r": 12, "t": 8, "b": 8}
# Room above the plot and a place in it: left to itself, plotly lets the legend slip into a narrow plot.
LEGEND_ABOVE = {
    "margin": MARGIN | {"t": 40},
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
}

Scale = Literal["probability", "logit"]
LOGIT_END = 9.0  # scores beyond sigmoid(+-9), .0001 from the ends, are drawn there
LOGIT_TICKS = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])


def place(scores: ArrayLike, scale: Scale) -> NDArray[np.float64]:
    """Where probabilities lie on the axis of this scale."""
    if scale == "probability":
        return np.asarray(scores, dtype=np.float64)
    return np.clip(logit(np.clip(np.asarray(scores, dtype=np.float64), 0, 1)), -LOGIT_END, LOGIT_END)


def score_axis(scale: Scale, title: str | None = None) -> dict[str, Any]:
    """The layout of an axis of scores: probabilities in both scales, evenly spaced or by their logit."""
    if scale == "probability":
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


def operating_point(figure: go.Figure, x: float, y: float, text: str) -> None:
    """Mark the chosen threshold on a curve: a ring, with `text` on hover."""
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        cliponaxis=False,
        marker={"size": 14, "color": GROUND, "line": {"color": TEXT, "width": 3}},
        hovertemplate=f"{text}<extra></extra>",
        showlegend=False,
        name="threshold",
    )
