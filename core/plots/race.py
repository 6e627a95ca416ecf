"""Figures of variants that train together: losses, scores, curves and thresholds. Arrays in, a plain figure out.

A figure is a dict of data and layout as plotly.js reads it, which a page can send at once: go.Figure would check each
of its many traces every time a run moves on. Numbers are float32; curves are thinned, and each builder says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.plots.style import (
    GROUND,
    LEGEND_SMALL,
    LINE,
    LOGIT_END,
    MARGIN,
    MUTED,
    NEGATIVE,
    POSITIVE,
    SEQUENCE,
    TEXT,
    VARIANTS,
    Scale,
    faded,
    packed,
    place,
    plain,
    score_axis,
    unit_axis,
)

Spec = dict[str, Any]  # {"data": [...], "layout": {...}}
FEW = len(VARIANTS)  # so many variants have a colour and a name each; more are a sequence
POINTS = 200  # of one curve
POINTS_OF_ALL = 2400  # of all curves of a figure
BINS = 24
PANELS = 12
NAMED_ROWS = 16  # more names would meet each other
NAME = 18  # characters of a name beside a line
KEY = 16  # and in a legend
CHARACTER = 7.6  # pixels that a bold one takes at most on average
LABEL = 16  # pixels from one label to the next
AXES = 56.0  # pixels above and below the plot that titles and ticks take


@dataclass(frozen=True)
class Line:
    """How a variant looks on every figure: its name, its colour "#rrggbb" and its dash."""

    name: str
    colour: str
    dash: str = "solid"


class Sweep(NamedTuple):
    """The parameter that tells the variants apart: its name, its value in each (V,), and whether steps are ratios."""

    label: str
    values: Sequence[float]
    log: bool = False


class Spread(NamedTuple):
    """Mean, least and greatest value over seeds, (K,) each."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


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
    points = _points((4 if few else 1) * len(lines))
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
            data.append(_band(packed(_there_and_back(drawn), "u2"), spread, line.colour))
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
        annotations += _end_labels(ends, low, high, log, height - AXES - margin["t"])
        margin["r"] += round(CHARACTER * max((len(plain(line.name, NAME)) for line in lines), default=0))
    elif sweep:
        data.append(_colour_bar(sweep))
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
        layout["yaxis"] |= _log_ticks(high - low)
    return {"data": data, "layout": layout}


