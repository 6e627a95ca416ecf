"""What a drag of the threshold costs, a tick of 64 runs that train, and a second visitor's page while two train.

    python -m benchmarks.interface

It starts the app and drives it in a headless Chromium (CUTOFF_CHROMIUM, or chromium on the PATH).

A drag moves the threshold of 1,000,000 generated rows (`picture_page.py`) with the mouse for some seconds, 60 times a
second. Its time is from the browser's own stamp of a mouse event to the first task after the frame that drew it; the
wait for that frame, up to 17 ms at 60 Hz, is part of it. Its bytes are those of the websocket messages that the page
sends from the press of the button to its release. A commit is the message that follows: here on the Workbench, whose
other controls travel along.

A tick is the run of the fragment that shows the race, once a second. Its time is what Streamlit takes on the server
from the beginning of that run to its end, as `timed_app.py` measures it, with training beside it and a browser that
draws on the same processor. Its bytes are those of all websocket messages that the tick sends. Over ten ticks every
figure must stay the same node, and a zoomed one zoomed.

A rerun is what a second visitor waits for after stepping a number on the Compare page: from the request that the
browser sends to the news that the script has ended. Reruns are timed in turns while two experiments of 64 runs rest and
while they train. Nobody watches these meanwhile: a tab that draws would take the processor from the one that is timed.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from math import sin
from statistics import median
from time import monotonic
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.browser import PATIENCE, launched, served, settled
from benchmarks.goals import header, report
from core.experiment.config import Experiment, Variant, make_config
from core.experiment.links import experiment_to_query
from core.experiment.variants import names_of, seeds_from, sweep

STEPS, SEEDS = 16, 4
TICKS, FIRST = 30, 3  # ticks that count, and those before them, in which caches fill
TURNS, RERUNS = 4, 15  # turns of either kind, and reruns in each
DRAGGED, FRAME = 5, 1 / 60  # seconds of a drag, and from one mouse event to the next
FIGURE = ".st-key-race_losses .live-figure"
NUMBER = ".st-key-epochs input"
# Keeps the milliseconds from each mouse event with a button down to the first task after the frame that drew it.
WATCH = """() => {
  const painted = window.painted = [];
  const drawn = new MessageChannel();
  let stamps = [];
  drawn.port1.onmessage = () => { for (const stamp of stamps.splice(0)) painted.push(performance.now() - stamp); };
  addEventListener('pointermove', event => {
    if (!event.buttons) return;
    if (!stamps.length) requestAnimationFrame(() => drawn.port2.postMessage(0));
    stamps.push(event.timeStamp);
  }, true);
}"""


class Wire:
    """What passes between the server and a page.

    `sizes` are the bytes of each run of a fragment; `reruns` are the milliseconds from a request for the whole script
    to the news of its end.
    """

    def __init__(self, page: Page) -> None:
        self.sizes: list[int] = []
        self.reruns: list[float] = []
        self._size = 0
        self._asked = 0.0
        session = page.context.new_cdp_session(page)  # whose events have the browser's own times
        session.on("Network.webSocketFrameSent", self._send)
        session.on("Network.webSocketFrameReceived", self._receive)
        session.send("Network.enable")

    def _send(self, event: dict[str, Any]) -> None:
        if BackMsg.FromString(b64decode(event["response"]["payloadData"])).HasField("rerun_script"):
            self._asked = event["timestamp"]

    def _receive(self, event: dict[str, Any]) -> None:
        frame = b64decode(event["response"]["payloadData"])
        message = ForwardMsg.FromString(frame)
        self._size = len(frame) + (0 if message.HasField("new_session") else self._size)
        if message.HasField("script_finished"):
            if message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                self.sizes.append(self._size)
            else:
                self.reruns.append((event["timestamp"] - self._asked) * 1e3)


def opened(browser: Browser, url: str) -> tuple[Page, Wire]:
    """A new visitor's page at this address, once it has run."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    wire = Wire(page)
    page.goto(url)
    settled(page)
    return page, wire


