from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.errors import CutoffError
from core.evaluation import (
    ScoreIndex,
    class_counts,
    confusion_matrix,
    decide,
    index_scores,
    predicted_positive,
)
from core.evaluation.counts import BLOCK
from core.evaluation.scores import Scores
from tests.conftest import confusion
from tests.support.scored_rows import Rows, rows

FIELDS = ("tp", "fp", "fn", "tn")
some_thresholds = st.lists(
    st.one_of(st.floats(-3, 3, width=32), st.sampled_from([0.1, 0.3, 0.7, 0.0, -0.0, np.inf, -np.inf])),
    min_size=1,
    max_size=8,
)


def by_definition(data: Rows, threshold: float) -> tuple[float, float, float, float]:
    """tp, fp, fn, tn straight from the rule `score >= t` in the scores' own dtype."""
    weight = np.ones(data.y_true.size) if data.weight is None else data.weight
    called, true = data.y_score >= data.y_score.dtype.type(threshold), data.y_true == 1
    return tuple(weight[mask].sum() for mask in (called & true, called & ~true, ~called & true, ~called & ~true))


@given(rows(), some_thresholds)
def test_counts_follow_the_rule_at_any_threshold(data, thresholds):
    counts = ScoreIndex.of(*data).counts(np.array([*thresholds, *data.y_score.tolist()]))
    for i, threshold in enumerate(counts.thresholds):
        assert tuple(getattr(counts, field)[i] for field in FIELDS) == by_definition(data, threshold)


@given(rows())
def test_counts_at_scores_equal_scikit_learn(data):
    counts = ScoreIndex.of(*data).counts_at_scores()
    tn, fp, fn, tp, thresholds = sk.confusion_matrix_at_thresholds(data.y_true, data.y_score, sample_weight=data.weight)
    np.testing.assert_array_equal(counts.thresholds, thresholds)
    for ours, theirs in ((counts.tn, tn), (counts.fp, fp), (counts.fn, fn), (counts.tp, tp)):
        np.testing.assert_array_equal(ours, theirs)


@given(rows())
def test_counts_at_scores_are_those_at_thresholds(data):
    index = ScoreIndex.of(*data)
    every, known = index.counts_at_scores(above_all=True), index.counts(np.append(np.inf, index.distinct_scores()))
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(every, field), getattr(known, field))
    assert every.thresholds.dtype == known.thresholds.dtype
    np.testing.assert_array_equal(every.thresholds, known.thresholds)


@given(rows(), st.floats(-3, 3, width=16))
def test_confusion_equals_scikit_learn(data, threshold):
    theirs = sk.confusion_matrix(
        data.y_true, predicted_positive(data.y_score, threshold), labels=[0, 1], sample_weight=data.weight
    )
    np.testing.assert_array_equal(confusion(ScoreIndex.of(*data).counts(threshold)), theirs)


@given(rows(), some_thresholds)
def test_totals_stand_still_and_counts_fall_as_the_threshold_rises(data, thresholds):
    index = ScoreIndex.of(*data)
    counts = index.counts(np.sort(thresholds))
    np.testing.assert_array_equal(counts.tp + counts.fn, np.full(len(thresholds), index.positives))
    np.testing.assert_array_equal(counts.fp + counts.tn, np.full(len(thresholds), index.negatives))
    assert (np.diff(counts.tp) <= 0).all()
    assert (np.diff(counts.fp) <= 0).all()
    assert all((getattr(counts, field) >= 0).all() for field in FIELDS)


@given(rows(weighted=False))
def test_counts_without_weights_are_whole_numbers_and_equal_weights_of_one(data):
    plain = ScoreIndex.of(data.y_true, data.y_score).counts_at_scores()
    weighted = ScoreIndex.of(data.y_true, data.y_score, np.ones(data.y_true.size)).counts_at_scores()
    assert plain.tp.dtype == np.int64
    assert weighted.tp.dtype == np.float64
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(plain, field), getattr(weighted, field))


@given(rows(weighted=False))
def test_weights_count_a_row_as_often_as_they_say(data):
    times = np.arange(data.y_true.size) % 3
    repeated = ScoreIndex.of(np.repeat(data.y_true, times), np.repeat(data.y_score, times)).counts_at_scores()
    weighted = ScoreIndex.of(data.y_true, data.y_score, times).counts_at_scores()
    for field in ("thresholds", *FIELDS):
        np.testing.assert_array_equal(getattr(repeated, field), getattr(weighted, field))


@given(rows())
def test_infinity_calls_nothing_positive_and_the_smallest_score_everything(data):
    index = ScoreIndex.of(*data)
    nothing, everything = index.counts(np.inf), index.counts(index.score_range[0])
    assert nothing.tp == nothing.fp == 0
    assert everything.fn == everything.tn == 0
    assert index.counts(np.nan).tp == 0  # as score >= nan


@given(rows(), st.sampled_from([np.int8, np.int64, np.bool_, np.float32]))
def test_labels_of_any_number_type_count_the_same(data, dtype):
    ours = ScoreIndex.of(data.y_true.astype(dtype), data.y_score, data.weight).counts_at_scores()
    np.testing.assert_array_equal(ours.tp, ScoreIndex.of(*data).counts_at_scores().tp)


