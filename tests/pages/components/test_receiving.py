"""The route that takes files: an id or one sentence, and no file is left behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.routing import Route

from core.predictions.uploads import Uploads
from pages.components.upload.receiving import STATUS_TOO_LARGE, STATUS_UNREADABLE, Receiving
from tests.support.asgi import fetched, posted

CSV = b"y_true,y_score\n0,0.25\n1,0.75\n"
MOST = 1000


@pytest.fixture
def uploads() -> Uploads:
    return Uploads(60, 1 << 30)


@pytest.fixture
def route(uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Route]:
    """Temporary files lie in tmp_path, which is empty at the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield Receiving(lambda: uploads, MOST).route("/cutoff")
    assert not list(tmp_path.iterdir())


def post(route: Route, chunks: Sequence[bytes], name: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    status, _, body = posted(route, "/cutoff/uploads", chunks, headers, urlencode({"name": name}))
    return status, json.loads(body or b"{}")


def test_a_file_is_kept_under_its_name(route: Route, uploads: Uploads):
    status, answer = post(route, [CSV[:9], CSV[9:]], "x/scores.csv")
    assert status == 200
    upload = uploads.get(answer["id"])
    assert upload.name == "scores.csv"
    assert upload.source
    assert upload.source.scores("all").y_true.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture"),
        (b"y_true,\0y_score\n1,0.5\n", "not a file of text"),
        (b"\x80\x04\x95\x05\x00", "pickle"),
        (b"PK\x03\x04rubbish", "not a NumPy archive"),
        (b"PAR1 cut off", "Parquet"),
    ],
)
def test_what_cannot_be_read_is_answered_in_a_sentence(route: Route, content: bytes, said: str):
    status, answer = post(route, [content])
    assert status == STATUS_UNREADABLE
    assert said in answer["error"]


@pytest.mark.parametrize("headers", [{"content-length": "3000"}, {}], ids=["with its length", "in chunks"])
def test_what_is_too_large_is_not_read(route: Route, uploads: Uploads, headers: dict[str, str]):
    status, answer = post(route, [CSV * 20, CSV * 20, CSV * 20], **headers)
    assert status == STATUS_TOO_LARGE
    assert "larger than" in answer["error"]


def test_a_file_whose_sender_goes_is_not_kept(route: Route):
    status, _ = post(route, [])
    assert status == 499


def test_only_a_post_is_answered(route: Route):
    assert fetched(route, "/cutoff/uploads")[0] == 405
