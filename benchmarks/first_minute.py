"""What a newcomer waits for: the first histogram, the histogram after a release of the slider, and what jumps about.

    python -m benchmarks.first_minute

It starts the app, and beside it the same server with an empty page (`empty_app.py`), and drives both in a headless
Chromium (CUTOFF_CHROMIUM, or chromium on the PATH).

A first histogram is timed from the beginning of the navigation to the first task after the frame in which the picture
has bars, by the browser's own clock; on the empty page, to its text. The two pages are opened in turn. "Cold" is a
browser context of its own for each visit, whose cache is empty. "Warm" is a context that has opened the page before.

Bytes of a first load are those that come over the network into an empty cache until the Workbench rests: headers and
bodies of all answers, compressed as they are, and the messages of the websocket.

A release is one of the mouse that has moved the slider of pos_weight: from the browser's stamp of it to the first task
after the frame with the bars of the last epoch. In turns with it the same configuration is trained in this process,
where no page is served, by a runner of its own.

Layout shift is the sum of the scores of all shifts that the browser reports, those soon after an input included: from
the navigation until the replay has ended, from a press of Train and of Replay, and after each tab of the panels.
"""

from __future__ import annotations

from base64 import b64decode
from statistics import median
from time import perf_counter
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.browser import PATIENCE, launched, served, settled
from benchmarks.goals import header, report
from core.experiment.config import Experiment, RunConfig, Variant
from core.experiment.presets import DEMONSTRATION
from core.training.runner import Runner

VISITS, RELEASES = 7, 7
FRESH = 2  # warm visits that don't count: the browser compiles what it runs often
STAGE = ".st-key-picture .stage"
# The first element of a selector, in shadow roots too.
FIND = """
  const find = (selector) => {
    const picture = document.querySelector('.st-key-picture');
    const hosts = picture ? [...picture.querySelectorAll('*')] : [];
    const roots = [document, ...hosts.map(({ shadowRoot }) => shadowRoot).filter(Boolean)];
    return roots.map((root) => root.querySelector(selector)).find(Boolean);
  };
  const afterFrame = (then) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(0);
  };
"""
BARS, TEXT = ".stage .plot.scores path[d]:not([d=''])", "[data-testid=stText]"
# Keeps when something was first drawn, and all layout shifts.
WATCH_LOAD = """
  window.shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value }) => value)))
    .observe({ type: 'layout-shift', buffered: true });
  const look = () => (find('SELECTOR') ? afterFrame((now) => { window.drawn = now; }) : requestAnimationFrame(look));
  requestAnimationFrame(look);
"""
# Keeps when the mouse was released, and from then on when the bars changed, to which shape, and at which epoch.
WATCH_RELEASE = """() => {
  window.release = null;
  window.painted = [];
  addEventListener('pointerup', ({ timeStamp }) => { window.release = timeStamp; }, { capture: true, once: true });
  const look = () => {
    const bars = find('.stage .plot.scores path.tn')?.getAttribute('d');
    const epoch = find('.stage .epoch .at')?.textContent;
    if (window.release !== null && bars !== window.painted.at(-1)?.bars) {
      afterFrame((now) => window.painted.push({ bars, epoch, after: now - window.release }));
    }
    window.looking = requestAnimationFrame(look);
  };
  cancelAnimationFrame(window.looking);
  look();
}"""


