"""Back and Forward in the browser: one press takes back one act, and leads to what was shown before it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.browser import settled
from tests.support.picture_page import STAGE

PROBABILITY = "Threshold as probability"


def entries(page: Page) -> int:
    """How many entries the browser's history has, once the script has run."""
    settled(page)
    count: int = page.evaluate("history.length")
    return count


def move(page: Page, threshold: str) -> None:
    page.get_by_label(PROBABILITY).fill(threshold)
    page.get_by_label(PROBABILITY).press("Enter")
    page.wait_for_url(f"**current={threshold}*")


def shows(page: Page, threshold: str) -> None:
    expect(page.get_by_label(PROBABILITY)).to_have_value(threshold)
    expect(page.locator(f"{STAGE}[aria-busy=false]")).to_be_visible()
    settled(page)


def test_each_act_is_one_entry_and_back_takes_it_back(page: Page, app_url: str) -> None:
    page.goto(app_url)
    expect(page.locator(f"{STAGE} .readout")).not_to_be_empty()
    before = entries(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url("**run=*")
    settled(page)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)  # trained
    shows(page, "0.500")
    for number, threshold in enumerate(("0.7", "0.8"), start=2):
        move(page, threshold)
        shows(page, f"{threshold}00")
        assert entries(page) == before + number
    for threshold in ("0.700", "0.500"):
        page.go_back()
        shows(page, threshold)
    trained = page.url
    assert "current" not in trained
    page.go_back()
    page.wait_for_function("!location.search")
    shows(page, "0.500")
    page.go_forward()
    page.wait_for_url(trained)
    shows(page, "0.500")
    page.go_forward()
    shows(page, "0.700")


def test_another_page_is_one_entry_and_back_keeps_the_run_and_the_thresholds(page: Page, app_url: str) -> None:
    page.goto(app_url)
    expect(page.locator(f"{STAGE} .readout")).not_to_be_empty()
    settled(page)
    move(page, "0.7")
    shows(page, "0.700")
    workbench, before = page.url, entries(page)
    for number, name in enumerate(("Compare", "Losses"), start=1):
        page.get_by_role("link", name=name).click()
        page.wait_for_url(f"**/{name.lower()}*")
        assert entries(page) == before + number
    page.go_back()
    page.wait_for_url("**/compare*")
    settled(page)
    assert "went" not in page.url
    page.go_back()
    page.wait_for_url(workbench)
    shows(page, "0.700")
    page.get_by_role("link", name="Losses").click()
    page.wait_for_url("**/losses*")
    settled(page)
    page.get_by_role("link", name="Workbench").click()
    page.wait_for_url(workbench)
    shows(page, "0.700")
