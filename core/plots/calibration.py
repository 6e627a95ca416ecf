"""Figures of calibration: reliability diagrams, and the map from uncalibrated to calibrated scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.evaluation.calibration import Reliability
from core.plots.style import (
    GROUND,
    LEGEND_SMALL,
    LINE,
    LOGIT_END,
    MUTED,
    POSITIVE,
    TEXT,
    Scale,
    limits,
    place,
    score_axis,
)

LEAST_WIDTH = 0.004  # of a bar, as a fraction of the axis, for bins of tied scores
DIAGONAL: dict[str, Any] = {"color": MUTED, "width": 1, "dash": "dot"}


def reliability_figure(
    now: Reliability, name: str, before: Reliability | None = None, scale: Scale = "probability"
) -> go.Figure:
    """Reliability diagram: fraction of positives against mean score by bin, with the number of rows per bin below.

    Parameters
    ----------
    now : drawn solid, with Wilson intervals and the band expected of calibrated scores.
    name : its name.
    before : drawn hollow and dashed as "uncalibrated"; None for none.
    scale : scale of both axes.
    """
    low, high = limits(scale)
    data: list[dict[str, Any]] = [_band(now, scale), _diagonal(low, high)]
    if before is not None:
        data += [_points(before, "uncalibrated", scale, {"color": MUTED, "width": 1.5, "dash": "dash"}, hollow=True)]
    points = _points(now, name, scale, {"color": POSITIVE, "width": 2})
    share = place(now.share, scale)
    points["error_y"] = {
        "type": "data",
        "symmetric": False,
        "array": place(now.share_high, scale) - share,
        "arrayminus": share - place(now.share_low, scale),
        "color": POSITIVE,
        "thickness": 1.5,
        "width": 0,
    }
    data += [points, _bars(now, name, scale, {"color": POSITIVE, "opacity": 0.7, "line": {"width": 0}})]
    if before is not None:
        data += [
            _bars(before, "uncalibrated", scale, {"color": "rgba(0,0,0,0)", "line": {"color": MUTED, "width": 1.2}}),
        ]
    most = max(int(one.rows.max(initial=1)) for one in (now, before or now))
    layout = LEGEND_SMALL | {
        "barmode": "overlay",
        "xaxis": score_axis(scale, "mean score of a bin") | {"anchor": "y2"},
        "yaxis": score_axis(scale, "fraction of positives") | {"domain": [0.27, 1], "showgrid": True},
        "yaxis2": {
            "domain": [0, 0.17],
            "anchor": "x",
            "title": {"text": "rows"},
            "range": [0, np.sqrt(most) * 1.1],
            "tickvals": [0, np.sqrt(most)],
            "ticktext": ["0", f"{most:,}"],
            "showgrid": False,
            "zeroline": False,
        },
    }
    return go.Figure(data, layout)


def map_figure(
    given: ArrayLike,
    calibrated: ArrayLike,
    name: str,
    threshold: tuple[float, float],
    half: float,
    scale: Scale,
    given_scale: Scale | None = None,
) -> go.Figure:
    """Calibrated against uncalibrated scores.

    Parameters
    ----------
    given : uncalibrated scores (T,), ascending.
    calibrated : calibrated scores (T,).
    name : name of the curve.
    threshold : the current threshold, uncalibrated and calibrated.
    half : the uncalibrated score whose calibrated score is 0.5; NaN if there is none.
    scale : scale of calibrated scores.
    given_scale : scale of uncalibrated scores; None, for probabilities, is `scale`.
    """
    of_given = given_scale or scale
    low, high = limits(scale)
    data = [
        *([_diagonal(low, high)] if of_given == scale else []),
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": place(given, of_given),
            "y": place(calibrated, scale),
            "customdata": np.stack([np.asarray(given), np.asarray(calibrated)], axis=1),
            "line": {"color": POSITIVE, "width": 2},
            "hovertemplate": "%{customdata[0]:.4g} becomes %{customdata[1]:.4g}<extra></extra>",
        },
        _moved(*threshold, f"threshold {threshold[0]:.3f} becomes {threshold[1]:.3f}", of_given, scale, "circle", TEXT),
    ]
    if not np.isnan(half):
        data.append(_moved(half, 0.5, f"{half:.3f} becomes 0.500", of_given, scale, "diamond", MUTED))
    layout = LEGEND_SMALL | {
        "xaxis": score_axis(of_given, "uncalibrated score"),
        "yaxis": score_axis(scale, "calibrated score") | {"showgrid": True},
    }
    return go.Figure(data, layout)


def _diagonal(low: float, high: float) -> dict[str, Any]:
    ends = [low, high]
    return {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "line": DIAGONAL, "hoverinfo": "skip"} | {
        "showlegend": False
    }


def _band(of: Reliability, scale: Scale) -> dict[str, Any]:
    """The band expected of the fractions if scores were calibrated."""
    x, low, high = (place(values, scale) for values in (of.score, of.band_low, of.band_high))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{of.level:.0%} if calibrated",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([high, low[::-1]]),
        "fill": "toself",
        "fillcolor": LINE,
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _points(of: Reliability, name: str, scale: Scale, line: dict[str, Any], hollow: bool = False) -> dict[str, Any]:
    edge = {"color": line["color"], "width": 1.5}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": place(of.score, scale),
        "y": place(of.share, scale),
        "customdata": np.stack([of.score, of.share, of.share_low, of.share_high, of.positives, of.rows], axis=1),
        "line": line,
        "marker": {"size": 8, "color": GROUND if hollow else line["color"], "line": edge},
        "cliponaxis": False,
        "hovertemplate": f"{name}: mean score %{{customdata[0]:.3g}}<br>%{{customdata[4]:,}} of %{{customdata[5]:,}} "
        "rows positive,<br>%{customdata[1]:.3f} (%{customdata[2]:.3f} to %{customdata[3]:.3f})<extra></extra>",
    }


def _bars(of: Reliability, name: str, scale: Scale, marker: dict[str, Any]) -> dict[str, Any]:
    """Number of rows of each bin as bars of its width; heights are square roots, so that small bins stay visible."""
    low, high = place(of.low, scale), place(of.high, scale)
    least = LEAST_WIDTH * (1 if scale == "probability" else 2 * LOGIT_END)
    return {
        "type": "bar",
        "name": f"rows, {name}",
        "x": (low + high) / 2,
        "y": np.sqrt(of.rows),
        "width": np.maximum(high - low, least),
        "customdata": np.stack([of.low, of.high, of.rows], axis=1),
        "marker": marker,
        "yaxis": "y2",
        "showlegend": False,
        "hovertemplate": f"{name}, rows: %{{customdata[2]:,}}<br>from %{{customdata[0]:.3g}} to %{{customdata[1]:.3g}}"
        "<extra></extra>",
    }


def _moved(x: float, y: float, name: str, of_given: Scale, scale: Scale, symbol: str, colour: str) -> dict[str, Any]:
    """An uncalibrated and its calibrated score, with lines to both axes."""
    at_x, at_y = float(place(x, of_given)), float(place(y, scale))
    left, bottom = limits(of_given)[0], limits(scale)[0]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [at_x, at_x, left],
        "y": [bottom, at_y, at_y],
        "line": {"color": colour, "width": 1, "dash": "dot" if symbol == "diamond" else "solid"},
        "marker": {
            "size": [0, 13, 0],
            "symbol": symbol,
            "color": GROUND,
            "line": {"color": colour, "width": [0, 3, 0]},
        },
        "hovertemplate": f"{name}<extra></extra>",
    }
