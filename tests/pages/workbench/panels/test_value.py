"""The panels Value and Prevalence of the Workbench: their numbers row by row, and every state that they have."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation import ScoreIndex
from core.evaluation.prevalence import ppv
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource
from core.evaluation.threshold import Provenance
from core.evaluation.tuning import candidates
from core.evaluation.value.payoffs import Payoffs, Review, best_band, outcome
from core.experiment.config import RunConfig, make_config
from core.training.runs import Run
from pages.workbench.panels import prevalence
from pages.workbench.panels.payoffs import CELLS
from tests.conftest import act, choose, control, figure_of, press, unescaped
from tests.support.findings import codes
from tests.support.shown_sources import (
    digit,
    open_run,
    open_source,
    thresholds_of,
    tile,
    values_of,
)
from tests.support.sources import alike

DEFAULTS = Payoffs()
FIGURES = {"Value": ("net_value", "band"), "Prevalence": ("prevalence", "best_threshold", "metrics_there")}
both_panels = pytest.mark.parametrize("panel", FIGURES)


def open_panel(at: AppTest, panel: str, config: RunConfig | None = None) -> Run:
    run = open_run(at, config or digit(epochs=6))
    at.session_state["panel"] = panel
    at.run()
    assert not at.exception
    return run


def pay_by(at: AppTest, pay: Payoffs) -> None:
    """Type all four payoffs."""
    for name, _ in CELLS:
        control(at, f"payoff.{name}").set_value(getattr(pay, name))
    at.run()
    assert not at.exception


def source_of(y: object, score: object, task: str = "binary") -> ArraySource:
    """These rows as validation and test rows alike."""
    columns = np.shape(score)[-1] if task != "binary" else 2
    return alike(Scores(np.array(y), np.array(score), task, tuple(f"class {i}" for i in range(columns))))


def amount(text: str) -> float:
    """12.5 from "12.50 EUR", and -1234 from "−1,234 EUR"."""
    return float(re.sub(r"[^\d.e+-]", "", text.replace("\N{MINUS SIGN}", "-").replace("EUR", "")))


def index(run: Run, part: str) -> ScoreIndex:
    view = run.scores(part).view(0)
    return ScoreIndex.of(view.y, view.score)


def value(run: Run, part: str, threshold: float, pay: Payoffs = DEFAULTS) -> float:
    """Net value of 1,000 rows, from scikit-learn's matrix."""
    y, score, _, _ = run.scores(part).view(0)
    tn, fp, fn, tp = sklearn.confusion_matrix(y, score >= score.dtype.type(threshold), labels=[0, 1]).ravel()
    return 1000 / len(y) * (pay.benefit_tp * tp + pay.benefit_tn * tn - pay.cost_fp * fp - pay.cost_fn * fn)


def best_of(run: Run, pay: Payoffs = DEFAULTS) -> float:
    every = [*np.unique(run.scores("validation").y_score).tolist(), np.inf]
    values = {t: value(run, "validation", t, pay) for t in every}
    return max(t for t, found in values.items() if found >= max(values.values()) - 1e-9)


def slider(at: AppTest):
    (found,) = [one for one in at.select_slider if not one.key.startswith("recipe.")]
    return found


def percent(at: AppTest):
    return next(number for number in at.number_input if number.label == "in percent")


def said(at: AppTest) -> str:
    return " ".join(text.value.replace("\\", "") for text in (*at.markdown, *at.caption))


# --- costs


def test_the_best_threshold_is_the_best_of_all_scores_and_shown_with_its_worth_on_both_splits(app_test: AppTest):
    run = open_panel(app_test, "Value")
    best = best_of(run)
    assert tile(app_test, "Best threshold") == f"{best:.3f}"
    for part in ("validation", "test"):
        assert amount(tile(app_test, f"Per 1,000 rows, {part}")) == pytest.approx(value(run, part, best), abs=0.51)
    month = value(run, "test", best) * run.scores("validation").n_rows / 1000
    assert amount(tile(app_test, "Per month of 449 rows, test")) == pytest.approx(month, abs=0.51)


