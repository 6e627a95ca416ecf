"""What a browser needs to draw a run by itself: counts and histograms of the epochs that are kept, and the losses.

The last epoch is held as `Held` is. Earlier ones are thinned harder, since they are only played.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation import Rankings, ScoreIndex, ThresholdCounts
from core.evaluation.condensed import BOUND, condensed
from core.evaluation.errors import ERRORS
from core.evaluation.source import Predictions
from core.evaluation.thinning import evenly_spaced
from core.plots.axis import Axes, Axis, AxisKind, axes_between, inner_range, round_numbers
from core.plots.style import packed, score_range

FRAMES = 60  # epochs that are sent at most, evenly spaced
EARLIER_BOUND = 0.004  # share of a class between two scores of an earlier epoch
EARLIER_EXACT = 256  # distinct scores of an earlier epoch up to which all are sent
BINS = 60  # of a histogram
POINTS = 1000  # rows of a regression that are drawn, evenly spaced


@dataclass(frozen=True, eq=False)
class Frame:
    """The scores of one epoch.

    points (T,) are counts at distinct scores, ascending; a count at a threshold is that at the first of them that is
    >= it, and off by at most `bound` of its class, or by nothing where `bound` is 0. bins (B + 1,) are counts at the
    edges of the histogram's bins on each axis. average_precision and roc_auc are NaN where undefined.
    """

    epoch: int
    points: ThresholdCounts
    bins: dict[AxisKind, ThresholdCounts]
    bound: float
    average_precision: float
    roc_auc: float


@dataclass(frozen=True, eq=False)
class Film:
    """The epochs of a run with two classes, one class or one label: at least one frame, in order.

    train, validation (E,) are the losses from epoch 0 on, or empty. positives and negatives are rows, or their weight.
    groups: films of the same epochs on the same axes, each of the rows of one group, by its name; their losses are
    empty. grouped_by: the column that parts the rows into groups.
    """

    axes: Axes
    frames: tuple[Frame, ...]
    train: NDArray[np.floating]
    validation: NDArray[np.floating]
    positives: float
    negatives: float
    groups: Mapping[str, Film] = field(default_factory=dict)
    grouped_by: str = ""

    @property
    def exact(self) -> bool:
        """Whether the counts of the last epoch are those of all rows at any threshold."""
        return not self.frames[-1].bound

    @cached_property
    def content(self) -> bytes:
        """The film as JSON, the same for the same numbers."""
        return json_sent(
            {
                "kind": "scores",
                "dtype": self.frames[-1].points.thresholds.dtype.name,
                **_rows(self),
                "groups": [{"name": name, **_rows(film)} for name, film in self.groups.items()],
                "grouped_by": self.grouped_by,
                "axes": {kind: axis_sent(axis) for kind, axis in self.axes.items()},
                "losses": losses_sent(self.train, self.validation),
            }
        )


def played(epochs: Sequence[int], best: int | None, most: int = FRAMES) -> list[int]:
    """The places of the epochs that are played, ascending: at most `most`, evenly spaced, and that of the best one."""
    places = {at for at, epoch in enumerate(epochs) if epoch == best}
    return sorted(places.union(evenly_spaced(len(epochs), most).tolist()))


def film(
    epochs: Sequence[int],
    indexes: Sequence[ScoreIndex],
    train: NDArray[np.floating] | None = None,
    validation: NDArray[np.floating] | None = None,
    groups: Mapping[str, Sequence[ScoreIndex]] | None = None,
    grouped_by: str = "",
    axes: Axes | None = None,
    best: int | None = None,
) -> Film:
    """Make the film of a run.

    Parameters
    ----------
    epochs : the numbers of E >= 1 epochs, ascending.
    indexes : the scores of the same rows after each of them, (E,).
    train, validation : losses from epoch 0 on, by default none.
    groups : the scores of some of the rows after each epoch, (E,), by the name of their group; by default none.
    grouped_by : the column that parts the rows into groups.
    axes : of `score_axes`, where another film is drawn on them too; by default those with room for these scores.
    best : an epoch that is among the frames in any case.

    Returns
    -------
    The film, of at most FRAMES epochs beside the best one, the first and the last among them.

    Raises
    ------
    CutoffError without an epoch, and for another number of indexes, of all rows or of a group.
    """
    groups = groups or {}
    for given in (indexes, *groups.values()):
        if not epochs or len(epochs) != len(given):
            raise CutoffError(f"A film needs the scores of one or more epochs, but got {len(given)} for {len(epochs)}.")
    axes, none = axes or score_axes(indexes), np.empty(0)
    return replace(
        _film_of(epochs, indexes, axes, best),
        train=none if train is None else train,
        validation=none if validation is None else validation,
        groups={name: _film_of(epochs, given, axes, best) for name, given in groups.items()},
        grouped_by=grouped_by,
    )


def _film_of(epochs: Sequence[int], indexes: Sequence[ScoreIndex], axes: Axes, best: int | None) -> Film:
    """The film of some rows, without losses."""
    shown = played(epochs, best)
    return Film(
        axes=axes,
        frames=tuple(_frame_of(epochs[at], indexes[at], axes, last=at == len(epochs) - 1) for at in shown),
        train=np.empty(0),
        validation=np.empty(0),
        positives=indexes[-1].positives,
        negatives=indexes[-1].negatives,
    )


def score_axes(indexes: Sequence[ScoreIndex], before: ScoreIndex | None = None) -> Axes:
    """The axes that have room for the scores of every epoch, (E,), and for those of the previous run; on the logit axis
    for almost all scores of the last epoch."""
    last = [index for index in (indexes[-1], before) if index and index.n_rows]
    ranges = np.array([index.score_range for index in (*indexes, *last) if index.n_rows])
    if not len(ranges):
        return axes_between(np.nan, np.nan)
    inner = np.array([inner_range(index.positive_scores, index.negative_scores) for index in last])
    inner = inner[~np.isnan(inner[:, 0])]
    known = (float(inner[:, 0].min()), float(inner[:, 1].max())) if len(inner) else (np.nan, np.nan)
    return axes_between(ranges[:, 0].min(), ranges[:, 1].max(), known)


def _frame_of(epoch: int, index: ScoreIndex, axes: Axes, *, last: bool) -> Frame:
    at_scores = index.counts_at_scores()
    points = condensed(at_scores) if last else condensed(at_scores, EARLIER_EXACT, EARLIER_BOUND)
    exact = points.thresholds.size == at_scores.thresholds.size
    bins = {}
    for kind, axis in axes.items():
        edges = axis.edges(BINS)
        edges[[0, -1]] = -np.inf, np.inf  # the outermost bins hold whatever lies beyond
        bins[kind] = index.counts(edges)
    ranked = Rankings.of_counts(at_scores)
    return Frame(
        epoch=int(epoch),
        points=points,
        bins=bins,
        bound=0.0 if exact else (BOUND if last else EARLIER_BOUND),
        average_precision=float(ranked.average_precisions()[0]),
        roc_auc=float(ranked.roc_aucs()[0]),
    )


# --- regression


@dataclass(frozen=True, eq=False)
class ValuesFrame:
    """The predictions of one epoch: those of the rows drawn (P,), residuals by bin (BINS,), and errors by name."""

    epoch: int
    predicted: NDArray[np.floating]
    residuals: NDArray[np.integer]
    errors: dict[str, float]


@dataclass(frozen=True, eq=False)
class ValuesFilm:
    """The epochs of a regression: at least one frame, in order.

    actual (P,) are the values of the rows drawn. Both axes of the scatter run from `low` to `high`, and residuals,
    predicted minus actual, from -`reach` to `reach`; the outermost bins hold what lies beyond.
    """

    actual: NDArray[np.floating]
    frames: tuple[ValuesFrame, ...]
    train: NDArray[np.floating]
    validation: NDArray[np.floating]
    rows: int
    low: float
    high: float
    reach: float

    @cached_property
    def content(self) -> bytes:
        """The film as JSON, the same for the same numbers."""
        return json_sent(
            {
                "kind": "values",
                "actual": packed(self.actual, "f4"),
                "rows": self.rows,
                "low": self.low,
                "high": self.high,
                "reach": self.reach,
                "ticks": round_numbers(self.low, self.high),
                "residual_ticks": round_numbers(-self.reach, self.reach),
                "frames": [
                    {
                        "epoch": frame.epoch,
                        "predicted": packed(frame.predicted, "f4"),
                        "residuals": frame.residuals.tolist(),
                        "errors": {name: _number(error) for name, error in frame.errors.items()},
                    }
                    for frame in self.frames
                ],
                "losses": losses_sent(self.train, self.validation),
            }
        )


def values_film(
    epochs: Sequence[int],
    predictions: Sequence[Predictions],
    train: NDArray[np.floating] | None = None,
    validation: NDArray[np.floating] | None = None,
    best: int | None = None,
) -> ValuesFilm:
    """Make the film of a regression; parameters as for `film`, with the predictions of the same rows.

    The range of the scatter is that of actual values and of the last predictions; earlier ones may lie beyond.
    """
    if not epochs or len(epochs) != len(predictions):
        raise CutoffError(
            f"A film needs the predictions of one or more epochs, but got {len(predictions)} for {len(epochs)}."
        )
    y_true, last = (np.asarray(values, np.float64) for values in predictions[-1])
    drawn = evenly_spaced(len(y_true), POINTS)
    both = np.concatenate([y_true, last])
    low, high = score_range(both.min(), both.max()) if both.size else (0.0, 1.0)
    reach = float(1.05 * np.abs(last - y_true).max(initial=0.0)) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)[1:-1]
    frames = []
    for at in played(epochs, best):
        y_pred = np.asarray(predictions[at].y_pred, np.float64)
        residuals = edges.searchsorted(y_pred - y_true, side="right")
        frames.append(
            ValuesFrame(
                epoch=int(epochs[at]),
                predicted=y_pred[drawn],
                residuals=np.bincount(residuals, minlength=BINS),
                errors={name: error(predictions[at]) for name, error in ERRORS.items()},
            )
        )
    none = np.empty(0)
    return ValuesFilm(
        actual=y_true[drawn],
        frames=tuple(frames),
        train=none if train is None else train,
        validation=none if validation is None else validation,
        rows=len(y_true),
        low=float(low),
        high=float(high),
        reach=reach,
    )


# --- JSON


def json_sent(content: dict[str, Any]) -> bytes:
    """JSON as the browser gets it, the same for the same numbers; raises ValueError for NaN."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def axis_sent(axis: Axis) -> dict[str, Any]:
    """An axis as the browser gets it."""
    return {
        "kind": axis.kind,
        "low": axis.low,
        "high": axis.high,
        "start": axis.start,
        "end": axis.end,
        "ticks": [list(tick) for tick in axis.ticks],
    }


