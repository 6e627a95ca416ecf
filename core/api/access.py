"""Who may call the API: whoever sends the token."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 2**16  # of a body that is no file
PUBLIC = ("/docs", "/openapi.json")  # they say nothing of what is kept


class TokenOnly:
    """Passes on requests with the header `Authorization: Bearer TOKEN`, and those for documentation.

    Others get 401 before anything of their body is read. Without a token there is no API: everything gets 404.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self._expected = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._refusal(scope)
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if not self._expected:
            return JSONResponse({"detail": "There is no API here."}, 404)
        if scope["path"].removeprefix(scope.get("root_path", "")) in PUBLIC:
            return None
        given = Headers(scope=scope).get("authorization", "")
        if secrets.compare_digest(given.encode(), self._expected):
            return None
        sentence = "Send the token of this server in the header Authorization: Bearer TOKEN."
        return JSONResponse({"detail": sentence}, 401, {"WWW-Authenticate": "Bearer"})