def histogram_grid(
    lines: Sequence[Line],
    scores: Sequence[NDArray],
    y: NDArray,
    thresholds: Sequence[float],
    predicted: Sequence[float | None],
    scale: Scale = "probability",
    names: tuple[str, str] = ("positive", "negative"),
    columns: int = 3,
) -> Spec:
    """A mirrored histogram a variant on one common axis: scores (N,) of rows with y (N,) true up, of the others down.

    A bar's height is the square root of its share of its class, so that few rows among many are still seen. The solid
    line is the threshold, the dashed one what theory predicts, None or NaN for none. `names` are those of the positive
    and the negative class. Only the first 12 variants are drawn. Scores that are not finite are left out.
    """
    lines = lines[:PANELS]
    columns = max(1, min(columns, len(lines)))
    rows = max(1, -(-len(lines) // columns))
    low, high = (0.0, 1.0) if scale == "probability" else (-LOGIT_END, LOGIT_END)
    edges = np.linspace(low, high, BINS + 1)
    width = (high - low) / BINS
    unit = "score" if scale == "probability" else "logit"
    truth = np.asarray(y, bool)
    data: list[dict[str, Any]] = []
    counted = []
    for one, _ in zip(scores, lines, strict=False):
        placed, kept = place(one, scale), np.isfinite(one)
        counted.append([np.histogram(placed[member & kept], edges)[0] for member in (truth, ~truth)])
    heights = [[np.sqrt(counts / max(counts.sum(), 1)) for counts in pair] for pair in counted]
    reach = max((float(side.max()) for pair in heights for side in pair), default=0.0) * 1.08 or 1.0
    layout: dict[str, Any] = {"barmode": "overlay", "bargap": 0, "showlegend": False, "shapes": [], "annotations": []}
    layout["margin"] = MARGIN | {"t": 26, "b": 58}
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
                    "hovertemplate": f"is {plain(name)}: %{{customdata:,}} of {counts.sum():,}<br>"
                    f"{unit} %{{x:.2f}} ± {width / 2:.2f}<extra></extra>",
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
                "text": f"<b>{plain(line.name, 48 // columns)}</b>",
                "hovertext": plain(line.name),
                "font": {"color": line.colour, "size": 12},
                "xref": f"x{number} domain",
                "yref": f"y{number} domain",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
        ticks = {"tickvals": [0, 0.5, 1]} if scale == "probability" else LOGIT_ENDS
        layout[f"xaxis{number}"] = (score_axis(scale) if columns == 1 else score_axis(scale) | ticks) | {
            "domain": _share(at % columns, columns, 0.07),
            "anchor": f"y{number}",
            "showticklabels": at + columns >= len(lines),
            "showline": False,
        }
        layout[f"yaxis{number}"] = {
            "domain": _share(rows - 1 - at // columns, rows, 0.36 / max(rows, 2)),
            "anchor": f"x{number}",
            "range": [-reach, reach],
            "showticklabels": False,
            "showgrid": False,
            "showline": False,
            "zeroline": True,
        }
    layout["annotations"].append(
        {
            "text": "score · solid: threshold, dashed: predicted",
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


def precision_recall(
    lines: Sequence[Line],
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    points: Sequence[tuple[float, float] | None],
    prevalence: float,
    sweep: Sweep | None = None,
    focus: int | None = None,
) -> Spec:
    """Precision against recall of all variants, a ring at each operating point, dashed the prevalence as baseline.

    `curves` are (recall (T,), precision (T,)), `points` (recall, precision) or None; values that are not finite are
    left out. Of a curve with more points than there is room for, at most 200 and fewer for many curves, evenly
    chosen ones are drawn, first and last among them; those are exact.
    """
    few = len(lines) <= FEW
    room = _points(2 * len(lines))
    data: list[dict[str, Any]] = []
    for at in focus_last(len(lines), focus):
        line = lines[at]
        x, y = (np.asarray(values, np.float64) for values in curves[at])
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        drawn = finite[_spread_out(len(finite), room)]
        width = 3 if at == focus else 2 if few else 1.2
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": plain(line.name, KEY if few else None),
                "hovertemplate": "recall %{x:.3f}, precision %{y:.3f}",
                "x": packed(x[drawn]),
                "y": packed(y[drawn]),
                "line": {"color": line.colour, "dash": line.dash, "width": width},
                "showlegend": few,
            }
        )
    marked = [(line, point) for line, point in zip(lines, points, strict=True) if point and np.isfinite(point).all()]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "at the threshold",
            "x": packed([point[0] for _, point in marked]),
            "y": packed([point[1] for _, point in marked]),
            "text": [plain(line.name) for line, _ in marked],
            "marker": {
                "size": 11 if few else 7,
                "color": GROUND,
                "line": {"color": [line.colour for line, _ in marked], "width": 3 if few else 2},
            },
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": "%{text}<br>at its threshold: recall %{x:.3f}, precision %{y:.3f}<extra></extra>",
        }
    )
    if not few and sweep:
        data.append(_colour_bar(sweep))
    baseline = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": prevalence, "y1": prevalence}
    layout = LEGEND_SMALL | {
        "showlegend": few,
        "hoverlabel": {"namelength": -1},
        "xaxis": unit_axis("recall"),
        "yaxis": unit_axis("precision"),
        "shapes": [baseline | {"line": {"color": MUTED, "dash": "dash", "width": 1}}] if prevalence >= 0 else [],
    }
    if not few:
        layout["margin"] = MARGIN
    return {"data": data, "layout": layout}


def threshold_gaps(
    lines: Sequence[Line],
    predicted: ArrayLike,
    measured: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    sweep: Sweep | None = None,
) -> Spec:
    """The threshold that theory predicts beside the measured one and its interval from `low` to `high`, (V,) each.

    Thresholds are scores in [0, 1]; NaN where there is none. Without a sweep each variant is a row: a bar from low to
    high, a disc at the measured value, a diamond at the predicted one, a dashed line for the gap. With a sweep the
    horizontal axis is the swept value: measured line in its band, predicted dashed.
    """
    guess, value, least, greatest = (np.asarray(a, np.float64) for a in (predicted, measured, low, high))
    if sweep:
        return _swept_thresholds(lines, sweep, guess, Spread(value, least, greatest))
    rows = np.arange(len(lines))
    colours = [line.colour for line in lines]
    names = [plain(line.name) for line in lines]
    both = np.stack([value, guess, np.full(len(lines), np.nan)], axis=1).ravel()
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "base": packed(least),
            "x": packed(greatest - least),
            "y": packed(rows, "i4"),
            "width": 0.5,
            "marker": {"color": [faded(colour, 0.3) for colour in colours], "line": {"width": 0}},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(both),
            "y": packed(np.repeat(rows, 3)),
            "line": {"color": MUTED, "dash": "dash", "width": 1.5},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        _threshold_marks("measured", value, rows, colours, names)
        | {
            "customdata": packed(np.stack([least, greatest], axis=1)),
            "hovertemplate": "%{text}<br>measured %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
            "<extra></extra>",
        },
        _threshold_marks("predicted", guess, rows, colours, names, hollow=True)
        | {"hovertemplate": "%{text}<br>predicted %{x:.3f}<extra></extra>"},
        _key("measured", {"color": MUTED, "size": 10}),
        _key("predicted", HOLLOW | {"line": {"color": MUTED, "width": 2.5}}),
    ]
    labels = [f'<span style="color:{line.colour}"><b>{plain(line.name, NAME)}</b></span>' for line in lines]
    layout = LEGEND_SMALL | {
        "hoverlabel": {"namelength": -1},
        "xaxis": score_axis("probability", "threshold (score)") | {"showgrid": True},
        "yaxis": {
            "range": [len(lines) - 0.4, -0.6],
            "tickvals": list(range(len(lines))) if len(lines) <= NAMED_ROWS else [],
            "ticktext": labels,
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
    }
    return {"data": data, "layout": layout}


def metric_sweep(
    sweep: Sweep, metric_name: str, mean: ArrayLike, low: ArrayLike, high: ArrayLike, lines: Sequence[Line] = ()
) -> Spec:
    """A metric against the swept value: mean over seeds (V,) as line, from least to greatest as band.

    Values that are not finite are left out. With `lines` every point has its variant's colour.
    """
    order = np.argsort(sweep.values, kind="stable")
    spread = Spread(*(np.asarray(a, np.float64)[order] for a in (mean, low, high)))
    x = np.asarray(sweep.values, np.float64)[order]
    data = _swept(x, spread, metric_name, [lines[at].colour for at in order] if lines else TEXT)
    layout = {
        "margin": MARGIN,
        "showlegend": False,
        "xaxis": _sweep_axis(sweep),
        "yaxis": {"title": {"text": plain(metric_name)}, "hoverformat": ".4~g", "zeroline": False, "nticks": 6},
    }
    return {"data": data, "layout": layout}


LOGIT_ENDS = {"tickvals": place([0.01, 0.5, 0.99], "logit").tolist(), "ticktext": [".01", ".5", ".99"]}
MUTED_DASH = {"color": MUTED, "dash": "dash", "width": 2}
HOLLOW = {"symbol": "diamond", "size": 12, "color": GROUND}


def focus_last(variants: int, focus: int | None) -> list[int]:
    """Places of variants in the order they are drawn: the focus over many others; few keep their place in a legend."""
    return sorted(range(variants), key=lambda at: variants > FEW and at == focus)


def _points(curves: int) -> int:
    """How many points each of so many curves may have."""
    return int(np.clip(POINTS_OF_ALL // max(curves, 1), 12, POINTS))


def _spread_out(size: int, most: int) -> NDArray[np.int64]:
    """Places 0 .. size-1, or `most` of them evenly spread, first and last among them."""
    if size <= most:
        return np.arange(size)
    return np.round(np.linspace(0, size - 1, most)).astype(np.int64)


def _until_broken(losses: ArrayLike) -> NDArray[np.float64]:
    """The losses before the first one that is not finite."""
    values = np.asarray(losses, np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    return values[: broken[0]] if len(broken) else values


def _over_seeds(seeds: Sequence[NDArray[np.float64]], points: int) -> tuple[NDArray[np.int64], Spread]:
    """The epochs that are drawn (K,) and the spread over those of the seeds (E_s,) that have got there."""
    drawn = _spread_out(max((len(losses) for losses in seeds), default=0), points)
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


def _there_and_back(x: NDArray) -> NDArray:
    return np.concatenate([x, x[::-1]])


def _band(x: dict[str, str] | list[float], spread: Spread, colour: str) -> dict[str, Any]:
    """An area between least and greatest; x goes there and back."""
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


def _log_ticks(decades: float) -> dict[str, Any]:
    """Ticks at powers of ten, and at twice and five times them where there are few."""
    return {"dtick": 1 if decades > 3 else "D2", "tickformat": "~g", "tickangle": 0}


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


def _end_labels(
    ends: Sequence[tuple[Line, int, float]], low: float, high: float, log: bool, tall: float
) -> list[dict[str, Any]]:
    """Names at the ends of their lines, moved apart so far that none covers another; `tall` is the plot in pixels."""
    if not ends:
        return []
    values = np.array([value for _, _, value in ends])
    if log:
        values = np.log10(np.maximum(values, 10**low))
    values = np.clip(values, low, high)
    wanted = (values - low) / (high - low) * max(tall, 1.0)
    shifts = _apart(wanted, LABEL, max(tall, 1.0)) - wanted
    return [
        {
            "text": f"<b>{plain(line.name, NAME)}</b>",
            "hovertext": plain(line.name),
            "x": epoch,
            "y": float(y),
            "xshift": 5,
            "yshift": round(float(shift), 1),
            "xanchor": "left",
            "yanchor": "middle",
            "showarrow": False,
            "font": {"color": line.colour, "size": 12},
        }
        for (line, epoch, _), y, shift in zip(ends, values, shifts, strict=True)
    ]


def _apart(wanted: NDArray[np.float64], gap: float, room: float) -> NDArray[np.float64]:
    """The places nearest to the wanted ones (n,), in their order, `gap` apart and in [0, room] if they fit.

    With i gaps taken off the i-th place, that is an isotonic regression: pools of equal places, joined from below.
    """
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    pools: list[tuple[float, int]] = []
    for target in wanted[order] - steps:
        mean, size = float(target), 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    placed = np.empty(len(wanted))
    placed[order] = np.clip(level, 0, max(room - steps[-1], 0.0)) + steps
    return placed


def _colour_bar(sweep: Sweep) -> dict[str, Any]:
    """Nothing but the bar that says which colour has which value; colours go by the variants' order."""
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
                "ticktext": [f"{sweep.values[at]:.3g}" for at in ticks],
            },
        },
    }


def _threshold_marks(
    name: str, x: NDArray, rows: NDArray, colours: Sequence[str], names: Sequence[str], hollow: bool = False
) -> dict[str, Any]:
    marker: dict[str, Any] = {"size": 10, "color": list(colours)}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": packed(x),
        "y": packed(rows, "i4"),
        "text": list(names),
        "marker": HOLLOW | {"line": {"color": list(colours), "width": 2.5}} if hollow else marker,
        "cliponaxis": False,
        "showlegend": False,
    }


