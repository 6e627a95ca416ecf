"""What a drag of the threshold costs, a tick of 64 runs that train, and a second visitor's page while two train.

    python -m benchmarks.interface

It starts the app and drives it in a headless Chromium (CUTOFF_CHROMIUM, or chromium on the PATH).

A drag moves the threshold of 1,000,000 generated rows (`picture_page.py`) with the mouse, 60 times a second. No file is
read: the server counts all rows and sends counts at some thousand thresholds, which the browser draws from. A drag's
time is from the browser's own stamp of a mouse event to the first task after the frame that drew it; the wait for that
frame, up to 17 ms at 60 Hz, is part of it. In turns with it the same movements are made over a page with nothing but a
line of SVG, which follows the mouse. Bytes are those of websocket messages from the press of the button to its release,
here and on the Workbench while its model trains and the bars change under the threshold; what the page's own timer
sends there, four times a second, is left out. A commit is the message after the release, on the Workbench at rest.

A tick is the run of the fragment that shows the race, once a second. Its time is from the server's receipt of the
request to its last message (`timed_app.py`), with training beside it and a browser that draws on the same processor. It
is compared with plotly.io.to_json of the figures that it sent, in this process, with the training beside it but nothing
drawn. They are dicts, which plotly validates and builds first, also for st.plotly_chart; the time of writing alone is
printed.

A rerun is what a second visitor waits for after stepping a number on the Compare page: from the request that the
browser sends to the news that the script has ended. Reruns are timed in turns while two experiments of 64 runs rest and
while they train. Nobody watches these meanwhile: a tab that draws would take the processor from the one that is timed.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections.abc import Callable, Sequence
from math import sin
from statistics import median
from time import monotonic
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import plotly.graph_objects as go
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright
from plotly.io import to_json
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.browser import PATIENCE, launched, served, settled
from benchmarks.goals import header, report, seconds_of
from core.experiment.config import Experiment, Variant, make_config
from core.experiment.links import experiment_to_query
from core.experiment.variants import names_of, seeds_from, sweep

STEPS, SEEDS = 16, 4
TICKS, FIRST = 30, 3  # ticks that count, and those before them, in which caches fill
TURNS, RERUNS = 4, 15  # turns of either kind, and reruns in each
DRAGS, DRAGGED, FRAME = 3, 3, 1 / 60  # drags of either page, seconds of each, and from one mouse event to the next
EPOCHS = 2000  # of whatever is to train longer than it is watched
NUMBER = ".st-key-epochs input"
LINE = """<svg width="100%" height="800"><line y2="800" stroke="black"/></svg><script>
  const line = document.querySelector('line');
  let x, next;
  const draw = () => { next = undefined; line.setAttribute('transform', `translate(${x})`); };
  addEventListener('pointermove', (event) => { x = event.clientX; next ??= requestAnimationFrame(draw); });
