"""The summary of scores at thresholds, against scikit-learn for every task."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from core.errors import CutoffError
from core.evaluation import (
    DECISIONS,
    changes,
    class_totals,
    confusion_matrix,
    decided_counts,
    default_accuracy,
    label_totals,
    predicted_per_row,
    summaries,
    summary,
)
from core.evaluation.scores import Scores
from tests.conftest import confusion
from tests.support.scored_rows import Rows, rows

THRESHOLDS = st.sampled_from([-1.0, 0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0])


def binary(y_true, y_score) -> Scores:
    return Scores(y_true, y_score, "binary", ("no", "yes"))


def a_multiclass(seed: int, classes: int = 4, n: int = 200, decimals: int = 2) -> Scores:
    """Rows whose scores tie now and then and sum to about 1, right more often than not."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[y_true]
    y_score = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).round(decimals).astype(np.float32)
    return Scores(y_true, y_score, "multiclass", tuple("abcdefgh"[:classes]))


@settings(deadline=None)
@given(given_rows=rows(weighted=False, both_classes=True), threshold=THRESHOLDS)
def test_binary_equals_scikit_learn(given_rows: Rows, threshold: float):
    y_true, y_score, _ = given_rows
    found = summary(binary(y_true, y_score), [threshold])
    y_pred = y_score >= y_score.dtype.type(threshold)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(y_true, y_pred))
    precision = sklearn.precision_score(y_true, y_pred, zero_division=np.nan)
    assert found["precision"] == pytest.approx(precision, nan_ok=True)
    assert found["recall"] == pytest.approx(sklearn.recall_score(y_true, y_pred))
    assert found["f1"] == pytest.approx(sklearn.f1_score(y_true, y_pred))
    assert found["average_precision"] == pytest.approx(sklearn.average_precision_score(y_true, y_score))
    assert found["roc_auc"] == pytest.approx(sklearn.roc_auc_score(y_true, y_score))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thresholds", [(0.5, 0.5, 0.5, 0.5), (0.1, 0.2, 0.3, 0.9)])
def test_multiclass_equals_scikit_learn(seed: int, thresholds: tuple[float, ...]):
    scores = a_multiclass(seed)
    found = summary(scores, thresholds)
    y_true, y_score = scores.y_true, scores.y_score
    y_pred = np.argmax(y_score / np.array(thresholds), axis=1) if len(set(thresholds)) > 1 else y_score.argmax(1)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(y_true, y_pred))
    for name, score in (
        ("recall", sklearn.recall_score),
        ("precision", sklearn.precision_score),
        ("f1", sklearn.f1_score),
    ):
        assert found[f"macro_{name}"] == pytest.approx(score(y_true, y_pred, average="macro", zero_division=np.nan))
    one_hot = np.eye(4, dtype=int)[y_true]
    assert found["macro_average_precision"] == pytest.approx(
        sklearn.average_precision_score(one_hot, y_score, average="macro")
    )
    assert found["macro_roc_auc"] == pytest.approx(sklearn.roc_auc_score(one_hot, y_score, average="macro"))


def test_a_class_that_is_never_decided_is_left_out_of_the_mean_of_precision_alone():
    scores = a_multiclass(0, classes=3)
    thresholds = np.array([0.5, 0.5, 1e6])  # too high for the last class to win
    y_pred = scores.y_score[:, :2].argmax(1)
    found = summary(scores, thresholds)
    precisions = sklearn.precision_score(scores.y_true, y_pred, average=None, labels=[0, 1], zero_division=np.nan)
    assert found["macro_precision"] == pytest.approx(precisions.mean())
    recalls = sklearn.recall_score(scores.y_true, y_pred, average=None, labels=[0, 1, 2])
    assert recalls[2] == 0
    assert found["macro_recall"] == pytest.approx(recalls.mean())


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_leaves_undefined_what_needs_the_other(label: int):
    found = summary(binary([label] * 3, [0.2, 0.5, 0.8]), [0.5])
    assert found["accuracy"] == pytest.approx([1 / 3, 2 / 3][label])
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["recall"]) == np.isnan(found["average_precision"]) == (label == 0)


