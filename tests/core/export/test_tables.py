"""The CSV of scores: read back in the scores' own dtype it is the same table, whatever the task."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.data.tables import escaped, read_table
from core.data.tables.formulas import unescaped
from core.evaluation.scores import Scores
from core.evaluation.source import About
from core.export import predictions_csv, scores_csv, table_csv
from core.predictions import guess, open_predictions


def read(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


@settings(deadline=None)
@given(
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    values=arrays(np.float64, (6, 1), elements=st.floats(0, 1)),
)
def test_scores_come_back_bit_for_bit_in_their_own_dtype(dtype, values):
    scores = Scores([0, 1, 0, 1, 1, 0], values.astype(dtype), "binary", ("no", "yes"))
    table = read(scores_csv(scores, np.arange(6)))
    assert table.columns.tolist() == ["row", "y_true", "score yes"]
    np.testing.assert_array_equal(table["score yes"].to_numpy().astype(dtype), scores.y_score[:, 0])
    np.testing.assert_array_equal(table["y_true"], scores.y_true)


def test_rows_keep_their_place_in_the_data_set_and_their_order():
    scores = Scores([1, 0], [[0.25], [0.75]], "binary", ("no", "yes"))
    assert scores_csv(scores, np.array([17, 3])) == "row,y_true,score yes\r\n17,1,0.25\r\n3,0,0.75\r\n"


def test_every_class_has_a_column_of_scores_in_a_multi_class_task():
    y_score = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]], np.float32)
    table = read(scores_csv(Scores([0, 2], y_score, "multiclass", ("a", "b", "c")), np.arange(2)))
    assert table.columns.tolist() == ["row", "y_true", "score a", "score b", "score c"]
    np.testing.assert_array_equal(table.filter(like="score"), y_score)


def test_every_label_has_a_column_of_truth_and_one_of_scores_in_a_multi_label_task():
    y_true, y_score = np.array([[0, 1], [1, 1]]), np.array([[0.5, 1.0], [0.0, 0.25]])
    table = read(scores_csv(Scores(y_true, y_score, "multilabel", ("a", "b")), np.arange(2)))
    assert table.columns.tolist() == ["row", "y_true a", "y_true b", "score a", "score b"]
    np.testing.assert_array_equal(table.filter(like="y_true"), y_true)
    np.testing.assert_array_equal(table.filter(like="score"), y_score)


@pytest.mark.parametrize("name", ['say "8"', "8, against the rest", "line\nbreak", "Größe"])
def test_a_class_may_have_any_name(name):
    scores = Scores([0, 1], [[0.0], [1.0]], "binary", ("rest", name))
    assert read(scores_csv(scores, np.arange(2))).columns[-1] == f"score {name}"


NASTY = [
    "=1+1",
    "@SUM(A1)",
    "+cmd",
    "-x",
    "'=quoted",
    "''",
    "\ttab",
    "=1,2",
    "two\nlines",
    "a\rb",
    "-1",
    "+2.5e3",
    "plain",
]


def test_what_a_spreadsheet_would_run_is_escaped_and_reads_back(tmp_path: Path):
    table = pd.DataFrame({"=name": NASTY, "@": range(len(NASTY)), "plain": 0.5})
    written = table_csv(table)
    cells = [cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n") and not is_number(cell)]
    (tmp_path / "table.csv").write_text(written, newline="")
    back = read_table(tmp_path / "table.csv").columns
    assert back.column_names == ["=name", "@", "plain"]
    assert back["=name"].to_pylist() == NASTY


def is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False


@settings(max_examples=200)
@given(text=st.text(st.sampled_from("'=+-@\t\n1.e a"), max_size=6))
def test_escaping_is_undone_exactly(text: str):
    assert unescaped(escaped(text)) == text
    assert escaped(text)[:1] not in tuple("=+-@\t\r\n") or is_number(text)


CLASSES = ["cat", "=dog", "class (2)", "a b"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_exported_scores_open_again_with_the_same_roles_scores_and_names(task: str, tmp_path: Path):
    generator = np.random.default_rng(0)
    names = tuple(CLASSES) if task != "binary" else ("no", "=yes")
    width = len(names) - (task == "binary")
    y_true = generator.integers(0, 2 if task != "multiclass" else width, (30, width) if task == "multilabel" else 30)
    scores = Scores(y_true, generator.dirichlet(np.ones(width + 1), 30).astype(np.float32)[:, :width], task, names)
    rows = generator.permutation(30)
    (tmp_path / "scores.csv").write_text(scores_csv(scores, rows), newline="")
    table = read_table(tmp_path / "scores.csv")
    found = guess(table)
    assert (found.roles.task, found.roles.id, found.questions) == (task, "row", found.questions)
    source = open_predictions(table, found.roles, About("Scores", "exported")).source
    again = source.scores("all")
    np.testing.assert_array_equal(again.y_true, y_true)
    np.testing.assert_array_equal(again.y_score.astype(np.float32), scores.y_score)
    assert again.class_names == (("0", "1") if task == "binary" else names)
    np.testing.assert_array_equal(source.row_columns("all").id[np.arange(30)], rows)


def test_no_rows_give_the_header_alone():
    scores = Scores([], np.empty((0, 1)), "binary", ("no", "yes"))
    assert scores_csv(scores, np.empty(0, np.int64)) == "row,y_true,score yes\r\n"


def test_predictions_come_back_bit_for_bit():
    y_true, y_pred = np.random.default_rng(0).normal(size=(2, 9))
    table = read(predictions_csv(y_true, y_pred, np.arange(9)[::-1]))
    assert table.columns.tolist() == ["row", "y_true", "y_pred"]
    np.testing.assert_array_equal(table, np.stack([np.arange(9)[::-1], y_true, y_pred], axis=1))
