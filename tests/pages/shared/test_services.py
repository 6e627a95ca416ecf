"""The demonstration: trained once for all sessions, and what it shows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import anyio
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from core.experiment.compatibility import stacks
from core.experiment.presets import DEMONSTRATION
from core.training.runs import Job
from pages.shared import services


@pytest.fixture(scope="module")
def demonstration() -> Iterator[Job]:
    yield services.demonstration()
    services.close()


def test_everybody_gets_the_same_finished_job(demonstration):
    with ThreadPoolExecutor(4) as threads:
        found = {job.id for job in threads.map(lambda _: services.demonstration(), range(8))}
    assert found == {demonstration.id}
    assert demonstration.status == "finished"
    assert demonstration.experiment is DEMONSTRATION


def test_nobody_can_stop_it(demonstration):
    services.runner().cancel(demonstration.id)
    assert services.demonstration() == demonstration


def test_every_epoch_is_kept_for_the_replay(demonstration):
    for run in demonstration.runs:
        assert [one.epoch for one in run.kept] == list(range(run.config.epochs + 1))
        assert 20 <= run.config.epochs <= 30


def test_one_stack_of_few_rows_is_trained(demonstration):
    configs = DEMONSTRATION.runs()
    assert len(list(stacks(configs))) == 1
    assert sum(config.epochs for config in configs) * 10_000 <= 600_000  # a core does about a million rows a second


def test_pos_weight_moves_the_scores_and_not_their_order(demonstration):
    plain, weighted = (run.scores("validation") for run in demonstration.runs)
    y = plain.y_true
    assert (y.sum(), len(y)) == (50, 5000)
    assert (plain.y_score >= 0.5).sum() < 15
    assert (weighted.y_score >= 0.5).sum() > 150
    for measure, least in ((roc_auc_score, 0.93), (average_precision_score, 0.2)):
        values = [measure(y, scores.y_score[:, 0]) for scores in (plain, weighted)]
        assert min(values) > least
        assert abs(values[0] - values[1]) < 0.03


def test_replaying_it_shows_motion_to_the_end_of_its_first_half(demonstration):
    scores = [demonstration.runs[1].at(epoch).scores("validation").y_score[:, 0] for epoch in (0, 3, 6, 9, 12, 15)]
    moved = [np.abs(after - before).mean() for before, after in pairwise(scores)]
    assert min(moved) > 0.004


def test_the_server_starts_without_waiting_for_it():
    import app

    async def live() -> tuple[str, bool]:
        async with app.lifespan(app.app):
            name = services.start_demonstration()
            job = services.runner().job(name)
            return await anyio.to_thread.run_sync(lambda: services.demonstration().id), job.id == name

    services.close()
    try:
        with ThreadPoolExecutor() as thread:  # a browser test leaves an event loop running in this one
            name, same = thread.submit(anyio.run, live).result()
    finally:
        gc.unfreeze()
    assert same
    assert len(name) == 32
