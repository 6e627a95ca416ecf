"""Race page: what several test files share."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def link(at: AppTest, name: str = "variants") -> str:
    """The variants in the URL, or its "sweep"."""
    found = at.query_params[name]
    return found if isinstance(found, str) else found[0]


def edited(at: AppTest) -> Any:
    """The control that says which variant is edited; its key changes with the names of the variants."""
    (found,) = [one for kind in (at.radio, at.selectbox) for one in kind if one.label == "Variant to edit"]
    return found
