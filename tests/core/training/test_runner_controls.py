"""The runner's controls: pause, step, resume, pace; runs that stop early; what is kept of earlier epochs."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.data import load_split
from core.errors import CutoffError
from core.experiment.config import RunConfig
from core.settings import Settings
from core.training import progress
from core.training import runner as module
from core.training.engine import Epoch
from core.training.runner import Runner
from tests.conftest import experiment
from tests.support.runner import Held, a_config, an_epoch, ended, epochs, until

EPOCHS = 500


def slow(configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
    """All epochs, each after a millisecond."""
    for index in range(configs[0].epochs + 1):
        time.sleep(0.001)
        yield an_epoch(index, len(configs))


@pytest.fixture
def build() -> Iterator:
    """Builds runners around one script and closes them after the test."""
    built: list[Runner] = []

    def make(script, **settings: int) -> Runner:
        built.append(Runner(Settings(**settings), script, 1e9))
        return built[-1]

    yield make
    for runner in built:
        runner.close()


def paused(runner: Runner, *configs: RunConfig) -> str:
    """A job that has trained a few epochs and rests."""
    name = runner.submit(experiment(*configs))
    until(lambda: runner.job(name).runs[0].epoch >= 2)
    runner.pause(name)
    assert runner.job(name).status == "paused"
    return rests(runner, name)


def rests(runner: Runner, name: str) -> str:
    """The job once nothing of it moves any more."""
    before = -2
    while before != (before := sum(run.epoch for run in runner.job(name).runs)):
        time.sleep(0.05)
    return name


def test_a_paused_job_stays_where_it_is_and_goes_on_to_the_end(build):
    runner = build(slow)
    name = paused(runner, a_config(epochs=EPOCHS))
    at = runner.job(name).runs[0].epoch
    time.sleep(0.1)
    assert (runner.job(name).status, runner.job(name).runs[0].epoch) == ("paused", at)
    assert not runner.job(name).ended
    runner.resume(name)
    assert runner.job(name).status == "running"
    assert ended(runner, name).runs[0].epoch == EPOCHS
    assert runner.job(name).status == "finished"


def test_a_step_is_one_epoch_of_every_run_of_every_stack(build):
    runner = build(slow)
    name = paused(runner, *(a_config(epochs=EPOCHS, batch_size=size) for size in (10, 20, 10)))
    before = [run.epoch for run in runner.job(name).runs]

    def pairs():
        return zip(runner.job(name).runs, before, strict=True)

    for steps in (1, 2):
        runner.step(name)
        until(
            lambda steps=steps: (
                [run.epoch - b for run, b in zip(runner.job(name).runs, before, strict=True)] == [steps] * 3
            )
        )
        rests(runner, name)
        assert [run.epoch - b for run, b in zip(runner.job(name).runs, before, strict=True)] == [steps] * 3
        assert runner.job(name).status == "paused"


def test_a_discarded_job_is_stopped_and_forgotten(build):
    runner = build(slow)
    names = [runner.submit(experiment(a_config(epochs=EPOCHS))) for _ in range(4)]  # two of them wait
    kept = runner.submit(experiment(a_config(epochs=1)), for_good=True)
    ended(runner, kept)
    for name in (*names[1:], kept, "unknown"):
        runner.discard(name)

    def known(name: str) -> bool:
        try:
            runner.job(name)
        except CutoffError:
            return False
        return True

    until(lambda: not any(map(known, names[1:])))
    assert known(kept)
    runner.discard(ended(runner, names[0]).id)
    assert not known(names[0])


def test_steps_that_follow_at_once_are_an_epoch_each(build):
    runner = build(slow)
    name = paused(runner, *(a_config(epochs=EPOCHS, batch_size=size) for size in (10, 20)))
    before = [run.epoch for run in runner.job(name).runs]
    for _ in range(3):
        runner.step(name)
    rests(runner, name)
    assert [run.epoch - b for run, b in zip(runner.job(name).runs, before, strict=True)] == [3, 3]
    assert runner.job(name).status == "paused"


def test_a_step_of_a_job_that_trains_pauses_it(build):
    runner = build(slow)
    name = runner.submit(experiment(a_config(epochs=EPOCHS)))
    until(lambda: runner.job(name).runs[0].epoch >= 1)
    runner.step(name)
    assert runner.job(name).status == "paused"


def test_a_paused_job_can_be_stopped_and_keeps_what_it_has(build):
    runner = build(slow)
    name = paused(runner, a_config(epochs=EPOCHS))
    at = runner.job(name).runs[0].epoch
    runner.cancel(name)
    job = ended(runner, name)
    assert (job.status, job.runs[0].epoch, job.paused) == ("stopped", at, None)
    for control in (runner.pause, runner.resume, runner.step):
        control(name)
    assert runner.job(name) == job


def test_a_paused_job_keeps_nobody_waiting(build):
    runner = build(slow, max_active_runs=1)
    resting = paused(runner, a_config(epochs=EPOCHS))
    assert ended(runner, runner.submit(experiment(a_config(epochs=3)))).status == "finished"
    assert runner.job(resting).status == "paused"


@pytest.mark.parametrize(("control", "status"), [("pause", "paused"), ("cancel", "stopped"), ("step", "paused")])
def test_a_control_acts_at_the_end_of_the_chunk_in_flight(build, control, status):
    chunks, gate = 0, threading.Semaphore(0)

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        nonlocal chunks
        for index in range(EPOCHS):
            chunks += 1
            gate.acquire()
            yield an_epoch(index, len(configs))

    runner = build(script)
    name = runner.submit(experiment(a_config()))
    until(lambda: chunks)
    getattr(runner, control)(name)
    gate.release(EPOCHS)
    until(lambda: runner.job(name).status == status)
    time.sleep(0.05)
    assert chunks == 1
    assert runner.job(name).runs[0].epoch == 0


def test_a_pause_while_training_gives_way_leaves_nothing_to_train(build, monkeypatch):
    monkeypatch.setattr(module, "GIVE_WAY_SECONDS", 0.2)
    runner = build(slow)
    name = runner.submit(experiment(a_config(epochs=EPOCHS)))
    until(lambda: runner.job(name).runs[0].epoch > 3)
    runner.give_way()
    time.sleep(0.05)  # in which the piece in flight ends
    runner.pause(name)
    at = runner.job(name).runs[0].epoch
    time.sleep(0.3)
    assert runner.job(name).runs[0].epoch == at


class Pieces:
    """Work in pieces of two milliseconds, which are counted."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        yield an_epoch(0)
        while True:
            time.sleep(0.002)
            self.done += 1
            yield None