def test_without_rows_every_number_is_undefined():
    assert np.isnan(list(summary(binary([], []), [0.5]).values())).all()


def test_constant_scores_rank_nothing():
    found = summary(binary([0, 0, 0, 1], [0.5] * 4), [0.5])
    assert (found["recall"], found["precision"]) == (1, 0.25)
    assert (found["average_precision"], found["roc_auc"]) == (0.25, 0.5)


def test_one_threshold_a_column_is_wanted():
    with pytest.raises(CutoffError, match="`thresholds`"):
        summary(a_multiclass(0), [0.5])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_decided_counts_are_each_class_against_the_rest(seed: int, classes: int):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(0, classes, (2, 40))
    matrix = sklearn.confusion_matrix(y_true, y_pred, labels=range(classes))
    counts = decided_counts(matrix)
    one_against_rest = sklearn.multilabel_confusion_matrix(y_true, y_pred, labels=range(classes))
    np.testing.assert_array_equal(confusion(counts), one_against_rest)
    assert np.isnan(counts.thresholds).all()


def a_multilabel(seed: int, labels: int = 5, n: int = 150) -> Scores:
    """Rows with none, one or several of the labels, and scores that tie now and then."""
    rng = np.random.default_rng(seed)
    y_true = (rng.random((n, labels)) < rng.uniform(0.1, 0.7, labels)).astype(np.int64)
    y_score = np.clip(0.25 + 0.4 * y_true + 0.25 * rng.normal(size=y_true.shape), 0, 1).round(2)
    return Scores(y_true, y_score, "multilabel", tuple("abcdefgh"[:labels]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thresholds", [(0.5,) * 5, (0.1, 0.3, 0.5, 0.7, 0.9)])
def test_multilabel_equals_scikit_learn(seed: int, thresholds: tuple[float, ...]):
    scores = a_multilabel(seed)
    found, y_true = summary(scores, thresholds), scores.y_true
    y_pred = (scores.y_score >= np.array(thresholds)).astype(int)
    assert found["subset"] == pytest.approx(sklearn.accuracy_score(y_true, y_pred))
    assert found["hamming"] == pytest.approx(sklearn.hamming_loss(y_true, y_pred))
    assert found["micro_f1"] == pytest.approx(sklearn.f1_score(y_true, y_pred, average="micro"))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(y_true, y_pred, average="macro", zero_division=np.nan))
    assert found["macro_average_precision"] == pytest.approx(
        sklearn.average_precision_score(y_true, scores.y_score, average="macro")
    )
    assert found["macro_roc_auc"] == pytest.approx(sklearn.roc_auc_score(y_true, scores.y_score, average="macro"))


@pytest.mark.parametrize("seed", range(3))
def test_default_accuracy_is_the_share_of_right_default_decisions(seed: int):
    rng = np.random.default_rng(seed)
    y_true, y_score = rng.integers(0, 2, 99), rng.random(99).round(1)
    assert default_accuracy(binary(y_true, y_score)) == pytest.approx(sklearn.accuracy_score(y_true, y_score >= 0.5))
    scores = a_multiclass(seed)
    expected = sklearn.accuracy_score(scores.y_true, scores.y_score.argmax(1))
    assert default_accuracy(scores) == pytest.approx(expected)
    scores = a_multilabel(seed)
    expected = 1 - sklearn.hamming_loss(scores.y_true, (scores.y_score >= 0.5).astype(int))
    assert default_accuracy(scores) == pytest.approx(expected)


def test_default_accuracy_without_rows_is_undefined():
    assert np.isnan(default_accuracy(binary(np.empty(0, int), np.empty(0))))


def test_rows_without_a_yes_and_with_several_are_counted():
    y_score = np.array([[0.2, 0.3, 0.4], [0.79, 0.80, 0.81], [0.5, 0.1, 0.1], [0.6, 0.6, 0.0]])
    scores = Scores(np.zeros((4, 3), int), y_score, "multilabel", ("a", "b", "c"))
    assert predicted_per_row(scores, 0.5) == (1, 2)
    assert predicted_per_row(scores, (0.9, 0.9, 0.9)) == (4, 0)
    assert predicted_per_row(scores, (0.7, 0.1, 0.9)) == (0, 1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_models_of_the_same_rows_are_each_as_alone(task: str):
    rng = np.random.default_rng(1)
    columns = {"binary": 1, "multiclass": 4, "multilabel": 3}[task]
    y_true = rng.integers(0, 4, 60) if task == "multiclass" else rng.integers(0, 2, (60, columns))
    y_true = y_true[:, 0] if task == "binary" else y_true
    names = ("no", "yes") if task == "binary" else tuple("abcd"[:columns])
    models = [Scores(y_true, rng.random((60, columns)).astype(np.float32), task, names) for _ in range(5)]
    together = summaries(models[0], np.stack([model.y_score for model in models]), [0.5] * columns)
    for at, model in enumerate(models):
        assert summary(model, [0.5] * columns) == {name: values[at] for name, values in together.items()}


# --- the totals of decisions about labels


def by_scikit_learn(y_true: np.ndarray, called: np.ndarray) -> dict[str, float]:
    functions = {"precision": sklearn.precision_score, "recall": sklearn.recall_score, "f1": sklearn.f1_score}
    averaged = {
        f"{average}_{name}": function(y_true, called, average=average, zero_division=np.nan)
        for average in ("micro", "macro", "weighted", "samples")
        for name, function in functions.items()
    }
    return averaged | {
        "hamming": sklearn.hamming_loss(y_true, called),
        "subset": sklearn.accuracy_score(y_true, called),
    }


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 5), st.floats(0, 1), st.floats(0, 1))
def test_label_totals_equal_scikit_learn(seed: int, n: int, labels: int, share: float, called_share: float):
    rng = np.random.default_rng(seed)
    y_true, called = rng.random((n, labels)) < share, rng.random((n, labels)) < called_share
    totals = label_totals(y_true.astype(np.int64), called)
    expected = by_scikit_learn(y_true, called)
    for name, defined in (("precision", called), ("recall", y_true), ("f1", y_true | called)):
        if not y_true[:, defined.any(0)].any():
            expected[f"weighted_{name}"] = np.nan  # no label weighs anything; scikit-learn then weighs all alike
    assert {name: totals[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert totals["cardinality_true"] == pytest.approx(y_true.sum(1).mean())
    assert totals["cardinality"] == pytest.approx(called.sum(1).mean())
    assert (totals["without"], totals["several"]) == (np.sum(called.sum(1) == 0), np.sum(called.sum(1) > 1))


def test_label_totals_leave_undefined_f1s_out_where_scikit_learn_counts_zeros():
    y_true, called = np.array([[1, 0], [0, 0]]), np.array([[True, False], [False, False]])
    totals = label_totals(y_true, called)
    assert (totals["macro_f1"], totals["samples_f1"]) == (
        1,
        1,
    )  # what has nothing to find is left out
    assert sklearn.f1_score(y_true, called, average="macro", zero_division=0) == 0.5
    assert sklearn.f1_score(y_true, called, average="samples", zero_division=0) == 0.5


def test_label_totals_agree_with_the_summary():
    scores = a_multilabel(3)
    found = summary(scores, [0.4] * 5)
    totals = label_totals(scores.y_true, scores.y_score >= 0.4)
    shared = totals.keys() & found.keys()
    assert shared == {"subset", "hamming", "micro_f1", "macro_precision", "macro_recall", "macro_f1"}
    assert {name: totals[name] for name in shared} == {name: found[name] for name in shared}
    assert (totals["without"], totals["several"]) == predicted_per_row(scores, 0.4)


def test_label_totals_without_rows_are_undefined():
    totals = label_totals(np.empty((0, 3)), np.empty((0, 3), bool))
    assert (totals.pop("without"), totals.pop("several")) == (0, 0)
    assert np.isnan(list(totals.values())).all()


def test_label_totals_want_one_shape():
    with pytest.raises(CutoffError, match="one shape"):
        label_totals(np.zeros((2, 3)), np.zeros((3, 2), bool))


@pytest.mark.parametrize("rule", DECISIONS)
def test_the_summary_follows_the_rule(rule: str):
    scores, thresholds = a_multiclass(5), [0.7, 0.4, 0.6, 0.5]
    found = summary(scores, thresholds, DECISIONS[rule])
    called = DECISIONS[rule](scores.y_score, thresholds)
    totals = class_totals(confusion_matrix(scores.y_true, called, 4, no_class=True))
    assert found["accuracy"] == totals["accuracy"] == pytest.approx(sklearn.accuracy_score(scores.y_true, called))
    for name in ("precision", "recall", "f1"):
        assert found[f"macro_{name}"] == totals[name]
    assert (totals["without"] > 0) == (rule == "masked")


# --- weights


def a_binary(seed: int) -> Scores:
    rng = np.random.default_rng(seed)
    y_true = (rng.random(150) < 0.3).astype(int)
    return binary(y_true, np.clip(0.3 * y_true + rng.random(150).round(2), 0, 1))


TASKS = pytest.mark.parametrize("scores", [a_binary(0), a_multiclass(1), a_multilabel(2)], ids=lambda one: one.task)


def repeated(scores: Scores, weight: np.ndarray) -> Scores:
    y_true, y_score = (np.repeat(rows, weight, axis=0) for rows in (scores.y_true, scores.y_score))
    return Scores(y_true, y_score, scores.task, scores.class_names)


@TASKS
def test_whole_weights_are_rows_repeated(scores: Scores):
    weight = np.random.default_rng(3).integers(0, 4, scores.n_rows)
    thresholds = np.linspace(0.4, 0.6, scores.n_columns)
    again = repeated(scores, weight)
    weighted = summary(scores, thresholds, sample_weight=weight)
    assert weighted == pytest.approx(summary(again, thresholds), rel=1e-12)
    assert weighted != summary(scores, thresholds)
    assert default_accuracy(scores, weight) == pytest.approx(default_accuracy(again), rel=1e-12)
    assert predicted_per_row(scores, thresholds, weight) == predicted_per_row(again, thresholds)


@TASKS
def test_weights_of_one_are_no_weights(scores: Scores):
    thresholds, one = np.full(scores.n_columns, 0.5), np.ones(scores.n_rows)
    assert summary(scores, thresholds, sample_weight=one) == pytest.approx(summary(scores, thresholds), rel=1e-12)


def test_weighted_totals_of_labels_are_those_of_scikit_learn():
    scores, weight = a_multilabel(0), np.random.default_rng(1).exponential(size=150)
    predicted = scores.y_score >= 0.5
    found = label_totals(scores.y_true, predicted, weight)
    for name in ("micro", "macro", "weighted"):
        theirs = sklearn.f1_score(scores.y_true, predicted, average=name, sample_weight=weight)
        assert found[f"{name}_f1"] == pytest.approx(theirs)
    some = (scores.y_true.sum(1) + predicted.sum(1)) > 0  # scikit-learn counts rows with neither as 0
    theirs = sklearn.f1_score(scores.y_true[some], predicted[some], average="samples", sample_weight=weight[some])
    assert found["samples_f1"] == pytest.approx(theirs)
    assert found["hamming"] == pytest.approx(sklearn.hamming_loss(scores.y_true, predicted, sample_weight=weight))
    assert found["subset"] == pytest.approx(sklearn.accuracy_score(scores.y_true, predicted, sample_weight=weight))
    assert found["cardinality"] == pytest.approx(np.average(predicted.sum(1), weights=weight))
    assert found["without"] == pytest.approx(weight[predicted.sum(1) == 0].sum())
    assert found["several"] == pytest.approx(weight[predicted.sum(1) > 1].sum())


def test_weighted_totals_of_classes_are_those_of_scikit_learn():
    scores, weight = a_multiclass(0), np.random.default_rng(1).exponential(size=200)
    predicted = scores.y_score.argmax(1)
    matrix = confusion_matrix(scores.y_true, predicted, 4, sample_weight=weight)
    found = class_totals(matrix)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(scores.y_true, predicted, sample_weight=weight))
    theirs = sklearn.precision_recall_fscore_support(scores.y_true, predicted, average="macro", sample_weight=weight)
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(theirs[:3])


def test_weighted_changes_sum_the_weights_of_the_rows_that_change():
    found = changes([0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 0], [0.5, 2.0, 4.0, 8.0])
    assert found == (10.5, 10.0, 0.5)
