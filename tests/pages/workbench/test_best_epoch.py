"""The best epoch of the run that is shown is the best of all that are kept, and one press shows it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation.thinning import evenly_spaced
from core.experiment.config import make_config
from core.plots.picture import FRAMES
from core.training.runs import Run
from pages.shared import state
from tests.conftest import drawn, trained
from tests.support.shown_sources import digit, open_run
from tests.support.workbench_page import choose_in, filmed, opened

MEASURES = ("minimum validation loss", "average precision", "maximum F1", "maximum net value per row")


def values(run: Run, measure: str) -> list[float]:
    """The measure at each kept epoch, higher is better, from scikit-learn at every threshold."""
    found = []
    for epoch in (one.epoch for one in run.kept):
        y, score, _, _ = run.at(epoch).scores("validation").view(0)
        predictions = [score >= t for t in [*np.unique(score), np.inf]]
        if measure == "minimum validation loss":
            found.append(-run.history.validation[epoch])
        elif measure == "average precision":
            found.append(sklearn.average_precision_score(y, score))
        elif measure == "maximum F1":
            found.append(max(sklearn.f1_score(y, predicted) for predicted in predictions))
        else:
            found.append(max(-np.mean((predicted & ~y) + 5 * (~predicted & y)) for predicted in predictions))
    return found


@pytest.mark.parametrize("measure", MEASURES)
def test_a_button_shows_the_best_of_the_kept_epochs(app_test: AppTest, measure: str):
    run = open_run(app_test, digit(epochs=8))
    best = run.kept[int(np.argmax(np.round(values(run, measure), 12)))].epoch
    with opened(app_test, "part.training"):
        (button,) = [one for one in app_test.button if f": {measure} " in one.label]
        assert button.label.startswith(f"Epoch {best}: ")
        if best != run.epoch:
            button.click().run()
    assert not app_test.exception
    shown = run.id if best == run.epoch else f"{run.id}@{best}"
    assert drawn(app_test)["of"].split()[0] == shown


def test_the_picture_has_the_best_of_all_kept_epochs_where_it_plays_some(app_test: AppTest):
    run = open_run(app_test, digit(epochs=200, lr=0.3, optimizer="adam", model="mlp", widths=(32,)))
    assert len(run.kept) == 201
    best = int(np.argmin(run.history.validation))
    assert best not in evenly_spaced(201, FRAMES)  # else another epoch has to be the best of this test
    assert drawn(app_test)["best_epoch"]["epoch"] == best
    epochs = [frame["epoch"] for frame in filmed(app_test)["frames"]]
    assert epochs == sorted({*evenly_spaced(201, FRAMES).tolist(), best})


@pytest.mark.parametrize("best_by", ["loss", "average_precision", "f1"])
def test_the_picture_has_the_best_epoch_by_the_early_stopping_metric(app_test: AppTest, best_by: str):
    run = open_run(app_test, digit(epochs=8, best_by=best_by))
    measure = {"loss": "minimum validation loss", "average_precision": "average precision", "f1": "maximum F1"}[best_by]
    best = run.kept[int(np.argmax(np.round(values(run, measure), 12)))].epoch
    sent = drawn(app_test)["best_epoch"]
    assert sent["epoch"] == best
    assert sent["by"].startswith(measure)


def test_a_regression_has_the_minimum_of_its_loss_alone(app_test: AppTest):
    open_run(app_test, make_config(dataset="diabetes", head="identity", loss="mse", epochs=3))
    with opened(app_test, "part.training"):
        found = [one.label for one in app_test.button if one.label.startswith("Epoch ")]
        assert len(found) == 2  # and the last
        assert not [one for one in app_test.selectbox if one.label == "Early stopping metric"]


def test_early_stopping_by_net_value_has_the_payoffs_that_are_typed_on_the_page(app_test: AppTest):
    open_run(app_test, digit(epochs=3))
    choose_in(app_test, "training", "Early stopping metric", "net_value")
    app_test.session_state[state.PAYOFFS["cost_fn"].name] = 9.0
    app_test.run()
    app_test.button(key="train").click().run()
    run = trained(app_test)
    assert (run.config.best_by, dict(run.config.payoffs)) == ("net_value", {"cost_fn": 9.0})
    assert not [one for one in app_test.markdown if "Settings changed" in one.value]
    app_test.session_state[state.PAYOFFS["cost_fn"].name] = 2.0
    app_test.run()
    assert [one for one in app_test.markdown if "Settings changed" in one.value]


def test_the_early_stopping_metric_is_a_choice_of_the_recipe(app_test: AppTest):
    open_run(app_test, digit(epochs=3))
    choose_in(app_test, "training", "Early stopping metric", "average_precision")
    assert app_test.session_state[state.RECIPE.name].best_by == "average_precision"
    assert app_test.query_params["best_by"] in ("average_precision", ["average_precision"])