def training(build, work: Pieces) -> Runner:
    """A runner that has done some of the work."""
    runner = build(work)
    runner.submit(experiment(a_config()))
    until(lambda: work.done > 3)
    return runner


def test_training_waits_for_a_while_after_each_sign_of_a_page_that_is_served(build, monkeypatch):
    monkeypatch.setattr(module, "GIVE_WAY_SECONDS", 1.0)
    monkeypatch.setattr(module, "LONGEST_WAIT", 60)
    pieces = Pieces()
    runner = training(build, pieces)
    runner.give_way()
    time.sleep(0.1)  # in which the piece in flight ends
    before = pieces.done
    for _ in range(3):
        runner.give_way()
        time.sleep(0.1)
    assert pieces.done == before
    until(lambda: pieces.done > before + 3)


def test_training_goes_on_at_a_quarter_of_its_pace_while_pages_are_served_all_the_time(build, monkeypatch):
    now, waited = time.monotonic(), []

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds
        waited.append(seconds)

    class Clocked(Pieces):
        def __call__(self, configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
            nonlocal now
            yield an_epoch(0)
            while self.done < 100:
                now += 0.002
                self.done += 1
                yield None

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now, sleep=wait))
    monkeypatch.setattr(module, "GIVE_WAY_SECONDS", 1e6)
    pieces = Clocked()
    runner = build(pieces)
    runner.give_way()
    ended(runner, runner.submit(experiment(a_config())))
    assert sum(waited) == pytest.approx(module.LONGEST_WAIT + pieces.done * 0.002 * module.WAIT_PER_SECOND, rel=0.01)


