"""Comparing runs on the Workbench: which can be, at which thresholds, and that every number is scikit-learn's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation import ScoreIndex
from core.evaluation.comparison import compare, measures
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource
from core.evaluation.tuning import bind, candidates
from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.plots.comparison import LETTERS
from core.training.runs import Run
from pages.shared import services, state
from tests.conftest import act, choose, control, figure_of, open_page, press, sent, sentences, until
from tests.support.shown_sources import choose_source, digit, digits, open_run, open_source, put_thresholds, values_of
from tests.support.sources import a_run, as_arrays


def open_compare(at: AppTest, *configs: RunConfig) -> list[Run]:
    """Train the configurations one by one and compare the last, A, with the newest other; runs, the oldest first."""
    open_run(at, *configs)
    show_compare(at)
    return [services.runner().job(name).runs[0] for name in reversed(at.session_state["jobs"])]


def show_compare(at: AppTest) -> AppTest:
    at.session_state["panel"] = "Compare"
    at.run()
    assert not at.exception
    return at


def race(at: AppTest, *names: str, seeds: tuple[int, ...] = (0,)) -> list[Run]:
    """Train variants that differ in their pos_weight, and compare the runs of the first one's first seed."""
    variants = tuple(
        Variant(name=name, config=digit(epochs=2, loss_params={"pos_weight": 1.0 + at}))
        for at, name in enumerate(names)
    )
    runner = services.runner()
    job = runner.submit(Experiment(variants=variants, seeds=seeds))
    until(lambda: runner.job(job).ended)
    runs = list(runner.job(job).runs)
    at.query_params.update({"run": job, "shown": runs[0].id})
    open_page(at, "workbench")
    show_compare(at)
    return runs


def chosen(at: AppTest) -> list[str]:
    return at.multiselect(key="compare.with").value


def compare_with(at: AppTest, *runs: Run) -> AppTest:
    at.multiselect(key="compare.with").set_value([run.id for run in runs]).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    return " ".join(text.value for kind in (at.markdown, at.caption) for text in kind).replace("\\", "")


def table(at: AppTest, column: str) -> pd.DataFrame:
    """The table that has this column."""
    (found,) = [one.value for one in at.dataframe if column in one.value]
    return found


def legend(at: AppTest) -> list[str]:
    """Letter and name of each run on the chart."""
    traces = figure_of(at, "compare_curves")["data"]
    return [trace["name"].replace("<b>", "").replace("</b>", "") for trace in traces if "<b>" in trace.get("name", "")]


def wanted_numbers(run: Run, part: str, threshold: float, column: int = 0) -> dict[str, float]:
    y, score, _, _ = run.scores(part).view(column)
    called = score >= score.dtype.type(threshold)
    return {
        "Precision": sklearn.precision_score(y, called, zero_division=np.nan),
        "Recall": sklearn.recall_score(y, called),
        "F1": sklearn.f1_score(y, called),
        "Cost per row": (np.sum(called & ~y) + 5 * np.sum(~called & y)) / len(y),
        "Average precision": sklearn.average_precision_score(y, score),
        "ROC-AUC": sklearn.roc_auc_score(y, score),
        "Brier score": sklearn.brier_score_loss(y, score.astype(float)),
        "Log-loss": sklearn.log_loss(y, np.clip(score.astype(float), 1e-15, 1 - 1e-15)),
    }


# --- which runs


def test_with_one_run_it_says_how_to_get_a_second(app_test: AppTest):
    open_compare(app_test, digit())
    assert "There is no other run to compare this one with." in said(app_test)
    assert [link.proto.label for link in app_test.get("page_link")] == ["Train another one"]
    assert "compare_curves" not in {element.key for element in app_test.get("bidi_component")}


def test_the_demonstration_is_compared_with_its_other_variant_and_an_earlier_epoch_with_later_ones(app_test: AppTest):
    at = show_compare(app_test)
    plain, weighted = services.demonstration().runs
    assert chosen(at) == [plain.id]
    assert legend(at) == ["A pos_weight 20", "B pos_weight 1"]
    at.session_state[state.SHOWN.name] = f"{weighted.id}@5"
    show_compare(at)
    compare_with(at, weighted)
    wanted = [
        sklearn.log_loss(run.scores("validation").y_true, run.scores("validation").y_score.astype(float))
        for run in (weighted.at(5), weighted)
    ]
    np.testing.assert_allclose(table(at, "ECE")["Log-loss"], wanted)


