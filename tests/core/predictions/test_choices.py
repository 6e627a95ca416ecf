"""What is chosen of the columns of a file, what is guessed, and what is still asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from core.data.tables import Table, checked
from core.errors import CutoffError
from core.evaluation.source import About
from core.predictions import CannotOpen, open_predictions
from core.predictions.choices import Choices, assumed, repair_of, settle


def table(**columns: object) -> Table:
    return checked(pa.table(columns))


GENERATOR = np.random.default_rng(0)
SCORE = GENERATOR.random(200)
TRUE = GENERATOR.random(200) < SCORE
NAMED = table(label=np.where(TRUE, "yes", "no"), score=SCORE, weight=SCORE, split=100 * ["test", "validation"])


def test_without_choices_everything_is_guessed_and_what_can_be_mistaken_is_asked():
    settled = settle(NAMED, Choices())
    assert (settled.roles.y_true, settled.roles.y_score) == (("label",), ("score",))
    assert (settled.roles.weight, settled.roles.split) == ("weight", "split")
    assert settled.questions == ("positive",)
    assert settled.labels == ("no", "yes")


def test_an_answered_question_is_not_asked_again():
    assert settle(NAMED, Choices(positive="yes")).questions == ()
    assert settle(NAMED, Choices(positive="no")).questions == ("opposite",)
    assert settle(NAMED, Choices(positive="no", opposite=True)).questions == ()
    logits = table(y_true=TRUE.astype(int), y_score=8 * SCORE - 4)
    assert settle(logits, Choices()).questions == ("scale",)
    assert settle(logits, Choices(scale="margin")).questions == ()


def test_chosen_columns_leave_the_rest_to_the_guess():
    several = table(paid=TRUE.astype(int), y_true=(~TRUE).astype(int), first=SCORE, second=1 - SCORE, w=SCORE)
    roles = settle(several, Choices(y_true=("paid",), y_score=("second",))).roles
    assert (roles.y_true, roles.y_score, roles.weight) == (("paid",), ("second",), "w")
    assert settle(several, Choices(y_score=("w",))).roles.weight is None
    assert settle(several, Choices(y_true=("y_true",), weight="")).roles.weight is None


def test_several_columns_of_labels_are_several_labels():
    labels = table(a=TRUE.astype(int), b=(~TRUE).astype(int), p=SCORE, q=1 - SCORE)
    roles = settle(labels, Choices(y_true=("a", "b"), y_score=("p", "q"))).roles
    assert (roles.task, roles.y_true, roles.y_score) == ("multilabel", ("a", "b"), ("p", "q"))
    with pytest.raises(CutoffError, match="as many columns of labels as of scores"):
        settle(labels, Choices(y_true=("a", "b"), y_score=("p",)))
    with pytest.raises(CutoffError, match="Only two classes have a positive one"):
        settle(labels, Choices(y_true=("a", "b"), y_score=("p", "q"), positive="1"))


def test_what_is_not_in_the_file_is_refused():
    with pytest.raises(CutoffError, match="no column logit; it has label, score, weight, split"):
        settle(NAMED, Choices(y_score=("logit",)))
    with pytest.raises(CutoffError, match="label never is ill; its values are no, yes"):
        settle(NAMED, Choices(positive="ill"))


def test_what_changes_numbers_is_said():
    roles = settle(NAMED, Choices(positive="yes")).roles
    assert assumed(roles) == (
        "The positive class is yes in label, its scores are score.",
        "Rows are weighted by weight.",
        "Rows are split by split.",
    )


def test_a_repair_is_said_in_choices():
    holed = table(y_true=TRUE.astype(int), y_score=np.where(SCORE < 0.1, np.nan, SCORE), split=100 * ["a", "b"])
    choices = Choices(split="split")
    while True:
        roles = settle(holed, choices).roles
        try:
            opened = open_predictions(holed, roles, About("holed", ""))
            break
        except CannotOpen as error:
            repair = repair_of(error, roles)
            assert repair in ({"leave_out": True}, {"split": ""})
            choices = replace(choices, **repair)
    assert opened.source.scores("all").n_rows == np.count_nonzero(SCORE >= 0.1)
