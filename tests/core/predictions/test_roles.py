"""Roles that cannot be together are refused in a sentence."""

from __future__ import annotations

import pytest

from core.errors import CutoffError
from core.predictions import SCALES, Roles

ONE, TWO = ("s",), ("s", "t")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("regression", ("y",), ONE), "Expected the task to be one of binary, multiclass, multilabel"),
        (("binary", (), ONE), "Choose a column of labels and a column of scores"),
        (("binary", ("y",), ()), "Choose a column of labels and a column of scores"),
        (("binary", ("y", "z"), ONE), "Choose one column of labels"),
        (("binary", ("y",), TWO), "Choose the one column"),
        (("binary", ("y",), ("y",)), "Each column can be one thing only; y was chosen twice"),
        (("multiclass", ("y",), ONE), "Choose a column of scores for each class"),
        (("multiclass", ("y",), TWO, "1", ("a",)), "Expected 2 classes, one for each score, but got 1"),
        (("multiclass", ("y",), TWO, "1", ("0", "1"), ("a",)), "Expected 2 names, one for each class, but got 1"),
        (("multilabel", ("y", "z"), ONE), "Expected as many columns of labels as of scores, but got 2 and 1"),
        (("multilabel", ("y", "z"), TWO), "Expected as many columns of labels as of scores"),
    ],
)
def test_tasks_need_their_columns(given: tuple, sentence: str):
    with pytest.raises(CutoffError, match=sentence):
        Roles(*given)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_the_weight_in_training_is_a_positive_number(weight: float):
    with pytest.raises(CutoffError, match="weight in training to be above 0"):
        Roles("binary", ("y",), ONE, trained_weight=weight)


def test_only_binary_probabilities_are_converted_back():
    for given in ({"scale": "margin"}, {"task": "multiclass", "y_score": TWO, "classes": ("a", "b")}):
        with pytest.raises(CutoffError, match="Only binary probabilities"):
            Roles(**{"task": "binary", "y_true": ("y",), "y_score": ONE, "trained_weight": 2.0, **given})


def test_a_column_has_one_role():
    with pytest.raises(CutoffError, match="w was chosen twice"):
        Roles("binary", ("y",), ONE, weight="w", groups=("w",))
    roles = Roles("binary", ("y",), ONE, weight="w", groups=("g", "h"), time="t")
    assert roles.used == ("y", "s", "g", "h", "w", "t")


def test_an_unknown_scale_is_refused():
    for scale in SCALES:
        assert Roles("binary", ("y",), ONE, scale=scale).scale == scale
    with pytest.raises(CutoffError, match="Expected the scale to be one of probability, percent"):
        Roles("binary", ("y",), ONE, scale="odds")
