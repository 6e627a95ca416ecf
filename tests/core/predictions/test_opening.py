"""Opened predictions: counts as scikit-learn counts them, scales by their formulas, a sentence for what cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from core.data.tables import Table, checked
from core.errors import CutoffError
from core.evaluation.metrics import mcc
from core.evaluation.source import About
from core.predictions import ALL, CannotOpen, Roles, guess, open_predictions
from tests.conftest import confusion
from tests.support.files import is_sentence, refusal

ABOUT = About("Predictions", "opened from a file")
BINARY = Roles("binary", ("y_true",), ("y_score",))
NAN, INF = float("nan"), float("inf")


def table(**columns: object) -> Table:
    return checked(pa.table(columns))


def scores(given: Table, roles: Roles, part: str = ALL) -> np.ndarray:
    return open_predictions(given, roles, ABOUT).source.scores(part).y_score


def rows_of(seed: int, n_rows: int = 200) -> tuple[np.random.Generator, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator, generator.integers(0, 4, n_rows).astype(float)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_counts_of_a_binary_file_are_those_of_scikit_learn(seed: int, weighted: bool):
    generator, weight = rows_of(seed)
    y_true, y_score = generator.integers(0, 2, 200), generator.random(200, np.float32).round(2)
    given = table(y_true=y_true, y_score=y_score, w=weight)
    source = open_predictions(given, replace(BINARY, weight="w" if weighted else None), ABOUT).source
    thresholds = np.array([0, 0.25, 0.5, 0.75, 1], np.float32)
    expected = [
        confusion_matrix(y_true, y_score >= t, labels=[0, 1], sample_weight=weight if weighted else None)
        for t in thresholds
    ]
    np.testing.assert_array_equal(confusion(source.index(ALL, 0).counts(thresholds)), expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("seed", range(3))
def test_counts_of_each_class_and_label_are_those_of_scikit_learn(seed: int, task: str, weighted: bool):
    generator, weight = rows_of(seed)
    names = ["cat", "dog", "elk"]
    y_score = generator.dirichlet(np.ones(3), 200).round(2)
    members = (
        generator.integers(0, 2, (200, 3))
        if task == "multilabel"
        else np.eye(3, dtype=int)[generator.integers(0, 3, 200)]
    )
    labels = (
        {f"y_true {name}": members[:, at] for at, name in enumerate(names)}
        if task == "multilabel"
        else {"y_true": np.array(names)[members.argmax(axis=1)]}
    )
    given = table(**labels, **{f"score {name}": y_score[:, at] for at, name in enumerate(names)}, weight=weight)
    roles = guess(given).roles
    assert (roles.task, roles.weight) == (task, "weight")
    source = open_predictions(given, roles if weighted else replace(roles, weight=None), ABOUT).source
    assert source.class_names == tuple(names)
    for at in range(3):
        for t in (0.2, 0.5):
            expected = confusion_matrix(
                members[:, at], y_score[:, at] >= t, labels=[0, 1], sample_weight=weight if weighted else None
            )
            np.testing.assert_array_equal(confusion(source.index(ALL, at).counts(t)), expected)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


P = np.array([0.01, 0.2, 0.5, 0.9, 0.999])
SCALED = {
    "probability": P,
    "percent": 100 * P,
    "logit": np.log(P / (1 - P)),
    "log_probability": np.log(P),
}


@pytest.mark.parametrize("scale", SCALED)
def test_every_scale_is_converted_to_probabilities(scale):
    given = table(y_true=[0, 1, 0, 1, 1], y_score=SCALED[scale])
    np.testing.assert_allclose(scores(given, replace(BINARY, scale=scale))[:, 0], P, rtol=1e-12)


@pytest.mark.parametrize("scale", SCALED)
def test_scores_of_the_other_class_are_turned_round(scale):
    given = table(y_true=[0, 1, 0, 1, 1], y_score=SCALED[scale])
    np.testing.assert_allclose(scores(given, replace(BINARY, scale=scale, opposite=True))[:, 0], 1 - P, rtol=1e-9)


def test_margins_stay_as_they_are_and_change_their_sign_for_the_other_class():
    margin = np.array([-3.0, 0.25, 7, 1, 2])
    given = table(y_true=[0, 1, 0, 1, 1], y_score=margin)
    np.testing.assert_array_equal(scores(given, replace(BINARY, scale="margin"))[:, 0], margin)
    np.testing.assert_array_equal(scores(given, replace(BINARY, scale="margin", opposite=True))[:, 0], -margin)


@settings(max_examples=100)
@given(
    p=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=20),
    w=st.floats(0.01, 100),
)
def test_a_weight_in_training_is_taken_out_of_the_odds(p: list[float], w: float):
    """Weighting positives by w multiplies the odds p / (1 - p) by w (Elkan 2001)."""
    true = np.array(p)
    trained = w * true / (1 - true + w * true)
    given = table(y_true=[0, 1] + [0] * (len(p) - 2), y_score=trained)
    np.testing.assert_allclose(scores(given, replace(BINARY, trained_weight=w))[:, 0], true, rtol=1e-8)


def test_undersampling_negatives_is_a_weight_of_one_over_the_rate():
    """With a share r of the negatives, p' = p / (p + r (1 - p)) (Dal Pozzolo et al. 2015)."""
    rate = 0.1
    trained = P / (P + rate * (1 - P))
    given = table(y_true=[0, 1, 0, 1, 1], y_score=trained)
    opened = open_predictions(given, replace(BINARY, trained_weight=1 / rate), ABOUT)
    np.testing.assert_allclose(opened.source.scores(ALL).y_score[:, 0], P, rtol=1e-9)
    assert opened.notes == ("Converted back to probabilities from a weight of 10 in training.",)


