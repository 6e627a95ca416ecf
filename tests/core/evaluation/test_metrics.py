from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.errors import CutoffError
from core.evaluation import METRICS, ScoreIndex, ThresholdCounts
from tests.support.scored_rows import rows

few = settings(max_examples=40)  # of each of eleven metrics
every_metric = pytest.mark.parametrize("name", METRICS)
count = st.integers(0, 40)

# name -> the same by scikit-learn from (y_true, y_pred, sample_weight)
ORACLES = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p, sample_weight=w),
    "balanced_accuracy": lambda y, p, w: sk.balanced_accuracy_score(y, p, sample_weight=w),
    "precision": lambda y, p, w: sk.precision_score(y, p, sample_weight=w, zero_division=np.nan),
    "recall": lambda y, p, w: sk.recall_score(y, p, sample_weight=w, zero_division=np.nan),
    "specificity": lambda y, p, w: sk.recall_score(y, p, pos_label=0, sample_weight=w, zero_division=np.nan),
    "f1": lambda y, p, w: sk.f1_score(y, p, sample_weight=w, zero_division=np.nan),
    "f_beta": lambda y, p, w: sk.fbeta_score(y, p, beta=2, sample_weight=w, zero_division=np.nan),
    "mcc": lambda y, p, w: sk.matthews_corrcoef(y, p, sample_weight=w),
    "youden": lambda y, p, w: sk.balanced_accuracy_score(y, p, sample_weight=w, adjusted=True),
    "jaccard": lambda y, p, w: sk.jaccard_score(y, p, sample_weight=w, zero_division=0),
    "cost": lambda y, p, w: np.average(np.where(y == 1, 5, 1) * (y != p), weights=w),
}


def counts_of(tp: float, fp: float, fn: float, tn: float) -> ThresholdCounts:
    return ThresholdCounts(*(np.asarray(value) for value in (0.5, tp, fp, fn, tn)))


@every_metric
@few
@given(data=rows(), t=st.integers(0, 29))
def test_metrics_equal_scikit_learn_where_they_are_defined(name, data, t):
    threshold = data.y_score[t % data.y_score.size]
    ours = METRICS[name](ScoreIndex.of(*data).counts(threshold))
    if np.isnan(ours):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one class only
        theirs = ORACLES[name](data.y_true, (data.y_score >= threshold).astype(int), data.weight)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@every_metric
@few
@given(tp=count, fp=count, fn=count, tn=count)
def test_metrics_are_in_range_or_undefined_as_documented(name, tp, fp, fn, tn):
    spec, value = METRICS[name], METRICS[name](counts_of(tp, fp, fn, tn))
    one_class = tp + fn == 0 or fp + tn == 0
    undefined = {
        "accuracy": tp + fp + fn + tn == 0,
        "balanced_accuracy": one_class,
        "precision": tp + fp == 0,
        "recall": tp + fn == 0,
        "specificity": fp + tn == 0,
        "f1": tp + fp + fn == 0,
        "f_beta": tp + fp + fn == 0,
        "mcc": one_class or tp + fp == 0 or fn + tn == 0,
        "youden": one_class,
        "jaccard": tp + fp + fn == 0,
        "cost": tp + fp + fn + tn == 0,
    }
    assert np.isnan(value) == undefined[name]
    assert np.isnan(value) or spec.range[0] <= value <= spec.range[1]


@every_metric
@few
@given(positives=count, negatives=count, tp=st.tuples(count, count), fp=st.tuples(count, count))
def test_metrics_improve_with_true_positives_and_fewer_false_ones(name, positives, negatives, tp, fp):
    worse_tp, better_tp = sorted(min(value, positives) for value in tp)
    better_fp, worse_fp = sorted(min(value, negatives) for value in fp)
    worse, better = (
        METRICS[name](counts_of(tp, fp, positives - tp, negatives - fp))
        for tp, fp in ((worse_tp, worse_fp), (better_tp, better_fp))
    )
    gain = better - worse if METRICS[name].higher_is_better else worse - better
    assert np.isnan(gain) or gain >= -1e-15


@every_metric
def test_metrics_know_the_perfect_decision(name):
    spec = METRICS[name]
    assert spec(counts_of(3, 0, 0, 7)) == (spec.range[1] if spec.higher_is_better else spec.range[0])


@every_metric
@pytest.mark.parametrize("y_true", [[0, 0, 0], [1, 1, 1], []])
def test_metrics_bear_one_class_constant_scores_and_no_rows(name, y_true):
    index = ScoreIndex.of(y_true, np.full(len(y_true), 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = METRICS[name](index.counts([[0.0, 0.5, 0.7, np.inf]] * 2))
    assert values.shape == (2, 4)
    assert values.dtype == np.float64


@every_metric
def test_specs_are_complete(name):
    spec = METRICS[name]
    assert spec.name == name
    assert spec.label
    assert spec.formula
    assert spec.help.endswith(".")
    assert any(year in spec.reference for year in map(str, range(1900, 2027)))
    assert all(param.check(param.default) == param.default and param.help for param in spec.params)


@given(count, count, count, count)
def test_identities(tp, fp, fn, tn):
    value = {name: spec(counts_of(tp, fp, fn, tn)) for name, spec in METRICS.items()}
    close = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": True}
    np.testing.assert_allclose(value["f1"], 2 * value["jaccard"] / (1 + value["jaccard"]), **close)
    np.testing.assert_allclose(value["youden"], 2 * value["balanced_accuracy"] - 1, **close)
    np.testing.assert_allclose(value["youden"], value["recall"] + value["specificity"] - 1, **close)
    counts = counts_of(tp, fp, fn, tn)
    np.testing.assert_allclose(METRICS["cost"](counts, cost_fp=1, cost_fn=1), 1 - value["accuracy"], **close)
    np.testing.assert_allclose(METRICS["f_beta"](counts, beta=1), value["f1"], **close)
    if tp:
        harmonic = 2 / (1 / value["precision"] + 1 / value["recall"])
        np.testing.assert_allclose(value["f1"], harmonic, **close)


@pytest.mark.parametrize("prevalence", [0.5, 0.1, 0.01])
def test_calling_everything_positive_gives_f1_of_two_pi_over_one_plus_pi(prevalence):
    everything = counts_of(1000 * prevalence, 1000 * (1 - prevalence), 0, 0)
    np.testing.assert_allclose(METRICS["f1"](everything), 2 * prevalence / (1 + prevalence))
    np.testing.assert_allclose(METRICS["precision"](everything), prevalence)


def test_precision_falls_with_prevalence_at_the_same_rates():
    precision = [METRICS["precision"](counts_of(900 * pi, 50 * (1 - pi), 0, 0)) for pi in (0.5, 0.1, 0.01)]
    np.testing.assert_allclose(precision, [0.947, 0.667, 0.154], atol=5e-4)


def test_mcc_bears_ten_million_rows():
    np.testing.assert_allclose(METRICS["mcc"](counts_of(4_000_000, 1_000_000, 1_000_000, 4_000_000)), 0.6)


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("f_beta", {"beta": 0}, "`beta` to be a number from 0.01 to 100"),
        ("cost", {"cost_fp": -1}, "`cost_fp` to be a number"),
        ("cost", {"cost_fp": np.nan}, "`cost_fp` to be a number"),
        ("f1", {"beta": 2}, r"params of f1 to be among \[\], but got 'beta'"),
    ],
)
def test_bad_params_are_refused_in_one_sentence(name, params, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        METRICS[name](counts_of(1, 1, 1, 1), **params)
