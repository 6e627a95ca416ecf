"""The services that all sessions share, built once per process."""

from __future__ import annotations

import streamlit as st

from core.runner import Runner


@st.cache_resource(show_spinner=False, on_release=Runner.close)
def runner() -> Runner:
    """The one runner; `runner.clear()` closes it, and the next call builds another."""
    return Runner()
