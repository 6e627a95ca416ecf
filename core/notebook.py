"""Scores from a notebook, shown on the Workbench in a frame: a server of this app runs beside the kernel."""

from __future__ import annotations

import atexit
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from numpy.typing import ArrayLike

from core.errors import CutoffError
from core.settings import read_settings, variable

APP = Path(__file__).parents[1] / "app.py"
PATIENCE = 120.0  # seconds for a server to start
HEIGHT = 960  # pixels of the frame, enough for the Workbench without its panels
direct = build_opener(ProxyHandler({})).open  # a proxy can't reach this machine's own address


@dataclass(frozen=True)
class Frame:
    """The address of a page; a notebook shows the page itself."""

    url: str
    height: int = HEIGHT

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{escape(self.url)}" title="Cutoff" width="100%" height="{self.height}" '
            'style="border: 0"></iframe>'
        )


@dataclass(frozen=True)
class Server:
    """An app that is running, and the token of its API."""

    address: str
    token: str

    def open(self, content: bytes, choices: dict[str, str]) -> str:
        """The address of the Workbench of a file; raises CutoffError if the server refuses it or can't be reached."""
        request = Request(
            f"{self.address}/api/predictions?{urlencode(choices)}",
            content,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/octet-stream"},
        )
        try:
            with direct(request) as answer:
                return f"{self.address}/?predictions={json.load(answer)['id']}"
        except HTTPError as error:
            raise CutoffError(json.load(error)["detail"]) from None
        except URLError as error:
            raise CutoffError(f"There is no app at {self.address}: {error.reason}.") from None


def explore(
    y_true: ArrayLike, y_score: ArrayLike, *, positive: str | None = None, name: str = "notebook", **columns: ArrayLike
) -> Frame:
    """Show scores on the Workbench.

    The first call starts a server on this machine, which ends with this process; later calls use it too. CUTOFF_URL
    names another server, which then needs the same CUTOFF_API_TOKEN.

    Parameters
    ----------
    y_true : labels (N,), or (N, L) in {0, 1} for L labels.
    y_score : scores (N,) of the positive class, or (N, C) of C classes in ascending order or of C labels.
    positive : which of two labels is the positive class, as text; the page asks where it can be mistaken.
    name : what the scores are called.
    columns : other columns (N,), such as weight, group, amount, time, split and id.

    Returns
    -------
    The page, which a notebook shows as the last value of a cell; `url` is its address.

    Raises
    ------
    CutoffError for columns of different lengths, for what the API refuses, and if there is no server.
    """
    content = _as_parquet({**_named("y_true", y_true), **_named("y_score", y_score), **columns})
    choices = {"name": name} | ({} if positive is None else {"positive": positive})
    return Frame(_server().open(content, choices))


def _named(name: str, given: Any) -> dict[str, ArrayLike]:
    """The columns of an array: one of its name, or one for each class or label, named as in a data frame."""
    values = np.asarray(given)
    if values.ndim < 2 or values.shape[1] == 1:
        return {name: values.reshape(-1)}
    return {f"{name} {of}": values[:, at] for at, of in enumerate(getattr(given, "columns", range(values.shape[1])))}


def _as_parquet(columns: dict[str, ArrayLike]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    arrays = {name: np.asarray(values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise CutoffError(
            f"Expected columns of one length, but got {', '.join(f'{n} {m:,}' for n, m in lengths.items())}."
        )
    content = io.BytesIO()
    parquet.write_table(pa.table(arrays), content)
    return content.getvalue()


# --- the server

_started: list[tuple[Server, subprocess.Popen[bytes]]] = []  # by this process, the last one at the end


def _server() -> Server:
    """The app of CUTOFF_URL, or else one that this process has started."""
    settings = read_settings()
    if settings.url:
        if not settings.api_token:
            raise CutoffError(f"Set {variable('api_token')} to the token of the app at {settings.url}.")
        return Server(settings.url.rstrip("/"), settings.api_token)
    if not _started or _started[-1][1].poll() is not None:
        _started.append(_start(secrets.token_urlsafe(32)))
    return _started[-1][0]


def _start(token: str) -> tuple[Server, subprocess.Popen[bytes]]:
    """Start the app on a free port, with an API of this token, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true")
    log = tempfile.TemporaryFile()  # noqa: SIM115 - the server writes to it as long as it runs
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(APP), *options],
        cwd=APP.parent,
        env=os.environ | {variable("api_token"): token},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    atexit.register(process.terminate)
    server = Server(f"http://127.0.0.1:{port}", token)
    if not any(_answers(server.address) for _ in _while_running(process)):
        process.terminate()
        log.seek(0)
        raise CutoffError(f"The app did not start: {log.read().decode(errors='replace').strip()[-2000:]}")
    return server, process


def _while_running(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ten times a second while a process runs, for PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with direct(f"{address}/_stcore/health", timeout=3):
            return True
    except OSError:
        return False
