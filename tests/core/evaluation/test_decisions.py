"""Rules that give each row one class, or none: against brute force in exact fractions, and what they have in common."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sklearn

from core.errors import CutoffError
from core.evaluation import (
    DECISIONS,
    NO_CLASS,
    changes,
    class_totals,
    confusion_matrix,
    decided_counts,
    predicted_positive,
)
from tests.conftest import confusion

every_rule = pytest.mark.parametrize("name", DECISIONS)
EIGHTHS = st.integers(0, 8).map(lambda n: n / 8)  # exact in every dtype, with ties


@st.composite
def decided(draw: st.DrawFn, score: st.SearchStrategy[float] = EIGHTHS) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N, C) that tie, in any dtype, and thresholds (C,) > 0."""
    shape = draw(st.integers(0, 12)), draw(st.integers(2, 5))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    y_score = draw(arrays(dtype, shape, elements=score.map(lambda value: float(dtype(value)))))
    return y_score, draw(arrays(np.float64, shape[1], elements=st.integers(1, 8).map(lambda n: n / 8)))


def first_greatest(values: list[Fraction]) -> int:
    return values.index(max(values))


def by_hand(name: str, row: np.ndarray, thresholds: np.ndarray, fallback: int = NO_CLASS) -> int:
    """One row's class, one class at a time, without rounding."""
    p, t = [[Fraction(float(value)) for value in values] for values in (row, thresholds.astype(row.dtype))]
    if name == "argmax":
        return first_greatest(p)
    if name == "difference":
        return first_greatest([a - b for a, b in zip(p, t, strict=True)])
    if name == "ratio":
        return first_greatest([a / b for a, b in zip(p, t, strict=True)])
    reached = [c for c in range(len(p)) if p[c] >= t[c]]
    return max(reached, key=lambda c: (p[c], -c)) if reached else fallback


@every_rule
@given(rows=decided())
def test_equals_brute_force(name: str, rows: tuple[np.ndarray, np.ndarray]):
    y_score, thresholds = rows
    expected = [by_hand(name, row, thresholds) for row in y_score]
    np.testing.assert_array_equal(DECISIONS[name](y_score, thresholds), expected)


