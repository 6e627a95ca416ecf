"""The composition root: `streamlit run app.py` serves the pages, plotly.min.js and the shared services."""

from __future__ import annotations

import os

# OpenMP reads this once, when torch loads. One thread per run keeps concurrent runs equally fast.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import asyncio
import gc
import importlib
import pkgutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import starmap
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.routes import create_api
from core.data import sweep_tables
from core.data.tables import read_table
from core.errors import CutoffError
from core.predictions.uploads import Uploads
from core.settings import read_settings
from core.training.devices import choose_devices
from pages.components.compression import CompressedFiles
from pages.components.content import content_route
from pages.components.scripts import SCRIPTS, VERSION
from pages.components.upload.receiving import Receiving

COLLECT_SECONDS = 10


def warm() -> None:
    """Import and run once whatever the first visitor would otherwise wait for, and freeze it.

    With torch imported, a garbage collection visits half a million objects for hundreds of milliseconds, during which
    nothing else runs; it skips frozen objects.
    """
    import plotly.graph_objects as go
    import torch

    import core
    import pages

    torch.set_num_threads(1)
    for package in (core, pages):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not draws_at_once(module.name):
                importlib.import_module(module.name)

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.square().sum().backward()
    optimizer.step()
    go.Figure(go.Scatter(x=[0.0], y=[0.0])).to_json()

    gc.collect()
    gc.freeze()


def draws_at_once(module: str) -> bool:
    """Whether importing a module draws a page: the shell, and scripts of pages, named as their folder."""
    _, *names = module.split(".")
    return names == ["shell"] or (len(names) == 2 and names[0] == names[1])


async def collect_garbage() -> None:
    """Collect garbage every COLLECT_SECONDS, and delete opened files that nobody looks at.

    Streamlit would do it after every script run, before it tells the browser that the run ended; config.toml turns
    that off.
    """
    from pages.shared import services

    while True:
        await asyncio.sleep(COLLECT_SECONDS)
        services.uploads().sweep()
        sweep_tables()
        gc.collect()


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Warm the process, build the services and start the demonstration; stop all training at the end."""
    warm()
    from pages.shared import services

    services.start_demonstration()
    if named and table:
        services.uploads().add_first(table, named.name)
    collecting = asyncio.create_task(collect_garbage())
    yield
    collecting.cancel()
    services.close()


class OwnOriginOnly:
    """Refuses WebSockets and POSTs of pages of other sites, unless server.corsAllowedOrigins has the site's origin.

    Streamlit would look up its external address first, which blocks the server for seconds. It does so for allowed
    origins too, so their Origin header is removed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        acts = scope["type"] == "websocket" or scope.get("method") == "POST"
        if acts and not own_origin(Headers(scope=scope)):
            if not allowed_origin(Headers(scope=scope)):
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                else:
                    await Response("Only pages of this app may send anything.", 403)(scope, receive, send)
                return
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"origin"]}
        await self.app(scope, receive, send)


def own_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server; browsers always send an origin, other programs need not."""
    try:
        return "origin" not in headers or urlsplit(headers["origin"]).netloc == headers.get("host")
    except ValueError:  # not an address
        return False


def allowed_origin(headers: Headers) -> bool:
    return not st.get_option("server.enableCORS") or headers["origin"] in st.get_option("server.corsAllowedOrigins")


class PagesFirst:
    """Pauses training for each message between a page and the server, so that pages stay fast."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            from pages.shared import services

            give_way = services.runner().give_way

            async def heard() -> Message:
                message = await receive()
                give_way()
                return message

            async def said(message: Message) -> None:
                await send(message)
                give_way()

            await self.app(scope, heard, said)
        else:
            await self.app(scope, receive, send)


class Additions:
    """Puts what pages/shared/preloads.py and pages/shared/dom.py have into the page that Streamlit serves, not into the
    API's.

    It has no ETag then and is never answered with 304, since they change while Streamlit's file does not.
    """

    DROPPED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of_page = scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")
        if not of_page or scope["path"].startswith(f"{base}/api/"):
            await self.app(scope, receive, send)
            return
        from pages.shared import dom, preloads

        early = preloads.tags(scope["path"].removeprefix(base).strip("/"))
        start: Message | None = None  # of a page
        page = b""

        async def answer(message: Message) -> None:
            nonlocal start, page
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if message["status"] == 200 and kind.startswith("text/html"):
                    start = message
                else:
                    await send(message)
            elif start is None:
                await send(message)
            else:
                page += message.get("body", b"")
                if not message.get("more_body"):
                    page = page.replace(b"</head>", f"{early}</head>".encode())
                    page = page.replace(b"</body>", f"{dom.ADDED}</body>".encode())
                    headers = MutableHeaders(raw=start["headers"])
                    for name in ("etag", "last-modified", "accept-ranges"):
                        del headers[name]
                    if page:  # none for HEAD
                        headers["content-length"] = str(len(page))
                    await send(start)
                    await send({"type": "http.response.body", "body": page})

        asked = [pair for pair in scope["headers"] if pair[0] not in self.DROPPED]
        await self.app({**scope, "headers": asked, "extensions": {}}, receive, answer)


def named_file() -> Path | None:
    """The file of predictions in `streamlit run app.py -- FILE`; None without one."""
    script, *arguments = sys.argv
    return Path(arguments[0]) if arguments and Path(script).resolve() == Path(__file__).resolve() else None


try:
    settings = read_settings()
    choose_devices(settings.device)
    named = named_file()
    table = read_table(named) if named else None
except CutoffError as error:  # one sentence before the server starts, instead of a traceback after its address
    sys.exit(str(error))

base_url = str(st.get_option("server.baseUrlPath")).strip("/")
here = Path(__file__).parent / "pages"
for_good = {"Cache-Control": "public, max-age=31536000, immutable"}  # for addresses that contain a version


def script(address: str, path: Path) -> Route:
    """The route of a script, only at the address with its version."""
    return Route(f"/{VERSION}/{address}", lambda _: FileResponse(path, headers=for_good))


base = f"/{base_url}" if base_url else ""


def kept_uploads() -> Uploads:
    from pages.shared import services

    return services.uploads()


assets = Mount(f"{base}/assets", routes=[*starmap(script, SCRIPTS.items())])
content = content_route(base)
most_bytes = settings.upload_mb << 20
receiving = Receiving(kept_uploads, most_bytes).route(base)
api = Mount(f"{base}/api", app=create_api(kept_uploads, settings.api_token, most_bytes, base))
middleware = [Middleware(one) for one in (OwnOriginOnly, PagesFirst, CompressedFiles, Additions)]

app = st.App(here / "shell.py", lifespan=lifespan, routes=[assets, content, receiving, api], middleware=middleware)
