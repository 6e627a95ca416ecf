"""The epoch scrubber in a browser: it draws what scikit-learn counts, fast, without a word to the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from benchmarks.browser import serve, settled
from tests.e2e.conftest import overflow, painted, still
from tests.support.scrubber import EPOCHS, THRESHOLD, training

SCRIPT = """
import numpy as np
import streamlit as st
from core.plots.epochs import epoch_frames
from pages.components.epoch_scrubber import epoch_scrubber
from tests.support.scrubber import THRESHOLD, training

st.set_page_config(layout="wide")
shown = st.session_state.setdefault("shown", int(st.query_params.get("epochs", 200)))
every = st.session_state.setdefault("every", 1)
epochs, y, scores, losses = training()
kept = [epoch for epoch in epochs[:shown] if epoch % every == 0 or epoch == epochs[shown - 1]]
frames = epoch_frames(kept, y, scores[kept], THRESHOLD, st.query_params.get("scale", "probability"))
with st.container(border=True):
    epoch_scrubber(
        frames,
        losses[kept],
        label="digit 8",
        rest="every other digit",
        threshold=THRESHOLD,
        key="epochs",
        alt="Histograms of the validation scores.",
    )
if st.button("Train on"):
    st.session_state.shown += 10
    st.rerun()
if st.button("Thin"):
    st.session_state.every *= 2
    st.rerun()
