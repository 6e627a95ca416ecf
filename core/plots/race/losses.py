"""Losses of several variants by epoch, with bands over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.thinning import evenly_spaced
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
    short,
    there_and_back,
)
from core.plots.race.labels import end_labels
from core.plots.race.thinning import BOUND, thinned
from core.plots.style import MARGIN, MUTED, packed, plain

AXES = 56.0  # pixels of titles and ticks above and below the plot
POINTS = 2400  # maximum of all curves
LOOKED_AT = 16_384  # maximum number of epochs of all variants that are read, which bounds the time of long histories
SMALLEST = 1e-300  # lower bound of losses before their logarithm is taken
INSIDE = 0.03  # distance of a cross from the top of the axis, as a fraction of the axis, clear of the text above
CHARACTER = 7.6  # maximum mean width of a bold character in pixels


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
    """Mean losses over seeds by epoch: validation solid with a band from minimum to maximum, training dashed.

    Mean and band at an epoch are of the seeds that have reached it. A curve ends before its first non-finite value,
    with a cross there or at the end of a run that diverged. The vertical axis spans the losses of the runs that did
    not diverge, if there are any.

    Up to FEW variants have their names at the ends of their lines. Of more, only validation means are drawn, with band
    and training loss of the focus alone.

    More than POINTS points are thinned by `thinned`: lines stay within 1e-3 of the axis, or the figure states the
    error. If all variants have more than LOOKED_AT epochs together, the first epochs and evenly spaced later ones are
    read. The remaining points are exact.

    Parameters
    ----------
    lines : name, colour and dash of each variant (V,).
    train, validation : for each variant the losses (E_s,) of each seed s; entry 0 is before training.
    epochs : end of the horizontal axis.
    log : whether the vertical axis is logarithmic.
    diverged : for each variant whether each seed diverged; None if none did.
    sweep : the swept parameter, for a colour bar with more than FEW variants.
    focus : index of the emphasised variant.
    height : height of the figure in pixels.
    """
    few = len(lines) <= FEW
    looked_at = LOOKED_AT // max(len(lines), 1)
    drawn: list[_Curves] = []
    crosses: list[tuple[int, float, str, str]] = []
    spans: list[tuple[float, float]] = []
    broken_spans: list[tuple[float, float]] = []
    for at in focus_last(len(lines), focus):
        line, full = lines[at], few or at == focus
        seeds = [_until_broken(losses) for losses in validation[at]]
        crossed = _crosses(line, seeds, validation[at], diverged[at] if diverged else ())
        crosses += crossed
        epochs_there, spread = _over_seeds(seeds, looked_at)
        if not len(epochs_there):
            continue
        width = 3 if at == focus else 2 if few else 1.2
        curves = _Curves(line, width, epochs_there, spread, full and len(seeds) > 1)
        shown = [spread.low, spread.high] if full else [spread.mean]
        if full:
            train_epochs, of_train = _over_seeds([_until_broken(losses) for losses in train[at]], looked_at)
            curves = replace(curves, train_epochs=train_epochs, train=of_train.mean)
            shown.append(of_train.mean)
        (broken_spans if crossed else spans).append(_minimum_and_maximum(shown, log))
        drawn.append(curves)
    low, high = _loss_range(spans or broken_spans, log)
    xs, ys = [x for curves in drawn for x, _ in curves.all], [y for curves in drawn for _, y in curves.all]
    places, error = thinned(xs, [_placed(y, log) for y in ys], low, high, POINTS)
    data = [trace for curves, kept in zip(drawn, _grouped(drawn, places), strict=True) for trace in curves.traces(kept)]
    ends = [(curves.line, int(curves.epochs[-1]), float(curves.spread.mean[-1])) for curves in drawn]
    if crosses:
        top = high - INSIDE * (high - low)
        data.append(_cross_trace(crosses, 10**top if log else top))
    margin = {"t": 28, "r": 12}
    most = max((len(seeds) for seeds in validation), default=0)
    annotations = [_legend_of_dashes(most, few or focus is not None, error)]
    if few:
        annotations += end_labels(ends, low, high, log, height - AXES - margin["t"])
        margin["r"] += round(CHARACTER * max((len(name) + 2 for name in short(lines, NAME)), default=0))
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


@dataclass(frozen=True, eq=False)
class _Curves:
    """The curves of a variant: the spread of its validation losses at epochs (K,), with or without a band, and its mean
    training losses (L,) at `train_epochs` (L,), empty if they are not drawn."""

    line: Line
    width: float
    epochs: NDArray[np.int64]
    spread: Spread
    band: bool
    train_epochs: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    train: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def all(self) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Epochs and losses of every curve, in the order of the indices that `traces` takes."""
        edges = [(self.epochs, self.spread.low), (self.epochs, self.spread.high)]
        return [(self.epochs, self.spread.mean), (self.train_epochs, self.train)] + edges * self.band

    def traces(self, kept: Sequence[NDArray[np.int64]]) -> list[dict[str, Any]]:
        """Band and lines through the kept points of each curve, given by their indices."""
        mean, train, *ends = kept
        found = []
        if ends:
            edge = np.union1d(*ends)
            outline = Spread(*(values[edge] for values in self.spread))
            found.append(band(packed(there_and_back(self.epochs[edge]), "u2"), outline, self.line.colour))
        look = {"color": self.line.colour, "width": self.width}
        found.append(_loss_line(self.line, self.epochs[mean], self.spread.mean[mean], "validation", look))
        if len(train):
            look = {"color": self.line.colour, "width": 1.5, "dash": "dash"}
            found.append(_loss_line(self.line, self.train_epochs[train], self.train[train], "training", look))
        return found


