"""Files are served compressed, and otherwise as without compression: status, headers, ranges, 304 and 404."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp
from streamlit.web.server.starlette.starlette_gzip_middleware import SelectiveGZipMiddleware
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_handler

from pages.components.compression import CompressedFiles, accepts_gzip
from tests.support.asgi import answered

TEXT = "/static/js/index.abc.js"
NOISE = "/static/media/font.woff2"
# What may differ where a file is compressed. Streamlit compresses other answers itself.
OF_COMPRESSION = {"content-encoding", "content-length", "vary", "etag", "accept-ranges"}
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as Streamlit has them: one that shrinks, one that doesn't, an empty one."""
    folder = tmp_path_factory.mktemp("served")
    contents = {
        "index.html": b"<html><body>" + b"<p>page</p>" * 100,
        "manifest.json": b"{}",
        TEXT: b"export const one = 1;\n" * 8000,
        "/static/css/empty.css": b"",
        NOISE: np.random.default_rng(0).bytes(70_000),
    }
    for name, content in contents.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def streamlit(folder: Path, base: str, *middleware: Middleware) -> ASGIApp:
    """An application that serves files as Streamlit does, some of a route, and what is no file."""
    routes = [
        Route(
            f"{base}/assets/script.js", lambda _: FileResponse(folder / TEXT[1:], headers={"Cache-Control": "public"})
        ),
        Route(f"{base}/data", lambda _: JSONResponse([1, 2, 3] * 1000, headers={"ETag": '"data"'})),
        Route(f"{base}/stream", lambda _: StreamingResponse(iter([b"a", b"b" * 1000]), media_type="text/plain")),
        Mount(base or "/", create_streamlit_static_handler(str(folder), base)),
    ]
    return Starlette(routes=routes, middleware=[*middleware, Middleware(SelectiveGZipMiddleware, base_url=base)])


def plain(answer: tuple[int, Headers, bytes]) -> tuple[int, dict[str, str], bytes]:
    """An answer with its body decoded, and without the random boundary of several ranges."""
    status, headers, body = answer
    content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" and body else body
    boundary = headers.get("content-type", "").partition("boundary=")[2] or "-"
    known = {name: value.replace(boundary, "-") for name, value in headers.items()}
    return status, known, content.replace(boundary.encode(), b"-")


PATHS = ["", "/", "/compare", "/index.html", TEXT, NOISE, "/static/css/empty.css", "/static/js/none.js", "/static/js"]
PATHS += ["/assets/script.js", "/assets/none.js", "/data", "/stream", "/_stcore/health", "/static/../index.html", "/a/"]
ENCODINGS = ["", "identity", "gzip", "gzip;q=0", "br", "gzip;q=0.5, br", "*"]
RANGES = [None, "bytes=0-9", "bytes=5-", "bytes=0-4,7-9", "bytes=90000000-", "lines=1-2"]


@given(
    base=some.sampled_from(["", "/cutoff"]),
    path=some.sampled_from(PATHS),
    method=some.sampled_from(["GET", "HEAD", "POST"]),
    encoding=some.sampled_from(ENCODINGS),
    part=some.sampled_from(RANGES),
    known=some.sampled_from([None, "{}", "W/{}", '"other"', '"other", W/{}', "*"]),
    condition=some.sampled_from([None, "{}", "W/{}"]),
)
def test_answers_are_the_same_but_for_their_encoding(
    folder: Path,
    base: str,
    path: str,
    method: str,
    encoding: str,
    part: str | None,
    known: str | None,
    condition: str | None,
) -> None:
    before, now = streamlit(folder, base), streamlit(folder, base, Middleware(CompressedFiles))
    etag = answered(before, base + path, method="HEAD")[1].get("etag", '"none"')
    asked = {"Accept-Encoding": encoding}
    asked |= {"Range": part} if part else {}
    asked |= {"If-None-Match": known.format(etag)} if known else {}
    asked |= {"If-Range": condition.format(etag)} if condition else {}

    answer = answered(now, base + path, asked, method)
    new_status, new_headers, new_content = plain(answer)
    status, headers, content = plain(answered(before, base + path, asked, method))
    assert (new_status, new_content) == (status, content)
    changed = {name for name in {*headers, *new_headers} if new_headers.get(name) != headers.get(name)}
    assert changed <= OF_COMPRESSION
    if method != "GET" or status not in (200, 304):
        assert not changed
    if method == "GET" and "content-length" in new_headers:
        assert int(new_headers["content-length"]) == len(answer[2])


