"""The runner: one daemon thread that trains the submitted jobs in turns and publishes immutable snapshots.

It is built with a `train` function and knows nothing of pages. Any thread may submit, read and cancel.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch

from core.config import MAX_RUNS, RunConfig
from core.datasets import DATASETS, Task, load_dataset, load_split
from core.engine import Epoch, train_in_turns
from core.errors import CutoffError
from core.heads import HEADS
from core.scores import Scores
from core.settings import Settings
from core.thresholds import default_accuracy
from core.wiring import check

Status = Literal["queued", "running", "finished", "stopped", "failed", "diverged"]
Train = Callable[[Sequence[RunConfig]], Iterator[Epoch | None]]
TURN_SECONDS = 0.04
KEPT_JOBS = 50  # finished jobs that stay in memory
UNWATCHED_SECONDS = 300.0  # a hidden tab still asks once a minute; a closed one never does


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
    """One run as it is now; replaced, never mutated. `outputs` holds its last probabilities (N, C) by split; in a
    regression its predictions (N, 1), standardised."""

    id: str
    config: RunConfig
    status: Status = "queued"
    history: History = History()
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""

    @property
    def job(self) -> str:
        """The id of the job it was submitted in."""
        return self.id.partition("-")[0]

    @property
    def epoch(self) -> int:
        """Epochs trained so far; -1 before the first evaluation."""
        return len(self.history.train) - 1

    @property
    def ended(self) -> bool:
        return self.status not in ("queued", "running")

    @property
    def task(self) -> Task:
        return DATASETS[self.config.dataset].task

    def rows(self, part: str) -> np.ndarray:
        """Where the "validation" or "test" rows stand in the data set, (N,), in the order of `scores`."""
        return load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed).rows[part]

    def scores(self, part: str) -> Scores:
        """Labels and probabilities of the "validation" or "test" rows.

        Raises CutoffError if there are none yet, or if the run predicts values.
        """
        data = load_dataset(self.config.dataset, self.config.dataset_params)
        if data.task == "regression":
            raise CutoffError("Expected a run that gives probabilities, but got one that predicts values.")
        split = load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed)
        return Scores(
            y_true=split.y[part],
            y_score=self._outputs(part),
            task=data.task,
            class_names=data.class_names,
            source=f"{HEADS[self.config.head].label}, {part} split, epoch {self.epoch}",
        )

    def predictions(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """True and predicted values (N,) of a regression's "validation" or "test" rows, in the target's own unit.

        Raises CutoffError if there are none yet.
        """
        split = load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed)
        standardised = split.y[part], self._outputs(part)[:, 0]
        true, predicted = (values.astype(np.float64) * split.scale + split.center for values in standardised)
        return true, predicted

    def _outputs(self, part: str) -> np.ndarray:
        if part not in self.outputs:
            raise CutoffError(f"Expected a run with {part} scores, but got one that is {self.status} without any.")
        return self.outputs[part]


@dataclass(frozen=True)
class Job:
    """What was submitted together, as it is now. `position` is its place in the queue, 0 once it trains."""

    id: str
    runs: tuple[Run, ...]
    position: int = 0
    started: float | None = None
    stopped: float | None = None

    @property
    def status(self) -> Status:
        """The most telling status of its runs."""
        found = {run.status for run in self.runs}
        order: tuple[Status, ...] = ("running", "queued", "failed", "stopped", "finished", "diverged")
        return next(status for status in order if status in found)

    @property
    def ended(self) -> bool:
        return all(run.ended for run in self.runs)

    @property
    def progress(self) -> float:
        """Share of all epochs that are trained, in [0, 1]; while others train, a run that has ended counts as done."""
        over = [run.ended and not self.ended for run in self.runs]
        done = [1.0 if o else max(run.epoch, 0) / run.config.epochs for o, run in zip(over, self.runs, strict=True)]
        return sum(done) / len(done)

    @property
    def elapsed(self) -> float:
        """Seconds since training began, 0 while queued."""
        if self.started is None:
            return 0.0
        return (self.stopped or time.monotonic()) - self.started

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to the end at the pace so far; None while there is nothing to go by."""
        if self.ended or not self.progress:
            return None
        return self.elapsed * (1 - self.progress) / self.progress


