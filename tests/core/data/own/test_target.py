"""The target of a table: the task that its values make, and the labels of its rows."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.own import Target, likely_target, target_of, with_task
from core.data.own.target import labels
from core.errors import CutoffError
from tests.support.tables import table_of

ROWS = 24
ALTERNATING = [0, 1] * (ROWS // 2)
IN_THREE = ["a", "b", "c"] * (ROWS // 3)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (ALTERNATING, "binary"),
        ([0.0, 1.0] * (ROWS // 2), "binary"),
        ([True, False] * (ROWS // 2), "binary"),
        (["yes", "no"] * (ROWS // 2), "binary"),
        ([-1, 1] * (ROWS // 2), "binary"),
        (["yes", None, "no"] * (ROWS // 3), "binary"),
        (IN_THREE, "multiclass"),
        ([3, 1, 2] * (ROWS // 3), "multiclass"),
        (list(range(ROWS)), "regression"),
        ([0.5, 1.5, 2.5] * (ROWS // 3), "regression"),
        ([f"{at},5" for at in range(ROWS)], "regression"),
    ],
)
def test_the_values_of_a_column_tell_its_task(values: list[object], task: str):
    assert target_of(table_of(y=values, x=ALTERNATING), ("y",)).task == task


def test_several_columns_are_labels():
    table = table_of(a=ALTERNATING, b=ALTERNATING[::-1], x=np.arange(ROWS))
    target = target_of(table, ("a", "b"))
    assert target.task == "multilabel"
    found = labels(table, target)
    assert found.class_names == ("a", "b")
    assert found.y.tolist() == list(map(list, zip(ALTERNATING, ALTERNATING[::-1], strict=True)))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [(("x", "target", "z"), "target"), (("Outcome", "b", "c"), "Outcome"), (("a", "b", "c"), "c")],
)
def test_the_target_is_named_as_one_or_the_last_with_few_values(names: tuple[str, ...], chosen: str):
    table = table_of(**dict.fromkeys(names, ALTERNATING), numbers=np.linspace(0, 1, ROWS))
    assert likely_target(table).columns == (chosen,)


def test_the_positive_class_can_be_chosen_and_every_other_value_is_negative():
    table = table_of(y=IN_THREE, x=np.arange(ROWS))
    target = Target(("y",), "binary", "b")
    found = labels(table, target)
    assert found.class_names == ("not b", "b")
    assert found.y.tolist() == [value == "b" for value in IN_THREE]


def test_rows_without_a_target_are_left_out_and_said():
    values = ["yes", None, "no", "no"] * (ROWS // 4)
    table = table_of(y=values, x=np.arange(ROWS))
    found = labels(table, target_of(table, ("y",)))
    assert found.kept.tolist() == [value is not None for value in values]
    assert len(found.y) == 3 * ROWS // 4
    assert found.notes == ("6 rows are left out for having no value of y.",)


def test_rare_classes_are_left_out_and_said():
    table = table_of(y=[*IN_THREE, "d", "d"], x=np.arange(ROWS + 2))
    found = labels(table, target_of(table, ("y",)))
    assert found.class_names == ("a", "b", "c")
    assert found.y.tolist() == [0, 1, 2] * (ROWS // 3)
    assert found.notes == ("Classes with fewer than 4 rows are left out: d.",)


def test_a_regression_keeps_its_unit():
    values = np.linspace(-3, 700, ROWS)
    table = table_of(y=values, x=ALTERNATING)
    found = labels(table, target_of(table, ("y",)))
    np.testing.assert_allclose(found.y, values, rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "task", "sentence"),
    [
        ((), "binary", "Choose the column to predict."),
        (("few", "id"), "binary", "Several columns are the labels of a multi-label task; choose one for any other."),
        (("constant",), "binary", "constant has one value, so that there is nothing to predict."),
        (("constant",), "regression", "constant has one value, so that there is nothing to predict."),
        (("id",), "multiclass", "id has 240 different values; the limit is 100 classes."),
        (("few",), "multiclass", "few has 2 values; a multi-class task needs three."),
        (("few",), "multilabel", "A multi-label task needs at least two columns of 0 and 1."),
        (("few", "id"), "multilabel", "id has 240 different values; the limit is 100 classes."),
        (("few", "text"), "multilabel", "text must be 1 where a row has the label and 0 elsewhere, but it has other"),
        (("text",), "regression", "text holds no numbers, so that it can't be the target of a regression."),
        (("nothing",), "regression", "No row has a value of nothing."),
    ],
)
def test_what_can_not_be_predicted_is_said(columns: tuple[str, ...], task: str, sentence: str):
    rows = 240
    table = table_of(
        few=[0, 1] * (rows // 2),
        id=range(rows),
        constant=1,
        text=["a", "b", "c"] * (rows // 3),
        nothing=[np.nan] * rows,
    )
    with pytest.raises(CutoffError) as caught:
        labels(table, with_task(table, columns, task))  # type: ignore[arg-type]
    assert str(caught.value).startswith(sentence)
