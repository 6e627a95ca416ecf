"""Histograms of scores by actual class for several variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.bins import bin_of, rows_by_bin
from core.plots.race.common import Line, Spec, marked, short
from core.plots.style import MARGIN, MUTED, NEGATIVE, POSITIVE, TEXT, Scale, bin_edges, packed, place, plain, score_axis

BINS = 24
PANELS = 16  # maximum number of drawn variants
AXES = 84  # pixels above and below the panels, for the first titles and the axis
TITLE, PANEL = 24, 110  # pixels of a title between panels, and of a panel with its title
LETTERS = (48, 20, 15, 10)  # maximum length of a title with 1, 2, 3 and 4 columns, on a narrow page
LOGIT_ENDS = {"tickvals": place([0.001, 0.5, 0.999], "logit").tolist(), "ticktext": [".001", ".5", ".999"]}
MUTED_DASH = {"color": MUTED, "dash": "dash", "width": 2}


def histogram_grid(
    lines: Sequence[Line],
    scores: Sequence[NDArray],
    y: NDArray,
    thresholds: Sequence[float | None],
    predicted: Sequence[float | None],
    scale: Scale = "probability",
    names: tuple[str, str] = ("positive", "negative"),
    former: Sequence[NDArray] = (),
    height: int = 360,
) -> Spec:
    """One mirrored histogram per variant, on a common axis: actual positives up, negatives down.

    The height of a bar is the square root of its fraction of its class, so that small bars stay visible. Only the first
    PANELS variants are drawn, in rows of one to four.

    Parameters
    ----------
    lines : name and colour of each variant (V,).
    scores : scores of each variant (N,); non-finite ones are dropped.
    y : actual classes (N,), true for positive.
    thresholds : threshold of each variant, a solid line; None or NaN for none.
    predicted : threshold predicted by theory, a dashed line; None or NaN for none.
    scale : scale of the scores.
    names : names of the positive and the negative class.
    former : earlier scores of each variant (N,), drawn as outlines; empty for none.
    height : height of the figure in pixels, see `grid_height`.
    """
    lines = lines[:PANELS]
    rows, columns = _grid(len(lines))
    edges = bin_edges(scale, BINS)
    low, high = place(edges[[0, -1]], scale).tolist()
    width = (high - low) / BINS
    unit = "score" if scale == "probability" else "logit"
    truth = np.asarray(y, bool)
    data: list[dict[str, Any]] = []
    counted, before = (_counts(of[: len(lines)], truth, edges) for of in (scores, former))
    heights, outlines = (_heights(counts) for counts in (counted, before))
    reach = max(float(tall.max(initial=0.0)) for tall in (heights, outlines)) * 1.08 or 1.0
    layout: dict[str, Any] = {"barmode": "overlay", "bargap": 0, "showlegend": False, "shapes": [], "annotations": []}
    layout["margin"] = MARGIN | {"t": 26, "b": 58}
    small = 12 if columns <= 2 else 11
    titles = short(lines, LETTERS[columns - 1])
    axis = score_axis(scale) | {"tickfont": {"size": small - 2}, "showline": False}
    if columns > 1:
        axis |= {"tickvals": [0, 0.5, 1]} if scale == "probability" else LOGIT_ENDS
    for at, line in enumerate(lines):
        number = str(at + 1) if at else ""
        sides = zip(counted[at], heights[at], names, (POSITIVE, NEGATIVE), (1, -1), strict=True)
        for counts, tall, name, colour, sign in sides:
            data.append(
                {
                    "type": "bar",
                    "name": plain(name),
                    "x0": low + width / 2,
                    "dx": width,
                    "y": packed(sign * tall),
                    "customdata": packed(counts, "u4"),
                    "marker": {"color": colour, "line": {"width": 0}},
                    "hovertemplate": f"actual {plain(name)}: %{{customdata:,}} of {counts.sum():,}<br>"
                    f"{unit} %{{x:.2f}} ± {width / 2:.2f}<extra></extra>",
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                }
            )
        for tall, sign in zip(outlines[at] if former else (), (1, -1), strict=bool(former)):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": "before",
                    "x0": low + width / 2,
                    "dx": width,
                    "y": packed(sign * tall),
                    "line": {"color": TEXT, "width": 1, "shape": "hvh"},
                    "hoverinfo": "skip",
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                }
            )
        marks = ((thresholds[at], {"color": TEXT, "width": 2.5}), (predicted[at], MUTED_DASH))
        layout["shapes"] += [
            {"type": "line", "x0": x, "x1": x, "y0": -reach, "y1": reach, "line": look}
            | {"xref": f"x{number}", "yref": f"y{number}"}
            for mark, look in marks
            if mark is not None and np.isfinite(x := float(place(mark, scale)))
        ]
        layout["annotations"].append(
            {
                "text": marked(titles[at], line.colour),
                "hovertext": plain(line.name),
                "font": {"color": TEXT, "size": small},
                "xref": f"x{number} domain",
                "yref": f"y{number} domain",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
        layout[f"xaxis{number}"] = axis | {
            "domain": _share(at % columns, columns, 0.07),
            "anchor": f"y{number}",
            "showticklabels": at + columns >= len(lines),
        }
        layout[f"yaxis{number}"] = {
            "domain": _share(rows - 1 - at // columns, rows, TITLE / (height - AXES)),
            "anchor": f"x{number}",
            "range": [-reach, reach],
            "showticklabels": False,
            "showgrid": False,
            "showline": False,
            "zeroline": True,
        }
    words = [
        word for word, drawn in (("solid: threshold", thresholds), ("dashed: predicted", predicted)) if _any(drawn)
    ]
    layout["annotations"].append(
        {
            "text": " · ".join(["score", *[", ".join(words)] * bool(words)]),
            "xref": "paper",
            "yref": "paper",
            "x": 0.5,
            "y": 0,
            "yshift": -30,
            "yanchor": "top",
            "showarrow": False,
            "font": {"color": MUTED, "size": 12},
        }
    )
    return {"data": data, "layout": layout}


def _any(marks: Sequence[float | None]) -> bool:
    return any(mark is not None and np.isfinite(mark) for mark in marks[:PANELS])


def grid_height(panels: int, minimum: int = 360) -> int:
    """Height in pixels of a figure with this many panels, at least `minimum`."""
    return max(minimum, AXES + PANEL * _grid(min(panels, PANELS))[0])


def _grid(panels: int) -> tuple[int, int]:
    """Numbers of rows and columns for this many panels."""
    columns = next(columns for columns in (1, 2, 3, 4) if panels <= columns**2)
    return max(1, -(-panels // columns)), columns


def _counts(scores: Sequence[NDArray], truth: NDArray[np.bool_], edges: NDArray) -> NDArray[np.int64]:
    """Counts of rows by score bin, (V, 2, BINS), for actual positives and negatives; only finite scores count."""
    given = np.stack(scores) if len(scores) else np.empty((0, len(truth)))
    kind = np.where(np.isfinite(given), np.where(truth, 0, 1), 2)
    return rows_by_bin(kind, bin_of(given, edges), 3, BINS)[:, :2]


def _heights(counted: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.sqrt(counted / np.maximum(counted.sum(-1, keepdims=True), 1))


def _share(at: int, of: int, gap: float) -> list[float]:
    """The domain of panel `at` of `of`, with gaps between panels."""
    size = (1 - gap * (of - 1)) / of
    return [at * (size + gap), at * (size + gap) + size]