def test_the_table_holds_every_threshold_beside_all_and_none(app_test: AppTest):
    run = open_panel(app_test, "Value")
    table = app_test.dataframe[0].value.set_index("")
    assert list(table.index) == [
        "Best on validation",
        "Theory",
        "Current",
        "Predict all positive",
        "Predict all negative",
    ]
    assert table.threshold["Theory"] == pytest.approx(1 / 6)
    for part in ("validation", "test"):
        expected = [value(run, part, t) for t in table.threshold]
        np.testing.assert_allclose(table[f"1,000 rows, {part}"], expected)


def test_payoffs_of_ones_own_move_the_threshold_and_its_theory(app_test: AppTest):
    run = open_panel(app_test, "Value")
    pay = Payoffs(40, 25, 10, 2)
    pay_by(app_test, pay)
    choose(app_test, "payoff.volume", 1_000_000)
    best = best_of(run, pay)
    assert tile(app_test, "Best threshold") == f"{best:.3f}"
    assert amount(tile(app_test, "Per month of 1,000,000 rows, test")) == pytest.approx(
        1000 * value(run, "test", best, pay), rel=1e-3
    )
    assert app_test.dataframe[0].value.threshold[1] == pytest.approx(27 / 77)
    annotations = [a["text"] for a in figure_of(app_test, "net_value")["layout"]["annotations"]]
    assert f"theory {27 / 77:.3f}" in annotations


def test_the_unit_is_what_was_typed(app_test: AppTest):
    open_panel(app_test, "Value")
    app_test.text_input(key="payoff.unit").set_value("hours").run()
    assert tile(app_test, "Per 1,000 rows, test").endswith(" hours")


def test_the_best_threshold_becomes_current(app_test: AppTest):
    run = open_panel(app_test, "Value")
    press(app_test, "Use this threshold")
    now = thresholds_of(app_test, run)[-1]
    assert values_of(app_test, run) == [pytest.approx(best_of(run))]
    assert now.current[0].provenance == Provenance("rule", "validation", "cost")
    assert now.saved is None
    table = app_test.dataframe[0].value.set_index("")
    assert table.threshold["Current"] == table.threshold["Best on validation"]


def test_scores_that_are_no_probabilities_are_named_beside_the_theory(app_test: AppTest):
    open_panel(app_test, "Value")  # a pos_weight of 9
    assert "C407" in codes(app_test)


def test_payoffs_without_a_best_threshold_get_one_sentence(app_test: AppTest):
    run = open_panel(app_test, "Value")
    for pay, words in (
        (Payoffs(0, 0, 0, 0), "have the same payoff"),
        (Payoffs(0, -1, 5, 0), "predict all positive"),
        (Payoffs(-6, 1, 5, 0), "predict all negative"),
        (Payoffs(-6, -1, 5, 0), "check the signs"),
    ):
        pay_by(app_test, pay)
        assert words in said(app_test)
        table = app_test.dataframe[0].value.set_index("")
        assert list(table.index) == ["Predict all positive", "Predict all negative"]
        np.testing.assert_allclose(table["1,000 rows, test"], [value(run, "test", t, pay) for t in (-np.inf, np.inf)])


def test_zero_and_huge_payoffs_are_shown(app_test: AppTest):
    run = open_panel(app_test, "Value")
    control(app_test, "payoff.volume").set_value(10**12)
    for pay in (Payoffs(0, 0, 5, 0), Payoffs(0, 5, 0, 0), Payoffs(1e9, 1e9, 1e9, 1e9)):
        pay_by(app_test, pay)
        best = best_of(run, pay)
        assert tile(app_test, "Best threshold") == ("above every score" if np.isinf(best) else f"{best:.3f}")


# --- review


def test_the_best_pair_is_that_of_all_validation_rows(app_test: AppTest):
    run = open_panel(app_test, "Value")
    band = best_band(candidates(index(run, "validation")), DEFAULTS, Review(0.2))
    sent = outcome(index(run, "test"), DEFAULTS, Review(0.2), band)
    assert tile(app_test, "Low to high") == f"{band.low:.3f} to {band.high:.3f}"
    assert tile(app_test, "Reviewed, test") == f"{sent.reviewed / sent.total:.1%}"
    assert tile(app_test, "Errors left, test") == str(sent.fp + sent.fn)
    table = app_test.dataframe[1].value.set_index("")
    assert list(table.index) == ["Best pair", "Chow's rule", "Best single threshold"]
    assert table.loc["Chow's rule", ["low", "high"]].tolist() == pytest.approx([0.2 / 5, 1 - 0.2])
    assert table.low["Best single threshold"] == pytest.approx(best_of(run))
    assert (table[["predicted negative, test", "reviewed", "predicted positive"]].sum(axis=1) - 1 < 1e-9).all()


