"""What benchmarks and tests in a browser share: a server, a Chromium, and a page that has come to rest."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, Playwright

from core.settings import read_settings

ROOT = Path(__file__).parents[1]
NO_CHROMIUM = "Expected a chromium (CUTOFF_CHROMIUM, or chromium on the PATH), but got none."
PATIENCE = 90.0  # seconds for anything to happen
LAUNCH_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def serve(
    script: Path, log: Path, base: str = "", arguments: Sequence[str] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`streamlit run script` on a free port: its address, once it is healthy, and its process, which ends with this.

    A `base` path, as in "/cutoff", is server.baseUrlPath and part of the address. Raises RuntimeError with the log of a
    server that does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}{base}"
    options = [
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        f"--server.baseUrlPath={base}",
        "--server.fileWatcherType=none",  # an edit during a run changes nothing
    ]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *options, "--", *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            if not _healthy(address, process):
                raise RuntimeError(f"The server did not start:\n{log.read_text()}")
            yield address, process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def served(script: str) -> Iterator[str]:
    """This app on a free port: its address."""
    with TemporaryDirectory() as folder, serve(ROOT / script, Path(folder) / "server.log") as (address, _process):
        yield address


def _healthy(address: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers in time."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=3):
                return True
        except (URLError, OSError):
            sleep(0.2)
    return False


def chromium() -> str | None:
    """The path of the chromium of CUTOFF_CHROMIUM, or else of the system's; None without one."""
    names = (read_settings().chromium, "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def launched(playwright: Playwright) -> Browser:
    """A Chromium without a window; ends the program without one."""
    found = chromium()
    if not found:
        raise SystemExit(NO_CHROMIUM)
    return playwright.chromium.launch(executable_path=found, args=list(LAUNCH_ARGS))


def settled(page: Page) -> None:
    """Wait until the script has run: its request has left (100 ms), and nothing runs any more."""
    page.wait_for_timeout(100)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=PATIENCE * 1e3)
