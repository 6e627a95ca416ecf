"""The panel Rows: what is chosen or clicked is what is shown, as many as the matrix counts, in every kind of task."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation import DECISIONS, NO_CLASS, ScoreIndex, confusion_matrix
from core.evaluation.rows import OUTCOMES
from core.experiment.config import RunConfig, make_config
from core.training.runs import Run
from pages.shared import state
from pages.workbench.panels import rows
from tests.conftest import act, control, figure_of, sent
from tests.support.shown_sources import digit, digits, open_run, put_thresholds
from tests.support.workbench_page import filmed


def open_rows(at: AppTest, config: RunConfig) -> Run:
    run = open_run(at, config)
    at.session_state["panel"] = "Rows"
    at.run()
    assert not at.exception
    return run


def choose(at: AppTest, run: Run, name: str, value: object) -> AppTest:
    control(at, f"rows.{name}.{run.id}").set_value(value).run()
    assert not at.exception
    return at


def table(at: AppTest) -> pd.DataFrame:
    (found,) = [frame.value for frame in at.dataframe if "row" in frame.value]
    return found


def said(at: AppTest) -> str:
    (found,) = [text.value for text in at.markdown if "of" in text.value and "rows**" in text.value]
    return found.replace("\\", "")


def labels(at: AppTest, run: Run) -> list[str]:
    return [option.content for option in control(at, f"rows.outcome.{run.id}").proto.options]


def ask(at: AppTest, run: Run, **wanted: object) -> AppTest:
    """Ask as a picture's callback does, within a run of the app."""
    at.session_state[f"rows.{run.id}"] = wanted
    return at.run()


def click(at: AppTest, key: str, point: dict[str, object]) -> AppTest:
    """Click on a point of a live figure, as its script sends word of it, and run."""
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    states = at._tree.get_widget_states()  # an AppTest has no component to click on
    states.widgets.add(
        id=f"$$STREAMLIT_INTERNAL_KEY_{element.proto.id}__events",
        json_trigger_value=json.dumps([{"event": "clicked", "value": point}]),
    )
    return at._run(states)


def test_every_outcome_has_as_many_rows_as_the_matrix(app_test: AppTest):
    run = open_rows(app_test, make_config(dataset="breast_cancer", epochs=3))
    view = run.scores("validation").view(0)
    for threshold in (0.3, float(view.score[7])):
        put_thresholds(app_test, run, [threshold])
        app_test.run()
        counts = ScoreIndex.of(view.y, view.score).counts(threshold)
        expected = {name: int(getattr(counts, name)) for name in OUTCOMES}
        total = int(counts.total)
        assert labels(app_test, run) == [f"All {total:,}", *(f"{n.upper()} {c:,}" for n, c in expected.items())]
        for name, count in expected.items():
            choose(app_test, run, "outcome", name)
            assert said(app_test).startswith(f"**{count:,} of {total:,} validation rows**")
            shown = table(app_test) if count else pd.DataFrame({"outcome": []})
            assert len(shown) == count
            assert (shown["outcome"] == name.upper()).all()
        choose(app_test, run, "outcome", "any")


def test_rows_show_where_they_stand_in_the_data_set_with_all_features(app_test: AppTest):
    run = open_rows(app_test, make_config(dataset="wine", head="softmax", loss="cross_entropy", epochs=2))
    app_test.session_state["part"] = "test"
    shown = table(app_test.run())
    assert set(shown["row"]) == set(run.rows("test"))
    assert {"alcohol", "proline"} <= set(shown.columns)
    assert shown["lead"].abs().is_monotonic_increasing


def test_many_rows_come_a_hundred_at_a_time(app_test: AppTest):
    run = open_rows(app_test, make_config(dataset="gaussians", epochs=2))
    n = len(run.rows("validation"))
    assert len(table(app_test)) == rows.PAGE
    assert any(f"Rows 1 to 100, {rows.NEAREST}" in text.value for text in app_test.caption)
    first = set(table(app_test)["row"])
    (pages,) = app_test.pagination
    pages.set_value(2).run()
    assert not set(table(app_test)["row"]) & first
    assert any("Rows 101 to 200" in text.value for text in app_test.caption)
    choose(app_test, run, "low", 0.2)
    assert any("Rows 1 to" in text.value for text in app_test.caption), "another question begins on its first page"
    assert f"of {n:,} validation rows" in said(app_test)


def test_a_range_of_scores_limits_rows_and_counts(app_test: AppTest):
    run = open_rows(app_test, digit())
    choose(app_test, run, "low", 0.3)
    choose(app_test, run, "high", 0.7)
    score = run.scores("validation").y_score[:, 0]
    inside = (score >= np.float32(0.3)) & (score < np.float32(0.7))
    assert said(app_test).startswith(f"**{inside.sum()} of 449 validation rows**")
    assert "with a score of at least 0.3 and less than 0.7" in said(app_test)
    assert labels(app_test, run)[0] == f"All {inside.sum()}"
    choose(app_test, run, "low", None)
    assert "with a score of less than 0.7" in said(app_test)


