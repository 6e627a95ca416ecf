"""The script behind every page: what the browser tab says, the name, and the pages in the top bar."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from pages.shared import dom, state

PAGES = (
    st.Page("workbench/workbench.py", title="Workbench", default=True),
    st.Page("compare/compare.py", title="Compare"),
    st.Page("losses/losses.py", title="Losses"),
)

# The name, as an image because Streamlit's bar takes no text. An image follows the theme's color-scheme.
LOGO = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 62 24" width="62" height="24">
  <style>
    text { font: 700 19px "Source Sans 3", "Source Sans Pro", system-ui, sans-serif; fill: #14181c }
    @media (prefers-color-scheme: dark) { text { fill: #e8ecef } }
  </style>
  <text y="18" textLength="60" lengthAdjust="spacingAndGlyphs">Cutoff</text>
</svg>
"""

# Scores of both classes, separated by a threshold. Streamlit's own icons would be fetched from another server.
ICON = "data:image/svg+xml," + quote("""
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
  <path d="M1 15V7h3v8zM4 15v-5h3v5z" fill="#c77700"/>
  <path d="M9 15v-4h3v4zM12 15V5h3v10z" fill="#0b6fb8"/>
  <path d="M7 1h2v14H7z" fill="#808a94"/>
</svg>
""")

st.set_page_config(page_title="Cutoff", page_icon=ICON, layout="wide")
st.logo(LOGO, size="medium")
page = st.navigation(PAGES, position="top")
state.WENT_BACK.set(dom.went_back())
page.run()
