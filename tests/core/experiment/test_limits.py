"""What an experiment may take of the memory that everybody shares, said before it starts."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import CutoffError
from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.experiment.limits import check_scores, count_scores
from core.experiment.presets import PRESETS
from core.settings import Settings
from core.training.runner import Runner
from tests.conftest import button, choose, open_page, sentences

TOPICS = {"dataset": "multilabel_synthetic", "head": "sigmoids", "dataset_params": {"samples": 50_000, "labels": 20}}


def of(config: RunConfig, variants: int = 1, seeds: int = 1) -> Experiment:
    """Equal variants, which is all that counts here."""
    named = tuple(Variant(name=f"{i}", config=config) for i in range(variants))
    return Experiment(variants=named, seeds=tuple(range(seeds)))


@pytest.mark.parametrize(
    ("experiment", "scores"),
    [
        (of(make_config(dataset="gaussians")), 4_000),
        (of(make_config(dataset="gaussians", head="softmax2", loss="cross_entropy"), 3, 2), 6 * 4_000 * 2),
        (of(make_config(dataset="mnist_5k", head="softmax", loss="cross_entropy"), 256), 256 * 5_000 * 10),
        (of(make_config(dataset="diabetes", head="identity", loss="mse")), 442),
        (of(make_config(**TOPICS), 256), 256 * 50_000 * 20),
    ],
)
def test_scores_are_runs_times_rows_times_outputs(experiment: Experiment, scores: int):
    assert count_scores(experiment) == scores
    assert check_scores(experiment, scores) is experiment
    with pytest.raises(CutoffError, match=f"has {scores:,} scores .* limit is {scores - 1:,}"):
        check_scores(experiment, scores - 1)


def test_every_preset_is_far_below_the_limit():
    assert all(4 * count_scores(preset.experiment) < Settings().max_scores for preset in PRESETS.values())


def test_the_runner_refuses_what_would_not_fit_and_says_what_to_do():
    with pytest.raises(CutoffError) as caught:
        Runner().submit(of(make_config(**TOPICS), 256))
    assert str(caught.value) == (
        "This experiment has 256,000,000 scores (runs x rows x outputs); the limit is 16,000,000. "
        "Use fewer variants, fewer seeds or fewer rows."
    )


def test_start_is_disabled_with_the_sentence(app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None):
    monkeypatch.setenv("CUTOFF_MAX_SCORES", "20000")
    at = open_page(app_test, "compare")
    assert not button(at, "Start").disabled
    at = choose(at, "seeds", 50)
    (said,) = sentences(at)
    assert said.endswith("the limit is 20,000. Use fewer variants, fewer seeds or fewer rows.")
    assert button(at, "Start").disabled
