"""The threshold of generated scores in a browser: the store answers what core counts, and odd scores are shown too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from scipy.special import expit, logit

from benchmarks.browser import serve, settled
from benchmarks.picture_page import SCORES
from core.evaluation import METRICS, ScoreIndex
from core.evaluation.condensed import BOUND
from tests.conftest import ROOT, confusion
from tests.e2e.conftest import overflow, painted, still
from tests.support.wire import Wire

STAGE = ".st-key-picture .stage"
TILES = ("precision", "recall", "f1", "specificity", "mcc")
BINS = 60  # of the histogram


@pytest.fixture(scope="module")
def picture_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """The address of a page with nothing but a picture of generated scores."""
    log = tmp_path_factory.mktemp("threshold") / "threshold.log"
    logs.append(log)
    with serve(ROOT / "benchmarks" / "picture_app.py", log) as (address, _process):
        yield address


def index_of(name: str) -> ScoreIndex:
    view = SCORES[name]().view(0)
    return ScoreIndex.of(view.y, view.score)


def opened(page: Page, url: str, name: str) -> Locator:
    """The handle of the threshold, once the picture is drawn."""
    page.goto(f"{url}/?scores={name}")
    expect(page.locator(f"{STAGE} .readout")).not_to_be_empty()
    settled(page)
    if "classes" in name:
        page.get_by_role("button", name="class 0", exact=True).click()
    return page.get_by_role("slider", name="Threshold", exact=True)


def field(page: Page, kind: str = "probability") -> Locator:
    return page.get_by_label(f"Threshold as {kind}")


def threshold_of(page: Page, kind: str = "probability") -> float:
    return float(field(page, kind).input_value().replace("−", "-"))


def type_in(page: Page, text: str, kind: str = "probability") -> None:
    """Type a threshold and wait for the server's answer."""
    field(page, kind).fill(text)
    field(page, kind).press("Enter")
    rested(page)


def rested(page: Page) -> None:
    """Wait until what is shown is what the server counted."""
    page.locator(f"{STAGE}[aria-busy=false]").wait_for()


def wait_until_at(page: Page, score: float) -> None:
    """Wait until a float32 threshold is shown, in three decimals or more; fails with the one that is."""
    text = str(np.float32(score))
    expect(field(page)).to_have_value(f"{score:.3f}" if re.fullmatch(r"\d*\.?\d{0,3}", text) else text)


def matrix(page: Page) -> list[list[int]]:
    """The four counts as drawn at one moment, [[tn, fp], [fn, tp]]."""
    texts = page.locator(f"{STAGE} table").evaluate(
        "table => ['tn', 'fp', 'fn', 'tp'].map(name => table.querySelector(`.cell .${name}`).textContent)"
    )
    tn, fp, fn, tp = (int(text.replace(",", "")) for text in texts)
    return [[tn, fp], [fn, tp]]


def tiles(page: Page) -> dict[str, str]:
    return {name: page.locator(f"{STAGE} .tile.{name} b").inner_text() for name in TILES}


def written(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}".replace("-", "−")


@pytest.mark.parametrize("name", ["halves", "doubles", "margins"])
def test_numbers_of_every_precision_are_those_of_all_rows(page: Page, picture_url: str, name: str) -> None:
    opened(page, picture_url, name)
    index = index_of(name)
    kind = "score" if name == "margins" else "probability"
    scores = index.distinct_scores().astype(float)
    rng = np.random.default_rng(50)
    low, high = scores.min(), scores.max()
    between = low + (high - low) * rng.random(3)
    for threshold in (*between, *np.round(between, 2), *rng.choice(scores, 3)):
        type_in(page, repr(float(threshold)), kind)
        counts = index.counts(threshold)
        assert matrix(page) == confusion(counts).tolist(), threshold
    assert tiles(page) == {metric: written(float(METRICS[metric](counts))) for metric in TILES}


def drag(page: Page, handle: Locator, shares: list[float]) -> list[tuple[float, list[list[int]]]]:
    """Take the line to shares of the width of the histogram, keep the button down, and return what was drawn."""
    box, plot = handle.bounding_box(), page.locator(f"{STAGE} .plot.scores").bounding_box()
    assert box
    assert plot
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    seen = []
    for share in shares:
        page.mouse.move(plot["x"] + share * plot["width"], y)
        painted(page)
        seen.append((threshold_of(page), matrix(page)))
    return seen