def test_time_in_a_pause_is_no_training_time(build, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    script = Held()
    runner = build(script, run_seconds=60)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    now[0] += 10
    runner.pause(name)
    now[0] += 500
    assert runner.job(name).elapsed == 10
    runner.resume(name)
    now[0] += 5
    assert runner.job(name).elapsed == 15
    script.opened.set()
    assert ended(runner, name).status == "finished"


def test_a_pace_holds_for_a_job_of_several_stacks_which_then_rest_at_one_epoch(build):
    runner = build(epochs)
    name = runner.submit(experiment(*[a_config(batch_size=size, epochs=2000) for size in (10, 20)]))
    runner.set_pace(name, 1e-6)

    def trained() -> list[int]:
        return [run.epoch for run in runner.job(name).runs]

    def rests() -> bool:
        before = trained()
        time.sleep(0.1)
        return trained() == before

    until(rests)
    first, second = trained()
    assert first == second < 2000


def test_a_pace_bounds_the_epochs_of_a_second(build):
    runner = build(slow)
    name = runner.submit(experiment(a_config(epochs=EPOCHS)))
    runner.set_pace(name, 20.0)
    first, since = runner.job(name).runs[0].epoch, time.monotonic()
    time.sleep(0.5)
    trained, passed = runner.job(name).runs[0].epoch - first, time.monotonic() - since
    assert trained <= 20 * passed + 41  # and what was trained in the turn before the pace was set
    runner.set_pace(name, None)
    assert ended(runner, name).runs[0].epoch == EPOCHS


def test_a_run_that_stops_early_says_so_and_the_others_go_on(build):
    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for epoch in epochs(configs):
            yield replace(epoch, stopped=np.array([epoch.index >= 2, False]))

    job = ended(runner := build(script), runner.submit(experiment(a_config(), a_config())))
    assert [(run.status, run.epoch) for run in job.runs] == [("stopped early", 2), ("finished", 4)]
    assert job.progress == 1


def test_earlier_outputs_are_thinned_to_their_share_of_memory(build, monkeypatch):
    one = an_epoch(0).validation[0].nbytes + an_epoch(0).test[0].nbytes
    monkeypatch.setattr(progress, "KEPT_BYTES_A_JOB", 10 * one)
    job = ended(runner := build(epochs), runner.submit(experiment(a_config(epochs=101))))
    kept = [one.epoch for one in job.runs[0].kept]
    assert kept == [*range(0, 101, job.kept_every), 101]
    assert len(kept) <= 10
    for one in job.runs[0].kept:
        assert {array[0, 0] for array in one.outputs.values()} == {np.float32(one.epoch / 100)}


def test_the_best_epochs_are_kept_when_others_are_dropped(build, monkeypatch):
    y = load_split("gaussians", a_config().dataset_params, 0).y["validation"]

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for epoch in epochs(configs):
            ranked = y if epoch.index == 53 else 1 - y
            scores = (np.where(ranked, 0.9, 0.1).astype(np.float32)[:, None],)
            losses = np.full(1, abs(epoch.index - 37.0))
            yield replace(epoch, validation=scores, test=scores, validation_loss=losses)

    monkeypatch.setattr(progress, "KEPT_BYTES_A_JOB", 20 * an_epoch(0).validation[0].nbytes)
    job = ended(runner := build(script), runner.submit(experiment(a_config(epochs=101))))
    assert job.kept_every > 1
    assert {37, 53} == {one.epoch for one in job.runs[0].kept} - {*range(0, 101, job.kept_every), 101}


def test_each_of_several_runs_keeps_its_epoch_of_minimum_validation_loss(build, monkeypatch):
    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for epoch in epochs(configs):
            views = tuple(np.stack(epoch.validation))
            losses = np.abs(epoch.index - np.array([37.0, 53.0]))
            yield replace(epoch, validation=views, test=views, validation_loss=losses)

    one = an_epoch(0).validation[0].nbytes + an_epoch(0).test[0].nbytes
    monkeypatch.setattr(progress, "KEPT_BYTES_A_JOB", 20 * one)
    runner = build(script)
    job = ended(runner, runner.submit(experiment(a_config(epochs=101), a_config(epochs=101, seed=1))))
    assert job.kept_every > 1
    for run, least in zip(job.runs, (37, 53), strict=True):
        assert [kept.epoch for kept in run.kept] == sorted({*range(0, 101, job.kept_every), least, 101})
        (found,) = [kept for kept in run.kept if kept.epoch == least]
        assert all(array.base is None for array in found.outputs.values())  # else all runs of that epoch are kept


def test_every_epoch_is_kept_while_there_is_room(build):
    job = ended(runner := build(epochs), runner.submit(experiment(a_config(epochs=20))))
    assert [one.epoch for one in job.runs[0].kept] == list(range(21))


A_REGRESSION = {
    "dataset": "line",
    "dataset_params": {},
    "head": "identity",
    "loss": "mse",
}  # no accuracy of its outputs


def with_outputs_of(megabytes: int, epochs: int) -> Callable[[Sequence[RunConfig]], Iterator[Epoch]]:
    """A script whose validation outputs take so many megabytes an epoch."""

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for index in range(epochs):
            yield replace(an_epoch(index), validation=(np.full((megabytes << 18, 1), index, np.float32),))

    return script


def kept_epochs(runner: Runner, name: str) -> list[int]:
    """The epochs of a job whose outputs are kept; none once it is forgotten."""
    try:
        return [one.epoch for one in runner.job(name).runs[0].kept]
    except CutoffError:
        return []


def test_of_finished_jobs_the_earlier_epochs_go_first_and_then_the_oldest_job(build):
    runner = build(with_outputs_of(1, 3), kept_mb=5)  # that is two jobs: the older one's last epoch, all of the newer
    names: list[str] = []
    for expected in ([[0, 1, 2]], [[2], [0, 1, 2]], [[], [2], [0, 1, 2]], [[], [], [2], [0, 1, 2]]):
        names.append(runner.submit(experiment(a_config(**A_REGRESSION))))
        until(lambda: runner.job(names[-1]).stopped)
        assert [kept_epochs(runner, name) for name in names] == expected
    assert (runner.job(names[-2]).runs[0].outputs["validation"] == 2).all()


def test_the_last_job_stays_however_large_it_is(build):
    runner = build(with_outputs_of(2, 2), kept_mb=1)
    first, second = [ended(runner, runner.submit(experiment(a_config(**A_REGRESSION)))).id for _ in range(2)]
    until(lambda: not kept_epochs(runner, first))
    assert kept_epochs(runner, second) == [0, 1]


@pytest.mark.parametrize("end", ["stopped early", "diverged"])
def test_a_run_that_ends_before_the_others_does_not_keep_their_scores_in_memory(build, monkeypatch, end):
    monkeypatch.setattr(progress, "KEPT_BYTES_A_JOB", 1)
    of_stack: list[weakref.ref] = []

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for index in range(5):
            whole = np.full((2, 50, 1), index / 100, np.float32)
            of_stack.append(weakref.ref(whole))
            sound = [end != "diverged" or index < 3, True]
            epoch = replace(an_epoch(index, 2, sound), validation=tuple(whole), test=tuple(whole))
            yield replace(epoch, stopped=np.array([end == "stopped early" and index >= 2, False]))

    job = ended(runner := build(script), runner.submit(experiment(a_config(), a_config())))
    assert [run.status for run in job.runs] == [end, "finished"]
    until(lambda: all(whole() is None for whole in of_stack[1:4]))  # epochs 0 and 4 stay
    for part in ("validation", "test"):
        assert (job.runs[0].outputs[part] == np.float32(0.02)).all()
    assert [one.epoch for one in job.runs[0].kept] == [0, 2]
