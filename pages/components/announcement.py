"""A sentence for those who cannot see the page: screen readers say it when it changes."""

from __future__ import annotations

import streamlit as st

CSS = "p { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%) }"
JS = """
export default function ({ data, parentElement }) {
  const said = parentElement.querySelector("p");
  if (said.textContent !== data) said.textContent = data;
}
"""
_component = st.components.v2.component("announcement", html='<p role="status"></p>', css=CSS, js=JS)


def announcement(sentence: str, *, key: str) -> None:
    """Let screen readers say `sentence`, when they have said what they are at, each time that it is another one.

    Draw it with an empty sentence before there is one: a place that comes with its sentence is not heard.
    """
    _component(key=key, data=sentence, width=1, height=1)
