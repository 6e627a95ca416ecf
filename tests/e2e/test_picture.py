"""The picture in a browser: every number is core's, everything follows the finger, and nothing it says is overtaken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect
from scipy.special import logit

from benchmarks.browser import serve, settled
from core.evaluation import METRICS, ScoreIndex
from core.plots.picture import EARLIER_BOUND
from pages.components.picture.picture import Mark, thresholds_data
from pages.components.scripts import VERSION
from tests.conftest import confusion
from tests.e2e.conftest import overflow, painted, still, ticks
from tests.support.picture_page import EPOCHS, SHOWN, STAGE, trained
from tests.support.wire import Wire

APP = """
import streamlit as st
from app import assets, content

app = st.App("script.py", routes=[assets, content])
"""
SCRIPT = """
from tests.support.picture_page import page

page()
"""
AXE = Axe()
SIZES = ((1440, 900), (1280, 720), (1024, 768), (390, 844))
TILES = ("precision", "recall", "f1", "specificity", "mcc")


@pytest.fixture(scope="module")
def picture_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """The address of a page with nothing but a picture, under a base path as behind a proxy."""
    folder = tmp_path_factory.mktemp("picture")
    (folder / "picture_app.py").write_text(APP)
    (folder / "script.py").write_text(SCRIPT)
    logs.append(folder / "picture.log")
    with serve(folder / "picture_app.py", folder / "picture.log", "/cutoff") as (address, _process):
        yield address


def index_of(name: str, epoch: int = EPOCHS) -> ScoreIndex:
    return trained(*SHOWN[name])[1][epoch]


def opened(page: Page, url: str, query: str) -> Locator:
    """The handle of the threshold, once the picture is drawn."""
    page.goto(f"{url}/?show={query}")
    expect(page.locator(f"{STAGE} .readout")).not_to_be_empty()
    settled(page)
    return page.get_by_role("slider", name="Threshold")


def rested(page: Page) -> None:
    """Wait until what is shown is what the server counted."""
    page.locator(f"{STAGE}[aria-busy=false]").wait_for()


def field(page: Page, kind: str = "probability") -> Locator:
    return page.get_by_label(f"Threshold as {kind}")


# What a field shows in each frame until what is shown is what the server counted.
UNTIL_RESTED = """async (field) => {
  const shown = [];
  while (field.closest(".stage").getAttribute("aria-busy") === "true") {
    shown.push(field.value);
    await new Promise(requestAnimationFrame);
  }
  return [...shown, field.value];
}"""


def type_in(page: Page, text: str, kind: str = "probability") -> None:
    field(page, kind).fill(text)
    field(page, kind).press("Enter")
    rested(page)


def matrix(page: Page) -> list[list[int]]:
    """The four counts as drawn at one moment, [[tn, fp], [fn, tp]]."""
    texts = page.locator(f"{STAGE} table").evaluate(
        "table => ['tn', 'fp', 'fn', 'tp'].map(name => table.querySelector(`.cell .${name}`).textContent)"
    )
    tn, fp, fn, tp = (int(text.replace(",", "")) for text in texts)
    return [[tn, fp], [fn, tp]]


def tile(page: Page, name: str, part: str = "b") -> str:
    return page.locator(f"{STAGE} .tile.{name} {part}").inner_text()


def written(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}".replace("-", "−")


def threshold_of(page: Page) -> float:
    return float(field(page).input_value())


# --- numbers


@pytest.mark.parametrize("name", ["exact", "thinned"])
def test_at_typed_thresholds_every_number_is_that_of_all_rows(page: Page, picture_url: str, name: str) -> None:
    opened(page, picture_url, name)
    index = index_of(name)
    for threshold in (0.0, 0.31, 0.5, *np.random.default_rng(5).random(6), 1.0):
        type_in(page, repr(float(threshold)))
        counts = index.counts(threshold)
        assert matrix(page) == confusion(counts).tolist()
        assert {name: tile(page, name) for name in TILES} == {
            name: written(float(METRICS[name](counts))) for name in TILES
        }
        share = 100 * counts.predicted_positive / index.n_rows
        assert float(tile(page, "predicted_positive").rstrip("%")) == pytest.approx(share, abs=0.051)
        assert float(field(page, "logit").input_value().replace("−", "-").replace("∞", "inf")) == pytest.approx(
            logit(np.float32(threshold)), abs=6e-4
        )


def test_a_threshold_is_typed_as_logit_or_share_and_mistakes_are_said(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact")
    index = index_of("exact")
    type_in(page, "-1.5", "logit")
    assert threshold_of(page) == pytest.approx(0.18242553, abs=1e-7)
    type_in(page, "12", "percent of rows predicted positive")
    assert matrix(page) == confusion(index.counts(threshold_of(page))).tolist()
    assert tile(page, "predicted_positive") == "12.0%"
    type_in(page, "5%", "percent of rows predicted positive")
    assert tile(page, "predicted_positive") == "5.0%"
    for text in ("25%", "0,25"):
        type_in(page, "0.9")
        type_in(page, text)
        assert threshold_of(page) == 0.25
    before = matrix(page)
    for kind, text, says in (
        ("probability", "1.2", "Expected a probability in [0, 1], but got 1.2."),
        ("probability", "1e400", "Expected a probability in [0, 1], but got 1e400."),
        ("probability", "inf", "Expected a probability in [0, 1], but got inf."),
        ("logit", "1e400", "Expected a logit, any number, but got 1e400."),
        ("logit", "50%", "Expected a logit, any number, but got 50%."),
        ("logit", "x", "Expected a logit, any number, but got x."),
        ("percent of rows predicted positive", "101", "Expected a percentage in [0, 100], but got 101."),
    ):
        type_in(page, text, kind)
        expect(page.locator(f"{STAGE} .said")).to_have_text(says)
        field(page, kind).press("Escape")
    assert matrix(page) == before


def test_ranking_measures_are_those_of_the_film(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "fraud&outline")
    last, before = trained(*SHOWN["fraud"])[0].frames[-1], trained(*SHOWN["fraud"], 1.0)[0].frames[-1]
    assert tile(page, "average_precision") == written(last.average_precision)
    assert tile(page, "roc_auc", ".beneath") == f"{before.roc_auc:.3f} before"
    assert page.locator(f"{STAGE} .tile.recall .beneath").get_attribute("title") == "Before: the previous run."
    page.get_by_role("button", name="Save").click()
    rested(page)
    assert tile(page, "recall", ".beneath") == "saved"
    assert tile(page, "roc_auc", ".beneath") == "any threshold"


# --- the finger


def drag(page: Page, handle: Locator, shares: list[float], seen: list[tuple[float, list[list[int]]]]) -> None:
    """Take the line to shares of the width of the histogram, and keep the button down."""
    box, plot = handle.bounding_box(), page.locator(f"{STAGE} .plot.scores").bounding_box()
    assert box
    assert plot
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for share in shares:
        page.mouse.move(plot["x"] + share * plot["width"], y)
        painted(page)
        seen.append((threshold_of(page), matrix(page)))


def test_a_drag_sends_nothing_until_one_small_message(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "exact")
    index = index_of("exact")
    wire = Wire(page)
    seen: list[tuple[float, list[list[int]]]] = []
    drag(page, handle, np.linspace(0.35, 0.7, 15).tolist(), seen)
    assert wire.sizes == []
    assert len({str(counts) for _, counts in seen}) > 8
    for threshold, counts in seen:
        assert counts == confusion(index.counts(threshold)).tolist()
    page.mouse.up()
    rested(page)
    settled(page)
    assert len(wire.sizes) == 1
    assert wire.sizes[0] <= 1024
    assert threshold_of(page) == seen[-1][0]


def test_a_point_on_a_curve_takes_the_threshold_along(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact")
    for tab in ("Precision-recall", "ROC", "Metrics"):
        page.get_by_role("tab", name=tab).click()
        before = matrix(page)
        box = page.locator(f"{STAGE} .plot.curve").bounding_box()
        assert box
        for x in (0.4, 0.6):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + 0.5 * box["height"])
            rested(page)
        assert matrix(page) != before
        assert matrix(page) == confusion(index_of("exact").counts(threshold_of(page))).tolist()


@pytest.mark.parametrize("name", ["exact", "thinned"])
def test_keys_go_from_score_to_score_and_to_the_ends(page: Page, picture_url: str, name: str) -> None:
    handle = opened(page, picture_url, name)
    scores = np.sort(index_of(name).distinct_scores())
    above = scores[scores > np.float32(0.5)]
    for score in above[:3]:
        handle.press("ArrowRight")
        expect(field(page)).to_have_value(str(score))
    handle.press("ArrowLeft")
    expect(field(page)).to_have_value(str(above[1]))
    rested(page)
    assert matrix(page) == confusion(index_of(name).counts(above[1])).tolist()
    expect(handle).to_have_attribute("aria-valuetext", re.compile("of rows predicted fraud"))
    handle.press("PageUp")
    assert threshold_of(page) > above[1]
    for key, end in (("Home", 0.0), ("End", 1.0)):
        handle.press(key)
        rested(page)
        assert threshold_of(page) == end


def test_a_second_move_is_not_overtaken_by_the_answer_to_the_first(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact&slow")
    for text in ("0.2", "0.8"):
        field(page).fill(text)
        field(page).press("Enter")
        page.locator("[data-testid=stApp][data-test-script-state=running]").wait_for()
    shown = field(page).evaluate(UNTIL_RESTED)
    assert len(shown) > 5
    assert {float(text) for text in shown} == {0.8}
    assert matrix(page) == confusion(index_of("exact").counts(0.8)).tolist()
    expect(page.get_by_text("acts: type 0.2, type 0.8")).to_be_visible()


def test_saving_and_undoing(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact")
    undo, save = (page.get_by_role("button", name=name) for name in ("Undo", "Save"))
    expect(undo).to_have_attribute("aria-disabled", "true")
    save.click()
    expect(save).to_have_attribute("aria-disabled", "true")
    type_in(page, "0.7")
    saved = METRICS["recall"](index_of("exact").counts(0.5))
    assert tile(page, "recall", ".beneath") == f"{saved:.3f} at 0.500"
    expect(page.locator(f"{STAGE} .labels text.ghost")).to_have_text("saved 0.500")
    undo.click()
    rested(page)
    assert threshold_of(page) == 0.5
    assert tile(page, "recall", ".beneath") == "saved"


def test_cells_ask_for_their_rows(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact")
    page.get_by_title("Show the rows: false negative").click()
    expect(page.get_by_text("acts: fn 20")).to_be_visible()  # the epoch that is shown


def test_the_axis_and_the_heights_switch_in_the_browser(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "fraud")
    line = page.locator(f"{STAGE} .line")
    bars = page.locator(f"{STAGE} .scores path.tn")
    before = line.bounding_box()
    type_in(page, "0.9")
    shapes = {bars.get_attribute("d")}
    page.get_by_role("button", name="probability").click()
    painted(page)
    shapes.add(bars.get_attribute("d"))
    plot, after = page.locator(f"{STAGE} .plot.scores").bounding_box(), line.bounding_box()
    assert before
    assert after
    assert plot
    assert after["x"] + 1.5 == pytest.approx(plot["x"] + 10 + 0.9 * (plot["width"] - 20), abs=1)
    for height in ("counts", "log", "density"):
        page.get_by_role("button", name=height, exact=True).click()
        painted(page)
        shapes.add(bars.get_attribute("d"))
    assert len(shapes) == 4  # density was seen before
    expect(page.get_by_text("axis probability")).to_be_visible()


# --- epochs


def test_the_scrubber_drives_histogram_matrix_tiles_and_loss_and_leaves_the_threshold(
    page: Page, picture_url: str
) -> None:
    opened(page, picture_url, "exact")
    slider = page.get_by_role("slider", name="Epoch")
    bars = page.locator(f"{STAGE} .scores path.tn")
    shapes, dots = set(), set()
    for epoch in (0, 3, 11, EPOCHS):
        slider.fill(str(epoch))
        expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(f"epoch {epoch} of {EPOCHS}")
        counts = index_of("exact", epoch).counts(0.5)
        off = np.abs(np.array(matrix(page)) - confusion(counts))
        bound = 0 if epoch == EPOCHS else EARLIER_BOUND
        assert np.all(off <= bound * confusion(counts).sum(axis=1, keepdims=True))
        ranking = trained(*SHOWN["exact"])[0].frames[epoch].roc_auc
        assert tile(page, "roc_auc") == written(ranking)
        shapes.add(bars.get_attribute("d"))
        dots.add(page.locator(f"{STAGE} .loss .dot").get_attribute("transform"))
    assert len(shapes) == len(dots) == 4
    assert threshold_of(page) == 0.5


def test_what_is_to_be_replayed_is_played_once_within_four_seconds(page: Page, picture_url: str) -> None:
    page.goto(f"{picture_url}/?show=exact&replay=first")
    at = page.locator(f"{STAGE} .epoch .at")
    play = page.get_by_role("button", name="Pause")
    expect(play).to_be_visible()
    place = play.bounding_box()
    expect(at).to_have_text(f"epoch {EPOCHS} of {EPOCHS}", timeout=4500)
    again = page.get_by_role("button", name="Replay")
    assert again.bounding_box() == place
    assert threshold_of(page) == 0.5
    type_in(page, "0.6")  # an answer with the same name plays nothing
    expect(at).to_have_text(f"epoch {EPOCHS} of {EPOCHS}")

    again.click()
    expect(at).to_have_text(re.compile(f"epoch [1-9] of {EPOCHS}"))
    page.get_by_role("button", name="Pause").click()
    stopped = int(at.inner_text().split()[1])
    page.get_by_role("button", name="Step one epoch").click()
    expect(at).to_have_text(f"epoch {stopped + 1} of {EPOCHS}")


def test_without_motion_nothing_is_replayed(browser: Browser, picture_url: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    opened(page, picture_url, "exact&replay=first")
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(f"epoch {EPOCHS} of {EPOCHS}")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    page.close()


def test_new_epochs_arrive_under_a_held_threshold(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "exact&live")
    at = page.locator(f"{STAGE} .epoch .at")
    seen: list[tuple[float, list[list[int]]]] = []
    drag(page, handle, [0.45, 0.55], seen)
    held, epochs, matrices = threshold_of(page), set(), set()
    while len(epochs) < 4 or len(matrices) < 4:
        ticks(page, 1)
        epochs.add(at.inner_text())
        matrices.add(str(matrix(page)))
        assert threshold_of(page) == held
    page.mouse.up()
    rested(page)
    ticks(page, 2)
    assert threshold_of(page) == held
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("pause nan")).to_be_visible()


# --- data


def test_numbers_that_the_server_no_longer_has_are_asked_for_again(page: Page, picture_url: str) -> None:
    asked: list[str] = []

    def missing_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=404)
        else:
            route.continue_()

    page.route("**/data/*", missing_once)
    opened(page, picture_url, "exact")
    assert len(asked) == 2
    assert matrix(page) == confusion(index_of("exact").counts(0.5)).tolist()


def test_a_film_is_fetched_once_and_compressed(page: Page, picture_url: str) -> None:
    answers = []
    page.on("response", lambda answer: answers.append(answer) if "/data/" in answer.url else None)
    opened(page, picture_url, "fraud")
    for text in ("0.2", "0.4"):
        type_in(page, text)
    (answer,) = answers
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) <= 100_000


# --- looks


@pytest.mark.parametrize("query", ["fraud&outline", "no positives", "regression&outline", "exact&groups"])
def test_fits_at_every_size_in_both_themes_without_a_barrier(browser: Browser, picture_url: str, query: str) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    opened(page, picture_url, query)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            still(page)
            assert overflow(page) == 0
            assert cut_or_covered(page) == []
        found = AXE.run(page, ".st-key-picture", {"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], node["html"][:150]) for rule in found for node in rule["nodes"]] == []
    assert errors == []
    page.close()


def cut_or_covered(page: Page) -> list[str]:
    """Words of charts that leave their section or lie on each other, and sections that overlap."""
    found: list[str] = page.locator(STAGE).evaluate("""stage => {
      const box = (node) => node.getBoundingClientRect();
      const words = [...stage.querySelectorAll("svg text")].filter((node) => box(node).width);
      const cut = words.filter((node) => {
        const [a, b] = [box(node), box(node.closest("section"))];
        return a.left < b.left || a.right > b.right || a.top < b.top - 1 || a.bottom > b.bottom + 1;
      }).map((node) => `${node.textContent} is cut`);
      const within = (a, b, by, from, to) => a[from] < b[to] - by && b[from] < a[to] - by;
      const meet = (a, b, by) => within(a, b, by, "left", "right") && within(a, b, by, "top", "bottom");
      const pairs = (nodes, by, name) => nodes.flatMap((a, at) => nodes.slice(at + 1)
        .filter((b) => meet(box(a), box(b), by)).map((b) => `${name(a)} on ${name(b)}`));
      const groups = [...stage.querySelectorAll(".words")].flatMap((group) =>
        pairs([...group.querySelectorAll("text")].filter((node) => box(node).width), 2, (node) => node.textContent));
      const blocks = [...stage.querySelectorAll("section, .player, .row > *, .tile, .player > *:not([hidden])")];
      const apart = blocks.filter((a) => box(a).width).flatMap((a, at, all) => all.slice(at + 1)
        .filter((b) => !a.contains(b) && !b.contains(a) && meet(box(a), box(b), 1))
        .map((b) => `${a.className || a.tagName} over ${b.className || b.tagName}`));
      const clipped = [...stage.querySelectorAll(".tile .what, .tile b, th, .name, button, .epoch")].filter((node) =>
        node.scrollWidth > node.clientWidth + 1 && box(node).width && getComputedStyle(node).display !== "inline")
        .map((node) => `${node.textContent} is clipped`);
      return [...cut, ...groups, ...apart, ...clipped];
    }""")
    return found


@pytest.mark.parametrize("size", SIZES)
def test_nothing_shifts_from_the_first_paint_on(browser: Browser, picture_url: str, size: tuple[int, int]) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.add_init_script("""
      window.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const places = entry.sources.map(({ node }) => node?.getRootNode().host ?? node?.parentElement);
          if (places.some((place) => place?.closest(".st-key-picture"))) window.shifts.push(entry.value);
        }
      }).observe({ type: "layout-shift", buffered: true });
    """)
    opened(page, picture_url, "fraud&outline&replay=first")
    expect(page.locator(f"{STAGE} .epoch .at")).to_have_text(f"epoch {EPOCHS} of {EPOCHS}")
    heights = page.locator(STAGE).evaluate("stage => stage.getBoundingClientRect().height")
    for tab in ("ROC", "Metrics"):
        page.get_by_role("tab", name=tab).click()
    page.get_by_role("button", name="counts").click()
    painted(page)
    assert page.locator(STAGE).evaluate("stage => stage.getBoundingClientRect().height") == heights
    assert sum(page.evaluate("window.shifts")) <= 0.01
    page.close()


# --- without Streamlit


def test_it_draws_into_any_element_and_takes_no_answer_that_is_out_of_date(page: Page, picture_url: str) -> None:
    film, indexes = trained(*SHOWN["exact"])

    def answer(threshold: float, serial: int, of: str = "a run") -> dict[str, object]:
        message = {"of": of, "threshold_of": of.partition(",")[0], "serial": serial, "label": "fraud", "rest": "honest"}
        message |= {"large": json.loads(film.content)}
        return (
            message | {"parts": [], "axis": "logit"} | thresholds_data(film, indexes[-1], [Mark("current", threshold)])
        )

    page.goto(f"{picture_url}/_stcore/health")
    page.evaluate(
        """async (address) => {
          const { draw } = await import(address);
          const element = document.body.appendChild(document.createElement("div"));
          window.acts = [];
          window.answer = async (data) => {
            draw(element, data, (act) => window.acts.push(act));
            await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
          };
        }""",
        f"/cutoff/assets/{VERSION}/picture/draw.js",
    )
    answered = "data => window.answer(data)"
    page.evaluate(answered, answer(0.5, 0))
    for text in ("0.3", "0.6"):
        field(page).fill(text)
        field(page).press("Enter")
    page.evaluate(answered, answer(0.3, 1))
    assert threshold_of(page) == 0.6
    assert page.locator(".stage").get_attribute("aria-busy") == "true"
    page.evaluate(answered, answer(0.3, 1, "a run, trained again"))  # on the same data: the threshold is still its own
    assert threshold_of(page) == 0.6
    page.evaluate(answered, answer(0.6, 2, "a run, trained again"))
    assert page.locator(".stage").get_attribute("aria-busy") == "false"
    page.evaluate(answered, answer(0.2, 2))  # a rule, a link: what the page says counts while nothing is on its way
    assert threshold_of(page) == 0.2
    page.evaluate(answered, answer(0.9, 0, "another run"))
    assert threshold_of(page) == 0.9
    field(page).fill("0.1")
    field(page).press("Enter")
    acts = page.evaluate("window.acts")
    assert [(act["of"], act["serial"], act["kind"], act["value"]) for act in acts] == [
        ("a run", 1, "type", 0.3),
        ("a run", 2, "type", 0.6),
        ("another run", 1, "type", 0.1),
    ]


def test_an_update_that_comes_late_is_not_drawn_over_a_newer_one(page: Page, picture_url: str) -> None:
    film, indexes = trained(*SHOWN["exact"])
    page.route("**/data/*", lambda route: route.fulfill(body=film.content, content_type="application/json"))
    page.goto(f"{picture_url}/_stcore/health")
    page.evaluate(
        """async (address) => {
          const { default: show } = await import(address);
          const root = document.body.appendChild(document.createElement("div"));
          root.innerHTML = '<div class="picture"></div><p class="failed"></p>';
          window.show = (data) => show({ data, parentElement: root, setTriggerValue: () => undefined });
        }""",
        f"/cutoff/assets/{VERSION}/picture/component.js",
    )

    def update(label: str, sent: tuple[str, int]) -> dict[str, object]:
        message = {
            "of": label,
            "label": label,
            "serial": 0,
            "sent": sent,
            "address": label,
            "asked": 0,
            "rest": "honest",
        }
        return message | {"parts": [], "axis": "logit"} | thresholds_data(film, indexes[-1], [Mark("current", 0.5)])

    for updates, newest in (
        ([update("later", ("a", 2)), update("earlier", ("a", 1))], "later"),
        ([update("earlier", ("b", 1)), update("later", ("b", 2))], "later"),  # of a server that has been restarted
        ([update("restarted", ("c", 0))], "restarted"),
    ):
        page.evaluate("updates => Promise.all(updates.map(window.show))", updates)
        expect(page.locator(".scores")).to_contain_text(f"actual {newest}")
