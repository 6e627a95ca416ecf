"""The link to what is shown, to be copied."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.shared import state


def show() -> None:
    """A popover with the link: recipe, run, current and saved thresholds, payoffs."""
    popover = st.popover("Share", key=state.SHARING.name, on_change="rerun")
    if popover.open:
        with popover:
            address = urlsplit(str(st.context.url or ""))
            link = urlunsplit(address._replace(query=urlencode(st.query_params.to_dict()), fragment=""))
            st.code(link, language=None, wrap_lines=True)
            st.caption(
                "The link holds the recipe, the run, its thresholds and your payoffs. A run that is gone trains again."
            )
