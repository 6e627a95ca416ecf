"""What the rows of all classes or labels send to the browser and hear from it, for tests without one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

CLASSES, LABELS = "all_classes", "all_labels"


def rows_of(at: AppTest, key: str) -> dict[str, Any]:
    """What `threshold_column(key=key)` sends: head, arrays and what follows them; undefined totals as NaN."""
    message = bulk_of(at, key)
    size = int.from_bytes(message[:4], "little")
    head: dict[str, Any] = json.loads(message[4 : 4 + size])
    at_byte = 4 + size
    for name, kind, length in head["arrays"]:
        head[name] = np.frombuffer(message, f"<{kind}", length, at_byte)
        at_byte += head[name].nbytes
    assert at_byte == len(message)
    news = json.loads(_element(at, f"{key}_now").proto.json)
    assert (head["name"], head["of"]) == (news["name"], news["of"])
    head |= news
    for totals in ("now", "before"):
        head[totals] = {name: np.nan if value is None else value for name, value in head[totals].items()}
    return head


def bulk_of(at: AppTest, key: str) -> bytes:
    """What it sends once: that which stays while thresholds move."""
    message: bytes = _element(at, key).proto.bytes
    return message


def column(at: AppTest, key: str, name: str) -> np.ndarray:
    """A number of every row, NaN where it is undefined."""
    return np.array([row[name] for row in rows_of(at, key)["columns"]], dtype=float)


def move(at: AppTest, key: str, index: int, threshold: float, of: str = "") -> AppTest:
    """Release the threshold of a row there, which is `of` the scores that are shown or of others, and run."""
    shown = rows_of(at, key)
    given = {
        "of": of or shown["of"],
        "column": index,
        "threshold": threshold,
        "how": "dragged",
        "serial": shown["answered"] + 1,
    }
    return _tell(at, key, "moved", given)


def choose_row(at: AppTest, key: str, index: int) -> AppTest:
    """Click the name of a row, and run."""
    return _tell(at, key, "chosen", index)


def _element(at: AppTest, key: str) -> Any:
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    return element


def _tell(at: AppTest, key: str, event: str, value: object) -> AppTest:
    follower = _element(at, f"{key}_now")
    states = at._tree.get_widget_states()  # an AppTest has no component to click on
    states.widgets.add(
        id=f"$$STREAMLIT_INTERNAL_KEY_{follower.proto.id}__events",
        json_trigger_value=json.dumps([{"event": event, "value": value}]),
    )
    return at._run(states)