def test_a_drag_of_many_rows_sends_one_small_message_and_stays_within_its_bound(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "thinned")
    index = index_of("thinned")
    wire = Wire(page)
    seen = drag(page, handle, np.linspace(0.3, 0.7, 25).tolist())
    assert wire.sizes == []
    exact = np.array([confusion(index.counts(threshold)) for threshold, _ in seen])
    off = np.abs(np.array([shown for _, shown in seen]) - exact).max(axis=0)
    assert len({str(shown) for _, shown in seen}) > 15
    assert np.all(off <= BOUND * exact[0].sum(axis=1, keepdims=True))
    assert off.any()  # else the bound is not what is tested

    page.mouse.up()
    rested(page)
    assert matrix(page) == exact[-1].tolist()
    assert len(wire.sizes) == 1
    assert wire.sizes[0] <= 1024
    (state,) = [one for one in wire.commits[0].rerun_script.widget_states.widgets if one.json_trigger_value]
    assert f'"value":{seen[-1][0]}' in state.json_trigger_value.replace(" ", "")

    # A click on the histogram is one message more.
    plot = page.locator(f"{STAGE} .plot.scores").bounding_box()
    assert plot
    page.mouse.click(plot["x"] + 0.6 * plot["width"], plot["y"] + 0.4 * plot["height"])
    rested(page)
    assert len(wire.sizes) == 2
    assert threshold_of(page) != seen[-1][0]
    assert matrix(page) == confusion(index.counts(threshold_of(page))).tolist()


def test_steps_go_on_beyond_what_was_at_hand(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "thinned")
    above = np.sort(index_of("thinned").distinct_scores())
    above = above[above > np.float32(0.5)]
    handle.focus()
    for at in (60, 120):
        for _ in range(60):
            page.keyboard.press("ArrowUp")
        rested(page)
        wait_until_at(page, above[at - 1])


def test_keys_and_fields_reach_the_ends_and_above_every_score(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "exact")
    handle.press("Home")
    expect(field(page)).to_have_value("0.000")
    expect(field(page, "logit")).to_have_value("−∞")
    expect(page.locator(f"{STAGE} .cell .tn")).to_have_text("0")
    handle.press("End")
    expect(field(page)).to_have_value("1.000")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("1.000 .logit ∞.*of rows predicted fraud"))
    handle.press("PageDown")
    rested(page)
    assert logit(threshold_of(page)) < 9
    handle.press("PageUp")
    expect(field(page)).to_have_value("1.000")
    rested(page)

    type_in(page, "-1,5", "logit")
    assert threshold_of(page) == pytest.approx(expit(-1.5), rel=1e-6)
    assert matrix(page) == confusion(index_of("exact").counts(expit(-1.5))).tolist()

    type_in(page, "0", "percent of rows predicted positive")
    for kind in ("probability", "logit"):
        expect(field(page, kind)).to_have_value("above all")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("^above every score, 0% of rows"))
    assert [row[1] for row in matrix(page)] == [0, 0]
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.locator(f"{STAGE} .labels text.ghost")).to_have_text("saved above every score")
    type_in(page, "0.5")
    expect(field(page, "logit")).to_have_value("0.000")
    type_in(page, "above every score")
    expect(field(page)).to_have_value("above all")
    assert "nfinity" not in page.locator(STAGE).inner_text()


def test_ties_make_a_share_smaller_and_the_page_says_so(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "ties")
    type_in(page, "30", "percent of rows predicted positive")
    expect(page.locator(f"{STAGE} .said")).to_have_text(
        "The top 30% would end among rows with equal scores; without all of these it is 25.0%."
    )
    expect(field(page)).to_have_value("0.600")