class Traffic:
    """The bytes that a page receives over the network."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0.0
        self.files = 0
        session = page.context.new_cdp_session(page)
        session.on("Network.loadingFinished", self._file)
        session.on("Network.webSocketFrameReceived", self._frame)
        session.send("Network.enable")

    def _file(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]
        self.files += 1

    def _frame(self, event: dict[str, Any]) -> None:
        self.bytes += len(b64decode(event["response"]["payloadData"]))


def visitor(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 1440, "height": 900})


def opened(context: BrowserContext, address: str, selector: str) -> tuple[Page, Traffic]:
    """A page at this address, watched from its beginning, once something of the selector is drawn."""
    page = context.new_page()
    page.add_init_script(FIND + WATCH_LOAD.replace("SELECTOR", selector.replace("'", "\\'")))
    traffic = Traffic(page)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.drawn", timeout=PATIENCE * 1e3)
    return page, traffic


def first_drawn(context: BrowserContext, address: str, selector: str) -> float:
    """Milliseconds from the navigation to the first frame with something of the selector."""
    page, _ = opened(context, address, selector)
    settled(page)
    drawn = page.evaluate("window.drawn")
    page.close()
    return drawn


def at_rest(page: Page) -> None:
    """Wait until nothing trains, nothing is replayed, and the picture shows what the server counted."""
    page.get_by_test_id("stTabs").wait_for(timeout=PATIENCE * 1e3)
    page.locator(f"{STAGE}[aria-busy=false] .readout:not(:empty)").wait_for(timeout=PATIENCE * 1e3)
    page.locator(f"{STAGE} .play", has_text="Replay").wait_for(timeout=PATIENCE * 1e3)
    settled(page)
    page.wait_for_timeout(500)


def visits(browser: Browser, app: str, empty: str) -> tuple[list[float], list[float], list[float], list[float]]:
    """Milliseconds to what is first drawn: app and empty page with a warm cache, and with an empty one."""
    ours, theirs = visitor(browser), visitor(browser)
    warm: tuple[list[float], list[float]] = ([], [])
    for _ in range(FRESH + VISITS):
        warm[0].append(first_drawn(ours, app, BARS))
        warm[1].append(first_drawn(theirs, empty, TEXT))
    cold: tuple[list[float], list[float]] = ([], [])
    for _ in range(VISITS):
        for times, address, selector in ((cold[0], app, BARS), (cold[1], empty, TEXT)):
            with visitor(browser) as context:
                times.append(first_drawn(context, address, selector))
    return warm[0][FRESH:], warm[1][FRESH:], *cold


def first_load(browser: Browser, address: str, selector: str = BARS) -> tuple[float, int, float]:
    """Bytes and files that come with an empty cache until the page rests, and its layout shift meanwhile."""
    with visitor(browser) as context:
        page, traffic = opened(context, address, selector)
        if selector == BARS:
            at_rest(page)
        settled(page)
        page.wait_for_timeout(1000)
        return traffic.bytes, traffic.files, sum(page.evaluate("shifts"))


def shifts(page: Page) -> dict[str, float]:
    """The layout shift after each press: of Replay, Train and every tab."""
    found = {}
    presses = {name: page.get_by_role("button", name=name, exact=True) for name in ("Replay", "Train")}
    tabs = page.get_by_test_id("stTabs").first.get_by_role("tab")
    presses |= {name: page.get_by_role("tab", name=name, exact=True) for name in tabs.all_inner_texts()}
    for name, button in presses.items():
        page.evaluate("shifts.length = 0")
        button.click()
        page.wait_for_timeout(200)
        at_rest(page)
        found[name] = sum(page.evaluate("shifts"))
    return found


def released(page: Page, right: bool) -> float:
    """Milliseconds from a release of the slider, moved a little to the right or the left, to the retrained bars."""
    handle = page.locator(".st-key-recipe-dial [data-testid=stSliderThumbValue]").locator("..").bounding_box()
    assert handle
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    address = page.url
    page.evaluate(f"() => {{ {FIND} ({WATCH_RELEASE})() }}")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + (30 if right else -30), y, steps=5)
    page.mouse.up()
    page.wait_for_function("before => location.href !== before", arg=address, timeout=PATIENCE * 1e3)
    at_rest(page)
    painted = page.evaluate("painted")
    (last,) = {frame["epoch"] for frame in painted[-1:]}
    return next(frame["after"] for frame in painted[1:] if frame["epoch"] == last)


def trained(config: RunConfig) -> float:
    """Seconds that a run of this configuration takes, alone in this process."""
    runner = Runner()
    start = perf_counter()
    runner.wait(runner.submit(Experiment(variants=(Variant(name="alone", config=config),), seeds=(config.seed,))))
    seconds = perf_counter() - start
    runner.close()
    return seconds


def releases(browser: Browser, address: str) -> tuple[list[float], list[float]]:
    """Milliseconds of releases of the slider, and of training alone, in turns."""
    with visitor(browser) as context:
        page, _ = opened(context, address, BARS)
        at_rest(page)
        config = DEMONSTRATION.variants[-1].config
        painted, alone = [], []
        for at in range(FRESH + RELEASES):
            painted.append(released(page, right=at % 2 == 0))
            weight = ("pos_weight", 20.0 + at % 2)
            alone.append(trained(config.model_copy(update={"loss_params": (weight,)})) * 1e3)
    return painted[FRESH:], alone[FRESH:]


def main() -> None:
    header("streamlit", "playwright", "torch")
    with (
        served("app.py") as app,
        served("benchmarks/empty_app.py") as empty,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        first_drawn(visitor(browser), app, BARS)  # both servers have answered somebody
        first_drawn(visitor(browser), empty, TEXT)
        warm, warm_empty, cold, cold_empty = visits(browser, app, empty)
        for name, ours, theirs in (("warm", warm, warm_empty), ("cold", cold, cold_empty)):
            print(f"first drawn, {name} cache: {median(ours):.0f} ms, empty page {median(theirs):.0f} ms")
        loaded, files, shift = first_load(browser, app)
        loaded_empty, files_empty, shift_empty = first_load(browser, empty, TEXT)
        both = f"{loaded / 1e3:.0f} KB in {files} files, empty page {loaded_empty / 1e3:.0f} KB in {files_empty}"
        print(f"first load: {both}")
        print(f"layout shift on load: {shift:.3f}, empty page {shift_empty:.3f}")
        painted, alone = releases(browser, app)
        print(f"release of the slider: {median(painted):.0f} ms, training alone {median(alone):.0f} ms")
        with visitor(browser) as context:
            page, _ = opened(context, app, BARS)
            at_rest(page)
            shifted = shifts(page)
        print("layout shift: " + ", ".join(f"{name} {value:.3f}" for name, value in shifted.items()))
        browser.close()
    print()
    warm_ratio = median(ours / theirs for ours, theirs in zip(warm, warm_empty, strict=True))
    cold_ratio = median(ours / theirs for ours, theirs in zip(cold, cold_empty, strict=True))
    over = median(one / (3 * training + 250) for one, training in zip(painted, alone, strict=True))
    report("first histogram over an empty page, warm cache", warm_ratio, 1.6, at_most=True)
    report("first histogram over an empty page, empty cache", cold_ratio, 2.0, at_most=True)
    report("release of the slider to the retrained histogram, over 3 trainings + 250 ms", over, 1, at_most=True)
    report("MB of a first load", loaded / 1e6, 1.6, at_most=True)
    report("layout shift on load", shift, 0.12, at_most=True)
    report("layout shift after Train, Replay or a tab, the largest", max(shifted.values()), 0.05, at_most=True)


if __name__ == "__main__":
    main()
