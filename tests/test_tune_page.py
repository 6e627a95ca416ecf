"""Finding a threshold on the Thresholds page: what the rules choose, what it is worth, and that it is taken over."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.config import make_config
from core.jobs import Run
from core.tuning import RULES
from tests.conftest import choose
from tests.test_thresholds_page import digit, on_trial, open_run, tile


def tuning(at: AppTest, run: Run, rule: str = "f1") -> Run:
    choose(at, "rule", rule)
    assert not at.exception
    return run


def button(at: AppTest):
    return next(button for button in at.button if button.label == "Use this threshold")


def f1(run: Run, part: str, threshold: float) -> float:
    y, score, _, _ = run.scores(part).view(0)
    return sklearn.f1_score(y, score >= score.dtype.type(threshold))


def test_the_threshold_is_the_best_of_all_scores_and_is_shown_with_its_worth_on_test_rows(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=20)))
    scores = run.scores("validation").y_score[:, 0]
    values = {float(t): f1(run, "validation", t) for t in np.unique(scores)}
    best = max(t for t, value in values.items() if value == max(values.values()))
    assert tile(app_test, "Threshold") == f"{best:.3f}"
    assert tile(app_test, "F1, validation") == f"{values[best]:.3f}"
    assert tile(app_test, "F1, test") == f"{f1(run, 'test', best):.3f}"
    on_test = max(f1(run, "test", t) for t in np.unique(run.scores("test").y_score))
    assert any(f"{on_test - f1(run, 'test', best):.3f} short of the best" in c.value for c in app_test.caption)


def test_the_threshold_found_is_taken_over_by_the_controls(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=20)))
    button(app_test).click().run()
    found = app_test.session_state[f"thresholds.{run.id}"][-1][0][0]
    assert tile(app_test, "Threshold") == f"{found:.3f}"
    assert on_trial(app_test) == found
    assert f"{f1(run, 'validation', found):.3f}" == tile(app_test, "F1, validation")


def test_a_constraint_that_cannot_be_met_names_the_best_that_can(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=1)), "precision")
    choose(app_test, "rule.precision.least", 1.0)
    y, score, _, _ = run.scores("validation").view(0)
    precision, _, _ = sklearn.precision_recall_curve(y, score)
    reachable = precision[:-1].max()
    said = next(m.value for m in app_test.markdown if "precision" in m.value and "threshold" in m.value)
    if reachable < 1:
        assert f"the best reachable precision is {reachable:.4g}" in said.replace("\\", "")
    else:
        assert "Infeasible" not in said


@pytest.mark.parametrize("rule", [name for name in RULES if name != "fixed"])
def test_every_rule_can_be_used(app_test: AppTest, rule: str):
    tuning(app_test, open_run(app_test, digit(epochs=3)), rule)
    assert tile(app_test, f"{RULES[rule].value}, test")


@pytest.mark.parametrize(
    "choices",
    [
        {"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "epochs": 3},
        {"dataset": "multilabel_synthetic", "head": "sigmoids", "epochs": 2},
    ],
    ids=["classes", "labels"],
)
def test_each_class_or_label_has_a_threshold_of_its_own(app_test: AppTest, choices: dict):
    run = tuning(app_test, open_run(app_test, make_config(**choices)))
    choose(app_test, "column", 2)
    button(app_test).click().run()
    thresholds, _ = app_test.session_state[f"thresholds.{run.id}"][-1]
    assert [t == 0.5 for t in thresholds].count(False) == 1
    assert thresholds[2] != 0.5
