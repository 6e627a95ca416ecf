"""Runs compared on the same rows: values as in scikit-learn, resamples as in a plain loop, intervals that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm
from sklearn import metrics as sklearn

from core.errors import CutoffError
from core.evaluation import METRICS, Rankings, ScoreIndex
from core.evaluation.bootstrap import AT_ONCE, expanded_level
from core.evaluation.calibration import calibration_error
from core.evaluation.comparison import compare, measures, numbers
from tests.support.scored_rows import Rows, rows

MEASURED = sorted(measures())


def two_models(n: int = 400, seed: int = 0, decimals: int = 2) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels (N,) and float32 scores of two models of different skill, with ties."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    shared = rng.normal(size=n)
    scores = [expit(1.5 * y + shared + rng.normal(size=n)), expit(1.0 * y + shared + rng.normal(size=n) - 0.5)]
    return y, [np.round(score, decimals).astype(np.float32) for score in scores]


def plain_value(measure: str, y: np.ndarray, score: np.ndarray, threshold: float) -> float:
    """What a measure is on rows as they are, without any of core.evaluation.comparison."""
    if measure in METRICS:
        return float(METRICS[measure](ScoreIndex.of(y, score).counts(threshold)))
    oracles: dict[str, Callable[..., float]] = {
        "average_precision": sklearn.average_precision_score,
        "roc_auc": sklearn.roc_auc_score,
        "brier": lambda true, p: sklearn.brier_score_loss(true, p.astype(float)),
        "log_loss": lambda true, p: sklearn.log_loss(true, np.clip(p.astype(float), 1e-15, 1 - 1e-15)),
    }
    return float(oracles[measure](y, score))


# --- values and resamples


@pytest.mark.parametrize("measure", MEASURED)
def test_values_and_resamples_are_those_of_a_plain_loop_over_the_drawn_rows(measure: str):
    y, scores = two_models(150)
    thresholds = [0.6, 0.35]
    found = compare(measure, y, scores, thresholds, resamples=12, seed=7)
    draw = np.random.default_rng(7)
    for at in range(12):
        drawn = draw.choice(150, 150)
        for run, (score, t) in enumerate(zip(scores, thresholds, strict=True)):
            wanted = plain_value(measure, y[drawn], score[drawn], t)
            if measure in METRICS:
                assert found.resampled[run, at] == wanted
            else:
                np.testing.assert_allclose(found.resampled[run, at], wanted, rtol=1e-12)
    for run, (score, t) in enumerate(zip(scores, thresholds, strict=True)):
        np.testing.assert_allclose(found.values[run], plain_value(measure, y, score, t), rtol=1e-12)


@given(rows(both_classes=True, weighted=False), st.sampled_from([0.3, 0.5, 0.7, 2.0]))
@settings(max_examples=60)
def test_values_agree_with_the_page_whatever_the_scores(given_rows: Rows, threshold: float):
    y, score = given_rows.y_true == 1, given_rows.y_score
    index, ranked = ScoreIndex.of(y, score), Rankings.of(y, score[None])
    for name in METRICS:
        wanted = METRICS[name](index.counts(threshold))
        np.testing.assert_equal(compare(name, y, [score], [threshold], resamples=1).values[0], wanted)
    for name, (wanted,) in (("average_precision", ranked.average_precisions()), ("roc_auc", ranked.roc_aucs())):
        np.testing.assert_allclose(compare(name, y, [score], [threshold], resamples=1).values[0], wanted, rtol=1e-12)


def test_resamples_in_several_blocks_are_those_of_one():
    y, scores = two_models(3000)
    many = compare("f1", y, scores, [0.5, 0.5], resamples=AT_ONCE // len(y) * 2)
    few = compare("f1", y, scores, [0.5, 0.5], resamples=7)
    np.testing.assert_array_equal(many.resampled[:, :7], few.resampled)


def test_every_measure_and_any_number_of_runs_draws_the_same_rows():
    y, (first, second) = two_models()
    pair = compare("accuracy", y, [first, second], [0.5, 0.5], resamples=20)
    alone = compare("accuracy", y, [second], [0.5], resamples=20)
    np.testing.assert_array_equal(pair.resampled[1], alone.resampled[0])
    doubled = compare("cost", y, [second], [0.5], (("cost_fp", 1.0), ("cost_fn", 1.0)), resamples=20)
    np.testing.assert_allclose(doubled.resampled, 1 - alone.resampled, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURED)
def test_whole_weights_are_rows_repeated_and_resamples_multiply_weights(measure: str):
    y, scores = two_models(120)
    weight = np.random.default_rng(1).integers(0, 4, 120)
    times = np.repeat(np.arange(120), weight)
    found = compare(measure, y, scores, [0.6, 0.35], resamples=8, seed=3, sample_weight=weight)
    repeated = compare(measure, y[times], [score[times] for score in scores], [0.6, 0.35], resamples=1)
    np.testing.assert_allclose(found.values, repeated.values, rtol=1e-12)
    kept, draw = np.flatnonzero(weight), np.random.default_rng(3)
    for at in range(8):
        drawn = kept[draw.choice(kept.size, kept.size)]
        drawn = np.repeat(drawn, weight[drawn])
        for run, (score, t) in enumerate(zip(scores, [0.6, 0.35], strict=True)):
            wanted = plain_value(measure, y[drawn], score[drawn], t)
            np.testing.assert_allclose(found.resampled[run, at], wanted, rtol=1e-12)


def test_weighted_numbers_are_scikit_learns():
    y, scores = two_models()
    weight = np.random.default_rng(1).exponential(size=len(y))
    found = numbers(y, scores, [0.55, 0.4], cost_fp=2, cost_fn=7, sample_weight=weight)
    for run, (score, t) in enumerate(zip(scores, [0.55, 0.4], strict=True)):
        called = score >= np.float32(t)
        _, fp, fn, tp = sklearn.confusion_matrix(y, called, sample_weight=weight).ravel()
        wanted = {
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": sklearn.f1_score(y, called, sample_weight=weight),
            "cost": (2 * fp + 7 * fn) / weight.sum(),
            "average_precision": sklearn.average_precision_score(y, score, sample_weight=weight),
            "roc_auc": sklearn.roc_auc_score(y, score, sample_weight=weight),
            "brier": sklearn.brier_score_loss(y, score.astype(float), sample_weight=weight),
            "log_loss": sklearn.log_loss(y, np.clip(score.astype(float), 1e-15, 1 - 1e-15), sample_weight=weight),
        }
        for label, value in wanted.items():
            np.testing.assert_allclose(found[label][run], value, rtol=1e-7, err_msg=label)


def test_weighted_ece_of_whole_weights_is_that_of_rows_repeated():
    y, (score, _) = two_models()
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    found = numbers(y, [score], [0.5], 1, 5, sample_weight=weight)
    times = np.repeat(np.arange(len(y)), weight)
    np.testing.assert_allclose(found["ece"], numbers(y[times], [score[times]], [0.5], 1, 5)["ece"], rtol=1e-12)


def test_stratified_resamples_hold_the_prevalence():
    y, scores = two_models()
    always = [np.ones(len(y)), scores[0]]  # predicts all positive: its precision is the prevalence
    free, held = (compare("precision", y, always, [0.5, 0.5], resamples=50, stratified=s) for s in (False, True))
    assert np.ptp(held.resampled[0]) == 0
    assert np.ptp(free.resampled[0]) > 0


# --- differences


@pytest.mark.parametrize("measure", MEASURED)
def test_equal_runs_differ_by_exactly_nothing(measure: str):
    y, (score, _) = two_models()
    found = compare(measure, y, [score] * 6, [0.5] * 6, resamples=50)
    np.testing.assert_array_equal(found.differences, np.zeros(6))
    np.testing.assert_array_equal(found.intervals, np.zeros((6, 2)))
    np.testing.assert_array_equal(found.better, np.zeros(6))
    assert not found.told_apart.any()


@pytest.mark.parametrize("measure", MEASURED)
def test_a_less_b_is_minus_b_less_a(measure: str):
    y, (first, second) = two_models()
    one = compare(measure, y, [first, second], [0.6, 0.4], resamples=200)
    other = compare(measure, y, [second, first], [0.4, 0.6], resamples=200)
    np.testing.assert_array_equal(one.differences, -other.differences)
    np.testing.assert_array_equal(one.intervals[1], -other.intervals[1][::-1])
    equal = np.mean(one.resampled[0] == one.resampled[1])
    assert one.better[1] + other.better[1] + equal == pytest.approx(1)


def test_better_follows_the_direction_of_the_measure():
    y, (good, _) = two_models(decimals=7)
    noise = np.random.default_rng(1).random(len(y)).astype(np.float32)
    for measure in ("roc_auc", "average_precision", "brier", "log_loss", "f1", "cost"):
        found = compare(measure, y, [noise, good], [0.5, 0.5], resamples=200)
        assert found.better[1] > 0.99
        assert found.told_apart[1]
        assert (found.differences[1] > 0) == measures()[measure].higher_is_better


def test_intervals_hold_the_level_and_their_ends_are_differences_of_resamples():
    y, scores = two_models()
    for level in (0.5, 0.8, 0.95):
        found = compare("f1", y, scores, [0.5, 0.5], level=level)
        difference = found.resampled[1] - found.resampled[0]
        low, high = found.intervals[1]
        assert {low, high} <= set(difference.tolist())
        wider = expanded_level(level, np.count_nonzero(y))
        assert np.mean((difference >= low) & (difference <= high)) >= wider - 1e-9
        assert np.mean((difference > low) & (difference < high)) <= wider


def test_the_interval_of_accuracies_is_mcnemars():
    """Of N rows b only one model gets right and c only the other: var = (b + c - (b - c)^2 / N) / N^2."""
    y, scores = two_models(2000, decimals=7)
    right = [(score >= 0.5) == y for score in scores]
    gained = right[1].astype(float) - right[0]
    variance = gained.var() / y.size
    reach = norm.ppf(0.975) * np.sqrt(variance)
    found = compare("accuracy", y, scores, [0.5, 0.5], resamples=4000)
    np.testing.assert_allclose(found.intervals[1], gained.mean() + np.array([-reach, reach]), atol=0.06 * reach)


def test_the_interval_of_areas_is_delongs():
    """DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated ROC curves, 1988."""
    y, scores = two_models(1500, decimals=7)
    placed_positive, placed_negative = [], []
    for score in scores:
        wins = np.sign(score[y][:, None] - score[~y][None]) / 2 + 0.5
        placed_positive.append(wins.mean(1))
        placed_negative.append(wins.mean(0))
    of_positive, of_negative = np.diff(placed_positive, axis=0)[0], np.diff(placed_negative, axis=0)[0]
    variance = of_positive.var(ddof=1) / of_positive.size + of_negative.var(ddof=1) / of_negative.size
    reach = norm.ppf(0.975) * np.sqrt(variance)
    found = compare("roc_auc", y, scores, [0.5, 0.5], resamples=4000)
    np.testing.assert_allclose(found.differences[1], of_positive.mean(), atol=1e-9)
    np.testing.assert_allclose(found.intervals[1], of_positive.mean() + np.array([-reach, reach]), atol=0.06 * reach)


# --- what is shown of each run


def test_the_numbers_are_scikit_learns():
    y, scores = two_models()
    thresholds = [0.55, 0.4]
    found = numbers(y, scores, thresholds, cost_fp=2, cost_fn=7)
    assert list(found) == [
        *("accuracy", "precision", "recall", "f1", "cost"),
        *("average_precision", "roc_auc", "brier", "log_loss", "ece"),
    ]
    for run, (score, t) in enumerate(zip(scores, thresholds, strict=True)):
        called = score >= np.float32(t)
        _, fp, fn, tp = sklearn.confusion_matrix(y, called).ravel()
        wanted = {
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": sklearn.f1_score(y, called),
            "cost": (2 * fp + 7 * fn) / len(y),
            "average_precision": sklearn.average_precision_score(y, score),
            "roc_auc": sklearn.roc_auc_score(y, score),
            "brier": sklearn.brier_score_loss(y, score.astype(float)),
            "ece": calibration_error(y, score),
        }
        for label, value in wanted.items():
            np.testing.assert_allclose(found[label][run], value, rtol=1e-7, err_msg=label)


# --- bad input


@pytest.mark.parametrize(("share", "undefined"), [(0, {"recall", "roc_auc", "average_precision"}), (1, {"roc_auc"})])
def test_one_class_leaves_undefined_what_needs_both(share: int, undefined: set[str]):
    y, scores = np.full(20, share), [np.linspace(0, 1, 20), np.linspace(1, 0, 20)]
    for name in measures():
        found = compare(name, y, scores, [0.5, 0.5], resamples=10)
        if name in undefined:
            assert np.isnan(found.intervals).all()
            assert np.isnan(found.better).all()
            np.testing.assert_array_equal(found.undefined, [10, 10])
    assert np.isfinite(compare("log_loss", y, scores, [0.5, 0.5], resamples=10).intervals).all()


def test_without_rows_everything_is_undefined():
    for name in measures():
        found = compare(name, np.zeros(0), [np.zeros(0)] * 2, [0.5, 0.5], resamples=3)
        assert np.isnan(found.differences).all() or name in METRICS
        assert not found.told_apart.any()
    assert np.isnan(numbers([], [[], []], [0.5, 0.5], 1, 5)["ece"]).all()


def test_resamples_in_which_a_measure_is_undefined_are_left_out_and_counted():
    y, first = np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.2])
    second = np.array([0.1, 0.2, 0.9, 0.2])  # calls a row only where the third one is drawn
    found = compare("precision", y, [np.array([0.1, 0.2, 0.3, 0.9]), second], [0.5, 0.5], resamples=300)
    without_one, without_either = (3 / 4) ** 4, (2 / 4) ** 4
    assert abs(found.undefined[0] / 300 - without_one) < 0.1
    assert abs(found.undefined[1] / 300 - (2 * without_one - without_either)) < 0.1
    np.testing.assert_array_equal(found.intervals[1], [-1, -1])
    assert np.isnan(compare("precision", y, [first], [0.5], resamples=3).values).all()


def test_constant_scores_know_nothing():
    y, (score, _) = two_models()
    found = numbers(y, [score, np.full(len(y), 0.4, np.float32)], [0.5, 0.5], 1, 5)
    assert found["roc_auc"][1] == 0.5
    assert found["average_precision"][1] == pytest.approx(y.mean())
    assert np.isnan(found["precision"][1])


def test_scores_that_are_no_probabilities_have_no_brier_score_and_no_log_loss():
    y, (score, _) = two_models()
    found = numbers(y, [score, 8 * score - 4], [0.5, 0.0], 1, 5)
    for label in ("brier", "log_loss", "ece"):
        np.testing.assert_array_equal(np.isnan(found[label]), [False, True])
    assert found["roc_auc"][0] == pytest.approx(found["roc_auc"][1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measure": "fun"}, "Expected `measure`"),
        ({"resamples": 0}, "Expected `resamples`"),
        ({"level": 1.0}, "Expected `level`"),
        ({"thresholds": [0.5]}, "Expected 2 `thresholds`"),
        ({"y_score": []}, "Expected every `y_score`"),
        ({"y_score": [np.zeros(3), np.zeros(4)]}, "Expected every `y_score`"),
        ({"y_score": [np.zeros(3), np.array([0, np.nan, 1])]}, "finite"),
        ({"y_true": [0, 1, 2]}, "Expected `y_true`"),
        ({"params": (("beta", 2.0),)}, "Expected params of f1"),
    ],
)
def test_bad_arguments_get_a_sentence(change: dict, said: str):
    given_arguments = {
        "measure": "f1",
        "y_true": [0, 1, 1],
        "y_score": [np.zeros(3), np.ones(3)],
        "thresholds": [0.5, 0.5],
        "resamples": 2,
    }
    with pytest.raises(CutoffError, match=said):
        compare(**(given_arguments | change))
