"""Rules for several labels: by hand, by brute force, and on yeast against reference results."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, hamming_loss
from sklearn.model_selection import KFold, cross_val_predict

from core.data import load_dataset
from core.errors import CutoffError
from core.evaluation import ScoreIndex, predicted_positive
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, RowColumns
from core.evaluation.tuning import (
    LABEL_RULES,
    RULES,
    LabelRows,
    LabelShares,
    LabelThresholds,
    TopLabels,
    bind,
    candidates,
    cross_decided,
    cross_tuned,
    inner_folds,
)

every_label_rule = pytest.mark.parametrize("name", LABEL_RULES)


def scores_of(y_true: object, y_score: object) -> Scores:
    y_score = np.asarray(y_score)
    names = tuple(f"label {number}" for number in range(y_score.shape[1]))
    return Scores(np.asarray(y_true), y_score, "multilabel", names)


def labelled(n: int = 120, labels: int = 5, seed: int = 0, dtype: type = np.float32) -> Scores:
    generator = np.random.default_rng(seed)
    p = np.round(generator.beta(1, 3, (n, labels)), 2).astype(dtype)  # ties
    return scores_of(generator.random(p.shape) < p, p)


# --- yeast, FACTS: 14 logistic regressions on the first 1,500 rows, measured on the other 917


class Yeast:
    """Out-of-fold scores of the training rows from three shuffled folds, and the scores of the test rows."""

    def __init__(self) -> None:
        data = load_dataset("yeast")
        x, self.y = data.x.astype(np.float64), data.y
        folds, train, test = KFold(3, shuffle=True, random_state=0), slice(1500), slice(1500, None)
        self.y_test = self.y[test]
        out, self.p = np.empty((1500, 14)), np.empty((917, 14))
        for label in range(14):
            model, y = LogisticRegression(C=1, max_iter=1000), self.y[train, label]
            out[:, label] = cross_val_predict(model, x[train], y, cv=folds, method="predict_proba")[:, 1]
            self.p[:, label] = model.fit(x[train], y).predict_proba(x[test])[:, 1]
        self.out_of_fold = scores_of(self.y[train], out)

    def measured(self, decided: np.ndarray) -> tuple[float, float, float]:
        """Hamming loss, micro F1 and macro F1 on the test rows."""
        return (
            hamming_loss(self.y_test, decided),
            f1_score(self.y_test, decided, average="micro"),
            f1_score(self.y_test, decided, average="macro", zero_division=0),
        )


@cache
def yeast() -> Yeast:
    return Yeast()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("scut", {}, (0.2877, 0.625, 0.471)),
        ("scut", {"rule": bind("half_f1")}, (0.2976, 0.620, 0.478)),
        ("one_for_all", {}, (0.2183, 0.657, 0.408)),
        ("rcut", {"k": 4}, (0.2052, 0.651, 0.374)),
        ("rcut", {}, (0.2052, 0.651, 0.374)),  # a row has 4.2 labels on average
        ("pcut", {}, (0.2445, 0.596, 0.432)),
    ],
    ids=["SCut", "half of F1", "one for all", "RCut 4", "RCut by itself", "PCut"],
)
def test_yeast_gives_the_reference_results(name, options, expected):
    data = yeast()
    found = data.measured(LABEL_RULES[name](LabelRows.of(data.out_of_fold), **options).decide(data.p))
    assert found == pytest.approx(expected, abs=5e-4)
    assert found[0] == pytest.approx(expected[0], abs=5e-5)


@pytest.mark.slow
def test_yeast_at_one_half_is_beaten_on_macro_f1_by_calling_everything():
    data = yeast()
    half, everything = (data.measured(decided) for decided in (predicted_positive(data.p, 0.5), data.p >= 0))
    assert half == pytest.approx((0.2005, 0.632, 0.348), abs=5e-4)
    assert everything == pytest.approx((0.6976, 0.464, 0.426), abs=5e-4)
    assert everything[2] > half[2]


@pytest.mark.slow
def test_yeast_has_its_one_threshold_at_356_thousandths():
    assert LABEL_RULES["one_for_all"](LabelRows.of(yeast().out_of_fold)).thresholds == pytest.approx(
        np.full(14, 0.356), abs=6e-4
    )


@pytest.mark.slow
def test_yeast_by_fbr_gives_up_its_rarest_label():
    data = yeast()
    never, once = (LABEL_RULES[name](LabelRows.of(data.out_of_fold), least=0.1) for name in ("fbr_0", "fbr_1"))
    given_up = np.isinf(never.thresholds)
    assert given_up[data.y[:1500].sum(axis=0).argmin()]
    assert given_up.sum() < 7
    np.testing.assert_array_equal(once.thresholds[given_up], data.out_of_fold.y_score.max(axis=0)[given_up])
    np.testing.assert_array_equal(once.thresholds[~given_up], never.thresholds[~given_up])


# --- each rule by hand


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scut_is_the_binary_rule_label_by_label(dtype):
    scores = labelled(dtype=dtype)
    for rule in (bind("f1"), bind("f_beta", beta=0.5), bind("precision", least=0.6), bind("half_f1")):
        choice = LABEL_RULES["scut"](LabelRows.of(scores), rule)
        alone = [rule(candidates(ScoreIndex.of(scores.y_true[:, c], scores.y_score[:, c]))) for c in range(5)]
        assert choice.choices == tuple(alone)
        np.testing.assert_array_equal(choice.thresholds, [one.threshold for one in alone])


def test_a_label_without_a_threshold_is_counted_and_left_out_of_the_range():
    y = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]])
    p = np.array([[0.8, 0.7, 0.6], [0.2, 0.9, 0.4], [0.9, 0.1, 0.3], [0.1, 0.2, 0.55]])
    said = LABEL_RULES["scut"](LabelRows.of(scores_of(y, p)), bind("accuracy")).said
    assert said.endswith("thresholds 0.55 to 0.8; 1 label is predicted for no row.")


def test_one_for_all_has_the_greatest_micro_f1_of_any_common_threshold():
    scores = labelled()
    choice = LABEL_RULES["one_for_all"](LabelRows.of(scores))
    micro = [f1_score(scores.y_true, scores.y_score >= t, average="micro") for t in np.unique(scores.y_score)]
    np.testing.assert_allclose(choice.choices[0].value, max(micro))
    assert choice.thresholds.shape == (5,)
    assert len(set(choice.thresholds)) == 1


def test_scut_has_the_greatest_macro_f1_and_so_no_less_than_one_for_all():
    scores = labelled()
    macro = {
        name: f1_score(scores.y_true, LABEL_RULES[name](LabelRows.of(scores)).decide(scores.y_score), average="macro")
        for name in ("scut", "one_for_all")
    }
    assert macro["scut"] >= macro["one_for_all"]


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_rcut_calls_k_labels_of_every_row_and_none_below_one_left_out(seed, k):
    scores = labelled(40, 6, seed)
    decided = LABEL_RULES["rcut"](LabelRows.of(scores), k=k).decide(scores.y_score)
    assert (decided.sum(axis=1) == min(k, 6)).all()
    lowest = np.where(decided, scores.y_score, np.inf).min(axis=1)
    assert (np.where(decided, -np.inf, scores.y_score).max(axis=1) <= lowest).all()


def test_rcut_breaks_ties_by_the_order_of_labels():
    assert TopLabels(2, "").decide([[0.5, 0.5, 0.5], [0.1, 0.5, 0.5]]).tolist() == [
        [True, True, False],
        [False, True, True],
    ]


@pytest.mark.parametrize(("labels", "k"), [([[1, 1, 0], [1, 0, 0]], 2), ([[1, 0, 0], [0, 0, 0], [0, 0, 0]], 0)])
def test_rcut_by_itself_takes_the_mean_number_of_labels_rounded(labels, k):
    assert LABEL_RULES["rcut"](LabelRows.of(scores_of(labels, np.zeros(np.shape(labels))))).k == k


@given(st.integers(0, 2**32))
def test_pcut_calls_as_many_new_rows_as_the_prior_says(seed):
    scores = labelled(60, 4, seed)
    new = np.random.default_rng(seed).random((33, 4))  # no ties
    called = LABEL_RULES["pcut"](LabelRows.of(scores)).decide(new).sum(axis=0)
    assert (np.abs(called - 33 * scores.y_true.mean(axis=0)) <= 0.5 + 1e-9).all()


def test_pcut_comes_as_close_as_ties_allow_and_closer_from_below():
    choice = LabelShares(np.array([0.5, 0.5]), "")
    y_score = np.array([[0.9, 0.5], [0.5, 0.4], [0.5, 0.4], [0.5, 0.4]])
    np.testing.assert_array_equal(choice.thresholds(y_score), [0.9, 0.5])  # 1 or 4 rows for 2: 1, the larger threshold


def test_fbr_gives_up_labels_whose_f1_is_too_low():
    generator = np.random.default_rng(0)
    y = generator.random((300, 2)) < (0.5, 0.02)
    y_score = np.where([True, False], 0.8 * y + 0.2 * generator.random(y.shape), generator.random(y.shape))
    scores = scores_of(y, y_score)
    for folds in (1, 3):
        never, once = (LABEL_RULES[name](LabelRows.of(scores), least=0.3, folds=folds) for name in ("fbr_0", "fbr_1"))
        assert [choice.feasible for choice in never.choices] == [True, False]
        assert never.thresholds[0] == once.thresholds[0] == LABEL_RULES["scut"](LabelRows.of(scores)).thresholds[0]
        assert never.thresholds[1] == np.inf
        assert once.thresholds[1] == y_score[:, 1].max()
        assert never.decide(y_score)[:, 1].sum() == 0
        assert once.decide(y_score)[:, 1].sum() == 1
        assert "1 of 2 with F1 below 0.3" in never.said
        assert never.choices[1].said.startswith("Infeasible: F1 is 0.")


def test_fbr_that_asks_for_nothing_is_scut():
    scores = labelled()
    scut = LABEL_RULES["scut"](LabelRows.of(scores))
    for name in ("fbr_0", "fbr_1"):
        np.testing.assert_array_equal(LABEL_RULES[name](LabelRows.of(scores), least=0).thresholds, scut.thresholds)


# --- inner folds


@given(st.integers(2, 10), st.integers(0, 60), st.integers(0, 60))
def test_inner_folds_share_rows_and_positives_equally(folds, positives, negatives):
    y = np.repeat([1, 0], [positives, negatives])
    fold = inner_folds(y, folds)
    for members in (fold, fold[y == 1], fold[y == 0]):
        counts = np.bincount(members, minlength=folds)
        assert len(counts) == folds
        assert np.ptp(counts) <= 1
    np.testing.assert_array_equal(fold, inner_folds(y, folds))


def test_cross_tuned_value_is_that_of_decisions_made_without_the_row():
    scores = labelled(200, 1)
    y, p = scores.y_true[:, 0], scores.y_score[:, 0]
    fold = inner_folds(y, 4)
    decided = np.zeros(200, bool)
    for held in (fold == number for number in range(4)):
        t = RULES["f1"](candidates(ScoreIndex.of(y[~held], p[~held]))).threshold
        decided[held] = predicted_positive(p[held], t)
    np.testing.assert_allclose(cross_tuned(bind("f1"), y, p, fold), f1_score(y, decided))


def test_cross_tuned_f1_is_lower_where_there_is_nothing_to_learn():
    generator = np.random.default_rng(0)
    tuned, crossed = [], []
    for _ in range(30):
        y, p = generator.random(60) < 0.1, generator.random(60)
        y[0] = True
        tuned.append(RULES["f1"](candidates(ScoreIndex.of(y, p))).value)
        crossed.append(cross_tuned(bind("f1"), y, p, inner_folds(y, 3)))
    assert np.nanmean(crossed) < np.mean(tuned) - 0.05


@every_label_rule
def test_cross_decided_rows_have_no_part_in_their_own_decision(name):
    scores = labelled(90, 4)
    called = cross_decided(LabelRows.of(scores), LABEL_RULES[name], 3)
    fold = inner_folds(np.zeros(90), 3)
    for held in (fold == number for number in range(3)):
        others = scores_of(scores.y_true[~held], scores.y_score[~held])
        np.testing.assert_array_equal(
            called[held], LABEL_RULES[name](LabelRows.of(others)).decide(scores.y_score[held])
        )


def test_cross_decided_takes_fewer_rows_than_folds():
    assert cross_decided(LabelRows.of(labelled(2, 3)), LABEL_RULES["scut"], 3).shape == (2, 3)
    with pytest.raises(CutoffError, match="`folds`"):
        cross_decided(LabelRows.of(labelled(9, 3)), LABEL_RULES["scut"], 1)


# --- weights


def weighed(dtype: type = np.float64) -> tuple[Scores, np.ndarray]:
    """Rows with fractional weights, a seventh of which are 0."""
    scores = labelled(140, 4, seed=3, dtype=dtype)
    return scores, np.random.default_rng(1).integers(0, 7, 140) / 4


@every_label_rule
def test_a_row_of_whole_weight_counts_as_that_many_rows(name):
    scores, weight = weighed()
    times = (4 * weight).astype(int)
    rows = scores_of(np.repeat(scores.y_true, times, axis=0), np.repeat(scores.y_score, times, axis=0))
    params = {"folds": 1, "least": 0.4} if "fbr" in name else {}  # folds are of rows, which differ here
    for of_weight in (times, weight):
        found = LABEL_RULES[name](LabelRows.of(scores, of_weight), **params)
        expected = LABEL_RULES[name](LabelRows.of(rows), **params)
        decided = found.decide(scores.y_score, of_weight)
        np.testing.assert_array_equal(np.repeat(decided, times, axis=0), expected.decide(rows.y_score))


@pytest.mark.parametrize("name", ["scut", "one_for_all"])
def test_tuned_f1_is_the_greatest_of_scikit_learn_with_the_same_weights(name):
    scores, weight = weighed(np.float32)
    every = np.unique(scores.y_score)
    chosen = LABEL_RULES[name](LabelRows.of(scores, weight)).choices
    columns = (
        [(scores.y_true.ravel(), scores.y_score.ravel(), np.repeat(weight, 4))]
        if name == "one_for_all"
        else [(scores.y_true[:, c], scores.y_score[:, c], weight) for c in range(4)]
    )
    for choice, (y, p, of_row) in zip(chosen, columns, strict=True):
        best = max(f1_score(y, p >= t, sample_weight=of_row) for t in every)
        assert choice.value == pytest.approx(best)
        assert f1_score(y, p >= np.float32(choice.threshold), sample_weight=of_row) == pytest.approx(best)


def test_cross_tuned_value_weighs_the_rows_as_scikit_learn_does():
    scores, weight = weighed()
    y, p = scores.y_true[:, 0], scores.y_score[:, 0]
    fold = inner_folds(y, 3)
    decided = np.zeros(len(y), bool)
    for held in (fold == number for number in range(3)):
        t = RULES["f1"](candidates(ScoreIndex.of(y[~held], p[~held], weight[~held]))).threshold
        decided[held] = p[held] >= t
    expected = f1_score(y, decided, sample_weight=weight)
    assert cross_tuned(bind("f1"), y, p, fold, weight) == pytest.approx(expected)
    assert cross_tuned(bind("f1"), y, p, fold) != pytest.approx(expected)


@every_label_rule
def test_the_rows_of_a_source_are_indexed_once(name):
    scores, weight = weighed()
    source = ArraySource({"test": scores}, columns={"test": RowColumns(weight=weight)})
    rows = LabelRows.of_source(source, "test")
    assert all(index is source.index("test", label) for label, index in enumerate(rows.indexes))
    found, expected = (LABEL_RULES[name](given) for given in (rows, LabelRows.of(scores, weight)))
    assert found.said == expected.said
    np.testing.assert_array_equal(found.decide(scores.y_score, weight), expected.decide(scores.y_score, weight))


# --- what every entry owes


@every_label_rule
def test_specs_are_complete(name):
    spec = LABEL_RULES[name]
    assert spec.name == name
    assert spec.label
    assert spec.help.endswith(".")
    assert all(param.check(param.default) == param.default and param.label and param.help for param in spec.params)


@every_label_rule
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_rules_bear_few_rows_labels_without_positives_and_constant_scores(name, n):
    generator = np.random.default_rng(n)
    y = np.column_stack([np.zeros(n), np.ones(n), generator.integers(0, 2, (n, 2))]).astype(int)
    y_score = np.column_stack([generator.random((n, 3)), np.full(n, 0.5)])
    choice = LABEL_RULES[name](LabelRows.of(scores_of(y, y_score)))
    assert choice.said.endswith(".")
    assert choice.decide(y_score).shape == (n, 4)
    assert choice.decide(y_score).dtype == bool
    if isinstance(choice, LabelThresholds):
        assert not np.isnan(choice.thresholds).any()
        np.testing.assert_array_equal(choice.decide(y_score), y_score >= choice.thresholds)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("rcut", {"k": -1}, "`k` to be a whole number"),
        ("scut", {"k": 1}, r"params of scut to be among \[\], but got 'k'"),
        ("pcut", {"rule": bind("f1")}, "no `rule` for pcut, but got f1"),
        ("fbr_0", {"folds": 0}, "`folds` to be a whole number"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(name, arguments, sentence):
    with pytest.raises(CutoffError, match=f"^Expected .*{sentence}.*\\.$"):
        LABEL_RULES[name](LabelRows.of(labelled()), **arguments)


def test_other_tasks_and_single_folds_are_refused():
    binary = Scores(np.array([0, 1]), np.array([0.1, 0.2]), "binary", ("no", "yes"))
    with pytest.raises(CutoffError, match=r"^Expected `scores` of a multilabel task, but got a binary one\.$"):
        LabelRows.of(binary)
    with pytest.raises(CutoffError, match=r"^Expected `folds` to be at least 2, but got 1\.$"):
        inner_folds([0, 1], 1)
