"""What a browser needs to draw all classes or labels by itself: a small histogram of each by epoch, the losses, and the
scores of the last epoch, so that it can decide while a threshold moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation.bins import bin_of, rows_by_bin
from core.evaluation.scores import Scores
from core.evaluation.thinning import evenly_spaced
from core.plots.axis import Axes, AxisKind, axes_between, inner_range
from core.plots.picture import FRAMES, axis_sent, json_sent, losses_sent, played
from core.plots.style import packed

BINS = 40  # of a histogram
HISTOGRAMS = 60 * 14  # of columns times epochs, at most
MOST = 60_000  # scores of the last epoch that are sent; of more rows as many as that comes to, evenly spaced


@dataclass(frozen=True, eq=False)
class ColumnsFrame:
    """Rows, or their weight, of one epoch by column, class and bin, on each axis: (C, 2, BINS), negatives first."""

    epoch: int
    bins: dict[AxisKind, NDArray]


@dataclass(frozen=True, eq=False)
class ColumnsFilm:
    """The epochs of a run with several classes or labels: at least one frame, in order.

    scores are those of the last epoch, weight (N,) that of its rows, None where each counts once. train, validation
    (E,) are the losses from epoch 0 on, or empty.
    """

    axes: Axes
    frames: tuple[ColumnsFrame, ...]
    scores: Scores
    weight: NDArray[np.floating] | None
    train: NDArray[np.floating]
    validation: NDArray[np.floating]

    @property
    def kind(self) -> Literal["classes", "labels"]:
        return "labels" if self.scores.task == "multilabel" else "classes"

    @cached_property
    def content(self) -> bytes:
        """The film as JSON, the same for the same numbers."""
        scores = self.scores
        shown = evenly_spaced(scores.n_rows, max(MOST // scores.n_columns, 1))
        truth = scores.y_true[shown]
        exact = "f8" if scores.y_score.dtype == np.float64 else "f4"  # which holds float16 exactly
        return json_sent(
            {
                "kind": self.kind,
                "dtype": scores.y_score.dtype.name,
                "names": scores.column_names,
                "support": self._support(),
                "rows": scores.n_rows,
                "shown": shown.size,
                "scores": packed(scores.y_score[shown].T.ravel(), exact),
                "truth": packed(truth.T.ravel(), "u1" if scores.task == "multilabel" else "u4"),
                "weights": None if self.weight is None else packed(self.weight[shown], "f8"),
                "axes": {kind: axis_sent(axis) for kind, axis in self.axes.items()},
                "frames": [
                    {"epoch": frame.epoch, "bins": {kind: _bins(bins) for kind, bins in frame.bins.items()}}
                    for frame in self.frames
                ],
                "losses": losses_sent(self.train, self.validation),
            }
        )

    @cached_property
    def outline(self) -> bytes:
        """The histograms of the last epoch alone as JSON, to be drawn behind those of another run."""
        bins = {kind: _bins(bins) for kind, bins in self.frames[-1].bins.items()}
        axes = {kind: axis_sent(axis) for kind, axis in self.axes.items()}
        return json_sent({"kind": "outline", "axes": axes, "bins": bins})

    def _support(self) -> list[float]:
        """Rows, or their weight, that are actual in each column."""
        bins = next(iter(self.frames[-1].bins.values()))
        support: list[float] = bins[:, 1].sum(-1).tolist()
        return support


def columns_film(
    epochs: Sequence[int],
    scores: Sequence[Scores],
    weight: NDArray[np.floating] | None = None,
    train: NDArray[np.floating] | None = None,
    validation: NDArray[np.floating] | None = None,
    axes: Axes | None = None,
    best: int | None = None,
) -> ColumnsFilm:
    """Make the film of a run.

    Parameters
    ----------
    epochs : the numbers of E >= 1 epochs, ascending.
    scores : those of several classes or labels, of the same rows after each of them, (E,).
    weight : of the rows, by default 1 each.
    train, validation : losses from epoch 0 on, by default none.
    axes : of `columns_axes`, where another film is drawn on them too; by default those with room for these scores.
    best : an epoch that is among the frames in any case.

    Returns
    -------
    The film, of at most FRAMES epochs beside the best one, of many columns fewer, the first and the last among them.

    Raises
    ------
    CutoffError without an epoch, and for another number of scores.
    """
    if not epochs or len(epochs) != len(scores):
        raise CutoffError(f"A film needs the scores of one or more epochs, but got {len(scores)} for {len(epochs)}.")
    axes = axes or columns_axes(scores)
    last, none = scores[-1], np.empty(0)
    member = _members(last)
    frames = tuple(
        ColumnsFrame(
            int(epochs[at]),
            {
                kind: rows_by_bin(member, bin_of(scores[at].y_score.T, axis.edges(BINS)), 2, BINS, weight)
                for kind, axis in axes.items()
            },
        )
        for at in played(epochs, best, max(2, min(FRAMES, HISTOGRAMS // last.n_columns)))
    )
    return ColumnsFilm(
        axes=axes,
        frames=frames,
        scores=last,
        weight=weight,
        train=none if train is None else train,
        validation=none if validation is None else validation,
    )


def columns_axes(scores: Sequence[Scores], before: Scores | None = None) -> Axes:
    """The axes that have room for the scores of every epoch, (E,), and for those of the previous run; on the logit axis
    for almost all scores of the last epoch, of which at most MOST are looked at."""
    last = [one for one in (scores[-1], before) if one and one.y_score.size]
    known = [one.y_score for one in (*scores, *last) if one.y_score.size]
    if not known:
        return axes_between(np.nan, np.nan)
    sides = []
    for one in last:
        shown = evenly_spaced(one.n_rows, max(MOST // one.n_columns, 1))
        member, drawn = _members(one)[:, shown], one.y_score.T[:, shown]
        sides += [np.sort(drawn[member]), np.sort(drawn[~member])]
    return axes_between(float(min(map(np.min, known))), float(max(map(np.max, known))), inner_range(*sides))


def _members(scores: Scores) -> NDArray[np.bool_]:
    """Whether each row is of each column, (C, N)."""
    if scores.task == "multilabel":
        return scores.y_true.T == 1
    return np.arange(scores.n_columns)[:, None] == scores.y_true


def _bins(bins: NDArray) -> list[list[list[float]]]:
    """Counts (C, 2, B) as they are, weights in seven digits."""
    found: list[list[list[float]]] = bins.tolist()
    return (
        [[[float(f"{rows:.7g}") for rows in side] for side in column] for column in found]
        if bins.dtype.kind == "f"
        else found
    )
