"""Losses of several variants by epoch, with bands over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.plots.race.common import (
    FEW,
    NAME,
    Line,
    Spec,
    Spread,
    Sweep,
    band,
    colour_bar,
    focus_last,
    log_ticks,
    points_each,
    spread_out,
    there_and_back,
)
from core.plots.race.labels import end_labels
from core.plots.style import MARGIN, MUTED, packed, plain

AXES = 56.0  # pixels above and below the plot that titles and ticks take
CHARACTER = 7.6  # pixels that a bold one takes at most on average


def loss_bands(
    lines: Sequence[Line],
    train: Sequence[Sequence[ArrayLike]],
    validation: Sequence[Sequence[ArrayLike]],
    epochs: int,
    log: bool = False,
    *,
    diverged: Sequence[Sequence[bool]] | None = None,
    sweep: Sweep | None = None,
    focus: int | None = None,
    height: int = 320,
) -> Spec:
    """Mean losses over seeds by epoch: validation solid in a band from least to greatest, training dashed.

    `train` and `validation` hold for each variant the losses (E_s,) of each seed s, entry 0 before training. The mean
    and the band at an epoch are of the seeds that have got there. A curve ends before its first value that is not
    finite; there, or at the end of a run that `diverged`, stands a cross. The vertical axis spans the losses of the
    runs that did not diverge, if there is any.

    Up to 8 variants have their names at the lines' ends. Of more, only validation means are drawn, band and training
    loss for the variant `focus` alone, with a colour bar if a `sweep` says what is told apart. Drawn are at most 200
    epochs a curve, evenly spaced, first and last among them, and fewer for many curves; values there are exact.
    """
    few = len(lines) <= FEW
    points = points_each((4 if few else 1) * len(lines))
    data: list[dict[str, Any]] = []
    crosses: list[tuple[int, float, str, str]] = []
    spans: list[tuple[float, float]] = []
    broken_spans: list[tuple[float, float]] = []
    ends: list[tuple[Line, int, float]] = []
    for at in focus_last(len(lines), focus):
        line, full = lines[at], few or at == focus
        seeds = [_until_broken(losses) for losses in validation[at]]
        crossed = _crosses(line, seeds, validation[at], diverged[at] if diverged else ())
        crosses += crossed
        drawn, spread = _over_seeds(seeds, points)
        if not len(drawn):
            continue
        if full and len(seeds) > 1:
            data.append(band(packed(there_and_back(drawn), "u2"), spread, line.colour))
        width = 3 if at == focus else 2 if few else 1.2
        data.append(_loss_line(line, drawn, spread.mean, "validation", {"color": line.colour, "width": width}))
        shown = [spread.low, spread.high] if full else [spread.mean]
        if full:
            drawn_train, of_train = _over_seeds([_until_broken(losses) for losses in train[at]], points)
            look = {"color": line.colour, "width": 1.5, "dash": "dash"}
            data.append(_loss_line(line, drawn_train, of_train.mean, "training", look))
            shown.append(of_train.mean)
        (broken_spans if crossed else spans).append(_least_and_greatest(shown, log))
        ends.append((line, int(drawn[-1]), float(spread.mean[-1])))
    low, high = _loss_range(spans or broken_spans, log)
    if crosses:
        data.append(_cross_trace(crosses, 10**high if log else high))
    margin = {"t": 28, "r": 12}
    most = max((len(seeds) for seeds in validation), default=0)
    annotations = [_legend_of_dashes(most, few or focus is not None)]
    if few:
        annotations += end_labels(ends, low, high, log, height - AXES - margin["t"])
        margin["r"] += round(CHARACTER * max((len(plain(line.name, NAME)) for line in lines), default=0))
    elif sweep:
        data.append(colour_bar(sweep))
    layout: dict[str, Any] = {
        "margin": MARGIN | margin,
        "showlegend": False,
        "hovermode": "x unified" if len(lines) <= 3 else "closest",
        "hoverlabel": {"namelength": -1},
        "annotations": annotations,
        "xaxis": {"range": [0, max(epochs, 1)], "title": {"text": "epoch"}, "hoverformat": "d", "showgrid": False},
        "yaxis": {
            "type": "log" if log else "linear",
            "range": [low, high],
            "title": {"text": "mean loss"},
            "hoverformat": ".4~g",
            "zeroline": False,
        },
    }
    if log:
        layout["yaxis"] |= log_ticks(high - low)
    return {"data": data, "layout": layout}


def _until_broken(losses: ArrayLike) -> NDArray[np.float64]:
    """The losses before the first one that is not finite."""
    values = np.asarray(losses, np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    return values[: broken[0]] if len(broken) else values


def _over_seeds(seeds: Sequence[NDArray[np.float64]], points: int) -> tuple[NDArray[np.int64], Spread]:
    """The epochs that are drawn (K,) and the spread over those of the seeds (E_s,) that have got there."""
    drawn = spread_out(max((len(losses) for losses in seeds), default=0), points)
    if not len(drawn):
        return drawn, Spread(*(np.empty(0) for _ in range(3)))
    if len({len(losses) for losses in seeds}) == 1:
        values = np.stack([losses[drawn] for losses in seeds])
        return drawn, Spread(values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    padded = np.full((len(seeds), len(drawn)), np.nan)
    for row, losses in zip(padded, seeds, strict=True):
        reached = int(np.searchsorted(drawn, len(losses)))
        row[:reached] = losses[drawn[:reached]]
    return drawn, Spread(np.nanmean(padded, axis=0), np.nanmin(padded, axis=0), np.nanmax(padded, axis=0))


def _crosses(
    line: Line, seeds: Sequence[NDArray[np.float64]], given: Sequence[ArrayLike], diverged: Sequence[bool]
) -> list[tuple[int, float, str, str]]:
    """Where runs broke: last good epoch, loss there, colour and what the tooltip says."""
    crosses = []
    for at, (good, losses) in enumerate(zip(seeds, given, strict=True)):
        broke = len(good) < len(np.asarray(losses)) or (bool(diverged) and diverged[at])
        if broke:
            last = float(good[-1]) if len(good) else np.nan
            text = f"{plain(line.name)}: diverged at epoch {len(good)}"
            crosses.append((max(len(good) - 1, 0), last, line.colour, text))
    return crosses


def _cross_trace(crosses: Sequence[tuple[int, float, str, str]], top: float) -> dict[str, Any]:
    """One cross a broken run; one beyond the axis, or that never had a finite loss, stands at its top."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "diverged",
        "x": [epoch for epoch, _, _, _ in crosses],
        "y": packed([min(loss, top) if np.isfinite(loss) else top for _, loss, _, _ in crosses]),
        "marker": {"symbol": "x", "size": 9, "color": [colour for _, _, colour, _ in crosses]},
        "hovertext": [text for _, _, _, text in crosses],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "cliponaxis": False,
        "showlegend": False,
    }


