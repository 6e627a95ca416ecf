"""Net value and the band of review: against sums row by row, every pair of thresholds, theory on true scores."""

from __future__ import annotations

import math
from dataclasses import astuple
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.tuning import bind, candidates
from core.evaluation.value.payoffs import (
    NO_LIMIT,
    Band,
    Outcome,
    Payoffs,
    Review,
    best_band,
    bind_paid,
    chow,
    net_value,
    optimum,
    outcome,
    value_curve,
)
from tests.support.scored_rows import rows

COINS = st.integers(0, 12).map(float)
SIGNED = st.integers(-6, 12).map(float)
payoffs = st.builds(Payoffs, COINS, COINS, COINS, COINS)
signed = st.builds(Payoffs, SIGNED, SIGNED, SIGNED, SIGNED)
reviews = st.builds(Review, st.integers(0, 8).map(float), st.sampled_from([1.0, 0.75, 0.5, 0.0]))
EQUAL = Payoffs(cost_fp=1, cost_fn=1)


def index_of(data) -> ScoreIndex:
    return ScoreIndex.of(data.y_true, data.y_score)


def row_by_row(y: np.ndarray, score: np.ndarray, pay: Payoffs, review: Review, band: Band) -> float:
    """Net value of a row, by asking of each where it goes."""
    worth = {(1, 1): pay.benefit_tp, (0, 1): -pay.cost_fp, (1, 0): -pay.cost_fn, (0, 0): pay.benefit_tn}
    total = 0.0
    for true, value in zip(y.tolist(), score, strict=True):
        if value >= score.dtype.type(band.high):
            total += worth[true, 1]
        elif value < score.dtype.type(band.low):
            total += worth[true, 0]
        else:
            total += review.accuracy * worth[true, true] + (1 - review.accuracy) * worth[true, 1 - true] - review.cost
    return total / len(y)


