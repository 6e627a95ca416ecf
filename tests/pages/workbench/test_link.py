"""Links to what is gone train it again to the same numbers and show the epoch that was shared; Back goes to a link."""

from __future__ import annotations

import numpy as np
from streamlit.testing.v1 import AppTest

from core.experiment.config import RunConfig
from pages.shared import dom, services, state
from tests.conftest import act, drawn, sentences, trained
from tests.support.shown_sources import digit, open_run
from tests.support.workbench_page import marks

CHOICES = {"dataset": "gaussians", "epochs": "6"}


def shown(at: AppTest) -> str:
    """The id of what is in the picture."""
    name: str = drawn(at)["of"].split()[0]
    return name


def test_a_link_to_an_epoch_of_a_run_that_is_gone_trains_it_again_and_shows_that_epoch(app_test: AppTest):
    app_test.query_params.update(CHOICES | {"run": "dead", "shown": "dead-0@5", "current": "0.25"})
    at = app_test.run()
    assert "It is trained again with the same settings, which gives the same numbers." in sentences(at)
    run = trained(at)
    assert run.config == RunConfig(dataset="gaussians", epochs=6)
    assert shown(at) == f"{run.id}@5"
    assert marks(at)["current"]["threshold"] == 0.25
    assert at.query_params["shown"] in (f"{run.id}@5", [f"{run.id}@5"])


def test_the_run_that_is_trained_again_has_the_same_scores_at_every_epoch(app_test: AppTest):
    first = open_run(app_test, RunConfig(dataset="gaussians", epochs=6))
    app_test.session_state[state.RECIPE_TRAINS.name] = True
    again = trained(app_test.run())
    assert again.id != first.id
    for one, other in zip(first.kept, again.kept, strict=True):
        np.testing.assert_array_equal(one.outputs["test"], other.outputs["test"])


def test_an_epoch_of_the_demonstration_is_found_again_without_training(app_test: AppTest):
    app_test.query_params.update({"run": "dead", "shown": "dead-0@5"})
    at = app_test.run()
    assert shown(at) == f"{services.demonstration().runs[-1].id}@5"
    assert state.STARTED.name not in at.session_state


def test_an_epoch_that_a_run_never_had_is_not_waited_for(app_test: AppTest):
    app_test.query_params.update(CHOICES | {"run": "dead", "shown": "dead-0@7"})
    run = trained(app_test.run())
    assert shown(app_test) == run.id


def test_back_goes_to_the_run_the_settings_and_the_thresholds_of_its_link(app_test: AppTest):
    run = open_run(app_test, digit(epochs=3))
    at = act(app_test, "type", 0.25)
    link = {name: at.query_params[name] for name in at.query_params}
    at.query_params.clear()
    at.query_params[dom.MARK] = "1"
    at.run()
    assert shown(at) == services.demonstration().runs[-1].id
    assert at.session_state[state.RECIPE.name] == services.demonstration().runs[-1].config
    at.query_params.update(link | {"current": "0.75", dom.MARK: "1"})
    at.run()
    assert shown(at) == run.id
    assert at.session_state[state.RECIPE.name] == run.config
    assert marks(at)["current"]["threshold"] == 0.75
    assert dom.MARK not in at.query_params
    act(at, "undo")
    assert marks(at)["current"]["threshold"] == 0.25


def test_what_a_link_says_and_nothing_here_reads_is_named(app_test: AppTest):
    app_test.query_params.update({"payoff.cost_fn": "9", "payoff.cost_of_fn": "9", "colr": "1"})
    at = app_test.run()
    assert sentences(at) == ["Left out of this link, since nothing here has that name: `payoff.cost_of_fn`, `colr`."]
    assert state.STARTED.name not in at.session_state  # no choice of a run is among them
    assert at.session_state[state.PAYOFFS["cost_fn"].name] == 9.0


def test_many_names_that_nothing_reads_are_counted(app_test: AppTest):
    app_test.query_params.update({f"{'x' * 100}{n}": "" for n in range(8)})
    (said,) = sentences(app_test.run())
    assert said.count("`") == 10
    assert said.endswith(" and 3 more.")
    assert len(said) < 350