class _Active:
    """A job in training: one generator a stack, with the indices of the runs that each trains."""

    def __init__(self, job: Job, train: Train) -> None:
        stacks: dict[tuple[object, ...], list[int]] = {}
        for index, run in enumerate(job.runs):
            stacks.setdefault(run.config.stack_key(), []).append(index)
        self.id = job.id
        self.stacks = deque((rows, train([job.runs[i].config for i in rows])) for rows in stacks.values())


class Runner:
    """Trains jobs in one thread, in turns of a few hundredths of a second, so that all of them move.

    At most `settings.max_active_runs` jobs train at a time and `settings.max_queued` wait. A job ends early when it
    is cancelled, has trained for `settings.run_seconds`, or when nobody has read it for `unwatched` seconds.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        train: Train = train_in_turns,
        unwatched: float = UNWATCHED_SECONDS,
    ) -> None:
        self._settings = settings or Settings()
        self._train = train
        self._unwatched = unwatched
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._queue: deque[str] = deque()
        self._active: list[_Active] = []
        self._cancelled: set[str] = set()
        self._read_at: dict[str, float] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, configs: Sequence[RunConfig]) -> str:
        """Queue the runs as one job and return its id.

        Raises CutoffError if one can't be trained or the queue is full.
        """
        if not 1 <= len(configs) <= MAX_RUNS:
            raise CutoffError(f"Expected 1 to {MAX_RUNS} runs, but got {len(configs)}.")
        for config in configs:
            check(config)
        name = secrets.token_hex(4)
        job = Job(name, tuple(Run(f"{name}-{i}", config) for i, config in enumerate(configs)))
        with self._lock:
            if self._closed:
                raise CutoffError("Expected a runner that is open, but got one that is shutting down.")
            if len(self._queue) >= self._settings.max_queued:
                raise CutoffError(
                    f"Expected at most {self._settings.max_queued} waiting jobs, but got one more. "
                    "Try again in a minute."
                )
            self._jobs[name] = job
            self._read_at[name] = time.monotonic()
            self._queue.append(name)
            self._number_queue()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cutoff-engine", daemon=True)
                self._thread.start()
            self._lock.notify()
        return name

    def job(self, name: str) -> Job:
        """The job as it is now; raises CutoffError for an id that is not kept."""
        with self._lock:
            if name not in self._jobs:
                raise CutoffError(
                    f"Expected the id of a run that is still kept, but got {name!r}. The app keeps the last "
                    f"{KEPT_JOBS} runs until it restarts; start it again with the same choices."
                )
            self._read_at[name] = time.monotonic()
            return self._jobs[name]

    def cancel(self, name: str) -> None:
        """Stop a job: at once if it waits, else at the end of its turn. What it has trained stays."""
        with self._lock:
            if name in self._queue:
                self._queue.remove(name)
                self._end(name, "stopped")
                self._number_queue()
            elif any(active.id == name for active in self._active):
                self._cancelled.add(name)

    def close(self) -> None:
        """Stop everything and wait for the thread; nothing can be submitted afterwards."""
        with self._lock:
            self._closed = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _work(self) -> None:
        """The thread: take up waiting jobs, then give each active one a turn."""
        torch.set_num_threads(1)  # two torch threads stall each other when another core is busy
        while True:
            with self._lock:
                while not self._closed and not self._active and not self._queue:
                    self._lock.wait()
                if self._closed:
                    for name in [active.id for active in self._active] + list(self._queue):
                        self._end(name, "stopped")
                    return
                while self._queue and len(self._active) < self._settings.max_active_runs:
                    self._take_up(self._queue.popleft())
            self._round()

    def _round(self) -> None:
        """One turn for each active job. A method of its own, so that no name keeps an ended job's tensors alive."""
        for active in tuple(self._active):
            self._turn(active)

    def _take_up(self, name: str) -> None:
        job = self._jobs[name]
        runs = tuple(replace(run, status="running") for run in job.runs)
        self._jobs[name] = replace(job, runs=runs, started=time.monotonic())
        self._active.append(_Active(job, self._train))
        self._number_queue()

    def _turn(self, active: _Active) -> None:
        """Let a job advance until TURN_SECONDS are over, so that short epochs and long ones get equal time."""
        until = time.monotonic() + TURN_SECONDS
        self._advance(active)
        while active in self._active and time.monotonic() < until:
            self._advance(active)

    def _advance(self, active: _Active) -> None:
        """The next piece of work of the stack whose turn it is. Training itself holds no lock."""
        reason = self._reason_to_stop(active.id)
        if reason is not None:
            with self._lock:
                self._end(active.id, "stopped", reason)
            return
        rows, epochs = active.stacks[0]
        try:
            epoch = next(epochs)
            if epoch is not None:
                self._publish(active.id, rows, epoch)
        except StopIteration:
            self._finish_stack(active, rows, "finished")
        except CutoffError as error:
            self._finish_stack(active, rows, "failed", str(error))
        except Exception as error:  # a bug or an exhausted device must end this job, not the thread
            self._finish_stack(active, rows, "failed", f"Training failed with {type(error).__name__}: {error}")
        else:
            active.stacks.rotate(-1)

    def _reason_to_stop(self, name: str) -> str | None:
        """Why a job must stop now, "" if the user wanted it, None if it may go on."""
        if name in self._cancelled:
            return ""
        job = self._jobs[name]
        if job.elapsed > self._settings.run_seconds:
            return f"Stopped after {self._settings.run_seconds} s, the limit for one experiment."
        if time.monotonic() - self._read_at[name] > self._unwatched:
            return f"Stopped: nobody looked at it for {self._unwatched:.0f} s."
        return None

    def _publish(self, name: str, rows: Sequence[int], epoch: Epoch) -> None:
        with self._lock:
            job = self._jobs[name]
            runs = list(job.runs)
            for at, row in enumerate(rows):
                if not runs[row].ended:
                    runs[row] = _after(runs[row], epoch, at)
            self._jobs[name] = replace(job, runs=tuple(runs))

    def _finish_stack(self, active: _Active, rows: Sequence[int], status: Status, error: str = "") -> None:
        with self._lock:
            active.stacks.popleft()
            if active.stacks:
                job = self._jobs[active.id]
                runs = tuple(_ended(run, status, error) if i in rows else run for i, run in enumerate(job.runs))
                self._jobs[active.id] = replace(job, runs=runs)
            else:
                self._end(active.id, status, error)

    def _end(self, name: str, status: Status, error: str = "") -> None:
        """End every run of a job that has not ended yet, and forget the oldest jobs. Called with the lock held."""
        job = self._jobs[name]
        runs = tuple(_ended(run, status, error) for run in job.runs)
        self._jobs[name] = replace(job, runs=runs, position=0, stopped=time.monotonic())
        self._active = [active for active in self._active if active.id != name]
        self._cancelled.discard(name)
        # A job whose runs have all diverged is still active until its generator ends: it stays.
        finished = [other for other, kept in self._jobs.items() if kept.stopped is not None]
        for old in finished[:-KEPT_JOBS]:
            del self._jobs[old], self._read_at[old]

    def _number_queue(self) -> None:
        for position, name in enumerate(self._queue, 1):
            self._jobs[name] = replace(self._jobs[name], position=position)
        for active in self._active:
            self._jobs[active.id] = replace(self._jobs[active.id], position=0)


def _after(run: Run, epoch: Epoch, at: int) -> Run:
    """The run with one more epoch, or ended where its loss was not finite any more (its last good scores stay)."""
    if not epoch.finite[at]:
        return replace(
            run,
            status="diverged",
            error=f"The loss was not finite any more at epoch {epoch.index}; what is shown is the epoch before. "
            "Try a smaller learning rate.",
        )
    now = replace(run, outputs={"validation": epoch.validation[at], "test": epoch.test[at]})
    right = float("nan") if run.task == "regression" else default_accuracy(now.scores("validation"))
    losses = float(epoch.train_loss[at]), float(epoch.validation_loss[at])
    return replace(now, history=run.history.then(*losses, right))


def _ended(run: Run, status: Status, error: str) -> Run:
    return run if run.ended else replace(run, status=status, error=error)
