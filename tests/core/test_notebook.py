"""Scores from a notebook: they arrive as they are, on a server of the kernel's own or on one that is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from sklearn import metrics as sk

from benchmarks.browser import serve
from core import explore
from core.errors import CutoffError
from core.notebook import Frame
from tests.conftest import ROOT

TOKEN = "open-sesame"
GENERATOR = np.random.default_rng(0)
SCORE = GENERATOR.random(400)
TRUE = GENERATOR.random(400) < SCORE


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with an API."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTOFF_API_TOKEN", TOKEN)
        with serve(ROOT / "app.py", tmp_path_factory.mktemp("server") / "log") as (address, _process):
            yield address


@pytest.fixture
def server(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CUTOFF_URL", address)
    monkeypatch.setenv("CUTOFF_API_TOKEN", TOKEN)
    return address


def call(address: str, path: str, content: object) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with urlopen(Request(f"{address}{path}", json.dumps(content).encode(), headers)) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def tuned(address: str, shown: Frame, **given: object) -> dict[str, Any]:
    """What the server says of a threshold of what is shown."""
    assert shown.url.startswith(f"{address}/?predictions=")
    upload = shown.url.rpartition("=")[2]
    return call(address, f"/api/predictions/{upload}/tune", {"rule": "f1"} | given)


@pytest.mark.slow
def test_scores_of_two_classes_arrive_with_their_columns(server: str):
    plain = tuned(server, explore(TRUE.astype(int), SCORE.astype(np.float32)))
    assert (plain["rows"], plain["class_name"]) == (400, "1")
    both = tuned(server, explore(TRUE.astype(int), np.stack([1 - SCORE, SCORE], axis=1)))
    assert both["threshold"] == pytest.approx(plain["threshold"])
    weight = np.arange(400.0)
    named = explore(
        np.where(TRUE, "fraud", "ok"), pd.Series(SCORE), positive="fraud", weight=weight, region=400 * ["a"]
    )
    assert tuned(server, named)["notes"][1] == "Rows are weighted by weight."


@pytest.mark.slow
def test_several_classes_and_labels_arrive_in_order(server: str):
    q = GENERATOR.dirichlet([1, 1, 1], 400)
    y = q.argmax(axis=1)
    shown = explore(np.array(["cat", "dog", "owl"])[y], q)
    best = max(sk.f1_score(y == 1, q[:, 1] >= threshold) for threshold in q[:, 1])
    assert tuned(server, shown, **{"class": "dog"})["f1"] == pytest.approx(best)
    labels = pd.DataFrame({"red": TRUE, "blue": ~TRUE})
    several = explore(labels, pd.DataFrame({"red": SCORE, "blue": 1 - SCORE}))
    assert tuned(server, several, **{"class": "blue"})["tp"] > 0


@pytest.mark.slow
def test_what_cannot_be_shown_is_refused_in_a_sentence(server: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(CutoffError, match="one length, but got y_true 400, y_score 399"):
        explore(TRUE, SCORE[1:])
    with pytest.raises(CutoffError, match="with a missing or infinite score"):
        explore(TRUE.astype(int), np.where(SCORE < 0.5, np.nan, SCORE))
    monkeypatch.setenv("CUTOFF_API_TOKEN", "wrong")
    with pytest.raises(CutoffError, match="Send the token"):
        explore(TRUE, SCORE)
    monkeypatch.delenv("CUTOFF_API_TOKEN")
    with pytest.raises(CutoffError, match="Set CUTOFF_API_TOKEN"):
        explore(TRUE, SCORE)
    monkeypatch.setenv("CUTOFF_API_TOKEN", TOKEN)
    monkeypatch.setenv("CUTOFF_URL", "http://127.0.0.1:9")
    with pytest.raises(CutoffError, match="There is no app at http"):
        explore(TRUE, SCORE)


@pytest.mark.slow
def test_a_real_server_has_the_api_and_its_documentation(address: str):
    with urlopen(Request(f"{address}/api/docs", headers={"Accept": "text/html"})) as answer:
        page = answer.read().decode()
    assert "/api/predictions/{id}/tune" in page
    assert "<script" not in page
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{address}/api/predictions/a/curve")


CELLS = (
    "import numpy as np; from core import explore; s = np.linspace(0, 1, 200); y = np.arange(200) % 3 == 0",
    "explore(y.astype(int), s, name='first')",
    "explore(y.astype(int), s ** 2)",
)


@pytest.mark.slow
def test_a_notebook_shows_the_page_of_one_server_that_ends_with_it(monkeypatch: pytest.MonkeyPatch):
    for name in ("CUTOFF_URL", "CUTOFF_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        for place, cell in enumerate(notebook.cells):
            client.execute_cell(cell, place)
        frames = [cell.outputs[0]["data"]["text/html"] for cell in notebook.cells[1:]]
        addresses = [
            re.fullmatch(r'<iframe src="(http://127.0.0.1:\d+)/\?predictions=(\w{32})".*</iframe>', f) for f in frames
        ]
        assert all(addresses)
        (first, second) = (found.groups() for found in addresses if found)
        assert first[0] == second[0]
        assert first[1] != second[1]
        with urlopen(f"{first[0]}/_stcore/health") as answer:
            assert answer.status == 200
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{first[0]}/_stcore/health")


def test_outside_a_notebook_the_page_is_its_address():
    shown = Frame("http://127.0.0.1:1/?predictions=a&b")
    assert "predictions=a&amp;b" in shown._repr_html_()
    assert Path(shown.url).name == "?predictions=a&b"
