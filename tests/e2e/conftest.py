"""The app in a real browser: server, browser, and helpers that wait and take pictures."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import LAUNCH_ARGS, NO_CHROMIUM, chromium, serve, settled
from tests.conftest import ROOT

HERE = Path(__file__).parent
PICTURES = ROOT / "test-results" / "pictures"
# Every state of the pages that lays out differently: how to get there, and a figure to wait for.
BINARY = "epochs=20&loss.pos_weight=9"
MULTICLASS = "dataset=digits&epochs=20"
MULTILABEL = "dataset=yeast&epochs=10"
MISTAKES = "dataset=moons&epochs=20&loss.pos_weight=9&activation=sigmoid"
REGRESSION = "dataset=diabetes&loss=band_mse&epochs=20"
WEIGHTS = '%7B"loss.pos_weight":["4.0","16.0"]%7D'
RACE = f"dataset=gaussians&epochs=20&seeds=2&variants={WEIGHTS}"
STATES = {
    "the Workbench, landing": ("", "", "picture"),
    "the Workbench, binary": (BINARY, "", "picture"),
    "the Workbench, multi-class": (MULTICLASS, "", "picture"),
    "the Workbench, multi-label": (MULTILABEL, "", "picture"),
    "the Workbench, regression": (REGRESSION, "", "picture"),
    "the Workbench, mistakes": (MISTAKES, "", "picture"),
    "the Workbench, a bad link": ("run=deadbeef", "", "picture"),
    "Compare, nothing trained": ("", "compare", None),
    "Compare, binary": (BINARY, "compare", "scores_figure"),
    "Compare, multi-class": (MULTICLASS, "compare", "scores_figure"),
    "Compare, multi-label": (MULTILABEL, "compare", "scores_figure"),
    "Compare, regression": (REGRESSION, "compare", "residuals_figure"),
    "Compare, a race": (RACE, "compare", "race_losses"),
    "Compare, a bad link": ("dataset=nope&lr=fast&run=deadbeef", "compare", None),
    "Losses": ("", "losses", "values_1"),
}
TRAINED = (BINARY, MULTICLASS, MULTILABEL, REGRESSION, MISTAKES, RACE)

GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 21, 26)"}
ON_GROUND = """ground =>
  getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === ground"""
# Waits up to five seconds: plotly hears of a new width late.
OVERFLOW = """async () => {
  const wider = () => Math.max(...[document.documentElement, document.querySelector('[data-testid=stMain]')]
    .map(element => element.scrollWidth - element.clientWidth));
  const end = performance.now() + 5000;
  while (wider() > 0 && performance.now() < end) await new Promise(requestAnimationFrame);
  return wider();
}"""
# Fonts are there, and every animation that began has ended, and those that began with their end; one that is paused or
# goes on for ever is waited for no longer than a second.
STILL = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await document.fonts.ready;
  for (let round = 0; round < 3; round++) {
    await frame();
    await frame();
    const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime < Infinity);
    const ended = Promise.all(passing.map(({ finished }) => finished.catch(() => undefined)));
    await Promise.race([ended, new Promise((done) => setTimeout(done, 1000))]);
  }
}"""
TICKS = """count => new Promise((done) => {
  const app = document.querySelector('[data-testid=stApp]');
  const observer = new MutationObserver(() => {
    if (app.dataset.testScriptState !== 'notRunning' || --count > 0) return;
    observer.disconnect();
    done();
  });
  observer.observe(app, { attributes: true, attributeFilter: ['data-test-script-state'] });
})"""

LOGS = pytest.StashKey[list[Path]]()
expect.set_options(timeout=20_000)  # a busy machine with two cores takes its time; a condition that holds does not wait


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an end-to-end test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the servers wrote."""
    report = yield
    if report.failed:
        for log in item.config.stash.get(LOGS, []):
            report.sections.append((f"server {log.stem}", log.read_text()))
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch the chromium of CUTOFF_CHROMIUM, or else the system's."""
    found = chromium()
    if not found:
        pytest.skip(NO_CHROMIUM)
    return browser_type_launch_args | {"executable_path": found, "args": list(LAUNCH_ARGS)}


@pytest.fixture(scope="session")
def logs(pytestconfig: pytest.Config) -> list[Path]:
    """Where servers of this session write; a fixture that starts one adds its file."""
    return pytestconfig.stash.setdefault(LOGS, [])


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """The address of the real app, one server for the whole session."""
    log = tmp_path_factory.mktemp("server") / "app.log"
    logs.append(log)
    with serve(ROOT / "app.py", log) as (address, _process):
        yield address


@pytest.fixture(scope="session")
def runs(browser: Browser, app_url: str) -> dict[str, str]:
    """Train what the states show, and return the address of each run by its choices."""
    page = browser.new_page()
    found = {"": ""}
    for query in TRAINED:
        page.goto(f"{app_url}/compare?{query}")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**run=*")
        expect(page.get_by_text("Finished ·")).to_be_visible(timeout=30_000)
        found[query] = page.url.split("?")[1]
    page.close()
    return found


def ticks(page: Page, count: int) -> None:
    """Wait until the script, or a fragment that runs by itself, has run so many times from now on."""
    page.evaluate(TICKS, count)


def painted(page: Page) -> None:
    """Wait for two frames of the browser, in which it draws what it has been told."""
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def drawn(page: Page, key: str) -> None:
    """Wait until the figure of this key is drawn, and until the script has run."""
    place = page.locator(f".st-key-{key}")
    place.locator(":is(.live-figure[role], .readout:not(:empty))").first.scroll_into_view_if_needed()  # fetches plotly
    place.locator(":is(.nsewdrag, .readout:not(:empty))").first.wait_for()
    settled(page)


def still(page: Page) -> None:
    """Wait until what fades or moves has come to rest."""
    page.evaluate(STILL)


def wear(page: Page, theme: str) -> None:
    """Show the page in this theme, "light" or "dark"."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.wait_for_function(ON_GROUND, arg=GROUNDS[theme])
    still(page)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window once figures have followed its size; 0 if all fits."""
    return page.evaluate(OVERFLOW)


def pictures(page: Page, name: str, widths: tuple[int, ...] = (1440, 1024, 390)) -> list[Path]:
    """Take the page as it stands, whole, in each width and both themes; the files are in test-results/pictures.

    Leaves the page in the light theme, 1440 pixels wide.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = []
    for scheme in ("dark", "light"):
        wear(page, scheme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            still(page)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": max(900, min(height, 5000))})
            still(page)
            taken.append(PICTURES / f"{name}-{scheme}-{width}.png")
            page.screenshot(path=taken[-1])
    page.set_viewport_size({"width": 1440, "height": 900})
    return taken
