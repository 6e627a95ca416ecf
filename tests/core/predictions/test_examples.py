"""The files of predictions that ship: they open without a question, and their numbers are scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, roc_auc_score

from core.data import load_dataset
from core.data.tables import read_table
from core.evaluation.periods import periods_of
from core.evaluation.ranking import Rankings
from core.evaluation.source import About, ArraySource
from core.predictions import guess, open_predictions
from core.predictions.examples import EXAMPLES, FOLDER
from core.predictions.examples.making import POS_WEIGHT, forms, write

MOST_BYTES = 300_000  # of all files together


def opened(name: str) -> ArraySource:
    example = EXAMPLES[name]
    return open_predictions(example.read(), example.roles, About(example.label, example.story)).source


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_opens_without_a_question(name: str):
    found = guess(EXAMPLES[name].read())
    assert found.questions == ()
    assert found.roles == EXAMPLES[name].roles
    assert opened(name).parts == ("validation", "test")


def test_the_files_are_small():
    assert sum((FOLDER / example.file).stat().st_size for example in EXAMPLES.values()) < MOST_BYTES


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_what_is_told_is_one_sentence_each(example):
    for told in (example.story, example.made_up):
        assert told.endswith(".")
        assert told.count(". ") == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_row_has_a_group_an_amount_and_a_time(name: str):
    source = opened(name)
    for part in source.parts:
        columns = source.columns[part]
        assert columns.groups
        assert columns.amount is not None
        assert columns.amount.min() > 0
        assert not np.isnat(columns.time).any()
        assert len(periods_of(columns.time).names) >= 6


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_says_what_is_made_up(name: str):
    example = EXAMPLES[name]
    notes = open_predictions(example.read(), example.roles, About(example.label, example.story)).notes
    assert example.made_up in notes


def test_forms_begin_with_all_digits_in_order():
    data = load_dataset("digits")
    form = forms(data.y)
    assert form.max() + 1 == 14
    assert set(np.diff(form)) == {0, 1}
    sizes = np.bincount(form)
    assert sizes.min() > 100
    assert sizes.max() < 150
    begins = np.flatnonzero(np.diff(form, prepend=-1))
    assert np.mean([(data.y[at : at + 10] == np.arange(10)).mean() for at in begins]) > 0.9


def test_times_are_in_the_order_of_the_data():
    for name in ("digits", "yeast"):
        table = EXAMPLES[name].read().columns.to_pandas().sort_values("id")
        assert table["time"].is_monotonic_increasing
    digits = EXAMPLES["digits"].read().columns.to_pandas()
    assert digits.groupby("form")["time"].nunique().eq(1).all()
    assert (digits["amount"] == 10 ** (3 - digits["id"] % 4)).all()


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_numbers_are_those_of_scikit_learn(name: str, part: str):
    scores = opened(name).scores(part)
    for column in range(scores.n_columns):
        view = scores.view(column)
        index = opened(name).index(part, column)
        for threshold in (0.1, 0.5, 0.9):
            counts = index.counts(threshold)
            expected = confusion_matrix(view.y, view.score >= np.float32(threshold), labels=[False, True])
            assert [[counts.tn, counts.fp], [counts.fn, counts.tp]] == expected.tolist()
        ranked = Rankings.of(view.y, view.score)
        assert ranked.roc_aucs()[0] == pytest.approx(roc_auc_score(view.y, view.score))
        assert ranked.average_precisions()[0] == pytest.approx(average_precision_score(view.y, view.score))


def test_a_fraud_model_ranks_well_but_its_scores_are_too_high():
    scores = opened("fraud").scores("test")
    score = scores.y_score[:, 0].astype(float)
    assert roc_auc_score(scores.y_true, score) > 0.9
    assert score.mean() > 4 * scores.y_true.mean()
    back = score / (score + POS_WEIGHT * (1 - score))
    assert back.mean() == pytest.approx(scores.y_true.mean(), rel=0.25)


def test_fraud_grows_over_the_months():
    table = EXAMPLES["fraud"].read().columns.to_pandas()
    months = table["time"].dt.month
    assert sorted(set(months)) == [1, 2, 3, 4, 5, 6]
    assert table["y_true"][months >= 4].mean() > 1.25 * table["y_true"][months <= 3].mean()


def test_argmax_is_nearly_always_right():
    scores = opened("digits").scores("test")
    assert (scores.y_score.argmax(axis=1) == scores.y_true).mean() > 0.92


def test_rare_functions_are_hardly_ever_predicted_at_one_half():
    scores = opened("yeast").scores("test")
    rare = scores.y_true.mean(axis=0) < 0.2
    assert rare.sum() >= 5
    assert (scores.y_score[:, rare] >= 0.5).mean() < 0.25 * scores.y_true[:, rare].mean()
    macro = [f1_score(scores.y_true, scores.y_score >= t, average="macro", zero_division=0) for t in (0.5, 0.25)]
    assert macro[1] > macro[0]


def test_the_files_are_those_that_the_script_writes(tmp_path: Path):
    write(tmp_path)
    for example in EXAMPLES.values():
        made, shipped = (read_table(folder / example.file).columns.to_pandas() for folder in (tmp_path, FOLDER))
        assert list(made) == list(shipped)
        for name in made:
            if name.startswith("y_score"):
                np.testing.assert_allclose(made[name], shipped[name], atol=1e-3)
            else:
                np.testing.assert_array_equal(made[name], shipped[name])
