"""Decision boundaries in the plane, one line per variant, as plain dicts for plotly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from core.evaluation.thinning import Places, evenly_spaced
from core.plots.race import FEW, KEY, Line, Spec, focus_last, short
from core.plots.style import GROUND, LEGEND_SMALL, NEGATIVE, NEGATIVE_FILL, POSITIVE, POSITIVE_FILL, TEXT, packed, plain

POINTS = 600  # drawn rows
LINES = 24  # drawn variants
CELLS = 16_000  # grid cells of all variants together; each has at most SIDE x SIDE
SIDE = 48
STEPS = 16  # per logit: scores on a line are within 1/32 logit of the threshold
NEVER = 1e-9  # thresholds are clipped to [NEVER, 1 - NEVER], since logits of 0 and 1 are infinite


def boundary(
    xs: NDArray,
    ys: NDArray,
    surfaces: Sequence[NDArray],
    lines: Sequence[Line],
    thresholds: Sequence[float],
    x_train: NDArray,
    y_train: NDArray,
    posterior: NDArray | None = None,
    posterior_threshold: float = 0.5,
    focus: int | None = None,
    axes: tuple[str, str] = ("x", "y"),
    names: tuple[str, str] = ("positive", "negative"),
) -> Spec:
    """Decision boundaries of variants: where each variant's score crosses its threshold.

    Grids are thinned evenly to 16,000 cells in total and 48 per side. Lines are drawn from logits relative to the
    threshold, rounded to 1/16 and clipped to [-7.9, 7.9]. Of more than 24 variants, 24 evenly chosen ones and `focus`
    have lines.

    Parameters
    ----------
    xs, ys : coordinates of the grid, (W,) and (H,).
    surfaces : scores (H, W) of each variant; one that is not finite has no line.
    lines : style of each variant.
    thresholds : threshold of each variant.
    x_train, y_train : rows (N, 2) and whether they are positive (N,); at most 600 evenly chosen rows are drawn.
    posterior : true posterior (H, W), whose boundary is dashed; None if unknown.
    posterior_threshold : its threshold.
    focus : variant whose scores are the background, blue above its threshold; None for none.
    axes, names : labels of the axes, and of the positive and negative rows.
    """
    chosen = {*evenly_spaced(len(lines), LINES).tolist(), focus}
    drawn = [at for at in focus_last(len(lines), focus) if at in chosen]
    rows, columns = _thinned(ys, len(drawn)), _thinned(xs, len(drawn))
    grid = {"x": packed(xs[columns]), "y": packed(ys[rows])}
    data: list[dict[str, Any]] = []
    if focus is not None and np.isfinite(surfaces[focus]).all():
        data.append(_ground(xs, ys, surfaces[focus], thresholds[focus]))
    data += _points(x_train, y_train, names)
    labels = short(lines, KEY)
    for at in drawn:
        line, surface, threshold = lines[at], surfaces[at], thresholds[at]
        if not np.isfinite(surface).all():
            continue
        width = 3.5 if at == focus else 2.5 if len(lines) <= FEW else 1.2
        look = {"color": line.colour, "width": width, "dash": line.dash}
        data.append(
            _crossing(grid, surface[np.ix_(rows, columns)], threshold, look)
            | {"name": labels[at], "showlegend": len(lines) <= FEW}
        )
    if posterior is not None:
        look = {"color": TEXT, "width": 2.5, "dash": "dash"}
        data.append(
            _crossing(grid, posterior[np.ix_(rows, columns)], posterior_threshold, look)
            | {"name": "Bayes decision boundary", "showlegend": True}
        )
    axis: dict[str, Any] = {"showgrid": False, "zeroline": False, "ticks": ""}
    layout = LEGEND_SMALL | {
        "xaxis": axis | {"range": [float(xs[0]), float(xs[-1])], "title": {"text": plain(axes[0])}},
        "yaxis": axis | {"range": [float(ys[0]), float(ys[-1])], "title": {"text": plain(axes[1])}},
    }
    return {"data": data, "layout": layout}


def _thinned(along: NDArray, variants: int) -> Places:
    """Indices that are kept along a side of a grid, including its ends."""
    most = min(SIDE, int(np.sqrt(CELLS / max(variants, 1))))
    return evenly_spaced(len(along), most)


def _crossing(grid: dict[str, Any], surface: NDArray, threshold: float, look: dict[str, Any]) -> dict[str, Any]:
    """A contour line where the logit of the score, relative to that of the threshold and quantised to a byte, is 0."""
    above = logit(np.clip(surface.astype(np.float64), 0, 1)) - logit(np.clip(threshold, NEVER, 1 - NEVER))
    return {
        "type": "contour",
        **grid,
        "z": packed(np.clip(np.round(above * STEPS), -127, 127), "i1"),
        "autocontour": False,
        "contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"},
        "line": look,
        "showscale": False,
        "hoverinfo": "skip",
    }


def _ground(xs: NDArray, ys: NDArray, surface: NDArray, threshold: float) -> dict[str, Any]:
    """The scores as background colours, with the colour of the page at the threshold."""
    rows, columns = _thinned(ys, 1), _thinned(xs, 1)
    middle = float(np.clip(threshold, 0.001, 0.999))
    return {
        "type": "heatmap",
        "name": "score",
        "x": packed(xs[columns]),
        "y": packed(ys[rows]),
        "z": packed(surface[np.ix_(rows, columns)]),
        "zmin": 0,
        "zmax": 1,
        "zsmooth": "best",
        "colorscale": [[0, NEGATIVE_FILL], [middle, GROUND], [1, POSITIVE_FILL]],
        "showscale": False,
        "hovertemplate": "%{x:.3g}, %{y:.3g}: score %{z:.3f}<extra></extra>",
    }


def _points(x: NDArray, y: ArrayLike, names: tuple[str, str]) -> list[dict[str, Any]]:
    """Rows (N, 2) in two traces that differ in colour and shape."""
    shown = evenly_spaced(len(x), POINTS)
    truth = np.asarray(y, bool)[shown]
    looks = ((names[0], truth, POSITIVE, "circle"), (names[1], ~truth, NEGATIVE, "diamond-open"))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": plain(name, KEY),
            "x": packed(x[shown][member, 0]),
            "y": packed(x[shown][member, 1]),
            "marker": {"color": colour, "symbol": symbol, "size": 5},
            "hovertemplate": f"actual {plain(name)}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        }
        for name, member, colour, symbol in looks
    ]
