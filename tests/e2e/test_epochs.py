"""Epochs in a browser: the one that is shown stays while rows, columns and thresholds change."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import BINARY, MULTICLASS
from tests.support.picture_page import STAGE


def opened(page: Page, url: str, runs: dict[str, str], query: str) -> None:
    """The Workbench with a finished run, once its picture is drawn."""
    page.goto(f"{url}/?{runs[query]}")
    expect(page.locator(f"{STAGE} .readout")).not_to_be_empty()
    settled(page)


def scrub(page: Page, frame: int) -> None:
    page.get_by_role("slider", name="Epoch").fill(str(frame))
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(re.compile(f"^epoch {frame} of 20$"))


@pytest.mark.parametrize("query", [BINARY, MULTICLASS])
def test_other_rows_are_shown_at_the_same_epoch(page: Page, app_url: str, runs: dict[str, str], query: str) -> None:
    opened(page, app_url, runs, query)
    scrub(page, 3)
    at = page.locator(f"{STAGE} .epoch .at")
    for part in ("test", "validation"):
        page.locator(STAGE).get_by_role("button", name=part).click()
        expect(page.locator(STAGE).get_by_role("button", name=part)).to_have_attribute("aria-pressed", "true")
        settled(page)
        expect(at).to_have_text("epoch 3 of 20")


def test_a_class_opens_at_the_epoch_of_the_table(page: Page, app_url: str, runs: dict[str, str]) -> None:
    opened(page, app_url, runs, MULTICLASS)
    scrub(page, 3)
    page.get_by_title("4: show this class alone").click()
    expect(page.locator(f"{STAGE} .plot.scores")).to_be_visible()
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text("epoch 3 of 20")