def test_runs_with_other_rows_are_named_with_the_reason(app_test: AppTest):
    other_data = make_config(dataset="wine", head="softmax", loss="cross_entropy", epochs=1)
    other_setting = digit(dataset_params={"digit": 3})
    other_split = digit(split_seed=1)
    regression = make_config(dataset="line", head="identity", loss="mse", epochs=1)
    open_compare(app_test, other_data, other_setting, other_split, regression, digit())
    assert "There is no other run" in said(app_test)
    for reason in (
        "Other data (Wine): 3.",
        "The same data with other settings: 4.",
        "Rows split in another way: 5.",
        "Other data (A line with outliers): 6.",
    ):
        assert reason in said(app_test)
    assert any("4 runs of this session" in box.label for box in app_test.expander)


def test_a_run_without_scores_is_named_too(app_test: AppTest):
    run = open_run(app_test, digit())
    failing = services.runner().submit(
        Experiment(variants=(Variant(name="queued", config=digit(epochs=2000, batch_size=4)),))
    )
    services.runner().cancel(failing)
    until(lambda: services.runner().job(failing).ended)
    app_test.session_state["jobs"] = [run.job, failing]
    show_compare(app_test)
    if services.runner().job(failing).runs[0].outputs:
        pytest.skip("an epoch was trained before the run was stopped")
    assert "Without scores (stopped):" in said(app_test)


def test_seven_runs_are_one_too_many(app_test: AppTest):
    race(app_test, *"abcdefgh")
    assert len(chosen(app_test)) == len(LETTERS) - 1
    assert app_test.multiselect(key="compare.with").proto.max_selections == 5
    assert [name[0] for name in legend(app_test)] == list(LETTERS)


def test_the_variants_of_a_race_are_compared_at_once_under_their_own_names(app_test: AppTest):
    runs = race(app_test, "plain", "double", seeds=(0, 1))
    assert chosen(app_test) == [runs[2].id]  # the other variant with the same seed
    assert legend(app_test) == ["A plain", "B double"]
    options = app_test.multiselect(key="compare.with").options
    assert options == ["5. plain · seed 1", "4. double · seed 0", "3. double · seed 1"]
    compare_with(app_test, runs[1], runs[3])
    assert legend(app_test) == ["A plain · seed 0", "B plain · seed 1", "C double · seed 1"]


def test_runs_of_several_jobs_are_named_by_what_tells_them_apart(app_test: AppTest):
    runs = open_compare(app_test, digit(lr=0.1), digit(epochs=4), digit())
    assert chosen(app_test) == [runs[1].id]
    assert legend(app_test) == ["A epochs 5", "B epochs 4"]
    compare_with(app_test, *runs[:2])
    names = table(app_test, "ECE")["Run"].tolist()
    assert names == [
        "A · learning rate 0.003 · epochs 5",
        "B · learning rate 0.1 · epochs 5",
        "C · learning rate 0.003 · epochs 4",
    ]


def test_the_choice_stays_with_another_run_on_the_page_and_another_split(app_test: AppTest):
    first, second, third = open_compare(app_test, digit(lr=0.1), digit(lr=0.01), digit())
    compare_with(app_test, first)
    act(app_test, "part", "test")
    assert chosen(app_test) == [first.id]
    choose_source(app_test, second.id)
    assert chosen(app_test) == [first.id]
    choose_source(app_test, first.id)  # which is A now, so that something else is offered
    assert chosen(app_test) == [third.id]
    compare_with(app_test)
    assert "Choose one more to compare" in said(app_test)
    assert chosen(app_test) == []


