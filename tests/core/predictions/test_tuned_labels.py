"""All labels or classes tuned at once: the thresholds of the rules, and scikit-learn's numbers at them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, multilabel_confusion_matrix

from core.__main__ import main
from core.errors import CutoffError
from core.evaluation.source import About, ArraySource, tuned_on
from core.evaluation.tuning import LABEL_RULES, LabelRows, LabelThresholds, bind
from core.predictions import open_predictions
from core.predictions.examples import EXAMPLES
from core.predictions.tuned import rule_of, tuned_threshold
from core.predictions.tuned_labels import SCUT, methods, tuned_labels


def opened(name: str) -> ArraySource:
    example = EXAMPLES[name]
    return open_predictions(example.read(), example.roles, About(example.label, example.story)).source


@pytest.mark.parametrize("method", LABEL_RULES)
def test_labels_are_decided_as_the_page_decides_them(method: str):
    source = opened("yeast")
    part = tuned_on(source)
    found = tuned_labels(source, method)
    choice = LABEL_RULES[method](LabelRows.of_source(source, part))
    assert found.sentence == choice.said
    if isinstance(choice, LabelThresholds):
        above = np.isposinf(choice.thresholds)
        assert [label.above_all for label in found.labels] == above.tolist()
        ours = [np.inf if label.threshold is None else label.threshold for label in found.labels]
        np.testing.assert_allclose(ours, choice.thresholds, rtol=1e-6)
    for one in source.parts:
        scores = source.scores(one)
        decided = choice.decide(scores.y_score)
        expected = multilabel_confusion_matrix(scores.y_true, decided)
        numbers = [label.parts[one] for label in found.labels]
        matrices = [[[of["tn"], of["fp"]], [of["fn"], of["tp"]]] for of in numbers]
        assert matrices == expected.tolist()
        micro = f1_score(scores.y_true, decided, average="micro", zero_division=0)
        assert found.totals[one]["micro_f1"] == pytest.approx(micro)


@pytest.mark.parametrize("name", ["digits", "yeast"])
@pytest.mark.parametrize(("rule", "given"), [("f1", {}), ("precision", {"at_least": 0.9})])
def test_scut_finds_what_each_column_finds_alone(name: str, rule: str, given: dict[str, float]):
    source, bound = opened(name), rule_of(rule, given)
    found = tuned_labels(source, SCUT, bound)
    for column in (0, len(found.labels) - 1):
        alone = tuned_threshold(source, column, bound)
        label = found.labels[column]
        assert (label.name, label.threshold, label.above_all) == (alone.class_name, alone.threshold, alone.above_all)
        assert label.parts[alone.part]["tp"] == alone.tp
        assert alone.test
        assert label.parts["test"]["f1"] == pytest.approx(alone.test.f1)


def test_a_method_fits_its_task():
    assert methods("multilabel") == tuple(LABEL_RULES)
    with pytest.raises(CutoffError, match="one threshold; tune it alone"):
        tuned_labels(opened("fraud"), SCUT)
    with pytest.raises(CutoffError, match="no method rcut for multiclass predictions"):
        tuned_labels(opened("digits"), "rcut")
    with pytest.raises(CutoffError, match="Expected no `rule` for rcut"):
        tuned_labels(opened("yeast"), "rcut", bind("f1"))
    with pytest.raises(CutoffError):
        tuned_labels(opened("yeast"), "rcut", params={"k": -1})


def test_the_shell_prints_the_same(capsys: pytest.CaptureFixture[str]):
    path = str(EXAMPLES["yeast"].path)
    main(["tune-labels", path, "--method", "fbr_0", "--least", "0.4", "--folds", "2", "--json"])
    said = json.loads(capsys.readouterr().out)
    found = tuned_labels(opened("yeast"), "fbr_0", params={"least": 0.4, "folds": 2})
    assert said["labels"] == json.loads(found.as_json())["labels"]
    assert any(label["above_all"] and label["threshold"] is None for label in said["labels"])
    main(["tune-labels", path])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("class")] == list(EXAMPLES["yeast"].roles.names)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--at-least", "0.9"], "Choose a rule for these parameters"),
        (["--class", "class1"], "for one of them use tune"),
        (["--method", "rcut", "--rule", "f1"], "Expected no `rule` for rcut"),
    ],
)
def test_bad_input_is_one_sentence(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["tune-labels", str(EXAMPLES["yeast"].path), *options])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
