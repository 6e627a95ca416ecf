"""The runner: one daemon thread that trains the submitted experiments in turns and publishes immutable snapshots.

It is built with a `train` function and knows nothing of pages. Any thread may submit, read, and use the controls, which
are those of a player: pause, step, resume, cancel, and a pace.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from core.errors import CutoffError
from core.evaluation import default_accuracies
from core.evaluation.source import new_id
from core.experiment.compatibility import check_experiment, stacks
from core.experiment.config import Experiment, RunConfig
from core.experiment.limits import check_scores
from core.settings import Settings
from core.training.engine import Epoch, train_in_turns
from core.training.runs import LIVE, Job, Run, Status

Train = Callable[[Sequence[RunConfig]], Iterator[Epoch | None]]
TURN_SECONDS = 0.04
KEPT_JOBS = 50  # finished jobs that stay in memory
KEPT_BYTES_A_JOB = 32 << 20  # validation outputs of earlier epochs
UNWATCHED_SECONDS = 300.0  # a hidden tab still asks once a minute; a closed one never does
GIVE_WAY_SECONDS = 0.03  # from the last sign of a page that is served until training goes on
LONGEST_WAIT, WAIT_PER_SECOND = 0.1, 3.0  # seconds that it waits at most at once, and for each second it has trained
NICENESS = 10  # 0 is that of other threads, 19 the lowest priority
LOOK_SECONDS = 0.5  # how long the thread sleeps at most while every job is paused


@dataclass
class _Stack:
    """The runs, by index, that one generator trains together."""

    rows: Sequence[int]
    epochs: Iterator[Epoch | None]


@dataclass
class _Active:
    """A job in training. `stepping` holds the stacks that still have an epoch to train before the job pauses again;
    before the time `due` no epoch may begin."""

    id: str
    stacks: deque[_Stack]
    stepping: list[_Stack] = field(default_factory=list)
    due: float = 0.0


class Runner:
    """Trains jobs in one thread, in turns of a few hundredths of a second, so that all of them move.

    At most `settings.max_active_runs` jobs train at a time and `settings.max_queued` wait; one that is paused keeps
    nobody waiting. A job ends early when it is cancelled, has trained for `settings.run_seconds`, or when nobody has
    read it for `unwatched` seconds. Finished jobs keep their scores within `settings.kept_mb` megabytes.
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
        self._way_until = 0.0  # the time before which pages go first
        self._may_wait = LONGEST_WAIT  # seconds, by which it falls; training raises it
        self._thread: threading.Thread | None = None

    def check(self, experiment: Experiment) -> Experiment:
        """Return `experiment` if it can be trained here; raises CutoffError with one sentence if it can't."""
        return check_scores(check_experiment(experiment), self._settings.max_scores)

    def submit(self, experiment: Experiment) -> str:
        """Queue an experiment as one job and return its id.

        Raises CutoffError if it can't be trained or the queue is full.
        """
        self.check(experiment)
        name = new_id()
        job = Job(name, experiment, tuple(Run(f"{name}-{i}", run) for i, run in enumerate(experiment.runs())))
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
                    f"{KEPT_JOBS} runs until it restarts, fewer if they are large; start it again with the same "
                    "choices."
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
                self._lock.notify()

    def pause(self, name: str) -> None:
        """Let a job that trains rest after its turn; others are not touched."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is None:
                active.stepping.clear()
                self._jobs[name] = replace(
                    self._jobs[name],
                    runs=tuple(_turned(run, "running", "paused") for run in self._jobs[name].runs),
                    paused=time.monotonic(),
                )
                self._lock.notify()

    def resume(self, name: str) -> None:
        """Let a paused job train on."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is not None:
                active.stepping.clear()
                runs = tuple(_turned(run, "paused", "running") for run in self._jobs[name].runs)
                self._jobs[name] = replace(_rested(self._jobs[name]), runs=runs)
                self._lock.notify()

    def step(self, name: str) -> None:
        """Let every run of a paused job train one epoch; one that trains is paused."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is not None:
                active.stepping = list(active.stacks)
                active.due = 0.0
                self._lock.notify()
        self.pause(name)

    def set_pace(self, name: str, pace: float | None) -> None:
        """Train at most so many epochs a second, None for as fast as can be."""
        with self._lock:
            if name in self._jobs and not self._jobs[name].ended:
                self._jobs[name] = replace(self._jobs[name], pace=pace)
                if active := self._find(name):
                    active.due = 0.0
                self._lock.notify()

    def give_way(self) -> None:
        """A page is being served and goes first: let training wait for GIVE_WAY_SECONDS from now.

        However often this is called, it waits no longer than LONGEST_WAIT at once, and trains a quarter of the time.
        """
        self._way_until = time.monotonic() + GIVE_WAY_SECONDS

    def close(self) -> None:
        """Stop everything and wait for the thread; nothing can be submitted afterwards."""
        with self._lock:
            self._closed = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _work(self) -> None:
        """The thread: take up waiting jobs, then give each active one a turn."""
        _step_back()
        torch.set_num_threads(1)  # two torch threads stall each other when another core is busy
        torch.set_flush_denormal(True)  # Adam's moments of units that have died; processors count slowly below 1e-38
        while True:
            with self._lock:
                while not self._closed and not self._active and not self._queue:
                    self._lock.wait()
                if self._closed:
                    for name in [active.id for active in self._active] + list(self._queue):
                        self._end(name, "stopped")
                    return
                while self._queue and self._has_room():
                    self._take_up(self._queue.popleft())
            if not self._round():
                with self._lock:
                    if seconds := self._seconds_to_wait():
                        self._lock.wait(seconds)

    def _has_room(self) -> bool:
        busy = sum(self._jobs[active.id].paused is None for active in self._active)
        most = self._settings.max_active_runs
        return busy < most and len(self._active) < most + self._settings.max_queued

    def _round(self) -> bool:
        """One turn for each active job; whether any had something to do. A method of its own, so that no name keeps an
        ended job's tensors alive."""
        worked = False
        for active in tuple(self._active):
            reason = self._reason_to_stop(active.id)
            if reason is not None:
                with self._lock:
                    self._end(active.id, "stopped", reason)
                worked = True
            elif self._may_train(active):
                self._turn(active)
                worked = True
        return worked

    def _may_train(self, active: _Active) -> bool:
        waits = self._jobs[active.id].paused is not None and not active.stepping
        return not waits and time.monotonic() >= active.due

    def _seconds_to_wait(self) -> float:
        """Until the next epoch that has to wait for its time, LOOK_SECONDS at most; 0 if there is work."""
        if self._closed or self._cancelled or (self._queue and self._has_room()):
            return 0.0
        now = time.monotonic()
        waits = [active.due - now for active in self._active if self._jobs[active.id].paused is None or active.stepping]
        return max(min([*waits, LOOK_SECONDS]), 0.0)

    def _take_up(self, name: str) -> None:
        job = self._jobs[name]
        runs = tuple(replace(run, status="running") for run in job.runs)
        self._jobs[name] = replace(job, runs=runs, started=time.monotonic())
        trained = (
            _Stack(rows, self._train([runs[i].config for i in rows])) for rows in stacks([run.config for run in runs])
        )
        self._active.append(_Active(name, deque(trained)))
        self._number_queue()

    def _turn(self, active: _Active) -> None:
        """Let a job advance until TURN_SECONDS are over, so that short epochs and long ones get equal time."""
        until = time.monotonic() + TURN_SECONDS
        while True:
            self._wait_for_pages()  # and look at the controls after it: they may have been used meanwhile
            if active not in self._active or active.id in self._cancelled or not self._may_train(active):
                return
            start = time.monotonic()
            self._advance(active)
            trained = time.monotonic() - start
            self._may_wait = min(self._may_wait + WAIT_PER_SECOND * trained, LONGEST_WAIT)
            if start + trained >= until:
                return

    def _wait_for_pages(self) -> None:
        """Wait while pages are served, but not for ever."""
        while (seconds := min(self._way_until - time.monotonic(), self._may_wait)) > 0:
            time.sleep(seconds)
            self._may_wait -= seconds

    def _advance(self, active: _Active) -> None:
        """The next piece of work of the stack whose turn it is. Training itself holds no lock."""
        stack = active.stepping[0] if active.stepping else active.stacks[0]
        try:
            epoch = next(stack.epochs)
            if epoch is None:
                return
            self._publish(active, stack, epoch)
        except StopIteration:
            self._finish_stack(active, stack, "finished")
        except CutoffError as error:
            self._finish_stack(active, stack, "failed", str(error))
        except Exception as error:  # a bug or an exhausted device must end this job, not the thread
            self._finish_stack(active, stack, "failed", f"Training failed with {type(error).__name__}: {error}")
        else:  # an epoch each: between two of them a stack needs little memory
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

    def _find(self, name: str) -> _Active | None:
        return next((active for active in self._active if active.id == name), None)

    def _publish(self, active: _Active, stack: _Stack, epoch: Epoch) -> None:
        with self._lock:
            job = self._jobs[active.id]
            runs = list(job.runs)
            right = _accuracies(runs[stack.rows[0]], epoch)
            for at, row in enumerate(stack.rows):
                if not runs[row].ended:
                    runs[row] = _after(runs[row], epoch, at, float(right[at]), job.kept_every)
            self._jobs[active.id] = _within_memory(replace(job, runs=tuple(runs)))
            if stack in active.stepping:
                active.stepping.remove(stack)
            if job.pace is not None and len({run.epoch for run in runs if not run.ended}) == 1:  # all have had theirs
                active.due = time.monotonic() + 1 / job.pace

    def _finish_stack(self, active: _Active, stack: _Stack, status: Status, error: str = "") -> None:
        with self._lock:
            active.stacks.remove(stack)
            if stack in active.stepping:
                active.stepping.remove(stack)
            if active.stacks:
                job = self._jobs[active.id]
                runs = tuple(_ended(run, status, error) if i in stack.rows else run for i, run in enumerate(job.runs))
                self._jobs[active.id] = replace(job, runs=runs)
            else:
                self._end(active.id, status, error)

    def _end(self, name: str, status: Status, error: str = "") -> None:
        """End every run of a job that has not ended yet. Called with the lock held."""
        job = _rested(self._jobs[name])
        runs = tuple(_ended(run, status, error) for run in job.runs)
        self._jobs[name] = replace(job, runs=runs, position=0, stopped=time.monotonic())
        self._active = [active for active in self._active if active.id != name]
        self._cancelled.discard(name)
        self._forget()

    def _forget(self) -> None:
        """Keep what has finished within its memory: the scores of earlier epochs go first, then whole jobs, the oldest
        first. The last one to be submitted stays whatever its size. Called with the lock held."""
        # A job whose runs have all diverged is still active until its generator ends: it stays.
        finished = [name for name, job in self._jobs.items() if job.stopped is not None]
        sizes = {name: _bytes(self._jobs[name]) for name in finished}
        limit = self._settings.kept_mb << 20
        for name in finished[:-1]:
            if sum(sizes.values()) > limit:
                self._jobs[name] = _without_earlier_epochs(self._jobs[name])
                sizes[name] = _bytes(self._jobs[name])
        while len(finished) > KEPT_JOBS or (len(finished) > 1 and sum(sizes.values()) > limit):
            old = finished.pop(0)
            del self._jobs[old], self._read_at[old], sizes[old]

    def _number_queue(self) -> None:
        for position, name in enumerate(self._queue, 1):
            self._jobs[name] = replace(self._jobs[name], position=position)
        for active in self._active:
            self._jobs[active.id] = replace(self._jobs[active.id], position=0)