def _rows(film: Film) -> dict[str, Any]:
    """What is sent of some rows."""
    return {
        "positives": film.positives,
        "negatives": film.negatives,
        "frames": [_frame(frame) for frame in film.frames],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        "epoch": frame.epoch,
        "thresholds": _thresholds(frame.points),
        "tp": _steps(frame.points.tp),
        "fp": _steps(frame.points.fp),
        "bins": {kind: {"tp": _steps(counts.tp), "fp": _steps(counts.fp)} for kind, counts in frame.bins.items()},
        "bound": frame.bound,
        "average_precision": _number(frame.average_precision),
        "roc_auc": _number(frame.roc_auc),
    }


def counts_packed(counts: ThresholdCounts) -> dict[str, object]:
    """Counts (T,) for a small message: typed arrays, as plotly.js reads them."""
    kind = "f8" if counts.tp.dtype.kind == "f" else "u4"
    return {"thresholds": _thresholds(counts), "tp": packed(counts.tp, kind), "fp": packed(counts.fp, kind)}


def _thresholds(counts: ThresholdCounts) -> object:
    """Thresholds in their own precision, or one that holds it."""
    return packed(counts.thresholds, "f8" if counts.thresholds.dtype == np.float64 else "f4")


def _steps(counts: NDArray) -> object:
    """Counts (T,) at ascending thresholds: what each adds to the next higher one, the highest first.

    Compressed, these steps take a fifth of what the counts would. Weights are left as they are.
    """
    return packed(counts, "f8") if counts.dtype.kind == "f" else np.diff(counts[::-1], prepend=0).tolist()


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def losses_sent(train: NDArray[np.floating], validation: NDArray[np.floating]) -> dict[str, list[float | None]]:
    """Losses (E,) in seven digits, None where not finite."""
    return {"train": _short(train), "validation": _short(validation)}


def _short(losses: NDArray[np.floating]) -> list[float | None]:
    return [float(f"{loss:.7g}") if math.isfinite(loss) else None for loss in losses.tolist()]
