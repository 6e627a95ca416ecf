"""Uploads: unguessable ids, one source each, gone after a while without a look, no more than there is room for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from core.data.tables import Table, checked
from core.errors import CutoffError
from core.predictions import CannotOpen
from core.predictions.uploads import LONGEST_NAME, Upload, Uploads, file_name


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def table(rows: int = 40, **more: object) -> Table:
    rng = np.random.default_rng(rows)
    y = np.arange(rows) % 4 == 0
    return checked(pa.table({"y_true": y.astype(int), "y_score": rng.random(rows), **more}))


def opened(uploads: Uploads, rows: int = 40) -> Upload:
    upload = uploads.add(table(rows), "predictions.csv")
    assert upload.source
    return upload


def test_what_needs_no_question_is_open_at_once():
    uploads = Uploads(60, 1 << 30)
    upload = uploads.add(table(), "predictions.csv")
    assert upload.source
    assert upload.source.id == upload.id
    assert upload.source.about.label == "predictions.csv"
    assert len(upload.id) == 32
    assert uploads.add(table(), "predictions.csv").id != upload.id


def test_what_has_to_be_asked_is_kept_and_not_open():
    uploads = Uploads(60, 1 << 30)
    rng = np.random.default_rng(0)
    score = np.concatenate([rng.random(30), 0.5 + rng.random(10) / 2])
    given = checked(pa.table({"label": ["honest"] * 30 + ["fraud"] * 10, "score": score}))
    upload = uploads.add(given, "named.csv")
    assert upload.source is None
    assert upload.guess
    assert "positive" in upload.guess.questions
    upload = uploads.open(upload.id, upload.guess.roles)
    assert upload.source
    assert upload.source.class_names == ("honest", "fraud")


def test_a_file_without_labels_is_kept_with_the_reason():
    upload = Uploads(60, 1 << 30).add(checked(pa.table({"a": [0.25, 0.5], "b": [0.75, 0.125]})), "scores.csv")
    assert upload.guess is None
    assert "labels" in upload.problem


def test_missing_scores_are_a_problem_with_a_repair():
    uploads = Uploads(60, 1 << 30)
    given = table()
    score = given.columns["y_score"].to_pylist()
    upload = uploads.add(checked(given.columns.set_column(1, "y_score", [[*score[:-2], None, None]])), "holes.csv")
    assert upload.source is None
    assert "2 with a missing or infinite score" in upload.problem
    assert upload.offer == "Leave 2 rows out"
    assert upload.repair
    repaired = uploads.open(upload.id, upload.repair)
    assert repaired.source
    assert repaired.source.scores("all").n_rows == 38
    assert not repaired.problem


def test_other_roles_give_the_same_source_another_version():
    uploads = Uploads(60, 1 << 30)
    first = opened(uploads)
    assert first.roles
    assert first.source
    second = uploads.open(first.id, replace(first.roles, opposite=True))
    assert second.source
    assert second.source.id == first.source.id
    assert second.source.version != first.source.version
    np.testing.assert_array_equal(second.source.scores("all").y_score, 1 - first.source.scores("all").y_score)


def test_roles_that_do_not_fit_leave_what_was_open():
    uploads = Uploads(60, 1 << 30)
    upload = opened(uploads)
    assert upload.roles
    with pytest.raises(CannotOpen, match="never is 7"):
        uploads.open(upload.id, replace(upload.roles, positive="7"))
    assert uploads.get(upload.id).source is upload.source


def test_an_upload_that_nobody_looks_at_is_deleted():
    clock = Clock()
    uploads = Uploads(60, 1 << 30, clock)
    looked, left = opened(uploads), opened(uploads)
    clock.now = 50
    uploads.get(looked.id)
    assert uploads.peek(left.id)  # is not a look
    clock.now = 70
    uploads.sweep()
    assert uploads.peek(left.id) is None
    assert uploads.get(looked.id)
    clock.now = 200
    with pytest.raises(CutoffError, match="no longer kept"):
        uploads.get(looked.id)


def test_the_one_that_was_looked_at_longest_ago_makes_room():
    size = opened(Uploads(60, 1 << 30)).nbytes
    uploads = Uploads(60, int(2.5 * size))
    first, second = opened(uploads), opened(uploads)
    uploads.get(first.id)
    third = opened(uploads)
    assert [bool(uploads.peek(one.id)) for one in (first, second, third)] == [True, False, True]


def test_the_newest_is_kept_even_if_it_alone_is_too_large():
    uploads = Uploads(60, 1)
    upload = opened(uploads, 1000)
    assert uploads.peek(upload.id)


def test_what_the_app_opens_on_stays_until_somebody_deletes_it():
    clock = Clock()
    uploads = Uploads(60, 1, clock)
    assert uploads.first == ""
    uploads.add_first(table(), "predictions.csv")
    others = [opened(uploads), opened(uploads)]
    clock.now = 1e6
    uploads.sweep()
    assert uploads.get(uploads.first).name == "predictions.csv"
    assert not any(uploads.peek(upload.id) for upload in others)
    uploads.delete(uploads.first)
    assert uploads.first == ""


def test_deleting_twice_is_no_error():
    uploads = Uploads(60, 1 << 30)
    upload = opened(uploads)
    uploads.delete(upload.id)
    uploads.delete(upload.id)
    assert uploads.peek(upload.id) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("scores.csv", "scores.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\work\\scores.csv", "scores.csv"),
        ("a\nb\t\u202ec.csv", "abc.csv"),
        ("", "predictions"),
        ("///", "predictions"),
        ("x" * 500, "x" * (LONGEST_NAME - 1) + "…"),
    ],
)
def test_a_name_is_the_last_part_of_a_path_without_what_cannot_be_seen(given: str, shown: str):
    assert file_name(given) == shown