def test_thresholds_are_compared_in_the_scores_own_dtype():
    y_score = np.round(np.random.default_rng(0).random(100_000, dtype=np.float32), 2)
    y_true = np.ones(y_score.size, dtype=bool)
    called = ScoreIndex.of(y_true, y_score).counts(0.7).tp
    assert called == np.count_nonzero(y_score >= np.float32(0.7))
    assert called == np.count_nonzero(predicted_positive(y_score, 0.7))
    assert called > np.count_nonzero(y_score.astype(np.float64) >= 0.7)  # .7 rounds down in float32


def test_thresholds_beyond_the_dtype_are_infinite():
    index = ScoreIndex.of([0, 1], np.array([-60_000, 60_000], np.float16))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(index.counts([1e9, -1e9]).tp, [0, 1])


@pytest.mark.parametrize("other", [0.5, -0.5])
@pytest.mark.parametrize("weight", [None, [1, 1, 1, 1, 1]])
def test_zeros_of_both_signs_are_one_score(other, weight):
    index = ScoreIndex.of([1, 0, 0, 1, 1], [0.0, -0.0, 0.0, -0.0, other], weight)
    assert sorted(index.distinct_scores()) == sorted([0.0, other])
    assert not np.signbit(index.distinct_scores()[index.distinct_scores() == 0]).any()
    assert index.counts(0.0).tp == index.counts(-0.0).tp == 2 + (other > 0)
    assert index.counts(0.0).fp == index.counts(-0.0).fp == 2


def test_whole_number_scores_are_exact():
    index = ScoreIndex.of([0, 1, 1], [3, 1, 3])
    np.testing.assert_array_equal(index.counts([1, 2, 3, 4]).tp, [2, 1, 1, 0])
    assert index.counts(1).thresholds.dtype == np.float64


@pytest.mark.parametrize("weight", [None, []])
def test_no_rows_count_nothing(weight):
    index = ScoreIndex.of([], [], weight)
    assert index.n_rows == 0
    assert np.isnan([index.prevalence, *index.score_range]).all()
    assert index.counts_at_scores().tp.shape == (0,)
    np.testing.assert_array_equal(confusion(index.counts([0.1, np.inf])), np.zeros((2, 2, 2)))


def test_rows_that_all_weigh_nothing_are_no_rows():
    assert ScoreIndex.of([0, 1], [0.1, 0.2], [0, 0]).n_rows == 0


def test_counts_have_the_shape_of_the_thresholds():
    index = ScoreIndex.of([0, 1, 1], [0.2, 0.4, 0.6])
    assert index.counts(0.5).tp.shape == ()
    assert index.counts(np.full((3, 2), 0.5)).tn.shape == (3, 2)
    assert confusion(index.counts(np.full((3, 2), 0.5))).shape == (3, 2, 2, 2)
    assert index.counts([0.1, 0.5])[1].tp == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0, 1], [0.1, np.nan]), "finite number, but got 1 NaN among 2"),
        (([0, 1], [0.1, -np.inf]), "finite number, but got 1 infinite among 2"),
        (([0, 2], [0.1, 0.2]), "`y_true` to be 0 or 1, but got 2"),
        (([0, -1], [0.1, 0.2]), "`y_true` to be 0 or 1, but got -1"),
        (([0, np.nan], [0.1, 0.2]), "`y_true` to be 0 or 1, but got nan"),
        ((["no", "yes"], [0.1, 0.2]), "`y_true` to be 0 or 1, but got dtype"),
        (([0, 1, 1], [0.1, 0.2]), r"one shape \(N,\), but got \(3,\) and \(2,\)"),
        (([[0], [1]], [[0.1], [0.2]]), r"one shape \(N,\)"),
        (([0, 1], [0.1, 0.2], [1, -1]), "finite and >= 0, but got -1"),
        (([0, 1], [0.1, 0.2], [1, np.nan]), "finite and >= 0, but got nan"),
        (([0, 1], [0.1, 0.2], [1]), r"`sample_weight` to have shape \(2,\), but got \(1,\)"),
    ],
)
def test_bad_rows_are_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        ScoreIndex.of(*arguments)


def ten_classes(seed: int = 0) -> Scores:
    generator = np.random.default_rng(seed)
    y_score = np.round(generator.dirichlet(np.ones(10), 300), 2).astype(np.float32)
    return Scores(generator.integers(0, 10, 300), y_score, "multiclass", tuple("0123456789"))


def test_class_counts_equal_scikit_learn_class_by_class():
    scores = ten_classes()
    per_class = np.linspace(0, 0.5, 30).reshape(10, 3)
    counts = class_counts(index_scores(scores), per_class)
    assert counts.tp.shape == (10, 3)
    for t in range(3):
        called = predicted_positive(scores.y_score, per_class[:, t])
        true = np.eye(10, dtype=int)[scores.y_true]
        np.testing.assert_array_equal(confusion(counts[:, t]), sk.multilabel_confusion_matrix(true, called))


