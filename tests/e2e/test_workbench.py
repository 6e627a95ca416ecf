"""The Workbench in a browser: one screen holds what belongs together, and a newcomer gets from opening to sharing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import settled
from tests.e2e.conftest import BINARY, MULTICLASS, MULTILABEL, REGRESSION, drawn, wear

STAGE = ".st-key-picture .stage"
SIZES = ((1440, 780), (1280, 720), (1024, 768), (390, 844))
PHONE, LARGEST = SIZES[-1], SIZES[0]
ON_A_PHONE = {"verdict": ".st-key-verdict", "chart of the threshold": f"{STAGE} .control"}
TABLE_ON_A_PHONE = {"verdict": ".st-key-verdict", "fifth row": f"{STAGE} .listed tbody tr:nth-child(5)"}
EVERYWHERE = ON_A_PHONE | {
    "recipe": ".st-key-recipe",
    "tiles": f"{STAGE} .tiles",
    "matrix": f"{STAGE} .matrix",
    "loss": f"{STAGE} section.loss",
    "replay": f"{STAGE} .player",
}
MATRIX = {"matrix": EVERYWHERE["matrix"]}
TOGETHER = {name: selector for name, selector in EVERYWHERE.items() if name != "matrix"} | {
    "last row": f"{STAGE} .listed tbody tr:last-child",
    "averages": f"{STAGE} .listed tfoot tr:last-child",
}
CURVES = {"curves": f"{STAGE} .curves"}
TABS = {"tabs": "[data-testid=stTabs] [role=tablist]"}

# What is larger than the place it has.
CUT = """boxes => boxes.filter((box) => box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth)
  .map(({ className, scrollHeight, clientHeight }) => [className, scrollHeight, clientHeight])"""

# By how many pixels each element leaves the window, those that don't left out; of the tabs the top counts.
BEYOND = """selectors => Object.fromEntries(Object.entries(selectors).flatMap(([name, selector]) => {
  const roots = [document, ...[...document.querySelectorAll('*')].map(node => node.shadowRoot).filter(Boolean)];
  const within = selector.replace('.st-key-picture ', '');
  const node = roots.map(root => root.querySelector(root === document ? selector : within)).find(Boolean);
  if (!node) return [[name, 'missing']];
  const { left, right, top, bottom, height } = node.getBoundingClientRect();
  const over = Math.max(-left, -top, right - innerWidth, (name === 'tabs' ? top : bottom) - innerHeight);
  return over > 0.5 || !height ? [[name, Math.round(over)]] : [];
}))"""


@pytest.mark.parametrize(
    ("query", "alone"),
    [("", ""), (MULTICLASS, ""), (MULTICLASS, "8"), (MULTILABEL, ""), (MULTILABEL, "class 9"), (REGRESSION, "")],
    ids=["binary", "classes", "one class", "labels", "one label", "values"],
)
def test_one_screen_holds_the_picture_and_its_controls(
    page: Page, runs: dict[str, str], app_url: str, query: str, alone: str
) -> None:
    page.goto(f"{app_url}/?{runs[query]}")
    drawn(page, "picture")
    together = query in (MULTICLASS, MULTILABEL) and not alone
    if alone:
        page.get_by_role("button", name=alone, exact=True).click()
        expect(page.get_by_label("Threshold as probability")).to_be_visible()
        settled(page)
    everywhere = EVERYWHERE if not together else TOGETHER | (MATRIX if query == MULTICLASS else {})
    beyond = {}
    for size in SIZES:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        wanted = everywhere if size != PHONE else TABLE_ON_A_PHONE if together else ON_A_PHONE
        if not query and size == PHONE:
            wanted = wanted | MATRIX
        if query != REGRESSION and not together and size != PHONE:
            wanted = wanted | CURVES
        if query != REGRESSION and size == LARGEST:
            wanted = wanted | TABS
        if together and size != PHONE:
            assert page.locator(f"{STAGE} :is(.listed, .crossed)").evaluate_all(CUT) == [], size
        for theme in ("dark", "light"):
            wear(page, theme)
            beyond[f"{size[0]} x {size[1]}, {theme}"] = page.evaluate(BEYOND, wanted)
    assert beyond == {size: {} for size in beyond}


def matrix(page: Page) -> list[int]:
    """The four counts as drawn at one moment: tn, fp, fn, tp."""
    return page.locator(f"{STAGE} table").evaluate(
        "table => ['tn', 'fp', 'fn', 'tp'].map(name =>"
        " Number(table.querySelector(`.cell .${name}`).textContent.replaceAll(',', '')))"
    )


def field(page: Page) -> Locator:
    return page.get_by_label("Threshold as probability")


def at_rest(page: Page) -> None:
    """Wait until training has ended and the picture shows what the server counted."""
    expect(page.get_by_test_id("stTabs")).to_be_visible(timeout=60_000)
    page.locator(f"{STAGE}[aria-busy=false] .readout:not(:empty)").wait_for()
    settled(page)


def test_a_newcomer_gets_from_opening_to_a_shared_link(page: Page, browser: Browser, app_url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    interactions = 1
    page.goto(app_url)
    epoch = page.locator(f"{STAGE} .epoch .at")
    expect(epoch).to_contain_text(re.compile(r"epoch \d of 30"))  # an early one, without a click
    expect(epoch).to_contain_text("epoch 30 of 30")
    at_rest(page)

    before = matrix(page)
    handle = page.get_by_role("slider", name="Threshold", exact=True).bounding_box()
    assert handle
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    interactions += 1
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=5)
    page.mouse.up()
    at_rest(page)
    assert matrix(page) != before
    assert np.sum(matrix(page)) == 5000

    bars = page.locator(f"{STAGE} .scores path.tn")
    shape, said = bars.get_attribute("d"), page.locator(".st-key-verdict").inner_text()
    interactions += 1
    page.get_by_role("button", name="n₀/n₁").click()
    page.wait_for_url("**run=*")
    at_rest(page)
    expect(bars).not_to_have_attribute("d", shape or "")
    expect(page.locator(".st-key-verdict")).not_to_have_text(said)

    use = page.get_by_role("button", name=re.compile(r"^Use [\d.]+"))
    best = float(use.inner_text().split()[1])
    interactions += 1
    use.click()
    expect(field(page)).to_have_value(re.compile(rf"^{best:.2f}".rstrip("0")))
    at_rest(page)
    interactions += 1
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")
    page.wait_for_url("**saved=*")
    interactions += 1
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("status").filter(has_text="Link copied")).to_be_attached()
    link = page.evaluate("navigator.clipboard.readText()")
    assert interactions < 12

    other = browser.new_context().new_page()
    other.goto(link)
    at_rest(other)
    assert field(other).input_value() == field(page).input_value()
    assert matrix(other) == matrix(page)
    expect(other.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")
    other.context.close()


def test_reload_and_back_keep_run_and_threshold(page: Page, runs: dict[str, str], app_url: str) -> None:
    page.goto(f"{app_url}/?{runs[BINARY]}")
    at_rest(page)
    first = matrix(page)
    field(page).fill("0.7")
    field(page).press("Enter")
    page.wait_for_url("**current=*")
    at_rest(page)
    address, counts = page.url, matrix(page)
    assert counts != first

    page.reload()
    at_rest(page)
    expect(field(page)).to_have_value("0.700")
    assert matrix(page) == counts
    assert page.url == address

    page.get_by_role("link", name="Losses").click()
    expect(page.get_by_role("heading", name="Losses", level=1)).to_be_visible()
    page.go_back()
    at_rest(page)
    expect(field(page)).to_have_value("0.700")
    assert matrix(page) == counts


def test_without_motion_nothing_is_replayed(browser: Browser, app_url: str) -> None:
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.goto(app_url)
    epoch = page.locator(f"{STAGE} .epoch .at")
    expect(epoch).not_to_be_empty()
    assert epoch.inner_text().startswith("epoch 30 of 30")
    page.context.close()


def test_the_first_screen_needs_no_plotly(page: Page, app_url: str) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "plotly" in request.url.lower() else None)
    page.goto(app_url)
    at_rest(page)
    assert fetched == []
    page.get_by_text(re.compile("^F1 against threshold")).click()
    page.locator(".st-key-tuned .live-figure[role]").scroll_into_view_if_needed()
    expect(page.locator(".st-key-tuned .nsewdrag").first).to_be_visible()
    assert len(fetched) == 1


def test_the_first_screen_answers_what_practitioners_ask(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(app_url)
    at_rest(page)
    verdict = page.locator(".st-key-verdict")
    weight = page.get_by_role("slider", name="pos_weight")
    use = verdict.get_by_role("button", name=re.compile(r"^Use [\d.]+"))

    page.get_by_role("button", name="n₀/n₁").click()  # what does pos_weight do?
    expect(verdict).to_contain_text("With pos_weight 99, a score of 0.990, not 0.5, means a probability of 50%.")
    at_rest(page)
    expect(page.locator(f"{STAGE} .control")).to_contain_text("outline: previous run: pos_weight 20")
    weight.press("Home")  # it predicts 0 for everything
    expect(verdict).to_contain_text("Predicts no fraud")
    at_rest(page)
    assert matrix(page) == [4950, 0, 50, 0]
    use.click()  # which threshold should I ship?
    at_rest(page)
    assert matrix(page)[3] >= 15
    expect(verdict).not_to_contain_text("Predicts no fraud")
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0


def test_a_question_shows_its_answer_in_sight(page: Page, app_url: str) -> None:
    page.goto(app_url)
    at_rest(page)
    verdict, tabs = page.locator(".st-key-verdict"), page.get_by_test_id("stTabs")
    questions = {
        "My classifier predicts 0 for almost everything. Why?": ("Predicts almost no fraud", "Tune"),
        "Which threshold should I ship?": ("Maximum net value, tuned on validation rows", "Value"),
        "What does pos_weight do?": ("not 0.5, means a probability of 50%", "Theory"),
    }
    for question, (answer, panel) in questions.items():
        page.get_by_role("button", name=question).click()
        expect(verdict).to_contain_text(question)
        expect(verdict).to_contain_text(answer)
        expect(tabs.get_by_role("tab", name=panel, selected=True)).to_be_visible()
        expect(verdict.get_by_text(question)).to_be_in_viewport()
        expect(page.locator(f"{STAGE} .handle")).to_be_in_viewport()
    expect(page.locator(f"{STAGE} .control")).to_contain_text("outline: pos_weight 1")
    verdict.get_by_role("button", name="close").click()
    expect(verdict).not_to_contain_text("What does pos_weight do?")
    expect(verdict).to_contain_text("not 0.5, means a probability of 50%")


@pytest.mark.parametrize("size", [LARGEST, PHONE], ids=lambda size: f"{size[0]}")
def test_nothing_moves_where_other_data_is_chosen(page: Page, app_url: str, size: tuple[int, int]) -> None:
    page.goto(app_url)
    at_rest(page)
    page.get_by_role("button", name="Data").click()
    page.get_by_test_id("stPopoverBody").get_by_role("combobox").first.click()
    page.get_by_role("option", name="Digits: ten classes").click()
    expect(page.get_by_role("button", name="Data Digits")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"{STAGE} .crossed")).to_be_visible()
    at_rest(page)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    said = page.locator(".st-key-recipe-changes")
    expect(said).to_contain_text("Data: Digits: ten classes instead of Fraud-like.")
    undo = said.get_by_role("button", name="Undo")
    expect(undo).to_be_in_viewport(ratio=1)
    place = page.locator(".st-key-picture")
    settled(page)
    before = place.bounding_box()
    undo.click()
    expect(said).to_have_count(0)
    at_rest(page)
    after = place.bounding_box()
    assert before
    assert after
    assert after["y"] == before["y"]


def test_every_press_of_step_is_an_epoch(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?dataset=gaussians&data.samples=20000&model=mlp&epochs=2000")
    play = page.locator(f"{STAGE} .player .play")
    expect(play).to_have_text("Pause")
    play.click()
    expect(play).to_have_text("Resume")
    settled(page)
    said = page.locator(f"{STAGE} .epoch .at")
    before = int(said.inner_text().split()[1])
    step = page.locator(f"{STAGE} .player .step")
    step.evaluate("button => { for (let n = 0; n < 5; n++) button.click() }")
    for _ in range(5):
        step.click()
    expect(said).to_contain_text(f"epoch {before + 10} of")
    settled(page)
    assert said.inner_text().startswith(f"epoch {before + 10} of")
    page.get_by_role("button", name="Stop", exact=True).last.click()


SHIFTS = """
  window.shifted = 0;
  new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { window.shifted += value; }))
    .observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}")
