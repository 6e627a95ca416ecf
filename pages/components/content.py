"""Large data for components, served by the hash of its content: a browser fetches it once and keeps it for good.

Kept in memory up to a number of bytes, compressed once; what was not asked for longest goes first. A component that
finds nothing under an address asks the script for it, which keeps it again.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from hashlib import sha256
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.compression import accepts_gzip, compress

BYTES = 64 * 2**20
HEADERS = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


class ContentStore:
    """JSON texts by their address, at most `most` compressed bytes, but always the one kept last."""

    def __init__(self, most: int = BYTES) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def keep(self, content: bytes) -> str:
        """Keep a text, and return its address, the SHA-256 of the text in hexadecimal."""
        address = sha256(content).hexdigest()
        with self._lock:
            if address in self._kept:
                self._kept.move_to_end(address)
                return address
        compressed = compress(content)
        with self._lock:
            if address not in self._kept:
                self._kept[address] = compressed
                self._size += len(compressed)
            while self._size > self._most and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return address

    def compressed(self, address: str) -> bytes | None:
        """The text of an address as gzip has it; None if it is not kept."""
        with self._lock:
            if address in self._kept:
                self._kept.move_to_end(address)
            return self._kept.get(address)


store = ContentStore()


def _serve(request: Request) -> Response:
    compressed = store.compressed(request.path_params["address"])
    if compressed is None:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(compressed, media_type="application/json", headers=HEADERS | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(compressed), media_type="application/json", headers=HEADERS)


def content_route(base: str = "") -> Route:
    """Serves what is kept in `store`; `base` is the path that the server is hosted under, as in "/cutoff", or empty."""
    return Route(f"{base}/data/{{address}}", _serve)