def _loss_line(
    line: Line, epochs: NDArray[np.int64], losses: NDArray, what: str, look: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines" if len(losses) > 1 else "markers",  # a line needs two points to be seen
        "name": f"{plain(line.name)}, {what}",
        "meta": what,
        "x": packed(epochs, "u2"),
        "y": packed(losses),
        "line": look,
        "marker": {"color": line.colour, "size": 7, "symbol": "circle" if what == "validation" else "circle-open"},
        "showlegend": False,
    }


def _least_and_greatest(shown: Sequence[NDArray], log: bool) -> tuple[float, float]:
    """The range of values, of the positive ones on a logarithmic axis; NaN without any."""
    values = np.concatenate(shown)
    if log:
        values = values[values > 0]
    return (float(values.min()), float(values.max())) if len(values) else (np.nan, np.nan)


def _loss_range(spans: Sequence[tuple[float, float]], log: bool) -> tuple[float, float]:
    """The ends of the axis, as powers of ten on a logarithmic one: from 0 if no loss is negative, with some room."""
    known = [span for span in spans if np.isfinite(span).all()]
    low, high = min((span[0] for span in known), default=0.1), max((span[1] for span in known), default=1.0)
    if log:
        bottom, top = float(np.log10(low)), float(np.log10(high))
        room = max((top - bottom) * 0.05, 0.05)
        return bottom - room, top + room
    bottom = min(low, 0.0)
    return (bottom * 1.05, high + (high - bottom) * 0.05) if high > bottom else (bottom - 0.5, bottom + 0.5)


def _legend_of_dashes(seeds: int, full: bool) -> dict[str, Any]:
    """What solid, dashed and shaded mean, in words: a legend would want more room than a narrow plot has."""
    words = ["validation solid"] + ["training dashed"] * full + [f"band over {seeds} seeds"] * (full and seeds > 1)
    return {
        "text": ", ".join(words),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
        "font": {"color": MUTED, "size": 12},
    }
