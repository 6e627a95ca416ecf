"""The composition root: it warms, serves, shuts down, and finds its pages."""

from __future__ import annotations

import gc
import gzip
import os
import re
import signal
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request, urlopen

import anyio
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from benchmarks.browser import serve
from core.errors import CutoffError
from core.experiment.config import RunConfig
from pages.components.scripts import SCRIPTS, VERSION
from tests.conftest import ROOT, experiment, open_page, until
from tests.support.asgi import answered, fetched

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*/*.py") if path.stem == path.parent.name)


def test_lifespan_freezes_what_it_warmed_and_closes_the_runner() -> None:
    import app
    from core.training.runner import Runner

    async def live() -> Runner:
        async with app.lifespan(app.app):
            assert gc.get_freeze_count() > 100_000
            assert not {"pages.shell", *(f"pages.{name}.{name}" for name in PAGES)} & sys.modules.keys()
            from pages.shared import services

            runner = services.runner()
            assert services.runner() is runner
            return runner

    try:
        with ThreadPoolExecutor() as thread:  # a browser test leaves an event loop running in this one
            runner = thread.submit(anyio.run, live).result()
    finally:
        gc.unfreeze()
    with pytest.raises(CutoffError, match="shutting down"):
        runner.submit(experiment(RunConfig()))


def test_garbage_is_collected_while_the_app_lives_and_not_after_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    class Left:
        def __init__(self) -> None:
            self.myself = self

    monkeypatch.setattr(app, "COLLECT_SECONDS", 0.01)

    async def live() -> None:
        async with app.lifespan(app.app):
            left = weakref.ref(Left())
            with anyio.fail_after(20):
                while left() is not None:
                    await anyio.sleep(0.01)

    gc.disable()
    try:
        with ThreadPoolExecutor() as thread:
            thread.submit(anyio.run, live).result()
    finally:
        gc.enable()
        gc.unfreeze()
    assert st.get_option("runner.postScriptGC") is False


def test_no_file_is_watched_unless_a_developer_asks_for_it() -> None:
    assert st.get_option("server.fileWatcherType") == "none"


def test_training_gives_way_at_every_message_between_a_page_and_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    import app
    from pages.shared import services

    signs = 0

    def give_way() -> None:
        nonlocal signs
        signs += 1

    monkeypatch.setattr(services.runner(), "give_way", give_way)

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})

    async def talk(kind: str) -> list[str]:
        said: list[str] = []
        heard = [{"type": "websocket.receive", "text": word} for word in ("a", "b")]
        heard.append({"type": "websocket.disconnect"})

        async def receive() -> Message:
            return heard.pop(0)

        async def send(message: Message) -> None:
            said.append(message["text"])

        await app.PagesFirst(echo)({"type": kind}, receive, send)
        return said

    with ThreadPoolExecutor() as thread:
        assert thread.submit(anyio.run, talk, "websocket").result() == ["a", "b"]
        assert signs == 5
        assert thread.submit(anyio.run, talk, "http").result() == ["a", "b"]
        assert signs == 5


HOST = b"app.example:8501"


@pytest.mark.parametrize(
    ("origin", "seen"),
    [
        (None, [(b"host", HOST)]),
        (b"http://app.example:8501", [(b"host", HOST), (b"origin", b"http://app.example:8501")]),
        (b"https://allowed.example", [(b"host", HOST)]),  # Streamlit would look up its own address first
        (b"http://app.example", None),
        (b"http://localhost:8501", None),
        (b"https://evil.example", None),
        (b"https://allowed.example.evil.example", None),
        (b"null", None),
        (b"http://[", None),
    ],
)
def test_a_websocket_from_another_site_is_refused_before_streamlit_hears_of_it(
    monkeypatch: pytest.MonkeyPatch, origin: bytes | None, seen: list[tuple[bytes, bytes]] | None
) -> None:
    import app

    options = {"server.enableCORS": True, "server.corsAllowedOrigins": ["https://allowed.example"]}
    monkeypatch.setattr(app.st, "get_option", options.__getitem__)
    headers = [(b"host", HOST), *([(b"origin", origin)] if origin is not None else [])]
    heard: list[Scope] = []
    sent: list[Message] = []

    async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(scope)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def connect(kind: str) -> None:
        await app.OwnOriginOnly(streamlit)({"type": kind, "headers": headers}, receive, send)

    with ThreadPoolExecutor() as thread:
        thread.submit(anyio.run, connect, "websocket").result()
        assert [scope["headers"] for scope in heard] == ([] if seen is None else [seen])
        assert sent == ([{"type": "websocket.close", "code": 1008}] if seen is None else [])
        thread.submit(anyio.run, connect, "http").result()
        assert heard[-1]["headers"] == headers


PAGE = b"<html><head></head><body><div></div></body></html>"


@pytest.mark.parametrize("path", ["/", "/compare"])
def test_the_page_has_the_styles_from_the_first_frame_and_is_never_an_old_one(tmp_path: Path, path: str) -> None:
    import app
    from pages.shared import dom, preloads

    early = preloads.tags(path.strip("/"))
    (tmp_path / "index.html").write_bytes(PAGE)
    served = Starlette(routes=[Route("/{name:path}", lambda _: FileResponse(tmp_path / "index.html"))])
    asked = {"Accept": "text/html,*/*;q=0.8", "Accept-Encoding": "gzip"}
    for known in ({}, {"If-None-Match": "*"}, {"Range": "bytes=0-3"}):
        status, headers, body = answered(app.Additions(served), path, asked | known)
        assert (status, int(headers["content-length"])) == (200, len(body))
        assert not {"etag", "last-modified", "accept-ranges"} & set(headers)
        expected = PAGE.decode().replace("</head>", f"{early}</head>").replace("</body>", f"{dom.ADDED}</body>")
        assert body.decode() == expected
    status, headers, body = answered(app.Additions(served), path, asked, "HEAD")
    assert (status, body) == (200, b"")


