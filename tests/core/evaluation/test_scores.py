from __future__ import annotations

import numpy as np
import pytest

from core.errors import CutoffError
from core.evaluation.scores import Scores


def binary(y_true=(0, 1, 1), y_score=((0.1,), (0.8,), (0.4,)), names=("rest", "8")) -> Scores:
    return Scores(np.array(y_true), np.array(y_score), "binary", names)


def multiclass() -> Scores:
    y_score = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6]], np.float32)
    return Scores(np.array([0, 1, 1, 2]), y_score, "multiclass", ("a", "b", "c"))


def multilabel() -> Scores:
    return Scores(np.array([[1, 0], [1, 1]]), np.array([[2.0, -1.0], [0.5, 3.0]]), "multilabel", ("x", "y"))


def test_binary_scores_speak_for_the_positive_class():
    scores = binary()
    view = scores.view()
    assert (view.label, view.rest) == ("8", "rest")
    assert scores.column_names == ("8",)
    np.testing.assert_array_equal(view.y, [False, True, True])
    np.testing.assert_array_equal(view.score, [0.1, 0.8, 0.4])
    np.testing.assert_array_equal(scores.positives, [2])


def test_one_column_of_binary_scores_may_come_flat():
    assert binary(y_score=(0.1, 0.8, 0.4)).y_score.shape == (3, 1)


def test_multiclass_scores_are_one_class_against_the_rest():
    scores = multiclass()
    view = scores.view(1)
    assert (view.label, view.rest) == ("b", "rest")
    np.testing.assert_array_equal(view.y, [False, True, True, False])
    np.testing.assert_array_equal(view.score, scores.y_score[:, 1])
    np.testing.assert_array_equal(scores.positives, [1, 2, 1])


def test_multilabel_scores_have_one_label_a_column():
    scores = multilabel()
    assert (scores.view(1).label, scores.view(1).rest) == ("y", "not y")
    np.testing.assert_array_equal(scores.view(1).y, [False, True])
    np.testing.assert_array_equal(scores.positives, [2, 1])


def test_scores_say_whether_they_are_probabilities():
    assert multiclass().are_probabilities
    assert not multilabel().are_probabilities


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scores_keep_their_dtype(dtype):
    assert binary(y_score=np.array([[0], [1], [0.5]], dtype)).y_score.dtype == dtype


def test_whole_number_scores_become_float64():
    assert binary(y_score=[[3], [-1], [2]]).y_score.dtype == np.float64


def test_arrays_are_read_only_and_the_caller_keeps_a_writable_one():
    y_score = np.array([[0.1], [0.8], [0.4]])
    scores = binary(y_score=y_score)
    y_score[0] = 0.9
    assert scores.y_score[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        scores.y_true[0] = 1


def test_no_rows_are_scores_too():
    scores = Scores(np.zeros(0), np.zeros((0, 1)), "binary", ("no", "yes"))
    assert scores.n_rows == 0
    assert scores.are_probabilities
    np.testing.assert_array_equal(scores.positives, [0])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: binary(y_score=[[0.1], [np.nan], [0.4]]), "finite number, but got 1 NaN among 3"),
        (lambda: binary(y_score=[[0.1], [np.inf], [0.4]]), "finite number, but got 1 infinite among 3"),
        (lambda: binary(y_score=[["a"], ["b"], ["c"]]), "`y_score` to be float16, float32, float64"),
        (lambda: binary(y_score=np.zeros((3, 2))), r"shape \(N, 1\), but got \(3, 2\)"),
        (lambda: binary(y_true=[0, 1]), r"`y_true` to have shape \(3,\), but got \(2,\)"),
        (lambda: binary(y_true=[0, 1, 2]), r"lie in \{0, ..., 1\}, but got 2"),
        (lambda: binary(y_true=[0, 1, -1]), r"lie in \{0, ..., 1\}, but got -1"),
        (lambda: binary(y_true=[0, 1, 0.5]), "whole numbers, but got 0.5"),
        (lambda: binary(y_true=[0, 1, np.nan]), "whole numbers, but got nan"),
        (lambda: binary(y_true=["0", "1", "1"]), "whole numbers, but got dtype <U1"),
        (lambda: binary(names=("8",)), "2 different names"),
        (lambda: binary(names=("8", "8")), "2 different names"),
        (lambda: Scores(np.zeros(2), np.zeros((2, 1)), "multiclass", ("a",)), "C >= 2"),
        (lambda: Scores(np.zeros(2), np.zeros((2, 2)), "multilabel", ("a", "b")), r"shape \(2, 2\)"),
        (lambda: Scores(np.zeros(2), np.zeros((2, 1)), "regression", ("a",)), "`task` to be one of"),
        (lambda: multiclass().view(3), r"`column` to be in \[0, 3\), but got 3"),
        (lambda: multiclass().view(-1), r"`column` to be in \[0, 3\), but got -1"),
    ],
)
def test_bad_scores_are_refused_in_one_sentence(bad, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        bad()