def test_nothing_jumps_while_the_first_screen_loads(page: Page, app_url: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(SHIFTS)
    page.goto(app_url)
    at_rest(page)
    assert page.evaluate("shifted") <= 0.12


@pytest.mark.parametrize("size", [LARGEST, PHONE], ids=lambda size: f"{size[0]}")
def test_nothing_jumps_while_a_run_trains(page: Page, app_url: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(SHIFTS)
    page.goto(app_url)
    at_rest(page)
    address = page.url
    page.evaluate("window.shifted = 0")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(lambda url: url != address)
    at_rest(page)
    assert page.evaluate("shifted") <= 0.03


@pytest.mark.parametrize("after", [0, 150, 300])
def test_a_threshold_typed_just_after_train_stays(page: Page, app_url: str, after: int) -> None:
    page.goto(app_url)
    drawn(page, "picture")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_timeout(after)
    field = page.get_by_label("Threshold as probability")
    field.fill("0.25")
    field.press("Enter")
    page.wait_for_url(re.compile("current=0.25.*run="))
    expect(page.locator(".st-key-picture .stage")).to_have_attribute("aria-busy", "false")
    expect(field).to_have_value("0.250")


def test_share_copies_the_link_or_shows_it_where_the_clipboard_is_refused(page: Page, app_url: str) -> None:
    page.goto(app_url)
    at_rest(page)
    share = page.get_by_role("button", name="Share")
    box = share.bounding_box()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    share.click()
    expect(page.locator(".st-key-share").get_by_text("Link copied").first).to_be_visible()
    assert share.bounding_box() == box
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')) }")
    share.click()
    link = page.get_by_label("Copy this link:")
    expect(link).to_be_focused()
    expect(link).to_have_value(page.url)
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(share).to_be_focused()


def test_all_scripts_of_the_first_picture_are_fetched_with_the_page(page: Page, app_url: str) -> None:
    html = page.goto(app_url).text()  # type: ignore[union-attr]
    drawn(page, "picture")
    settled(page)
    fetched = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")
    scripts = {path for path in fetched if path.endswith(".js") and ("/picture/" in path or "BidiComponent" in path)}
    assert {"component.js", "draw.js"} <= {path.rpartition("/")[2] for path in scripts}
    assert {path for path in scripts if f'href=".{path}"' not in html and f'src=".{path}"' not in html} == set()
