"""Decision boundaries in the plane, one line a variant. Arrays in, a plain figure out, as in core.plots.race."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from core.evaluation.thinning import Places, evenly_spaced
from core.plots.race import FEW, KEY, Line, Spec, focus_last, short
from core.plots.style import GROUND, LEGEND_SMALL, NEGATIVE, NEGATIVE_FILL, POSITIVE, POSITIVE_FILL, TEXT, packed, plain

POINTS = 600  # rows that are drawn
LINES = 24  # variants that are drawn of more than eight
CELLS = 16_000  # of the grids of all variants together; each has at most SIDE x SIDE
SIDE = 48
STEPS = 16  # to a logit: a line lies where the score is within 1/32 logit of the threshold
NEVER = 1e-9  # thresholds are held this far from 0 and 1, where no logit is


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
    """Where each variant's score (H, W) over the grid ys (H,), xs (W,) crosses its threshold, over rows (N, 2).

    Rows with y_train (N,) true are blue, the others amber; at most 600 evenly chosen ones are drawn. The ground is
    the score of the variant `focus`, blue above its threshold. The dashed line is where the true `posterior` (H, W)
    crosses its own threshold. Grids are thinned evenly to 16,000 cells in all and 48 a side; lines are drawn from
    logits rounded to 1/16, with those beyond 7.9 of the threshold held there. A surface that is not finite has no line.
    Of more than 24 variants, 24 evenly chosen ones and `focus` have one.
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
            | {"name": "true posterior", "showlegend": True}
        )
    axis: dict[str, Any] = {"showgrid": False, "zeroline": False, "ticks": ""}
    layout = LEGEND_SMALL | {
        "xaxis": axis | {"range": [float(xs[0]), float(xs[-1])], "title": {"text": plain(axes[0])}},
        "yaxis": axis | {"range": [float(ys[0]), float(ys[-1])], "title": {"text": plain(axes[1])}},
    }
    return {"data": data, "layout": layout}


def _thinned(along: NDArray, variants: int) -> Places:
    """Which places of a grid's side are kept, the ends among them."""
    most = min(SIDE, int(np.sqrt(CELLS / max(variants, 1))))
    return evenly_spaced(len(along), most)


def _crossing(grid: dict[str, Any], surface: NDArray, threshold: float, look: dict[str, Any]) -> dict[str, Any]:
    """The line of one level: logits of the scores less that of the threshold, in steps that fit a byte, cross 0."""
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
    """The scores as colours, the ground's own at the threshold."""
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
    """Rows (N, 2) in two traces, told apart by colour and by shape."""
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
            "hovertemplate": f"is {plain(name)}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        }
        for name, member, colour, symbol in looks
    ]
