"""What sends a file of predictions to the server, as `receiving` takes it, and says under which id it is kept."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.data.tables import TYPES
from pages.components.scripts import loader

_anywhere = st.components.v2.component(
    "upload_anywhere",
    html="""
      <div class="drop" hidden>Drop the file to open its predictions</div>
      <div class="note sending" role="status" hidden>
        <p></p><progress max="1" aria-label="Sent"></progress><button class="stop" type="button">Stop</button>
      </div>
      <div class="note failed" role="alert" hidden><p></p><button class="close" type="button">Close</button></div>
      <p class="missing"></p>
    """,
    js=loader("upload/upload", "The upload of files", ".missing", "anywhere"),
)
_chooser = st.components.v2.component(
    "upload_chooser",
    html="""
      <div class="choose">
        <button type="button">Choose a file, or drop one anywhere
          <small></small></button>
        <input type="file" hidden>
        <textarea rows="1" placeholder="… or paste a table here" aria-label="Paste a table"></textarea>
      </div>
      <p class="missing"></p>
    """,
    js=loader("upload/upload", "The choice of a file", ".missing", "chooser"),
)


def upload_anywhere(*, most_bytes: int, on_opened: Callable[[str], None], key: str) -> None:
    """Take a file that is dropped, or a table that is pasted, anywhere on the page; shows how much has been sent.

    most_bytes : of a file. on_opened : called with the id under which it is kept, before the rerun.
    """

    def opened() -> None:
        if name := st.session_state[key].get("opened"):
            on_opened(str(name))

    _anywhere(key=key, data={"most": most_bytes}, on_opened_change=opened)


def upload_chooser(*, key: str, label: str = "File of predictions", columns: str = "labels and scores") -> None:
    """A button that asks for a file and a field to paste a table into; `upload_anywhere` sends what is chosen.

    label : of the file, for screen readers. columns : what the file has.
    """
    _chooser(key=key, data={"types": list(TYPES), "label": label, "columns": columns})
