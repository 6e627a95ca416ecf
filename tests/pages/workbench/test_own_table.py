"""A table of one's own on the Workbench and the Compare page, without a browser: dialog, training, links, deleting."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.data import drop_table, load_dataset, load_split
from core.data.tables import Table
from core.training.runs import Run
from pages.shared import services, state
from tests.conftest import choose, control, drawn, new_session, open_page, sentences, tell, unescaped
from tests.support.tables import churn, table_of
from tests.support.workbench_page import opened, shown_run, trained_again

RNG = np.random.default_rng(0)
X = RNG.standard_normal(120)


def ask(at: AppTest, table: Table, name: str = "churn.csv") -> AppTest:
    """Open the dialog and send a file."""
    if not at.main:
        at.run()
    with opened(at, "part.data"):
        at.button(key="recipe.table").click().run()
    return tell(at, "upload", "opened", services.uploads().add(table, name).id)


def train(at: AppTest) -> Run:
    """Press Train in the dialog; returns the run once it has ended."""
    at.button(key="own.train").click().run()
    assert not at.exception
    return trained_again(at)


def chosen(at: AppTest, key: str) -> list[str]:
    (found,) = [one for one in at.multiselect if one.key == key]
    return found.value


def warnings(at: AppTest) -> list[str]:
    return [unescaped(one.value) for one in at.warning]


def test_a_table_is_opened_understood_and_trained_on(app_test: AppTest):
    at = ask(app_test.run(), churn())
    assert chosen(at, "table.target") == ["churn"]
    assert control(at, "table.task").value == "binary"
    assert control(at, "table.positive").value == "yes"
    assert chosen(at, "table.left_out") == ["customer", "country", "remark"]
    assert warnings(at) == ["refund may hold the answer: it predicts the target almost perfectly alone."]
    at.button(key="own.leaks").click().run()
    assert chosen(at, "table.left_out") == ["customer", "country", "remark", "refund"]
    assert not warnings(at)
    run = train(at)
    data = load_dataset(run.config.dataset)
    assert data.feature_names == ("age", "region", "joined")
    assert run.class_names == ("no", "yes")
    assert shown_run(at).id == run.id
    assert services.demonstration().runs[-1].config.loss_params == (("pos_weight", 20.0),)
    assert run.config.loss_params == ()
    assert any("BCE with logits: pos_weight 20 is dropped." in unescaped(one.value) for one in at.markdown)
    assert not any(one.key == "own.train" for one in at.button)


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression"])
def test_every_task_is_trained_and_drawn(app_test: AppTest, task: str):
    columns = {
        "multiclass": {"y": np.digitize(X, [-0.5, 0.5])},
        "multilabel": {"a": (X > 0).astype(int), "b": (X < 0.5).astype(int)},
        "regression": {"y": 100 + 3 * X},
    }[task]
    at = ask(app_test.run(), table_of(x=X + RNG.standard_normal(120), **columns), "t.csv")
    at.multiselect(key="table.target").set_value(list(columns)).run()
    assert control(at, "table.task").value == task
    run = train(at)
    assert run.task == task
    assert drawn(at)["of"].startswith(run.id)


def test_another_task_and_another_positive_class_can_be_chosen(app_test: AppTest):
    values = ["low", "middle", "high"] * 40
    at = ask(app_test.run(), table_of(x=X, level=values), "levels.csv")
    assert control(at, "table.task").value == "multiclass"
    choose(at, "table.task", "binary")
    choose(at, "table.positive", "low")
    run = train(at)
    assert run.class_names == ("not low", "low")
    y = load_split(run.config.dataset).y
    assert sum(part.sum() for part in y.values()) == 40


def test_what_can_not_be_predicted_is_said_and_nothing_is_trained(app_test: AppTest):
    at = ask(app_test.run(), table_of(x=X, y=["a", *["b"] * 119]), "rare.csv")
    at.button(key="own.train").click().run()
    assert sentences(at) == [
        "Expected every class to have at least 4 rows, so that none is missing from a split, but got 1 of class 'a'. "
        "Use more rows or a larger prevalence."
    ]
    at.multiselect(key="table.target").set_value([]).run()
    assert sentences(at) == ["Choose the column to predict."]
    assert state.TABLES.name not in at.session_state


def test_the_recipe_and_compare_offer_the_table_and_delete_it(app_test: AppTest):
    at = ask(app_test.run(), churn())
    run = train(at)
    with opened(at, "part.data"):
        assert "churn.csv: churn · binary" in at.selectbox(key="recipe.dataset").options
    open_page(at, "compare")
    assert not at.exception
    assert "churn.csv: churn · binary" in control(at, "dataset").options
    open_page(at, "workbench")
    with opened(at, "part.data"):
        at.button(key="recipe.table.delete").click().run()
    assert not sentences(at)
    with opened(at, "part.data"):
        assert "churn.csv: churn · binary" not in at.selectbox(key="recipe.dataset").options
    assert not at.exception
    assert run.id not in drawn(at)["of"]


def test_a_link_trains_again_while_the_table_is_kept_and_says_when_it_is_gone(app_test: AppTest):
    at = ask(app_test.run(), churn())
    name = train(at).config.dataset
    other = new_session()
    other.query_params["dataset"] = name
    other.run()
    assert not other.exception
    assert other.session_state["recipe.config"].dataset == name
    drop_table(name)
    for session in (at, other):
        session.run()
        assert sentences(session)[0] == "This table is no longer kept here. Open the file again."
        assert session.session_state["recipe.config"].dataset != name
    late = new_session()
    late.query_params["dataset"] = name
    late.query_params["head"] = "softmax_k"
    late.run()
    assert sentences(late) == ["This table is no longer kept here. Open the file again."]


def test_markup_and_formulas_in_a_table_are_text(app_test: AppTest):
    name = ":red[<img src=x onerror=alert(1)>] $x$"
    at = ask(app_test.run(), table_of(**{name: X, "=1+1": (X > 0).astype(int)}), f"{name}.csv")
    at.multiselect(key="table.target").set_value(["=1+1"]).run()
    run = train(at)
    assert load_dataset(run.config.dataset).feature_names == (name,)
    with opened(at, "part.data"):
        pass
    written = [one.value for one in (*at.markdown, *at.caption)]
    assert not any(name in value for value in written)
