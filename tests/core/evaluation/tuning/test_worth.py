"""Regret, the bootstrap of the tuning step, and how much tuning flatters on a known population."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.tuning import (
    PREVALENCE,
    RULES,
    bind,
    bootstrap,
    candidates,
    population_best,
    population_counts,
    regret,
    simulate,
)
from core.evaluation.tuning.worth import affordable, resampled
from tests.support.scored_rows import rows

every_rule = pytest.mark.parametrize("name", RULES)
some = settings(max_examples=20)  # of each rule


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of n rows of the population of `simulate`."""
    generator = np.random.default_rng(seed)
    q = generator.beta(0.5, 6, n)
    return generator.random(n) < q, q


def true_f1(threshold: float) -> float:
    return float(RULES["f1"].function(population_counts([threshold])).value[0])


# --- regret


@every_rule
@some
@given(data=rows(weighted=False), threshold=st.floats(-100, 100))
def test_no_threshold_that_keeps_the_constraint_beats_the_best(name, data, threshold):
    rule, counts = bind(name), candidates(ScoreIndex.of(data.y_true, data.y_score))
    found = regret(rule, threshold, counts)
    if found.kept and not np.isnan(found.loss):
        assert found.loss >= -1e-12


@every_rule
@some
@given(data=rows(weighted=False))
def test_the_rules_own_choice_has_no_regret_on_its_own_rows(name, data):
    rule, counts = bind(name), candidates(ScoreIndex.of(data.y_true, data.y_score))
    choice = rule(counts)
    found = regret(rule, choice.threshold, counts)
    np.testing.assert_array_equal(found.value, choice.value)
    if name not in ("fixed", "half_f1") and not np.isnan(choice.value):
        assert (found.loss, found.best_threshold, found.kept) == (0, choice.threshold, choice.feasible)


def test_regret_is_what_other_rows_show():
    tuned = RULES["f1"](candidates(ScoreIndex.of(*sample(200, 0))))
    y, q = sample(5000, 1)
    found = regret(bind("f1"), tuned.threshold, candidates(ScoreIndex.of(y, q)))
    counts = ScoreIndex.of(y, q).counts(tuned.threshold)
    assert found.value == 2 * counts.tp / (2 * counts.tp + counts.fp + counts.fn)
    assert found.best == RULES["f1"](candidates(ScoreIndex.of(y, q))).value
    assert found.loss == found.best - found.value > 0


def test_a_threshold_that_breaks_the_constraint_says_so():
    counts = candidates(ScoreIndex.of([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6]))
    found = regret(bind("precision", least=0.9), 0.7, counts)
    assert not found.kept
    assert found.loss == -0.5  # it finds both positives, but at a precision of 2/3


def test_regret_of_less_is_better():
    counts = candidates(ScoreIndex.of([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6]))
    assert regret(bind("prevalence"), 0.9, counts).loss == 0.25


# --- bootstrap


@every_rule
@some
@given(data=rows(weighted=False), seed=st.integers(0, 2**32))
def test_a_resample_counts_as_its_rows_written_out(name, data, seed):
    rule, counts = bind(name), candidates(ScoreIndex.of(data.y_true, data.y_score))
    order = np.argsort(-data.y_score, kind="stable")
    y, score = data.y_true[order], data.y_score[order]
    times = np.random.default_rng(seed).integers(0, 3, (2, y.size))
    found = rule.pick(resampled(counts, times[:, y == 1], times[:, y == 0]))
    for b in range(2):
        alone = rule(candidates(ScoreIndex.of(np.repeat(y, times[b]), np.repeat(score, times[b]))))
        assert found.threshold[b] == alone.threshold
        assert found.feasible[b] == alone.feasible
        np.testing.assert_array_equal(found.value[b], alone.value)


def test_bootstrap_is_the_same_for_the_same_seed_whatever_is_drawn_at_once(monkeypatch):
    y, q = sample(500, 0)
    first, second, other = (bootstrap(bind("f1"), y, q, 50, seed) for seed in (1, 1, 2))
    monkeypatch.setattr("core.evaluation.tuning.worth.AT_ONCE", 1500)
    in_blocks = bootstrap(bind("f1"), y, q, 50, 1)
    for same in (second, in_blocks):
        np.testing.assert_array_equal(first.thresholds, same.thresholds)
        assert (first.out_of_bag, first.interval) == (same.out_of_bag, same.interval)
    assert not np.array_equal(first.thresholds, other.thresholds)


def test_rules_with_one_best_threshold_share_their_resamples():
    y, q = sample(400, 0)
    one, other = (bootstrap(bind(name), y, q, 200) for name in ("youden", "balanced_accuracy"))
    np.testing.assert_array_equal(one.thresholds, other.thresholds)
    np.testing.assert_allclose(one.tuned, 2 * other.tuned - 1)
    np.testing.assert_allclose(one.out_of_bag, 2 * other.out_of_bag - 1)


