"""The app whose only page is `explorer_page.py`: `streamlit run benchmarks/explorer_app.py` from the root."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import assets

app = st.App(Path(__file__).with_name("explorer_page.py"), routes=[assets])
