"""What the benchmarks share: a header, a paired timing, and the line a goal ends in."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Paired(NamedTuple):
    """Medians over the repeats: seconds of either side, and the ratio of each repeat's two sides."""

    slow: float
    fast: float
    ratio: float


def header(*packages: str) -> None:
    """Print when and on what this runs, with the versions of the packages that are compared."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_processor()}, {platform.system()}")
    print(f"Python {platform.python_version()}, {versions}")


def paired_ratio(slow: Callable[[], object], fast: Callable[[], object], repeats: int, times: int = 1) -> Paired:
    """Time both sides in turn, `repeats` times over, so that what slows the machine down slows both.

    `times` is how often the fast side runs in one repeat, when one run of it is too short for the clock; it
    counts as their mean. A side that returns a float has timed itself, in seconds.
    """
    pairs = [(seconds_of(slow), seconds_of(fast, times)) for _ in range(repeats)]
    slow_seconds, fast_seconds = zip(*pairs, strict=True)
    return Paired(median(slow_seconds), median(fast_seconds), median(slow / fast for slow, fast in pairs))


def report(name: str, value: float, goal: float, at_most: bool = False) -> bool:
    """Print `goal <name>: <value> (>= <goal>) ok`, or `short` when the value misses it; (<= ...) with at_most."""
    met = value <= goal if at_most else value >= goal
    print(f"goal {name}: {value:.4g} ({'<=' if at_most else '>='} {goal:g}) {'ok' if met else 'short'}")
    return met


def seconds_of(function: Callable[[], object], times: int = 1) -> float:
    """Mean seconds of so many calls, or what the function says of itself if it returns a float."""
    start = perf_counter()
    for _ in range(times):
        own = function()
    return own if isinstance(own, float) else (perf_counter() - start) / times


def _processor() -> str:
    """The processor's name, its cores and its widest vectors, which decide how fast numpy sorts."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    cores = sum(line.startswith("processor") for line in lines)
    flags = fields.get("flags", "").split()
    widest = next((flag for flag in ("avx512f", "avx2") if flag in flags), "")
    return " ".join(filter(None, [fields.get("model name", platform.processor()), f"{cores} cores", widest]))
