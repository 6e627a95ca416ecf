"""What the runner publishes: runs and jobs as they are at one moment. Replaced, never mutated."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.data import DATASETS, Task, load_dataset, load_split
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
    """Mean losses after each epoch, and the accuracy of the default decisions on validation rows (NaN in a
    regression), (E,) each; entry 0 is before any training."""

    train: np.ndarray = field(default_factory=lambda: np.empty(0))
    validation: np.ndarray = field(default_factory=lambda: np.empty(0))
    accuracy: np.ndarray = field(default_factory=lambda: np.empty(0))

    def then(self, train: float, validation: float, accuracy: float) -> History:
        """This history with one more epoch."""
        return History(
            np.append(self.train, train), np.append(self.validation, validation), np.append(self.accuracy, accuracy)
        )


@dataclass(frozen=True)
class Run:
    """One run as it is now: a ScoreSource of its last epoch.

    `outputs` holds its last probabilities (N, C) by split; in a regression its predictions (N, 1), standardised. `kept`
    are the validation outputs of some epochs, (epoch, (N, C)) pairs in order, as many as the memory for them allows.
    `surface` (G G, 1) is its probability over the plane of 2-D data, else None. `device` is where it trains, as torch
    names it; "" before its first epoch.
    """

    id: str
    config: RunConfig
    status: Status = "queued"
    history: History = History()
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    kept: tuple[tuple[int, np.ndarray], ...] = ()
    surface: np.ndarray | None = None
    device: str = ""

    @property
    def job(self) -> str:
        """The id of the job it was submitted in."""
        return self.id.partition("-")[0]

    @property
    def epoch(self) -> int:
        """Epochs trained so far; -1 before the first evaluation."""
        return len(self.history.train) - 1

    @property
    def came(self) -> int:
        """How far it came: its last epoch, or the first one whose loss was not finite."""
        return self.epoch + (self.status == "diverged")

    @property
    def version(self) -> int:
        """Its scores are those of this epoch."""
        return self.epoch

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    @property
    def about(self) -> About:
        """What it is, the loss first since runs differ most in it, and how far it came."""
        label = " · ".join(reversed(compatibility.describe(self.config)))
        came = "" if self.status == "finished" else f" · {self.status} at epoch {self.came}"
        scores = f", scores after epoch {self.epoch}" if self.outputs else ""
        return About(f"{label}{came}", f"{self.status}{scores}", self.ended)

    @property
    def ended(self) -> bool:
        return self.status not in LIVE

    @property
    def task(self) -> Task:
        return DATASETS[self.config.dataset].task

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes or labels of its data; in a binary task the negative one first."""
        return load_dataset(self.config.dataset, self.config.dataset_params).class_names

    def rows(self, part: str) -> np.ndarray:
        """Where the "validation" or "test" rows stand in the data set, (N,), in the order of `scores`."""
        return load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed).rows[part]

    def row_columns(self, part: str) -> RowColumns:
        """The features of the rows, as they are in the data set."""
        data = load_dataset(self.config.dataset, self.config.dataset_params)
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
        """The validation rows after an epoch whose outputs are kept, as a source of its own: thresholds that are chosen
        on it belong to it.

        Raises CutoffError for an epoch that is not kept.
        """
        kept = dict(self.kept)
        if epoch not in kept:
            raise CutoffError(f"The scores of epoch {epoch} are not kept.")
        part, outputs = "validation", kept[epoch]
        label = " · ".join(reversed(compatibility.describe(self.config)))
        return ArraySource(
            data={part: (self._predictions if self.task == "regression" else self._scores)(part, outputs)},
            columns={part: self.row_columns(part)},
            places={part: self.rows(part)},
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
    """An experiment as it is now: one run for every variant and seed, variants outermost.

    `position` is its place in the queue, 0 once it trains. `kept_every` says at which epochs outputs are kept: at
    every one, every second, and so on, and the last. Times are those of time.monotonic.
    """

    id: str
    experiment: Experiment
    runs: tuple[Run, ...]
    position: int = 0
    started: float | None = None
    stopped: float | None = None
    paused: float | None = None  # since when
    rested: float = 0.0  # seconds in earlier pauses
    pace: float | None = None  # epochs a second at most; None is as fast as can be
    kept_every: int = 1

    def of_variant(self, index: int) -> tuple[Run, ...]:
        """The runs of one variant, one a seed."""
        seeds = len(self.experiment.seeds)
        return self.runs[index * seeds : (index + 1) * seeds]

    @property
    def status(self) -> Status:
        """The most telling status of its runs."""
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
        """Share of all epochs that are trained, in [0, 1]; a run that stopped early or diverged counts as done, and so
        does one that has ended in any way while others train."""
        ended = self.ended
        over = [run.ended and (not ended or run.status in ("stopped early", "diverged")) for run in self.runs]
        done = [1.0 if o else max(run.epoch, 0) / run.config.epochs for o, run in zip(over, self.runs, strict=True)]
        return sum(done) / len(done)

    @property
    def elapsed(self) -> float:
        """Seconds of training since it began, without pauses; 0 while queued."""
        if self.started is None:
            return 0.0
        return (self.paused or self.stopped or time.monotonic()) - self.started - self.rested

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to the end at the pace so far; None while there is nothing to go by."""
        if self.ended or not self.progress:
            return None
        return self.elapsed * (1 - self.progress) / self.progress