def link(address: str) -> str:
    """The Compare page with a sweep of pos_weight over 1 .. 100, 64 runs in all that train longer than this runs."""
    configs = sweep(make_config(model="mlp", epochs=2000), "loss.pos_weight", 1, 100, STEPS, "log")
    variants = tuple(Variant(name=name, config=one) for name, one in zip(names_of(configs), configs, strict=True))
    experiment = Experiment(variants=variants, seeds=seeds_from(0, SEEDS))
    return f"{address}/compare?{urlencode(experiment_to_query(experiment))}"


def press(page: Page, name: str) -> None:
    """Press a button though the page may be drawing."""
    page.get_by_role("button", name=name, exact=True).first.dispatch_event("click", timeout=PATIENCE * 1e3)


def started(browser: Browser, address: str) -> tuple[Page, Wire]:
    """A page that shows an experiment which has begun to train."""
    page, wire = opened(browser, link(address))
    press(page, "Start")
    page.get_by_text("Training ·").wait_for(timeout=PATIENCE * 1e3)
    return page, wire


def until(page: Page, count: Callable[[], int], least: int, what: str) -> None:
    """Listen to the page until the count of something is large enough."""
    deadline = monotonic() + PATIENCE
    while count() < least:
        assert monotonic() < deadline, f"Expected {least} {what} within {PATIENCE:g} s, but got {count()}."
        page.wait_for_timeout(20)


def after(page: Page, wire: Wire, count: int) -> None:
    """Wait until there have been so many ticks."""
    until(page, lambda: len(wire.sizes), count, "ticks")


def threshold(page: Page) -> Locator:
    """The handle of the threshold, once the picture is drawn and at rest."""
    page.locator(".stage[aria-busy=false] .readout:not(:empty)").wait_for(timeout=PATIENCE * 1e3)
    settled(page)
    return page.get_by_role("slider", name="Threshold", exact=True)


