"""The services that all sessions share, built once per process.

They are not in Streamlit's resource cache: any browser can ask the server to clear that, for everybody.
"""

from __future__ import annotations

from functools import cache, partial

import torch

from core.experiment.presets import DEMONSTRATION
from core.predictions.uploads import Uploads
from core.settings import read_settings
from core.training.devices import choose_devices
from core.training.engine import train_in_turns
from core.training.runner import Runner
from core.training.runs import Job


@cache
def devices() -> tuple[torch.device, ...]:
    """Where models may train, from CUTOFF_DEVICE."""
    return choose_devices(read_settings().device)


@cache
def runner() -> Runner:
    """The one runner, until `close` is called."""
    return Runner(read_settings(), partial(train_in_turns, devices=devices()))


@cache
def uploads() -> Uploads:
    """The one store of opened files, until `close` is called."""
    settings = read_settings()
    return Uploads(60 * settings.upload_minutes, settings.uploads_mb << 20)


@cache
def start_demonstration() -> str:
    """Begin to train the demonstration, unless that has been done, without waiting for it; returns its id."""
    return runner().submit(DEMONSTRATION, for_good=True)


def demonstration() -> Job:
    """The demonstration that the app opens on, trained once for all sessions; waits until it has ended."""
    return runner().wait(start_demonstration())


def close() -> None:
    """Stop what still trains and forget the services; the next calls build them anew."""
    if runner.cache_info().currsize:
        runner().close()
    start_demonstration.cache_clear()
    uploads.cache_clear()
    runner.cache_clear()
    devices.cache_clear()
