"""Immutable snapshots of runs and jobs, published by the runner."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from core.data import Task, dataset_spec, load_dataset, load_split
from core.data.tables.values import FileColumn
from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.scores import Scores
from core.evaluation.source import About, ArraySource, Predictions, RowColumns, score_index
from core.experiment import compatibility
from core.experiment.config import Experiment, RunConfig

Status = Literal["queued", "running", "paused", "finished", "stopped early", "stopped", "failed", "diverged"]
LIVE: tuple[Status, ...] = ("queued", "running", "paused")  # a run in any other status has ended


@dataclass(frozen=True)
class History:
    """Mean training and validation losses, and validation accuracy of the default decisions, after each epoch, (E,).

    Entry 0 is before training. In a regression accuracies are NaN.
    """

    train: np.ndarray = field(default_factory=lambda: np.empty(0))
    validation: np.ndarray = field(default_factory=lambda: np.empty(0))
    accuracy: np.ndarray = field(default_factory=lambda: np.empty(0))

    def then(self, train: float, validation: float, accuracy: float) -> History:
        """The history with one more epoch."""
        return History(
            np.append(self.train, train), np.append(self.validation, validation), np.append(self.accuracy, accuracy)
        )


class Kept(NamedTuple):
    """The outputs of a run after an epoch, (N, C) by split, as `Run.outputs`; once epochs are thinned, with the values
    of `epoch_measures` on the validation rows."""

    epoch: int
    outputs: Mapping[str, np.ndarray]
    measures: tuple[float, ...] = ()

    @property
    def n_bytes(self) -> int:
        return sum(array.nbytes for array in self.outputs.values())


@dataclass(frozen=True)
class Run:
    """A snapshot of a run: a ScoreSource of its last epoch.

    Parameters
    ----------
    id : the id of its job, a dash, and the index of the run.
    config : its configuration.
    status : what it is doing, or how it ended.
    history : losses and accuracies by epoch.
    outputs : probabilities (N, C) after the last epoch, by split; in a regression standardised predictions (N, 1).
    error : why it failed, was stopped or diverged, in a sentence; "" otherwise.
    kept : the outputs of as many epochs as memory allows, in order.
    surface : probabilities (G * G, 1) at the grid points of 2-D data; None for other data.
    device : the device that trains it, as in torch; "" before the first epoch.
    """

    id: str
    config: RunConfig
    status: Status = "queued"
    history: History = History()
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    kept: tuple[Kept, ...] = ()
    surface: np.ndarray | None = None
    device: str = ""

    @property
    def job(self) -> str:
        """The id of its job."""
        return self.id.partition("-")[0]

    @property
    def epoch(self) -> int:
        """Number of epochs trained so far; -1 before the first evaluation."""
        return len(self.history.train) - 1

    @property
    def came(self) -> int:
        """Its last epoch; for a diverged run the first one whose loss was not finite."""
        return self.epoch + (self.status == "diverged")

    @property
    def version(self) -> int:
        """The epoch that its scores belong to."""
        return self.epoch

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    @property
    def about(self) -> About:
        """Its label, starting with the loss since runs differ most in it, and how its scores came to be."""
        label = " · ".join(reversed(compatibility.describe(self.config)))
        came = "" if self.status == "finished" else f" · {self.status} at epoch {self.came}"
        scores = f", scores after epoch {self.epoch}" if self.outputs else ""
        return About(f"{label}{came}", f"{self.status}{scores}", self.ended)

    @property
    def ended(self) -> bool:
        return self.status not in LIVE

    @property
    def task(self) -> Task:
        return dataset_spec(self.config.dataset).task

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes or labels of its data; (negative, positive) in a binary task."""
        return load_dataset(self.config.dataset, self.config.dataset_params).class_names

    def rows(self, part: str) -> np.ndarray:
        """Indices (N,) of the "validation" or "test" rows in the data set, in the order of `scores`."""
        return load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed).rows[part]

    def row_columns(self, part: str) -> RowColumns:
        """The raw features of the rows; for a table all its columns."""
        data = load_dataset(self.config.dataset, self.config.dataset_params)
        if data.table:
            columns = zip(data.table.names, data.table.columns.columns, strict=True)
            return RowColumns(others={name: FileColumn(column, self.rows(part)) for name, column in columns})
        return RowColumns(features=data.x[self.rows(part)], feature_names=data.feature_names, image=data.image)

    def scores(self, part: str) -> Scores:
        """Labels and probabilities of the "validation" or "test" rows.

        Raises CutoffError if there are none yet, and in a regression.
        """
        return self._scores(part, self._outputs(part))

    def index(self, part: str, column: int) -> ScoreIndex:
        return score_index(self, part, column)

    def predictions(self, part: str) -> Predictions:
        """Actual and predicted values (N,) of a regression's "validation" or "test" rows, in the target's own unit.

        Raises CutoffError if there are none yet, and for any other task.
        """
        return self._predictions(part, self._outputs(part))

    def at(self, epoch: int) -> ArraySource:
        """The run after an earlier epoch as a separate source, with its own thresholds.

        Raises CutoffError if the outputs of this epoch are not kept.
        """
        kept = {one.epoch: one.outputs for one in self.kept}
        if epoch not in kept:
            raise CutoffError(f"The scores of epoch {epoch} are not kept.")
        read = self._predictions if self.task == "regression" else self._scores
        label = " · ".join(reversed(compatibility.describe(self.config)))
        return ArraySource(
            data={part: read(part, outputs) for part, outputs in kept[epoch].items()},
            columns={part: self.row_columns(part) for part in kept[epoch]},
            places={part: self.rows(part) for part in kept[epoch]},
            about=About(f"{label} · epoch {epoch}", f"scores after epoch {epoch}"),
            config=self.config,
            id=f"{self.id}@{epoch}",
            version=epoch,
        )

    def _outputs(self, part: str) -> np.ndarray:
        if part not in self.outputs:
            raise CutoffError(f"Expected a run with {part} scores, but got one that is {self.status} without any.")
        return self.outputs[part]

    def _scores(self, part: str, y_score: np.ndarray) -> Scores:
        if self.task == "regression":
            raise CutoffError("A regression has no scores.")
        split = load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed)
        return Scores(split.y[part], y_score, self.task, self.class_names)

    def _predictions(self, part: str, outputs: np.ndarray) -> Predictions:
        if self.task != "regression":
            raise CutoffError("Only a regression has predictions.")
        split = load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed)
        standardised = split.y[part], outputs[:, 0]
        return Predictions(*(values.astype(np.float64) * split.scale + split.center for values in standardised))