def _key(name: str, marker: dict[str, Any]) -> dict[str, Any]:
    """An entry of the legend in no variant's colour."""
    return {"type": "scatter", "mode": "markers", "name": name, "x": [None], "y": [None], "marker": marker}


def _swept_thresholds(lines: Sequence[Line], sweep: Sweep, guess: NDArray, spread: Spread) -> Spec:
    order = np.argsort(sweep.values, kind="stable")
    x = np.asarray(sweep.values, np.float64)[order]
    sorted_spread = Spread(*(values[order] for values in spread))
    data = _swept(x, sorted_spread, "measured", [lines[at].colour for at in order])
    data.append(
        {
            "type": "scatter",
            "mode": "lines" if len(x) > 1 else "markers",
            "name": "predicted",
            "x": packed(x, "f8"),
            "y": packed(guess[order]),
            "line": {"color": TEXT, "dash": "dash", "width": 2},
            "marker": HOLLOW | {"line": {"color": TEXT, "width": 2.5}},
            "hovertemplate": "%{x:.4~g}: predicted %{y:.3f}<extra></extra>",
        }
    )
    layout = LEGEND_SMALL | {"xaxis": _sweep_axis(sweep), "yaxis": unit_axis("threshold (score)")}
    return {"data": data, "layout": layout}


