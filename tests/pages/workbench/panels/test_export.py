"""The panel Export: what is shown is saved, runs, and decides as the page does."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation import DECISIONS
from core.experiment.config import RunConfig, make_config
from core.export import ThresholdRecord
from core.training.runs import Run
from pages.workbench.panels import export
from tests.conftest import act, choose, press
from tests.support.exported_code import decisions, pytorch_decisions, scikit_learn_decisions
from tests.support.shown_sources import digit, digits, open_run, put_thresholds

LABELS = make_config(dataset="multilabel_synthetic", head="sigmoids", epochs=2)


def open_export(at: AppTest, config: RunConfig, saved: list[float] | None = None) -> Run:
    run = open_run(at, config)
    if saved:
        put_thresholds(at, run, saved, saved)
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
    kinds = ("**Saved threshold", "**Current threshold")
    return next(text.value for text in at.markdown if text.value.startswith(kinds)).replace("\\", "")


def test_one_threshold_is_taken_out_in_every_format(app_test: AppTest):
    run = open_export(app_test, digit(), [0.7])
    assert said(app_test) == "**Saved threshold** of 8: 0.7, as a logit 0.847 (typed while validation rows were shown)."
    record = ThresholdRecord.model_validate_json(content(app_test, "json"))
    assert [(column.value, column.origin.how) for column in record.thresholds] == [(0.7, "typed")]
    assert record.source == run.id
    p, expected = run.scores("validation").y_score, decisions(run, [0.7], "ratio", {})
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


@pytest.mark.parametrize("name", list(DECISIONS))
def test_classes_go_out_with_the_rule_that_is_chosen(app_test: AppTest, name: str):
    values = np.float32([0.05 * k for k in range(1, 11)]).tolist()
    run = open_export(app_test, digits(epochs=2), values)
    app_test.session_state[f"decision.{run.id}"] = (name, {})
    app_test.run()
    assert DECISIONS[name].label in said(app_test)
    record = ThresholdRecord.model_validate_json(content(app_test, "json"))
    assert record.decision == name
    p, expected = run.scores("test").y_score, decisions(run, values, name, {}, "test")
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


def test_labels_go_out_each_by_itself(app_test: AppTest):
    values = [0.1, 0.3, 0.5, 0.7, 1.0]
    run = open_export(app_test, LABELS, values)
    assert "5 labels" in said(app_test)
    p, expected = run.scores("validation").y_score, decisions(run, values, "ratio", {})
    np.testing.assert_array_equal(scikit_learn_decisions(content(app_test, "scikit_learn"), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(content(app_test, "pytorch"), p), expected)


def test_the_current_threshold_goes_out_until_one_is_saved_and_then_the_saved_one(app_test: AppTest):
    def exported() -> tuple[float | None, bool, str]:
        record = ThresholdRecord.model_validate_json(content(app_test, "json"))
        return record.thresholds[0].value, record.saved, record.thresholds[0].origin.how

    run = open_export(app_test, digit())
    assert exported() == (0.5, False, "default")
    assert said(app_test) == "**Current threshold** of 8: 0.5, as a logit 0.000 (default)."
    assert not [text for text in app_test.caption if "not saved" in text.value]
    put_thresholds(app_test, run, [0.25], [0.75])
    app_test.run()
    assert exported() == (0.75, True, "typed")
    assert any("The current threshold is not saved" in text.value for text in app_test.caption)
    press(app_test, "Save the current threshold")
    assert exported() == (0.25, True, "typed")
    assert not [button for button in app_test.button if button.label == "Save the current threshold"]


def test_a_threshold_chosen_on_test_rows_says_so_in_every_file(app_test: AppTest):
    open_export(app_test, digit())
    act(app_test, "part", "test")
    act(app_test, "drag", 0.7)
    assert ThresholdRecord.model_validate_json(content(app_test, "json")).thresholds[0].origin.rows == "test"
    for form in ("scikit_learn", "pytorch"):
        source = content(app_test, form)
        assert "dragged while test rows were shown" in source
        assert "tuned on validation" not in source


def test_every_format_and_the_scores_can_be_downloaded(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    files = {}
    monkeypatch.setattr(export.st, "download_button", lambda label, data, name, *_, **__: files.update({name: data}))
    run = open_export(app_test, digit())
    for form in export.FORMATS:
        shown = content(app_test, form)
        assert files[f"thresholds-{run.id}.{export.FORMATS[form].ending}"].strip() == shown.strip()
    assert files[f"scores-{run.id}-validation.csv"]().startswith("row,y_true,score 8\r\n")
