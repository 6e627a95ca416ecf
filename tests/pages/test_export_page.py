"""The panel Export: what is shown is adopted, runs, and decides as the page does."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation import DECISIONS
from core.experiment.config import RunConfig, make_config
from core.export import Adopted
from core.training.runs import Run
from pages.shared import export
from tests.conftest import choose, press
from tests.support.exported_code import decisions, pytorch_decisions, scikit_learn_decisions
from tests.support.thresholds_page import digit, digits, open_run

LABELS = make_config(dataset="multilabel_synthetic", head="sigmoids", epochs=2)


def open_export(at: AppTest, config: RunConfig, adopted: list[float] | None = None) -> Run:
    run = open_run(at, config)
    if adopted:
        at.session_state[f"thresholds.{run.id}"] = [(adopted, adopted)]
    at.session_state["panel"] = "Export"
    at.run()
    assert not at.exception
    return run


def content(at: AppTest, form: str) -> str:
    choose(at, "export.format", form)
    assert not at.exception
    (code,) = at.code
    return code.value


def said(at: AppTest) -> str:
    return next(text.value for text in at.markdown if "**Adopted threshold" in text.value).replace("\\", "")


def test_one_threshold_is_taken_out_in_every_format(app_test: AppTest):
    run = open_export(app_test, digit(), [0.7])
    assert said(app_test) == "**Adopted threshold** of 8: 0.7, as a logit 0.847."
    record = Adopted.model_validate_json(content(app_test, "json"))
    assert record.probabilities() == (0.7,)
    assert record.source == run.id
    p, expected = run.scores("validation").y_score, decisions(run, [0.7], "ratio", {})
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


@pytest.mark.parametrize("name", list(DECISIONS))
def test_classes_go_out_with_the_rule_that_is_chosen(app_test: AppTest, name: str):
    thresholds = [0.05 * k for k in range(1, 11)]
    run = open_export(app_test, digits(epochs=2), thresholds)
    app_test.session_state[f"decision.{run.id}"] = (name, {})
    app_test.run()
    assert DECISIONS[name].label in said(app_test)
    record = Adopted.model_validate_json(content(app_test, "json"))
    assert record.decision == name
    p, expected = run.scores("test").y_score, decisions(run, thresholds, name, {}, "test")
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


def test_labels_go_out_each_by_itself(app_test: AppTest):
    thresholds = [0.1, 0.3, 0.5, 0.7, 1.0]
    run = open_export(app_test, LABELS, thresholds)
    assert "5 labels" in said(app_test)
    p, expected = run.scores("validation").y_score, decisions(run, thresholds, "ratio", {})
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


def test_what_is_on_trial_is_left_out_until_it_is_adopted(app_test: AppTest):
    run = open_export(app_test, digit())
    notes = [text.value for text in app_test.caption if "on trial" in text.value]
    assert not notes
    app_test.session_state[f"thresholds.{run.id}"] = [([0.25], [0.75])]
    app_test.run()
    assert Adopted.model_validate_json(content(app_test, "json")).probabilities() == (0.75,)
    assert any("What is on trial is not adopted" in text.value for text in app_test.caption)
    press(app_test, "Adopt what is on trial")
    assert Adopted.model_validate_json(content(app_test, "json")).probabilities() == (0.25,)
    assert not [button for button in app_test.button if button.label == "Adopt what is on trial"]


def test_every_format_and_the_scores_can_be_downloaded(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    files = {}
    monkeypatch.setattr(export.st, "download_button", lambda label, data, name, *_, **__: files.update({name: data}))
    run = open_export(app_test, digit())
    for form in export.FORMATS:
        shown = content(app_test, form)
        assert files[f"thresholds-{run.id}.{export.FORMATS[form].ending}"].strip() == shown.strip()
    assert files[f"scores-{run.id}-validation.csv"]().startswith("row,y_true,score 8\n")