st.text(f"{shown} epochs, every {every}")
"""

# Moves the slider at each frame of the browser for so many seconds, and counts the epochs that were drawn meanwhile.
DRAG = """([root, seconds]) => new Promise(resolve => {
  const shadow = root.shadowRoot ?? root;
  const [slider, epoch, bars] = ['.slider', '.epoch', 'path.tp'].map(name => shadow.querySelector(name));
  let [at, frames, drawn, wrong] = [0, 0, 0, 0];
  const observer = new MutationObserver(() => drawn++);
  observer.observe(bars, { attributes: true, attributeFilter: ['d'] });
  const start = performance.now();
  const move = now => {
    if (frames && epoch.textContent !== String(at)) wrong++;
    if (now - start > 1000 * seconds) return resolve({ frames, drawn, wrong, seconds: (now - start) / 1000 });
    at = frames++ % 200;
    slider.value = at;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    requestAnimationFrame(move); // asked for after the scrubber asked for its own, so it runs after it
  };
  requestAnimationFrame(move);
})"""


@pytest.fixture(scope="module")
def scratch_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """A small app with one scrubber."""
    folder = tmp_path_factory.mktemp("scrubber")
    (folder / "script.py").write_text(SCRIPT)
    logs.append(folder / "scratch.log")
    with serve(folder / "script.py", folder / "scratch.log") as (address, _process):
        yield address


def open_scrubber(page: Page, url: str) -> Locator:
    """The slider, once the scrubber is drawn."""
    page.goto(url)
    slider = page.get_by_role("slider", name="Epoch")
    slider.wait_for()
    settled(page)
    return slider


def drawn(page: Page) -> list[list[int]]:
    """The confusion matrix that is shown."""
    numbers = [page.locator(f".st-key-epochs td .{name}").inner_text() for name in ("tn", "fp", "fn", "tp")]
    tn, fp, fn, tp = (int(number.replace(",", "")) for number in numbers)
    return [[tn, fp], [fn, tp]]


def shown(page: Page, name: str) -> str:
    return page.locator(f".st-key-epochs .{name}").inner_text()


def heights(page: Page, kind: str) -> np.ndarray:
    """The bars of one kind (tp, fp, fn, tn) as drawn, (B, 2): left end and height in pixels."""
    path = page.locator(f".st-key-epochs path.{kind}").get_attribute("d") or ""
    bars = [bar.removeprefix("M").replace("v", " ").replace("h", " ").split() for bar in path.split("z") if bar]
    return np.array([(float(bar[0]), abs(float(bar[2]))) for bar in bars])


def move_to(page: Page, slider: Locator, epoch: int) -> None:
    slider.fill(str(epoch))
    expect(page.locator(".st-key-epochs .epoch")).to_have_text(str(epoch))


def test_draws_what_sklearn_counts_at_ten_epochs(page: Page, scratch_url: str) -> None:
    epochs, y, scores, losses = training()
    slider = open_scrubber(page, scratch_url)
    expect(page.locator(".st-key-epochs .epoch")).to_have_text("199")
    for epoch in epochs[:: EPOCHS // 10]:
        move_to(page, slider, epoch)
        called = scores[epoch] >= np.float32(THRESHOLD)
        assert drawn(page) == confusion_matrix(y, called).tolist()
        precision, recall = precision_score(y, called), recall_score(y, called)
        assert (shown(page, "precision"), shown(page, "recall")) == (f"{precision:.3f}", f"{recall:.3f}")
        assert float(shown(page, "validation")) == pytest.approx(losses[epoch], rel=0.005)


def test_bars_are_roots_of_shares_and_hatched_where_wrong(page: Page, scratch_url: str) -> None:
    _, y, scores, _ = training()
    slider = open_scrubber(page, scratch_url)
    move_to(page, slider, 60)
    score = scores[60]
    called = score >= np.float32(THRESHOLD)
    unit = None
    for kind, rows, side in (("tp", y & called, y), ("fn", y & ~called, y), ("tn", ~y & ~called, ~y)):
        edges = (np.arange(41) / 40).astype(np.float32)  # as scores are
        counts, totals = (np.histogram(score[member], edges)[0] for member in (rows, side))
        expected = np.sqrt(totals / side.sum())[counts > 0] * counts[counts > 0] / totals[counts > 0]
        tall = heights(page, kind)[:, 1]
        unit = unit or tall.max() / expected.max()
        np.testing.assert_allclose(tall, expected * unit, atol=0.05)
    assert page.locator(".st-key-epochs path.fn").get_attribute("fill") == "url(#hatched-positive)"
    assert page.locator(".st-key-epochs path.fp").get_attribute("fill") == "url(#hatched-negative)"


def test_dragging_is_quick_and_sends_nothing(page: Page, scratch_url: str) -> None:
    sent: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))  # playwright can't take the method itself

    page.on("websocket", listen)
    slider = open_scrubber(page, scratch_url)
    assert sent  # the page asked for itself over this socket
    sent.clear()

    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 8, middle)
    page.mouse.down()
    seen = set()
    for at in np.linspace(0.95, 0.05, 30):
        page.mouse.move(box["x"] + at * box["width"], middle)
        seen.add(shown(page, "epoch"))
    page.mouse.up()
    assert len(seen) > 20
    slider.press("Home")
    slider.press("ArrowRight")
    expect(page.locator(".st-key-epochs .epoch")).to_have_text("1")

    root = page.locator(".st-key-epochs .slider").evaluate_handle("slider => slider.getRootNode().host")
    measured = page.evaluate(DRAG, [root, 2])
    rate = measured["drawn"] / measured["seconds"]
    print(f"\nepochs drawn a second while dragging: {rate:.0f} ({measured})")
    assert measured["wrong"] == 0
    assert rate >= 20
    settled(page)
    assert sent == []


def test_plays_to_the_last_epoch_and_pauses(page: Page, scratch_url: str) -> None:
    open_scrubber(page, f"{scratch_url}/?epochs=40")
    play = page.get_by_role("button", name="Play")
    play.click()  # from the last epoch it begins anew
    pause = page.get_by_role("button", name="Pause")
    pause.click()
    held = int(shown(page, "epoch"))
    assert held < 39
    for _ in range(10):
        painted(page)
    assert int(shown(page, "epoch")) == held
    play.click()
    expect(page.locator(".st-key-epochs .epoch")).to_have_text("39")
    expect(play).to_be_visible()


def test_follows_training_only_from_the_last_epoch(page: Page, scratch_url: str) -> None:
    slider = open_scrubber(page, f"{scratch_url}/?epochs=50")
    slider.evaluate("slider => { slider.mark = true }")
    epoch = page.locator(".st-key-epochs .epoch")
    more = page.get_by_role("button", name="Train on")
    expect(epoch).to_have_text("49")
    more.click()
    expect(epoch).to_have_text("59")

    move_to(page, slider, 31)
    more.click()
    expect(page.locator(".st-key-epochs .of")).to_have_text("of 69")
    expect(epoch).to_have_text("31")
    page.get_by_role("button", name="Thin").click()  # epochs 0, 2, ..., 68, 69 are left
    expect(slider).to_have_attribute("max", "35")
    assert int(epoch.inner_text()) in (30, 32)
    assert slider.evaluate("slider => slider.mark")


@pytest.mark.parametrize("scale", ["probability", "logit"])
def test_fits_at_every_width(page: Page, scratch_url: str, scale: str) -> None:
    open_scrubber(page, f"{scratch_url}/?scale={scale}")
    panels = [page.locator(f".st-key-epochs .{name}") for name in ("scores", "pr", "matrix")]
    for width in (1000, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        still(page)
        assert overflow(page) == 0
        boxes = [panel.bounding_box() for panel in panels]
        tops = [round(box["y"]) for box in boxes if box]
        assert len(set(tops)) == {1000: 1, 700: 2, 390: 3}[width]
        outside = page.locator(".st-key-epochs svg text").evaluate_all(
            "texts => texts.filter(text => { const [a, b] = [text, text.closest('section')]"
            ".map(one => one.getBoundingClientRect());"
            "return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top || a.bottom > b.bottom })"
            ".map(text => text.textContent)"
        )
        assert outside == []


def test_says_what_it_shows(page: Page, scratch_url: str) -> None:
    slider = open_scrubber(page, scratch_url)
    expect(page.get_by_role("img", name="Histograms of the validation scores.")).to_be_visible()
    expect(page.get_by_role("img", name="Precision and recall at 200 epochs.")).to_be_visible()
    move_to(page, slider, 12)
    expect(slider).to_have_attribute("aria-valuetext", "epoch 12")
    expect(page.get_by_role("rowheader", name="actual digit 8")).to_be_visible()
    expect(page.get_by_role("columnheader", name="predicted digit 8")).to_be_visible()
