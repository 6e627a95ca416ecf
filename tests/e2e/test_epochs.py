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


@pytest.mark.parametrize("query", [BINARY, MULTICLASS])
def test_one_press_shows_the_best_epoch(page: Page, app_url: str, runs: dict[str, str], query: str) -> None:
    opened(page, app_url, runs, query)
    scrub(page, 3)
    button = page.get_by_role("button", name="Best epoch")
    told = re.match(r"Epoch (\d+): minimum validation loss", str(button.get_attribute("title")))
    assert told
    button.click()
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(f"epoch {told[1]} of 20")
    expect(button).to_have_attribute("aria-disabled", "true")


def test_a_cell_leads_to_the_rows_of_the_epoch_that_is_shown(page: Page, app_url: str, runs: dict[str, str]) -> None:
    opened(page, app_url, runs, MULTICLASS)
    scrub(page, 3)
    cells = page.locator(f"{STAGE} .crossed td.wrong .cell:not(:empty)")
    said = str(cells.first.get_attribute("aria-label"))
    cells.first.click()
    classes, _, count = said.partition(": ")
    expect(page.locator(".st-key-panels").get_by_text(f"are {classes}")).to_contain_text(f"{count} of ")
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(re.compile("^epoch 3 of "))


def test_an_outcome_leads_to_the_rows_of_the_epoch_that_is_shown(
    page: Page, app_url: str, runs: dict[str, str]
) -> None:
    opened(page, app_url, runs, BINARY)
    page.get_by_label("Threshold as probability").fill("0.4")
    page.get_by_label("Threshold as probability").press("Enter")
    scrub(page, 3)
    page.locator(f"{STAGE}[aria-busy=false] .cell[value=fp]").click()
    expect(page.locator(".st-key-panels").get_by_text("rows are actual")).to_contain_text("at threshold 0.4")
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(re.compile("^epoch 3 of "))
    count = page.locator(f"{STAGE} .cell .fp").inner_text()
    expect(page.locator(".st-key-panels").get_by_text("rows are actual")).to_contain_text(f"{count} of ")


def test_a_class_opens_at_the_epoch_of_the_table(page: Page, app_url: str, runs: dict[str, str]) -> None:
    opened(page, app_url, runs, MULTICLASS)
    scrub(page, 3)
    page.get_by_title("4: show this class alone").click()
    expect(page.locator(f"{STAGE} .plot.scores")).to_be_visible()
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text("epoch 3 of 20")
