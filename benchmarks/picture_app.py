"""The app whose only page is `picture_page.py`: `streamlit run benchmarks/picture_app.py` from the root."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import assets, content

app = st.App(Path(__file__).with_name("picture_page.py"), routes=[assets, content])
