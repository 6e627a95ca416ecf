"""Without eyes or a mouse: what a keyboard reaches, what axe-core finds in every panel, and what is announced."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import BINARY, MULTICLASS, MULTILABEL, drawn, ticks
from tests.support.barriers import barriers

# The element that has the focus, within shadow roots too.
FOCUSED = """(() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
})()"""

TABLE = "CANVAS"  # in which Tab goes from cell to cell, where nobody follows it here

# Its name, "" for the page itself and for what only scrolls, and whether the focus can be seen: something about the
# element, or what holds it, is other without it. A table is a canvas, and draws the focus on its cells itself.
REACHED = f"""async () => {{
  const frame = () => new Promise(requestAnimationFrame);
  const element = {FOCUSED};
  if (!element || element.matches('body, main')) return ['', true];
  const name = element.ariaLabel || element.labels?.[0]?.innerText || element.innerText || element.tagName;
  const looks = () => {{
    let all = '';
    for (let at = element, up = 0; at && up < 5; at = at.parentElement, up++) {{
      const style = getComputedStyle(at);
      all += [style.outline, style.boxShadow, style.borderColor, style.backgroundColor, style.color].join();
    }}
    return all;
  }};
  const focused = looks();
  element.blur();
  await frame();
  await frame();
  const seen = looks() !== focused;
  element.focus({{ preventScroll: true }});
  await frame();
  element.dataset.reached = true;
  return [name.trim(), seen || element.matches('canvas')];
}}"""

# What can be pressed, typed into or followed and was not reached by Tab. One of a group (radios, tabs) stands for all,
# as arrow keys do the rest; what has no tab stop of its own (the + and - of a number) has the arrow keys of its field.
MISSED = """within => {
  const place = document.querySelector(within);
  const roots = [place, ...[...place.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean)];
  const reached = group => group?.querySelector('[data-reached]');
  const controls = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  return roots.flatMap(root => [...root.querySelectorAll(controls)])
    .filter(element => element.checkVisibility({ visibilityProperty: true }) && !element.disabled
      && !element.dataset.reached && !element.closest('[inert], [aria-hidden=true]') && !element.matches('main')
      && !reached(element.closest('[role=radiogroup], [role=tablist], [data-testid=stNumberInput], [role=group]')))
    .map(element => element.ariaLabel || element.innerText || element.outerHTML.slice(0, 120));
}"""

PANEL = "[data-testid=stTabs] [role=tabpanel]"

# What is drawn at once, so that nothing is looked at while it fades.
AT_ONCE = "*, *::before, *::after { transition: none !important; animation: none !important }"


def press_tab(page: Page) -> str:
    """Go to the next control and return its name; one whose focus can't be seen fails the test."""
    page.keyboard.press("Tab")
    name, seen = page.evaluate(REACHED)
    assert seen, f"Expected the focus on {name!r} to be seen."
    return str(name)


def tab_to(page: Page, name: str) -> None:
    """Go on until the control whose name ends so has the focus."""
    passed = []
    for _ in range(100):
        if (at := press_tab(page)).endswith(name):
            return
        passed.append(at)
    pytest.fail(f"Expected to reach {name!r}, but came only by {passed}.")


def go_on(page: Page) -> list[str]:
    """The names of all controls from here to the end of the page, as the Tab key reaches them."""
    names = []
    for _ in range(200):
        names.append(press_tab(page))
        if page.evaluate("() => document.activeElement.matches('body, [data-testid=stSkipToContent]')"):
            return names[:-1]
        if names[-1] == TABLE:
            page.evaluate(f"() => {FOCUSED}.blur()")
    pytest.fail(f"Expected the page to end, but it goes on after {names}.")


def to_top(page: Page) -> None:
    page.evaluate("() => document.querySelector('[data-testid=stSkipToContent]').focus()")


def in_order(expected: list[str], names: list[str]) -> bool:
    """Whether some of the names end with the expected ones, in their order."""
    rest = iter(names)
    return all(any(name.endswith(one) for name in rest) for one in expected)


def test_the_journey_needs_no_mouse(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?epochs=20")
    settled(page)
    page.add_style_tag(content=AT_ONCE)
    tab_to(page, "Data")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("Moons")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**dataset=moons*")
    settled(page)

    tab_to(page, "Sweep\n\nexpand_more")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stPopoverBody")).to_be_focused()
    tab_to(page, "From")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)

    tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished ·")).to_be_visible()
    settled(page)
    to_top(page)
    names = go_on(page)
    expected = ["Compare", "Data", "Loss", "Epochs", "Start", "Threshold on the score", "linear axis", "Epoch"]
    assert in_order(expected, names), names
    assert page.evaluate(MISSED, "body") == []

    to_top(page)
    tab_to(page, "Start")
    tab_to(page, "Open in the Workbench")
    page.keyboard.press("Enter")
    drawn(page, "picture")
    to_top(page)
    names = go_on(page)
    assert page.evaluate(MISSED, "body") == []
    expected = ["Train", "Share", "Threshold as probability", "Save", "Threshold", "Epoch", "Tune"]
    assert in_order(expected, names), names


SLOW = [pytest.param(query, marks=pytest.mark.long) for query in (MULTICLASS, MULTILABEL)]


@pytest.mark.parametrize("query", [BINARY, *SLOW])
def test_every_panel_has_no_barrier_and_needs_no_mouse(
    page: Page, runs: dict[str, str], app_url: str, query: str
) -> None:
    page.goto(f"{app_url}/?{runs[query]}")
    drawn(page, "picture")
    page.add_style_tag(content=AT_ONCE)
    found, missed = {}, {}
    tabs = page.get_by_test_id("stTabs").get_by_role("tab")
    assert tabs.count() >= 7
    tabs.first.focus()
    for tab in tabs.all():
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator(PANEL).locator("button, input, a").first).to_be_visible()
        settled(page)
        expect(page.locator(".live-figure:not([aria-label])")).to_have_count(0)
        found[tab.inner_text()] = barriers(page, PANEL)
        tab.focus()
        assert go_on(page)
        missed[tab.inner_text()] = page.evaluate(MISSED, PANEL)
        tab.focus()
        page.keyboard.press("ArrowRight")
    assert found == {name: [] for name in found}
    assert missed == {name: [] for name in missed}


# Every text that a screen reader would say by itself, from now on, in `window.said`.
LISTEN = """() => {
  window.said = [];
  const live = '[role=status], [role=alert], [aria-live=polite], [aria-live=assertive], output:not([aria-live=off])';
  const listen = root => new MutationObserver(changes => {
    for (const { target } of changes) {
      const place = (target.closest ? target : target.parentElement)?.closest(live);
      const text = place?.textContent.trim();
      if (text && text !== window.said.at(-1)) window.said.push(text);
    }
  }).observe(root, { childList: true, characterData: true, subtree: true });
  const roots = [document, ...[...document.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean)];
  roots.forEach(listen);
}"""


def test_training_is_announced_by_its_status_and_nothing_else(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?dataset=gaussians&data.samples=20000&model=mlp&epochs=2000")
    expect(page.locator(".st-key-status p")).to_be_attached()
    settled(page)
    page.evaluate(LISTEN)
    for name, state in (
        ("Start", "Training ·"),
        ("Pause", "Paused ·"),
        ("Resume", "Training ·"),
        ("Stop", "Stopped ·"),
    ):
        page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_text(state)).to_be_visible()
        if name != "Stop":
            ticks(page, 3)  # in which many epochs are drawn
    settled(page)
    said = page.evaluate("() => window.said")
    assert [word for word in said if word != "Waiting"] == ["Training", "Paused", "Training", "Stopped"]
