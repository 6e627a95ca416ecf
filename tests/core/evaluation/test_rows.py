"""The rows behind an outcome, a range or a cell: as many as are counted, every row once, the nearest first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit

from core.data import load_dataset
from core.errors import CutoffError
from core.evaluation import DECISIONS, NO_CLASS, ScoreIndex, confusion_matrix
from core.evaluation.rows import OUTCOMES, behind, behind_cell, described, misclassified, outcome_counts
from core.evaluation.scores import ClassView, Scores
from core.evaluation.source import ArraySource, RowColumns
from core.plots.rows import outcome_bars
from tests.support.scored_rows import rows

THRESHOLDS = st.sampled_from([-0.0, 0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 3.0])
ENDS = st.none() | THRESHOLDS


def view(y_true, y_score) -> ClassView:
    return ClassView(np.asarray(y_true) == 1, np.asarray(y_score), "yes", "no")


@st.composite
def classes(draw: st.DrawFn) -> tuple[Scores, np.ndarray, np.ndarray]:
    """Scores of three classes, many of them tied, thresholds, and the decisions of one of the rules."""
    n = draw(st.integers(0, 20))
    y_score = draw(arrays(np.float32, (n, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
    y_true = draw(arrays(np.int64, n, elements=st.integers(0, 2)))
    thresholds = draw(arrays(np.float64, 3, elements=st.sampled_from([0.25, 0.5, 0.75])))
    decided = DECISIONS[draw(st.sampled_from(list(DECISIONS)))](y_score, thresholds)
    return Scores(y_true, y_score, "multiclass", ("a", "b", "c")), thresholds, decided


# --- one class against the rest


@given(rows(), THRESHOLDS)
def test_there_are_as_many_rows_as_the_threshold_counts(drawn, threshold):
    given_view = view(drawn.y_true, drawn.y_score)
    counts = ScoreIndex.of(drawn.y_true, drawn.y_score).counts(threshold)
    assert outcome_counts(given_view, threshold) == {name: getattr(counts, name) for name in OUTCOMES}
    for name in OUTCOMES:
        assert len(behind(given_view, threshold, name)) == getattr(counts, name)


@given(rows(), THRESHOLDS, ENDS, ENDS)
def test_a_range_holds_its_low_end_and_not_its_high_one(drawn, threshold, low, high):
    given_view = view(drawn.y_true, drawn.y_score)
    found = behind(given_view, threshold, low=low, high=high)
    kind = drawn.y_score.dtype.type
    expected = [
        at
        for at, score in enumerate(drawn.y_score)
        if (low is None or score >= kind(low)) and (high is None or score < kind(high))
    ]
    assert sorted(found.index) == expected
    counts = outcome_counts(given_view, threshold, low, high)
    assert {name: len(behind(given_view, threshold, name, low, high)) for name in OUTCOMES} == counts


@given(rows(), THRESHOLDS, THRESHOLDS | st.just(np.inf), ENDS, ENDS)
def test_changed_rows_are_those_that_the_saved_threshold_decides_otherwise(drawn, threshold, saved, low, high):
    given_view = view(drawn.y_true, drawn.y_score)
    kind = drawn.y_score.dtype.type
    with np.errstate(over="ignore"):
        now, before = drawn.y_score >= kind(threshold), drawn.y_score >= kind(saved)
    found = behind(given_view, threshold, low=low, high=high, saved=saved)
    within = set(behind(given_view, threshold, low=low, high=high).index)
    assert sorted(found.index) == [at for at in np.flatnonzero(now != before) if at in within]
    names = {(True, True): "TP", (True, False): "FN", (False, True): "FP", (False, False): "TN"}
    for at, row in found.iterrows():
        assert row["outcome"] == names[bool(given_view.y[at]), bool(now[at])]
        assert row["saved outcome"] == names[bool(given_view.y[at]), bool(before[at])]
    counts = outcome_counts(given_view, threshold, low, high, saved)
    assert {name: int((found["outcome"] == name.upper()).sum()) for name in OUTCOMES} == counts


@given(rows(), THRESHOLDS)
def test_the_outcomes_part_the_rows(drawn, threshold):
    given_view = view(drawn.y_true, drawn.y_score)
    parts = {name: behind(given_view, threshold, name) for name in OUTCOMES}
    assert sorted(at for part in parts.values() for at in part.index) == list(range(len(drawn.y_true)))
    for name, part in parts.items():
        true, called = OUTCOMES[name]
        assert (part["outcome"] == name.upper()).all()
        assert (given_view.y[part.index] == true).all()
        assert ((part["distance"] >= 0) == called).all()


@given(rows(), THRESHOLDS)
def test_the_nearest_rows_come_first_and_ties_keep_their_order(drawn, threshold):
    found = behind(view(drawn.y_true, drawn.y_score), threshold)
    exact = drawn.y_score.astype(np.float64) - float(drawn.y_score.dtype.type(threshold))
    assert found.index.tolist() == sorted(range(len(exact)), key=lambda at: (abs(exact[at]), at))
    np.testing.assert_array_equal(found["distance"], exact[found.index])


def test_scores_keep_their_type_and_are_said_as_logits():
    found = behind(view([0, 1, 1], np.float32([0.0, 0.7, 1.0])), 0.7)
    assert found["score"].dtype == np.float32
    assert found["distance"].tolist()[0] == 0  # .7 in float32 is at the threshold .7
    np.testing.assert_allclose(found["logit"], logit(np.float64(found["score"])))
    assert found["logit"].tolist()[1:] == [np.inf, -np.inf]


def test_another_outcome_is_refused():
    with pytest.raises(CutoffError, match=r"Expected `outcome` to be one of tp, fp, fn, tn, but got 'TP'"):
        behind(view([0, 1], [0.2, 0.8]), 0.5, "TP")


# --- a cell among several classes


@given(classes())
def test_a_cell_has_the_rows_that_its_matrix_counts(drawn):
    scores, _, decided = drawn
    matrix = confusion_matrix(scores.y_true, decided, 3, no_class=True)
    for true in range(3):
        for column, called in enumerate((0, 1, 2, NO_CLASS)):
            found = behind_cell(scores, decided, true, called)
            assert len(found) == matrix[true, column]
            assert (scores.y_true[found.index] == true).all()
            assert set(found["predicted"]) <= {(*scores.class_names, "none")[called]}
        assert len(behind_cell(scores, decided, true=true)) == matrix[true].sum()
    assert sorted(behind_cell(scores, decided).index) == list(range(scores.n_rows))


@given(classes(), classes())
def test_changed_rows_of_several_classes_have_another_class_with_the_saved_thresholds(drawn, other):
    scores, _, decided = drawn
    saved = np.resize(other[2], len(decided)) if len(other[2]) else np.zeros_like(decided)
    found = behind_cell(scores, decided, saved=saved)
    assert sorted(found.index) == np.flatnonzero(decided != saved).tolist()
    names = (*scores.class_names, "none")
    assert found["predicted"].tolist() == [names[decided[at]] for at in found.index]
    assert found["saved predicted"].tolist() == [names[saved[at]] for at in found.index]


@given(classes())
def test_the_least_sure_decisions_of_a_cell_come_first(drawn):
    scores, _, decided = drawn
    found = behind_cell(scores, decided)
    assert (np.diff(found["lead"].abs()) >= 0).all()
    for at, score, lead in zip(found.index, found["score"], found["lead"], strict=True):
        p = scores.y_score[at].astype(float)
        own = decided[at] if decided[at] != NO_CLASS else p.argmax()
        assert score == p[own]
        assert lead == p[own] - np.delete(p, own).max()


def test_thresholds_that_overrule_argmax_give_a_lead_below_zero():
    scores = Scores([0, 1], [[0.6, 0.4], [0.9, 0.1]], "multiclass", ("a", "b"))
    found = behind_cell(scores, DECISIONS["ratio"](scores.y_score, [0.8, 0.2]))
    assert found["predicted"].tolist() == ["b", "a"]
    np.testing.assert_allclose(found["lead"], [-0.2, 0.8])


# --- misclassified


def test_a_mistake_between_two_classes_has_the_score_of_the_positive_one():
    score = np.float32([[0.122], [0.9], [0.3], [0.8], [0.45]])
    scores = Scores([1, 1, 0, 0, 1], score, "binary", ("rest", "8"))
    found = misclassified(scores, (score[:, 0] >= 0.5).astype(int))
    assert found.index.tolist() == [0, 3, 4]  # 0.878 for rest, 0.8 for 8, 0.55 for rest
    assert found["actual"].tolist() == ["8", "rest", "8"]
    assert found["predicted"].tolist() == ["rest", "8", "rest"]
    assert found["of"].tolist() == ["8"] * 3
    assert found["score"].tolist() == score[[0, 3, 4], 0].tolist()


def test_the_worst_mistake_on_logits_is_the_farthest_from_0():
    z = np.array([[-3.0], [2.5], [-0.5]])
    found = misclassified(Scores([1, 0, 1], z, "binary", ("no", "yes")), (z[:, 0] >= 0).astype(int))
    assert found.index.tolist() == [0, 1, 2]


@given(classes())
def test_mistakes_among_several_classes_have_the_score_of_the_predicted_one(drawn):
    scores, _, _ = drawn
    decided = scores.y_score.argmax(1)
    found = misclassified(scores, decided)
    assert sorted(found.index) == np.flatnonzero(decided != scores.y_true).tolist()
    assert (np.diff(found["score"].astype(float)) <= 0).all()
    for row in found.itertuples():
        assert row.predicted == row.of == scores.class_names[decided[row.Index]]
        assert row.actual == scores.class_names[scores.y_true[row.Index]]
        assert row.score == scores.y_score[row.Index, decided[row.Index]]


# --- as a table


def source_of(scores: Scores, columns: RowColumns | None = None, places: np.ndarray | None = None) -> ArraySource:
    return ArraySource(
        {"test": scores},
        {"test": columns} if columns else {},
        {} if places is None else {"test": places},
    )


def test_a_table_names_the_rows_of_the_data_set_their_class_and_their_features():
    data = load_dataset("wine")
    rows = np.array([100, 3, 170])
    scores = Scores(data.y[rows], np.eye(3)[[0, 1, 2]], "multiclass", data.class_names)
    found = behind(scores.view(0), 0.5)
    source = source_of(scores, RowColumns(features=data.x[rows], feature_names=data.feature_names), rows)
    table = described(found, source, "test")
    assert table.columns.tolist() == ["row", "class", *found.columns, *data.feature_names]
    assert table["row"].tolist() == rows[found.index].tolist()
    assert table["class"].tolist() == [data.class_names[data.y[row]] for row in table["row"]]
    np.testing.assert_array_equal(table[list(data.feature_names)], data.x[table["row"]])
    short = described(found, source, "test", with_features=False)
    assert short.columns.tolist() == ["row", "class", *found.columns]


def test_a_table_has_what_else_is_known_of_the_rows():
    scores = Scores([0, 1, 1], [0.2, 0.9, 0.4], "binary", ("no", "yes"))
    columns = RowColumns(
        weight=np.array([1.0, 2.0, 0.5]), groups={"group": np.array(["a", "b", "a"])}, id=np.array([7, 8, 9])
    )
    table = described(behind(scores.view(), 0.5), source_of(scores, columns), "test").sort_values("row")
    assert table["id"].tolist() == [7, 8, 9]
    assert table["group"].tolist() == ["a", "b", "a"]
    assert table["weight"].tolist() == [1.0, 2.0, 0.5]
    assert not {"amount", "time"} & {*table.columns}


def test_a_table_of_several_labels_names_those_that_a_row_has():
    data = load_dataset("multilabel_synthetic")
    scores = Scores(data.y[:5], np.random.default_rng(0).random((5, data.y.shape[1])), "multilabel", data.class_names)
    table = described(behind(scores.view(0), 0.5), source_of(scores), "test")
    for row, labels in zip(table["row"], table["labels"], strict=True):
        assert labels == (", ".join(np.array(data.class_names)[data.y[row] == 1]) or "none")


def test_a_feature_may_be_called_like_a_column_of_the_table():
    scores = Scores([0, 1], [0.2, 0.9], "binary", ("no", "yes"))
    columns = RowColumns(features=np.float32([[1, 2], [3, 4]]), feature_names=("score", "row"))
    table = described(behind(scores.view(), 0.5), source_of(scores, columns), "test").sort_values("row")
    assert table["feature score"].tolist() == [1, 3]
    assert table["feature row"].tolist() == [2, 4]
    assert table.columns.is_unique


@pytest.mark.parametrize("wanted", [{"outcome": "tp"}, {"low": 2.0}])
def test_no_row_is_an_empty_table(wanted):
    scores = Scores([0, 0], [0.2, 0.9], "binary", ("no", "yes"))
    assert described(behind(scores.view(), 0.5, **wanted), source_of(scores), "test").empty


# --- as a histogram


@given(rows(), THRESHOLDS, st.sampled_from(["probability", "logit"]))
def test_a_bar_stands_for_the_rows_that_it_asks_for(drawn, threshold, scale):
    given_view = view(drawn.y_true, drawn.y_score)
    figure = outcome_bars(given_view, threshold, scale, bins=7)
    counts = outcome_counts(given_view, threshold)
    assert [trace["name"] for trace in figure["data"]] == ["tp", "fn", "tn", "fp"]
    for trace in figure["data"]:
        assert sum(count for count, _, _ in trace["customdata"]) == counts[trace["name"]]
        for height, (count, low, high) in zip(trace["y"], trace["customdata"], strict=True):
            assert len(behind(given_view, threshold, trace["name"], low, high)) == count
            assert (height != 0) == (count != 0)


def test_the_chosen_scores_are_shaded():
    shapes = outcome_bars(view([0, 1], [0.2, 0.8]), 0.5, low=0.1, high=0.3)["layout"]["shapes"]
    assert [(shape["x0"], shape["x1"]) for shape in shapes] == [(0.5, 0.5), (0.1, 0.3)]
    open_end = outcome_bars(view([0, 1], [0.2, 0.8]), 0.5, low=0.6)["layout"]["shapes"]
    assert (open_end[1]["x0"], open_end[1]["x1"]) == (0.6, 1)
    assert len(outcome_bars(view([], np.empty(0)), 0.5)["layout"]["shapes"]) == 1