def test_what_is_no_page_is_served_as_it_is() -> None:
    import app

    served = Starlette(routes=[Route("/data", lambda _: PlainTextResponse("</body>", headers={"ETag": '"a"'}))])
    for accept in ("text/html", "*/*", "application/json"):
        status, headers, body = answered(app.Additions(served), "/data", {"Accept": accept})
        assert (status, headers["etag"], body) == (200, '"a"', b"</body>")
        assert answered(app.Additions(served), "/none", {"Accept": accept})[0] == 404


def test_the_first_middleware_is_that_of_origins() -> None:
    import app

    assert app.app._user_middleware[0].cls is app.OwnOriginOnly


def test_a_page_that_breaks_shows_no_paths() -> None:
    assert st.get_option("client.showErrorDetails") == "none"


@pytest.mark.parametrize("says_how_long", [True, False])
def test_an_upload_is_refused(monkeypatch: pytest.MonkeyPatch, says_how_long: bool) -> None:
    manager = MemoryUploadedFileManager("/_stcore/upload_file")
    monkeypatch.setattr("streamlit.web.server.starlette.starlette_routes.is_xsrf_enabled", lambda: False)
    (route, *_) = create_upload_routes(SimpleNamespace(is_active_session=lambda _: True), manager, None)
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(2000) + b"\r\n--x--\r\n"
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    headers += [(b"content-length", str(len(body)).encode())] if says_how_long else []
    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/session/file", "headers": headers}
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def put() -> None:
        await Starlette(routes=[route])(scope | {"query_string": b"", "root_path": ""}, receive, send)

    with ThreadPoolExecutor() as thread:
        thread.submit(anyio.run, put).result()
    assert statuses == [413]
    assert not manager.get_files("session", ["file"])


def test_clearing_streamlits_caches_leaves_the_runs_of_others_going(app_test: AppTest) -> None:
    from pages.shared import services

    runner = services.runner()
    name = runner.submit(experiment(RunConfig(epochs=2000)))
    until(lambda: runner.job(name).runs[0].epoch > 0)
    st.cache_resource.clear()  # what a browser's message clear_cache does, for all sessions
    st.cache_data.clear()
    came = runner.job(name).runs[0].epoch
    assert services.runner() is runner
    until(lambda: runner.job(name).ended or runner.job(name).runs[0].epoch > came)
    assert runner.job(name).status == "running"
    services.close()
    assert runner.job(name).status == "stopped"
    assert services.runner() is not runner


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_kept_for_good_at_the_address_of_its_version_alone(script: str) -> None:
    import app

    status, headers, _ = fetched(app.assets, f"/assets/{VERSION}/{script}")
    assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    for other in ("version", VERSION[:-1], f"{VERSION}0", "..", ""):
        status, headers, _ = fetched(app.assets, f"/assets/{other}/{script}")
        assert status == 404
        assert "cache-control" not in headers


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CUTOFF_DEVICE", "gpu", "Expected CUTOFF_DEVICE to be auto, cpu, cuda or cuda:N, but got 'gpu'."),
        ("CUTOFF_MAX_QUEUED", "0", "Expected CUTOFF_MAX_QUEUED to be a whole number of at least 1, but got '0'."),
    ],
)
def test_a_setting_that_cant_be_used_ends_the_start_with_one_sentence(variable: str, value: str, sentence: str) -> None:
    started = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=ROOT,
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert started.stderr.strip() == sentence


@pytest.mark.slow
@pytest.mark.parametrize("base", ["", "/cutoff"])
def test_server_answers_serves_scripts_and_stops(tmp_path: Path, base: str) -> None:
    log = tmp_path / "app.log"
    with serve(ROOT / "app.py", log, base) as (address, process):
        assert urlopen(f"{address}/_stcore/health").read() == b"ok"

        for script, path in SCRIPTS.items():
            with urlopen(f"{address}/assets/{VERSION}/{script}") as answer:
                kinds = ("text/css",) if path.suffix == ".css" else ("text/javascript", "application/javascript")
                assert answer.headers["content-type"].startswith(kinds)
                assert answer.read() == path.read_bytes()

        page = urlopen(f"{address}/").read()
        module = re.search(rb'src="\./(static/js/index[^"]+)"', page)
        assert module
        for file in ("", module[1].decode()):
            plain = urlopen(f"{address}/{file}")
            with urlopen(Request(f"{address}/{file}", headers={"Accept-Encoding": "gzip"})) as answer:
                assert answer.headers["content-encoding"] == "gzip"
                assert answer.headers["cache-control"] == plain.headers["cache-control"]
                assert gzip.decompress(answer.read()) == plain.read()

        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_a_file_that_cant_be_opened_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "none.csv"
    with (
        pytest.raises(RuntimeError, match=f"{missing} can't be read: No such file or directory"),
        serve(ROOT / "app.py", tmp_path / "log", arguments=[str(missing)]),
    ):
        pass
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_only_the_arguments_of_the_app_are_taken_as_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    for argv, file in (
        (["app.py", "a.csv"], Path("a.csv")),
        ([str(ROOT / "app.py"), "a.csv", "b.csv"], Path("a.csv")),
        (["app.py"], None),
        (["pytest", "tests"], None),
    ):
        monkeypatch.setattr(sys, "argv", argv)
        assert app.named_file() == file


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_in_the_navigation_and_runs(app_test: AppTest, name: str) -> None:
    at = open_page(app_test, name)
    assert not at.exception
    assert len(at.title) == (name != "workbench")  # which begins with its controls
