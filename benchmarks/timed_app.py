"""The app itself, which also says at /ticks how many milliseconds each run of a fragment has taken on the server:
`streamlit run benchmarks/timed_app.py` from the root."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app import assets, content, lifespan, middleware

milliseconds: list[float] = []


class Timed:
    """Keeps the milliseconds from each request to run a fragment to the message that it has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        asked = 0.0

        async def heard() -> Message:
            nonlocal asked
            message = await receive()
            if BackMsg.FromString(message.get("bytes") or b"").HasField("rerun_script"):
                asked = perf_counter()
            return message

        async def said(message: Message) -> None:
            await send(message)
            said = ForwardMsg.FromString(message.get("bytes") or b"")
            if said.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                milliseconds.append((perf_counter() - asked) * 1e3)

        await self.app(scope, heard, said)


app = st.App(
    Path(__file__).parents[1] / "pages" / "shell.py",
    lifespan=lifespan,
    routes=[assets, content, Route("/ticks", lambda _: JSONResponse(milliseconds))],
    middleware=[Middleware(Timed), *middleware],
)
