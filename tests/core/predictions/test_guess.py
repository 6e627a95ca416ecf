"""Files as people write them: what their columns are taken for, and what is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.data.tables import checked, read_table
from core.errors import CutoffError
from core.evaluation.source import GIVEN
from core.predictions import Roles, guess, guess_binary, open_predictions
from tests.support.files import written


@pytest.fixture
def read(tmp_path: Path):
    return lambda text: read_table(written(tmp_path, text.encode()))


def csv(**columns: object) -> str:
    """Columns as CSV; a single value stands in each of 40 rows."""
    given = {name: values if isinstance(values, list) else [values] * 40 for name, values in columns.items()}
    return "\n".join([",".join(given), *(",".join(map(str, row)) for row in zip(*given.values(), strict=True))]) + "\n"


GENERATOR = np.random.default_rng(0)
P = np.round(GENERATOR.random(40), 4).tolist()
Y = [int(p > 0.5) for p in P]
LOGIT = np.round(np.log(np.array(P) / (1 - np.array(P))), 4).tolist()
ROWS = np.round(GENERATOR.dirichlet([1, 1, 1], 40), 4)
CLASS = [int(row.argmax()) for row in ROWS]
ANIMALS = ["cat", "dog", "elk"]
TABLE = {  # to train on: nothing in it is a score
    "customer_id": list(range(5_000, 5_040)),
    "age": [20.5 + at for at in range(40)],
    "income": [1000.5 * at for at in range(40)],
}


def columns(prefix: str, values: np.ndarray, names: list[str]) -> dict[str, list[float]]:
    return {f"{prefix}{name}": values[:, at].tolist() for at, name in enumerate(names)}


def named(values: list[int], names: list[str]) -> list[str]:
    return [names[value] for value in values]


BINARY = Roles("binary", ("y_true",), ("y_score",))
THREE = ("0", "1", "2")

FILES = {
    "plain": (csv(y_true=Y, y_score=P), BINARY, ()),
    "other way round": (csv(score=P, label=Y), Roles("binary", ("label",), ("score",)), ()),
    "unknown names": (csv(foo=Y, bar=P), Roles("binary", ("foo",), ("bar",)), ()),
    "no names": (
        "\n".join(f"{y},{p}" for y, p in zip(Y, P, strict=True)),
        Roles("binary", ("column 1",), ("column 2",)),
        (),
    ),
    "features beside the score": (
        csv(plan=["a", "b"] * 20, age=list(range(20, 60)), churned=Y, risk=P, income=[1000.5 * at for at in range(40)]),
        Roles("binary", ("churned",), ("risk",), groups=("plan",)),
        (),
    ),
    "a score called value": (csv(label=Y, value=P), Roles("binary", ("label",), ("value",)), ()),
    "floats as labels": (csv(y_true=[float(y) for y in Y], y_score=P), BINARY, ()),
    "booleans": (
        csv(y_true=[str(bool(y)).lower() for y in Y], y_score=P),
        Roles("binary", ("y_true",), ("y_score",), "true"),
        ("positive",),
    ),
    "1 and 2": (
        csv(y_true=[y + 1 for y in Y], y_score=P),
        Roles("binary", ("y_true",), ("y_score",), "2"),
        ("positive",),
    ),
    "-1 and 1": (csv(y_true=[2 * y - 1 for y in Y], y_score=P), BINARY, ("positive",)),
    "words": (
        csv(target=named(Y, ["legit", "fraud"]), p=P),
        Roles("binary", ("target",), ("p",), "fraud"),
        ("positive",),
    ),
    "credit scores": (
        csv(y_true=Y, score=[round(575 + 40 * z) for z in LOGIT]),
        Roles("binary", ("y_true",), ("score",), scale="margin"),
        ("scale",),
    ),
    "logits": (csv(y_true=Y, logit=LOGIT), Roles("binary", ("y_true",), ("logit",), scale="logit"), ("scale",)),
    "margins": (
        csv(y_true=Y, decision_function=LOGIT),
        Roles("binary", ("y_true",), ("decision_function",), scale="margin"),
        ("scale",),
    ),
    "log-probabilities": (
        csv(y_true=Y, log_proba=np.log(P).tolist()),
        Roles("binary", ("y_true",), ("log_proba",), scale="log_probability"),
        ("scale",),
    ),
    "percent": (
        csv(y_true=Y, y_score=[100 * p for p in P]),
        Roles("binary", ("y_true",), ("y_score",), scale="percent"),
        ("scale",),
    ),
    "percent signs": (csv(y_true=Y, y_score=[f"{100 * p:.2f}%" for p in P]), BINARY, ()),
    "decimal commas": (csv(y_true=Y, y_score=[f'"{p}"'.replace(".", ",") for p in P]), BINARY, ()),
    "scores of the other class": (csv(y_true=Y, y_score=[round(1 - p, 4) for p in P]), BINARY, ("opposite",)),
    "both classes": (
        csv(y_true=Y, proba_0=[round(1 - p, 4) for p in P], proba_1=P),
        Roles("binary", ("y_true",), ("proba_1",)),
        (),
    ),
    "both classes by name": (
        csv(y_true=named(Y, ["legit", "fraud"]), proba_fraud=P, proba_legit=[round(1 - p, 4) for p in P]),
        Roles("binary", ("y_true",), ("proba_fraud",), "fraud"),
        ("positive",),
    ),
    "both classes by place": (
        csv(y_true=named(Y, ["legit", "fraud"]), proba_0=P, proba_1=[round(1 - p, 4) for p in P]),
        Roles("binary", ("y_true",), ("proba_0",), "fraud"),
        ("positive",),
    ),
    "rounded above 1": (csv(y_true=Y, y_score=[*P[:-1], 1.0000001]), BINARY, ()),
    "everything": (
        csv(
            row_id=list(range(40)),
            timestamp=[f"2024-01-{day % 28 + 1:02}" for day in range(40)],
            country=["DE", "FR"] * 20,
            amount=[round(100 * p, 2) for p in P],
            sample_weight=[1, 2] * 20,
            split=["val", "test"] * 20,
            y_true=Y,
            y_score=P,
            remark=[f"text {at}" for at in range(40)],
        ),
        Roles(
            "binary",
            ("y_true",),
            ("y_score",),
            weight="sample_weight",
            id="row_id",
            amount="amount",
            time="timestamp",
            split="split",
            groups=("country", "remark"),
        ),
        (),
    ),
    "three classes": (
        csv(y_true=CLASS, **columns("score_", ROWS, ["0", "1", "2"])),
        Roles("multiclass", ("y_true",), ("score_0", "score_1", "score_2"), classes=THREE, names=THREE),
        (),
    ),
    "three classes by name": (
        csv(y_true=named(CLASS, ANIMALS), **columns("score ", ROWS[:, ::-1], ANIMALS[::-1])),
        Roles("multiclass", ("y_true",), ("score elk", "score dog", "score cat"), classes=("elk", "dog", "cat")),
        (),
    ),
    "three classes with one word in all": (
        csv(y_true=[f"class {at}" for at in CLASS], **columns("score class ", ROWS[:, ::-1], ["2", "1", "0"])),
        Roles(
            "multiclass",
            ("y_true",),
            ("score class 2", "score class 1", "score class 0"),
            classes=("class 2", "class 1", "class 0"),
        ),
        (),
    ),
    "numbers for classes with names": (
        csv(y_true=CLASS, **columns("score ", ROWS, ANIMALS)),
        Roles(
            "multiclass",
            ("y_true",),
            ("score cat", "score dog", "score elk"),
            classes=THREE,
            names=("cat", "dog", "elk"),
        ),
        (),
    ),
    "log-probabilities of three classes": (
        csv(y_true=CLASS, **columns("score_", np.log(ROWS + 1e-9), ["0", "1", "2"])),
        Roles(
            "multiclass",
            ("y_true",),
            ("score_0", "score_1", "score_2"),
            classes=THREE,
            names=THREE,
            scale="log_probability",
        ),
        ("scale",),
    ),
    "three labels": (
        csv(**columns("y_true ", (ROWS > 0.3).astype(int), ANIMALS), **columns("score ", ROWS, ANIMALS)),
        Roles(
            "multilabel",
            ("y_true cat", "y_true dog", "y_true elk"),
            ("score cat", "score dog", "score elk"),
            names=("cat", "dog", "elk"),
        ),
        (),
    ),
    "labels in another order than scores": (
        csv(**columns("y_true ", (ROWS > 0.3).astype(int), ANIMALS), **columns("score ", ROWS[:, ::-1], ANIMALS[::-1])),
        Roles(
            "multilabel",
            ("y_true cat", "y_true dog", "y_true elk"),
            ("score cat", "score dog", "score elk"),
            names=("cat", "dog", "elk"),
        ),
        (),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_columns_are_what_they_look_like(name: str, read):
    text, roles, questions = FILES[name]
    found = guess(read(text))
    assert found.roles == roles
    assert found.questions == questions


@pytest.mark.parametrize("name", FILES)
def test_what_is_guessed_can_be_opened(name: str, read):
    table = read(FILES[name][0])
    source = open_predictions(table, guess(table).roles, GIVEN).source
    assert sum(source.scores(part).n_rows for part in source.parts) == 40


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (csv(y_true=Y), "Found no column of scores beside the labels y_true."),
        (csv(y_score=P), "Found no column of labels beside the scores y_score."),
        (csv(a=[f"text {at}" for at in range(60)]), "Found neither labels nor scores among a."),
        (csv(y_true=[f"text {at}" for at in range(2_000)], y_score=[0.5] * 2_000), "more than 1,000 different values"),
        (csv(y_true=[*CLASS[:-1], 7], **columns("p_", ROWS, ["0", "1", "2"])), "do not fit the 3 columns of scores"),
        (csv(y_true=["", "", ""], y_score=P[:3]), "y_true holds no labels."),
        (csv(churn=named(Y, ["no", "yes"]), **TABLE), "No column looks like scores of the labels churn."),
        (csv(churn=Y, age=TABLE["age"], income=TABLE["income"]), "No column looks like scores of the labels churn."),
    ],
)
def test_what_is_missing_is_said(text: str, sentence: str, read):
    with pytest.raises(CutoffError, match=sentence):
        guess(read(text))


@pytest.mark.parametrize("n_rows", [3, 40, 300, 1_000])
@pytest.mark.parametrize("start", [0, 1, 10_000])
@pytest.mark.parametrize("name", ["y_true", "label", "nr"])
def test_numbers_that_never_repeat_are_no_labels(n_rows: int, start: int, name: str):
    score = np.random.default_rng(n_rows).random(n_rows)
    numbers = np.random.default_rng(0).permutation(np.arange(start, start + n_rows))
    table = checked(pa.table({name: numbers, "y_score": score}))
    like_an_id = f"{name} has a different value in every row, like an id. Choose the labels."
    with pytest.raises(CutoffError, match="no column of labels" if name == "nr" else like_an_id):
        guess(table)
    beside = checked(pa.table({name: numbers, "y_score": score, "fraud": np.arange(n_rows) % 2}))
    assert guess(beside).roles.y_true == ("fraud",)
    assert guess(table, y_true=(name,)).questions[:1] == ("positive",)  # somebody said that they are labels


def test_each_class_once_is_a_label(read):
    found = guess(read(csv(y_true=[0, 1, 2], **columns("p_", ROWS[:3], ["0", "1", "2"]))))
    assert (found.roles.task, found.roles.classes) == ("multiclass", THREE)


def test_another_positive_class_turns_the_question(read):
    table = read(csv(y_true=named(Y, ["legit", "fraud"]), y_score=P))
    found = guess(table)
    assert found.labels == ("fraud", "legit")
    turned = guess_binary(table, Roles("binary", ("y_true",), ("y_score",), "legit"))
    assert (found.questions, turned.questions) == (("positive",), ("positive", "opposite"))
    with pytest.raises(CutoffError, match="y_true never is spam; its values are fraud, legit"):
        guess_binary(table, Roles("binary", ("y_true",), ("y_score",), "spam"))


@pytest.mark.parametrize("score", [[0.5] * 40, [""] * 39 + ["0.5"]])
def test_scores_that_tell_nothing_raise_no_question(score: list, read):
    assert guess(read(csv(y_true=Y, y_score=score))).questions == ()


def test_many_rows_are_guessed_as_few_are():
    score = np.random.default_rng(1).random(100_000)
    found = guess(checked(pa.table({"y_true": (score < 0.5).astype(int), "y_score": score})))
    assert found.roles == BINARY
    assert found.questions == ("opposite",)


def test_a_split_of_which_one_value_names_no_part_is_complained_of(read):
    given = read(csv(y_true=Y, y_score=P, split=["val", "test", "tset", "val"] * 10))
    roles = guess(given).roles
    assert roles.split == "split"
    with pytest.raises(CutoffError, match="but it also is tset"):
        open_predictions(given, roles, GIVEN)
    assert guess(read(csv(y_true=Y, y_score=P, split=["a", "b"] * 20))).roles.split is None


def test_labels_without_a_column_of_scores_are_complained_of(read):
    labels = {f"y_true {name}": Y for name in "abcd"}
    with pytest.raises(CutoffError, match=r"there are 4 of labels, .* and 3 of scores, y_score a, y_"):
        guess(read(csv(**labels, **columns("y_score ", ROWS, ["a", "b", "c"]))))
    with pytest.raises(CutoffError, match="The labels a, b, z do not fit the 3 columns of scores"):
        guess(read(csv(y_true=["a", "b", "z", "z"] * 10, **columns("score ", ROWS, ["a", "b", "c"]))))
    by_place = guess(read(csv(y_true=["x", "y", "z", "z"] * 10, **columns("score ", ROWS, ["a", "b", "c"]))))
    assert by_place.roles.classes == ("x", "y", "z")
