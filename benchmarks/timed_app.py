"""The app itself, which also says at /runs how many milliseconds each run of a fragment has taken on the server:
`streamlit run benchmarks/timed_app.py` from the root."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from app import Additions, PagesFirst, assets, content, lifespan

milliseconds: list[float] = []
run_script = ScriptRunner._run_script


def timed(runner: ScriptRunner, asked: RerunData) -> None:
    start = perf_counter()
    run_script(runner, asked)
    if asked.fragment_id_queue:
        milliseconds.append((perf_counter() - start) * 1e3)


ScriptRunner._run_script = timed  # type: ignore[method-assign, assignment]
app = st.App(
    Path(__file__).parents[1] / "pages" / "shell.py",
    lifespan=lifespan,
    routes=[assets, content, Route("/runs", lambda _: JSONResponse(milliseconds))],
    middleware=[Middleware(PagesFirst), Middleware(Additions)],
)
