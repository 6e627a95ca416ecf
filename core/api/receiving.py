"""The body of a request as a temporary file, so that no upload is held in memory."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.requests import Request

from core.errors import CutoffError


class TooLarge(CutoffError):
    """A body of more bytes than are allowed."""


@asynccontextmanager
async def body_file(request: Request, most_bytes: int) -> AsyncIterator[Path]:
    """The body of a request in a file that is deleted at the end.

    Raises TooLarge as soon as it has more than `most_bytes`, and ClientDisconnect if it ends early.
    """
    too_large = TooLarge(f"The file is larger than {most_bytes >> 20:,} MB, the limit here.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_large
    with tempfile.NamedTemporaryFile(prefix="cutoff-") as file:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most_bytes:
                raise too_large
            file.write(chunk)
        file.flush()
        yield Path(file.name)
