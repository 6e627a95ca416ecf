"""The services that all sessions share, built once per process."""

from __future__ import annotations

from functools import partial

import streamlit as st
import torch

from core.devices import choose_devices
from core.engine import train_in_turns
from core.runner import Runner
from core.settings import read_settings


@st.cache_resource(show_spinner=False)
def devices() -> tuple[torch.device, ...]:
    """Where models may train, from CUTOFF_DEVICE."""
    return choose_devices(read_settings().device)


@st.cache_resource(show_spinner=False, on_release=Runner.close)
def runner() -> Runner:
    """The one runner; `runner.clear()` closes it, and the next call builds another."""
    return Runner(read_settings(), partial(train_in_turns, devices=devices()))
