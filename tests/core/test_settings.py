from __future__ import annotations

import pytest

from core.errors import CutoffError
from core.settings import Settings, read_settings


def test_empty_environment_gives_the_defaults():
    assert read_settings({}) == Settings()


def test_environment_overrides_one_setting_at_a_time():
    assert read_settings({"CUTOFF_MAX_QUEUED": " 3 ", "PATH": "/bin"}) == Settings(max_queued=3)
    assert read_settings({"CUTOFF_DEVICE": "cpu\n"}).device == "cpu"


@pytest.mark.parametrize("text", ["", "many", "1.5", "1e3"])
def test_number_that_is_none_is_refused_with_the_variable_and_the_text(text):
    with pytest.raises(CutoffError) as caught:
        read_settings({"CUTOFF_RUN_SECONDS": text})
    assert str(caught.value) == f"Expected CUTOFF_RUN_SECONDS to be a whole number, but got {text!r}."


@pytest.mark.parametrize("name", ["MAX_ACTIVE_RUNS", "MAX_QUEUED", "RUN_SECONDS"])
def test_zero_is_refused_because_nothing_would_ever_train(name):
    with pytest.raises(CutoffError) as caught:
        read_settings({f"CUTOFF_{name}": "0"})
    assert str(caught.value) == f"Expected CUTOFF_{name} to be at least 1, but got 0."
