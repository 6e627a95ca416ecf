"""What pages/shared/dom.py changes in Streamlit's own page can be seen and read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import until
from tests.e2e.conftest import RACE, drawn

# The contrast (WCAG 2) of an element's colour, by the name of the property, with the next background behind it.
CONTRAST = """(element, property) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const clear = (colour) => colour === "transparent" || /[,/] ?0\\)$/.test(colour);
  let behind = property === "backgroundColor" ? element.parentElement : element;
  while (clear(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const both = [getComputedStyle(element)[property], getComputedStyle(behind).backgroundColor].map(luminance);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""

# Whether the fonts and styles of formulas are there, which come late.
WITH_FONTS = """() => document.fonts.status === "loaded" && [...document.fonts].some((font) =>
  font.family.includes("KaTeX") && font.status === "loaded")"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_on_the_primary_colour_can_be_seen(
    page: Page, runs: dict[str, str], app_url: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{app_url}/compare?{runs[RACE]}&model=mlp&batch_norm=1")
    drawn(page, "race_losses")
    is_clear(page.get_by_role("button", name="Start"), "color")
    is_clear(page.locator("[data-testid=stCheckbox] label[data-selected] svg"), "stroke")
    is_clear(page.locator("[data-testid=stRadioOption][data-selected] > div > div > div"), "backgroundColor")
    page.get_by_role("link", name="Open in the Workbench").click()
    drawn(page, "picture")
    page.get_by_role("tab", name="Compare").click()
    is_clear(page.locator("[data-tag] span"), "color")
    is_clear(page.locator("[data-tag] path"), "stroke")


def is_clear(element: Locator, property: str) -> None:
    """Wait until this colour of the first of these elements has the contrast that a text needs."""
    until(lambda: element.first.evaluate(CONTRAST, property) >= 4.5, seconds=20)


def scrolled(elements: Locator) -> int:
    """How many of these elements can be scrolled."""
    return elements.evaluate_all(
        """elements => elements.filter((element) => {
          element.scrollTop = element.scrollLeft = 9;
          return element.scrollTop + element.scrollLeft > 0;
        }).length"""
    )


def test_no_formula_scrolls(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/losses")
    page.get_by_role("button", name="Details").first.click()
    formulas = page.locator(".katex-display")
    expect(formulas).to_have_count(1)
    page.wait_for_function(WITH_FONTS)
    assert scrolled(formulas) == 0


@pytest.mark.parametrize("loss", ["gated_bce", "tversky"])  # the widest
def test_formulas_fit_the_settings(page: Page, app_url: str, loss: str) -> None:
    page.goto(f"{app_url}/compare?loss={loss}")
    expect(page.locator(".st-key-settings .katex-display")).to_be_visible()
    page.wait_for_function(WITH_FONTS)
    page.wait_for_function(  # styles come late
        """() => {
          const formula = document.querySelector(".st-key-settings .katex-display");
          return formula.scrollWidth <= formula.clientWidth;
        }"""
    )


def test_a_long_tooltip_does_not_scroll(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare")
    page.get_by_role("button", name="Help for Loss").focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    content = page.get_by_test_id("stTooltipContent")
    assert content.evaluate("element => element.offsetHeight") > 300  # where Streamlit would let it scroll
    assert scrolled(content) == 0


def test_what_stands_below_a_number_is_read_whole(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url)
    below = page.get_by_test_id("stMetricDelta").locator("p")
    expect(below.first).to_be_visible()
    cut = "elements => elements.filter(({ parentElement: box }) => box.scrollWidth > box.clientWidth).length"
    until(lambda: below.evaluate_all(cut) == 0)


@pytest.mark.parametrize(("width", "count"), [(390, 2), (1440, 1)])
def test_the_verdict_is_repeated_where_it_is_cut(page: Page, app_url: str, width: int, count: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(app_url)
    drawn(page, "picture")
    page.get_by_role("button", name="Why?", exact=True).click()
    expect(page.get_by_text("on validation rows,")).to_be_visible()
    expect(page.get_by_text("positives with").filter(visible=True)).to_have_count(count)


def test_what_a_button_opens_comes_into_sight(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url)
    drawn(page, "picture")
    tabs = page.get_by_test_id("stTabs").get_by_role("tablist")
    expect(tabs).not_to_be_in_viewport()
    page.get_by_role("button", name="Tune").click()
    expect(tabs).to_be_in_viewport()
    expect(page.locator(".st-key-panels")).to_be_focused()
    page.locator(".st-key-verdict").scroll_into_view_if_needed()
    expect(tabs).not_to_be_in_viewport()
    page.get_by_role("button", name="Tune").click()  # once more
    expect(tabs).to_be_in_viewport()

    page.locator(".st-key-verdict").scroll_into_view_if_needed()
    expect(tabs).not_to_be_in_viewport()
    page.locator(".st-key-picture .cell[value=fp]").press("Enter")
    expect(page.get_by_role("tab", name="Rows")).to_have_attribute("aria-selected", "true")
    expect(tabs).to_be_in_viewport()


def test_the_settings_stand_beside_the_results(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare")
    settings, title = page.locator(".st-key-settings"), page.get_by_role("heading", name="Compare", level=1)
    expect(settings.get_by_role("heading", name="Training")).to_be_visible()
    until(lambda: left(title) > right(settings))
    page.set_viewport_size({"width": 390, "height": 844})
    until(lambda: left(title) == left(settings) and below(settings, title))


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_leaves_anything_on_the_next(page: Page, app_url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(app_url)
    drawn(page, "picture")
    for name in ("Compare", "Workbench"):
        if width < 769:
            page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(".st-key-settings")).to_have_count(1 if name == "Compare" else 0)
        expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
    drawn(page, "picture")


def left(element: Locator) -> float:
    return float(element.evaluate("element => element.getBoundingClientRect().left"))


def right(element: Locator) -> float:
    return float(element.evaluate("element => element.getBoundingClientRect().right"))


def below(one: Locator, other: Locator) -> bool:
    """Whether one element begins where the other has ended."""
    bottom = other.evaluate("element => element.getBoundingClientRect().bottom")
    return bool(one.evaluate("element => element.getBoundingClientRect().top") >= bottom)
