"""Where a stack trains: the devices that a setting allows, and by trial the fastest of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import torch

from core.errors import CutoffError
from core.training.cuda_graphs import SETTLED

TRIAL_SECONDS = 0.05


def choose_devices(name: str = "auto") -> tuple[torch.device, ...]:
    """The devices for "auto" (the CPU, and CUDA if torch sees it), "cpu", "cuda" or "cuda:N"; else CutoffError."""
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
    """The device on which a step takes the least time, the first of equals; a single one needs no trial.

    `steps_on` starts endless training on a device; every `next` of it is a step. A small run is often faster on the
    CPU, where no kernel has to be launched, and a large stack on a GPU: so they are tried, TRIAL_SECONDS each.
    """
    if len(devices) == 1:
        return devices[0]
    return min(devices, key=lambda device: _seconds_a_step(steps_on(device), device))


def _seconds_a_step(steps: Iterator[object], device: torch.device) -> float:
    _timed(steps, SETTLED if device.type == "cuda" else 3, device)  # the first ones load kernels and take memory
    count = max(int(TRIAL_SECONDS / _timed(steps, 1, device)), 1)
    return _timed(steps, count, device)


def _timed(steps: Iterator[object], count: int, device: torch.device) -> float:
    """Seconds of one of so many steps, all work on the device done."""
    start = perf_counter()
    for _ in range(count):
        next(steps)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (perf_counter() - start) / count
