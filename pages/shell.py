"""The script behind every page: what the browser tab says, the name, and the pages in the top bar."""

from __future__ import annotations

import streamlit as st

from pages.shared.services import runner

PAGES = (
    st.Page("train.py", title="Train", default=True),
    st.Page("thresholds.py", title="Thresholds", url_path="thresholds"),
    st.Page("losses.py", title="Losses", url_path="losses"),
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

# Streamlit draws white on the primary colour, which is nearly white in the dark theme. The slanted letters of a formula
# reach a pixel out of its box: that is no reason to scroll it.
STYLE = """
<style>
  [data-testid^="stBaseButton-primary"]:not(:disabled),
  [data-tag], [data-tag] * { color: light-dark(#ffffff, #11151a) }
  [data-testid="stCheckbox"] label[data-selected] svg, [data-tag] path { stroke: light-dark(#ffffff, #11151a) }
  [data-testid="stCheckbox"] label[data-selected] > div:not([data-testid]) > div,
  [data-testid="stRadioOption"][data-selected] > div > div > div { background: light-dark(#ffffff, #11151a) }
  [data-testid="stMarkdownContainer"] .katex-display { overflow: visible }
</style>
"""

st.set_page_config(page_title="Cutoff", page_icon=":material/content_cut:", layout="wide", initial_sidebar_state=340)
st.logo(LOGO, size="medium")
st.html(STYLE)
page = st.navigation(PAGES, position="top")
with runner().giving_way():
    page.run()
