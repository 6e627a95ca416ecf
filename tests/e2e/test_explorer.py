"""The threshold explorer in a browser: at rest it shows what core counts, and a drag tells the server nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from scipy.special import expit, logit

from benchmarks.explorer_page import SCORES
from core.evaluation import METRICS, ScoreIndex
from core.evaluation.condensed import BOUND
from core.plots.explorer import held
from tests.conftest import ROOT, confusion, serve
from tests.e2e.conftest import overflow, settled
from tests.support.wire import Wire

EXPLORER = ".st-key-explorer"
TILES = ("precision", "recall", "f1", "accuracy", "specificity", "mcc")


@pytest.fixture(scope="module")
def explorer_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """The address of a page with nothing but an explorer."""
    log = tmp_path_factory.mktemp("explorer") / "explorer.log"
    logs.append(log)
    with serve(ROOT / "benchmarks" / "explorer_app.py", log) as (address, _process):
        yield address


def index_of(name: str) -> ScoreIndex:
    view = SCORES[name]().view(0)
    return ScoreIndex.of(view.y, view.score)


def opened(page: Page, url: str, name: str, more: str = "") -> Locator:
    """The handle of the line, once the explorer is drawn."""
    page.goto(f"{url}/?scores={name}{more}")
    expect(page.locator(".readout")).not_to_be_empty()
    settled(page)
    return page.get_by_role("slider", name="Threshold line")


def field(page: Page, kind: str = "probability") -> Locator:
    return page.get_by_label(f"Threshold as {kind}")


def type_in(page: Page, text: str, kind: str = "probability") -> None:
    """Type a threshold and wait for the server's answer."""
    field(page, kind).fill(text)
    field(page, kind).press("Enter")
    rested(page)


def rested(page: Page) -> None:
    """Wait until what is shown is what the server counted."""
    page.locator(f"{EXPLORER} .explorer[aria-busy=false]").wait_for()


def wait_until_at(page: Page, score: float) -> None:
    """Wait until a float32 threshold is shown; fails with the one that is."""
    expect(field(page)).to_have_value(str(np.float32(score)).removesuffix(".0"))


def matrix(page: Page) -> list[list[int]]:
    """The four counts as drawn at one moment, [[tn, fp], [fn, tp]]."""
    texts = page.locator(f"{EXPLORER} table").evaluate(
        "table => ['tn', 'fp', 'fn', 'tp'].map(name => table.querySelector(`td .${name}`).textContent)"
    )
    tn, fp, fn, tp = (int(text.replace(",", "")) for text in texts)
    return [[tn, fp], [fn, tp]]


def tiles(page: Page) -> dict[str, str]:
    return {name: page.locator(f"{EXPLORER} .tile.{name} b").inner_text() for name in TILES}


def changes(page: Page) -> dict[str, str]:
    return {name: page.locator(f"{EXPLORER} .tile.{name} .change").inner_text() for name in TILES}


def written(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}".replace("-", "−")