@every_rule
@given(data=st.data())
def test_ties_that_floats_round_apart_or_together_equal_brute_force(name: str, data: st.DataObject):
    """Scores that are multiples of their thresholds, or next to one, and thresholds and scores next to 0."""
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    tiny = float(np.finfo(dtype).smallest_subnormal)
    parts = st.integers(1, 99).map(lambda n: n / 100) | st.sampled_from([tiny, 3 * tiny, 1e-30])
    thresholds = np.array(data.draw(st.lists(parts, min_size=2, max_size=4)))
    multiple = np.array(data.draw(st.lists(st.sampled_from([1, 0.5, 0.1, 1 / 3]), min_size=1, max_size=8)))
    y_score = (multiple[:, None] * thresholds).astype(dtype)
    bits = data.draw(arrays(np.int8, y_score.shape, elements=st.integers(-1, 1)))
    y_score = np.nextafter(y_score, np.sign(bits).astype(dtype), where=bits != 0, out=y_score).clip(0)
    expected = [by_hand(name, row, thresholds) for row in y_score]
    np.testing.assert_array_equal(DECISIONS[name](y_score, thresholds), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ratios_that_tie_exactly_go_to_the_first_class(dtype: type):
    assert DECISIONS["ratio"](np.array([[0.05, 0.15, 0.01]], dtype), [0.05, 0.15, 0.95]).tolist() == [0]


@pytest.mark.parametrize("name", ["ratio", "difference"])
@given(seed=st.integers(0, 2**32), threshold=st.floats(0.001, 1))
def test_equal_thresholds_are_plain_argmax_to_the_last_bit(name: str, seed: int, threshold: float):
    y_score = np.random.default_rng(seed).random((40, 4)).astype(np.float32)
    y_score[:20] = np.round(y_score[:20], 1)  # ties
    y_score[20] = np.nextafter(np.float32(0.5), np.float32([0, 0, 1, 1]))  # one bit apart
    y_score[21] = 1e-20, 2e-20, 3e-20, 1e-20  # minus .5 they are all the same
    np.testing.assert_array_equal(DECISIONS[name](y_score, np.full(4, threshold)), y_score.argmax(axis=1))


@given(rows=decided(), low=st.integers(0, 8))
def test_masked_argmax_at_one_threshold_is_argmax_with_a_reject(rows: tuple[np.ndarray, np.ndarray], low: int):
    y_score, _ = rows
    threshold = low / 8
    expected = np.where(y_score.max(axis=1, initial=0) >= threshold, y_score.argmax(axis=1), NO_CLASS)
    np.testing.assert_array_equal(DECISIONS["masked"](y_score, np.full(y_score.shape[1], threshold)), expected)


@given(rows=decided(), data=st.data())
def test_the_fallback_goes_to_the_rows_without_a_class_and_to_no_other(
    rows: tuple[np.ndarray, np.ndarray], data: st.DataObject
):
    y_score, thresholds = rows
    fallback = data.draw(st.integers(0, y_score.shape[1] - 1))
    without = DECISIONS["masked"](y_score, thresholds)
    with_one = DECISIONS["masked"](y_score, thresholds, fallback=fallback)
    none = ~predicted_positive(y_score, thresholds).any(axis=1)
    np.testing.assert_array_equal(without == NO_CLASS, none)
    np.testing.assert_array_equal(with_one, np.where(none, fallback, without))


def test_masked_argmax_compares_in_the_dtype_of_the_scores():
    y_score = np.array([[0.7, 0.3]], np.float32)
    assert float(y_score[0, 0]) < 0.7
    assert DECISIONS["masked"](y_score, [0.7, 0.7]).tolist() == [0]


def test_the_rules_differ_where_they_should():
    y_score, thresholds = [[0.6, 0.3, 0.1]], [0.7, 0.4, 0.05]
    assert {name: spec(y_score, thresholds).tolist() for name, spec in DECISIONS.items()} == {
        "ratio": [2],  # .1 is twice its threshold
        "difference": [2],
        "masked": [2],
        "argmax": [0],
    }
    assert DECISIONS["masked"](y_score, [0.7, 0.4, 0.2]).tolist() == [NO_CLASS]
    assert DECISIONS["ratio"]([[0.8, 0.2]], [0.7, 0.1]).tolist() == [1]  # 1.14 and 2 times
    assert DECISIONS["difference"]([[0.8, 0.2]], [0.7, 0.1]).tolist() == [0]  # a tie at .1, up to rounding
    assert DECISIONS["difference"]([[-1.0, 2.0]], [-3.5, 0.0]).tolist() == [0]  # logits will do


@every_rule
def test_every_entry_says_what_it_is(name: str):
    spec = DECISIONS[name]
    assert spec.name == name
    assert spec.formula.startswith(r"\hat{y}")
    assert all(text.endswith(".") for text in (spec.help, *(param.help for param in spec.params)))
    assert any(year in spec.reference for year in map(str, range(1950, 2027)))


@every_rule
def test_no_rows_and_one_score_for_all_break_nothing(name: str):
    assert DECISIONS[name](np.empty((0, 3)), [0.5] * 3).shape == (0,)
    constant = DECISIONS[name](np.full((4, 3), 0.2), [0.1] * 3)
    np.testing.assert_array_equal(constant, [0] * 4)


@every_rule
def test_what_does_not_fit_is_refused_in_one_sentence(name: str):
    for arguments, params in (
        (([[0.1, 0.2]], [0.5]), {}),
        (([0.1, 0.2], [0.5, 0.5]), {}),
        (([[0.1, np.nan]], [0.5, 0.5]), {}),
        (([[0.1, 0.2]], [0.5, 0.5]), {"nope": 1}),
    ):
        with pytest.raises(CutoffError, match=r"^Expected .*\.$"):
            DECISIONS[name](*arguments, **params)


@pytest.mark.parametrize("fallback", [2, -2, 0.5, "0"])
def test_a_fallback_that_is_no_class_is_refused(fallback: object):
    with pytest.raises(CutoffError, match="`fallback`"):
        DECISIONS["masked"]([[0.1, 0.2]], [0.5, 0.5], fallback=fallback)


@pytest.mark.parametrize("threshold", [np.nan, -np.inf])
@pytest.mark.parametrize("name", ["ratio", "difference"])
def test_thresholds_that_are_no_numbers_are_refused(name: str, threshold: float):
    with pytest.raises(CutoffError, match="`thresholds` to be"):
        DECISIONS[name]([[0.1, 0.2]], [0.5, threshold])


@pytest.mark.parametrize("name", ["ratio", "difference"])
@given(rows=decided(), data=st.data())
def test_a_class_above_every_score_gets_no_row(name: str, rows: tuple[np.ndarray, np.ndarray], data: st.DataObject):
    y_score, thresholds = rows
    above = np.array(data.draw(st.lists(st.booleans(), min_size=len(thresholds), max_size=len(thresholds))))
    found = DECISIONS[name](y_score, np.where(above, np.inf, thresholds))
    if above.all():
        np.testing.assert_array_equal(found, y_score.argmax(axis=1))
    else:
        kept = np.flatnonzero(~above)
        np.testing.assert_array_equal(found, kept[DECISIONS[name](y_score[:, kept], thresholds[kept])])


# --- what comes of decisions


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=40)


