"""A new loss, data set, head, check, metric, rule, error or panel is one entry, and the pages offer it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.checks.output import OUTPUT
from core.data import DATASETS
from core.evaluation import METRICS
from core.evaluation.errors import ERRORS
from core.evaluation.tuning import RULES, Goal
from core.losses import LOSSES
from core.losses.heads import HEADS
from pages.shared import state
from pages.workbench.panels import PANELS, Panel
from tests.conftest import control, drawn, open_page
from tests.support.findings import codes
from tests.support.workbench_page import opened, trained_again


def options(at: AppTest, label: str) -> list[str]:
    """The options of the control with this label."""
    (found,) = [one for one in (*at.selectbox, *at.radio) if one.label == label]
    return list(found.options)


@pytest.mark.parametrize(
    ("registry", "like", "part", "label"),
    [(DATASETS, "fraud", "data", "Data"), (HEADS, "sigmoid", "head", "Head"), (LOSSES, "bce", "loss", "Loss")],
    ids=["data set", "head", "loss"],
)
def test_a_choice_is_in_the_recipe_and_in_the_form(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, registry: Any, like: str, part: str, label: str
):
    monkeypatch.setitem(registry, "twin", replace(registry[like], label="Twin"))
    at = app_test.run()
    with opened(at, f"part.{part}"):
        assert any(option.startswith("Twin") for option in options(at, label))
    at = open_page(at, "compare")
    offered = control(at, "dataset" if part == "data" else part).options
    assert any(option.startswith("Twin") for option in offered)


def test_a_loss_is_on_the_losses_page(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(LOSSES, "twin", replace(LOSSES["bce"], label="Twin"))
    at = open_page(app_test, "losses")
    assert any("Twin" in str(one.options) for one in (*at.multiselect, *at.selectbox, *at.radio))


def test_a_check_stands_beside_its_cause(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    check = replace(OUTPUT["C101"], name="Twin", place="loss", find=lambda _context: ("Found.", None))
    monkeypatch.setitem(OUTPUT, "C999", check)
    at = app_test.run()
    with opened(at, "part.loss"):
        assert "C999" in codes(at)


def test_a_metric_has_a_rule_a_row_and_a_measure(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METRICS, "twin", replace(METRICS["f1"], name="twin", label="Twin"))
    app_test.session_state[state.TUNED_METRICS.name] = True
    at = app_test.run()
    assert "Maximum Twin" in options(at, "Rule")
    assert any("Twin" in frame.value.to_string() for frame in at.table)
    app_test.session_state[state.PANEL.name] = PANELS["compare"].label
    at = app_test.run()
    assert "Twin" in options(at, "Difference in")


def test_a_rule_is_offered(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    twin = replace(RULES["f1"], name="twin", label="Twin", function=lambda counts: Goal(METRICS["f1"](counts)))
    monkeypatch.setitem(RULES, "twin", twin)
    assert "Twin" in options(app_test.run(), "Rule")


def test_an_error_is_a_tile_of_the_picture(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(ERRORS, "twin", replace(ERRORS["mae"], label="Twin"))
    app_test.query_params.update({"dataset": "diabetes", "epochs": "2"})
    at = app_test.run()
    trained_again(at)
    assert drawn(at)["metrics"]["twin"]["label"] == "Twin"


def test_a_panel_is_a_tab(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    def show(source: object, part: str, column: int) -> None:
        st.write(f"{source.__class__.__name__} {part} {column}")

    monkeypatch.setitem(PANELS, "twin", Panel("Twin", show))
    app_test.session_state[state.PANEL.name] = "Twin"
    at = app_test.run()
    assert "Twin" in [tab.label for tab in at.tabs]
    assert "Run validation 0" in [one.value for one in at.markdown]
