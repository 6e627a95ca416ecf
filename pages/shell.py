"""The script behind every page: what the browser tab says, the name, and the pages in the top bar."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

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

# Streamlit draws white text on the primary colour, which is nearly white in the dark theme. Popovers don't inherit
# color-scheme, so light-dark() doesn't work in them. The slanted letters of a formula overflow its box by a pixel or
# two, which must not make it scroll. A tooltip can't be scrolled by keyboard, so it is as tall as its text.
STYLE = """
<style>
  :root { --on-primary: oklch(from currentcolor calc(9 - 15 * l) 0 0) } /* white beside dark text, black beside light */
  [data-testid^="stBaseButton-primary"]:not(:disabled), [data-tag] { color: var(--on-primary) }
  [data-tag] * { color: inherit }
  [data-tag] path { stroke: currentcolor }
  [data-testid="stCheckbox"] label[data-selected] svg { stroke: var(--on-primary) }
  [data-testid="stCheckbox"] label[data-selected] > div:not([data-testid]) > div,
  [data-testid="stRadioOption"][data-selected] > div > div > div { background: var(--on-primary) }
  [data-testid="stMarkdownContainer"] .katex-display.katex-display { overflow: visible; padding-inline: 3px }
  [data-testid="stTooltipContent"] { max-height: none }
</style>
"""

# Streamlit leaves the focus on the button that opens a popover, and the popover is at the end of the document, so a
# keyboard would reach it last. The popover takes the focus when it opens; Escape returns it.
FOCUS = """
<script>
  const focus = (button, tries) => setTimeout(() => {
    const opened = document.querySelector("[data-testid=stPopoverBody]");
    if (opened && button.ariaExpanded === "true") {
      opened.tabIndex = -1;
      opened.focus();
    }
    if (tries && !opened?.matches(":focus-within")) focus(button, tries - 1); // not yet in sight
  }, 50);
  const follow = ({ target }) => {
    const button = target.closest("[data-testid=stPopoverButton]");
    if (button) focus(button, 40);
  };
  document.popoversAreFollowed ??= !document.addEventListener("click", follow, { capture: true });
</script>
"""

st.set_page_config(page_title="Cutoff", page_icon=ICON, layout="wide", initial_sidebar_state=340)
st.logo(LOGO, size="medium")
st.html(STYLE)
st.html(FOCUS, unsafe_allow_javascript=True)
st.navigation(PAGES, position="top").run()