# --- numbers and curves


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_numbers_of_every_run_are_scikit_learns_on_the_split_shown(app_test: AppTest, part: str):
    other, run = open_compare(app_test, digit(lr=0.1), digit(epochs=20))
    act(app_test, "part", part)
    found = table(app_test, "ECE")
    assert found["Threshold"].tolist() == ["0.5000", "0.5000"]
    for at, one in enumerate((run, other)):
        for label, value in wanted_numbers(one, part, 0.5).items():
            np.testing.assert_allclose(found[label][at], value, rtol=1e-6, err_msg=label)
    assert f"On the {part} rows." in said(app_test)


def test_each_run_is_shown_at_its_own_threshold_or_at_one_for_all_or_tuned(app_test: AppTest):
    other, run = open_compare(app_test, digit(lr=0.1), digit(epochs=20))
    put_thresholds(app_test, other, [0.8])
    app_test.run()
    assert table(app_test, "ECE")["Threshold"].tolist() == ["0.5000", "0.8000"]
    choose(app_test, "compare.mode", "common")
    choose(app_test, "compare.common", 0.25)
    assert table(app_test, "ECE")["Threshold"].tolist() == ["0.2500", "0.2500"]
    choose(app_test, "compare.mode", "f1")
    act(app_test, "part", "test")
    tuned = []
    for one in (run, other):
        view = one.scores("validation").view(0)
        tuned.append(bind("f1")(candidates(ScoreIndex.of(view.y, view.score))).threshold)
    found = table(app_test, "ECE")
    assert found["Threshold"].tolist() == [f"{t:.4f}" for t in tuned]
    np.testing.assert_allclose(found["F1"][1], wanted_numbers(other, "test", tuned[1])["F1"])
    assert "in-sample (optimistic)" not in said(app_test)
    act(app_test, "part", "validation")
    assert "in-sample (optimistic)" in said(app_test)
    press(app_test, "Use these thresholds")
    assert control(app_test, "compare.mode").value == "own"
    for one, t in zip((run, other), tuned, strict=True):
        assert values_of(app_test, one) == [pytest.approx(t)]
    assert table(app_test, "ECE")["Threshold"].tolist() == [f"{t:.4f}" for t in tuned]


@pytest.mark.parametrize("view", ["PR", "ROC", "Cost", "Calibration"])
def test_every_chart_has_a_curve_and_a_ring_for_each_run(app_test: AppTest, view: str):
    race(app_test, *"abc")
    choose(app_test, "compare.view", view)
    assert legend(app_test) == ["A a", "B b", "C c"]
    figure = figure_of(app_test, "compare_curves")
    letters = [note["text"] for note in figure["layout"]["annotations"] if note.get("arrowcolor")]
    assert letters == ["<b>A</b>", "<b>B</b>", "<b>C</b>"]
    alt = sent(app_test, "compare_curves")["alt"]
    assert alt.startswith(f"{view} of 3 runs on validation rows. A, a, at threshold 0.5000: precision ")


def test_costs_move_the_chart_and_the_table(app_test: AppTest):
    _, run = open_compare(app_test, digit(lr=0.1), digit(epochs=20))
    choose(app_test, "compare.view", "Cost")
    choose(app_test, "payoff.cost_fp", 3.0)
    choose(app_test, "payoff.cost_fn", 1.5)
    choose(app_test, "payoff.benefit_tp", 0.5)
    y, score, _, _ = run.scores("validation").view(0)
    called = score >= np.float32(0.5)
    wanted = (3 * np.sum(called & ~y) + 2 * np.sum(~called & y)) / len(y)
    assert table(app_test, "ECE")["Cost per row"][0] == pytest.approx(wanted)
    assert figure_of(app_test, "compare_curves")["data"][-1]["y"][0] == pytest.approx(wanted)


# --- differences


@pytest.mark.parametrize("measure", list(measures()))
def test_every_measure_can_be_compared_by(app_test: AppTest, measure: str):
    other, run = open_compare(app_test, digit(lr=0.1), digit(epochs=20))
    choose(app_test, "compare.measure", measure)
    assert (measures()[measure].help, measures()[measure].reference) in [(c.value, c.help) for c in app_test.caption]
    views = [one.scores("validation").view(0) for one in (run, other)]
    found = compare(measure, views[0].y, [view.score for view in views], [0.5, 0.5])
    row = table(app_test, "Better in").iloc[0]
    low, high = found.intervals[1]
    assert row["Difference"] == f"{found.differences[1]:+.3f}"
    assert row["95% interval"] == f"{low:+.3f} to {high:+.3f}"
    assert row["Better in"] == f"{found.better[1]:.1%}"
    words = "these rows do not tell which is better" if low <= 0 <= high else "than A."
    assert words in said(app_test)
    (dot,) = figure_of(app_test, "compare_differences")["data"]
    assert dot["x"] == [pytest.approx(found.differences[1])]


