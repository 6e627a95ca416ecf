"""A table of one's own in a browser: from a dropped file to a trained model, and to variants on the Compare page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import overflow, wear
from tests.e2e.test_predictions import drop, land, matrix
from tests.support.tables import churn


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = tmp_path / "churn.csv"
    churn().columns.to_pandas().to_csv(path, index=False)
    return path.read_bytes()


def asked(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Train on your own table")


def test_a_table_is_dropped_into_the_dialog_and_trained_on(page: Page, app_url: str, content: bytes):
    land(page, app_url)
    page.locator(".st-key-recipe").get_by_role("button", name="Data ").first.click()
    page.get_by_role("button", name="Your own table…").click()
    expect(asked(page)).to_be_visible()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)  # it would cover the dialog
    drop(page, "churn.csv", content)
    expect(asked(page).get_by_role("combobox", name="Positive class")).to_have_value("yes")
    expect(asked(page)).to_contain_text("refund may hold the answer")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("dark", "light"):
            wear(page, theme)
            assert overflow(page) == 0
    page.set_viewport_size({"width": 1440, "height": 900})
    asked(page).get_by_role("button", name="Leave out", exact=True).click()
    expect(asked(page)).not_to_contain_text("refund may hold the answer")
    asked(page).get_by_role("button", name="Train").click()
    expect(asked(page)).to_be_hidden()
    page.wait_for_url("**dataset=table*run=*")
    settled(page)
    expect(page.locator(".stage .readout")).to_contain_text("yes")
    assert sum(map(sum, matrix(page))) == 100  # validation rows


def test_what_is_no_prediction_can_be_trained_on(page: Page, app_url: str, content: bytes):
    land(page, app_url)
    drop(page, "churn.csv", content)
    page.get_by_role("button", name="Train on this table…").click()
    expect(asked(page).get_by_role("button", name="Train")).to_be_visible()


def test_variants_of_a_table_are_compared(page: Page, app_url: str, content: bytes, tmp_path: Path):
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    page.goto(f"{app_url}/compare")
    settled(page)
    page.get_by_role("button", name="Your own table…").click()
    asked(page).get_by_label("File to train on").set_input_files(path)
    asked(page).get_by_role("button", name="Train").click()
    expect(asked(page)).to_be_hidden()
    expect(page.get_by_role("combobox", name="Data")).to_have_value("own.csv: churn · binary")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Finished ·")).to_be_visible(timeout=60_000)
