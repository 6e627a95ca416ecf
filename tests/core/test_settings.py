"""Settings come from the environment; what can't be used is refused by the name of its variable."""

from __future__ import annotations

import os

import pytest

from core.errors import CutoffError
from core.settings import Settings, read_settings, variable


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings."""
    for name in list(os.environ):
        if name.upper().startswith("CUTOFF_"):
            monkeypatch.delenv(name)


def refusal() -> str:
    with pytest.raises(CutoffError) as caught:
        read_settings()
    return str(caught.value)


def test_environment_overrides_one_setting_at_a_time(monkeypatch: pytest.MonkeyPatch):
    defaults = read_settings()
    monkeypatch.setenv("CUTOFF_MAX_QUEUED", " 3 ")
    assert read_settings() == defaults.model_copy(update={"max_queued": 3})
    monkeypatch.setenv("CUTOFF_DEVICE", "cpu\n")
    assert read_settings() == defaults.model_copy(update={"max_queued": 3, "device": "cpu"})


@pytest.mark.parametrize("text", ["", "many", "1.5", "1e3", "0", "-1", "nan", "9" * 5000])
@pytest.mark.parametrize("name", ["MAX_ACTIVE_RUNS", "MAX_QUEUED", "RUN_SECONDS", "MAX_SCORES", "KEPT_MB"])
def test_bad_number_is_refused_with_the_variable_its_range_and_the_text(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
):
    monkeypatch.setenv(f"CUTOFF_{name}", text)
    assert refusal() == f"Expected CUTOFF_{name} to be a whole number of at least 1, but got {text!r}."


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("CUTOFF_MAX_QUEUE", "CUTOFF_MAX_QUEUE is not a setting. Did you mean CUTOFF_MAX_QUEUED?"),
        ("cutoff_run_second", "CUTOFF_RUN_SECOND is not a setting. Did you mean CUTOFF_RUN_SECONDS?"),
    ],
)
def test_unknown_variable_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
):
    monkeypatch.setenv(name, "1")
    assert refusal() == sentence


def test_variable_like_no_setting_is_refused_with_the_ones_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTOFF_XYZ", "1")
    assert (
        refusal() == f"CUTOFF_XYZ is not a setting. The settings are {', '.join(map(variable, Settings.model_fields))}."
    )


def test_every_problem_has_its_sentence(monkeypatch: pytest.MonkeyPatch):
    for name, text in {"RUN_SECONDS": "x", "MAX_QUEUED": "0", "MAX_QUEUE": "1"}.items():
        monkeypatch.setenv(f"CUTOFF_{name}", text)
    said = refusal()
    assert all(f"CUTOFF_{name} " in said for name in ("RUN_SECONDS", "MAX_QUEUED", "MAX_QUEUE"))


def test_every_setting_says_in_the_readme_what_it_is_and_has_a_range_if_it_is_a_number():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.annotation is str or any(hasattr(item, "ge") for item in field.metadata), name
