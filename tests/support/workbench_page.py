"""The Workbench without a browser: what several test files share."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.training.runs import Run
from pages.components.content import store
from pages.shared import services
from tests.conftest import current_run, decoded, drawn, sentences, until


def marks(at: AppTest) -> dict[str, dict[str, Any]]:
    """The thresholds in the picture by role."""
    return {mark["role"]: mark for mark in drawn(at)["marks"]}


def filmed(at: AppTest, address: str = "") -> dict[str, Any]:
    """The film in the picture, or at another address, which the browser fetches by its address, arrays decoded."""
    content = store.compressed(address or drawn(at)["address"])
    assert content is not None
    found: dict[str, Any] = decoded(json.loads(gzip.decompress(content)))
    return found


def counted(steps: list[int] | np.ndarray) -> np.ndarray:
    """Counts at ascending thresholds, from the steps that are sent; weights are sent as they are."""
    return steps if isinstance(steps, np.ndarray) else np.cumsum(steps)[::-1]


def shown_run(at: AppTest) -> Run:
    """The run in the picture."""
    name = drawn(at)["of"].split()[0]
    return next(run for run in services.runner().job(name.partition("-")[0]).runs if run.id == name)


def trained_again(at: AppTest) -> Run:
    """The run that the session has just started, once it has ended and is drawn."""
    until(lambda: current_run(at).ended)
    at.run()
    assert not at.exception
    assert not sentences(at)
    return current_run(at)


@contextmanager
def opened(at: AppTest, popover: str) -> Iterator[None]:
    """Open a popover by its key, as "part.loss" of the recipe; closes it at the end."""
    at.session_state[popover] = True
    at.run()
    yield
    at.session_state[popover] = False
    at.run()


def choose_in(at: AppTest, part: str, label: str, value: object) -> None:
    """Set the control of this label in a popover of the recipe."""
    with opened(at, f"part.{part}"):
        controls = [*at.selectbox, *at.number_input, *at.slider, *at.checkbox]
        next(one for one in controls if one.label == label and one.key.startswith("recipe.")).set_value(value).run()
