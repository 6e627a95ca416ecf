"""A page with one word, which `empty_app.py` serves."""

from __future__ import annotations

import streamlit as st

st.text("Empty")
