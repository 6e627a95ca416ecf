"""Another prevalence: rows that weigh differently, against scikit-learn's sample_weight, and where theory says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn import metrics as sklearn

from core.errors import CutoffError
from core.evaluation import METRICS, ScoreIndex, metric_curve
from core.evaluation.prevalence import (
    best_thresholds,
    metric_at,
    ppv,
    precision_interval,
    predicted,
    rule_at,
    rule_of,
    same_row,
    shifted,
)
from core.evaluation.tuning import bind, bootstrap, candidates
from core.evaluation.value.payoffs import Payoffs, net_value
from tests.conftest import confusion
from tests.support.scored_rows import rows

SHARES = st.floats(1e-4, 0.99)
AIMS = ("f1", "cost", "accuracy")
PAY = Payoffs(0, 1, 5, 0)


def weights(y: np.ndarray, prevalence: float) -> np.ndarray:
    """A weight for each row, (N,): its class's new share over its old one."""
    old = y.mean()
    return np.where(y == 1, prevalence / old, (1 - prevalence) / (1 - old))


def population(prevalence: float, n: int = 400_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that are true probabilities at prevalence .3, whatever the prevalence of the rows is."""
    generator = np.random.default_rng(seed)
    q = generator.beta(1.2, 2.8, n)
    y = generator.random(n) < q
    odds = prevalence / (1 - prevalence) * (1 - y.mean()) / y.mean()
    kept = generator.random(n) < np.where(y, min(1, odds), min(1, 1 / odds))
    return y[kept], q[kept]


# --- what rows weigh


@pytest.mark.parametrize(("prevalence", "precision"), [(0.5, 0.947), (0.1, 0.667), (0.01, 0.154)])
def test_precision_falls_with_the_prevalence(prevalence, precision):
    assert ppv(0.9, 0.05, prevalence) == pytest.approx(precision, abs=5e-4)


def test_precision_without_any_row_called_is_undefined():
    assert np.isnan(ppv(0, 0, 0.1))


@given(data=rows(weighted=False, both_classes=True), prevalence=SHARES, threshold=st.floats(-3, 3))
def test_shifted_counts_are_those_of_weighted_rows(data, prevalence, threshold):
    counts = shifted(ScoreIndex.of(data.y_true, data.y_score).counts(threshold), prevalence)
    w = weights(data.y_true, prevalence)
    called = data.y_score >= data.y_score.dtype.type(threshold)
    expected = sklearn.confusion_matrix(data.y_true, called, labels=[0, 1], sample_weight=w)
    np.testing.assert_allclose(confusion(counts), expected, atol=1e-9)
    by_index = ScoreIndex.of(data.y_true, data.y_score, w).counts(threshold)
    np.testing.assert_allclose(confusion(counts), confusion(by_index), atol=1e-9)
    assert counts.total == pytest.approx(len(data.y_true))
    assert (counts.tp + counts.fn) / counts.total == pytest.approx(prevalence)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("precision", lambda *a, **k: sklearn.precision_score(*a, zero_division=np.nan, **k)),
        ("recall", sklearn.recall_score),
        ("f1", sklearn.f1_score),
        ("accuracy", sklearn.accuracy_score),
    ],
)
@given(data=rows(weighted=False, both_classes=True), prevalence=SHARES, threshold=st.floats(-3, 3))
def test_metrics_at_another_prevalence_are_scikit_learns_with_weights(name, oracle, data, prevalence, threshold):
    counts = ScoreIndex.of(data.y_true, data.y_score).counts(threshold)
    called = data.y_score >= data.y_score.dtype.type(threshold)
    expected = oracle(data.y_true, called, sample_weight=weights(data.y_true, prevalence))
    np.testing.assert_allclose(metric_at(METRICS[name], prevalence)(counts), expected, atol=1e-9)


@given(data=rows(weighted=False, both_classes=True), threshold=st.floats(-3, 3))
def test_at_the_prevalence_of_the_rows_nothing_moves(data, threshold):
    index = ScoreIndex.of(data.y_true, data.y_score)
    counts = index.counts(threshold)
    for spec in METRICS.values():
        np.testing.assert_allclose(metric_at(spec, index.prevalence)(counts), spec(counts), atol=1e-9)


def test_precision_is_the_formula_of_both_rates_at_any_prevalence():
    index = ScoreIndex.of(*population(0.3, 2_000))
    counts = index.counts(0.4)
    recall, fpr = METRICS["recall"](counts), 1 - METRICS["specificity"](counts)
    prevalences = np.geomspace(1e-4, 0.99, 9)
    np.testing.assert_allclose(METRICS["precision"](shifted(counts, prevalences)), ppv(recall, fpr, prevalences))


def test_rows_of_one_class_say_nothing_about_another_prevalence():
    counts = shifted(ScoreIndex.of([0, 0], [0.1, 0.9]).counts([0.5, 0.2]), 0.1)
    assert np.isnan(confusion(counts)).all()


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, np.nan])
def test_a_prevalence_is_between_0_and_1(prevalence):
    with pytest.raises(CutoffError, match="`prevalence`"):
        shifted(ScoreIndex.of([0, 1], [0.1, 0.9]).counts(0.5), prevalence)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_a_curve_at_another_prevalence_is_as_exact_as_any(name):
    y, q = population(0.3, 5_000)
    index = ScoreIndex.of(y, q)
    curve = metric_curve(index, metric_at(METRICS[name], 0.02))
    weighted = ScoreIndex.of(y, q, weights(y, 0.02))
    np.testing.assert_allclose(curve.y, METRICS[name](weighted.counts(curve.thresholds)), atol=1e-9)
    assert curve.max_error <= 1e-3
    assert curve.tp.dtype.kind == "i"  # the points count the rows that there are


# --- the best threshold


@pytest.mark.parametrize("aim", AIMS)
@given(data=rows(weighted=False, both_classes=True), prevalence=SHARES)
def test_the_tuned_threshold_is_the_best_of_all_on_weighted_rows(aim, data, prevalence):
    counts = candidates(ScoreIndex.of(data.y_true, data.y_score))
    weighted = ScoreIndex.of(data.y_true, data.y_score, weights(data.y_true, prevalence)).counts(counts.thresholds)
    values = net_value(weighted, PAY) if aim == "cost" else METRICS[aim](weighted)
    found = rule_at(rule_of(aim, PAY), prevalence).pick(counts)
    assert values[found.place] == pytest.approx(values.max(), abs=1e-9)
    clearly_better = values > values.max() - 1e-13
    assert found.threshold >= counts.thresholds[clearly_better].max()


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.3, 0.6])
def test_on_calibrated_scores_the_tuned_threshold_is_near_the_predicted_one(aim, prevalence):
    y, q = population(0.3)
    counts = candidates(ScoreIndex.of(y, q))
    rule = rule_at(rule_of(aim, PAY), prevalence)
    best = predicted(aim, PAY, counts, prevalence)
    values = rule.goal(counts).value
    at = rule.goal(ScoreIndex.of(y, q).counts([best])).value[0]
    assert values.max() - at < 0.004
    tuned = rule.pick(counts).threshold
    if tuned <= 1:  # else it is best to call none, as the prediction above every score says too
        assert tuned == pytest.approx(best, abs=0.05)
    else:
        assert best > 0.9


@pytest.mark.parametrize("aim", AIMS)
def test_rows_drawn_at_the_new_prevalence_agree(aim):
    at = 0.05
    counts = candidates(ScoreIndex.of(*population(0.3)))
    fresh = ScoreIndex.of(*population(at, seed=1))
    best = predicted(aim, PAY, counts, at)
    rule = rule_of(aim, PAY)
    short = rule.goal(candidates(fresh)).value.max() - rule.goal(fresh.counts([best])).value[0]
    assert short < 0.004


def test_a_rules_sentence_and_bootstrap_follow_the_prevalence():
    y, q = population(0.3, 1_000)
    rule = rule_at(bind("f1"), 0.05)
    found = bootstrap(rule, y, q, resamples=200)
    assert found.choice.threshold > bind("f1")(candidates(ScoreIndex.of(y, q))).threshold
    low, high = found.threshold_spread
    assert low <= found.choice.threshold <= high
    called = np.count_nonzero(q >= found.choice.threshold)
    assert f"predicts {called:,} of {len(y)} rows" in found.choice.said


def test_best_thresholds_move_up_as_positives_get_rare():
    counts = candidates(ScoreIndex.of(*population(0.3, 20_000)))
    for aim in AIMS:
        found = best_thresholds(aim, PAY, counts, [0.5, 0.2, 0.05])
        assert (np.diff(found.tuned) > 0).all()
        assert (np.diff(found.predicted) > 0).all()


@given(threshold=st.floats(1e-6, 1 - 1e-6), old=SHARES, new=SHARES)
def test_the_same_row_scores_by_the_shift_of_logits(threshold, old, new):
    expected = expit(logit(threshold) - logit(new) + logit(old))
    assert same_row(threshold, old, new) == pytest.approx(expected, rel=1e-6)
    assert same_row(same_row(threshold, old, new), new, old) == pytest.approx(threshold, rel=1e-6)


def test_the_ends_stay_where_they_are():
    np.testing.assert_array_equal(same_row([0, 1, np.nan], 0.1, 0.4), [0, 1, np.nan])


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("y", [[0, 0], [1, 1]])
def test_without_one_of_the_classes_nothing_is_predicted(aim, y):
    assert np.isnan(predicted(aim, PAY, candidates(ScoreIndex.of(y, [0.1, 0.9])), 0.1))


def test_a_prediction_does_not_depend_on_the_unit_of_the_weights():
    y, p, weight = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9]), np.array([3.0, 1, 2, 2])
    found = [predicted("accuracy", PAY, candidates(ScoreIndex.of(y, p, unit * weight)), 0.1) for unit in (1, 1 / 64)]
    assert found[0] == found[1]
    assert 0 < found[0] < 1


def test_without_a_best_threshold_for_costs_none_is_predicted():
    counts = candidates(ScoreIndex.of([0, 1], [0.1, 0.9]))
    assert np.isnan(predicted("cost", Payoffs(0, 0, 0, 0), counts, 0.1))
    with pytest.raises(CutoffError, match="have the same payoff"):
        rule_of("cost", Payoffs(0, 0, 0, 0))


# --- intervals


def test_the_interval_of_precision_holds_it_in_at_least_its_level_of_samples():
    generator = np.random.default_rng(0)
    tpr, fpr, at = 0.8, 0.06, 0.02
    tp, fp = generator.binomial(60, tpr, 4000), generator.binomial(400, fpr, 4000)
    counts = ScoreIndex.of([0, 1], [0.1, 0.9]).counts(np.zeros(4000))
    counts = type(counts)(counts.thresholds, tp, fp, 60 - tp, 400 - fp)
    low, high = precision_interval(counts, at)
    assert np.mean((low <= ppv(tpr, fpr, at)) & (ppv(tpr, fpr, at) <= high)) >= 0.9
    assert (low <= METRICS["precision"](shifted(counts, at))).all()


def test_a_precision_that_is_undefined_has_no_interval():
    assert np.isnan(precision_interval(ScoreIndex.of([0, 1], [0.1, 0.9]).counts(np.inf), 0.1)).all()
