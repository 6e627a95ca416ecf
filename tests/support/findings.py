"""The findings of checks on a page."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def codes(at: AppTest) -> set[str]:
    """The codes of the findings on the page, with which their tooltips end."""
    return {one.help.split()[-1] for one in at.caption if re.search(r"\*\*(Mistake|Caution|Note)\.\*\*", one.value)}
