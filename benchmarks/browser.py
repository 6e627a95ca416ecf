"""What benchmarks in a browser share: a server, a Chromium, and a page that has come to rest."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, Playwright

from core.settings import read_settings

ROOT = Path(__file__).parents[1]
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
def served(script: str) -> Iterator[str]:
    """This app on a free port: its address. Ends the server, and raises with its log if it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"server.address": "127.0.0.1", "server.port": port, "server.fileWatcherType": "none"}
    command = [sys.executable, "-m", "streamlit", "run", script, *(f"--{key}={options[key]}" for key in options)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (
        TemporaryFile() as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            if not _healthy(address, process):
                log.seek(0)
                raise SystemExit(f"The server did not start:\n{log.read().decode()}")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


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


def launched(playwright: Playwright) -> Browser:
    """A Chromium without a window; ends the program without one."""
    names = (read_settings().chromium, "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise SystemExit("Expected a chromium (CUTOFF_CHROMIUM, or chromium on the PATH), but got none.")
    return playwright.chromium.launch(executable_path=found, args=list(LAUNCH_ARGS))


def settled(page: Page) -> None:
    """Wait until the script has run: its request has left (100 ms), and nothing runs any more."""
    page.wait_for_timeout(100)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=PATIENCE * 1e3)
