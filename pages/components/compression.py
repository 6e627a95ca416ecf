"""gzip: who gets it, and files compressed once instead of at every request."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WORTHWHILE = 0.9  # a file is served compressed where that takes less than this part of its bytes
CHUNK = 2**16  # bytes


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip, by name or as "*" (RFC 9110, 12.5.3)."""
    weights = {}
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = weight
    weight = weights.get("gzip", weights.get("*", "q=0"))
    return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)


def compress(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0)


class CompressedFiles:
    """Serves files compressed to those who accept gzip. Streamlit sends its own files uncompressed, and would compress
    those of routes at every request.

    A file is compressed when it is first asked for, kept in memory, and compressed again after its ETag has changed.
    Files that don't shrink, ranges, answers to HEAD and everything that is no file are sent as before.

    Thanks to the ASGI extension "http.response.pathsend" a FileResponse says which file it is of instead of sending it.
    A compressed file has the file's ETag as a weak one: Starlette takes it for the file's own in If-None-Match.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[str, tuple[str, bytes | None]] = {}  # path -> ETag, and the compressed file if that is shorter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        start: Message | None = None  # waits for the message after it, which tells whether this is a file

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                headers = MutableHeaders(raw=start["headers"])
                weak = f"W/{headers.get('etag')}"
                if start["status"] == 304 and weak in asked.get("if-none-match", ""):  # it has the compressed file
                    headers.add_vary_header("Accept-Encoding")
                    headers["etag"] = weak
            elif start and message["type"] == "http.response.pathsend":
                await self._send_file(message["path"], start, asked, send)
            else:
                if start:
                    await send(start)
                    start = None
                await send(message)

        extensions = (scope.get("extensions") or {}) | {"http.response.pathsend": {}}
        await self.app({**scope, "extensions": extensions}, receive, answer)

    async def _send_file(self, path: str, start: Message, asked: Headers, send: Send) -> None:
        headers = MutableHeaders(raw=start["headers"])
        compressed = await self._compressed(path, headers["etag"])
        if compressed is not None:
            headers.add_vary_header("Accept-Encoding")
        if compressed is None or not accepts_gzip(asked.get("accept-encoding", "")):
            await send(start)
            with await run_in_threadpool(open, path, "rb") as file:
                while chunk := await run_in_threadpool(file.read, CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
            return
        headers["etag"] = f"W/{headers['etag']}"
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(compressed))
        del headers["accept-ranges"]  # a range would be one of the file
        await send(start)
        await send({"type": "http.response.body", "body": compressed})

    async def _compressed(self, path: str, etag: str) -> bytes | None:
        """The file compressed; None if that saves little."""
        kept_etag, compressed = self._kept.get(path, ("", None))
        if kept_etag != etag:
            compressed = await run_in_threadpool(_compressed_file, path)
            self._kept[path] = etag, compressed
        return compressed


def _compressed_file(path: str) -> bytes | None:
    content = Path(path).read_bytes()
    compressed = compress(content)
    return compressed if len(compressed) < WORTHWHILE * len(content) else None