@dataclass(frozen=True)
class Job:
    """A snapshot of an experiment: one run for each variant and seed, grouped by variant.

    Parameters
    ----------
    id : its id.
    experiment : its variants and seeds.
    runs : the runs.
    position : place in the queue, from 1; 0 once it trains.
    started, stopped : times of time.monotonic; None before.
    paused : time at which the current pause began; None while not paused.
    rested : seconds of earlier pauses.
    pace : largest number of epochs per second; None for maximum speed.
    kept_every : outputs are kept for every such epoch, and for the last.
    """

    id: str
    experiment: Experiment
    runs: tuple[Run, ...]
    position: int = 0
    started: float | None = None
    stopped: float | None = None
    paused: float | None = None
    rested: float = 0.0
    pace: float | None = None
    kept_every: int = 1

    def of_variant(self, index: int) -> tuple[Run, ...]:
        """The runs of a variant, one per seed."""
        seeds = len(self.experiment.seeds)
        return self.runs[index * seeds : (index + 1) * seeds]

    @property
    def status(self) -> Status:
        """The status of its runs; if they differ, the one that comes first in the order below."""
        found = {run.status for run in self.runs}
        order: tuple[Status, ...] = (
            "paused",
            "running",
            "queued",
            "failed",
            "stopped",
            "finished",
            "stopped early",
            "diverged",
        )
        return next(status for status in order if status in found)

    @property
    def ended(self) -> bool:
        return all(run.ended for run in self.runs)

    @property
    def progress(self) -> float:
        """Fraction of all epochs that are trained, in [0, 1].

        A run that stopped early or diverged counts as complete, and so does any ended run while others still train.
        """
        ended = self.ended
        over = [run.ended and (not ended or run.status in ("stopped early", "diverged")) for run in self.runs]
        done = [1.0 if o else max(run.epoch, 0) / run.config.epochs for o, run in zip(over, self.runs, strict=True)]
        return sum(done) / len(done)

    @property
    def elapsed(self) -> float:
        """Seconds since training began, without pauses; 0 while queued."""
        if self.started is None:
            return 0.0
        return (self.paused or self.stopped or time.monotonic()) - self.started - self.rested

    @property
    def remaining(self) -> float | None:
        """Estimated remaining seconds at the speed so far; None before the first epoch and after the end."""
        if self.ended or not self.progress:
            return None
        return self.elapsed * (1 - self.progress) / self.progress