</script>"""
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
# Counts the epochs that are drawn from now on.
COUNT = """epoch => {
  window.epochs = 0;
  const drawn = new MutationObserver(() => { window.epochs += 1; });
  drawn.observe(epoch, { childList: true, characterData: true, subtree: true });
}"""


class Wire:
    """What passes between the server and a page from now on.

    `acts` are the bytes of each message to the server that no timer sent. `ticks` are the bytes of each run of a
    fragment, and `figures` those that it sent, by key. `reruns` are the milliseconds from a request for the whole
    script to the news of its end.
    """

    def __init__(self, page: Page) -> None:
        self.acts: list[int] = []
        self.ticks: list[int] = []
        self.reruns: list[float] = []
        self.figures: dict[str, Any] = {}
        self._size = 0
        self._asked = 0.0
        session = page.context.new_cdp_session(page)  # whose events have the browser's own times
        session.on("Network.webSocketFrameSent", self._send)
        session.on("Network.webSocketFrameReceived", self._receive)
        session.send("Network.enable")

    def _send(self, event: dict[str, Any]) -> None:
        frame = b64decode(event["response"]["payloadData"])
        message = BackMsg.FromString(frame)
        if message.HasField("rerun_script"):
            self._asked = event["timestamp"]
        if not message.rerun_script.is_auto_rerun:
            self.acts.append(len(frame))

    def _receive(self, event: dict[str, Any]) -> None:
        frame = b64decode(event["response"]["payloadData"])
        message = ForwardMsg.FromString(frame)
        self._size = len(frame) + (0 if message.HasField("new_session") else self._size)
        component = message.delta.new_element.bidi_component
        if component.component_name == "live_figure":
            self.figures[component.id] = json.loads(zlib.decompress(component.bytes))["figure"]
        if message.HasField("script_finished"):
            if message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                self.ticks.append(self._size)
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
    configs = sweep(make_config(model="mlp", widths=(64, 64), epochs=EPOCHS), "loss.pos_weight", 1, 100, STEPS, "log")
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


def threshold(page: Page) -> Locator:
    """The handle of the threshold, once the picture is drawn and the server has answered."""
    page.locator(".stage[aria-busy=false] .readout:not(:empty)").wait_for(timeout=PATIENCE * 1e3)
    settled(page)
    return page.get_by_role("slider", name="Threshold", exact=True)


def boxes(page: Page) -> tuple[FloatRect, FloatRect]:
    """Where the handle of the threshold is, and the plot that it moves in."""
    line, plot = threshold(page).bounding_box(), page.locator(".stage .plot.scores").bounding_box()
    assert line
    assert plot
    return line, plot


def drag(page: Page, line: FloatRect, plot: FloatRect) -> None:
    """Press on a line in a plot and move it to and fro for some seconds; the button stays down."""
    page.bring_to_front()
    y = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, y)
    page.mouse.down()
    start = monotonic()
    while (now := monotonic() - start) < DRAGGED:
        page.mouse.move(plot["x"] + plot["width"] * (0.5 + 0.4 * sin(3 * now)), y)
        page.wait_for_timeout(max(0.0, (now // FRAME + 1) * FRAME - (monotonic() - start)) * 1e3)
    page.wait_for_timeout(100)


def drags(browser: Browser, address: str) -> tuple[float, int]:
    """A drag over a million rows compared with a line of SVG, as the ratio of the 95th percentiles of their times from
    a mouse event to its paint; and the bytes sent in the drags."""
    page, wire = opened(browser, f"{address}/?scores=million")
    empty = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    empty.set_content(LINE)
    line, plot = boxes(page)
    sent = 0
    for one in (page, empty):
        one.evaluate(WATCH)
    for _ in range(DRAGS):
        before = len(wire.acts)
        drag(page, line, plot)
        sent += sum(wire.acts[before:])
        page.mouse.up()
        until(page, lambda: len(wire.acts), before + 1, "commits")
        line, _ = boxes(page)
        drag(empty, line, plot)
        empty.mouse.up()
    ends = []
    for name, one in (("a drag", page), ("a line of SVG", empty)):
        times = one.evaluate("painted")
        assert len(times) > DRAGS * DRAGGED / FRAME / 3, f"Expected some hundred mouse events, but got {len(times)}."
        low, middle, high = np.percentile(times, [5, 50, 95])
        ends.append(float(high))
        print(f"{name}: {len(times)} mouse events, painted after {middle:.1f} ms ({low:.1f} to {high:.1f})")
    return ends[0] / ends[1], sent


def dragged_in_training(browser: Browser, address: str) -> int:
    """The bytes that a drag on the Workbench sends while its model trains; the picture must go on meanwhile."""
    page, wire = opened(browser, f"{address}/?model=mlp&epochs={EPOCHS}")
    page.locator(".stage .play", has_text="Pause").wait_for(timeout=PATIENCE * 1e3)
    line, plot = boxes(page)
    page.locator(".stage .epoch .at").evaluate(COUNT)
    before = len(wire.acts)
    drag(page, line, plot)
    sent, drawn = sum(wire.acts[before:]), page.evaluate("epochs")
    page.mouse.up()
    page.context.close()
    print(f"a drag of {DRAGGED} s in training: {drawn} epochs were drawn")
    assert drawn >= DRAGGED, f"Expected an epoch a second under the threshold, but got {drawn}."
    return sent


def committed(browser: Browser, address: str) -> int:
    """The bytes of a commit on the Workbench."""
    page, wire = opened(browser, f"{address}/?epochs=5")
    page.get_by_test_id("stTabs").wait_for(timeout=PATIENCE * 1e3)  # its training has ended
    handle = threshold(page)
    before = len(wire.acts)
    handle.press("ArrowRight")
    until(page, lambda: len(wire.acts), before + 1, "commits")
    settled(page)
    page.context.close()
    (sent,) = wire.acts[before:]
    return sent


def watched(page: Page, wire: Wire, address: str) -> tuple[list[float], list[int]]:
    """Milliseconds and bytes of each tick."""
    until(page, lambda: len(wire.ticks), FIRST + TICKS, "ticks")
    with urlopen(f"{address}/ticks") as answer:
        return json.load(answer)[-TICKS:], wire.ticks[-TICKS:]


def written(figures: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Milliseconds that plotly takes to write these figures as JSON, and if it has built them before."""
    built = [go.Figure(one) for one in figures]

    def milliseconds(given: Sequence[Any]) -> float:
        return 1e3 * median(seconds_of(lambda: [to_json(one) for one in given]) for _ in range(TICKS))

    return milliseconds(figures), milliseconds(built)


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


