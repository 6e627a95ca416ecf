"""One object for a tuned threshold: it has the numbers of what the page shows, as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.errors import CutoffError
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource
from core.evaluation.threshold import Domain
from core.evaluation.tuning import rules, tune
from core.predictions.tuned import column_of, options, rule_of, tuned_threshold

GENERATOR = np.random.default_rng(0)


def scores(rows: int = 400) -> Scores:
    q = GENERATOR.beta(0.5, 3, rows).astype(np.float32)
    return Scores(GENERATOR.random(rows) < q, q, "binary", ("no", "yes"))


SOURCE = ArraySource({"validation": scores(), "test": scores()})


@pytest.mark.parametrize("name", rules())
def test_every_rule_gives_what_the_page_shows(name: str):
    rule = rule_of(name, {})
    found, shown = tuned_threshold(SOURCE, 0, rule), tune(SOURCE, 0, rule)
    assert shown.regret is not None
    assert found.test is not None
    domain = Domain.of(SOURCE.scores("validation"), SOURCE.scores("test"))
    of_page = domain.found(shown.bootstrap.choice.threshold, name, "validation")
    assert (found.threshold, found.above_all) == (of_page.number, of_page.above_all)
    np.testing.assert_equal(
        np.array([found.value, found.estimate, found.test.value], float),
        [shown.bootstrap.choice.value, shown.bootstrap.estimate, shown.regret.value],
    )
    np.testing.assert_equal(np.array(found.interval, float), shown.bootstrap.interval)
    assert json.loads(found.as_json())["test"].keys() < json.loads(found.as_json()).keys()


def test_options_of_rules_reach_their_parameters():
    for name, spec in rules().items():
        assert [param.name for param in options(name).values()] == [param.name for param in spec.params]
    assert dict(rule_of("precision", {"at_least": 0.5}).params) == {"least": 0.5}
    assert dict(rule_of("cost", {"true_positive": -3, "false_negative": 9}).params)["benefit_tp"] == -3


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("best", {}, "There is no rule best; the rules are fixed, f1"),
        ("precision", {"least": 0.5}, "The rule precision has no parameter least; its parameters are at_least."),
        ("f1", {"beta": 1}, "The rule f1 has no parameter beta; it has none."),
        ("precision", {"at_least": "most"}, "Expected at_least to be a number from 0 to 1, but got 'most'."),
        ("cost", {"false_positive": float("nan")}, "Expected false_positive to be a number from"),
    ],
)
def test_other_rules_and_parameters_are_refused(name: str, given: dict, sentence: str):
    with pytest.raises(CutoffError) as refused:
        rule_of(name, given)
    assert str(refused.value).startswith(sentence)


def test_a_column_is_that_of_its_class_or_label():
    several = ArraySource({"all": Scores([0, 1, 2], np.eye(3), "multiclass", ("a", "b", "c"))})
    assert column_of(SOURCE, None) == column_of(SOURCE, "yes") == 0
    assert column_of(several, "c") == 2
    with pytest.raises(CutoffError, match="Choose one of the classes a, b, c"):
        column_of(several, None)
    with pytest.raises(CutoffError, match="d is none of the classes a, b, c"):
        column_of(several, "d")