def test_several_classes_go_through_a_softmax_and_several_labels_through_sigmoids():
    z = np.array([[1.0, -2, 0.5], [0, 3, -1], [100, -100, 700]])
    given = table(y=[0, 1, 2], a=z[:, 0], b=z[:, 1], c=z[:, 2], d=[0, 1, 0], e=[1, 0, 1])
    several = Roles("multiclass", ("y",), ("a", "b", "c"), classes=("0", "1", "2"), scale="logit")
    expected = np.exp(z - z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(scores(given, several), expected / expected.sum(axis=1, keepdims=True), atol=1e-15)
    labels = Roles("multilabel", ("d", "e"), ("a", "b"), names=("a", "b"), scale="logit")
    np.testing.assert_allclose(scores(given, labels), sigmoid(z[:, :2]), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale", "values"),
    [("probability", [0.5, 1.5]), ("probability", [-0.5, 0.5]), ("percent", [50, 101]), ("log_probability", [-1, 0.1])],
)
def test_scores_outside_of_their_scale_are_offered_as_margins(scale, values: list[float]):
    given = table(y_true=[0, 1], y_score=values)
    with pytest.raises(CannotOpen, match="they go from") as refused:
        open_predictions(given, replace(BINARY, scale=scale), ABOUT)
    assert refused.value.offer == "Take them as margins"
    np.testing.assert_array_equal(scores(given, refused.value.repair)[:, 0], values)


def test_probabilities_that_rounding_put_beyond_1_are_1():
    given = table(y_true=[0, 1], y_score=np.array([-1e-7, 1 + 1e-6], np.float32))
    np.testing.assert_array_equal(scores(given, BINARY)[:, 0], np.array([0, 1], np.float32))


def test_scores_keep_their_dtype_and_are_not_copied():
    score = pa.array(np.array([0.25, 0.5, 0.75], np.float32))
    found = scores(table(y_true=[0, 1, 1], y_score=score), BINARY)
    assert found.dtype == np.float32
    assert found.ctypes.data == score.buffers()[1].address


@pytest.mark.parametrize(
    ("y_true", "positive", "expected", "names"),
    [
        ([1, 2, 2], "2", [0, 1, 1], ("1", "2")),
        ([-1, 1, 1], "1", [0, 1, 1], ("-1", "1")),
        ([True, False, True], "false", [0, 1, 0], ("true", "false")),
        (["a", "b", "a"], "a", [1, 0, 1], ("b", "a")),
        (["a", "b", "c"], "b", [0, 1, 0], ("not b", "b")),
        ([0.0, 1.0, 1.0], "1", [0, 1, 1], ("0", "1")),
        ([" yes", "no", "yes "], "yes", [1, 0, 1], ("no", "yes")),
    ],
)
def test_labels_of_any_kind_with_their_names(y_true: list, positive: str, expected: list[int], names: tuple[str, str]):
    found = open_predictions(table(y_true=y_true, y_score=[0.1, 0.5, 0.9]), replace(BINARY, positive=positive), ABOUT)
    assert found.source.scores(ALL).y_true.tolist() == expected
    assert found.source.class_names == names


@pytest.mark.parametrize(
    ("columns", "roles", "sentence"),
    [
        ({}, replace(BINARY, weight="w"), "The file has no column w; it has y_true, y_score."),
        ({}, replace(BINARY, positive="2"), "y_true never is 2; its values are 0, 1."),
        ({"y_true": [0, 0, 0]}, replace(BINARY, positive="0"), "Every row is 0; there must be two classes."),
        ({"y_true": [1, 1, 1]}, BINARY, "Every row is 1; there must be two classes."),
        ({"y_true": [None, None, None]}, BINARY, "y_true holds no labels."),
        ({"y_score": ["a", "b", "c"]}, BINARY, "y_score holds no numbers."),
        ({"y_score": [None, NAN, INF]}, BINARY, "No row has a label and scores: there are 3 with a missing or"),
        ({"w": [0, 0, 0]}, replace(BINARY, weight="w"), "Every weight in w is 0."),
        ({"w": ["a", "b", "c"]}, replace(BINARY, weight="w"), "w holds no numbers."),
        (
            {"w": [1, 0, 0]},
            replace(BINARY, weight="w"),
            "Every row with a weight above 0 is 0; there must be",
        ),
        (
            {"w": [1, 1.7e308, 1]},
            replace(BINARY, weight="w"),
            "A weight must be 0 or from 1e-30 to 1e+30, but w has",
        ),
        (
            {"w": [1, 0, 1e-160]},
            replace(BINARY, weight="w"),
            "A weight must be 0 or from 1e-30 to 1e+30, but w has",
        ),
        ({"t": ["a", "b", "c"]}, replace(BINARY, time="t"), "t holds no times; write them as 2024-01-31"),
        ({"a": ["a", "b", "c"]}, replace(BINARY, amount="a"), "a holds no numbers."),
        (
            {"s": ["x", "test", "val"]},
            replace(BINARY, split="s"),
            "s may be validation, test or train, but it also is x.",
        ),
        ({"s": ["train"] * 3}, replace(BINARY, split="s"), "No row is left to look at."),
        ({"s": ["val", "test", "test"]}, replace(BINARY, split="s"), "Every row of validation is 0; there must be two"),
        (
            {"a": [0, 2, 1], "b": [1, 0, 1], "c": [0.5, 0.5, 0.5]},
            Roles("multilabel", ("a", "b"), ("y_score", "c"), names=("a", "b")),
            "Expected a to be 1 where a row has the label and 0 elsewhere",
        ),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_sentence(columns: dict, roles: Roles, sentence: str):
    given = table(**{"y_true": [0, 1, 1], "y_score": [0.1, 0.5, 0.9], **columns})
    refused = refusal(open_predictions, given, roles, ABOUT)
    assert refused is not None
    assert refused.startswith(sentence)
    assert is_sentence(refused)


@pytest.mark.parametrize("weight", [[1e-30, 1e-30, 1e-30], [1e30, 1e30, 0], [1e-30, 1e30, 1]])
def test_the_metrics_of_the_smallest_and_the_largest_weights_are_numbers(weight: list[float]):
    given = table(y_true=[0, 1, 1], y_score=[0.1, 0.5, 0.9], w=weight)
    source = open_predictions(given, replace(BINARY, weight="w"), ABOUT).source
    counts = source.index(ALL, 0).counts(np.array([0.3]))
    assert np.isfinite(confusion(counts)).all()
    assert mcc(counts)[0] == pytest.approx(1)


def test_rows_without_label_score_or_weight_are_counted_and_left_out_when_asked_to():
    given = table(
        y_true=[0, 1, None, 1, 0, 1, 0],
        y_score=[0.1, NAN, 0.3, INF, None, 0.6, 0.7],
        w=[1, 1, 1, 1, 1, 2, -1],
        id=list("abcdefg"),
    )
    roles = replace(BINARY, weight="w", id="id")
    with pytest.raises(CannotOpen) as refused:
        open_predictions(given, roles, ABOUT)
    assert str(refused.value) == (
        "Of 7 rows there are 1 with no label (an empty cell, NA or null) and 3 with a missing or infinite score"
        " and 1 with a weight that is missing, negative or infinite."
    )
    assert refused.value.offer == "Leave 5 rows out"
    opened = open_predictions(given, refused.value.repair, ABOUT)
    source = opened.source
    assert source.scores(ALL).y_true.tolist() == [0, 1]
    assert source.scores(ALL).y_score[:, 0].tolist() == [0.1, 0.6]
    assert source.rows(ALL).tolist() == [0, 5]
    columns = source.row_columns(ALL)
    assert columns.weight.tolist() == [1, 2]
    assert columns.id[np.array([1, 0])].tolist() == ["f", "a"]
    assert opened.notes[-1].startswith("5 rows left out: 1 with no label")


def test_a_log_probability_of_minus_infinity_is_a_probability_of_0():
    given = table(y_true=[0, 1], y_score=[-INF, 0.0])
    np.testing.assert_array_equal(scores(given, replace(BINARY, scale="log_probability"))[:, 0], [0, 1])


def test_a_split_makes_parts_and_leaves_out_rows_of_training():
    given = table(
        y_true=[0, 1, 0, 1, 0, 1],
        y_score=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        fold=["train", "VAL", "val ", "test", "Holdout", None],
        group=list("aabbcc"),
    )
    opened = open_predictions(given, replace(BINARY, split="fold", groups=("group",)), ABOUT)
    source = opened.source
    assert source.parts == ("validation", "test")
    assert source.rows("validation").tolist() == [1, 2]
    assert source.rows("test").tolist() == [3, 4]
    assert source.scores("test").y_score[:, 0].tolist() == [0.4, 0.5]
    assert source.row_columns("test").groups["group"][np.arange(2)].tolist() == ["b", "c"]
    assert "2 rows of training, or without a split, left out." in opened.notes


def test_all_other_columns_stay_readable_row_by_row():
    given = table(
        y_true=[0, 1, 1],
        y_score=[0.1, 0.5, 0.9],
        text=["=1+1", None, "<b>x</b>"],
        number=[1, None, 3],
        flag=[True, None, False],
        day=np.array(["2024-01-01", "NaT", "2024-01-03"], "datetime64[D]"),
        amount=["1,5", "2,5", "3"],
        month=["2024-01", "2024-02", "2024-03"],
    )
    source = open_predictions(given, replace(BINARY, amount="amount", time="month"), ABOUT).source
    columns = source.row_columns(ALL)
    assert list(columns.others) == ["text", "number", "flag", "day"]
    assert [len(column) for column in columns.others.values()] == [3] * 4
    back = np.array([2, 0])
    assert columns.others["text"][back].tolist() == ["<b>x</b>", "=1+1"]
    assert columns.others["number"][back].tolist() == [3, 1]
    assert columns.others["flag"][back].tolist() == [False, True]
    assert str(columns.others["day"][back][0]).startswith("2024-01-03")
    assert columns.amount.tolist() == [1.5, 2.5, 3]
    assert columns.time.tolist() == np.array(["2024-01", "2024-02", "2024-03"], "datetime64[us]").tolist()


def test_columns_that_do_not_sum_to_one_are_said_and_taken_as_they_are():
    given = table(y=[0, 1, 2], a=[0.5, 0.2, 0.9], b=[0.25, 0.3, 0.9], c=[0.25, 0.5, 0.9])
    opened = open_predictions(given, Roles("multiclass", ("y",), ("a", "b", "c"), classes=("0", "1", "2")), ABOUT)
    assert opened.notes == ("In 1 row the probabilities do not sum to 1, but to 1 to 2.7. They are taken as they are.",)
    np.testing.assert_array_equal(opened.source.scores(ALL).y_score[2], [0.9, 0.9, 0.9])


def test_the_column_of_the_other_class_is_said():
    given = table(y_true=[0, 1, 1], no=[0.75, 0.5, 0.125], y_score=[0.25, 0.5, 0.875], half=[0.75, 0.5, 0.5])
    notes = open_predictions(given, BINARY, ABOUT).notes
    assert notes == ("no is the probability of the other class, 1 minus y_score, and not used.",)


def test_a_label_that_no_score_stands_for_is_counted():
    given = table(y=["a", "b", "c"], p=[0.5, 0.2, 0.9], q=[0.5, 0.8, 0.1])
    roles = Roles("multiclass", ("y",), ("p", "q"), classes=("a", "b"))
    with pytest.raises(CannotOpen, match="Of 3 rows there is 1 with no label or one that no score stands for"):
        open_predictions(given, roles, ABOUT)
    assert open_predictions(given, replace(roles, leave_out=True), ABOUT).source.scores(ALL).y_true.tolist() == [0, 1]


def test_classes_that_are_numbers_are_called_by_their_names():
    given = table(y=[0, 1, 1], p=[0.5, 0.2, 0.9], q=[0.5, 0.8, 0.1])
    roles = Roles("multiclass", ("y",), ("p", "q"), classes=("0", "1"), names=("cat", "dog"))
    assert open_predictions(given, roles, ABOUT).source.class_names == ("cat", "dog")


VALUES = st.one_of(
    st.lists(st.sampled_from([0, 1, 2, -1, None, 2**62]), min_size=6, max_size=6),
    st.lists(st.sampled_from([0.0, -0.0, 0.5, 1.0, NAN, INF, -INF, 1e308, -3.5, 1e-320, None]), min_size=6, max_size=6),
    st.lists(
        st.sampled_from(["", " ", "0", "1", "a", "5%", "0,5", "=1", "nan", "2024-01-01", None]), min_size=6, max_size=6
    ),
    st.lists(st.sampled_from([True, False, None]), min_size=6, max_size=6),
    st.lists(st.sampled_from([None]), min_size=6, max_size=6),
    st.lists(st.datetimes(), min_size=6, max_size=6),
    st.lists(st.sampled_from([[1], None]), min_size=6, max_size=6),
)
ROLES = ["y_true", "y_true a", "y_true b", "y_score", "score a", "score b", "score c", "p", "y", "log_proba", "margin"]
OTHERS = ["weight", "time", "split", "amount", "id", "group", "x", "=cmd", "<b>", "", " ", "a\nb"]
NAMES = st.sampled_from(ROLES + OTHERS)


@settings(max_examples=500)
@given(columns=st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=7), data=st.data())
def test_any_columns_are_opened_or_refused_in_one_sentence(columns: list[tuple[str, list]], data: st.DataObject):
    given = pa.table([pa.array(values) for _, values in columns], names=[name for name, _ in columns])
    read: list[Table] = []
    found: list[Roles] = []
    refused = refusal(lambda: read.append(checked(given)))
    if read:
        refused = refusal(lambda: found.append(guess(read[0]).roles))
    if found:
        changes = data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "leave_out": st.just(True),
                    "scale": st.sampled_from(["margin", "logit", "percent", "log_probability"]),
                    "opposite": st.booleans(),
                    "positive": st.sampled_from(["0", "1", "a", "true"]),
                    "trained_weight": st.sampled_from([0.1, 5]),
                    "weight": st.sampled_from(["weight", "x", "nothing"]),
                },
            )
        )
        refused = refusal(lambda: open_and_count(read[0], replace(found[0], **changes)))
    assert refused is None or is_sentence(refused)


def open_and_count(given: Table, roles: Roles) -> None:
    """Open predictions, mend what can be, and count at every score."""
    try:
        source = open_predictions(given, roles, ABOUT).source
    except CannotOpen as refused:
        if refused.repair is None:
            raise
        source = open_predictions(given, replace(refused.repair, leave_out=True), ABOUT).source
    for part in source.parts:
        for column in range(source.scores(part).n_columns):
            counts = source.index(part, column).counts_at_scores()
            assert np.isfinite(counts.total).all()


def test_a_repair_can_be_opened_or_repaired_once_more():
    given = table(y_true=[0, 1, 1], y_score=[0.1, 50, None], split=["a", "b", "c"])
    roles = replace(BINARY, split="split")
    offers = []
    for _ in range(3):
        with pytest.raises(CannotOpen) as refused:
            open_predictions(given, roles, ABOUT)
        offers.append(refused.value.offer)
        roles = refused.value.repair
    assert offers == ["Leave 1 row out", "Open all rows as one part", "Take them as margins"]
    assert scores(given, roles)[:, 0].tolist() == [0.1, 50]


def test_nothing_but_this_projects_error_comes_out():
    assert issubclass(CannotOpen, CutoffError)