def test_bootstrap_of_a_fixed_threshold_moves_nothing_and_flatters_nothing():
    y, q = sample(2000, 0)
    found = bootstrap(bind("fixed", threshold=0.2), y, q)
    assert found.threshold_interval == (0.2, 0.2)
    assert found.tuned.mean() == pytest.approx(found.choice.value, abs=0.005)
    assert found.choice.value - found.out_of_bag == pytest.approx(0, abs=0.005)


def test_out_of_bag_value_is_that_of_resamples_written_out():
    y, q = sample(300, 3)
    draw, sums = np.random.default_rng(0), np.zeros(3)
    positives, negatives = np.flatnonzero(y), np.flatnonzero(~y)
    for _ in range(1000):
        bag = np.concatenate([draw.choice(side, side.size) for side in (positives, negatives)])
        t = RULES["f1"](candidates(ScoreIndex.of(y[bag], q[bag]))).threshold
        out = np.delete(np.arange(300), bag)
        called = q[out] >= t
        sums += (called & y[out]).sum(), called.sum(), y[out].sum()
    found = bootstrap(bind("f1"), y, q, 4000)
    assert found.out_of_bag == pytest.approx(2 * sums[0] / (sums[1] + sums[2]), abs=0.01)


def test_the_interval_holds_the_truth_more_often_than_that_of_the_flattered_values():
    held, flattered, thresholds = [], [], []
    for seed in range(60):
        y, q = sample(200, seed)
        found = bootstrap(bind("f1"), y, q, 100)
        truth = true_f1(found.choice.threshold)
        held.append(found.interval[0] <= truth <= found.interval[1])
        flattered.append(found.tuned_interval[0] <= truth <= found.tuned_interval[1])
        thresholds.append(found.threshold_interval[0] <= 0.1779 <= found.threshold_interval[1])
    assert np.mean(held) > 0.75  # .87 in many more samples, at level .9
    assert np.mean(flattered) < 0.65  # .53
    assert np.mean(thresholds) > 0.7  # .84


def test_out_of_bag_takes_most_of_the_flattery_away():
    found = []
    for seed in range(40):
        y, q = sample(200, seed)
        boot = bootstrap(bind("f1"), y, q, 100)
        found.append((boot.choice.value, boot.out_of_bag, true_f1(boot.choice.threshold)))
    tuned, out_of_bag, truth = np.mean(found, axis=0)
    assert tuned - truth > 0.07
    assert abs(out_of_bag - truth) < 0.03


def test_a_constraint_that_is_met_in_some_resamples_only_says_in_how_many():
    y, q = sample(300, 0)
    counts = candidates(ScoreIndex.of(y, q))
    reachable = np.nanmax(counts.tp[1:] / (counts.tp + counts.fp)[1:])
    found = bootstrap(bind("precision", least=round(float(reachable), 2)), y, q, 200)
    assert 0 < found.feasible.mean() < 1


def test_intervals_end_at_infinity_where_no_row_is_often_the_best():
    y, q = sample(300, 0)
    found = bootstrap(bind("accuracy"), y, q / 4, 200)
    assert found.threshold_interval[1] == np.inf


@every_rule
@some
@given(data=rows(weighted=False))
def test_no_interval_passes_the_ends_of_what_the_rule_reports(name, data):
    rule = bind(name)
    found = bootstrap(rule, data.y_true, data.y_score, 30)
    known = [value for value in (found.choice.value, *found.tuned, *found.interval) if not np.isnan(value)]
    low, high = rule.range
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in known)


def test_an_interval_that_would_pass_the_end_stops_there():
    rng = np.random.default_rng(0)
    y = np.arange(40) < 20
    found = bootstrap(bind("f1"), y, y + rng.normal(0, 0.6, 40))
    low, high = found.tuned_interval
    shift = (1 - low) / 2  # up to which the upper end is cut off
    moved = replace(found, out_of_bag=float(found.tuned.mean()) + shift)
    assert high + shift > 1
    assert moved.interval == (pytest.approx(low + shift), 1)


def test_payoffs_lie_between_what_every_row_may_cost_and_bring():
    assert bind("cost", cost_fp=1, cost_fn=5).range == (-5, 0)
    assert bind("cost", benefit_tp=3, cost_fp=0, cost_fn=0, benefit_tn=4).range == (0, 4)


@pytest.mark.parametrize(
    ("rows", "resamples"), [(0, 1000), (10_000, 1000), (20_000, 1000), (100_000, 200), (10**7, 100)]
)
def test_very_many_rows_are_resampled_less_often(rows, resamples):
    assert affordable(rows) == resamples