def test_class_counts_share_thresholds_and_take_labels_and_weights():
    generator = np.random.default_rng(1)
    y_true, weight = generator.integers(0, 2, (50, 3)), generator.integers(0, 4, 50)
    scores = Scores(y_true, generator.normal(size=(50, 3)), "multilabel", ("a", "b", "c"))
    counts = class_counts(index_scores(scores, weight), [-0.5, 0.0, 0.5])
    theirs = sk.multilabel_confusion_matrix(y_true, scores.y_score >= 0.5, sample_weight=weight)
    assert counts.tp.shape == counts.thresholds.shape == (3, 3)
    np.testing.assert_array_equal(confusion(counts[:, 2]), theirs)


@pytest.mark.parametrize("shape", [(), (3, 2), (1, 10, 2)])
def test_class_counts_refuse_other_shapes(shape):
    with pytest.raises(CutoffError, match=r"Expected `thresholds` of shape \(T,\) or \(10, T\), but got"):
        class_counts(index_scores(ten_classes()), np.zeros(shape))


@given(st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([np.float16, np.float32, np.float64]))
def test_equal_thresholds_decide_by_plain_argmax(seed, threshold, dtype):
    y_score = np.random.default_rng(seed).random((50, 4)).astype(dtype)
    y_score[:25] = np.round(y_score[:25], 1)  # ties
    y_score[0] = np.nextafter(dtype(0.5), dtype([0, 0, 1, 1]))  # one bit apart
    np.testing.assert_array_equal(decide(y_score, np.full(4, threshold)), y_score.argmax(axis=1))


def test_a_lower_threshold_wins_rows_for_its_class():
    y_score = [[0.6, 0.4], [0.7, 0.3], [0.9, 0.1]]
    np.testing.assert_array_equal(decide(y_score, [0.7, 0.3]), [1, 0, 0])  # the second row is a tie


@given(st.integers(0, 2**32), st.floats(0.01, 0.99))
def test_two_classes_are_decided_as_by_a_threshold_on_one(seed, threshold):
    p = np.random.default_rng(seed).random(100)
    p = p[np.abs(p - threshold) > 1e-9]
    decided = decide(np.column_stack([1 - p, p]), [1 - threshold, threshold])
    np.testing.assert_array_equal(decided, predicted_positive(p, threshold))


def test_a_threshold_of_zero_takes_every_row_with_any_score():
    y_score = np.array([[0.9, 1e-6, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(decide(y_score, [0.5, 0, 0]), [1, 0, 2, 0])


@pytest.mark.parametrize(
    ("y_score", "thresholds", "sentence"),
    [
        ([[0.1, -0.2]], [0.5, 0.5], "probabilities, but got -0.2"),
        ([[0.1, 0.2]], [0.5, -0.5], "to be >= 0"),
        ([[0.1, 0.2]], [0.5, np.nan], "to be >= 0"),
        ([[0.1, 0.2]], [0.5], r"but got shapes \(1, 2\) and \(1,\)"),
        ([0.1, 0.2], [0.5, 0.5], r"but got shapes \(2,\) and \(2,\)"),
    ],
)
def test_bad_decisions_are_refused_in_one_sentence(y_score, thresholds, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        decide(y_score, thresholds)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_confusion_matrix_equals_scikit_learn(pairs):
    true, pred = np.array(pairs, dtype=int).reshape(-1, 2).T
    matrix = confusion_matrix(true, pred, 5)
    assert matrix.sum() == len(pairs)
    if not pairs:
        return
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(true, pred, labels=range(5)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0, 3], [0, 0], 3), r"lie in \{0, ..., 2\}, but got 3"),
        (([0, 1], [0], 3), r"one shape \(N,\), but got \(2,\) and \(1,\)"),
    ],
)
def test_bad_confusion_is_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        confusion_matrix(*arguments)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("n_rows", [1, BLOCK, 3 * BLOCK + 1])
def test_a_weighted_index_of_many_rows_is_that_of_double_precision(dtype: type, n_rows: int):
    generator = np.random.default_rng(n_rows)
    y_true = generator.random(n_rows) < 0.3
    score = generator.normal(size=n_rows).astype(dtype)
    weight = generator.integers(0, 5, n_rows) / 4  # sums are exact
    ours, double = (ScoreIndex.of(y_true, one, weight) for one in (score, score.astype(np.float64)))
    assert ours.positive_scores.dtype == dtype
    for name in ("positive_scores", "negative_scores"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(double, name))
    given, expected = ours.counts_at_scores(), double.counts_at_scores()
    for name in ("thresholds", "tp", "fp", "fn", "tn"):  # rows that share a score have no order
        np.testing.assert_array_equal(getattr(given, name), getattr(expected, name))


def test_a_weighted_index_takes_little_more_memory_than_it_holds():
    generator = np.random.default_rng(0)
    score = generator.normal(size=500_000).astype(np.float32)
    y_true, weight = generator.random(score.size) < 0.3, generator.random(score.size)
    tracemalloc.start()
    index = ScoreIndex.of(y_true, score, weight)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert index.nbytes <= held < 3.1 * score.nbytes
    assert most < 4.5 * score.nbytes