def test_bars_are_roots_of_shares_parted_by_the_counts(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "doubles")
    page.get_by_role("button", name="probability", exact=True).click()
    type_in(page, "0.37")
    view = SCORES["doubles"]().view(0)
    edges = np.linspace(0, 1, BINS + 1)
    unit = None
    for kind, of_class, predicted in (
        ("tp", view.y == 1, view.score >= 0.37),
        ("fn", view.y == 1, view.score < 0.37),
        ("fp", view.y == 0, view.score >= 0.37),
        ("tn", view.y == 0, view.score < 0.37),
    ):
        counts, totals = (np.histogram(view.score[rows], edges)[0] for rows in (of_class & predicted, of_class))
        some = counts > 0
        expected = np.sqrt(totals[some] / of_class.sum()) * counts[some] / totals[some]
        tall = heights(page, kind)
        unit = unit or max(tall) / expected.max()
        np.testing.assert_allclose(tall, expected * unit, atol=0.05)
    for kind, side in (("fn", "positive"), ("fp", "negative")):
        assert page.locator(f"{STAGE} .scores path.{kind}").get_attribute("fill") == f"url(#hatched-{side})"


def heights(page: Page, kind: str) -> list[float]:
    """The bars of one kind (tp, fp, fn, tn) as drawn, in pixels."""
    path = page.locator(f"{STAGE} .scores path.{kind}").get_attribute("d") or ""
    return [abs(float(tall)) for tall in re.findall(r"M[\d. ]+v(-?[\d.]+)h", path)]


def test_the_keyboard_alone_moves_saves_and_undoes(page: Page, picture_url: str) -> None:
    opened(page, picture_url, "exact")
    field(page).focus()
    page.keyboard.type("0.8")
    page.keyboard.press("Tab")  # leaving a field takes its number
    expect(field(page, "logit")).to_be_focused()
    expect(field(page, "logit")).to_have_value("1.386")
    rested(page)
    focused = "document.activeElement.shadowRoot?.activeElement ?? document.activeElement"
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate(f"({focused}).className.split(' ')[0] || ({focused}).value"))
    assert order == ["top", "validation", "test", "undo", "save", "handle"]
    page.keyboard.press("ArrowLeft")
    rested(page)
    moved = threshold_of(page)
    assert moved < 0.8
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    save, undo = (page.get_by_role("button", name=name) for name in ("Save", "Undo"))
    expect(save).to_have_attribute("aria-disabled", "true")
    expect(save).to_be_focused()
    page.keyboard.press("Shift+Tab")
    for threshold in (moved, 0.8, 0.5):
        page.keyboard.press("Enter")
        rested(page)
        assert threshold_of(page) == pytest.approx(threshold)
    expect(undo).to_have_attribute("aria-disabled", "true")


def test_a_drag_on_goes_before_the_answer_to_the_last(page: Page, picture_url: str) -> None:
    handle = opened(page, picture_url, "exact")
    drag(page, handle, [0.4])
    page.mouse.up()
    at, _ = drag(page, handle, [0.45, 0.6, 0.62, 0.64])[-1]
    settled(page)  # the first answer has come
    painted(page)
    assert threshold_of(page) == at
    page.mouse.up()
    rested(page)
    assert threshold_of(page) == at


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("constant", ""),
        ("constant margin", ""),
        ("no positives", "There is no curve: no row is positive, so recall is undefined."),
        ("no negatives", "There is no curve: no row is negative, so false positive rate is undefined."),
        ("two rows", ""),
        ("no rows", "There are no rows."),
        ("ties", ""),
        ("margins", ""),
        ("200 classes", ""),
    ],
)
def test_unusual_scores_are_shown_as_far_as_can_be(page: Page, picture_url: str, name: str, says: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    handle = opened(page, picture_url, name)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    index = index_of(name)
    if says:
        page.get_by_role("tab", name="ROC").click()
        expect(page.locator(f"{STAGE} .curve .nothing")).to_have_text(says)
    for key in ("ArrowRight", "PageUp", "Home", "End", "ArrowLeft"):
        handle.press(key)
    rested(page)
    kind = "score" if "margin" in name else "probability"
    t = threshold_of(page, kind)
    assert matrix(page) == confusion(index.counts(t)).tolist()
    assert tiles(page) == {metric: written(float(METRICS[metric](index.counts(t)))) for metric in TILES}
    expect(page.get_by_label("Threshold as logit")).to_be_visible(visible="margin" not in name)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        still(page)
        assert overflow(page) == 0
    assert errors == []
