"""Devices to train on: those that the setting allows, and the fastest of them, found by timing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import torch

from core.errors import CutoffError
from core.training.cuda_graphs import SETTLED

TRIAL_SECONDS = 0.05


def choose_devices(name: str = "auto") -> tuple[torch.device, ...]:
    """The devices that a setting allows.

    Parameters
    ----------
    name : "auto" (the CPU, and CUDA if available), "cpu", "cuda" or "cuda:N".

    Returns
    -------
    devices : at least one.

    Raises
    ------
    CutoffError
        If the name is none of these or the device is not available.
    """
    if name == "auto":
        return tuple(torch.device(kind) for kind in ("cpu", "cuda") if kind == "cpu" or torch.cuda.is_available())
    if not re.fullmatch(r"cpu|cuda(:\d{1,2})?", name):
        raise CutoffError(f"Expected CUTOFF_DEVICE to be auto, cpu, cuda or cuda:N, but got {name!r}.")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CutoffError(
            f"Expected CUTOFF_DEVICE to be a device that torch sees, but got {name!r} with "
            f"{torch.cuda.device_count()} CUDA devices."
        )
    return (device,)


def fastest(devices: Sequence[torch.device], steps_on: Callable[[torch.device], Iterator[object]]) -> torch.device:
    """Find the device on which a training step is fastest, by timing about TRIAL_SECONDS on each.

    A small run is often faster on the CPU, which has no kernels to launch, and a large stack on a GPU.

    Parameters
    ----------
    devices : the devices; a single one is returned without timing.
    steps_on : starts endless training on a device and yields after each step.

    Returns
    -------
    device : the fastest; the first of equally fast ones.
    """
    if len(devices) == 1:
        return devices[0]
    return min(devices, key=lambda device: _seconds_a_step(steps_on(device), device))


def _seconds_a_step(steps: Iterator[object], device: torch.device) -> float:
    _timed(steps, SETTLED if device.type == "cuda" else 3, device)  # the first steps load kernels and allocate memory
    count = max(int(TRIAL_SECONDS / _timed(steps, 1, device)), 1)
    return _timed(steps, count, device)


def _timed(steps: Iterator[object], count: int, device: torch.device) -> float:
    """Mean seconds per step over `count` steps, including all work on the device."""
    start = perf_counter()
    for _ in range(count):
        next(steps)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (perf_counter() - start) / count
