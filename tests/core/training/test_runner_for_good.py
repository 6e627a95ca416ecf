"""Jobs that the runner keeps for good: outside of its limits, and deaf to the controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from core.errors import CutoffError
from core.settings import Settings
from core.training.runner import Runner
from tests.conftest import experiment
from tests.support.runner import Held, a_config, ended, epochs, until

Build = Callable[..., Runner]


@pytest.fixture
def build() -> Iterator[Build]:
    """Builds runners whose scripts are chosen by a configuration's seed, and closes them after the test."""
    built: list[Runner] = []

    def make(*scripts: Callable, unwatched: float = 1e9, **settings: int) -> Runner:
        runner = Runner(Settings(**settings), lambda configs: scripts[configs[0].seed](configs), unwatched)
        built.append(runner)
        return runner

    yield make
    for runner in built:
        runner.close()


def test_it_trains_beside_as_many_jobs_as_are_allowed_and_with_a_full_queue(build):
    scripts = Held(), Held(), Held()
    runner = build(*scripts, epochs, max_active_runs=1, max_queued=1)
    first = runner.submit(experiment(a_config()))
    until(lambda: scripts[0].turns)
    second = runner.submit(experiment(a_config(1)))
    with pytest.raises(CutoffError, match="queue is full"):
        runner.submit(experiment(a_config(2)))
    kept = runner.submit(experiment(a_config(3)), for_good=True)
    assert runner.wait(kept).status == "finished"
    assert (runner.job(first).status, runner.job(second).status) == ("running", "queued")


def test_it_takes_no_place_from_others(build):
    shown, own = Held(), Held()
    runner = build(shown, own, max_active_runs=1, max_queued=1)
    runner.submit(experiment(a_config()), for_good=True)
    runner.submit(experiment(a_config(1)))
    until(lambda: shown.turns and own.turns)


@pytest.mark.parametrize("control", ["cancel", "pause", "step"])
def test_controls_do_nothing_to_it(build, control):
    script = Held()
    runner = build(script)
    kept = runner.submit(experiment(a_config()), for_good=True)
    until(lambda: script.turns)
    getattr(runner, control)(kept)
    runner.set_pace(kept, 0.001)
    turns = script.turns
    until(lambda: script.turns > turns)
    script.opened.set()
    job = runner.wait(kept)
    assert (job.status, job.pace, job.runs[0].epoch) == ("finished", None, 4)


def test_it_is_not_stopped_when_nobody_reads_it(build):
    script, other = Held(), Held()
    runner = build(script, other, unwatched=0.0)
    kept = runner.submit(experiment(a_config()), for_good=True)
    left = runner.submit(experiment(a_config(1)))
    assert runner.wait(left).status == "stopped"
    script.opened.set()
    assert runner.wait(kept).status == "finished"


def test_it_is_kept_with_all_its_epochs_when_others_are_dropped(build, monkeypatch):
    monkeypatch.setattr("core.training.runner.KEPT_JOBS", 1)
    runner = build(epochs, epochs)
    kept = runner.submit(experiment(a_config()), for_good=True)
    runner.wait(kept)
    first, second = (ended(runner, runner.submit(experiment(a_config(1)))).id for _ in range(2))
    assert [one.epoch for one in runner.job(kept).runs[0].kept] == list(range(5))
    assert runner.job(second).ended
    with pytest.raises(CutoffError, match="no longer kept"):
        runner.job(first)


def test_waiting_ends_when_the_job_ends_and_not_before(build):
    script = Held()
    runner = build(script)
    name = runner.submit(experiment(a_config()))
    found = []
    waiting = threading.Thread(target=lambda: found.append(runner.wait(name)))
    waiting.start()
    until(lambda: script.turns > 3)
    assert waiting.is_alive()
    assert not found
    script.opened.set()
    waiting.join(timeout=20)
    assert found[0].status == "finished"
    assert runner.wait(name) == found[0]


def test_waiting_for_a_job_ends_when_the_runner_is_closed(build):
    script = Held()
    runner = build(script)
    name = runner.submit(experiment(a_config()), for_good=True)
    until(lambda: script.turns)
    runner.close()
    assert runner.wait(name).status == "stopped"


def test_nobody_can_wait_for_what_is_not_kept(build):
    with pytest.raises(CutoffError, match="no longer kept"):
        build(epochs).wait("nothing")
