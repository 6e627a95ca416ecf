"""Finding a threshold on the Workbench: what the rules choose, what it is worth, and that it is taken over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation import METRICS, ScoreIndex
from core.evaluation.threshold import ABOVE_ALL
from core.evaluation.tuning import RULES, bind, bootstrap, candidates, regret, simulate
from core.experiment.config import make_config
from core.training.runs import Run
from pages.workbench.panels import tune
from tests.conftest import choose, figure_of, press
from tests.support.shown_sources import below, current_threshold, digit, open_run, open_source, tile, values_of
from tests.support.sources import a_run, as_arrays
from tests.support.workbench_page import marks


def tuning(at: AppTest, run: Run, rule: str = "f1") -> Run:
    """Tune a run with everything open that a rule shows."""
    at.session_state["panel"] = "Tune"
    at.session_state["rule.curve"] = at.session_state["rule.metrics"] = True
    choose(at.run(), "rule", rule)
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
    assert f"regret {on_test - f1(run, 'test', best):.3f}" in below(app_test, "F1, test")


def test_the_threshold_found_is_taken_over_by_the_controls(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=20)))
    button(app_test).click().run()
    found = values_of(app_test, run)[0]
    assert tile(app_test, "Threshold") == f"{found:.3f}"
    assert current_threshold(app_test) == pytest.approx(found, abs=1e-6)
    assert f"{f1(run, 'validation', found):.3f}" == tile(app_test, "F1, validation")


def test_a_constraint_that_cannot_be_met_names_the_best_that_can(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=1)), "precision")
    choose(app_test, "rule.precision.least", 1.0)
    y, score, _, _ = run.scores("validation").view(0)
    precision, _, _ = sklearn.precision_recall_curve(y, score)
    reachable = precision[:-1].max()
    if reachable < 1:
        assert f"the best reachable precision is {reachable:.4g}" in said(app_test).replace("\\", "")
    else:
        assert "Infeasible" not in said(app_test)


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
    thresholds = values_of(app_test, run)
    assert [t == 0.5 for t in thresholds].count(False) == 1
    assert thresholds[2] != 0.5


def test_a_new_metric_can_be_tuned_and_stands_beside_the_others(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METRICS, "twin", replace(METRICS["jaccard"], name="twin", label="Twin"))
    run = tuning(app_test, open_run(app_test, digit(epochs=1)), "twin")
    button(app_test).click().run()
    (threshold,) = values_of(app_test, run)
    y, score, _, _ = run.scores("validation").view(0)
    expected = sklearn.jaccard_score(y, score >= score.dtype.type(threshold))
    table = next(frame.value for frame in app_test.table if "difference" in frame.value)
    assert table.loc["Twin", "validation"] == pytest.approx(expected)
    assert set(table.index) == {metric.label for metric in METRICS.values() if not metric.params}


# --- honesty


def named(figure: dict, name: str) -> dict:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def said(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption))


def test_the_figure_shows_both_splits_the_spread_and_the_regret(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=20)))
    figure = figure_of(app_test, "tuned")
    views = {part: run.scores(part).view(0) for part in ("validation", "test")}
    tuned = bootstrap(bind("f1"), views["validation"].y, views["validation"].score)
    lost = regret(bind("f1"), tuned.choice.threshold, candidates(ScoreIndex.of(views["test"].y, views["test"].score)))
    band, line = figure["layout"]["shapes"]
    assert line["x0"] == pytest.approx(logit(tuned.choice.threshold))
    assert (band["x0"], band["x1"]) == pytest.approx(tuple(logit(tuned.threshold_spread)))
    assert max(named(figure, "F1, validation")["y"]) == pytest.approx(tuned.choice.value, abs=1e-3)
    assert named(figure, "best on test")["y"] == [pytest.approx(lost.best)]
    assert f"regret {lost.loss:.3f}" in {trace.get("name") for trace in figure["data"]}
    assert sum(named(figure, "resamples")["y"]) == 1000
    assert "spread of the threshold, 90% of 1,000 resamples" in said(app_test)
    assert tile(app_test, "F1, new rows") == f"{tuned.estimate:.3f}"
    low, high = tuned.interval
    assert below(app_test, "F1, new rows") == f"90% interval {low:.3f} to {high:.3f}"
    assert "confidence" not in said(app_test)


def test_metrics_at_the_tuned_threshold_stand_side_by_side(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit(epochs=20)))
    (table,) = [frame.value for frame in app_test.table if "difference" in frame.value]
    y, score, _, _ = run.scores("validation").view(0)
    threshold = bootstrap(bind("f1"), y, score, 1).choice.threshold
    for part in ("validation", "test"):
        y, score, _, _ = run.scores(part).view(0)
        called = score >= score.dtype.type(threshold)
        assert table[part]["F1"] == pytest.approx(sklearn.f1_score(y, called))
        assert table[part]["Precision"] == pytest.approx(sklearn.precision_score(y, called))
        assert table[part]["Recall"] == pytest.approx(sklearn.recall_score(y, called))
        assert table[part]["MCC"] == pytest.approx(sklearn.matthews_corrcoef(y, called))
    np.testing.assert_allclose(table["difference"], table["test"] - table["validation"])


def best_in_picture(at: AppTest, **state: object) -> list[float | str] | None:
    """The best threshold that is marked in the picture and the ends of its spread, once this is in the session."""
    for key, value in state.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception
    drawn = marks(at)
    return [drawn[role]["threshold"] for role in ("best", "low", "high")] if "best" in drawn else None


def test_the_best_threshold_and_its_spread_in_the_picture_are_those_of_the_rule_chosen_now(app_test: AppTest):
    source = as_arrays(a_run())
    y, score, _, _ = source.scores("validation").view(0)
    open_source(app_test, source)

    def expected(name: str, **params: object) -> object:
        tuned = bootstrap(bind(name, **params), y, score)
        return pytest.approx([tuned.choice.threshold, *tuned.threshold_spread], abs=0)

    assert best_in_picture(app_test) == expected("f1")  # the first rule
    assert marks(app_test)["best"]["label"].startswith("max F1 ")
    recall = {"rule": "recall", "rule.recall.least": 0.5}
    assert best_in_picture(app_test, **recall) == expected("recall", least=0.5)
    assert best_in_picture(app_test, panel="Value") == expected("recall", least=0.5)  # whatever panel is open
    none = {"panel": "Tune", "rule": "top_rows", "rule.top_rows.rows": 0}
    assert best_in_picture(app_test, **none) == [ABOVE_ALL, 1.0, 1.0]


def test_of_a_class_without_positives_no_best_threshold_is_marked(app_test: AppTest):
    source = as_arrays(a_run(), lambda scores: replace(scores, y_true=0 * scores.y_true))
    open_source(app_test, source)
    assert best_in_picture(app_test) is None


def test_a_rule_that_reads_probabilities_warns_and_leads_to_calibration(app_test: AppTest):
    tuning(app_test, open_run(app_test, digit(epochs=20)), "f1")
    assert "Caution" not in said(app_test)
    choose(app_test, "rule", "half_f1")
    assert "**Caution.** With" in said(app_test)
    assert "Calibrate first" in said(app_test)
    press(app_test, "Calibrate")
    assert app_test.session_state["panel"] == "Calibration"
    assert any(frame.value.index[-1] == "ROC-AUC" for frame in app_test.dataframe)


def test_few_positives_are_said_beside_what_was_tuned_on_them(app_test: AppTest):
    rare = make_config(dataset="breast_cancer", dataset_params={"prevalence": "5%"}, epochs=3)
    run = tuning(app_test, open_run(app_test, rare))
    positives = int(run.scores("validation").y_true.sum())
    assert positives < 10
    assert f"Only {positives} validation rows are" in said(app_test)


def test_optimism_of_tuning_is_shown_on_demand_for_the_rows_chosen(app_test: AppTest):
    run = tuning(app_test, open_run(app_test, digit()))
    assert not [element for element in app_test.get("bidi_component") if element.key == "optimism_figure"]
    app_test.session_state["optimism"] = True
    app_test.run()
    positives = int(run.scores("validation").positives[0])
    assert f"You have {positives} positives to tune on, as {13 * positives} rows here have on average" in said(app_test)
    for rows in (500, 50):
        if rows != 500:
            app_test.select_slider[-1].set_value(rows).run()
        found = simulate(rows, tune.DRAWN // rows)
        assert (
            f"Tuned on {rows} rows, F1 is **{found.in_sample.mean():.3f}** in-sample and **{found.true.mean():.3f}** "
            "in the population" in said(app_test)
        )
        (line,) = figure_of(app_test, "optimism_figure")["layout"]["shapes"]
        assert line["x0"] == rows
