"""The runner: one daemon thread that trains the submitted experiments in turns and publishes immutable snapshots.

It does not depend on the pages. All methods are thread-safe.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from core.errors import CutoffError
from core.evaluation.source import new_id
from core.experiment.compatibility import check_experiment, stacks
from core.experiment.config import Experiment, RunConfig
from core.experiment.limits import check_scores
from core.settings import Settings
from core.training.engine import Epoch, train_in_turns
from core.training.progress import (
    accuracies,
    after_epoch,
    ended_run,
    n_bytes,
    rested,
    turned,
    within_memory,
    without_earlier_epochs,
)
from core.training.runs import Job, Run, Status

Train = Callable[[Sequence[RunConfig]], Iterator[Epoch | None]]
TURN_SECONDS = 0.04
KEPT_JOBS = 50  # finished jobs in memory
UNWATCHED_SECONDS = 300.0  # a hidden tab still polls once a minute, a closed one never
GIVE_WAY_SECONDS = 0.03  # pause of training after each call of `give_way`
LONGEST_WAIT, WAIT_PER_SECOND = 0.1, 3.0  # longest pause in seconds; seconds of pause per second of training
NICENESS = 10  # from 0 (as other threads) to 19 (lowest priority)
LOOK_SECONDS = 0.5  # longest sleep of the thread while every job is paused


@dataclass
class _Stack:
    """Runs, by index, that one generator trains together."""

    rows: Sequence[int]
    epochs: Iterator[Epoch | None]


@dataclass
class _Active:
    """A job in training. The stacks in `stepping` train one more epoch, as often as they are in it, before the job
    pauses again. No epoch begins before the time `due`."""

    id: str
    stacks: deque[_Stack]
    stepping: list[_Stack] = field(default_factory=list)
    due: float = 0.0


class Runner:
    """Trains jobs in one thread, in turns of a few hundredths of a second, so that all of them make progress.

    At most `settings.max_active_runs` jobs train at a time, not counting paused ones, and `settings.max_queued` wait.
    A job is stopped when it is cancelled, after `settings.run_seconds` of training, or when it has not been read for
    `unwatched` seconds. Finished jobs keep their scores within `settings.kept_mb` megabytes. A job submitted `for_good`
    is outside of all these limits and of the controls.

    Parameters
    ----------
    settings : limits; None takes the defaults.
    train : trains the runs of a stack; yields an Epoch after each epoch, and None in between.
    unwatched : seconds.
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
        lock = threading.RLock()
        self._lock = threading.Condition(lock)  # notified when the thread has something to do
        self._ends = threading.Condition(lock)  # notified when a job ends
        self._jobs: dict[str, Job] = {}
        self._queue: deque[str] = deque()
        self._active: list[_Active] = []
        self._for_good: set[str] = set()
        self._cancelled: set[str] = set()
        self._discarded: set[str] = set()  # forgotten as soon as they have ended
        self._read_at: dict[str, float] = {}
        self._closed = False
        self._way_until = 0.0  # the time until which training pauses for pages
        self._may_wait = LONGEST_WAIT  # seconds; pauses lower it, training raises it
        self._thread: threading.Thread | None = None

    def check(self, experiment: Experiment) -> Experiment:
        """Return `experiment` if it can be trained here; raises CutoffError otherwise."""
        return check_scores(check_experiment(experiment), self._settings.max_scores)

    def submit(self, experiment: Experiment, for_good: bool = False) -> str:
        """Queue an experiment as a job.

        Parameters
        ----------
        experiment : what to train.
        for_good : whether the job starts at once, is never dropped, and ignores the controls (`cancel`, `pause`, ...);
            for what the app itself shows to everybody.

        Returns
        -------
        id : the id of the job.

        Raises
        ------
        CutoffError
            If it can't be trained, the queue is full, or the runner is closed.
        """
        self.check(experiment)
        name = new_id()
        job = Job(name, experiment, tuple(Run(f"{name}-{i}", run) for i, run in enumerate(experiment.runs())))
        with self._lock:
            if self._closed:
                raise CutoffError("The app is shutting down.")
            if not for_good and len(self._queue) >= self._settings.max_queued:
                raise CutoffError(f"The queue is full (limit: {self._settings.max_queued}). Try again in a minute.")
            self._jobs[name] = job
            self._read_at[name] = time.monotonic()
            if for_good:
                self._for_good.add(name)
                self._take_up(name)
            else:
                self._queue.append(name)
                self._number_queue()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cutoff-engine", daemon=True)
                self._thread.start()
            self._lock.notify()
        return name

    def job(self, name: str) -> Job:
        """The current snapshot of a job; raises CutoffError if it is not kept."""
        with self._lock:
            if name not in self._jobs:
                raise CutoffError(
                    f"The run {name[:8]!r} is no longer kept. The app keeps the last {KEPT_JOBS} experiments until it "
                    "restarts, fewer if they are large."
                )
            self._read_at[name] = time.monotonic()
            return self._jobs[name]

    def wait(self, name: str, seconds: float | None = None) -> Job:
        """The job once it has ended, or as it is after so many seconds; raises CutoffError if it is not kept."""
        with self._lock:
            self._ends.wait_for(lambda: self.job(name).ended, seconds)
            return self.job(name)

    def cancel(self, name: str) -> None:
        """Stop a job: at once if it is queued, else at the end of its turn. Its results are kept."""
        with self._lock:
            if name in self._queue:
                self._queue.remove(name)
                self._end(name, "stopped")
                self._number_queue()
            elif self._find(name):
                self._cancelled.add(name)
                self._lock.notify()

    def discard(self, name: str) -> None:
        """Stop a job as `cancel` does, and forget it with its results."""
        with self._lock:
            if name in self._for_good or name not in self._jobs:
                return
            self._discarded.add(name)
            self.cancel(name)
            self._drop_discarded()

    def pause(self, name: str) -> None:
        """Pause a running job at the end of its turn."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is None:
                active.stepping.clear()
                self._jobs[name] = replace(
                    self._jobs[name],
                    runs=tuple(turned(run, "running", "paused") for run in self._jobs[name].runs),
                    paused=time.monotonic(),
                )
                self._lock.notify()

    def resume(self, name: str) -> None:
        """Resume a paused job."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is not None:
                active.stepping.clear()
                runs = tuple(turned(run, "paused", "running") for run in self._jobs[name].runs)
                self._jobs[name] = replace(rested(self._jobs[name]), runs=runs)
                self._lock.notify()

    def step(self, name: str) -> None:
        """Train every run of a paused job for one epoch more; a running job is paused instead."""
        with self._lock:
            active = self._find(name)
            if active and self._jobs[name].paused is not None:
                active.stepping += active.stacks
                active.due = 0.0
                self._lock.notify()
        self.pause(name)

    def set_pace(self, name: str, pace: float | None) -> None:
        """Train at most `pace` epochs per second; None for maximum speed."""
        with self._lock:
            if name in self._jobs and not self._jobs[name].ended and name not in self._for_good:
                self._jobs[name] = replace(self._jobs[name], pace=pace)
                if active := self._find(name):
                    active.due = 0.0
                self._lock.notify()

    def give_way(self) -> None:
        """Pause training for GIVE_WAY_SECONDS, because a page is being served.

        However often this is called, a pause takes at most LONGEST_WAIT, and at least a quarter of the time is
        training.
        """
        self._way_until = time.monotonic() + GIVE_WAY_SECONDS

    def close(self) -> None:
        """Stop all jobs and wait for the thread to end; nothing can be submitted afterwards."""
        with self._lock:
            self._closed = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _work(self) -> None:
        """The thread: start waiting jobs, then give each active job a turn."""
        _step_back()
        torch.set_num_threads(1)  # two torch threads stall each other when another core is busy
        torch.set_flush_denormal(True)  # Adam's moments of dead units become denormal, which is slow
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
        limited = [self._jobs[active.id] for active in self._active if active.id not in self._for_good]
        busy, most = sum(job.paused is None for job in limited), self._settings.max_active_runs
        return busy < most and len(limited) < most + self._settings.max_queued

    def _round(self) -> bool:
        """Give each active job a turn; returns whether any had work. A separate method, so that no local variable keeps
        the tensors of an ended job alive."""
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
        """Seconds until the next epoch is due, at most LOOK_SECONDS; 0 if there is work."""
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
        """Train a job for about TURN_SECONDS, so that jobs with short and long epochs get equal time."""
        until = time.monotonic() + TURN_SECONDS
        while True:
            self._wait_for_pages()  # before checking the controls, which may be used meanwhile
            if active not in self._active or active.id in self._cancelled or not self._may_train(active):
                return
            start = time.monotonic()
            self._advance(active)
            trained = time.monotonic() - start
            self._may_wait = min(self._may_wait + WAIT_PER_SECOND * trained, LONGEST_WAIT)
            if start + trained >= until:
                return

    def _wait_for_pages(self) -> None:
        """Wait while pages are served, up to a limit."""
        while (seconds := min(self._way_until - time.monotonic(), self._may_wait)) > 0:
            time.sleep(seconds)
            self._may_wait -= seconds

    def _advance(self, active: _Active) -> None:
        """Do the next part of the work of the current stack. Training itself holds no lock."""
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
        except Exception as error:  # a bug or a full device ends this job, not the thread
            self._finish_stack(active, stack, "failed", f"Training failed with {type(error).__name__}: {error}")
        else:  # one epoch each: between epochs a stack needs little memory
            active.stacks.rotate(-1)

    def _reason_to_stop(self, name: str) -> str | None:
        """Why a job must stop now: "" if the user cancelled it; None if it need not stop."""
        if name in self._for_good:
            return None
        if name in self._cancelled:
            return ""
        job = self._jobs[name]
        if job.elapsed > self._settings.run_seconds:
            return f"Stopped after {self._settings.run_seconds} s, the limit for one experiment."
        if time.monotonic() - self._read_at[name] > self._unwatched:
            return f"Stopped: no page has shown it for {self._unwatched:.0f} s."
        return None

    def _find(self, name: str) -> _Active | None:
        """The job in training that a control may change; None if there is none."""
        return next((one for one in self._active if one.id == name and name not in self._for_good), None)

    def _publish(self, active: _Active, stack: _Stack, epoch: Epoch) -> None:
        with self._lock:
            job = self._jobs[active.id]
            runs = list(job.runs)
            right = accuracies(runs[stack.rows[0]], epoch)
            for at, row in enumerate(stack.rows):
                if not runs[row].ended:
                    runs[row] = after_epoch(runs[row], epoch, at, float(right[at]), job.kept_every, len(runs) == 1)
            self._jobs[active.id] = within_memory(replace(job, runs=tuple(runs)))
            if stack in active.stepping:
                active.stepping.remove(stack)
            if job.pace is not None and len({run.epoch for run in runs if not run.ended}) == 1:  # all finished it
                active.due = time.monotonic() + 1 / job.pace

    def _finish_stack(self, active: _Active, stack: _Stack, status: Status, error: str = "") -> None:
        with self._lock:
            active.stacks.remove(stack)
            active.stepping = [one for one in active.stepping if one is not stack]
            if active.stacks:
                job = self._jobs[active.id]
                runs = tuple(
                    ended_run(run, status, error) if i in stack.rows else run for i, run in enumerate(job.runs)
                )
                self._jobs[active.id] = replace(job, runs=runs)
            else:
                self._end(active.id, status, error)

    def _end(self, name: str, status: Status, error: str = "") -> None:
        """End all runs of a job that have not ended. Called with the lock held."""
        job = rested(self._jobs[name])
        runs = tuple(ended_run(run, status, error) for run in job.runs)
        self._jobs[name] = replace(job, runs=runs, position=0, stopped=time.monotonic())
        self._active = [active for active in self._active if active.id != name]
        self._cancelled.discard(name)
        self._drop_discarded()
        self._forget()
        self._ends.notify_all()

    def _drop_discarded(self) -> None:
        """Forget the discarded jobs that have ended. Called with the lock held."""
        for name in [one for one in self._discarded if self._jobs[one].stopped is not None]:
            self._discarded.remove(name)
            del self._jobs[name], self._read_at[name]

    def _forget(self) -> None:
        """Drop scores of finished jobs until they fit into memory: first those of earlier epochs, then whole jobs, the
        oldest first. The last submitted job always stays. Called with the lock held."""
        # A job whose runs have all diverged stays active until its generator ends, so it is not dropped.
        finished = [name for name, job in self._jobs.items() if job.stopped is not None and name not in self._for_good]
        sizes = {name: n_bytes(self._jobs[name]) for name in finished}
        limit = self._settings.kept_mb << 20
        for name in finished[:-1]:
            if sum(sizes.values()) > limit:
                self._jobs[name] = without_earlier_epochs(self._jobs[name])
                sizes[name] = n_bytes(self._jobs[name])
        while len(finished) > KEPT_JOBS or (len(finished) > 1 and sum(sizes.values()) > limit):
            old = finished.pop(0)
            del self._jobs[old], self._read_at[old], sizes[old]

    def _number_queue(self) -> None:
        for position, name in enumerate(self._queue, 1):
            self._jobs[name] = replace(self._jobs[name], position=position)
        for active in self._active:
            self._jobs[active.id] = replace(self._jobs[active.id], position=0)


def _step_back() -> None:
    """Give this thread a lower priority than those that serve pages, if the system has thread priorities."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