def test_a_capacity_limits_the_pair_and_one_of_0_leaves_a_single_threshold(app_test: AppTest):
    run = open_panel(app_test, "Value")
    wanted = outcome(
        index(run, "validation"),
        DEFAULTS,
        Review(0.2),
        best_band(candidates(index(run, "validation")), DEFAULTS, Review(0.2)),
    ).reviewed
    assert f"{wanted} of the 449 validation rows are worth a review." in said(app_test)
    choose(app_test, "review.most", 10)
    assert "the limit of 10 of 449 rows per month allows 10" in said(app_test)
    choose(app_test, "review.most", 0)
    assert "A single threshold is best" in said(app_test)
    assert tile(app_test, "Low to high") == "none"
    choose(app_test, "review.most", 449)
    assert "the limit of 449 of 449 rows per month covers them" in said(app_test)


def test_a_review_that_costs_too_much_pays_for_no_row(app_test: AppTest):
    open_panel(app_test, "Value")
    choose(app_test, "review.cost", 5.0)
    assert "No review is worth its cost here" in said(app_test)


def test_a_reviewer_who_errs_leaves_errors(app_test: AppTest):
    open_panel(app_test, "Value")
    perfect = tile(app_test, "Per 1,000 rows, test")
    choose(app_test, "review.right", 90.0)
    table = app_test.dataframe[1].value.set_index("")
    assert table["1,000 rows, validation"]["Best pair"] <= 0
    assert amount(perfect) is not None
    assert table["errors left"]["Best pair"] % 1 > 0


# --- prevalence


def test_precision_follows_the_formula_at_the_chosen_prevalence(app_test: AppTest):
    run = open_panel(app_test, "Prevalence")
    counts = index(run, "validation").counts(0.5)
    recall, fpr = counts.tp / (counts.tp + counts.fn), counts.fp / (counts.fp + counts.tn)
    percent(app_test).set_value(1.0).run()
    assert tile(app_test, "Precision at 1%") == f"{ppv(recall, fpr, 0.01):.3f}"
    assert slider(app_test).value == pytest.approx(0.01)
    slider(app_test).set_value(0.5).run()
    assert tile(app_test, "Precision at 50%") == f"{ppv(recall, fpr, 0.5):.3f}"
    assert percent(app_test).value == 50
    precision = next(trace for trace in figure_of(app_test, "prevalence")["data"] if trace["name"] == "Precision")
    np.testing.assert_allclose(precision["y"], ppv(recall, fpr, 10 ** np.asarray(precision["x"])))


def test_at_first_it_is_the_prevalence_of_the_validation_rows(app_test: AppTest):
    run = open_panel(app_test, "Prevalence")
    assert slider(app_test).value == pytest.approx(index(run, "validation").prevalence)
    y, score, _, _ = run.scores("validation").view(0)
    assert tile(app_test, "Precision at 9.58%") == f"{sklearn.precision_score(y, score >= 0.5):.3f}"
    assert any(one.value.startswith("9.58% of the validation rows are positive.") for one in app_test.caption)
    beneath = {one.label: one.delta for one in app_test.metric}
    assert beneath["F1 at 9.58%"] == ""  # the data's own would be the same number
    assert re.fullmatch(r"90% interval 0\.\d+ to 0\.\d+", unescaped(beneath["Precision at 9.58%"]))
    percent(app_test).set_value(30.0).run()
    own = f"{sklearn.f1_score(y, score >= 0.5):.3f} at the data's 9.58%"
    assert unescaped({one.label: one.delta for one in app_test.metric}["F1 at 30%"]) == own


