"""What an application or a route of Starlette answers, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message


def fetched(route: BaseRoute, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Headers, bytes]:
    """Status, headers and body of what a GET gets."""
    return answered(Starlette(routes=[route]), path, headers)


def posted(
    route: BaseRoute, path: str, body: Sequence[bytes], headers: Mapping[str, str] | None = None, query: str = ""
) -> tuple[int, Headers, bytes]:
    """Status, headers and body of what a POST of these chunks gets."""
    return answered(Starlette(routes=[route]), path, headers, "POST", body, query)


def answered(
    app: ASGIApp,
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: Sequence[bytes] = (),
    query: str = "",
) -> tuple[int, Headers, bytes]:
    """Status, headers and body of what an application answers."""
    answers: list[Message] = []
    chunks = list(body)
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "root_path": ""}
    scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    async def receive() -> Message:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        answers.append(message)

    async def ask() -> None:
        await app(scope, receive, send)

    with ThreadPoolExecutor() as thread:
        thread.submit(anyio.run, ask).result()
    start, *parts = answers
    return start["status"], Headers(raw=start["headers"]), b"".join(part.get("body", b"") for part in parts)
