"""A sweep in a real browser: made in three clicks, paused, stepped, resumed, ranked, held against theory, scrubbed."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import overflow, pictures, still, ticks
from tests.support.journey import choose

THINNED = "dataset=breast_cancer&data.prevalence=5%25&epochs=1000"
MODERATE = 10  # pos_weight up to which theory and measurement must agree


def progress(page: Page) -> str:
    return page.get_by_test_id("stProgress").inner_text()


def epoch(page: Page) -> int:
    found = re.search(r"epoch (\d+) of", progress(page))
    assert found
    return int(found[1])


def press(page: Page, name: str) -> None:
    """Press a button as a finger does: the page may be drawing, so nothing waits for it to stand still."""
    page.get_by_role("button", name=name, exact=True).first.dispatch_event("click")


@pytest.mark.long
def test_a_sweep_is_made_watched_paused_stepped_and_held_against_theory(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?{THINNED}")
    settled(page)
    page.get_by_role("button", name="Sweep").click()
    page.get_by_role("button", name="Make these variants").click()
    settled(page)
    choose(page, "seeds", "5")
    expect(page.get_by_text("16 x 5 = 80 runs, trained together.")).to_be_visible()

    press(page, "Start")
    page.wait_for_url("**run=*")
    expect(page.get_by_text("Training ·")).to_be_visible()
    press(page, "Pause")
    expect(page.get_by_text("Paused ·")).to_be_visible()
    ticks(page, 2)  # in which the page draws what the chunk in flight has trained
    at = epoch(page)
    press(page, "Step")
    expect(page.get_by_text(f"epoch {at + 1} of 1000")).to_be_visible()
    ticks(page, 2)
    assert epoch(page) == at + 1
    address = page.url
    press(page, "Resume")
    expect(page.get_by_text("Finished ·")).to_be_visible(timeout=120_000)
    settled(page)

    figure = page.locator(".st-key-race_thresholds .live-figure")
    figure.locator(".nsewdrag").wait_for()
    said = str(figure.get_attribute("aria-label"))
    found = re.findall(r"pos_weight ([\d.]+): predicted ([\d.]+), measured [\d.]+ \(([\d.]+) to ([\d.]+)\)", said)
    assert len(found) == 16
    for weight, predicted, low, high in (map(float, one) for one in found):
        assert predicted == pytest.approx(weight / (weight + 1), abs=2e-3)
        if weight <= MODERATE:
            assert low - 1e-3 <= predicted <= high + 1e-3

    slider = page.get_by_role("slider", name="Epoch").first
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text(re.compile(r"Epoch\s*0\s*of 1,000")).first).to_be_visible()

    pictures(page, "race")
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        still(page)
        assert overflow(page) == 0
    page.goto(address)
    expect(page.get_by_text("Finished · 80 runs together")).to_be_visible()


def test_a_preset_trains_at_once_and_says_what_to_look_for(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare")
    settled(page)
    page.get_by_role("button", name="Why is everything predicted positive?").click()
    expect(page.get_by_text("Finished · 9 runs together")).to_be_visible()
    expect(page.get_by_text("all probabilities lie between 0.5 and 0.731")).to_be_visible()
    expect(page.get_by_text("Sigmoid in both").first).to_be_visible()
    press(page, "Reset")
    expect(page.get_by_text("Questions to try")).to_be_visible()


def test_a_variant_that_diverges_ends_alone(page: Page, app_url: str) -> None:
    page.goto(f'{app_url}/compare?optimizer=sgd&epochs=20&model=mlp&variants={{"lr":["100000"]}}')
    settled(page)
    press(page, "Start")
    expect(page.get_by_text("Finished · 2 runs together")).to_be_visible()
    settled(page)
    expect(page.locator(".st-key-ranked")).to_be_visible()
    figure = page.locator(".st-key-race_losses .live-figure")
    expect(figure).to_have_attribute("aria-label", re.compile(r"learning rate 1e\+05 diverged at epoch \d+\."))
    expect(page.get_by_test_id("stMain").get_by_text(re.compile("diverged")).first).to_be_attached()


def others(page: Page) -> dict[str, list[str | None]]:
    """What the address says of the variants after the first, by parameter."""
    query = parse_qs(urlsplit(page.url).query)
    return json.loads(query["variants"][0]) if "variants" in query else {}


def test_a_variant_is_renamed_coloured_changed_and_removed(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?epochs=3")
    settled(page)
    page.get_by_role("button", name="Add a variant").click()
    listed = page.get_by_role("radiogroup", name="Variant to edit")
    expect(listed.get_by_role("radio")).to_have_count(2)
    settled(page)
    page.get_by_test_id("stPopover").get_by_role("button", name="Name").click()
    body = page.get_by_test_id("stPopoverBody")
    for name in ("one", "two", "three"):
        body.get_by_role("textbox", name="Name").fill(name)
        body.get_by_role("textbox", name="Name").press("Enter")
        expect(listed.get_by_text(name)).to_be_visible()
    for colour in ("violet", "blue"):
        body.get_by_role("radio", name=colour).click()
        settled(page)
    body.get_by_role("textbox", name="Name").fill("")
    body.get_by_role("textbox", name="Name").press("Enter")
    page.keyboard.press("Escape")
    for weight in ("2", "3", "4"):
        choose(page, "loss.bce.pos_weight", weight)
        expect(listed.get_by_text(f"pos_weight {weight}")).to_be_visible()
        expect(listed.get_by_role("radio").nth(1)).to_be_checked()
    page.wait_for_url("**4.0*")
    assert others(page) == {"loss.pos_weight": ["4.0"], "colour": ["4"]}

    listed.get_by_text("pos_weight 1").click()
    expect(page.locator(".st-key-loss-bce-pos_weight input")).to_have_value("1")
    listed.get_by_text("pos_weight 4").click()
    expect(page.locator(".st-key-loss-bce-pos_weight input")).to_have_value("4")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Add a variant")).to_be_visible()
    settled(page)
    assert others(page) == {}
    expect(page.get_by_test_id("stException")).to_have_count(0)
