"""The runner with trainers that wait for the test, fail or diverge on cue; once with the real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from core.data import load_split
from core.errors import CutoffError
from core.experiment.config import MAX_RUNS, RunConfig
from core.settings import Settings
from core.training import runner as module
from core.training.engine import Epoch, train
from core.training.runner import Runner
from core.training.runs import History, Job, Run
from tests.conftest import experiment
from tests.support.runner import SECONDS, Held, a_config, an_epoch, ended, epochs, until

Script = Callable[[Sequence[RunConfig]], Iterator[Epoch | None]]
Build = Callable[..., Runner]


def a_job(runs: tuple[Run, ...], **fields: Any) -> Job:
    return Job("a", experiment(*(run.config for run in runs)), runs, **fields)


def fails(error: Exception, after: int = 1) -> Script:
    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        yield from (an_epoch(index, len(configs)) for index in range(after))
        raise error

    return script


@pytest.fixture
def build() -> Iterator[Build]:
    """Builds runners whose scripts are chosen by a configuration's seed, and closes them after the test."""
    built: list[Runner] = []

    def make(*scripts: Script, unwatched: float = 1e9, **settings: int) -> Runner:
        runner = Runner(Settings(**settings), lambda configs: scripts[configs[0].seed](configs), unwatched)
        built.append(runner)
        return runner

    yield make
    for runner in built:
        runner.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The runner's time, a list of one number that the test may set."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def status(runner: Runner, *names: str) -> list[str]:
    return [runner.job(name).status for name in names]


# --- the way of a job


def test_job_trains_to_the_end_and_keeps_its_history_and_last_scores(build):
    runner = build(epochs)
    job = ended(runner, runner.submit(experiment(a_config(), a_config())))
    assert (job.status, job.progress, job.position, job.remaining) == ("finished", 1.0, 0, None)
    assert [run.id for run in job.runs] == [f"{job.id}-0", f"{job.id}-1"]
    for run in job.runs:
        assert (run.status, run.epoch, run.error) == ("finished", 4, "")
        np.testing.assert_allclose(run.history.train, 1 / np.arange(1, 6))
        np.testing.assert_allclose(run.history.validation, 2 / np.arange(1, 6))
        np.testing.assert_array_equal(run.outputs["test"], np.full((50, 1), 0.04, np.float32))


def test_thread_starts_with_the_first_job_and_is_a_daemon(build):
    before = set(threading.enumerate())
    runner = build(epochs)
    assert set(threading.enumerate()) == before
    ended(runner, runner.submit(experiment(a_config())))
    ended(runner, runner.submit(experiment(a_config())))
    (thread,) = set(threading.enumerate()) - before
    assert (thread.name, thread.daemon) == ("cutoff-engine", True)


