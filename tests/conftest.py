"""What several test files share: the pages without a browser, figures read back from them, a real server."""

from __future__ import annotations

import base64
import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from streamlit.testing.v1 import AppTest

from core.errors import CutoffError
from core.evaluation import ThresholdCounts
from core.experiment.config import Experiment, RunConfig, Variant
from core.training.runs import Run
from pages.shared import state

ROOT = Path(__file__).parents[1]
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")
torch.set_num_threads(1)  # as the runner does: two threads stall each other when another core is busy


@pytest.fixture(scope="session")
def shared_services() -> Iterator[None]:
    """The services that tests share are closed after the last of them."""
    from pages.shared import services

    yield
    services.close()


@pytest.fixture
def app_test(shared_services: None) -> Iterator[AppTest]:
    """The whole app, not yet run: set `query_params` and `session_state`, then `run()` or `open_page()`.

    Its browser has already drawn a first picture, so a page is drawn whole at once.
    Its services serve the tests after this one too; what this one leaves in training is stopped.
    """
    at = new_session()
    yield at
    stop_training(at)


def new_session() -> AppTest:
    """A session of the whole app, not yet run, whose browser has drawn a first picture: each page is drawn whole."""
    at = AppTest.from_file(ROOT / "pages" / "shell.py", default_timeout=60)
    at.session_state[state.PAINTED.name] = True
    return at


def stop_training(at: AppTest) -> None:
    """Stop what a session still trains, and wait until it has ended."""
    from pages.shared import services

    known = at.session_state["jobs"] if "jobs" in at.session_state else []  # noqa: SIM401 - it has no get()
    for name in known:
        services.runner().cancel(name)
        with suppress(CutoffError):  # it is not kept any more
            services.runner().wait(name)


@pytest.fixture
def own_services() -> Iterator[None]:
    """The test has services and caches of its own, built when it first needs them, from what it has patched by then."""
    import streamlit as st

    from pages.shared import services

    services.close()
    yield
    services.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch, own_services: None) -> None:
    """Every run of this test ends at once, without an epoch."""
    from pages.shared import services

    monkeypatch.setattr(services, "train_in_turns", lambda configs, devices: iter(()))


def confusion(counts: ThresholdCounts) -> np.ndarray:
    """The counts as scikit-learn lays them out, (..., 2, 2): [[tn, fp], [fn, tp]]."""
    return np.stack([counts.tn, counts.fp, counts.fn, counts.tp], axis=-1).reshape(*counts.tp.shape, 2, 2)


def open_page(at: AppTest, name: str) -> AppTest:
    """Open the page in pages/<name>/."""
    return at.switch_page(f"{name}/{name}.py").run()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as the condition holds; fail the test when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.005)


def experiment(*configs: RunConfig) -> Experiment:
    """Each configuration as a variant, with the seed of the first."""
    variants = tuple(Variant(name=f"variant {i}", config=config) for i, config in enumerate(configs, 1))
    return Experiment(variants=variants, seeds=(configs[0].seed,))


def current_run(at: AppTest) -> Run:
    """The run that the session looks at, as it is now."""
    from pages.shared import services

    return services.runner().job(at.session_state["job"]).runs[0]


def trained(at: AppTest) -> Run:
    """The run once it has ended, and the page as it then is."""
    until(lambda: current_run(at).ended)
    at.run()
    return current_run(at)


def sentences(at: AppTest) -> list[str]:
    """What the page complains of, sentence by sentence; a page that broke fails the test."""
    assert not at.exception
    shown = (unescaped(box.value) for box in (*at.warning, *at.error))
    return [line for text in shown for line in text.split("\n\n")]


def unescaped(markdown: str) -> str:
    """What `text.plain` was given."""
    return re.sub(r"\\(\W|_)", r"\1", markdown).replace("\u2060", "")


def control(at: AppTest, key: str) -> Any:
    """The widget of this key, whatever its kind."""
    kinds = ("selectbox", "number_input", "slider", "segmented_control", "radio", "toggle")
    (found,) = [one for kind in kinds for one in at.get(kind) if one.key == key]
    return found


def choose(at: AppTest, key: str, value: object) -> AppTest:
    """Set the widget of this key and run."""
    return control(at, key).set_value(value).run()


def button(at: AppTest, label: str) -> Any:
    (found,) = [one for one in at.button if one.label == label]
    return found


def press(at: AppTest, label: str) -> AppTest:
    """Press the button of this label and run."""
    return button(at, label).click().run()


def figure_of(at: AppTest, key: str) -> dict[str, Any]:
    """The figure that `live_figure(key=key)` shows, as a dict of plotly's data and layout, arrays decoded."""
    figure: dict[str, Any] = decoded(sent(at, key)["figure"])
    return figure


def sent(at: AppTest, key: str) -> dict[str, Any]:
    """What `live_figure(key=key)` sends to the browser."""
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    message: dict[str, Any] = json.loads(zlib.decompress(element.proto.bytes))
    return message


def drawn(at: AppTest, key: str = "picture") -> dict[str, Any]:
    """What the picture, or another component, sends to the browser, arrays decoded."""
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    message: dict[str, Any] = decoded(json.loads(element.proto.json))
    return message


def act(
    at: AppTest,
    kind: str,
    value: float | str | None = None,
    key: str = "picture",
    column: int | None = None,
    moved: float | str | None = None,
) -> AppTest:
    """Do in the picture what its script sends word of ("drag", "type", "share", "save", "undo"), and run; `column` is
    the class or label that was moved where all are shown, `moved` where a threshold went that had not come to rest."""
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    now = json.loads(element.proto.json)
    told = {
        "of": now["of"],
        "threshold_of": now["threshold_of"],
        "serial": now["serial"] + 1,
        "kind": kind,
        "value": value,
        "moved": moved,
        "column": column,
    }
    return tell(at, key, "acts", [told])


def tell(at: AppTest, key: str, event: str, value: Any) -> AppTest:
    """Run as when the script of a component has said this."""
    (element,) = [element for element in at.get("bidi_component") if element.key == key]
    states = at._tree.get_widget_states()  # an AppTest has no component to click on
    states.widgets.add(
        id=f"$$STREAMLIT_INTERNAL_KEY_{element.proto.id}__events",
        json_trigger_value=json.dumps([{"event": event, "value": value}]),
    )
    return at._run(states)


def decoded(value: Any) -> Any:
    """Plotly's JSON with its base64 arrays as numpy arrays."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "bdata" not in value:
        return {name: decoded(item) for name, item in value.items()}
    array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    return array.reshape([int(n) for n in str(value.get("shape", array.size)).split(",")])
