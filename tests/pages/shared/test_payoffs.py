"""Payoffs are typed once: every rule, panel and link has the same, equal to the best of all scores."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from streamlit.testing.v1 import AppTest

from core.evaluation.value.payoffs import Payoffs
from core.experiment.config import make_config
from core.training.runs import Run
from tests.conftest import choose, control, open_page, sentences
from tests.support.shown_sources import digit, open_run, tile
from tests.support.workbench_page import marks

PAY = Payoffs(benefit_tp=40, cost_fp=25, cost_fn=10, benefit_tn=2)


def value(run: Run, part: str, threshold: float, pay: Payoffs) -> float:
    """Net value per row, from scikit-learn's matrix."""
    y, score, _, _ = run.scores(part).view(0)
    tn, fp, fn, tp = confusion_matrix(y, score >= score.dtype.type(threshold), labels=[0, 1]).ravel()
    return (pay.benefit_tp * tp + pay.benefit_tn * tn - pay.cost_fp * fp - pay.cost_fn * fn) / len(y)


def best(run: Run, pay: Payoffs) -> float:
    """The threshold of maximum net value among all validation scores, the largest of equals."""
    values = {
        t: value(run, "validation", t, pay) for t in [*np.unique(run.scores("validation").y_score).tolist(), np.inf]
    }
    return max(t for t, found in values.items() if found >= max(values.values()) - 1e-9)


def show(at: AppTest, panel: str) -> AppTest:
    at.session_state["panel"] = panel
    at.run()
    assert not at.exception
    return at


def pay_by(at: AppTest, pay: Payoffs) -> None:
    for name in ("benefit_tp", "cost_fp", "cost_fn", "benefit_tn"):
        control(at, f"payoff.{name}").set_value(float(getattr(pay, name)))
    at.run()
    assert not at.exception


def linked(at: AppTest) -> dict[str, str]:
    """What the link says of payoffs."""
    query = {name: at.query_params[name] for name in at.query_params if name.startswith(("payoff.", "review."))}
    return {name: value[0] if isinstance(value, list) else value for name, value in query.items()}


def test_payoffs_typed_in_one_panel_are_those_of_every_rule_panel_and_the_link(app_test: AppTest):
    run = open_run(app_test, digit(epochs=6))
    pay_by(show(app_test, "Value"), PAY)
    found = best(run, PAY)
    assert tile(app_test, "Best threshold") == f"{found:.3f}"
    choose(show(app_test, "Tune"), "rule", "cost")
    assert tile(app_test, "Threshold") == f"{found:.3f}"
    assert tile(app_test, "Net value per row, validation") == f"{value(run, 'validation', found, PAY):.3f}"
    assert tile(app_test, "Net value per row, test") == f"{value(run, 'test', found, PAY):.3f}"
    assert [control(app_test, f"payoff.{name}").value for name in ("cost_fp", "cost_fn")] == [25, 10]
    assert marks(app_test)["best"]["threshold"] == pytest.approx(found)
    choose(show(app_test, "Prevalence"), "prevalence.aim", "cost")
    assert app_test.dataframe[0].value.set_index("").threshold["Tuned"] == pytest.approx(found)
    assert linked(app_test) == {
        "payoff.benefit_tp": "40",
        "payoff.cost_fp": "25",
        "payoff.cost_fn": "10",
        "payoff.benefit_tn": "2",
    }


def test_payoffs_typed_for_the_rule_are_those_of_the_panel(app_test: AppTest):
    run = open_run(app_test, digit(epochs=6))
    choose(show(app_test, "Tune"), "rule", "cost")
    choose(app_test, "payoff.cost_fp", 0.25)
    found = best(run, Payoffs(cost_fp=0.25))
    assert marks(app_test)["best"]["threshold"] == pytest.approx(found)
    assert tile(show(app_test, "Value"), "Best threshold") == f"{found:.3f}"
    assert linked(app_test) == {"payoff.cost_fp": "0.25"}


def test_one_rule_for_all_labels_has_the_payoffs_of_the_session(app_test: AppTest):
    run = open_run(app_test, make_config(dataset="multilabel_synthetic", head="sigmoids", epochs=2))
    choose(show(app_test, "All labels"), "label_rule.goal", "cost")
    choose(app_test, "payoff.cost_fn", 1.5)
    next(button for button in app_test.button if button.label == "Use these thresholds").click().run()
    scores = run.scores("validation")
    now = [mark.value for mark in app_test.session_state[f"thresholds.{run.id}"][-1].current]

    def lost(column: int, t: float) -> float:
        y, score, _, _ = scores.view(column)
        predicted = score >= score.dtype.type(t)
        return float((predicted & ~y).sum() + 1.5 * (~predicted & y).sum())

    for column, threshold in enumerate(now):
        every = [*np.unique(scores.y_score[:, column]).tolist(), np.inf]
        assert lost(column, threshold) == min(lost(column, t) for t in every)


def test_a_link_restores_payoffs_and_their_numbers(app_test: AppTest):
    for name, text in {"benefit_tp": "40", "cost_fp": "25", "cost_fn": "10", "benefit_tn": "2"}.items():
        app_test.query_params[f"payoff.{name}"] = text
    given = {"payoff.unit": "hours", "payoff.volume": "1000000", "review.cost": "0.5"}
    app_test.query_params.update(given)
    run = open_run(app_test, digit(epochs=6))
    show(app_test, "Value")
    assert tile(app_test, "Best threshold") == f"{best(run, PAY):.3f}"
    assert tile(app_test, "Per 1,000 rows, test").endswith(" hours")
    assert tile(app_test, "Per month of 1,000,000 rows, test")
    assert control(app_test, "review.cost").value == 0.5
    assert linked(app_test).items() >= given.items()


def test_payoffs_alone_open_the_demonstration_without_training(app_test: AppTest):
    app_test.query_params["payoff.cost_fn"] = "50"
    open_page(app_test, "workbench")
    assert "jobs" not in app_test.session_state or not app_test.session_state["jobs"]
    assert linked(app_test) == {"payoff.cost_fn": "50"}
    assert len(app_test.query_params) == 1


@pytest.mark.parametrize("given", ["x", "nan", "inf", "1e10"])
def test_a_payoff_that_a_link_cannot_have_gets_one_sentence(app_test: AppTest, given: str):
    app_test.query_params["payoff.cost_fp"] = given
    open_page(app_test, "workbench")
    (sentence,) = sentences(app_test)
    assert "payoff.cost_fp" in sentence.replace("\\", "")
    assert control(show(app_test, "Value"), "payoff.cost_fp").value == 1


def test_payoffs_without_a_best_threshold_get_one_sentence_and_no_mark(app_test: AppTest):
    open_run(app_test, digit(epochs=6))
    choose(show(app_test, "Tune"), "rule", "cost")
    choose(app_test, "payoff.cost_fp", -1.0)
    assert [text.value for text in app_test.markdown if "predict all positive" in text.value]
    assert "best" not in marks(app_test)