def _grouped(drawn: Sequence[_Curves], places: Sequence[NDArray[np.int64]]) -> list[Sequence[NDArray[np.int64]]]:
    """The indices of all curves, by variant."""
    ends = np.cumsum([len(curves.all) for curves in drawn])
    return [places[end - len(curves.all) : end] for curves, end in zip(drawn, ends, strict=True)]


def _placed(losses: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Coordinates of losses on the vertical axis; on a logarithmic one losses <= 0 are far below it."""
    return np.log10(np.maximum(losses, SMALLEST)) if log else losses


def _until_broken(losses: ArrayLike) -> NDArray[np.float64]:
    """The losses before the first non-finite one."""
    values = np.asarray(losses, np.float64)
    finite = np.isfinite(values)
    return values if finite.all() else values[: finite.argmin()]


def _over_seeds(seeds: Sequence[NDArray[np.float64]], most: int) -> tuple[NDArray[np.int64], Spread]:
    """The epochs read (K,), at most `most`, and the spread at each over the seeds (E_s,) that have reached it."""
    drawn = _dense_at_first(max((len(losses) for losses in seeds), default=0), most)
    if not len(drawn):
        return drawn, Spread(*(np.empty(0) for _ in range(3)))
    if len({len(losses) for losses in seeds}) == 1:
        values = np.stack(seeds)
        if len(drawn) < values.shape[1]:
            values = values.take(drawn, axis=1)
        return drawn, Spread(values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    padded = np.full((len(seeds), len(drawn)), np.nan)
    for row, losses in zip(padded, seeds, strict=True):
        reached = int(np.searchsorted(drawn, len(losses)))
        row[:reached] = losses[drawn[:reached]]
    return drawn, Spread(np.nanmean(padded, axis=0), np.nanmin(padded, axis=0), np.nanmax(padded, axis=0))


@lru_cache(maxsize=64)  # all variants of a figure ask for the same
def _dense_at_first(size: int, most: int) -> NDArray[np.int64]:
    """Indices 0 .. size - 1, or `most` of them: the first half consecutive, where losses fall fastest, the others
    evenly spaced. The array is shared and read-only."""
    places = np.arange(size)
    if size > most:
        first = most // 2
        places = np.append(places[:first], first + evenly_spaced(size - first, most - first))
    places.flags.writeable = False
    return places


def _crosses(
    line: Line, seeds: Sequence[NDArray[np.float64]], given: Sequence[ArrayLike], diverged: Sequence[bool]
) -> list[tuple[int, float, str, str]]:
    """Diverged runs: last finite epoch, its loss, colour and tooltip."""
    crosses = []
    for at, (good, losses) in enumerate(zip(seeds, given, strict=True)):
        broke = len(good) < len(np.asarray(losses)) or (bool(diverged) and diverged[at])
        if broke:
            last = float(good[-1]) if len(good) else np.nan
            text = f"{plain(line.name)}: diverged at epoch {len(good)}"
            crosses.append((max(len(good) - 1, 0), last, line.colour, text))
    return crosses


def _cross_trace(crosses: Sequence[tuple[int, float, str, str]], top: float) -> dict[str, Any]:
    """One cross per diverged run; those beyond the axis or without a finite loss are just below its top."""
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
        "mode": "lines" if len(losses) > 1 else "markers",  # a line needs two points
        "name": f"{plain(line.name)}, {what}",
        "meta": what,
        "x": packed(epochs, "u2"),
        "y": packed(losses),
        "line": look,
        "marker": {"color": line.colour, "size": 7, "symbol": "circle" if what == "validation" else "circle-open"},
        "showlegend": False,
    }


def _minimum_and_maximum(shown: Sequence[NDArray], log: bool) -> tuple[float, float]:
    """The range of values, of the positive ones on a logarithmic axis; NaN without any."""
    values = np.concatenate(shown)
    if log:
        values = values[values > 0]
    return (float(values.min()), float(values.max())) if len(values) else (np.nan, np.nan)


def _loss_range(spans: Sequence[tuple[float, float]], log: bool) -> tuple[float, float]:
    """The ends of the axis with padding, as powers of ten on a logarithmic one; a linear one includes 0."""
    known = [span for span in spans if np.isfinite(span).all()]
    low, high = min((span[0] for span in known), default=0.1), max((span[1] for span in known), default=1.0)
    if log:
        bottom, top = float(np.log10(low)), float(np.log10(high))
        room = max((top - bottom) * 0.05, 0.05)
        return bottom - room, top + room
    bottom = min(low, 0.0)
    return (bottom * 1.05, high + (high - bottom) * 0.05) if high > bottom else (bottom - 0.5, bottom + 0.5)


def _legend_of_dashes(seeds: int, full: bool, error: float) -> dict[str, Any]:
    """The meaning of solid, dashed and shaded as text, which takes less space than a legend."""
    words = ["validation solid"] + ["training dashed"] * full + [f"band over {seeds} seeds"] * (full and seeds > 1)
    words += [f"within {error:.1%} of the axis"] * (error > BOUND)
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