def calibrated(n: int = 200_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    q = generator.beta(0.7, 2.5, n)
    return generator.random(n) < q, q


# --- net value of a threshold


@given(data=rows(weighted=False), pay=signed, threshold=st.floats(-100, 100))
def test_net_value_is_the_mean_of_what_each_row_pays(data, pay, threshold):
    expected = row_by_row(data.y_true, data.y_score, pay, Review(0), Band(threshold, threshold))
    counts = index_of(data).counts(threshold)
    assert net_value(counts, pay) == pytest.approx(expected)
    assert net_value(counts, pay, rows=1000) == pytest.approx(1000 * expected)


def test_without_rows_there_is_no_net_value():
    assert np.isnan(net_value(ScoreIndex.of([], []).counts(0.5), Payoffs()))


@given(data=rows(weighted=False), pay=payoffs)
def test_what_is_at_stake_chooses_as_all_four_payoffs_do(data, pay):
    if pay.flaw:
        return
    given_to_rule = bind(
        "cost", benefit_tp=pay.benefit_tp, cost_fp=pay.cost_fp, cost_fn=pay.cost_fn, benefit_tn=pay.benefit_tn
    )
    counts = candidates(index_of(data))
    values = net_value(counts, pay)
    best = counts.thresholds[np.flatnonzero(values >= values.max() - 1e-9)[0]]
    assert pay.rule(counts).threshold == given_to_rule(counts).threshold == best


@given(data=rows(weighted=False), pay=signed)
def test_the_curve_keeps_exact_points_from_call_none_to_call_all(data, pay):
    if pay.flaw:
        return
    index = index_of(data)
    curve = value_curve(index, pay, rows=1000)
    np.testing.assert_allclose(curve.y, net_value(index.counts(curve.thresholds), pay, 1000))
    assert curve.max_error <= 1e-3
    assert curve.tp[0] + curve.fp[0] == 0
    assert curve.fn[-1] + curve.tn[-1] == 0


def test_a_thinned_curve_stays_within_its_bound():
    y, q = calibrated(20_000)
    pay = Payoffs(200, 30, 5000, 2)
    index = ScoreIndex.of(y, q)
    curve = value_curve(index, pay)
    every = candidates(index)[1:]
    exact = net_value(every, pay)
    drawn = np.interp(every.thresholds, curve.x[::-1], curve.y[::-1])
    assert len(curve.x) < len(exact) / 4
    assert np.abs(drawn - exact).max() <= 5e-3 * np.ptp(exact)  # across, a step may be met .001 of the width later


@pytest.mark.parametrize(
    ("pay", "threshold"),
    [
        (Payoffs(0, 1, 1, 0), 0.5),
        (Payoffs(0, 1, 5, 0), 1 / 6),
        (Payoffs(0, 5, 1, 0), 5 / 6),
        (Payoffs(10, 2, 5, 3), 0.25),
        (Payoffs(-4, 2, 10, 0), 0.25),  # a true alarm costs 4
        (Payoffs(0, 0, 5, 0), 0),
        (Payoffs(0, 5, 0, 0), 1),
    ],
)
def test_elkans_threshold(pay, threshold):
    assert not pay.flaw
    assert pay.threshold == pytest.approx(threshold)


@pytest.mark.parametrize("pay", [Payoffs(0, 1, 5, 0), Payoffs(10, 4, 2, 1), Payoffs(-2, 3, 20, 0)])
def test_on_calibrated_scores_the_optimum_is_where_theory_says(pay):
    y, q = calibrated()
    counts = candidates(ScoreIndex.of(y, q))
    found = pay.rule(counts)
    assert found.threshold == pytest.approx(pay.threshold, abs=0.04)
    at_theory = net_value(ScoreIndex.of(y, q).counts(pay.threshold), pay)
    assert net_value(counts, pay).max() - at_theory < 0.002 * sum(pay.at_stake)


def test_zero_and_huge_costs_are_decided():
    y, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    counts = candidates(ScoreIndex.of(y, score))
    assert Payoffs(0, 0, 5, 0).rule(counts).threshold == 0.35  # the largest that misses no positive row
    assert Payoffs(0, 5, 0, 0).rule(counts).threshold == np.inf
    assert Payoffs(0, 1e9, 1e9, 0).rule(counts).threshold == EQUAL.rule(counts).threshold == 0.8
    assert Payoffs(0, 1e-9, 1e9, 0).rule(counts).threshold == 0.35


@pytest.mark.parametrize(
    ("pay", "said"),
    [
        (Payoffs(0, 0, 0, 0), "have the same payoff"),
        (Payoffs(-5, 1, 2, 0), "predict all negative"),
        (Payoffs(0, -3, 2, 1), "predict all positive"),
        (Payoffs(-5, -3, 2, 1), "check the signs"),
    ],
)
def test_payoffs_under_which_no_threshold_is_best_say_so(pay, said):
    assert said in pay.flaw
    assert math.isnan(pay.threshold)
    assert all(map(math.isnan, chow(pay, Review(0.1))))
    for refused in (lambda: pay.rule, lambda: value_curve(ScoreIndex.of([0, 1], [0.1, 0.9]), pay)):
        with pytest.raises(CutoffError, match=said):
            refused()


@pytest.mark.parametrize("value", [math.nan, math.inf, 2e9, -2e9])
def test_a_payoff_is_a_number_in_its_range(value):
    with pytest.raises(CutoffError, match="`cost_fp`"):
        Payoffs(cost_fp=value)


def test_the_optimum_is_the_rules_and_its_intervals_hold_what_other_rows_show():
    pay = Payoffs(20, 3, 50, 1)
    y, q = calibrated(2_000, seed=3)
    found = optimum(pay, y, q)
    counts = candidates(ScoreIndex.of(y, q))
    assert found.threshold == pay.rule(counts).threshold
    assert found.value == pytest.approx(net_value(counts, pay).max())
    low, high = found.threshold_spread
    assert low <= found.threshold <= high
    low, high = found.interval
    others = net_value(ScoreIndex.of(*calibrated()).counts(found.threshold), pay)
    assert low < others < high
    assert low < found.value


@pytest.mark.parametrize(
    ("y", "score"),
    [([0, 1], [0.5, 0.5]), ([0, 0, 0], [0.1, 0.2, 0.3]), ([1, 1], [0.1, 0.9]), ([1], [0.3]), ([0], [0.3])],
    ids=["constant", "negatives", "positives", "one positive", "one negative"],
)
def test_rows_with_little_in_them_still_have_an_optimum_and_a_band(y, score):
    found = optimum(Payoffs(), y, score)
    assert np.isfinite(found.value)
    index = ScoreIndex.of(y, score)
    band = best_band(candidates(index), Payoffs(), Review(0.2))
    assert outcome(index, Payoffs(), Review(0.2), band).total == len(y)
    assert len(value_curve(index, Payoffs()).y)


# --- the band of review


@given(data=rows(weighted=False), pay=signed, review=reviews, most=st.one_of(st.just(NO_LIMIT), st.integers(0, 30)))
def test_the_best_band_is_the_best_of_all_pairs(data, pay, review, most):
    index = index_of(data)
    counts = candidates(index)
    pairs = [Band(float(low), float(high)) for high, low in combinations_with_replacement(counts.thresholds, 2)]
    found = {pair: outcome(index, pay, review, pair) for pair in pairs}
    allowed = {pair: sent.value for pair, sent in found.items() if sent.reviewed <= most}
    best = max(allowed.values())
    tied = [pair for pair, value in allowed.items() if value >= best - 1e-9]
    assert best_band(counts, pay, review, most) == max(tied, key=lambda pair: (pair.high, pair.low))


@given(data=rows(weighted=False), pay=signed, review=reviews, ends=st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_an_outcome_counts_each_row_once(data, pay, review, ends):
    band = Band(*sorted(ends))
    sent = outcome(index_of(data), pay, review, band)
    t = data.y_score.dtype.type
    no, yes = data.y_score < t(band.low), data.y_score >= t(band.high)
    counted = [
        np.sum(side & (data.y_true == true)) for side, true in ((no, 0), (no, 1), (yes, 0), (yes, 1), (~no & ~yes, 1))
    ]
    assert [sent.tn, sent.fn, sent.fp, sent.tp, sent.reviewed_positive] == counted
    assert sent.total == len(data.y_true)
    assert sum(sent.shares()) == pytest.approx(1)
    assert sent.errors == pytest.approx(counted[1] + counted[2] + (1 - review.accuracy) * sent.reviewed)
    assert sent.value == pytest.approx(row_by_row(data.y_true, data.y_score, pay, review, band))


@given(data=rows(weighted=False), pay=payoffs, review=reviews, seed=st.integers(0, 100))
def test_whole_weights_are_rows_repeated(data, pay, review, seed):
    y, score = data.y_true, data.y_score
    weight = np.random.default_rng(seed).integers(0, 3, y.size)
    weighted = ScoreIndex.of(y, score, weight)
    repeated = ScoreIndex.of(np.repeat(y, weight), np.repeat(score, weight))
    assert best_band(candidates(weighted), pay, review) == best_band(candidates(repeated), pay, review)
    band = Band(0.2, 0.6)
    sent, again = (astuple(outcome(index, pay, review, band)) for index in (weighted, repeated))
    np.testing.assert_allclose(sent, again, rtol=1e-12)


@given(data=rows(weighted=False), pay=payoffs, review=reviews)
def test_without_reviews_the_band_is_the_best_threshold(data, pay, review):
    counts = candidates(index_of(data))
    band = best_band(counts, pay, review, most=0)
    assert band.low == band.high
    if not pay.flaw:
        assert band.high == pay.rule(counts).threshold


@given(data=rows(weighted=False), pay=payoffs, review=reviews)
def test_more_reviews_never_cost_more(data, pay, review):
    index = index_of(data)
    counts = candidates(index)
    values = [
        outcome(index, pay, review, best_band(counts, pay, review, most)).value for most in range(len(data.y_true) + 1)
    ]
    assert (np.diff(values) >= -1e-9).all()
    free = outcome(index, pay, review, best_band(counts, pay, review)).value
    assert free == pytest.approx(values[-1])


def test_a_dear_reviewer_is_not_asked_and_a_free_one_decides_all():
    y, q = calibrated(500)
    index = ScoreIndex.of(y, q)
    counts = candidates(index)
    dear = best_band(counts, EQUAL, Review(0.6))
    assert dear.low == dear.high == EQUAL.rule(counts).threshold
    free = outcome(index, EQUAL, Review(0), best_band(counts, EQUAL, Review(0)))
    assert (free.fp, free.fn, free.errors, free.value) == (0, 0, 0, 0)


@pytest.mark.parametrize("d", [0.05, 0.2, 0.4])
def test_chows_rule_is_max_p_below_1_minus_d(d):
    low, high = chow(EQUAL, Review(d))
    p = np.linspace(0, 1, 1001)
    p = p[np.abs(np.maximum(p, 1 - p) - (1 - d)) > 1e-9]
    np.testing.assert_array_equal((low <= p) & (p < high), np.maximum(p, 1 - p) < 1 - d)


@given(pay=payoffs, review=reviews, p=st.floats(0, 1))
def test_chows_band_sends_each_row_where_it_is_worth_most(pay, review, p):
    if pay.flaw:
        return
    low, high = chow(pay, review)
    one = np.array([p, 1 - p])
    yes, no = one @ [pay.benefit_tp, -pay.cost_fp], one @ [-pay.cost_fn, pay.benefit_tn]
    reviewed = one @ review.pays(pay)
    sent = yes if p >= high else no if p < low else reviewed
    assert sent == pytest.approx(max(yes, no, reviewed))


@pytest.mark.parametrize(
    ("pay", "review"),
    [(EQUAL, Review(0.2)), (Payoffs(5, 3, 20, 1), Review(1)), (Payoffs(0, 4, 10, 0), Review(0.5, 0.95))],
)
def test_on_calibrated_scores_the_best_band_is_chows(pay, review):
    y, q = calibrated()
    index = ScoreIndex.of(y, q)
    counts = candidates(index)
    best, theory = best_band(counts, pay, review), chow(pay, review)
    assert theory.low < theory.high
    assert best.low == pytest.approx(theory.low, abs=0.04)
    assert best.high == pytest.approx(theory.high, abs=0.04)
    lost = outcome(index, pay, review, best).value - outcome(index, pay, review, theory).value
    assert 0 <= lost < 0.002 * sum(pay.at_stake)


def test_where_review_never_pays_chows_band_is_elkans_threshold():
    pay = Payoffs(0, 1, 5, 0)
    assert chow(pay, Review(5 / 6 + 0.01)) == Band(pay.threshold, pay.threshold)
    assert chow(pay, Review(5 / 6 - 0.01)).low < chow(pay, Review(5 / 6 - 0.01)).high


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_bad_reviews_are_refused(bad):
    counts = candidates(ScoreIndex.of([0, 1], [0.1, 0.9]))
    with pytest.raises(CutoffError, match="`most`"):
        best_band(counts, EQUAL, Review(0.1), bad)
    with pytest.raises(CutoffError, match="`cost`"):
        Review(bad)
    with pytest.raises(CutoffError, match="`accuracy`"):
        Review(0, bad)


def test_shares_of_no_rows_are_undefined():
    assert np.isnan(Outcome(0, 0, 0, 0, 0, 0, 0.0, math.nan).shares()).all()


def test_a_rule_by_name_takes_payoffs_for_net_value():
    paid = {"benefit_tp": -1.0, "cost_fp": 2.0, "cost_fn": 9.0}
    assert bind_paid("cost", paid).params == Payoffs(**paid).rule.params
    assert bind_paid("f_beta", {"beta": 3.0}) == bind("f_beta", beta=3.0)
    with pytest.raises(CutoffError, match="rent is not a payoff"):
        bind_paid("cost", {"rent": 1.0})
    with pytest.raises(CutoffError, match="same payoff"):
        bind_paid("cost", {"cost_fp": 0.0, "cost_fn": 0.0})