def test_jobs_are_taken_up_in_the_order_of_their_submission_and_know_their_position(build):
    first = Held()
    order: list[int] = []

    def noted(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        order.append(configs[0].epochs)
        yield from epochs(configs)

    runner = build(first, noted, max_active_runs=1)
    running = runner.submit(experiment(a_config()))
    until(lambda: first.turns)
    waiting = [runner.submit(experiment(a_config(1, epochs=number))) for number in (1, 2, 3)]
    assert [runner.job(name).position for name in (running, *waiting)] == [0, 1, 2, 3]
    assert status(runner, running, *waiting) == ["running", "queued", "queued", "queued"]
    assert all(runner.job(name).elapsed == 0 for name in waiting)
    first.opened.set()
    assert [ended(runner, name).position for name in waiting] == [0, 0, 0]
    assert order == [1, 2, 3]


def test_no_more_jobs_train_at_a_time_than_are_allowed(build):
    scripts = [Held(), Held(), Held()]
    runner = build(*scripts, max_active_runs=2)
    names = [runner.submit(experiment(a_config(seed))) for seed in range(3)]
    until(lambda: scripts[0].turns and scripts[1].turns)
    assert status(runner, *names) == ["running", "running", "queued"]
    scripts[0].opened.set()
    until(lambda: scripts[2].turns)
    assert status(runner, *names) == ["finished", "running", "running"]


def test_a_job_is_waited_for_until_it_ends_or_for_some_seconds(build):
    script = Held()
    runner = build(script)
    name = runner.submit(experiment(a_config()))
    assert not runner.wait(name, 0.01).ended
    script.opened.set()
    assert runner.wait(name, SECONDS).status == "finished"
    assert runner.wait(name).status == "finished"
    with pytest.raises(CutoffError):
        runner.wait("none")


def test_two_jobs_move_in_turns(build, monkeypatch):
    both, turns = threading.Event(), []

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        while not both.wait(0.001):
            yield None
        for index in range(5):
            turns.append(configs[0].seed)
            yield an_epoch(index)

    monkeypatch.setattr("core.training.runner.TURN_SECONDS", 0.0)  # one epoch a turn
    runner = build(script, script)
    names = [runner.submit(experiment(a_config(seed))) for seed in (0, 1)]
    until(lambda: status(runner, *names) == ["running", "running"])
    both.set()
    assert [ended(runner, name).status for name in names] == ["finished", "finished"]
    assert all(one != other for one, other in zip(turns[::2], turns[1::2], strict=True))


def test_stacks_of_one_job_move_in_turns_and_fill_in_their_own_runs(build):
    turns: list[int] = []

    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for epoch in epochs(configs):
            turns.append(configs[0].batch_size)
            yield replace(epoch, train_loss=np.array([c.lr for c in configs]))

    runner = build(script)
    rows = [(10, 0.1), (20, 0.2), (10, 0.3), (20, 0.4)]
    job = ended(runner, runner.submit(experiment(*[a_config(batch_size=size, lr=lr) for size, lr in rows])))
    assert turns == [10, 20] * 5
    assert [run.history.train[-1] for run in job.runs] == [lr for _, lr in rows]
    assert all(len(run.history.train) == 5 for run in job.runs)


# --- snapshots


def test_snapshot_stays_as_it_was_while_the_job_goes_on(build):
    script = Held()
    runner = build(script)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    before = runner.job(name)
    script.opened.set()
    after = ended(runner, name)
    assert (before.runs[0].epoch, before.runs[0].status, len(before.runs[0].history.train)) == (1, "running", 2)
    assert before.runs[0].outputs["test"][0, 0] == np.float32(0.01)
    assert after.runs[0].epoch == 4
    with pytest.raises(FrozenInstanceError):
        after.runs[0].status = "running"


def test_run_has_scores_once_it_was_evaluated(build):
    script = Held()
    runner = build(script)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    run = runner.job(name).runs[0]
    scores = run.scores("test")
    split = load_split(run.config.dataset, run.config.dataset_params)
    np.testing.assert_array_equal(scores.y_true, split.y["test"])
    np.testing.assert_array_equal(scores.y_score, run.outputs["test"])
    assert (scores.task, scores.class_names) == ("binary", ("negative", "positive"))


def test_run_without_scores_says_so():
    with pytest.raises(CutoffError) as caught:
        Run("a-0", a_config()).scores("validation")
    assert str(caught.value) == "Expected a run with validation scores, but got one that is queued without any."


# --- cancelling


def test_waiting_job_is_cancelled_at_once_and_those_behind_it_move_up(build):
    first = Held()
    runner = build(first, epochs, max_active_runs=1)
    running = runner.submit(experiment(a_config()))
    until(lambda: first.turns)
    gone, next_one = (runner.submit(experiment(a_config(1))) for _ in range(2))
    runner.cancel(gone)
    assert status(runner, running, gone, next_one) == ["running", "stopped", "queued"]
    assert [runner.job(name).position for name in (gone, next_one)] == [0, 1]
    first.opened.set()
    assert ended(runner, next_one).status == "finished"
    assert runner.job(gone).runs[0].epoch == -1


def test_training_job_is_cancelled_after_its_turn_and_keeps_what_it_trained(build):
    script = Held()
    runner = build(script, epochs)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    runner.cancel(name)
    job = ended(runner, name)
    assert (job.status, job.runs[0].error, job.runs[0].epoch) == ("stopped", "", 1)
    assert job.runs[0].scores("test").y_score.shape == (50, 1)
    assert ended(runner, runner.submit(experiment(a_config(1)))).status == "finished"


def test_cancelling_a_job_that_has_ended_or_is_unknown_does_nothing(build):
    runner = build(epochs)
    name = runner.submit(experiment(a_config()))
    job = ended(runner, name)
    runner.cancel(name)
    runner.cancel("unknown")
    assert runner.job(name) == job


# --- what goes wrong in training


def test_exception_fails_the_job_with_a_sentence_and_the_next_one_trains(build):
    runner = build(fails(RuntimeError("out of memory")), epochs)
    job = ended(runner, runner.submit(experiment(a_config())))
    assert job.status == "failed"
    assert job.runs[0].error == "Training failed with RuntimeError: out of memory"
    assert job.runs[0].epoch == 0
    assert ended(runner, runner.submit(experiment(a_config(1)))).status == "finished"


def test_sentence_of_a_cutoff_error_is_shown_as_it_is(build):
    runner = build(fails(CutoffError("Expected this, but got that."), after=0))
    assert ended(runner, runner.submit(experiment(a_config()))).runs[0].error == "Expected this, but got that."


@pytest.mark.parametrize("failing", [10, 20])
def test_stack_that_fails_leaves_the_other_stacks_of_its_job(failing, build):
    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        return (fails(RuntimeError("boom")) if configs[0].batch_size == failing else epochs)(configs)

    runner = build(script)
    job = ended(runner, runner.submit(experiment(*[a_config(batch_size=size) for size in (10, 20, 10)])))
    expected = ["failed" if size == failing else "finished" for size in (10, 20, 10)]
    assert [run.status for run in job.runs] == expected
    assert [bool(run.error) for run in job.runs] == [state == "failed" for state in expected]
    assert job.status == "failed"
    assert job.progress < 1  # the epochs that failed were never trained


def test_diverged_run_keeps_its_last_good_scores_and_the_others_go_on(build):
    def script(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        yield from (an_epoch(index, 2, [True, index < 2]) for index in range(5))

    runner = build(script)
    job = ended(runner, runner.submit(experiment(a_config(), a_config())))
    good, bad = job.runs
    assert [good.status, bad.status, job.status] == ["finished", "diverged", "finished"]
    assert (good.epoch, bad.epoch) == (4, 1)
    assert bad.outputs["validation"][0, 0] == np.float32(0.01)
    assert bad.error.startswith("The loss was not finite at epoch 2; the results are those of the epoch before.")


def test_job_whose_only_run_diverges_has_diverged(build):
    runner = build(lambda configs: iter([an_epoch(0), an_epoch(1, finite=[False])]))
    assert ended(runner, runner.submit(experiment(a_config()))).status == "diverged"


# --- limits


def peek(runner: Runner, name: str) -> Job:
    """The job, read behind the runner's back: reading it through the runner counts as looking at it."""
    return runner._jobs[name]


def test_job_that_nobody_looks_at_stops_with_a_sentence(build, clock):
    script = Held()
    runner = build(script, unwatched=300.0)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    clock[0] += 299
    runner.job(name)
    clock[0] += 299
    turns = script.turns
    until(lambda: script.turns > turns + 2)
    assert not peek(runner, name).ended
    clock[0] += 2
    until(lambda: peek(runner, name).ended)
    run = runner.job(name).runs[0]
    assert (run.status, run.error, run.epoch) == ("stopped", "Stopped: no page has shown it for 300 s.", 1)


def test_job_stops_at_the_limit_of_training_time_with_a_sentence(build, clock):
    script = Held()
    runner = build(script, run_seconds=60)
    name = runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    clock[0] += 59
    turns = script.turns
    until(lambda: script.turns > turns + 2)
    assert runner.job(name).status == "running"
    clock[0] += 2
    job = ended(runner, name)
    assert job.runs[0].error == "Stopped after 60 s, the limit for one experiment."
    assert job.status == "stopped"
    assert job.elapsed == 61


def test_waiting_does_not_count_as_training_time(build, clock):
    scripts = Held(), Held()
    runner = build(*scripts, max_active_runs=1, run_seconds=60)
    names = [runner.submit(experiment(a_config(seed))) for seed in (0, 1)]
    until(lambda: scripts[0].turns)
    clock[0] += 50
    scripts[0].opened.set()
    until(lambda: scripts[1].turns)
    clock[0] += 50
    scripts[1].opened.set()
    assert [ended(runner, name).status for name in names] == ["finished", "finished"]
    assert [runner.job(name).elapsed for name in names] == [50, 50]


def test_full_queue_refuses_one_more_with_a_sentence(build):
    script = Held()
    runner = build(script, max_active_runs=1, max_queued=2)
    runner.submit(experiment(a_config()))
    until(lambda: script.turns)
    waiting = [runner.submit(experiment(a_config())) for _ in range(2)]
    with pytest.raises(CutoffError) as caught:
        runner.submit(experiment(a_config()))
    assert str(caught.value) == "The queue is full (limit: 2). Try again in a minute."
    runner.cancel(waiting[0])
    assert runner.job(runner.submit(experiment(a_config()))).position == 2


def test_number_of_runs_in_a_job_is_bounded(build):
    with pytest.raises(CutoffError, match=f"The limit is {MAX_RUNS} runs; this experiment has {MAX_RUNS + 1}"):
        build(epochs).submit(experiment(*[a_config()] * (MAX_RUNS + 1)))


def test_job_with_one_bad_configuration_is_refused_whole(build):
    runner = build(epochs)
    with pytest.raises(CutoffError, match=r"Expected `batch_size` to be at most the 100 training rows, but got 101"):
        runner.submit(experiment(a_config(), a_config(batch_size=101)))
    assert not runner._jobs


def test_oldest_ended_jobs_are_forgotten(build, monkeypatch):
    monkeypatch.setattr(module, "KEPT_JOBS", 2)
    script = Held()
    runner = build(epochs, script)
    running = runner.submit(experiment(a_config(1)))
    names = [runner.submit(experiment(a_config())) for _ in range(4)]
    until(lambda: names[0] not in runner._jobs and names[1] not in runner._jobs)
    assert status(runner, running, *names[2:]) == ["running", "finished", "finished"]
    with pytest.raises(CutoffError, match="is no longer kept"):
        runner.job(names[0])


def test_short_epochs_get_as_much_time_as_long_ones(build):
    """A job of instant epochs takes many of them in each turn, while one of long epochs takes one."""
    done = threading.Event()
    order: list[int] = []

    def short(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        for index in range(20):
            order.append(0)
            yield an_epoch(index)
        done.set()

    def long(configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        while not done.is_set():
            order.append(1)
            done.wait(0.05)
            yield None
        yield an_epoch(0)

    runner = build(short, long)
    names = [runner.submit(experiment(a_config(seed))) for seed in (0, 1)]
    assert [ended(runner, name).status for name in names] == ["finished", "finished"]
    assert order.count(1) < 10


def test_diverged_job_in_its_last_round_survives_the_clearing_of_old_jobs(build, monkeypatch):
    monkeypatch.setattr("core.training.runner.KEPT_JOBS", 1)
    held = threading.Event()

    def diverging(configs: Sequence[RunConfig]) -> Iterator[Epoch | None]:
        yield an_epoch(0, finite=[False])
        while not held.wait(0.001):
            yield None

    def quick(configs: Sequence[RunConfig]) -> Iterator[Epoch]:
        return iter([an_epoch(0)])

    runner = build(diverging, quick, quick, quick)
    first = runner.submit(experiment(a_config(0)))
    for seed in (1, 2, 3):
        ended(runner, runner.submit(experiment(a_config(seed))))
    assert runner.job(first).status == "diverged"
    held.set()


def test_unknown_id_is_answered_with_what_to_do():
    with pytest.raises(CutoffError) as caught:
        Runner().job("f00")
    assert str(caught.value) == (
        "The run 'f00' is no longer kept. The app keeps the last 50 experiments until it restarts, fewer if they are "
        "large."
    )


def test_close_stops_what_trains_and_what_waits_and_refuses_more(build):
    script = Held()
    runner = build(script, max_active_runs=1)
    names = [runner.submit(experiment(a_config())) for _ in range(2)]
    until(lambda: script.turns)
    runner.close()
    assert status(runner, *names) == ["stopped", "stopped"]
    assert not runner._thread.is_alive()
    with pytest.raises(CutoffError, match="The app is shutting down"):
        runner.submit(experiment(a_config()))
    runner.close()


def test_close_of_a_runner_that_never_trained_returns(build):
    build(epochs).close()


def test_many_threads_may_submit_read_and_cancel(build):
    runner = build(epochs, Held(), max_active_runs=2, max_queued=100)
    failures: list[Exception] = []

    def user(number: int) -> None:
        try:
            for _ in range(5):
                name = runner.submit(experiment(a_config(number % 2)))
                if number % 2:
                    runner.cancel(name)
                until(lambda name=name: runner.job(name).ended)
        except Exception as error:
            failures.append(error)

    users = [threading.Thread(target=user, args=(number,)) for number in range(8)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(SECONDS)
    assert not failures
    assert len(runner._jobs) == 40
    assert {job.status for job in runner._jobs.values()} == {"finished", "stopped"}


# --- what a job says of itself


def a_run(state: str, trained: int = -1) -> Run:
    losses = np.zeros(trained + 1)
    return Run("a-0", a_config(), state, History(losses, losses))


def test_progress_is_the_share_of_epochs_with_ended_runs_counted_whole():
    assert a_job((a_run("queued"),)).progress == 0
    assert a_job((a_run("running", 0),)).progress == 0
    assert a_job((a_run("running", 1), a_run("running", 3))).progress == 0.5
    assert a_job((a_run("running", 2), a_run("diverged", 1))).progress == 0.75
    assert a_job((a_run("finished", 4),)).progress == 1
    assert a_job((a_run("finished", 4), a_run("diverged", 1))).progress == 1
    assert a_job((a_run("finished", 4), a_run("stopped", 2))).progress == 0.75
    assert a_job((a_run("finished", 4), a_run("failed", 1))).progress == 0.625


def test_remaining_time_follows_the_pace_so_far(clock):
    job = a_job((a_run("running", 1),), started=990.0)
    assert job.elapsed == 10
    assert job.remaining == pytest.approx(30)
    assert replace(job, runs=(a_run("running", 0),)).remaining is None
    assert replace(job, runs=(a_run("stopped", 1),), stopped=995.0).remaining is None
    assert replace(job, stopped=995.0).elapsed == 5
    assert replace(job, started=None).elapsed == 0


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("finished", "running", "failed"), "running"),
        (("finished", "queued"), "queued"),
        (("finished", "failed", "diverged"), "failed"),
        (("finished", "stopped"), "stopped"),
        (("finished", "diverged"), "finished"),
        (("diverged", "diverged"), "diverged"),
    ],
)
def test_status_of_a_job_is_the_most_telling_of_its_runs(states, expected):
    job = a_job(tuple(a_run(state) for state in states))
    assert job.status == expected
    assert job.ended == (not {"running", "queued"} & set(states))


# --- with the real engine


def test_real_training_in_the_thread_gives_what_training_in_place_gives():
    configs = [
        a_config(epochs=3, loss_params={"pos_weight": 9}),
        a_config(epochs=3, head="softmax2", loss="cross_entropy"),
        a_config(epochs=2, model="mlp", widths=(8,)),
    ]
    runner = Runner()
    try:
        job = ended(runner, runner.submit(experiment(*configs)))
    finally:
        runner.close()
    assert job.status == "finished"
    for stack in ((0, 1), (2,)):
        *_, last = train([configs[i] for i in stack])
        for at, i in enumerate(stack):
            run = job.runs[i]
            assert run.epoch == configs[i].epochs
            assert run.history.train[-1] < run.history.train[0]
            assert run.history.validation[-1] == pytest.approx(last.validation_loss[at], rel=1e-5)
            np.testing.assert_allclose(run.scores("test").y_score, last.test[at], atol=1e-5)
