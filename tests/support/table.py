"""All classes or labels as the picture shows them, for tests without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.conftest import act, drawn
from tests.support.workbench_page import filmed


def table_of(at: AppTest) -> dict[str, Any]:
    """What the table is drawn from: the film, and the message that changes with thresholds."""
    found = filmed(at)
    assert found["kind"] in ("classes", "labels")
    return found | drawn(at)


def moment(at: AppTest, epoch: int = -1) -> dict[str, Any]:
    """What the thresholds decide at a kept epoch by its place, by default the last: counts (C,), totals, undefined ones
    as NaN, and the matrix (K, K + 1) of classes."""
    table = table_of(at)
    assert len(table["moments"]) == len(table["frames"])
    sent = table["moments"][epoch]
    found = {name: np.array(sent[name]) for name in ("tp", "fp", "fn")}
    if sent["matrix"]:
        classes = len(table["names"])
        found["matrix"] = np.zeros((classes, classes + 1))
        found["matrix"].ravel()[sent["matrix"]["places"]] = sent["matrix"]["rows"]
    return found | {"totals": defined(sent["totals"])}


def totals(at: AppTest) -> dict[str, float]:
    found: dict[str, float] = moment(at)["totals"]
    return found


def defined(numbers: dict[str, float | None]) -> dict[str, float]:
    """Numbers with NaN where nothing is sent."""
    return {name: np.nan if value is None else value for name, value in numbers.items()}


def metric_of(at: AppTest, name: str) -> np.ndarray:
    """Precision, recall or F1 of every row, NaN where undefined."""
    now = moment(at)
    tp, fp, fn = (now[side].astype(float) for side in ("tp", "fp", "fn"))
    top, bottom = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}[name]
    return np.divide(top, bottom, out=np.full(len(tp), np.nan), where=bottom > 0)


def move(at: AppTest, index: int, threshold: float) -> AppTest:
    """Release the threshold of a row, and run."""
    return act(at, "drag", threshold, column=index)


def open_alone(at: AppTest, index: int) -> AppTest:
    """Press the name of a row, and run: the picture is of this class or label alone."""
    return act(at, "open", index)