@pytest.mark.parametrize("aim", prevalence.AIMS)
def test_the_tuned_threshold_is_the_best_on_weighted_rows_and_is_put_on_trial(app_test: AppTest, aim: str):
    run = open_panel(app_test, "Prevalence")
    percent(app_test).set_value(30.0).run()
    choose(app_test, "prevalence.aim", aim)
    y, score, _, _ = run.scores("validation").view(0)
    w = np.where(y, 0.3 / y.mean(), 0.7 / (1 - y.mean()))

    def worth(t: float) -> float:
        called = score >= score.dtype.type(t)
        if aim == "f1":
            return sklearn.f1_score(y, called, sample_weight=w)
        if aim == "accuracy":
            return sklearn.accuracy_score(y, called, sample_weight=w)
        return -np.mean(w * (5 * (y & ~called) + (~y & called)))

    values = {float(t): worth(t) for t in np.unique(score)}
    best = max(t for t, found in values.items() if found >= max(values.values()) - 1e-12)
    table = app_test.dataframe[0].value.set_index("")
    assert list(table.index) == ["Tuned", "Predicted", "Current"]
    assert table.threshold["Tuned"] == pytest.approx(best)
    press(app_test, "Use the tuned threshold")
    assert values_of(app_test, run) == [pytest.approx(best)]


def test_payoffs_without_a_best_threshold_say_so_and_leave_the_rest(app_test: AppTest):
    open_panel(app_test, "Value")
    pay_by(app_test, Payoffs(0, 0, 0, 0))
    app_test.session_state["panel"] = "Prevalence"
    app_test.run()
    choose(app_test, "prevalence.aim", "cost")
    assert not app_test.exception
    assert "have the same payoff" in said(app_test)
    assert figure_of(app_test, "prevalence")


# --- every task, and bad input


@both_panels
@pytest.mark.parametrize(
    "choices",
    [
        {"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "epochs": 3},
        {"dataset": "multilabel_synthetic", "head": "sigmoids", "epochs": 2},
    ],
    ids=["classes", "labels"],
)
def test_each_class_or_label_has_a_panel_of_its_own(app_test: AppTest, panel: str, choices: dict):
    run = open_panel(app_test, panel, make_config(**choices))
    choose(app_test, "column", 2)
    assert all(figure_of(app_test, key) for key in FIGURES[panel])
    press(app_test, "Use this threshold" if panel == "Value" else "Use the tuned threshold")
    thresholds = values_of(app_test, run)
    assert [t == 0.5 for t in thresholds].count(False) == 1


@both_panels
def test_either_split_and_either_axis(app_test: AppTest, panel: str):
    open_panel(app_test, panel)
    for part in ("validation", "test"):
        for scale in ("probability", "logit"):
            app_test.session_state["scale"] = scale
            act(app_test, "part", part)
            assert not app_test.exception
            assert all(figure_of(app_test, key) for key in FIGURES[panel])


BAD = {
    "constant": ([0, 1] * 10, [0.5] * 20),
    "two rows": ([0, 1], [0.2, 0.9]),
    "ties": ([0, 0, 1, 1] * 5, [0.3, 0.7, 0.3, 0.7] * 5),
    "0 and 1": ([0, 1, 1], [0.0, 1.0, 1.0]),
    "no positive": ([0, 0, 0], [0.1, 0.2, 0.9]),
    "no negative": ([1, 1, 1], [0.1, 0.2, 0.9]),
}


@both_panels
def test_bad_input_leaves_the_page_up(app_test: AppTest, panel: str):
    app_test.session_state["panel"] = panel
    open_source(app_test, source_of([0, 1], [0.2, 0.8]))
    for y, score in BAD.values():
        open_source(app_test, source_of(y, score))
        if panel == "Prevalence" and len(set(y)) == 1:
            assert "another prevalence can't be simulated" in said(app_test)
        else:
            assert all(figure_of(app_test, key) for key in FIGURES[panel])


@both_panels
def test_200_classes(app_test: AppTest, panel: str):
    generator = np.random.default_rng(0)
    score = generator.dirichlet(np.ones(200), 400)
    app_test.session_state["panel"] = panel
    open_source(app_test, source_of(generator.integers(0, 200, 400), score, "multiclass"))
    assert all(figure_of(app_test, key) for key in FIGURES[panel])
