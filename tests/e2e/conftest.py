"""The app in a real browser: server, browser, and helpers that wait and take pictures."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from core.settings import read_settings
from tests.conftest import ROOT, serve

HERE = Path(__file__).parent
PICTURES = ROOT / "test-results" / "pictures"
LAUNCH_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Every state of the pages that lays out differently: how to get there, and a figure to wait for.
BINARY = "epochs=20&loss.pos_weight=9"
MULTICLASS = "dataset=digits&epochs=20"
MULTILABEL = "dataset=yeast&epochs=10"
MISTAKES = "dataset=moons&epochs=20&loss.pos_weight=9&activation=sigmoid"
REGRESSION = "dataset=diabetes&loss=band_mse&epochs=20"
WEIGHTS = '%7B"loss.pos_weight":["4.0","16.0"]%7D'
RACE = f"dataset=gaussians&epochs=20&seeds=2&variants={WEIGHTS}"
STATES = {
    "train, nothing trained": ("", "", None),
    "train, binary": (BINARY, "", "scores_figure"),
    "train, multi-class": (MULTICLASS, "", "scores_figure"),
    "train, multi-label": (MULTILABEL, "", "scores_figure"),
    "train, regression": (REGRESSION, "", "residuals_figure"),
    "train, mistakes": (MISTAKES, "", "scores_figure"),
    "train, a race": (RACE, "", "race_losses"),
    "train, a bad link": ("dataset=nope&lr=fast&run=deadbeef", "", None),
    "thresholds, nothing trained": ("", "thresholds", None),
    "thresholds, binary": (BINARY, "thresholds", "explorer"),
    "thresholds, multi-class": (MULTICLASS, "thresholds", "explorer"),
    "thresholds, multi-label": (MULTILABEL, "thresholds", "explorer"),
    "thresholds, regression": (REGRESSION, "thresholds", "residuals_figure"),
    "losses": ("", "losses", "twice"),
}

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
    names = (read_settings().chromium, "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("Expected a chromium (CUTOFF_CHROMIUM, or chromium on the PATH), but got none.")
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


@pytest.fixture(scope="module")
def runs(browser: Browser, app_url: str) -> dict[str, str]:
    """Train what the states show, once a module, and return the address of each run by its choices."""
    page = browser.new_page()
    found = {"": ""}
    for query in {query for query, _, figure in STATES.values() if query and figure}:
        page.goto(f"{app_url}/?{query}")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**run=*")
        expect(page.get_by_text("Finished ·")).to_be_visible(timeout=30_000)
        found[query] = page.url.split("?")[1]
    page.close()
    return found


def settled(page: Page) -> None:
    """Wait until the script has run: its request has left (100 ms), and nothing runs any more."""
    page.wait_for_timeout(100)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=30_000)


def drawn(page: Page, key: str) -> None:
    """Wait until the figure of this key is drawn, and until the script has run."""
    page.locator(f".st-key-{key} :is(.nsewdrag, .curve[d])").first.wait_for()
    settled(page)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window; 0 when nothing is cut off."""
    return page.evaluate(
        "() => Math.max(...[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map((element) => element.scrollWidth - element.clientWidth))"
    )


def pictures(page: Page, name: str, widths: tuple[int, ...] = (1440, 1024, 390)) -> list[Path]:
    """Take the page as it stands, whole, in each width and both themes; the files are in test-results/pictures.

    Leaves the page in the light theme, 1440 pixels wide.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(600)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": max(900, min(height, 5000))})
            page.wait_for_timeout(600)
            taken.append(PICTURES / f"{name}-{scheme}-{width}.png")
            page.screenshot(path=taken[-1])
    page.set_viewport_size({"width": 1440, "height": 900})
    return taken
