"""What the environment may set. Each has a default that works on a laptop; the README lists them all."""

from __future__ import annotations

import difflib
import os

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import CutoffError

PREFIX = "CUTOFF_"


class Settings(BaseSettings):
    """One field per environment variable: CUTOFF_ and the field's name in capitals.

    To add a setting, add a field with its default, range and one-line description here, and a line to the README.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, case_sensitive=False, str_strip_whitespace=True, frozen=True, extra="forbid"
    )

    device: str = Field("auto", description="where models train: auto, cpu, cuda or cuda:N")
    max_active_runs: int = Field(2, ge=1, description="experiments that train at the same time, in turns")
    max_queued: int = Field(20, ge=1, description="experiments that may wait; one more is refused")
    run_seconds: int = Field(600, ge=1, description="seconds after its start at which an experiment is stopped")
    max_scores: int = Field(
        16_000_000, ge=1, description="scores (runs x rows x outputs) of one experiment; one with more is refused"
    )
    kept_mb: int = Field(
        128, ge=1, description="megabytes that the scores of finished experiments may take; the oldest go first"
    )
    chromium: str = Field(
        "chromium", description="the browser of the browser tests and benchmarks: a name on the PATH or a path"
    )


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def read_settings() -> Settings:
    """Settings from the environment.

    Raises CutoffError with a sentence for every value that can't be used and every CUTOFF_ variable that is not one.
    """
    known = [variable(name) for name in Settings.model_fields]
    given = sorted(name.upper() for name in os.environ if name.upper().startswith(PREFIX))
    problems = [_unknown(name, known) for name in given if name not in known]
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [_refusal(str(one["loc"][0]), str(one["input"])) for one in error.errors()]
    if problems:
        raise CutoffError(" ".join(problems))
    return settings


def _unknown(name: str, known: list[str]) -> str:
    """The sentence on a variable that is no setting."""
    close = difflib.get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1)
    meant = f"Did you mean {PREFIX}{close[0]}?" if close else f"There are {', '.join(known)}."
    return f"{name} is not a setting. {meant}"


def _refusal(name: str, got: str) -> str:
    """The sentence on a value that the field does not allow."""
    field = Settings.model_fields[name]
    limits = {limit: getattr(item, limit) for item in field.metadata for limit in ("ge", "le") if hasattr(item, limit)}
    wanted = "a whole number" if field.annotation is int else "a number"
    if len(limits) == 2:
        wanted += f" from {limits['ge']} to {limits['le']}"
    elif limits:
        wanted += f" of at least {limits['ge']}" if "ge" in limits else f" of at most {limits['le']}"
    return f"Expected {variable(name)} to be {wanted}, but got {got!r}."
