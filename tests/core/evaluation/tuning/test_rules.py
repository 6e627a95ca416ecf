"""Rules for one threshold: against brute force in whole fractions, against scikit-learn, and against theory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV

from core.data import load_split
from core.errors import CutoffError
from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.tuning import RULES, Choice, bind, candidates, population_counts, threshold_by_payoffs
from core.evaluation.tuning.choice import place_of
from tests.conftest import confusion
from tests.support.scored_rows import Rows, rows

some = settings(max_examples=25)  # of each rule
every_rule = pytest.mark.parametrize("name", RULES)
COMPARED = [name for name in RULES if name not in ("fixed", "half_f1")]  # those that compare all candidates


class Cells(NamedTuple):
    """Whole counts at one threshold."""

    t: float
    tp: int
    fp: int
    fn: int
    tn: int


def cells_at(data: Rows, t: float) -> Cells:
    called, true = data.y_score >= data.y_score.dtype.type(t), data.y_true == 1
    return Cells(
        t, *(int(np.count_nonzero(m)) for m in (called & true, called & ~true, ~called & true, ~called & ~true))
    )


def every_cells(data: Rows) -> list[Cells]:
    """At inf and at each distinct score, the largest first."""
    return [cells_at(data, t) for t in (np.inf, *sorted(set((data.y_score + 0.0).tolist()), reverse=True))]


def part(top: Fraction | int, bottom: Fraction | int) -> Fraction | None:
    return Fraction(top) / bottom if bottom else None


def recall(c: Cells) -> Fraction | None:
    return part(c.tp, c.tp + c.fn)


def precision(c: Cells) -> Fraction | None:
    return part(c.tp, c.tp + c.fp) if c.tp + c.fn else None


def specificity(c: Cells) -> Fraction | None:
    return part(c.tn, c.tn + c.fp)


def f_beta(c: Cells, beta: float) -> Fraction | None:
    square = Fraction(str(beta)) ** 2
    if c.tp + c.fn == 0:
        return None
    return part((1 + square) * c.tp, (1 + square) * c.tp + square * c.fn + c.fp)


def youden(c: Cells) -> Fraction | None:
    one, other = recall(c), specificity(c)
    return None if one is None or other is None else one + other - 1


def mcc(c: Cells) -> Fraction | None:
    """MCC with its sign squared, which keeps the order."""
    top = c.tp * c.tn - c.fp * c.fn
    return part(top * abs(top), (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn))


def payoff(c: Cells, p: dict[str, float]) -> Fraction | None:
    gained = Fraction(p["benefit_tp"]) * c.tp + Fraction(p["benefit_tn"]) * c.tn
    lost = Fraction(p["cost_fp"]) * c.fp + Fraction(p["cost_fn"]) * c.fn
    return part(gained - lost, sum(c[1:]))


def called_within(c: Cells, most: int) -> Fraction | None:
    return Fraction(c.tp + c.fp) if c.tp + c.fp <= most else None


def subject(value: Callable[[Cells], Fraction | None], measure: Callable[[Cells], Fraction | None], least: float):
    """The value where the measure is at least `least`."""

    def wanted(c: Cells) -> Fraction | None:
        of = measure(c)
        return value(c) if of is not None and of >= Fraction(str(least)) else None

    return wanted


# What each rule makes as great as possible, None where it is undefined or not allowed.
WANTED: dict[str, Callable[[dict[str, float]], Callable[[Cells], Fraction | None]]] = {
    "f1": lambda p: lambda c: f_beta(c, 1),
    "f_beta": lambda p: lambda c: f_beta(c, p["beta"]),
    "youden": lambda p: youden,
    "balanced_accuracy": lambda p: youden,
    "mcc": lambda p: mcc,
    "accuracy": lambda p: lambda c: part(c.tp + c.tn, sum(c[1:])),
    "cost": lambda p: lambda c: payoff(c, p),
    "precision": lambda p: subject(recall, precision, p["least"]),
    "recall": lambda p: subject(precision, recall, p["least"]),
    "specificity": lambda p: subject(recall, specificity, p["least"]),
    "top_percent": lambda p: lambda c: called_within(c, floor(Fraction(str(p["percent"])) * sum(c[1:]) / 100)),
    "top_rows": lambda p: lambda c: called_within(c, int(p["rows"])),
    "prevalence": lambda p: lambda c: Fraction(-abs(c.fp - c.fn)),
}
NEAR = {"precision": (recall, precision), "recall": (precision, recall), "specificity": (recall, specificity)}
share = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0])
money = st.integers(0, 20).map(lambda quarters: quarters / 4)
PARAMS = {
    "f_beta": st.fixed_dictionaries({"beta": st.sampled_from([0.5, 0.7, 1.0, 2.0])}),
    "cost": st.fixed_dictionaries(dict.fromkeys(("benefit_tp", "cost_fp", "cost_fn", "benefit_tn"), money)),
    "precision": st.fixed_dictionaries({"least": share}),
    "recall": st.fixed_dictionaries({"least": share}),
    "specificity": st.fixed_dictionaries({"least": share}),
    "top_percent": st.fixed_dictionaries({"percent": st.sampled_from([0.0, 5.0, 12.5, 28.0, 29.0, 57.0, 100.0])}),
    "top_rows": st.fixed_dictionaries({"rows": st.integers(0, 31)}),
}


def greatest(cells: list[Cells], wanted: Callable[[Cells], Fraction | None]) -> Cells | None:
    """The first, that with the largest threshold, of those with the greatest of what is wanted."""
    known = [(value, c) for c in cells if (value := wanted(c)) is not None]
    return next(c for value, c in known if value == max(v for v, _ in known)) if known else None


def choose(data: Rows, name: str, **params: float) -> Choice:
    return RULES[name](candidates(ScoreIndex.of(data.y_true, data.y_score)), **params)


@pytest.mark.parametrize("name", COMPARED)
@some
@given(data=rows(weighted=False), draw=st.data())
def test_rules_choose_as_brute_force_over_every_distinct_score(name, data, draw):
    params = draw.draw(PARAMS.get(name, st.just({})))
    choice, cells = choose(data, name, **params), every_cells(data)
    best = greatest(cells, WANTED[name](params))
    assert choice.feasible == (best is not None)
    assert choice.said.startswith("Infeasible: ") != choice.feasible
    if best is None and name in NEAR:
        value, measure = NEAR[name]
        best = greatest(cells, lambda c: None if value(c) is None else measure(c))
        if best is not None:
            assert f"{float(measure(best)):.4g} at threshold {best.t:.4g}" in choice.said
    if best is None:
        assert choice.threshold == np.inf
        assert "undefined" in choice.said
    else:
        assert choice.threshold == best.t


@pytest.mark.parametrize("name", COMPARED)
@some
@given(data=rows(weighted=True))
def test_weights_count_as_repeated_rows_do(name, data):
    eighths = (data.weight * 8).astype(int)
    repeated = ScoreIndex.of(np.repeat(data.y_true, eighths), np.repeat(data.y_score, eighths))
    params = {"rows": 10} if name == "top_rows" else {}
    many = RULES[name](candidates(repeated), **params)
    weighed = RULES[name](candidates(ScoreIndex.of(data.y_true, data.y_score, eighths)), **params)
    assert (weighed.threshold, weighed.feasible) == (many.threshold, many.feasible)
    np.testing.assert_allclose(weighed.value, many.value, rtol=1e-12)


ORACLES = {
    "f1": sk.f1_score,
    "f_beta": lambda y, p: sk.fbeta_score(y, p, beta=2),
    "mcc": sk.matthews_corrcoef,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "youden": lambda y, p: sk.balanced_accuracy_score(y, p, adjusted=True),
    "accuracy": sk.accuracy_score,
    "cost": lambda y, p: -np.where(y == 1, 5, 1)[y != p].sum() / len(y),
    "half_f1": sk.f1_score,
    "fixed": sk.f1_score,
}


@pytest.mark.parametrize("name", ORACLES)
@some
@given(data=rows(weighted=False, both_classes=True))
def test_values_equal_scikit_learn_and_none_of_its_are_greater(name, data):
    choice = choose(data, name)
    decided = (data.y_score >= data.y_score.dtype.type(choice.threshold)).astype(int)
    if choice.feasible:
        np.testing.assert_allclose(choice.value, ORACLES[name](data.y_true, decided), atol=1e-12)
    if choice.feasible and name in COMPARED:
        inside = np.unique(data.y_score)[name == "mcc" :]  # scikit-learn's MCC of one decision for all is 0, not NaN
        every = [ORACLES[name](data.y_true, (data.y_score >= t).astype(int)) for t in inside]
        assert choice.value >= max(every, default=-1) - 1e-12


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier that says each row's only feature is its probability."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> Given:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - x[:, 0], x[:, 0]])

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (x[:, 0] >= 0.5).astype(int)


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of n rows of a calibrated population."""
    generator = np.random.default_rng(seed)
    q = generator.beta(0.5, 6, n)
    return (generator.random(n) < q).astype(int), q


