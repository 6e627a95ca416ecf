"""What a route of Starlette answers, without a server."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import Message


def fetched(route: BaseRoute, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Headers, bytes]:
    """Status, headers and body of what a GET gets."""
    answers: list[Message] = []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "root_path": ""}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    async def get() -> None:
        await Starlette(routes=[route])(scope, receive, send)

    with ThreadPoolExecutor() as thread:
        thread.submit(anyio.run, get).result()
    start, *parts = answers
    return start["status"], Headers(raw=start["headers"]), b"".join(part.get("body", b"") for part in parts)
