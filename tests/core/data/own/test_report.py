"""What becomes of each column: encoding, useless columns and leaks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.data.own import ColumnReport, likely_target, report, target_of
from core.data.own.features import MOST_CATEGORIES
from tests.support.tables import churn, table_of

ROWS = 600
RNG = np.random.default_rng(0)
Y = RNG.permutation(np.arange(ROWS) % 5 == 0).astype(int)
NOISE = RNG.standard_normal(ROWS)


def of(target: object = Y, **columns: object) -> dict[str, ColumnReport]:
    table = table_of(**columns, y=target)
    return {one.name: one for one in report(table, target_of(table, ("y",)))}


def test_every_column_of_a_file_is_reported():
    found = {one.name: one for one in report(churn(), likely_target(churn()))}
    assert {name for name, one in found.items() if one.useless} == {"customer", "country", "remark"}
    assert {name for name, one in found.items() if one.alone} == {"refund"}
    assert {name: one.use for name, one in found.items() if not one.useless} == {
        "age": "number",
        "region": "category",
        "joined": "date",
        "refund": "number",
        "churn": "target",
    }
    assert found["age"].width == 2  # the number, and whether it is missing
    assert found["region"].width == 3


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ([7] * ROWS, "The same value in every row."),
        (["a"] * ROWS, "The same value in every row."),
        ([np.nan] * ROWS, "No value in any row."),
        ([1.0, 2.0] + [np.nan] * (ROWS - 2), "No value in 99.7% of the rows."),
        (list(range(5, 5 + ROWS)), "Rises from row to row, as an id does."),
        ([f"user {at}" for at in range(ROWS)], "A different value in almost every row, as names or free text have."),
    ],
)
def test_a_column_that_says_nothing_of_other_rows_is_useless(values: list[object], remark: str):
    found = of(x=values, other=NOISE)
    assert found["x"].useless
    assert found["x"].remark == remark
    assert not found["other"].useless


@pytest.mark.parametrize(
    "values",
    [NOISE, NOISE.round(1), np.sort(NOISE), RNG.permutation(ROWS), ["a", "b"] * (ROWS // 2), np.arange(ROWS) // 2],
    ids=["noise", "rounded", "sorted", "whole", "text", "pairs"],
)
def test_a_column_that_may_say_something_is_not_useless(values: object):
    assert not of(x=values)["x"].useless


@pytest.mark.parametrize(
    "values",
    [
        Y,
        1 - Y,
        Y + 0.01 * NOISE,
        -(Y + 0.1 * NOISE),
        np.where(Y == 1, 0, np.sign(NOISE) * (1 + abs(NOISE))),  # in the middle
        np.where(Y == 1, NOISE, np.nan),  # there only for positives
        np.where(Y == 1, np.where(NOISE > 0, "won", "sold"), np.where(NOISE > 1, "lost", "open")),
    ],
    ids=["copy", "opposite", "noisy", "falling", "not monotone", "missing", "text"],
)
def test_a_column_that_alone_gives_the_answer_leaks(values: object):
    found = of(x=values, other=NOISE)
    assert found["x"].alone is not None
    assert found["x"].alone > 0.995
    assert found["other"].alone is None


@pytest.mark.parametrize("spread", [0.1, 0.2, 0.3, 0.4, 0.5, 1.0])
def test_numbers_leak_exactly_where_scikit_learn_says_so(spread: float):
    x = Y + spread * NOISE
    area = roc_auc_score(Y, x)
    alone = of(x=x)["x"].alone
    assert (alone is not None) == (area > 0.995)
    if alone is not None:
        assert alone >= area


def test_a_column_leaks_the_target_of_a_regression_where_r2_says_so():
    even = np.linspace(0, 1, ROWS)[RNG.permutation(ROWS)]
    found = of(target=even, line=3 - 2 * even, bent=(even - 0.3) ** 3, weak=even + 0.2 * NOISE)
    assert found["line"].alone == pytest.approx(1)
    assert found["bent"].alone is not None
    assert found["weak"].alone is None


def test_a_column_leaks_classes_and_labels():
    classes = np.arange(ROWS) % 3
    found = of(target=[f"class {c}" for c in classes], code=(classes + 1) % 3, other=NOISE)
    assert found["code"].alone
    assert not found["other"].alone
    table = table_of(a=Y, b=(NOISE > 0).astype(int), copy=NOISE, other=RNG.standard_normal(ROWS))
    by_name = {one.name: one for one in report(table, target_of(table, ("a", "b")))}
    assert by_name["copy"].alone
    assert not by_name["other"].alone


def test_what_is_encoded_and_left_out_is_said():
    many = [f"city {at % 60}" for at in range(ROWS)]
    found = of(target=np.where(NOISE > 2, None, Y), city=many, age=np.where(NOISE > 1, np.nan, NOISE))
    assert found["city"].width == MOST_CATEGORIES
    assert found["city"].remark == "One feature for each of the 19 most frequent values, one for the others."
    assert found["age"].remark == "The median where it is missing, and a feature that says where."
    assert found["y"].remark == f"{(NOISE > 2).sum()} rows are left out for having no value of y."