def _swept(x: NDArray, spread: Spread, name: str, colours: str | Sequence[str]) -> list[dict[str, Any]]:
    """Band and line over rising x (V,); points have colours, as the variants do in other figures."""
    finite = np.isfinite(spread.low) & np.isfinite(spread.high)
    filled = Spread(*(values[finite] for values in spread))
    return [
        _band(packed(_there_and_back(x[finite]), "f8"), filled, LINE),
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain(name),
            "x": packed(x, "f8"),
            "y": packed(spread.mean),
            "customdata": packed(np.stack([spread.low, spread.high], axis=1)),
            "line": {"color": TEXT, "width": 2},
            "marker": {"color": colours, "size": 8},
            "hovertemplate": f"%{{x:.4~g}}: {plain(name)} %{{y:.4~g}}"
            " (%{customdata[0]:.4~g} to %{customdata[1]:.4~g})<extra></extra>",
        },
    ]


def _sweep_axis(sweep: Sweep) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": plain(sweep.label)}, "showgrid": False, "zeroline": False}
    if not sweep.log:
        return axis
    positive = [value for value in sweep.values if value > 0]
    decades = float(np.log10(max(positive) / min(positive))) if positive else 0.0
    return axis | {"type": "log"} | _log_ticks(decades)


def _share(at: int, of: int, gap: float) -> list[float]:
    """The domain of panel `at` among `of`, with gaps between them."""
    size = (1 - gap * (of - 1)) / of
    return [at * (size + gap), at * (size + gap) + size]