def _step_back() -> None:
    """Give this thread a lower priority than those that answer visitors, where the system has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _accuracies(run: Run, epoch: Epoch) -> np.ndarray:
    """Accuracy of the default decisions of every run of an epoch, (R,), NaN where scores are not finite and in a
    regression; `run` is one of them."""
    right = np.full(len(epoch.finite), np.nan)
    sound = np.flatnonzero(epoch.finite)
    if run.task != "regression" and len(sound):
        rows = replace(run, outputs={"validation": epoch.validation[sound[0]]}).scores("validation")
        right[sound] = default_accuracies(rows, np.stack([epoch.validation[at] for at in sound]))
    return right


def _after(run: Run, epoch: Epoch, at: int, right: float, kept_every: int) -> Run:
    """The run with one more epoch, or ended where its loss was not finite any more (its last good scores stay)."""
    if not epoch.finite[at]:
        return replace(
            _with_own_arrays(run),
            status="diverged",
            error=f"The loss was not finite any more at epoch {epoch.index}; what is shown is the epoch before. "
            "Try a smaller learning rate.",
        )
    kept = run.kept if not run.kept or run.kept[-1][0] % kept_every == 0 else run.kept[:-1]
    now = replace(
        run,
        outputs={"validation": epoch.validation[at], "test": epoch.test[at]},
        kept=(*kept, (epoch.index, epoch.validation[at])),
        surface=epoch.surface[at] if epoch.surface else None,
        device=epoch.device,
    )
    if epoch.stopped[at]:
        now = replace(_with_own_arrays(now), status="stopped early")
    losses = float(epoch.train_loss[at]), float(epoch.validation_loss[at])
    return replace(now, history=run.history.then(*losses, right))


def _with_own_arrays(run: Run) -> Run:
    """The run with copies of its last outputs, which are views of the whole stack's and would keep those in memory."""
    outputs = {part: array.copy() for part, array in run.outputs.items()}
    kept = tuple((epoch, outputs["validation"]) for epoch, _ in run.kept[-1:])
    surface = None if run.surface is None else run.surface.copy()
    return replace(run, outputs=outputs, kept=(*run.kept[:-1], *kept), surface=surface)