def test_equal_runs_differ_by_nothing_and_it_says_so(app_test: AppTest):
    open_compare(app_test, digit(), digit())
    row = table(app_test, "Better in").iloc[0]
    assert (row["Difference"], row["95% interval"], row["Better in"]) == ("+0.000", "+0.000 to +0.000", "0.0%")
    assert "B: the interval includes 0, so these rows do not tell which is better." in said(app_test)


# --- several classes and labels


@pytest.mark.parametrize(
    "config",
    [digits(epochs=2), make_config(dataset="yeast", head="sigmoids", epochs=2)],
    ids=["classes", "labels"],
)
def test_the_class_or_label_of_the_page_is_the_one_compared(app_test: AppTest, config: RunConfig):
    other, run = open_compare(app_test, config.model_copy(update={"lr": 0.1}), config)
    choose(app_test, "column", 3)
    found = table(app_test, "ECE")
    for at, one in enumerate((run, other)):
        for label, value in wanted_numbers(one, "validation", 0.5, column=3).items():
            np.testing.assert_allclose(found[label][at], value, rtol=1e-6, err_msg=label)


# --- bad input and runs in training


def test_one_class_only_says_what_is_undefined_and_shows_the_rest(app_test: AppTest):
    open_source(app_test, *two_sources())
    for label, word in ((0, "No validation rows are"), (1, "All validation rows are")):
        open_source(app_test, *two_sources(lambda scores, label=label: _with_labels(scores, label)))
        show_compare(app_test)
        for view in ("PR", "ROC", "Cost", "Calibration"):
            choose(app_test, "compare.view", view)
        for measure in ("f1", "roc_auc", "average_precision"):
            choose(app_test, "compare.measure", measure)
        assert any(word in sentence for sentence in sentences(app_test))
        assert np.isfinite(table(app_test, "ECE")["Brier score"]).all()


def two_sources(
    change: Callable[[Scores], Scores] = lambda scores: scores, other: Callable[[Scores], Scores] | None = None
) -> tuple[ArraySource, ArraySource]:
    """Two sources on the same rows with other scores, each changed."""
    run = a_run()
    return as_arrays(run, change), as_arrays(
        run, other or (lambda scores: change(replace(scores, y_score=scores.y_score**2)))
    )


def _with_labels(scores: Scores, label: int) -> Scores:
    return replace(scores, y_true=np.full_like(scores.y_true, label))


def test_constant_scores_are_named(app_test: AppTest):
    sources = two_sources(other=lambda scores: replace(scores, y_score=np.full_like(scores.y_score, 0.25)))
    open_source(app_test, *sources)
    show_compare(app_test)
    assert "B gives all validation rows the score 0.25, so it does not rank them." in sentences(app_test)
    for view in ("PR", "ROC", "Cost", "Calibration"):
        choose(app_test, "compare.view", view)
        assert not app_test.exception
    assert table(app_test, "ECE")["ROC-AUC"][1] == 0.5


def test_a_run_in_training_is_compared_as_it_is(app_test: AppTest):
    run = open_run(app_test, digit())
    runner = services.runner()
    job = runner.submit(Experiment(variants=(Variant(name="slow", config=digit(epochs=2000, lr=0.1)),)))
    until(lambda: runner.job(job).runs[0].epoch >= 1)
    runner.pause(job)
    until(lambda: runner.job(job).status == "paused")
    app_test.session_state["jobs"] = [run.job, job]
    show_compare(app_test)
    (epoch,) = re.findall(r"B is not final yet: paused, scores after epoch (\d+)\.", said(app_test))
    assert 1 <= int(epoch) <= runner.job(job).runs[0].epoch  # the turn in flight may still end another one
    runner.cancel(job)
