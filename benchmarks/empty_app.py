"""The app's server with an empty page in it: `streamlit run benchmarks/empty_app.py` from the root."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app import CompressedFiles, PagesFirst, lifespan

app = st.App(
    Path(__file__).with_name("empty_page.py"),
    lifespan=lifespan,
    middleware=[Middleware(PagesFirst), Middleware(CompressedFiles)],
)