def dragged(page: Page) -> tuple[list[float], int]:
    """Milliseconds from each mouse event of a drag to what it painted, and the bytes sent meanwhile."""
    handle = threshold(page)
    page.evaluate(WATCH)
    sent = sent_by(page)
    plot, line = page.locator(".stage .plot.scores").bounding_box(), handle.bounding_box()
    assert plot
    assert line
    y = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, y)
    page.mouse.down()
    sent.clear()
    start = monotonic()
    while (now := monotonic() - start) < DRAGGED:
        page.mouse.move(plot["x"] + plot["width"] * (0.5 + 0.4 * sin(3 * now)), y)
        page.wait_for_timeout(max(0.0, (now // FRAME + 1) * FRAME - (monotonic() - start)) * 1e3)
    page.wait_for_timeout(100)
    bytes_sent = sum(sent)
    page.mouse.up()
    until(page, lambda: len(sent), 1, "commits")
    times = page.evaluate("painted")
    assert len(times) > DRAGGED / FRAME / 3, f"Expected some hundred mouse events, but got {len(times)}."
    return times, bytes_sent


def sent_by(page: Page) -> list[int]:
    """The bytes of each websocket message that the page sends from now on."""
    sent: list[int] = []
    session = page.context.new_cdp_session(page)
    session.on(
        "Network.webSocketFrameSent", lambda event: sent.append(len(b64decode(event["response"]["payloadData"])))
    )
    session.send("Network.enable")
    return sent


def committed(page: Page, address: str) -> int:
    """The bytes of a commit on the Workbench."""
    page.goto(f"{address}/?epochs=5")
    page.get_by_test_id("stTabs").wait_for(timeout=PATIENCE * 1e3)  # its training has ended
    handle = threshold(page)
    sent = sent_by(page)
    handle.press("ArrowRight")
    until(page, lambda: len(sent), 1, "commits")
    settled(page)
    assert len(sent) == 1, f"Expected one message, but got {sent}."
    return sent[0]


def watched(page: Page, wire: Wire, address: str) -> tuple[list[float], list[int]]:
    """Milliseconds and bytes of each tick; figures must stay in place meanwhile."""
    after(page, wire, FIRST)
    box = page.locator(f"{FIGURE} .nsewdrag").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 80, y - 40)
    page.mouse.down()
    page.mouse.move(x + 80, y + 40, steps=5)
    page.mouse.up()
    page.mouse.move(2, 2)
    page.wait_for_timeout(500)
    zoom = "selector => { const { xaxis, yaxis } = document.querySelector(selector)._fullLayout;"
    zoom += " return [...xaxis.range, ...yaxis.range] }"
    zoomed = page.evaluate(zoom, FIGURE)
    assert 0 < zoomed[0] < zoomed[1], f"Expected a zoomed figure, but its axes have {zoomed}."
    page.evaluate("document.querySelectorAll('.live-figure').forEach(node => { node.mark = true })")
    now = len(wire.sizes)
    after(page, wire, now + 10)
    kept = page.evaluate("[...document.querySelectorAll('.live-figure')].map(node => node.mark === true)")
    assert kept, "Expected figures, but found none."
    assert all(kept), f"Expected every figure to stay the same node over ten ticks, but {kept.count(False)} did not."
    assert page.evaluate(zoom, FIGURE) == zoomed, "Expected the zoom to last over ten ticks."
    print(f"{len(kept)} figures are the same nodes ten ticks later, and the zoom of one is kept")
    after(page, wire, now + TICKS)
    with urlopen(f"{address}/runs") as answer:
        return json.load(answer)[-TICKS:], wire.sizes[now:]


def turn(pages: Sequence[tuple[Page, str]], button: str, state: str) -> None:
    """Let the experiments at these addresses rest or train on, and look away."""
    for page, address in pages:
        page.goto(address)
        settled(page)
        press(page, button)
        page.get_by_text(f"{state} ·").wait_for(timeout=PATIENCE * 1e3)
        page.goto("about:blank")


def rerun(visitor: Page, wire: Wire) -> list[float]:
    """Milliseconds of some reruns, each a step of a number up or down."""
    before = len(wire.reruns)
    for at in range(RERUNS):
        visitor.locator(NUMBER).press("ArrowDown" if at % 2 else "ArrowUp")
        until(visitor, lambda: len(wire.reruns), before + at + 1, "reruns")
        visitor.wait_for_timeout(200)
    return wire.reruns[before:]


def main() -> None:
    header("streamlit", "playwright", "torch")
    with served("benchmarks/picture_app.py") as address, sync_playwright() as playwright:
        browser = launched(playwright)
        page, _ = opened(browser, f"{address}/?scores=million")
        painted, in_drag = dragged(page)
        browser.close()
    low, middle, high = np.percentile(painted, [5, 50, 95])
    print(f"a drag: {len(painted)} mouse events, painted after {middle:.1f} ms ({low:.1f} to {high:.1f})")
    with served("benchmarks/timed_app.py") as address, sync_playwright() as playwright:
        browser = launched(playwright)
        commit = committed(browser.new_page(), address)
        first, wire = started(browser, address)
        times, sizes = watched(first, wire, address)
        print(f"a tick: {median(times):.1f} ms ({min(times):.1f} to {max(times):.1f}), {median(sizes):,.0f} bytes")

        second, _ = started(browser, address)
        pages = [(page, page.url) for page in (first, second)]
        turn(pages, "Pause", "Paused")
        visitor, wire = opened(browser, f"{address}/compare")
        visitor.locator(NUMBER).wait_for()
        visitor.wait_for_timeout(1000)
        rerun(visitor, wire)  # caches fill
        idle: list[float] = []
        busy: list[float] = []
        for _ in range(TURNS):
            idle += rerun(visitor, wire)
            turn(pages, "Resume", "Training")
            busy += rerun(visitor, wire)
            turn(pages, "Pause", "Paused")
        print(f"a rerun: {median(idle):.0f} ms while nothing trains, {median(busy):.0f} ms while two experiments do")
        browser.close()
    print()
    report("ms from a mouse event of a drag to its picture, 95th of 100, 1,000,000 rows", float(high), 17, at_most=True)
    report("bytes sent during that drag", in_drag, 0, at_most=True)
    report("KB that a commit sends", commit / 1e3, 1, at_most=True)
    report(f"ms on the server of a tick, {STEPS * SEEDS} runs training", median(times), 30, at_most=True)
    report("KB that a tick sends", median(sizes) / 1e3, 60, at_most=True)
    report("second visitor's rerun while two experiments train, over idle", median(busy) / median(idle), 1.3, True)


if __name__ == "__main__":
    main()
