"""Opened predictions on the Workbench, without a browser: by link, the dialog of their columns, deleting them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.data.tables import read_table
from core.predictions.examples import EXAMPLES
from core.predictions.uploads import Upload
from pages.shared import services, state
from tests.conftest import ROOT, control, drawn, sentences, tell, unescaped
from tests.support.workbench_page import marks, opened

RNG = np.random.default_rng(7)
N = 400
Y = RNG.random(N) < 0.2
P = np.clip(RNG.beta(2, 5, N) + 0.25 * Y, 0.001, 0.999)


def upload(tmp_path: Path, name: str = "scores.csv", **columns: object) -> Upload:
    path = tmp_path / name
    pd.DataFrame(columns or {"y_true": Y.astype(int), "y_score": P}).to_csv(path, index=False)
    return services.uploads().add(read_table(path), name)


def by_link(at: AppTest, given: Upload) -> AppTest:
    at.query_params["predictions"] = given.id
    at.run()
    assert not at.exception
    return at


def labels(at: AppTest) -> list[str]:
    return [unescaped(one.label) for one in at.button]


def bar(at: AppTest) -> str:
    """What the bar says is open."""
    (about,) = (one for one in at.get("popover") if "Predictions" in one.proto.popover.label)
    return unescaped(about.proto.popover.label)


def test_the_popover_lists_the_other_columns(app_test: AppTest, tmp_path: Path):
    day = pd.date_range("2026-01-01", periods=N).astype(str)
    at = by_link(app_test, upload(tmp_path, y_true=Y.astype(int), y_score=P, date=day, amount=np.arange(N) + 0.5))
    assert bar(at) == ":gray[Predictions] scores.csv"
    with opened(at, "predictions.about"):
        assert "Amount: amount · Time: date" in [unescaped(one.value) for one in at.caption]


def test_a_link_opens_predictions_with_scikit_learns_counts(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    at = by_link(app_test, given)
    assert not sentences(at)
    assert drawn(at)["of"].startswith(given.id)
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y, P >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)
    assert at.query_params["predictions"] == given.id
    assert "dataset" not in at.query_params


def test_the_app_opens_on_the_file_of_its_command_line_unless_a_link_says_otherwise(
    own_services: None, app_test: AppTest, tmp_path: Path
):
    given = upload(tmp_path)
    services.uploads().add_first(given.table, given.name)
    at = app_test.run()
    assert not at.exception
    assert at.query_params["predictions"] == services.uploads().first != given.id
    assert (
        by_link(AppTest.from_file(ROOT / "pages" / "shell.py", default_timeout=60), given).query_params["predictions"]
        == given.id
    )


def test_the_bar_says_what_the_columns_are_taken_for(app_test: AppTest, tmp_path: Path):
    at = by_link(app_test, upload(tmp_path))
    assert {":gray[Columns] y_true, y_score", ":gray[Positive class] 1"} <= set(labels(at))
    assert "Train" not in labels(at)


def test_close_leads_back_to_the_models(app_test: AppTest, tmp_path: Path):
    at = by_link(app_test, upload(tmp_path))
    at.button(key="predictions.close").click().run()
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)
    assert "predictions" not in at.query_params
    assert "Train" in labels(at)


def test_what_was_opened_is_listed_beside_the_runs(app_test: AppTest, tmp_path: Path):
    at = by_link(app_test, upload(tmp_path))
    at.button(key="predictions.close").click().run()
    with opened(at, state.CHOOSING_SHOWN.name):
        options = at.radio(key="shown_run").options
    assert any("scores.csv" in unescaped(option) for option in options)


def test_a_question_leads_back_to_the_file_in_whose_place_it_is_answered(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    at = by_link(app_test, given)
    tell(at, "gallery", "chosen", "ship")
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)
    assert any("Close leads back to scores.csv." in unescaped(one.value) for one in at.markdown)
    at.button(key="verdict.close").click().run()
    assert drawn(at)["of"].startswith(given.id)


def test_a_file_is_compared_with_another_one_of_the_same_labels(app_test: AppTest, tmp_path: Path):
    other = upload(tmp_path, "other.csv", y_true=np.roll(Y, 1).astype(int), y_score=P)
    second = upload(tmp_path, "second.csv", y_true=Y.astype(int), y_score=P**2)
    for given in (other, second):
        services.uploads().open(given.id, given.guess.roles)
    app_test.session_state[state.UPLOADS.name] = [other.id, second.id]
    app_test.session_state[state.PANEL.name] = "Compare"
    by_link(app_test, upload(tmp_path))
    said = " ".join(unescaped(one.value) for one in app_test.markdown)
    assert app_test.multiselect(key=state.COMPARED.name).value == [second.id]
    assert "Other rows or labels:" in said
    assert "other.csv" in said


def test_a_link_to_what_is_gone_says_so_and_opens_the_demonstration(app_test: AppTest):
    app_test.query_params["predictions"] = "0" * 32
    at = app_test.run()
    assert sentences(at) == ["These predictions are no longer kept. Open the file again."]
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)


def test_deleted_predictions_are_gone_for_everybody(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    at = by_link(app_test, given)
    with opened(at, "predictions.about"):
        at.button(key="predictions.delete").click().run()
    assert services.uploads().peek(given.id) is None
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)


def test_who_looks_at_predictions_that_somebody_deletes_is_told(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    at = by_link(app_test, given)
    assert not sentences(at)
    services.uploads().delete(given.id)
    assert sentences(at.run()) == ["These predictions are no longer kept. Open the file again."]
    assert drawn(at)["of"].startswith(services.demonstration().runs[-1].id)
    assert len(sentences(at.run())) == 1


def test_the_positive_class_is_asked_for_where_it_can_be_mistaken(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path, label=np.where(Y, "fraud", "honest"), score=P)
    at = by_link(app_test, given)
    positive = control(at, state.ROLE.of(given.id, "positive").name)
    assert (positive.value, positive.options) == ("fraud", ["fraud", "honest"])
    at.button(key="columns.open").click().run()
    assert drawn(at)["of"].startswith(given.id)
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y, P >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_an_id_named_as_labels_is_not_taken_for_labels(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path, y_true=np.arange(len(P)), y_score=P, fraud=Y.astype(int) + 1)
    assert given.roles.y_true == ("fraud",)
    given = upload(tmp_path, y_true=np.arange(len(P)), y_score=P)
    at = by_link(app_test, given)
    assert control(at, state.ROLE.of(given.id, "y_true").name).value is None
    assert at.button(key="columns.open").disabled
    assert any("like an id" in one.value for one in at.markdown)


def test_a_table_without_scores_is_offered_for_training(app_test: AppTest, tmp_path: Path):
    numbers = np.arange(len(P))
    given = upload(tmp_path, customer=numbers, age=20.5 + numbers, bonus=P * 9, left=np.where(Y, "yes", "no"))
    at = by_link(app_test, given)
    assert [at.button(key=f"columns.{key}").proto.type for key in ("train", "open")] == ["primary", "secondary"]
    assert at.button(key="columns.open").disabled
    said = [one.value for one in at.markdown]
    assert "No column looks like scores. Train on this table, or choose the columns." in said
    assert not any(":red[" in one for one in said)
    for field, name in (("y_true", "left"), ("y_score", "bonus")):
        control(at, state.ROLE.of(given.id, field).name).set_value(name).run()
    assert [at.button(key=f"columns.{key}").proto.type for key in ("train", "open")] == ["tertiary", "primary"]
    at.button(key="columns.open").click().run()
    assert drawn(at)["of"].startswith(given.id)


def test_the_other_class_can_be_positive(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path, label=np.where(Y, "fraud", "honest"), score=1 - P)
    at = by_link(app_test, given)
    control(at, state.ROLE.of(given.id, "positive").name).set_value("honest").run()
    at.button(key="columns.open").click().run()
    (_, fp), (_, tp) = sklearn.confusion_matrix(~Y, 1 - P >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_scores_of_the_other_class_are_turned_round_by_a_switch(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path, y_true=Y.astype(int), y_score=1 - P)
    at = by_link(app_test, given)
    control(at, state.ROLE.of(given.id, "opposite").name).set_value(True).run()
    at.button(key="columns.open").click().run()
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y, 1 - (1 - P) >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_rows_without_a_score_are_left_out_by_one_button(app_test: AppTest, tmp_path: Path):
    score = np.where(np.arange(N) % 10 == 0, np.nan, P)
    given = upload(tmp_path, y_true=Y.astype(int), y_score=score)
    at = by_link(app_test, given)
    assert "Leave 40 rows out" in labels(at)
    at.button(key="columns.open").click().run()
    assert bar(at) == ":gray[Predictions] scores.csv · 360 of 400 rows"
    kept = np.isfinite(score)
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y[kept], score[kept] >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_a_weight_in_training_lowers_the_logits(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    at = by_link(app_test, given)
    at.button(key="predictions.Positive class").click().run()
    control(at, state.ROLE.of(given.id, "trained_weight").name).set_value(20.0).run()
    at.button(key="columns.open").click().run()
    odds = P / (1 - P) / 20
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y, odds / (1 + odds) >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)
    assert ":gray[Weight in training] 20" in labels(at)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_several_classes_and_labels_open_as_tables(app_test: AppTest, tmp_path: Path, task: str):
    p = RNG.dirichlet(np.ones(3), N)
    names = ["cat", "dog", "eel"]
    columns: dict[str, object] = {f"score {name}": p[:, at] for at, name in enumerate(names)}
    if task == "multiclass":
        columns["y_true"] = np.array(names)[RNG.integers(0, 3, N)]
    else:
        columns |= {f"y_true {name}": (p[:, at] > RNG.random(N)).astype(int) for at, name in enumerate(names)}
    given = upload(tmp_path, **columns)
    at = by_link(app_test, given)
    assert given.source
    assert given.source.task == task
    labelled = "y_true" if task == "multiclass" else "3 labels"
    assert f":gray[Columns] {labelled}, 3 scores" in labels(at)
    assert not sentences(at)
    assert drawn(at)["of"].startswith(given.id)


def test_a_split_is_tuned_on_validation_and_evaluated_on_test(app_test: AppTest, tmp_path: Path):
    split = np.where(np.arange(N) < 250, "val", "test")
    at = by_link(app_test, upload(tmp_path, y_true=Y.astype(int), y_score=P, split=split))
    assert drawn(at)["parts"] == ["validation", "test"]
    (_, fp), (_, tp) = sklearn.confusion_matrix(Y[:250], P[:250] >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_markup_in_names_and_cells_is_text(app_test: AppTest, tmp_path: Path):
    name = "<img src=x onerror=alert(1)>"
    given = upload(tmp_path, f"{name}.csv", y_true=Y.astype(int), y_score=P, **{f":red[{name}]": Y, "note": "=1+1"})
    at = by_link(app_test, given)
    assert not sentences(at)
    assert all(name not in one.value for one in at.markdown)


def test_the_link_keeps_a_threshold_that_was_tuned_on_all_rows(app_test: AppTest, tmp_path: Path):
    given = upload(tmp_path)
    app_test.query_params["saved"] = "0.375"
    app_test.query_params["saved_from"] = "f1@all"
    at = by_link(app_test, given)
    assert not sentences(at)
    assert marks(at)["current"]["threshold"] == marks(at)["saved"]["threshold"] == 0.375


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_opens_by_one_press(app_test: AppTest, name: str):
    at = app_test.run()
    at.session_state[state.CHOOSING_SHOWN.name] = True
    at.run()
    at.button(key=f"example.{name}").click().run()
    assert not sentences(at)
    (opened_id,) = at.session_state[state.UPLOADS.name]
    assert drawn(at)["of"].startswith(opened_id)
    source = services.uploads().get(opened_id).source
    assert source
    assert source.task == EXAMPLES[name].roles.task