@pytest.mark.parametrize(
    ("name", "scoring"),
    [
        ("f1", "f1"),
        ("balanced_accuracy", "balanced_accuracy"),
        ("mcc", "matthews_corrcoef"),
        ("accuracy", "accuracy"),
        ("cost", sk.make_scorer(ORACLES["cost"])),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_on_its_grid_the_choice_is_that_of_scikit_learns_tuned_classifier(name, scoring, seed):
    y, q = sample(400, seed)
    tuned = TunedThresholdClassifierCV(
        Given().fit(q[:, None], y), scoring=scoring, cv="prefit", refit=False, store_cv_results=True
    ).fit(q[:, None], y)
    grid, theirs = tuned.cv_results_["thresholds"], tuned.cv_results_["scores"]
    index = ScoreIndex.of(y, q)
    ours = RULES[name](index.counts(grid[::-1]))
    assert len(grid) == 100
    np.testing.assert_allclose(ours.value, tuned.best_score_, rtol=1e-12)
    assert ours.threshold == grid[np.flatnonzero(theirs >= theirs.max() - 1e-12)[-1]]  # of ties the largest
    assert RULES[name](candidates(index)).value >= tuned.best_score_ - 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_lower_cutoff_trades_errors_as_the_table_of_a_logistic_regression_shows(dtype):
    """As James et al., An Introduction to Statistical Learning (2021), section 4.4, show with the Default data: from .5
    to .2 misses turn into false alarms. Here on data that is shipped, the same model and cut-offs."""
    split = load_split("fraud")
    model = LogisticRegression(C=np.inf).fit(split.x["train"], split.y["train"])
    y, p = split.y["test"], model.predict_proba(split.x["test"])[:, 1].astype(dtype)
    index, tables = ScoreIndex.of(y, p), {}
    for cutoff in (0.5, 0.2):
        tables[cutoff] = confusion(index.counts(cutoff))
        np.testing.assert_array_equal(tables[cutoff], sk.confusion_matrix(y, p >= dtype(cutoff)))
        fixed = RULES["fixed"](candidates(index), threshold=cutoff)
        np.testing.assert_allclose(fixed.value, sk.f1_score(y, p >= dtype(cutoff)))
    (_, fp), (fn, _) = tables[0.5]
    (_, more_fp), (fewer_fn, _) = tables[0.2]
    assert more_fp > fp
    assert fewer_fn < fn


@given(rows(weighted=False), st.floats(-200, 200))
def test_a_fixed_threshold_stays_and_reports_f1(data, threshold):
    choice = choose(data, "fixed", threshold=threshold)
    expected = f_beta(cells_at(data, threshold), 1)
    assert choice.threshold == threshold
    assert choice.feasible
    np.testing.assert_allclose(choice.value, np.nan if expected is None else float(expected))


@given(rows(weighted=False))
def test_half_f1_is_half_of_what_f1_reaches(data):
    half, best = choose(data, "half_f1"), choose(data, "f1")
    assert half.feasible == best.feasible
    if best.feasible:
        assert half.threshold == best.value / 2
        np.testing.assert_allclose(half.value, float(f_beta(cells_at(data, half.threshold), 1)))
    else:
        assert half.threshold == np.inf


@given(rows(weighted=False), st.floats(-120, 120))
def test_place_of_a_threshold_decides_as_it_does(data, threshold):
    counts = candidates(ScoreIndex.of(data.y_true, data.y_score))
    at = counts[place_of(counts.thresholds, threshold)]
    assert Cells(threshold, *map(int, (at.tp, at.fp, at.fn, at.tn))) == cells_at(data, threshold)


def test_candidates_are_inf_and_then_every_distinct_score():
    counts = candidates(ScoreIndex.of([0, 1, 1], np.array([0.25, 0.5, 0.25], np.float32)))
    np.testing.assert_array_equal(counts.thresholds, [np.inf, 0.5, 0.25])
    assert counts.thresholds.dtype == np.float32
    np.testing.assert_array_equal(counts.tp, [0, 1, 2])


@every_rule
@pytest.mark.parametrize("y_true", [[], [0], [1], [0, 0, 0], [1, 1, 1], [0, 1], [0, 1, 1]])
@pytest.mark.parametrize("constant", [False, True])
def test_rules_bear_one_class_constant_scores_two_rows_and_none(name, y_true, constant):
    y_score = np.full(len(y_true), 0.5) if constant else np.arange(len(y_true)) / 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choice = RULES[name](candidates(ScoreIndex.of(y_true, y_score)))
    assert choice.said.endswith(".")
    assert not np.isnan(choice.threshold)


@pytest.mark.parametrize(
    ("y_true", "name", "reason"),
    [
        ([], "accuracy", "Accuracy is undefined at every threshold, since there are no rows."),
        ([0, 0], "f1", "F1 is undefined at every threshold, since no row is positive."),
        ([1, 1], "youden", "Youden's J is undefined at every threshold, since no row is negative."),
        ([0, 1], "mcc", "MCC is undefined at every threshold, since all rows have one score."),
    ],
)
def test_what_is_undefined_everywhere_says_why(y_true, name, reason):
    choice = RULES[name](candidates(ScoreIndex.of(y_true, np.full(len(y_true), 0.5))))
    assert choice.said == f"Infeasible: {reason}"
    assert choice.threshold == np.inf
    assert np.isnan(choice.value)


def test_a_constraint_that_cannot_be_met_names_the_best_that_can():
    counts = candidates(ScoreIndex.of([0, 1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]))
    choice = RULES["precision"](counts, least=0.8)
    assert choice.said == (
        "Infeasible: no threshold has precision >= 0.8; the best reachable precision is 0.5 at threshold 0.8."
    )
    assert choice == Choice(0.8, 0.5, False, choice.said)  # a recall of one half
    assert RULES["precision"](counts, least=0.5).said == (
        "Recall is 1 with precision >= 0.5 at threshold 0.6, which predicts 4 of 6 rows positive."
    )


def test_no_row_is_a_choice_that_holds_on_other_rows_too():
    choice = RULES["accuracy"](candidates(ScoreIndex.of([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.1])))
    assert choice.threshold == np.inf
    assert choice.said == "Accuracy is 0.75 at threshold above every score, which predicts 0 of 4 rows positive."


def test_rows_with_one_score_are_called_all_or_none():
    index = ScoreIndex.of([1, 1, 0, 0, 1], [0.9, 0.5, 0.5, 0.5, 0.1])
    assert [RULES["top_rows"](candidates(index), rows=k).threshold for k in range(6)] == [
        np.inf,
        0.9,
        0.9,
        0.9,
        0.5,
        0.1,
    ]
    assert RULES["top_percent"](candidates(index), percent=80.0).threshold == 0.5


def test_costs_and_benefits_are_four_numbers_and_no_ratio():
    y, q = sample(2000, 0)
    counts = candidates(ScoreIndex.of(y, q))
    plain = RULES["cost"](counts, benefit_tp=0, cost_fp=20, cost_fn=100, benefit_tn=0)
    paid = RULES["cost"](counts, benefit_tp=100, cost_fp=20, cost_fn=0, benefit_tn=0)
    assert plain.threshold == paid.threshold  # what a positive row gains by being called is the same
    assert plain.value < 0 < paid.value
    in_cents = RULES["cost"](counts, benefit_tp=0, cost_fp=2000, cost_fn=10_000, benefit_tn=0)
    assert in_cents.threshold == plain.threshold
    np.testing.assert_allclose(in_cents.value, 100 * plain.value)
    free = RULES["cost"](counts, benefit_tp=0, cost_fp=0, cost_fn=0, benefit_tn=0)
    assert (free.threshold, free.value) == (np.inf, 0)


def test_a_false_negative_counts_beside_a_false_positive_of_a_thousand_million():
    y = np.repeat([1, 0, 1], [10, 11_700, 290])
    score = np.repeat([0.9, 0.5, 0.1], [10, 11_700, 290])
    choice = RULES["cost"](candidates(ScoreIndex.of(y, score)), cost_fp=1e9, cost_fn=1, benefit_tp=0, benefit_tn=0)
    assert choice.threshold == 0.9
    assert choice.value == pytest.approx(-290 / 12_000)


MONEY = st.integers(0, 60).map(lambda n: n / 10) | st.sampled_from([1e-3, 1e6, 1e9])


@given(data=rows(weighted=False), money=st.tuples(MONEY, MONEY, MONEY, MONEY))
def test_payoffs_of_any_size_are_compared_as_fractions_of_which_equal_ones_go_to_the_largest_threshold(data, money):
    names = ("benefit_tp", "cost_fp", "cost_fn", "benefit_tn")
    counts = candidates(ScoreIndex.of(data.y_true, data.y_score))
    tp_gain, fp_loss, fn_loss, tn_gain = (Fraction(str(value)) for value in money)
    net = [
        tp_gain * int(tp) - fp_loss * int(fp) - fn_loss * int(fn) + tn_gain * int(tn)
        for tp, fp, fn, tn in zip(counts.tp, counts.fp, counts.fn, counts.tn, strict=True)
    ]
    choice = RULES["cost"](counts, **dict(zip(names, money, strict=True)))
    best = net.index(max(net)) if counts.total[0] else 0
    assert choice.threshold == counts.thresholds[best]


def test_rates_of_millions_of_rows_that_differ_by_little_differ():
    tp, predicted, positives = np.array([0, 666_667, 666_668]), np.array([0, 1_000_002, 1_000_005]), 1_000_000
    counts = ThresholdCounts(
        np.array([np.inf, 0.9, 0.5]), tp, predicted - tp, positives - tp, 2_000_000 - positives - predicted + tp
    )
    f1 = [Fraction(2 * int(a), int(b) + positives) for a, b in zip(tp, predicted, strict=True)]
    assert 0 < f1[2] - f1[1] < Fraction(1, 10**12)
    assert RULES["f1"](counts).threshold == 0.5


# --- theory, on scores that are true probabilities


FINE = population_counts(np.linspace(1, 0, 20_001))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_best_threshold_for_f_beta_is_its_greatest_value_over_one_plus_beta_squared(beta):
    choice = RULES["f_beta"](FINE, beta=beta)
    np.testing.assert_allclose(choice.threshold, choice.value / (1 + beta**2), atol=1e-4)  # Lipton et al., 2014


@pytest.mark.parametrize("costs", [(0, 1, 1, 0), (0, 1, 5, 0), (0, 3, 1, 0), (10, 2, 20, 1), (7, 1, 0, 0.5)])
def test_the_cheapest_threshold_is_that_of_elkan(costs):
    params = dict(zip(("benefit_tp", "cost_fp", "cost_fn", "benefit_tn"), costs, strict=True))
    expected = threshold_by_payoffs(**params)
    np.testing.assert_allclose(RULES["cost"](FINE, **params).threshold, expected, atol=1e-3)
    y, q = sample(300_000, 0)
    measured = RULES["cost"](candidates(ScoreIndex.of(y, q)), **params)
    assert abs(measured.threshold - expected) < 0.05
    at_theory = RULES["cost"].bind(**params).goal(ScoreIndex.of(y, q).counts([expected])).value[0]
    assert 0 <= measured.value - at_theory < 0.002 * max(costs)


def test_elkans_threshold_from_costs_alone_and_from_nothing():
    assert threshold_by_payoffs(benefit_tp=0, cost_fp=1, cost_fn=4, benefit_tn=0) == 0.2
    assert np.isnan(threshold_by_payoffs(0, 0, 0, 0))


def test_youden_lies_at_the_prevalence_of_calibrated_scores():
    choice = RULES["youden"](FINE)
    np.testing.assert_allclose(choice.threshold, 1 / 13, atol=1e-4)
    assert RULES["balanced_accuracy"](FINE).threshold == choice.threshold


def test_half_f1_varies_less_than_the_search_for_the_greatest_f1():
    found = []
    for seed in range(100):
        y, q = sample(500, seed)
        counts = candidates(ScoreIndex.of(y, q))
        found.append((RULES["half_f1"](counts).threshold, RULES["f1"](counts).threshold))
    half, searched = np.std(found, axis=0)
    assert half < 0.7 * searched


# --- the registry


@every_rule
def test_specs_are_complete(name):
    spec = RULES[name]
    assert spec.name == name
    assert spec.label
    assert spec.value
    assert spec.help.endswith(".")
    assert any(year in spec.reference for year in map(str, range(1900, 2027)))
    assert all(param.check(param.default) == param.default and param.label and param.help for param in spec.params)
    assert spec.condition.format(**{param.name: param.default for param in spec.params}) or not spec.condition
    assert bind(name) == spec.bind()


def test_labels_are_different():
    assert len({spec.label for spec in RULES.values()}) == len(RULES)


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("none such", {}, "`rule` to be one of fixed, .*, but got 'none such'"),
        ("f1", {"beta": 2}, r"params of f1 to be among \[\], but got 'beta'"),
        ("f_beta", {"beta": 0}, "`beta` to be a number from 0.01 to 100, but got 0"),
        ("cost", {"cost_fp": -1}, "`cost_fp` to be a number from 0 to 1e\\+09, but got -1"),
        ("precision", {"least": 1.5}, "`least` to be a number from 0 to 1, but got 1.5"),
        ("top_rows", {"rows": 1.5}, "`rows` to be a whole number"),
        ("fixed", {"threshold": np.nan}, "`threshold` to be a number"),
    ],
)
def test_bad_params_are_refused_in_one_sentence(name, params, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        bind(name, **params)


def test_a_sentence_rounds_weights():
    index = ScoreIndex.of([0, 1, 1], [0.2, 0.6, 0.8], [1 / 3, 2 / 3, 1 / 7])
    said = bind("f1")(candidates(index)).said
    assert said.endswith("which predicts 0.81 of 1.143 rows positive.")