def test_a_range_without_rows_says_so_and_stays_up(app_test: AppTest):
    run = open_rows(app_test, digit())
    choose(app_test, run, "low", 0.7)
    choose(app_test, run, "high", 0.3)
    assert said(app_test).startswith("**0 of 449 validation rows**")
    assert not [frame for frame in app_test.dataframe if "row" in frame.value]
    assert not [one for one in app_test.get("download_button") if "Rows" in one.proto.label]


def test_images_are_shown_as_such_with_a_text_for_those_who_cannot_see_them(app_test: AppTest):
    run = open_rows(app_test, digit())
    choose(app_test, run, "outcome", "fp")
    shown = table(app_test)
    assert not [name for name in shown.columns if "pixel" in name]
    captions = [note["text"].split("<br>") for note in figure_of(app_test, "rows.images")["layout"]["annotations"]]
    assert captions == [
        [f"actual {name}", f"row {row}", f"p(8) = {score:.3f}"]
        for name, row, score in zip(shown["class"], shown["row"], shown["score"], strict=True)
    ]
    assert sent(app_test, "rows.images")["alt"].startswith(f"{len(shown)} images")


def test_rows_of_classes_are_asked_for_together_where_all_are_shown_and_by_class_where_one_is(app_test: AppTest):
    run = open_rows(app_test, digits())
    assert control(app_test, f"rows.cell.{run.id}").value is True
    assert not any(one.key == state.COLUMN.name for one in app_test.get("segmented_control"))
    choose(app_test, run, "cell", False)
    control(app_test, state.COLUMN.name).set_value(3).run()
    of_class = run.scores("validation").view(3)
    assert f"TP {np.sum(of_class.y & (of_class.score >= 0.5))}" in labels(app_test, run)
    app_test.session_state[state.ALONE.name] = True
    app_test.run()
    assert control(app_test, f"rows.cell.{run.id}").value is False


def test_a_cell_among_all_classes_has_the_rows_of_its_matrix(app_test: AppTest):
    run = open_rows(app_test, digits())
    choose(app_test, run, "cell", True)
    scores = run.scores("validation")
    matrix = confusion_matrix(scores.y_true, scores.y_score.argmax(1), 10)
    for true, decided, count, words in (
        ("any", "any", matrix.sum(), "rows**."),
        (3, "any", matrix[3].sum(), "are actual 3."),
        ("any", 3, matrix[:, 3].sum(), "are predicted 3."),
        (8, 1, matrix[8, 1], "are actual 8, predicted 1."),
    ):
        choose(app_test, run, "true", true)
        choose(app_test, run, "decided", decided)
        assert said(app_test).startswith(f"**{count} of {scores.n_rows} validation rows**")
        assert said(app_test).endswith(words)


def test_each_label_has_rows_of_its_own(app_test: AppTest):
    run = open_rows(app_test, make_config(dataset="multilabel_synthetic", head="sigmoids", epochs=2))
    choose(app_test, run, "outcome", "tp")
    for column in (0, 3):
        control(app_test, "column").set_value(column).run()
        view = run.scores("validation").view(column)
        hits = int(ScoreIndex.of(view.y, view.score).counts(0.5).tp)
        assert said(app_test).startswith(f"**{hits} of")
        if hits:
            assert all(view.label in row.split(", ") for row in table(app_test)["labels"])