@given(PAIRS)
def test_rows_without_a_class_have_a_column_of_their_own(pairs: list[tuple[int, int]]):
    true, pred = np.array(pairs).T
    matrix = confusion_matrix(true, pred, 4, no_class=True)
    theirs = sklearn.confusion_matrix(true, np.where(pred == NO_CLASS, 4, pred), labels=range(5))
    np.testing.assert_array_equal(matrix, theirs[:4])


def test_a_weighted_matrix_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, pred, weight = rng.integers(0, 4, 50), rng.integers(0, 4, 50), rng.exponential(size=50)
    np.testing.assert_allclose(
        confusion_matrix(true, pred, 4, sample_weight=weight),
        sklearn.confusion_matrix(true, pred, sample_weight=weight),
    )


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([1.0], "to have shape (2,), but got (1,)"),
        ([1.0, -1.0], "to be finite and >= 0, but got -1"),
        ([1.0, np.nan], "but got nan"),
    ],
)
def test_bad_weights_are_refused_in_one_sentence(weight: list[float], said: str):
    with pytest.raises(CutoffError, match=re.escape(said)):
        confusion_matrix([0, 1], [0, 1], 2, sample_weight=weight)


def test_without_that_column_a_row_without_a_class_is_refused():
    with pytest.raises(CutoffError, match="got -1"):
        confusion_matrix([0, 1], [0, NO_CLASS], 2)


@given(PAIRS)
def test_rows_without_a_class_are_wrong_and_no_class_of_their_own(pairs: list[tuple[int, int]]):
    true, pred = np.array(pairs).T
    matrix = confusion_matrix(true, pred, 4, no_class=True)
    counts = decided_counts(matrix)
    theirs = sklearn.multilabel_confusion_matrix(true, pred, labels=range(4))
    np.testing.assert_array_equal(confusion(counts), theirs)

    totals = class_totals(matrix)
    assert totals["accuracy"] == pytest.approx(sklearn.accuracy_score(true, pred))
    settings = {"average": "macro", "labels": range(4), "zero_division": np.nan}
    assert totals["precision"] == pytest.approx(sklearn.precision_score(true, pred, **settings), nan_ok=True)
    assert totals["recall"] == pytest.approx(sklearn.recall_score(true, pred, **settings))
    assert totals["f1"] == pytest.approx(sklearn.f1_score(true, pred, **settings))
    assert totals["without"] == np.sum(pred == NO_CLASS)


def test_totals_without_rows_are_undefined():
    totals = class_totals(np.zeros((3, 4), int))
    assert totals.pop("without") == 0
    assert np.isnan(list(totals.values())).all()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2), st.integers(-1, 2)), max_size=30))
def test_changes_are_counted_row_by_row(triples: list[tuple[int, int, int]]):
    true, old, new = np.array(triples, dtype=int).reshape(-1, 3).T
    assert changes(true, old, new) == (
        sum(a != b for _, a, b in triples),
        sum(a != t == b for t, a, b in triples),
        sum(a == t != b for t, a, b in triples),
    )