def reruns(browser: Browser, address: str, pages: Sequence[tuple[Page, str]]) -> tuple[list[float], list[float]]:
    """Milliseconds of a second visitor's reruns while the experiments at these addresses rest, and while they train."""
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
    return idle, busy


def main() -> None:
    header("streamlit", "playwright", "plotly", "torch")
    with served("benchmarks/picture_app.py") as address, sync_playwright() as playwright:
        browser = launched(playwright)
        over_line, sent = drags(browser, address)
        browser.close()
    with served("benchmarks/timed_app.py") as address, sync_playwright() as playwright:
        browser = launched(playwright)
        sent += dragged_in_training(browser, address)
        commit = committed(browser, address)
        first, wire = started(browser, address)
        times, sizes = watched(first, wire, address)
        second, _ = started(browser, address)
        pages = [(page, page.url) for page in (first, second)]
        for page, _ in pages:
            page.goto("about:blank")
        figures = list(wire.figures.values())
        plotly, built = written(figures)
        print(f"a tick: {median(times):.1f} ms ({min(times):.1f} to {max(times):.1f}), {median(sizes):,.0f} bytes")
        print(f"plotly writes its {len(figures)} figures in {plotly:.1f} ms, or {built:.1f} ms once they are built")
        idle, busy = reruns(browser, address, pages)
        print(f"a rerun: {median(idle):.0f} ms while nothing trains, {median(busy):.0f} ms while two experiments do")
        browser.close()
    print()
    report("paint of a drag over 1,000,000 rows, 95th of 100, over that of a line of SVG", over_line, 1.5, True)
    report("bytes sent while dragging, at rest and in training", sent, 0, at_most=True)
    report("KB that a commit sends", commit / 1e3, 1, at_most=True)
    over_plotly = median(times) / plotly
    report(f"tick of {STEPS * SEEDS} runs training, over plotly.io.to_json of its figures", over_plotly, 2, True)
    report("KB that a tick sends", median(sizes) / 1e3, 60, at_most=True)
    report("second visitor's rerun while two experiments train, over idle", median(busy) / median(idle), 1.3, True)


if __name__ == "__main__":
    main()