def test_a_picture_asks_for_rows_and_opens_the_panel(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    run = open_run(app_test, digits())
    state: dict[str, object] = {}
    monkeypatch.setattr(rows.st, "session_state", state)
    rows.ask(run, true=3, decided=8)
    monkeypatch.undo()
    for key, value in state.items():
        app_test.session_state[key] = value
    app_test.run()
    assert app_test.session_state["panel"] == "Rows"
    scores = run.scores("validation")
    count = ((scores.y_true == 3) & (scores.y_score.argmax(1) == 8)).sum()
    assert said(app_test).startswith(f"**{count} of {scores.n_rows} validation rows** are actual 3, predicted 8")


def scrolls_to_panels(at: AppTest) -> bool:
    return any("st-key-panels" in element.proto.body for element in at.get("html"))


def test_a_cell_of_the_picture_opens_its_rows_at_the_threshold_that_it_shows(app_test: AppTest):
    run = open_run(app_test, digit())
    act(app_test, "fn", run.epoch, moved=0.75)
    assert app_test.session_state["panel"] == "Rows"
    assert scrolls_to_panels(app_test)
    view = run.scores("validation").view(0)
    missed = int(ScoreIndex.of(view.y, view.score).counts(0.75).fn)
    assert said(app_test).startswith(
        f"**{missed} of 449 validation rows** are actual 8, predicted rest at threshold 0.75"
    )
    act(app_test, "tp", run.epoch)
    assert said(app_test).startswith(f"**{view.y.sum() - missed} of 449 validation rows** are actual 8, predicted 8")
    choose(app_test, run, "outcome", "tn")
    assert not scrolls_to_panels(app_test)


def test_a_cell_at_an_earlier_epoch_opens_the_rows_of_that_epoch_at_the_same_threshold(app_test: AppTest):
    run = open_run(app_test, digit())
    act(app_test, "type", 0.75)
    epoch = run.kept[0].epoch
    act(app_test, "fn", epoch)
    view = run.at(epoch).scores("validation").view(0)
    missed = int(ScoreIndex.of(view.y, view.score).counts(0.75).fn)
    assert said(app_test).startswith(
        f"**{missed} of 449 validation rows** are actual 8, predicted rest at threshold 0.75"
    )
    assert filmed(app_test)["frames"][-1]["epoch"] == epoch


@pytest.mark.parametrize(("x", "predicted"), [(8, "8"), (10, "no class")])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_cell_of_the_matrix_of_all_classes_opens_its_rows(app_test: AppTest, x: int, predicted: str, earlier: bool):
    run = open_run(app_test, digits())
    epoch = run.kept[0].epoch if earlier else run.epoch
    app_test.session_state[f"decision.{run.id}"] = ("masked", {})
    app_test.run()
    act(app_test, "cell", f"{3 * 11 + x}@{epoch}")
    assert app_test.session_state["panel"] == "Rows"
    scores = run.at(epoch).scores("validation")
    decided = DECISIONS["masked"](scores.y_score, [0.5] * 10)
    count = ((scores.y_true == 3) & (decided == (x if x < 10 else NO_CLASS))).sum()
    assert said(app_test).startswith(
        f"**{count} of {scores.n_rows} validation rows** are actual 3, predicted {predicted}"
    )


def test_what_a_picture_asks_for_stands_in_the_controls(app_test: AppTest):
    run = open_rows(app_test, digit())
    low, high = 0.5, float(np.nextafter(np.float32(0.75), 1))
    ask(app_test, run, outcome="fp", low=low, high=high)
    assert control(app_test, f"rows.outcome.{run.id}").value == "fp"
    assert control(app_test, f"rows.low.{run.id}").value == low
    assert control(app_test, f"rows.high.{run.id}").value == high
    view = run.scores("validation").view(0)
    inside = (view.score >= np.float32(low)) & (view.score < np.float32(high)) & ~view.y
    assert said(app_test).startswith(f"**{inside.sum()} of")


def test_bars_stand_for_the_rows_that_the_controls_count(app_test: AppTest):
    run = open_rows(app_test, digit())
    view = run.scores("validation").view(0)
    counts = ScoreIndex.of(view.y, view.score).counts(0.5)
    bars = {trace["name"]: trace["customdata"] for trace in figure_of(app_test, "rows.bars")["data"]}
    for name in OUTCOMES:
        assert sum(rows for rows, _, _ in bars[name]) == getattr(counts, name)
    count, low, high = max(bars["tn"], key=lambda bar: bar[0])
    click(app_test, "rows.bars", {"curve": 2, "name": "tn", "customdata": [count, low, high]})
    assert said(app_test).startswith(f"**{count} of")


def test_a_rule_that_leaves_rows_without_a_class_lets_them_be_asked_for(app_test: AppTest):
    run = open_rows(app_test, digits())
    app_test.session_state[f"decision.{run.id}"] = ("masked", {"fallback": NO_CLASS})
    put_thresholds(app_test, run, [0.9] * 10)
    choose(app_test, run, "cell", True)
    choose(app_test, run, "decided", NO_CLASS)
    p = run.scores("validation").y_score
    without = (p < np.float32(0.9)).all(axis=1).sum()
    assert said(app_test).startswith(f"**{without} of")
    assert said(app_test).endswith("are predicted no class.")
    assert set(table(app_test)["predicted"]) == {"none"}
    app_test.session_state[f"decision.{run.id}"] = ("argmax", {})
    app_test.run()
    assert said(app_test).startswith(f"**{len(p)} of")


def test_the_file_has_all_rows_and_every_feature(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    files = []
    monkeypatch.setattr(rows.st, "download_button", lambda *args, **_: files.append(args[1:3]))
    run = open_rows(app_test, digit())
    content, name = files[-1]
    read = pd.read_csv(io.StringIO(content()))
    assert name == f"rows-{run.id}-validation.csv"
    assert sorted(read["row"]) == sorted(run.rows("validation"))
    assert read.shape[1] == 6 + 64
    place = {row: at for at, row in enumerate(run.rows("validation"))}
    scores = run.scores("validation").y_score[[place[row] for row in read["row"]], 0]
    np.testing.assert_array_equal(read["score"].astype(np.float32), scores)


def test_thresholds_on_trial_decide(app_test: AppTest):
    run = open_rows(app_test, digit())
    choose(app_test, run, "outcome", "fn")
    put_thresholds(app_test, run, [1.0])
    app_test.run()
    view = run.scores("validation").view(0)
    missed = int(ScoreIndex.of(view.y, view.score).counts(1.0).fn)
    assert said(app_test).startswith(f"**{missed} of 449")
    assert labels(app_test, run)[3] == f"FN {missed}"
    assert control(app_test, f"rows.outcome.{run.id}").value == "fn"


@pytest.mark.parametrize(("now", "stored"), [(0.2, 0.6), (0.6, 0.2), (0.6, np.inf)])
def test_rows_whose_decision_differs_from_the_saved_threshold_come_first(app_test: AppTest, now: float, stored: float):
    run = open_rows(app_test, digit())
    put_thresholds(app_test, run, [now], [stored])
    app_test.run()
    view = run.scores("validation").view(0)
    predicted, before = view.score >= np.float32(now), view.score >= np.float32(stored)
    changed = predicted != before
    positives, negatives = (changed & view.y).sum(), (changed & ~view.y).sum()
    assert changed.any()
    assert control(app_test, f"rows.outcome.{run.id}").value == "changed"
    assert labels(app_test, run)[:2] == [f"Changed {changed.sum()}", "All 449"]
    words = ("8", "rest", "FN \N{RIGHTWARDS ARROW} TP", "TN \N{RIGHTWARDS ARROW} FP")
    if now > stored:
        words = ("rest", "8", "TP \N{RIGHTWARDS ARROW} FN", "FP \N{RIGHTWARDS ARROW} TN")
    saved = "above every score" if np.isinf(stored) else f"{stored:g}"
    assert said(app_test) == (
        f"**{changed.sum()} of 449 validation rows** are predicted {words[0]} at threshold {now:g} and {words[1]} at "
        f"the saved threshold {saved}: {positives} actual 8 ({words[2]}), {negatives} actual rest ({words[3]})."
    )
    shown = table(app_test)
    assert set(shown["row"]) <= set(run.rows("validation")[changed])
    assert (shown["outcome"] != shown["saved outcome"]).all()


def test_changed_rows_are_on_offer_only_while_the_saved_threshold_differs(app_test: AppTest):
    run = open_rows(app_test, digit())
    put_thresholds(app_test, run, [0.2], [0.2])
    app_test.run()
    assert labels(app_test, run)[0] == "All 449"
    assert control(app_test, f"rows.outcome.{run.id}").value == "any"
    put_thresholds(app_test, run, [0.3], [0.2])
    app_test.run()
    choose(app_test, run, "outcome", "any")
    assert said(app_test).startswith("**449 of 449 validation rows** at threshold 0.3")
    put_thresholds(app_test, run, [0.4], [0.2])
    app_test.run()
    assert control(app_test, f"rows.outcome.{run.id}").value == "any", "what was chosen stays"


def test_changed_rows_are_in_the_file(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    files = []
    monkeypatch.setattr(rows.st, "download_button", lambda *args, **_: files.append(args[1]))
    run = open_rows(app_test, digit())
    put_thresholds(app_test, run, [0.2], [0.6])
    app_test.run()
    read = pd.read_csv(io.StringIO(files[-1]()))
    score = run.scores("validation").y_score[:, 0]
    changed = (score >= np.float32(0.2)) & (score < np.float32(0.6))
    assert sorted(read["row"]) == sorted(run.rows("validation")[changed])
    assert set(zip(read["saved outcome"], read["outcome"], strict=True)) <= {("FN", "TP"), ("TN", "FP")}


def test_rows_of_several_classes_have_another_class_with_the_saved_thresholds(app_test: AppTest):
    run = open_rows(app_test, digits())
    app_test.session_state[f"decision.{run.id}"] = ("ratio", {})
    scores = run.scores("validation")
    now, stored = [0.5] * 9 + [0.1], [0.5] * 10
    put_thresholds(app_test, run, now, stored)
    choose(app_test, run, "cell", True)
    decided, before = (DECISIONS["ratio"](scores.y_score, each) for each in (now, stored))
    changed = decided != before
    correct, was_correct = (int((changed & (each == scores.y_true)).sum()) for each in (decided, before))
    assert changed.any()
    assert said(app_test) == (
        f"**{changed.sum()} of 449 validation rows** are predicted another class with the saved thresholds: {correct} "
        f"correct now, {was_correct} correct with the saved thresholds, {changed.sum() - correct - was_correct} with "
        "neither."
    )
    choose(app_test, run, "saved", "any")
    assert said(app_test) == "**449 of 449 validation rows**."
