"""Every page at two widths and in both themes: nothing overflows, is cut off, overlaps, bars anyone or fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import GROUNDS, RACE, STATES, drawn, overflow, still, wear
from tests.support.barriers import barriers

SIZES = {1440: 900, 390: 844}
OWN = ("http://127.0.0.1:", "data:", "blob:")  # how the address of whatever comes from the app itself begins

# Elements whose own text is wider than they are and would be cut off. Fields scroll, so they are left out, and so
# are the words that only screen readers get.
CUT_OFF = """() => [...document.querySelectorAll('[data-testid=stApp] *')].filter(element => {
  const style = getComputedStyle(element);
  const spoken = style.clip !== 'auto' || style.clipPath !== 'none'
    || element.closest('input, svg, .live-figure, .katex-mathml, [data-testid=stSidebar][data-collapsed=true]');
  const hides = ['hidden', 'clip'].includes(style.overflowX);
  return hides && !spoken && element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && element.innerText?.trim() && element.scrollWidth > element.clientWidth + 1;
}).map(element => `${element.tagName} ${element.innerText.trim().slice(0, 60)}`)"""

# Texts of figures that stand on each other or outside the figure.
COLLISIONS = """() => [...document.querySelectorAll('.live-figure')].flatMap(figure => {
  const frame = figure.getBoundingClientRect();
  const texts = [...figure.querySelectorAll('.main-svg text')]
    .filter(text => text.textContent.trim() && text.getBoundingClientRect().width)
    .map(text => ({ said: text.textContent, box: text.getBoundingClientRect() }));
  const outside = texts.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(({ said }) => `outside: ${said}`);
  const meets = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  const pairs = texts.flatMap(({ said, box }, at) => texts.slice(at + 1)
    .filter(other => meets(box, other.box)).map(other => `${said} on ${other.said}`));
  return [...outside, ...pairs].map(what => `${figure.getAttribute('aria-label').slice(0, 20)}: ${what}`);
})"""

# Whether nothing else is drawn over an element.
ON_TOP = """element => {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const steps = [...Array(40).keys()].map(step => (step + 0.5) / 40);
  return steps.every(x => [0.1, 0.5, 0.9].every(y => element.contains(
    document.elementFromPoint(left + x * (right - left), top + y * (bottom - top)))));
}"""


def said(message: ConsoleMessage) -> str:
    return f"{message.text} ({message.location['url']})"


@pytest.fixture(params=SIZES)
def looked_at(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page of this width, and what its console complains of or asks of another server."""
    width = request.param
    context = browser.new_context(viewport={"width": width, "height": SIZES[width]}, has_touch=width < 500)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(said(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(OWN) else errors.append(request.url))
    yield page, errors
    context.close()


def faults(page: Page) -> list[str]:
    """What can be seen to be wrong with a page."""
    wider = overflow(page)
    return page.evaluate(CUT_OFF) + page.evaluate(COLLISIONS) + ([f"{wider} pixels too wide"] if wider else [])


def test_every_state_fits_and_has_no_barrier_in_both_themes(
    looked_at: tuple[Page, list[str]], runs: dict[str, str], app_url: str
) -> None:
    page, errors = looked_at
    found = {}
    wide = page.viewport_size is not None and page.viewport_size["width"] > 1000
    for name, (query, path, figure) in STATES.items():
        page.goto(f"{app_url}/{path}?{runs.get(query, query)}")
        if figure:
            drawn(page, figure)
        else:
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            settled(page)
        still(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        found[name] = faults(page)
        if wide:  # rules and colours are the same at every width
            found[name] += barriers(page)
        else:
            wear(page, "dark")
            found[name] += faults(page)
            wear(page, "light")
    assert found == {name: [] for name in STATES}

    # Streamlit looks for its server below the address of a page first.
    known = ("compare/_stcore/", "losses/_stcore/")
    assert [error for error in errors if not any(part in error for part in known)] == []


def test_the_buttons_stay_in_sight_on_the_ground_of_the_page(
    looked_at: tuple[Page, list[str]], runs: dict[str, str], app_url: str
) -> None:
    page, _ = looked_at
    page.goto(f"{app_url}/compare?{runs[RACE]}")
    drawn(page, "race_losses")
    figure = page.locator(".st-key-race_losses")
    figure.evaluate("element => element.scrollIntoView()")
    bar = page.locator(":has(> .st-key-actions)")
    for theme, ground in GROUNDS.items():
        wear(page, theme)
        expect(bar).to_have_css("background-color", ground)
        expect(bar.get_by_role("button", name="Start")).to_be_in_viewport()
        assert bar.evaluate(ON_TOP)


def test_the_choices_fit_at_every_width(looked_at: tuple[Page, list[str]], app_url: str) -> None:
    page, _ = looked_at
    page.goto(f"{app_url}/compare?model=mlp")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if page.viewport_size and page.viewport_size["width"] < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.locator("summary")).to_have_count(3)
    for summary in sidebar.locator("summary").all():
        summary.click()
    expect(sidebar.get_by_role("spinbutton", name="Weight decay")).to_be_visible()
    settled(page)
    assert faults(page) == []


def fits(page: Page, body: Locator) -> None:
    """What is open lies in the window, and nothing can be seen to be wrong with the page."""
    expect(body).to_be_visible()
    settled(page)
    box = body.bounding_box()
    assert box
    assert box["x"] >= 0
    assert page.viewport_size
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    assert faults(page) == []


@pytest.mark.parametrize("name", ["Name", "Sweep"])
def test_the_editor_of_a_variant_fits_at_every_width(
    looked_at: tuple[Page, list[str]], app_url: str, name: str
) -> None:
    page, _ = looked_at
    page.goto(f"{app_url}/compare?{RACE}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if page.viewport_size and page.viewport_size["width"] < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stPopover").get_by_role("button", name=name).click()
    fits(page, page.get_by_test_id("stPopoverBody"))


@pytest.mark.parametrize("dataset", ["digits", "yeast", "moons"])
def test_a_look_at_the_data_fits_at_every_width(looked_at: tuple[Page, list[str]], app_url: str, dataset: str) -> None:
    page, _ = looked_at
    page.goto(f"{app_url}/compare?dataset={dataset}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if page.viewport_size and page.viewport_size["width"] < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.locator(".st-key-preview summary").click()
    page.locator(".st-key-preview :is(img, canvas, .nsewdrag)").first.wait_for()
    fits(page, page.locator(".st-key-preview"))
