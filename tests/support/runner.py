"""Runner: what several test files share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.experiment.config import RunConfig, make_config
from core.training.engine import Epoch
from core.training.runner import Runner
from core.training.runs import Job

SECONDS = 20.0  # how long a test waits at most for what happens at once


def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail the test when it doesn't in time."""
    end = time.perf_counter() + SECONDS
    while not condition():
        assert time.perf_counter() < end, "what the test waits for did not happen"
        time.sleep(0.001)


def a_config(seed: int = 0, **choices: object) -> RunConfig:
    """A configuration that is checked in no time; the seed says which script trains it."""
    plain = {"dataset": "gaussians", "dataset_params": {"samples": 200}, "batch_size": 10, "epochs": 4}
    return make_config(**{**plain, "seed": seed, **choices})


def an_epoch(index: int, runs: int = 1, finite: Sequence[bool] | None = None) -> Epoch:
    """An epoch whose loss is 1 / (1 + index) and whose scores tell the epoch; both are NaN where a run diverged."""
    sound = np.array(finite or [True] * runs)
    loss = np.where(sound, 1 / (1 + index), np.nan)
    scores = tuple(np.full((50, 1), index / 100 if fine else np.nan, np.float32) for fine in sound)
    return Epoch(index, loss, 2 * loss, scores, scores, sound, np.zeros(runs, bool))


def epochs(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
    """All epochs at once."""
    yield from (an_epoch(index, len(configs)) for index in range(configs[0].epochs + 1))


class Held:
    """A script that trains one epoch and then takes turns without progress until the test opens it."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.turns = 0

    def __call__(self, configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        for index in range(2):
            yield an_epoch(index, len(configs))
        while not self.opened.wait(0.001):
            self.turns += 1
            yield None
        yield from (an_epoch(index, len(configs)) for index in range(2, configs[0].epochs + 1))


def ended(runner: Runner, name: str) -> Job:
    """The job once it has ended."""
    until(lambda: runner.job(name).ended)
    return runner.job(name)
