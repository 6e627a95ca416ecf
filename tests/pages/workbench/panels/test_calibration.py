"""Calibration on the Workbench: its numbers are scikit-learn's, and thresholds move as it says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.evaluation.calibration import METHODS, calibration_error, fit, fit_classes, fit_line, top_label_error
from core.evaluation.source import ScoreSource
from core.experiment.config import make_config
from tests.conftest import choose, control, figure_of
from tests.support.findings import codes
from tests.support.shown_sources import digit, digits, open_run, open_source, tile, values_of
from tests.support.sources import a_run, as_arrays

SOME = {"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "epochs": 3}
Source = TypeVar("Source", bound=ScoreSource)
LABELS = {"dataset": "multilabel_synthetic", "head": "sigmoids", "epochs": 2}


def opened(at: AppTest, run: Source, **choices: object) -> Source:
    """Open the tab and make choices by the key of their control."""
    at.session_state["panel"] = "Calibration"
    at.run()
    for key, value in choices.items():
        choose(at, f"calibration.{key}", value)
    assert not at.exception
    return run


def numbers(at: AppTest) -> dict[str, dict[str, float]]:
    (table,) = [frame.value for frame in at.dataframe if "− resolution" in frame.value.index]
    return table.to_dict()


def said(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info))


def sides(run: ScoreSource, part: str, column: int = 0) -> tuple[np.ndarray, np.ndarray]:
    view = run.scores(part).view(column)
    return view.y, view.score


def test_as_given_the_numbers_are_scikit_learns_on_both_splits(app_test: AppTest):
    run = opened(app_test, open_run(app_test, digit(epochs=20)))
    found = numbers(app_test)
    assert list(found) == [f"{p}, {n}" for p in ("validation", "test") for n in ("prevalence alone", "uncalibrated")]
    for part in ("validation", "test"):
        y, p = sides(run, part)
        lines, alone = found[f"{part}, uncalibrated"], found[f"{part}, prevalence alone"]
        p = p.astype(float)
        assert lines["Log-loss"] == pytest.approx(sklearn.log_loss(y, p), abs=1e-4)
        assert lines["Brier score"] == pytest.approx(sklearn.brier_score_loss(y, p), abs=1e-4)
        assert lines["ROC-AUC"] == pytest.approx(sklearn.roc_auc_score(y, p), abs=1e-4)
        assert lines["ECE"] == pytest.approx(float(calibration_error(y, p)), abs=1e-4)
        parts = [lines[name] for name in ("= reliability", "− resolution", "+ uncertainty", "+ within bins")]
        assert parts[0] - parts[1] + parts[2] + parts[3] == pytest.approx(lines["Brier score"], abs=3e-4)
        assert 1 - lines["Brier score"] / alone["Brier score"] == pytest.approx(sklearn.d2_brier_score(y, p), abs=2e-3)
        assert alone["+ uncertainty"] == pytest.approx(y.mean() * (1 - y.mean()), abs=1e-4)
    line = fit_line(*sides(run, "validation"))
    assert f"a score of 0.5 corresponds to a true probability of {line.stands_for(0.5):.3f}" in said(app_test)
    assert "positive-class ECE over 15 bins of equal width" in said(app_test)
    assert not [element for element in app_test.get("bidi_component") if element.key == "calibration_map"]


@pytest.mark.parametrize("method", METHODS)
def test_calibrated_scores_are_shown_before_and_after_and_the_threshold_moves(app_test: AppTest, method: str):
    run = opened(app_test, open_run(app_test, digit(epochs=20)), method=method)
    to_one, name = fit(method, *sides(run, "validation")), METHODS[method].label
    found, (y, p) = numbers(app_test), sides(run, "test")
    after = to_one(p)
    assert found[f"test, {name}"]["Brier score"] == pytest.approx(sklearn.brier_score_loss(y, after), abs=1e-4)
    assert tile(app_test, "Brier score, test") == f"{sklearn.brier_score_loss(y, after):.3f}"
    assert found["validation, uncalibrated"] != found[f"validation, {name}"]
    for part in ("validation", "test"):
        assert {"uncalibrated", name} <= {
            trace.get("name") for trace in figure_of(app_test, f"reliability_{part}")["data"]
        }
    image = float(to_one(np.float32(0.5)))
    assert f"**0.500** on the score, is **{image:.3f}** on the calibrated one" in said(app_test)
    otherwise = np.count_nonzero((p >= 0.5) != (after >= image))
    assert f"With it {otherwise} of {len(y)} test rows are decided differently" in said(app_test)
    if method != "isotonic":
        assert otherwise == 0
        assert found[f"test, {name}"]["ROC-AUC"] == found["test, uncalibrated"]["ROC-AUC"]
    assert ("C408" in codes(app_test)) == (method == "isotonic")  # on fewer rows than are advised


def test_the_score_that_becomes_a_half_can_be_tried_and_decides_as_calibrated_scores_do(app_test: AppTest):
    run = opened(app_test, open_run(app_test, digit(epochs=20)), method="sigmoid")
    to_one = fit("sigmoid", *sides(run, "validation"))
    half = to_one.score_for(0.5)
    next(button for button in app_test.button if button.label == f"Use {half:.3f}").click().run()
    (threshold,) = values_of(app_test, run)
    assert threshold == pytest.approx(half)
    _, p = sides(run, "test")
    np.testing.assert_array_equal(p >= np.float32(threshold), to_one(p) >= 0.5)
    assert f"**{half:.3f}** on the score, is **0.500** on the calibrated one" in said(app_test)


def test_undoing_pos_weight_takes_its_logarithm_from_the_logit(app_test: AppTest):
    run = opened(app_test, open_run(app_test, digit(epochs=20)), method="convert")
    y, p = sides(run, "test")
    converted = expit(logit(p.astype(float)) - np.log(9))
    assert numbers(app_test)["test, converted back"]["Log-loss"] == pytest.approx(
        sklearn.log_loss(y, converted), abs=2e-4
    )
    assert "**0.500** on the score, is **0.100** on the calibrated one" in said(app_test)
    assert "A calibrated 0.5 corresponds to **0.900**" in said(app_test)


def test_bins_are_a_choice_that_names_the_ece(app_test: AppTest):
    opened(app_test, open_run(app_test, digit(epochs=5)), binning="count", bins=5)
    assert "positive-class ECE over 5 bins of equal count" in said(app_test)
    (bars,) = [
        trace for trace in figure_of(app_test, "reliability_test")["data"] if trace.get("name") == "rows, uncalibrated"
    ]
    assert len(bars["x"]) == 5
    choose(app_test, "calibration.scale", "logit")
    assert figure_of(app_test, "reliability_test")["layout"]["xaxis"]["range"][0] < -9


def test_one_temperature_of_all_classes_keeps_argmax_and_names_the_top_label_ece(app_test: AppTest):
    run = opened(app_test, open_run(app_test, digits()), method="temperature")
    choose(app_test, "column", 3)
    scores, test = run.scores("validation"), run.scores("test")
    temperature, after, _ = fit_classes(scores.y_true, scores.y_score)
    text = said(app_test)
    assert f"Temperature {temperature:.3g}: logits are divided by it." in text
    assert f"0 of {test.n_rows} test rows get another class by argmax" in text
    assert f"on test rows: {top_label_error(test.y_true, test.y_score):.3f} uncalibrated" in text
    assert f"{top_label_error(test.y_true, after(test.y_score)):.3f} with the temperature" in text
    found = numbers(app_test)["test, Temperature"]
    assert found["Brier score"] == pytest.approx(
        sklearn.brier_score_loss(test.y_true == 3, after(test.y_score)[:, 3]), abs=1e-4
    )


@pytest.mark.parametrize("choices", [SOME, LABELS], ids=["classes", "labels"])
@pytest.mark.parametrize("method", ["given", *METHODS])
def test_every_class_or_label_can_be_calibrated(app_test: AppTest, choices: dict, method: str):
    opened(app_test, open_run(app_test, make_config(**choices)), method=method)
    choose(app_test, "column", 2)
    assert not app_test.exception
    assert tile(app_test, "Log-loss, test")
    assert "convert" not in control(app_test, "calibration.method").options


# --- bad input


@pytest.mark.parametrize("method", ["given", *METHODS])
@pytest.mark.parametrize("value", [0, 1])
def test_one_class_shows_its_diagram_and_says_why_nothing_is_fitted(app_test: AppTest, method, value):
    one_class = as_arrays(a_run(), lambda scores: replace(scores, y_true=np.full_like(scores.y_true, value)))
    opened(open_source(app_test, one_class), one_class, method=method)
    assert "Expected rows of both classes to calibrate on" in re.sub(r"\\(\W)", r"\1", said(app_test))
    assert numbers(app_test)["test, uncalibrated"]["Brier score"] >= 0
    assert np.isnan(numbers(app_test)["test, uncalibrated"]["ROC-AUC"])
    assert tile(app_test, "ROC-AUC, test") == "undefined"


@pytest.mark.parametrize("method", ["given", *METHODS])
@pytest.mark.parametrize("value", [0.3, 1.0])
def test_constant_scores_are_calibrated_to_the_prevalence(app_test: AppTest, method, value):
    constant = as_arrays(a_run(), lambda scores: replace(scores, y_score=np.full_like(scores.y_score, value)))
    opened(open_source(app_test, constant), constant, method=method)
    assert numbers(app_test)["test, uncalibrated"]["ROC-AUC"] == 0.5
    if method in ("sigmoid", "isotonic"):
        found = numbers(app_test)["validation, " + METHODS[method].label]
        assert found["ECE"] == pytest.approx(0, abs=0.005)
