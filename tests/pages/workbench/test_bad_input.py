"""Scores that break things, on every panel of the Workbench: it stays up and says what it can't show.

They are what somebody else's model and rows may be like: splits may lack a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.data import load_split
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource
from core.experiment.config import RunConfig, make_config
from core.training.engine import Epoch, train_in_turns
from pages.shared import services
from tests.conftest import experiment, open_page, until
from tests.support.shown_sources import open_source, put_thresholds
from tests.support.table import open_alone
from tests.support.workbench_page import shown_run

Give = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # from labels y to scores (N, C)


@dataclass(frozen=True)
class Case:
    """Labels of the whole data set, the scores given for those of a split, and what panels must say of a column."""

    y: np.ndarray
    give: Give
    said: dict[str, str]
    column: int = 0


def constant(value: float) -> Give:
    return lambda y, rng: np.full((len(y), 1), value)


def fair(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scores of some skill, one column a class or label."""
    truth = y[:, None] == 1 if y.ndim == 1 else y == 1
    return 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(size=truth.shape))))


def tied(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.round(fair(y, rng) * 2) / 2


def classes(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Softmax scores of the classes 0 .. 199."""
    logits = rng.normal(size=(len(y), 200)) + 3 * (np.arange(200) == y[:, None])
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def labels(n: int = 200) -> np.ndarray:
    """Labels of which nobody has the first and everybody the last."""
    y = np.random.default_rng(1).integers(0, 2, (n, 4))
    y[:, 0], y[:, 3] = 0, 1
    return y


def said_of_constants(value: str) -> dict[str, str]:
    return {
        "Tune": "which predicts 50 of 50 rows positive",
        "Compare": f"A gives all validation rows the score {value}, so it does not rank them.",
    }


HALF = np.tile([0, 1], 100)
NONE_POSITIVE = {
    "Tune": "F1 is undefined at every threshold, since no row is positive.",
    "Value": "Only 0 validation rows are",
    "Prevalence": "No validation rows are",
    "Calibration": "0 of 50 are positive.",
    "Compare": "recall, both curves and their areas are undefined, and F1 is 0",
}
ALL_POSITIVE = {
    "Prevalence": "All validation rows are",
    "Calibration": "50 of 50 are positive.",
    "Compare": "ROC and specificity are undefined.",
}
CASES = {
    "constant": Case(HALF, constant(0.25), said_of_constants("0.25")),
    "all 0": Case(HALF, constant(0.0), said_of_constants("0")),
    "all 1": Case(HALF, constant(1.0), said_of_constants("1")),
    "negatives only": Case(np.zeros(200, np.int64), fair, NONE_POSITIVE),
    "positives only": Case(np.ones(200, np.int64), fair, ALL_POSITIVE),
    "two rows": Case(np.tile([0, 1], 4), fair, {"Tune": "Only 1 validation row is yes"}),
    "ties everywhere": Case(HALF, tied, {"Compare": "B"}),
    "no probabilities": Case(
        HALF,
        lambda y, rng: 10 * fair(y, rng) - 5,
        {
            "Value": "Some scores are not in [0, 1], so they are not probabilities.",
            "Prevalence": "Some scores are not in [0, 1], so they are not probabilities.",
            "Calibration": "Uncalibrated, they are read as logits: p is the sigmoid of the score.",
        },
    ),
    "200 classes": Case(np.repeat(np.arange(200), 4), classes, {"Tune": "Only 1 validation row is class 199"}, 199),
    "a label that no row has": Case(labels(), fair, NONE_POSITIVE),
    "a label that every row has": Case(labels(), fair, ALL_POSITIVE, 3),
}


def source_of(case: Case, seed: int) -> ArraySource:
    """The rows of a case, a quarter of them as validation and a quarter as test rows, scored by chance."""
    rng = np.random.default_rng(seed)
    task = "multilabel" if case.y.ndim == 2 else "multiclass" if case.y.max(initial=0) > 1 else "binary"
    count = case.y.shape[1] if case.y.ndim == 2 else int(case.y.max()) + 1
    names = ("no", "yes") if task == "binary" else tuple(f"class {at}" for at in range(count))
    y = case.y if case.y.ndim == 2 else np.sort(case.y)  # so that every quarter has as many of each class
    parts = {"validation": y[::4], "test": y[1::4]}
    return ArraySource(
        {part: Scores(y, case.give(y, rng).astype(np.float32), task, names) for part, y in parts.items()}
    )


def trainer(give: Give) -> Callable[..., Iterator[Epoch]]:
    """Gives the scores at once, to every run others."""

    def train(configs: Sequence[RunConfig], **_: object) -> Iterator[Epoch]:
        found = load_split(configs[0].dataset, configs[0].dataset_params, configs[0].split_seed)
        rng = np.random.default_rng(configs[0].seed)
        outputs = {part: [give(found.y[part], rng).astype(np.float32) for _ in configs] for part in found.y}
        runs = len(configs)
        for index in range(2):
            yield Epoch(
                index=index,
                train_loss=np.full(runs, 0.7),
                validation_loss=np.full(runs, 0.7),
                validation=tuple(outputs["validation"]),
                test=tuple(outputs["test"]),
                finite=np.ones(runs, bool),
                stopped=np.zeros(runs, bool),
            )

    return train


def open_run_of(at: AppTest, monkeypatch: pytest.MonkeyPatch, train: Callable[..., Iterator[Epoch]]) -> AppTest:
    """Opens the page on the first of two runs that this trainer trains; the demonstration is trained as ever."""

    def trained(configs: Sequence[RunConfig], **options: Any) -> Iterator[Epoch | None]:
        return train(configs) if configs[0].dataset == "gaussians" else train_in_turns(configs, **options)

    monkeypatch.setattr(services, "train_in_turns", trained)
    runner = services.runner()
    config = make_config(dataset="gaussians", dataset_params={"samples": 200}, epochs=1, batch_size=4)
    jobs = [runner.submit(experiment(config.model_copy(update={"seed": seed}))) for seed in (1, 0)]
    until(lambda: all(runner.job(job).ended for job in jobs))
    at.session_state["jobs"] = jobs[:1]
    at.query_params["run"] = jobs[1]
    return open_page(at, "workbench")


def everything_said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.warning, at.error, at.info, at.success)
    texts = [text.value for kind in kinds for text in kind] + [number.help for number in at.metric]
    return "\n".join(texts).replace("\\", "")


@pytest.mark.parametrize("name", CASES)
def test_the_page_stays_up_and_says_what_it_cannot_show(app_test: AppTest, name: str):
    case = CASES[name]
    source = source_of(case, 0)
    at = open_source(app_test, source, source_of(case, 1))
    if case.column:
        open_alone(at, case.column)
    panels = [tab.label for tab in at.tabs]
    assert set(case.said) <= set(panels)
    for panel in panels:
        show(at, panel=panel)
        assert case.said.get(panel, "") in everything_said(at), panel
    for view in ("ROC", "Cost", "Calibration"):
        show(at, **{"panel": "Compare", "compare.view": view})
    assert ("Expected every score to be a probability" in everything_said(at)) == (name == "no probabilities")
    columns = source.scores("test").n_columns
    for end in (0.0, 1.0):
        put_thresholds(at, source, [end] * columns)
        show(at, panel="Rows")
    for panel in panels[:2]:
        show(at, panel=panel, part="test")


def show(at: AppTest, **state: object) -> None:
    """Run the page with this state, which must not break it."""
    for key, value in state.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, (state, at.exception[0].message)


# --- NaN


def diverging(after: int) -> Callable[..., Iterator[Epoch]]:
    """Scores of some skill for so many epochs, then NaN."""

    def train(configs: Sequence[RunConfig], **_: object) -> Iterator[Epoch]:
        for index, epoch in enumerate(trainer(fair)(configs)):
            sound = index < after
            scores = epoch.validation if sound else tuple(np.full_like(array, np.nan) for array in epoch.validation)
            yield replace(epoch, index=index, validation=scores, finite=np.full(len(configs), sound))

    return train


def test_of_a_run_whose_scores_become_nan_the_last_good_ones_are_shown(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    at = open_run_of(app_test, monkeypatch, diverging(after=1))
    for panel in [tab.label for tab in at.tabs]:
        show(at, panel=panel)
    assert "at epoch 1 the loss was not finite. The scores are those of epoch 0." in everything_said(at)


def test_a_run_whose_scores_are_nan_from_the_start_says_why_there_is_nothing_to_show(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    at = open_run_of(app_test, monkeypatch, diverging(after=0))
    assert not at.exception
    assert "The loss was not finite at epoch 0" in everything_said(at)
    assert shown_run(at).job == services.demonstration().id  # what has scores stays in the picture
