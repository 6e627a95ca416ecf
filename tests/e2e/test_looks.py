"""Every page at two widths and in both themes: nothing overflows, is cut off, overlaps, bars anyone or fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import GROUNDS, RACE, STATES, drawn, overflow, painted, still, wear
from tests.support.barriers import barriers

WIDE, NARROW = 1440, 390
SIZES = {WIDE: 900, NARROW: 844}
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


def faults(page: Page) -> list[str]:
    """What can be seen to be wrong with a page."""
    wider = overflow(page)
    return page.evaluate(CUT_OFF) + page.evaluate(COLLISIONS) + ([f"{wider} pixels too wide"] if wider else [])


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": SIZES[width]})
    still(page)


def test_every_state_fits_and_has_no_barrier_in_both_themes(page: Page, runs: dict[str, str], app_url: str) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(said(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(OWN) else errors.append(request.url))
    found = {}
    for name, (query, path, figure) in STATES.items():
        resize(page, WIDE)
        page.goto(f"{app_url}/{path}?{runs.get(query, query)}")
        if figure:
            drawn(page, figure)
        else:
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            settled(page)
        still(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        found[name] = faults(page) + barriers(page)  # rules and colours are the same at every width
        resize(page, NARROW)
        found[name] += faults(page)
        wear(page, "light")
        found[name] += faults(page)
    assert found == {name: [] for name in STATES}

    # Streamlit looks for its server below the address of a page first.
    known = ("compare/_stcore/", "losses/_stcore/")
    assert [error for error in errors if not any(part in error for part in known)] == []


@pytest.fixture(params=SIZES)
def looked_at(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of this width."""
    width = request.param
    context = browser.new_context(viewport={"width": width, "height": SIZES[width]}, has_touch=width == NARROW)
    yield context.new_page()
    context.close()


def test_the_buttons_stay_in_sight_on_the_ground_of_the_page(
    looked_at: Page, runs: dict[str, str], app_url: str
) -> None:
    page = looked_at
    page.goto(f"{app_url}/compare?{runs[RACE]}")
    drawn(page, "race_losses")
    assert faults(page) == []
    figure = page.locator(".st-key-race_losses")
    figure.evaluate("element => element.scrollIntoView()")
    bar = page.locator(":has(> .st-key-actions)")
    for theme, ground in GROUNDS.items():
        wear(page, theme)
        expect(bar).to_have_css("background-color", ground)
        expect(bar.get_by_role("button", name="Start")).to_be_in_viewport()
        assert bar.evaluate(ON_TOP)


def press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def open_editor(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_test_id("stPopover").get_by_role("button", name=name).click()


def open_expanders(page: Page) -> None:
    summaries = page.locator(f"{SETTINGS} summary")
    expect(summaries).to_have_count(3)
    for summary in summaries.all():
        summary.click()
    expect(page.get_by_role("spinbutton", name="Weight decay")).to_be_visible()


def open_preview(page: Page) -> None:
    page.locator(".st-key-preview summary").click()
    page.locator(".st-key-preview :is(img, canvas, .nsewdrag)").first.wait_for()


def open_list(page: Page) -> None:
    field = page.get_by_role("combobox", name="Loss", exact=True)
    field.scroll_into_view_if_needed()  # scrolling would close the list
    field.focus()
    painted(page)
    field.press("ArrowDown")
    expect(page.get_by_role("option").first).to_be_visible()


def open_help(page: Page) -> None:
    page.get_by_role("button", name="Help for Loss").focus()
    expect(page.get_by_role("tooltip")).to_be_visible()


# What can be opened: the choices that show it, how, and the element that has to lie in the window then, if one has.
SETTINGS, EDITOR, PREVIEW = ".st-key-settings", "[data-testid=stPopoverBody]", ".st-key-preview"
OPENED: dict[str, tuple[str, Callable[[Page], None], str | None]] = {
    "the settings": ("model=mlp", open_expanders, SETTINGS),
    "a list": ("", open_list, None),
    "a tooltip": ("", open_help, None),
    "the editor of a variant": (RACE, open_editor("Name"), EDITOR),
    "a sweep": (RACE, open_editor("Sweep"), EDITOR),
    "images": ("dataset=digits", open_preview, PREVIEW),
    "a table": ("dataset=yeast", open_preview, PREVIEW),
    "points": ("dataset=moons", open_preview, PREVIEW),
    "the menu": ("", press("Main menu"), None),
}


def outside(page: Page, selector: str) -> list[str]:
    """Whether an element reaches out of the window to the left or the right."""
    box = page.locator(selector).first.bounding_box()
    width = page.viewport_size and page.viewport_size["width"]
    inside = box and width and box["x"] >= 0 and box["x"] + box["width"] <= width
    return [] if inside else [f"{selector} is at {box} in a window of {width} pixels"]


def test_what_opens_fits_and_has_no_barrier(looked_at: Page, app_url: str) -> None:
    page, found = looked_at, {}
    for name, (query, open_it, opened) in OPENED.items():
        page.goto("about:blank")
        page.goto(f"{app_url}/compare?{query}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        open_it(page)
        settled(page)
        still(page)
        found[name] = faults(page) + (outside(page, opened) if opened else []) + barriers(page)
    assert found == {name: [] for name in OPENED}
