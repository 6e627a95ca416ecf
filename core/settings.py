"""Settings read from environment variables. The defaults suit a laptop; the README lists all settings."""

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
    max_active_runs: int = Field(2, ge=1, description="experiments that train at the same time, taking turns")
    max_queued: int = Field(20, ge=1, description="experiments that can wait in the queue; any more are refused")
    run_seconds: int = Field(600, ge=1, description="seconds after its start at which an experiment is stopped")
    max_scores: int = Field(
        16_000_000,
        ge=1,
        description="scores (runs x rows x outputs) that an experiment may have; a larger one is refused",
    )
    kept_mb: int = Field(
        128,
        ge=1,
        description="megabytes for the scores of finished experiments; the oldest are dropped first",
    )
    upload_mb: int = Field(
        512, ge=1, description="megabytes that a file of predictions may have; a larger one is refused"
    )
    uploads_mb: int = Field(
        1024,
        ge=1,
        description="megabytes for all opened files; those that nobody has looked at longest are deleted first",
    )
    upload_minutes: int = Field(
        30, ge=1, description="minutes after which an opened file is deleted, if nobody has looked at it"
    )
    api_token: str = Field("", description="token that callers of the API must send; without one there is no API")
    url: str = Field("", description="address of a running app that explore() uses; without one it starts its own")
    chromium: str = Field(
        "chromium", description="browser for the browser tests and benchmarks: a name on the PATH, or a path"
    )


def variable(name: str) -> str:
    """The name of a setting's environment variable."""
    return PREFIX + name.upper()


def read_settings() -> Settings:
    """Read the settings from the environment.

    Returns
    -------
    settings : the settings, with defaults for variables that are not set.

    Raises
    ------
    CutoffError
        If a value is invalid or a CUTOFF_ variable is unknown, with one sentence for each of them.
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
    """The error message for an unknown variable."""
    close = difflib.get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1)
    meant = f"Did you mean {PREFIX}{close[0]}?" if close else f"The settings are {', '.join(known)}."
    return f"{name} is not a setting. {meant}"


def _refusal(name: str, got: str) -> str:
    """The error message for a value that is not allowed."""
    field = Settings.model_fields[name]
    limits = {limit: getattr(item, limit) for item in field.metadata for limit in ("ge", "le") if hasattr(item, limit)}
    expected = "a whole number" if field.annotation is int else "a number"
    if len(limits) == 2:
        expected += f" from {limits['ge']} to {limits['le']}"
    elif limits:
        expected += f" of at least {limits['ge']}" if "ge" in limits else f" of at most {limits['le']}"
    return f"Expected {variable(name)} to be {expected}, but got {got!r}."