def _within_memory(job: Job) -> Job:
    """The job with as few kept epochs as its share of memory allows: every second of them goes until it does."""
    while sum(len(run.kept) * run.kept[-1][1].nbytes for run in job.runs if run.kept) > KEPT_BYTES_A_JOB:
        every = 2 * job.kept_every
        if every > 2 * max(run.config.epochs for run in job.runs):
            return job  # nothing but the last epoch is left
        runs = tuple(
            replace(run, kept=tuple(pair for pair in run.kept if pair[0] % every == 0 or pair is run.kept[-1]))
            for run in job.runs
        )
        job = replace(job, runs=runs, kept_every=every)
    return job


def _without_earlier_epochs(job: Job) -> Job:
    return replace(job, runs=tuple(replace(run, kept=run.kept[-1:]) for run in job.runs))


def _bytes(job: Job) -> int:
    """Memory of a job's scores; what is kept of the last epoch is its output itself, so it counts once."""
    arrays = [outputs for run in job.runs for _, outputs in run.kept[:-1]]
    arrays += [outputs for run in job.runs for outputs in run.outputs.values()]
    arrays += [run.surface for run in job.runs if run.surface is not None]
    return sum(array.nbytes for array in arrays)


def _rested(job: Job) -> Job:
    """The job out of its pause, if it was in one."""
    if job.paused is None:
        return job
    return replace(job, paused=None, rested=job.rested + time.monotonic() - job.paused)


def _turned(run: Run, before: Status, after: Status) -> Run:
    return replace(run, status=after) if run.status == before else run


def _ended(run: Run, status: Status, error: str) -> Run:
    return replace(run, status=status, error=error) if run.status in LIVE else run
