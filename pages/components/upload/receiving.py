"""The route that takes a file of predictions: its bytes go to a temporary file, which is read and deleted at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anyio import Semaphore, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.api.receiving import TooLarge, body_file
from core.data.tables import read_table
from core.errors import CutoffError
from core.predictions.uploads import Uploads

AT_ONCE = 2  # files that are read at the same time
STATUS_TOO_LARGE, STATUS_UNREADABLE = 413, 422


class Receiving:
    """Takes files of at most `most_bytes` into a store."""

    def __init__(self, uploads: Callable[[], Uploads], most_bytes: int) -> None:
        self._uploads = uploads
        self._most_bytes = most_bytes
        self._turn: Semaphore | None = None

    async def take(self, request: Request) -> Response:
        """Answer a POST of a file's bytes, named by ?name=, with {"id": ...} or {"error": a sentence}."""
        self._turn = self._turn or Semaphore(AT_ONCE)
        try:
            async with body_file(request, self._most_bytes) as path, self._turn:
                upload = await to_thread.run_sync(self._read, path, request.query_params.get("name", ""))
        except ClientDisconnect:
            return Response(status_code=499)
        except CutoffError as error:
            status = STATUS_TOO_LARGE if isinstance(error, TooLarge) else STATUS_UNREADABLE
            return JSONResponse({"error": str(error)}, status)
        return JSONResponse({"id": upload}, headers={"Cache-Control": "no-store"})

    def _read(self, path: Path, name: str) -> str:
        return self._uploads().add(read_table(path), name).id

    def route(self, base: str = "") -> Route:
        """Serves POST /uploads; `base` is the path that the server is hosted under, as in "/cutoff", or empty."""
        return Route(f"{base}/uploads", self.take, methods=["POST"])
