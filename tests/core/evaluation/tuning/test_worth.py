"""Regret, the bootstrap of the tuning step, and how much tuning flatters on a known population."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.bootstrap import RankedRows
from core.evaluation.intervals import wilson
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, RowColumns
from core.evaluation.tuning import (
    PREVALENCE,
    RULES,
    bind,
    bootstrap,
    bootstrap_of,
    candidates,
    population_best,
    population_counts,
    regret,
    simulate,
    tune,
    value_interval,
)
from tests.support.scored_rows import rows

every_rule = pytest.mark.parametrize("name", RULES)
some = settings(max_examples=20)  # of each rule


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of n rows of the population that tuning is simulated on."""
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
    rule, y, score = bind(name), data.y_true == 1, data.y_score
    times = np.random.default_rng(seed).integers(0, 3, (2, y.size))
    found = rule.pick(RankedRows.of(y, score).counts(times))
    for b in range(2):
        alone = rule(candidates(ScoreIndex.of(np.repeat(y, times[b]), np.repeat(score, times[b]))))
        assert found.threshold[b] == alone.threshold
        assert found.feasible[b] == alone.feasible
        np.testing.assert_array_equal(found.value[b], alone.value)


def by_loop(y: np.ndarray, score: np.ndarray, weight: np.ndarray, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """The construction for F1 in a plain loop with numpy's choice and scikit-learn's F1."""

    def tuned(drawn: np.ndarray) -> float:
        """The largest threshold of greatest F1."""
        return max(
            (round(sk.f1_score(y[drawn], score[drawn] >= t, sample_weight=weight[drawn], zero_division=0), 12), t)
            for t in {*score[drawn], np.inf}
        )[1]

    draw = np.random.default_rng(seed)
    drawn = [draw.choice(y.size, y.size) for _ in range(resamples)]
    thresholds = [tuned(rows_drawn) for rows_drawn in drawn]
    values, cells = [], np.zeros(3)
    for b, t in enumerate(thresholds):
        another = drawn[(b + 1) % resamples]
        values.append(sk.f1_score(y[another], score[another] >= t, sample_weight=weight[another], zero_division=0))
        out = np.setdiff1d(np.arange(y.size), drawn[b])
        called = score[out] >= t
        cells += [weight[out][side].sum() for side in (called & y[out], called & ~y[out], ~called & y[out])]
    in_sample = sk.f1_score(y, score >= tuned(np.arange(y.size)), sample_weight=weight)
    out_of_bag = 2 * cells[0] / (2 * cells[0] + cells[1] + cells[2])
    return {
        "thresholds": np.array(thresholds),
        "values": np.array(values),
        "out_of_bag": out_of_bag,
        "estimate": 0.368 * in_sample + 0.632 * out_of_bag,
    }


@pytest.mark.parametrize("weighted", [False, True])
def test_the_bootstrap_is_that_of_a_plain_loop_with_the_same_draws(weighted):
    y, score = sample(60, 5)
    score = score.round(2)
    weight = np.random.default_rng(0).exponential(size=60) if weighted else np.ones(60)
    wanted = by_loop(y, score, weight, 40, seed=7)
    found = bootstrap(bind("f1"), y, score, 40, 7, sample_weight=weight if weighted else None)
    np.testing.assert_array_equal(found.thresholds, wanted["thresholds"])
    np.testing.assert_allclose(found.values, wanted["values"], rtol=1e-12)
    assert found.out_of_bag == pytest.approx(wanted["out_of_bag"], rel=1e-12)
    assert found.estimate == pytest.approx(wanted["estimate"], rel=1e-12)
    spread = np.sort(wanted["values"])[[2, -3]]  # two of forty below, two above
    assert found.interval == pytest.approx(np.clip(spread + wanted["estimate"] - wanted["values"].mean(), 0, 1))
    assert found.threshold_spread == tuple(np.sort(wanted["thresholds"])[[2, -3]])


@every_rule
@some
@given(data=rows(weighted=False), seed=st.integers(0, 100))
def test_weights_of_one_are_no_weights_and_rows_of_weight_0_are_not_there(name, data, seed):
    rule, y, score = bind(name), data.y_true, data.y_score
    plain = bootstrap(rule, y, score, 10, seed)
    one = bootstrap(rule, y, score, 10, seed, sample_weight=np.ones(y.size))
    more = np.append(y, [0, 1]), np.append(score, np.array([0.45, 0.55], score.dtype))
    none = bootstrap(rule, *more, 10, seed, sample_weight=np.append(np.ones(y.size), [0, 0]))
    for other in (one, none):
        np.testing.assert_array_equal(plain.thresholds, other.thresholds)
        np.testing.assert_array_equal(plain.values, other.values)
        np.testing.assert_array_equal([plain.estimate, *plain.interval], [other.estimate, *other.interval])
        assert plain.choice.threshold == other.choice.threshold


@pytest.mark.parametrize("name", [name for name, spec in RULES.items() if spec.at_positives])
@given(data=rows(), seed=st.integers(0, 99))
@settings(max_examples=50)
def test_a_rule_that_chooses_scores_of_positives_chooses_them_among_all_scores(name, data, seed):
    y, score = data.y_true, data.y_score
    rule, full = bind(name), replace(RULES[name], at_positives=False).bind()
    short, plain = (bootstrap(each, y, score, 20, seed) for each in (rule, full))
    np.testing.assert_array_equal(short.thresholds, plain.thresholds)
    np.testing.assert_array_equal(short.values, plain.values)
    assert short.out_of_bag == pytest.approx(plain.out_of_bag, nan_ok=True)


def test_all_that_show_the_bootstrap_of_a_source_share_it():
    rng = np.random.default_rng(0)
    y = rng.random(150) < 0.3
    scores = Scores(y, rng.random(150) + y, "binary", ("no", "yes"))
    weight = rng.random(150)
    source = ArraySource({"validation": scores}, {"validation": RowColumns(weight=weight)})
    shared = bootstrap_of(source, 0, bind("f_beta", beta=3.0))
    assert bootstrap_of(source, 0, bind("f_beta", beta=3.0)) is shared
    assert bootstrap_of(source, 0, bind("f_beta", beta=2.0)) is not shared
    assert bootstrap_of(replace(source, version=1), 0, bind("f_beta", beta=3.0)) is not shared
    alone = bootstrap(bind("f_beta", beta=3.0), y, scores.y_score[:, 0], 1000, sample_weight=weight)
    np.testing.assert_array_equal(shared.thresholds, alone.thresholds)


def split(weight: np.ndarray | None = None, rows: int = 4000) -> ArraySource:
    """A source with validation and test rows of one population; the test rows may have weights."""
    given = {
        part: Scores(*sample(rows, seed), "binary", ("no", "yes")) for part, seed in (("validation", 1), ("test", 2))
    }
    return ArraySource(given, {"test": RowColumns(weight=weight)})


def test_what_is_tuned_on_one_part_is_held_against_the_best_of_the_other():
    source, rule = split(), bind("f1")
    found = tune(source, 0, rule)
    assert found.bootstrap is bootstrap_of(source, 0, rule)
    assert found.regret == regret(rule, found.bootstrap.choice.threshold, candidates(source.index("test", 0)))
    alone = ArraySource({"validation": source.scores("validation")})
    assert tune(alone, 0, rule).regret is None


@pytest.mark.parametrize("rows", [4000, 200_000])
def test_the_interval_of_a_value_on_other_rows_is_that_of_a_binomial_share(rows: int):
    source, threshold = split(rows=rows), 0.2
    point = source.index("test", 0).counts(threshold)
    low, high = value_interval(source, 0, bind("precision", least=0.1), threshold, "test", level=0.9)
    np.testing.assert_allclose(
        (low, high), wilson(point.tp, point.tp + point.fn, 0.9), atol=0.6 / np.sqrt(rows)
    )  # of recall


def test_rows_of_weight_0_are_no_rows_of_an_interval_and_weight_2_is_not_two_rows():
    rows, rule = 400, bind("accuracy")
    weight = np.repeat([0.0, 1.0], rows // 2)
    half = split(rows=rows).scores("test")
    fewer = ArraySource({"test": Scores(half.y_true[200:], half.y_score[200:], "binary", half.class_names)})
    alone = value_interval(fewer, 0, rule, 0.2, "test")
    assert value_interval(split(weight, rows), 0, rule, 0.2, "test") == pytest.approx(alone)
    assert value_interval(split(2 * weight, rows), 0, rule, 0.2, "test") == pytest.approx(alone)


def test_an_interval_of_an_undefined_value_is_nan():
    assert np.isnan(value_interval(split(), 0, bind("recall", least=0.5), np.inf, "test")).all()


def test_stratified_resamples_hold_the_prevalence():
    y, _ = sample(300, 0)
    rule = bind("accuracy")  # above every score it is 1 - prevalence
    free, held = (bootstrap(rule, y, np.full(300, 0.5), 50, stratified=stratified) for stratified in (False, True))
    assert np.ptp(held.values) == 0
    assert np.ptp(free.values) > 0


def test_bootstrap_is_the_same_for_the_same_seed_and_more_resamples_only_add_some():
    y, q = sample(500, 0)
    first, second, other = (bootstrap(bind("f1"), y, q, 50, seed) for seed in (1, 1, 2))
    longer = bootstrap(bind("f1"), y, q, 83, 1)
    np.testing.assert_array_equal(first.thresholds, second.thresholds)
    assert (first.out_of_bag, first.interval) == (second.out_of_bag, second.interval)
    np.testing.assert_array_equal(first.thresholds, longer.thresholds[:50])
    np.testing.assert_array_equal(first.values[:-1], longer.values[:49])  # the last is valued on the first resample
    assert not np.array_equal(first.thresholds, other.thresholds)


def test_distance_from_the_prevalence_is_absolute_on_each_resample():
    y, q = sample(400, 1)
    found = bootstrap(bind("prevalence"), y, q, 100, seed=4)
    draw, distances = np.random.default_rng(4), []
    for t in found.thresholds:
        out = np.setdiff1d(np.arange(400), draw.choice(400, 400))
        distances.append(abs(np.mean(q[out] >= t) - y[out].mean()))
    assert found.out_of_bag == pytest.approx(np.mean(distances), rel=1e-12)


def test_distances_from_the_prevalence_of_opposite_sign_do_not_cancel():
    """An 8 among digits: pooled over resamples, rows too many here and too few there hide most of the distance."""
    x, digit = load_digits(return_X_y=True)
    y = digit == 8
    p = cross_val_predict(LogisticRegression(C=0.01, max_iter=1000), x / 16, y, cv=3, method="predict_proba")[:, 1]
    found = bootstrap(bind("prevalence"), y, p, 400, seed=1)
    draw, gaps = np.random.default_rng(1), []
    for t in found.thresholds:
        out = np.setdiff1d(np.arange(len(y)), draw.choice(len(y), len(y)))
        gaps.append(np.mean(p[out] >= t) - y[out].mean())
    assert found.out_of_bag == pytest.approx(np.mean(np.abs(gaps)), rel=1e-12)
    assert found.out_of_bag > 5 * abs(np.mean(gaps))


def test_rules_with_one_best_threshold_share_their_resamples():
    y, q = sample(400, 0)
    one, other = (bootstrap(bind(name), y, q, 200) for name in ("youden", "balanced_accuracy"))
    np.testing.assert_array_equal(one.thresholds, other.thresholds)
    np.testing.assert_allclose(one.values, 2 * other.values - 1)
    np.testing.assert_allclose(one.out_of_bag, 2 * other.out_of_bag - 1)


def test_bootstrap_of_a_fixed_threshold_moves_nothing_and_flatters_nothing():
    y, q = sample(2000, 0)
    found = bootstrap(bind("fixed", threshold=0.2), y, q)
    assert found.threshold_spread == (0.2, 0.2)
    assert found.values.mean() == pytest.approx(found.choice.value, abs=0.005)
    assert found.choice.value - found.out_of_bag == pytest.approx(0, abs=0.005)


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
    assert found.threshold_spread[1] == np.inf


@every_rule
@some
@given(data=rows(weighted=False))
def test_no_interval_passes_the_ends_of_what_the_rule_reports(name, data):
    rule = bind(name)
    found = bootstrap(rule, data.y_true, data.y_score, 30)
    known = [value for value in (found.choice.value, *found.values, *found.interval) if not np.isnan(value)]
    low, high = rule.range
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in known)


def test_an_interval_that_would_pass_the_end_stops_there():
    found = bootstrap(bind("prevalence"), *sample(200, 0))
    assert np.quantile(found.values, 0.05) + found.estimate - found.values.mean() < 0
    assert found.interval[0] == 0


def test_payoffs_lie_between_what_every_row_may_cost_and_bring():
    assert bind("cost", cost_fp=1, cost_fn=5).range == (-5, 0)
    assert bind("cost", benefit_tp=3, cost_fp=0, cost_fn=0, benefit_tn=4).range == (0, 4)


@every_rule
@pytest.mark.parametrize("y_true", [[], [0], [1], [0, 0, 0], [1, 1, 1], [0, 1], [0, 1, 1, 0]])
@pytest.mark.parametrize("constant", [False, True])
def test_bootstrap_and_regret_bear_one_class_constant_scores_two_rows_and_none(name, y_true, constant):
    y_score = np.full(len(y_true), 0.5) if constant else np.arange(len(y_true)) / 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(bind(name), y_true, y_score, 20)
        regret(bind(name), found.choice.threshold, candidates(ScoreIndex.of(y_true, y_score)))
        assert len(found.interval) == 2
        assert found.thresholds.shape == found.values.shape == found.feasible.shape == (20,)
        assert not np.isnan(found.threshold_spread).any()


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
