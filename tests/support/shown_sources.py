"""Runs and sources on the Workbench, and their thresholds: what several test files share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from streamlit.testing.v1 import AppTest

from core.evaluation.source import ScoreSource
from core.evaluation.threshold import ABOVE_ALL, Provenance, Threshold
from core.experiment.config import RunConfig, make_config
from core.training.runs import Run
from pages.shared import services, state, thresholds
from tests.conftest import (
    current_run,
    experiment,
    open_page,
    sentences,
    unescaped,
    until,
)
from tests.support.workbench_page import marks, opened


def open_run(at: AppTest, *configs: RunConfig) -> Run:
    """Train the configurations, and open the page with a link to the last of them."""
    runner = services.runner()
    names = [runner.submit(experiment(config)) for config in configs]
    until(lambda: all(runner.job(name).ended for name in names))
    at.session_state["jobs"] = names[-2::-1]
    at.query_params["run"] = names[-1]
    open_page(at, "workbench")
    assert not sentences(at)
    return current_run(at)


def open_source(at: AppTest, *sources: ScoreSource) -> AppTest:
    """Open the page on the first of these sources; the session holds the others beside it."""
    at.session_state["sources"] = sources
    at.session_state[state.SHOWN.name] = sources[0].id
    at.run()
    assert not at.exception
    return at


def choose_source(at: AppTest, name: str) -> AppTest:
    """Show another source of the session, by its id."""
    with opened(at, state.CHOOSING_SHOWN.name):
        at.radio(key="shown_run").set_value(name).run()
    assert not at.exception
    return at


def sources_on_offer(at: AppTest) -> list[str]:
    """The sources that the session can show, as they are listed."""
    with opened(at, state.CHOOSING_SHOWN.name):
        return [unescaped(option) for option in at.radio(key="shown_run").options]


def digit(**choices: object) -> RunConfig:
    return make_config(**{"epochs": 5, "loss_params": {"pos_weight": 9}} | choices)


def digits(**choices: object) -> RunConfig:
    return make_config(**{"dataset": "digits", "head": "softmax", "loss": "cross_entropy", "epochs": 5} | choices)


def current_threshold(at: AppTest) -> float | str:
    """The threshold in the picture, ABOVE_ALL above every score."""
    threshold: float | str = marks(at)["current"]["threshold"]
    return threshold


def thresholds_of(at: AppTest, run: ScoreSource) -> list[thresholds.Step]:
    """The steps of a run's thresholds in this session."""
    steps: list[thresholds.Step] = at.session_state[f"thresholds.{run.id}"]
    return steps


def values_of(at: AppTest, run: ScoreSource) -> list[float]:
    """The current thresholds (C,) of a run in this session, inf above every score."""
    return thresholds.values(thresholds_of(at, run)[-1].current)


def put_thresholds(
    at: AppTest, run: ScoreSource, current: Sequence[float], saved: Sequence[float] | None = None
) -> None:
    """Give a session thresholds (C,) of a run, as if they had been typed; inf is above every score."""
    domain, typed = thresholds.domain(run), Provenance("typed", "validation")

    def admitted(values: Sequence[float]) -> tuple[Threshold, ...]:
        return tuple(domain.admit(ABOVE_ALL if np.isposinf(value) else value, typed) for value in values)

    step = thresholds.Step(admitted(current), None if saved is None else admitted(saved))
    at.session_state[f"thresholds.{run.id}"] = [step]


def tile(at: AppTest, label: str) -> str:
    return next(metric.value for metric in at.metric if metric.label == label)


def below(at: AppTest, label: str) -> str:
    """What stands below the number of this label."""
    return next(metric.delta for metric in at.metric if metric.label == label).replace("\\", "")


def yeast(**choices: object) -> RunConfig:
    return make_config(**{"dataset": "yeast", "head": "sigmoids", "epochs": 3} | choices)