@pytest.mark.parametrize("base", ["", "/cutoff"])
@pytest.mark.parametrize("path", [TEXT, "/", "/index.html", "/compare", "/assets/script.js"])
def test_a_file_that_shrinks_is_sent_compressed_to_those_who_take_it(folder: Path, base: str, path: str) -> None:
    app = streamlit(folder, base, Middleware(CompressedFiles))
    status, headers, body = answered(app, base + path, GZIP)
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
    name = TEXT[1:] if path.endswith(".js") else "index.html"
    assert gzip.decompress(body) == (folder / name).read_bytes()
    assert len(body) < len(gzip.decompress(body)) / 5

    status, headers, body = answered(app, base + path)
    assert (status, headers["vary"]) == (200, "Accept-Encoding")
    assert "content-encoding" not in headers
    assert body == (folder / name).read_bytes()


@pytest.mark.parametrize("path", [NOISE, "/static/css/empty.css"])
def test_a_file_that_does_not_shrink_is_sent_as_it_is(folder: Path, path: str) -> None:
    app = streamlit(folder, "", Middleware(CompressedFiles))
    status, headers, body = answered(app, path, GZIP)
    assert (status, body) == (200, (folder / path[1:]).read_bytes())
    assert not {"content-encoding", "vary"} & set(headers)
    assert not headers["etag"].startswith("W/")


def test_a_browser_that_has_the_compressed_file_is_told_so(folder: Path) -> None:
    app = streamlit(folder, "", Middleware(CompressedFiles))
    _, first, _ = answered(app, TEXT, GZIP)
    status, headers, body = answered(app, TEXT, GZIP | {"If-None-Match": first["etag"]})
    assert (status, headers["etag"], headers["vary"], body) == (304, first["etag"], "Accept-Encoding", b"")
    status, headers, _ = answered(app, TEXT, GZIP | {"If-Modified-Since": first["last-modified"]})
    assert status == 304

    _, plain, _ = answered(app, TEXT)
    assert first["etag"] == f"W/{plain['etag']}"
    status, headers, _ = answered(app, TEXT, {"If-None-Match": plain["etag"]})
    assert (status, headers["etag"]) == (304, plain["etag"])


def test_a_range_is_one_of_the_file_and_never_of_the_compressed_file(folder: Path) -> None:
    app = streamlit(folder, "", Middleware(CompressedFiles))
    _, first, _ = answered(app, TEXT, GZIP)
    part = GZIP | {"Range": "bytes=10-19"}
    status, headers, body = answered(app, TEXT, part)
    assert (status, body) == (206, (folder / TEXT[1:]).read_bytes()[10:20])
    assert "content-encoding" not in headers
    status, headers, _ = answered(app, TEXT, part | {"If-Range": first["etag"]})
    assert (status, headers["content-encoding"]) == (200, "gzip")


def test_a_file_is_compressed_again_only_after_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    app = CompressedFiles(Starlette(routes=[Route("/script.js", lambda _: FileResponse(path))]))

    def served() -> bytes:
        return gzip.decompress(answered(app, "/script.js", GZIP)[2])

    path.write_bytes(b"a" * 5000)
    stat = path.stat()
    assert served() == b"a" * 5000
    path.write_bytes(b"b" * 5000)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # to all appearances the same file
    assert served() == b"a" * 5000
    os.utime(path, (stat.st_atime + 10, stat.st_mtime + 10))
    assert served() == b"b" * 5000


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("gzip ; q=0", False),
        ("*;q=0", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(header: str, allowed: bool) -> None:
    assert accepts_gzip(header) == allowed