def test_without_a_number_resamples_are_as_many_as_affordable(monkeypatch):
    monkeypatch.setattr("core.evaluation.tuning.worth.WORK", 150 * 400)
    assert len(bootstrap(bind("f1"), *sample(400, 0)).thresholds) == 150


@every_rule
@pytest.mark.parametrize("y_true", [[], [0], [1], [0, 0, 0], [1, 1, 1], [0, 1], [0, 1, 1, 0]])
@pytest.mark.parametrize("constant", [False, True])
def test_bootstrap_and_regret_bear_one_class_constant_scores_two_rows_and_none(name, y_true, constant):
    y_score = np.full(len(y_true), 0.5) if constant else np.arange(len(y_true)) / 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(bind(name), y_true, y_score, 20)
        regret(bind(name), found.choice.threshold, candidates(ScoreIndex.of(y_true, y_score)))
        assert len(found.interval) == len(found.tuned_interval) == 2
        assert found.thresholds.shape == found.tuned.shape == found.feasible.shape == (20,)
        assert not np.isnan(found.threshold_interval).any()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"resamples": 0}, "`resamples` to be at least 1, but got 0"),
        ({"level": 1.0}, "`level` to be above 0 and below 1, but got 1.0"),
        ({"level": np.nan}, "`level` to be above 0 and below 1, but got nan"),
    ],
)
def test_bad_arguments_of_the_bootstrap_are_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(CutoffError, match=f"^Expected {sentence}\\.$"):
        bootstrap(bind("f1"), [0, 1], [0.1, 0.2], **arguments)


# --- the population, and tuning on samples of it


def test_the_population_is_that_of_the_facts():
    pi, grid = PREVALENCE, np.linspace(1, 0, 100_001)
    counts = population_counts(grid)
    best = population_best()
    assert best == RULES["f1"](counts)
    assert pi == pytest.approx(1 / 13)
    np.testing.assert_allclose(counts.tp + counts.fn, pi, rtol=1e-12)
    np.testing.assert_allclose(counts.total, 1, rtol=1e-12)
    assert best.value == pytest.approx(0.3557, abs=1e-4)  # .355 as reported
    assert best.threshold == pytest.approx(0.1779, abs=1e-4)  # .177
    np.testing.assert_allclose(best.threshold, best.value / 2, atol=1e-5)


def test_population_counts_are_those_of_many_rows():
    y, q = sample(1_000_000, 0)
    t = np.array([0.0, 0.01, 0.1779, 0.5, 0.9, 1.0])
    many, known = ScoreIndex.of(y, q).counts(t), population_counts(t)
    for field in ("tp", "fp", "fn", "tn"):
        np.testing.assert_allclose(getattr(many, field) / y.size, getattr(known, field), atol=1e-3)
        assert (getattr(known, field) > -1e-12).all()


# The table came without the number of its samples, and with no more of its population than pi, F* and t*: .007 is less
# than two standard errors of three hundred samples of 200 rows.
@pytest.mark.parametrize(
    ("n", "repeats", "in_sample", "true", "threshold", "deviation"),
    [
        (50, 8000, 0.502, 0.295, 0.213, 0.122),
        (200, 4000, 0.430, 0.328, 0.199, 0.071),
        (2000, 500, 0.375, 0.348, 0.186, 0.034),
    ],
)
def test_tuning_flatters_as_the_table_says(n, repeats, in_sample, true, threshold, deviation):
    found = simulate(n, repeats, seed=0)
    assert found.in_sample.mean() == pytest.approx(in_sample, abs=0.007)
    assert found.true.mean() == pytest.approx(true, abs=0.004)
    assert found.thresholds.mean() == pytest.approx(threshold, abs=0.007)
    assert found.thresholds.std() == pytest.approx(deviation, abs=0.005)


def test_simulated_samples_are_tuned_by_the_rule_itself():
    found = simulate(40, 200, seed=3)
    assert found.thresholds.shape == found.in_sample.shape == found.true.shape == (200 - found.left_out,)
    assert found.left_out > 0  # about 4% have no positive row
    assert (found.true <= 0.3558).all()
    np.testing.assert_allclose(found.true[:5], [true_f1(t) for t in found.thresholds[:5]])
    again = simulate(40, 200, seed=3)
    np.testing.assert_array_equal(found.thresholds, again.thresholds)


def test_a_single_row_is_tuned_on_if_it_is_positive():
    found = simulate(1, 100)
    assert (found.in_sample == 1).all()
    assert found.left_out > 80


@pytest.mark.parametrize(("n", "repeats"), [(0, 1), (1, 0), (10**6, 100)])
def test_simulations_that_are_empty_or_too_large_are_refused(n, repeats):
    with pytest.raises(CutoffError, match=r"^Expected `n` and `repeats` to be at least 1 and together at most"):
        simulate(n, repeats)
