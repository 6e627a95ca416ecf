"""What figures of the race are given in tests, and how their numbers are read back."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.utils import PlotlyJSONEncoder

from core.plots.race import Line, Sweep
from core.plots.style import variant_colour, variant_dash

LIMIT = 60_000  # bytes that a page may send at a tick
NOTHING = np.empty(0)


def some_lines(n: int) -> list[Line]:
    return [Line(f"pos_weight {k + 1}", variant_colour(k, n), variant_dash(k, n)) for k in range(n)]


def some_losses(n: int, seeds: int, epochs: int, seed: int = 0) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [[np.exp(-np.arange(epochs) / 20) + rng.random(epochs) for _ in range(seeds)] for _ in range(n)]


def a_sweep(n: int) -> Sweep:
    return Sweep("pos_weight", list(np.geomspace(1, 100, n)), log=True)


def numbers(spec: Any) -> np.ndarray:
    """What plotly.js reads of a packed array."""
    if not isinstance(spec, dict):
        return np.asarray(spec, float)
    values = np.frombuffer(base64.b64decode(spec["bdata"]), f"<{spec['dtype']}")
    return values.reshape([int(size) for size in spec["shape"].split(",")]) if "shape" in spec else values


def bytes_of(spec: dict[str, Any]) -> int:
    return len(json.dumps(spec, cls=PlotlyJSONEncoder, separators=(",", ":")))


def taken(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure, once plotly has found every trace, attribute and value in it valid."""
    go.Figure(spec)
    return spec


def of(spec: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return [trace for trace in spec["data"] if what in (trace.get("meta"), trace.get("name"), trace["type"])]