@pytest.mark.parametrize(("name", "count"), [("exact", 50), ("thinned", 50), ("halves", 10), ("doubles", 10)])
def test_at_random_thresholds_every_number_is_that_of_all_rows(
    page: Page, explorer_url: str, name: str, count: int
) -> None:
    opened(page, explorer_url, name)
    index = index_of(name)
    rng = np.random.default_rng(50)
    drawn = rng.random(2 * count // 5), np.round(rng.random(2 * count // 5), 2)  # many scores have two decimals
    thresholds = np.concatenate([*drawn, rng.choice(index.distinct_scores(), count // 5).astype(float)])
    for threshold in thresholds.tolist():
        type_in(page, repr(threshold))
        counts = index.counts(threshold)
        assert matrix(page) == confusion(counts).tolist(), threshold
    assert tiles(page) == {metric: written(float(METRICS[metric](counts))) for metric in TILES}


def drag(page: Page, start: Locator, shares: list[float], seen: list[list[list[int]]]) -> None:
    """Take the line to shares of the width of the histogram, and keep the button down."""
    box, plot = start.bounding_box(), page.locator(f"{EXPLORER} .scores").bounding_box()
    assert box
    assert plot
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for share in shares:
        page.mouse.move(plot["x"] + share * plot["width"], y)
        page.wait_for_timeout(40)
        seen.append([matrix(page), field(page).input_value()])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["exact", "thinned"])
def test_a_drag_sends_nothing_until_one_small_commit(page: Page, explorer_url: str, name: str) -> None:
    handle = opened(page, explorer_url, name)
    index = index_of(name)
    wire = Wire(page)
    seen: list = []
    drag(page, handle, np.linspace(0.3, 0.7, 25).tolist(), seen)
    assert wire.sizes == []
    exact = [confusion(index.counts(float(text))) for _, text in seen]
    off = np.abs(np.array([shown for shown, _ in seen]) - exact).max(axis=0)
    assert len({str(shown) for shown, _ in seen}) > 15
    if name == "exact":
        assert not off.any()
    assert np.all(off <= BOUND * np.sum(exact[0], axis=1, keepdims=True))
    assert off.any() == (name == "thinned")  # else the bound is not what is tested

    page.mouse.up()
    rested(page)
    expect(page.locator(".readout")).to_contain_text("Counted over all rows")
    assert matrix(page) == exact[-1].tolist()
    assert len(wire.sizes) == 1
    assert wire.sizes[0] <= 1024
    (message,) = wire.commits
    (told,) = [
        state.json_trigger_value for state in message.rerun_script.widget_states.widgets if state.json_trigger_value
    ]
    assert f'"value":{seen[-1][1]}' in told.replace(" ", "")
    page.wait_for_timeout(500)
    assert len(wire.sizes) == 1


@pytest.mark.parametrize("name", ["exact", "thinned"])
def test_arrow_keys_go_to_the_next_distinct_score(page: Page, explorer_url: str, name: str) -> None:
    handle = opened(page, explorer_url, name)
    index = index_of(name)
    above = np.sort(index.distinct_scores())
    above = above[above > np.float32(0.5)]
    for slider in (handle, page.get_by_role("slider", name="Threshold", exact=True)):
        type_in(page, "0.5")
        for score in above[:5]:
            slider.press("ArrowRight")
            wait_until_at(page, score)
            assert matrix(page) == confusion(index.counts(score)).tolist()
        slider.press("ArrowLeft")
        wait_until_at(page, above[3])
        rested(page)
        expect(page.locator(".readout")).to_contain_text("Counted over all rows")
        assert matrix(page) == confusion(index.counts(above[3])).tolist()


def test_steps_go_on_beyond_what_was_at_hand(page: Page, explorer_url: str) -> None:
    handle = opened(page, explorer_url, "thinned")
    index = index_of("thinned")
    above = np.sort(index.distinct_scores())
    above = above[above > np.float32(0.5)]
    handle.focus()
    for at in (60, 120):
        for _ in range(60):
            page.keyboard.press("ArrowUp")
        rested(page)
        wait_until_at(page, above[at - 1])


def test_keys_reach_the_ends_and_larger_steps(page: Page, explorer_url: str) -> None:
    handle = opened(page, explorer_url, "exact")
    handle.press("Home")
    expect(field(page)).to_have_value("0")
    expect(field(page, "logit")).to_have_value("−∞")
    expect(page.locator(f"{EXPLORER} td .tn")).to_have_text("0")
    handle.press("End")
    expect(field(page)).to_have_value("1")
    handle.press("PageDown")
    rested(page)
    t = float(field(page).input_value())
    assert logit(t) == pytest.approx(9 - 0.9, abs=0.1)
    handle.press("PageUp")
    expect(field(page)).to_have_value("1")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("1.000 .logit ∞.*of rows called fraud"))


def test_a_threshold_is_typed_as_probability_logit_or_share(page: Page, explorer_url: str) -> None:
    opened(page, explorer_url, "exact")
    index = index_of("exact")
    type_in(page, "-1,5", "logit")
    assert float(field(page).input_value()) == pytest.approx(expit(-1.5), rel=1e-7)
    assert matrix(page) == confusion(index.counts(expit(-1.5))).tolist()

    type_in(page, "10", "percent of rows called positive")
    score = np.sort(np.concatenate([index.positive_scores, index.negative_scores]))[::-1]
    wanted = score[299] if score[300] < score[299] else score[score > score[299]].min()  # never more than 10%
    assert np.float32(field(page).input_value()) == wanted
    called = int(np.sum(score >= wanted))
    said = page.locator(f"{EXPLORER} .said")
    expect(said).to_have_text(
        ""
        if called == 300
        else f"The top 10% would end among rows with equal scores; without all of these it is {called / 30:.1f}%."
    )
    before = matrix(page)
    for kind, text, sentence in (
        ("probability", "1.2", "Expected a probability in [0, 1], but got 1.2."),
        ("probability", "high", "Expected a probability in [0, 1], but got high."),
        ("logit", "x", "Expected a logit, any number, but got x."),
        ("percent of rows called positive", "101", "Expected a percentage in [0, 100], but got 101."),
    ):
        field(page, kind).fill(text)
        field(page, kind).press("Enter")
        expect(said).to_have_text(sentence)
        field(page, kind).press("Escape")
    assert matrix(page) == before


def test_ties_make_a_share_smaller_and_the_page_says_so(page: Page, explorer_url: str) -> None:
    opened(page, explorer_url, "ties")
    type_in(page, "30", "percent of rows called positive")
    expect(page.locator(f"{EXPLORER} .said")).to_have_text(
        "The top 30% would end among rows with equal scores; without all of these it is 25.0%."
    )
    expect(field(page)).to_have_value("0.6")


def test_above_every_score_is_a_state_that_can_be_typed_left_and_saved(page: Page, explorer_url: str) -> None:
    handle = opened(page, explorer_url, "exact")
    type_in(page, "0", "percent of rows called positive")
    for kind in ("probability", "logit"):
        expect(field(page, kind)).to_have_value("above all")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("^above every score, 0% of rows"))
    assert [row[1] for row in matrix(page)] == [0, 0]
    page.get_by_role("button", name=re.compile("^Save")).press("Enter")
    expect(page.locator(f"{EXPLORER} .saved")).to_have_text("saved above every score")
    type_in(page, "0.5")
    expect(field(page, "logit")).to_have_value("0.000")
    type_in(page, "above every score")
    expect(field(page)).to_have_value("above all")
    assert "nfinity" not in page.locator(EXPLORER).inner_text()


@pytest.mark.parametrize("chart", ["scores", "pr .plot", "roc .plot", "metrics .plot"])
def test_a_click_on_a_chart_goes_there(page: Page, explorer_url: str, chart: str) -> None:
    opened(page, explorer_url, "exact")
    wire = Wire(page)
    plot = page.locator(f"{EXPLORER} .{chart}")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    rested(page)
    assert len(wire.sizes) == 1
    t = float(field(page).input_value())
    assert t != 0.5
    index = index_of("exact")
    expect(page.locator(f"{EXPLORER} td .tp")).to_have_text(f"{int(index.counts(t).tp):,}")
    assert matrix(page) == confusion(index.counts(t)).tolist()
    if chart in ("pr .plot", "roc .plot"):
        assert np.float32(t) in index.distinct_scores()
        ring = page.locator(f"{EXPLORER} .{chart.split()[0]} .ring").bounding_box()
        assert ring
        far = np.hypot(ring["x"] + ring["width"] / 2 - box["x"] - 0.6 * box["width"],
                       ring["y"] + ring["height"] / 2 - box["y"] - 0.4 * box["height"])  # fmt: skip
        assert far < 0.5 * box["width"]


def test_bars_are_roots_of_shares_parted_by_the_counts(page: Page, explorer_url: str) -> None:
    opened(page, explorer_url, "exact", "&band=0.3-0.6")
    type_in(page, "0.37")
    held_now, counts = held(index_of("exact"), "logit"), index_of("exact").counts(0.37)
    unit = None
    for kind, edges, total, called in (
        ("tp", held_now.bins.tp, held_now.positives, True),
        ("fn", held_now.bins.tp, held_now.positives, False),
        ("fp", held_now.bins.fp, held_now.negatives, True),
        ("tn", held_now.bins.fp, held_now.negatives, False),
    ):
        rows = (edges[:-1] - edges[1:])[edges[:-1] > edges[1:]]
        above = edges[1:][edges[:-1] > edges[1:]]
        share = np.clip((int(counts.tp if kind in ("tp", "fn") else counts.fp) - above) / rows, 0, 1)
        expected = np.sqrt(rows / total) * (share if called else 1 - share)
        tall = page.locator(f"{EXPLORER} .bars .{kind}").evaluate_all(
            "bars => bars.map(bar => Number(bar.getAttribute('height')))"
        )
        unit = unit or max(tall) / expected.max()
        np.testing.assert_allclose(tall, expected * unit, atol=0.05)
    assert page.locator(f"{EXPLORER} .bars .fn").first.get_attribute("fill") == "url(#hatched-positive)"
    assert page.locator(f"{EXPLORER} .bars .fp").first.get_attribute("fill") == "url(#hatched-negative)"


def test_save_and_undo_with_ghost_and_changes(page: Page, explorer_url: str) -> None:
    opened(page, explorer_url, "exact")
    index = index_of("exact")
    save, undo = (page.get_by_role("button", name=re.compile(name)) for name in ("^Save", "^Undo"))
    ghost = page.locator(f"{EXPLORER} .saved")
    expect(save).to_have_attribute("aria-disabled", "false")
    expect(undo).to_have_attribute("aria-disabled", "true")
    expect(ghost).to_have_text("")
    assert set(changes(page).values()) == {""}

    save.press("Enter")
    expect(ghost).to_have_text("saved 0.500")
    expect(save).to_have_attribute("aria-disabled", "true")
    assert set(changes(page).values()) == {"saved"}
    type_in(page, "0.7")
    then, now = (index.counts(t) for t in (0.5, 0.7))
    for name, said in changes(page).items():
        difference = float(METRICS[name](now) - METRICS[name](then))
        assert said == f"{'▲' if difference > 0 else '▼'} {abs(difference):.3f} against 0.500", name
    expect(ghost).to_have_text("saved 0.500")
    expect(
        page.get_by_role("img", name=re.compile("^Precision against recall. At 0.700.*Saved is 0.500."))
    ).to_be_visible()

    save.focus()
    page.keyboard.press("Enter")
    expect(ghost).to_have_text("saved 0.700")
    expect(save).to_be_focused()
    assert set(changes(page).values()) == {"saved"}
    undo.press("Space")
    expect(ghost).to_have_text("saved 0.500")
    expect(field(page)).to_have_value("0.7")
    undo.press("Enter")
    expect(field(page)).to_have_value("0.5")
    undo.press("Enter")
    expect(ghost).to_have_text("")
    expect(undo).to_have_attribute("aria-disabled", "true")
    assert matrix(page) == confusion(then).tolist()


def test_the_keyboard_alone_is_enough(page: Page, explorer_url: str) -> None:
    opened(page, explorer_url, "exact")
    field(page).focus()
    page.keyboard.type("0.8")
    page.keyboard.press("Tab")  # leaving a field takes its number
    expect(field(page, "logit")).to_be_focused()
    expect(field(page, "logit")).to_have_value("1.386")
    focused = "document.activeElement.shadowRoot?.activeElement ?? document.activeElement"
    order = []
    for _ in range(5):
        page.keyboard.press("Tab")
        order.append(page.evaluate(f"({focused}).className.split(' ')[0]"))
    assert order == ["top", "undo", "save", "handle", "slider"]
    page.keyboard.press("ArrowLeft")
    rested(page)
    assert float(field(page).input_value()) < 0.8


def test_a_drag_on_goes_before_the_answer_to_the_last(page: Page, explorer_url: str) -> None:
    handle = opened(page, explorer_url, "exact")
    seen: list = []
    drag(page, handle, [0.4], seen)
    page.mouse.up()
    drag(page, handle, [0.45, 0.6, 0.62, 0.64], seen)
    page.wait_for_timeout(600)  # the first answer has come
    assert field(page).input_value() == seen[-1][1]
    page.mouse.up()
    rested(page)
    assert field(page).input_value() == seen[-1][1]


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
def test_unusual_scores_are_shown_as_far_as_can_be(page: Page, explorer_url: str, name: str, says: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    handle = opened(page, explorer_url, name)
    index = index_of(name)
    if says:
        expect(page.locator(f"{EXPLORER} .nothing", has_text=says).first).to_be_visible()
    for key in ("ArrowRight", "PageUp", "Home", "End", "ArrowLeft"):
        handle.press(key)
    rested(page)
    t = float(field(page, "score" if "margin" in name else "probability").input_value().replace("−", "-"))
    assert matrix(page) == confusion(index.counts(t)).tolist()
    assert tiles(page) == {metric: written(float(METRICS[metric](index.counts(t)))) for metric in TILES}
    assert page.get_by_label("Threshold as logit").count() == 1
    expect(page.get_by_label("Threshold as logit")).to_be_visible(visible="margin" not in name)
    assert errors == []
    assert overflow(page) == 0


@pytest.mark.parametrize("name", ["exact", "margins", "thinned"])
def test_fits_at_every_width(page: Page, explorer_url: str, name: str) -> None:
    opened(page, explorer_url, name, "&band=0.3-0.6")
    expect(page.locator(f"{EXPLORER} .note")).to_contain_text(
        "Shaded: the spread of the tuned threshold over resamples"
    )
    charts = [page.locator(f"{EXPLORER} .{chart}") for chart in ("pr", "roc", "metrics", "matrix")]
    for width in (1440, 1000, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert overflow(page) == 0
        tops = {round(box["y"]) for box in (chart.bounding_box() for chart in charts) if box}
        assert len(tops) == {1440: 1, 1000: 2, 390: 4}[width]
        outside = page.locator(f"{EXPLORER} svg text").evaluate_all(
            "texts => texts.filter(text => { const [a, b] = [text, text.closest('section')]"
            ".map(one => one.getBoundingClientRect());"
            "return a.width && (a.left < b.left || a.right > b.right || a.top < b.top || a.bottom > b.bottom) })"
            ".map(text => text.textContent)"
        )
        assert outside == []
        met = page.locator(f"{EXPLORER} .words").evaluate_all(
            "groups => groups.flatMap(group => { const boxes = [...group.querySelectorAll('text')]"
            ".map(text => [text.textContent, text.getBoundingClientRect()]);"
            "return boxes.flatMap(([a, x], at) => boxes.slice(at + 1).filter(([, y]) => x.left < y.right"
            " && y.left < x.right && x.top < y.bottom - 2 && y.top < x.bottom - 2).map(([b]) => `${a} on ${b}`)) })"
        )
        assert met == []
