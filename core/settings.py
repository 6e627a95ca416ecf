"""What the environment may set. Each has a default that works on a laptop; the README lists them all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from core.errors import CutoffError


def setting(default: str | int, help: str) -> Any:
    """A field with its one-line explanation; the environment variable is CUTOFF_ and the name in capitals."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    """One value per environment variable."""

    device: str = setting("auto", "where models train: auto, cpu, cuda or cuda:N")
    max_active_runs: int = setting(2, "experiments that train at the same time, in turns")
    max_queued: int = setting(20, "experiments that may wait; one more is refused")
    run_seconds: int = setting(600, "seconds after its start at which an experiment is stopped")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int) and value < 1:
                raise CutoffError(f"Expected CUTOFF_{item.name.upper()} to be at least 1, but got {value}.")


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; raises CutoffError when a number is not one."""
    chosen: dict[str, Any] = {}
    for item in fields(Settings):
        name = f"CUTOFF_{item.name.upper()}"
        if name not in environment:
            continue
        text = environment[name].strip()
        if isinstance(item.default, int):
            try:
                chosen[item.name] = int(text)
            except ValueError:
                raise CutoffError(f"Expected {name} to be a whole number, but got {text!r}.") from None
        else:
            chosen[item.name] = text
    return Settings(**chosen)
