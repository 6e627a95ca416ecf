"""Which devices a setting allows, and that the faster one is taken by trial."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest
import torch

from core.errors import CutoffError
from core.experiment.config import make_config
from core.training.devices import choose_devices, fastest
from core.training.engine import train_in_turns

CPU, OTHER = torch.device("cpu"), torch.device("meta")


@pytest.mark.parametrize(("seen", "expected"), [(True, ["cpu", "cuda"]), (False, ["cpu"])])
def test_auto_is_the_cpu_and_cuda_where_torch_sees_it(seen, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen)
    assert [device.type for device in choose_devices()] == expected
    assert choose_devices("cpu") == (CPU,)


@pytest.mark.parametrize("name", ["", "gpu", "mps", "meta", "cuda:-1", "cuda:x", "CPU", "cuda:1000", "cpu:1"])
def test_device_that_is_none_is_refused_with_the_ones_there_are(name):
    with pytest.raises(CutoffError) as caught:
        choose_devices(name)
    assert str(caught.value) == f"Expected CUTOFF_DEVICE to be auto, cpu, cuda or cuda:N, but got {name!r}."


@pytest.mark.parametrize(("name", "devices"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_device_that_torch_does_not_see_is_refused_with_their_number(name, devices, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    with pytest.raises(CutoffError, match=f"a device that torch sees, but got '{name}' with {devices} CUDA devices"):
        choose_devices(name)


def steps_of(seconds: dict[torch.device, float], first: float, device: torch.device) -> Iterator[None]:
    """Steps that take as long on each device, the very first one longer."""
    time.sleep(first)
    while True:
        time.sleep(seconds[device])
        yield


@pytest.mark.parametrize("quick", [CPU, OTHER])
def test_the_device_with_the_shorter_step_is_taken_however_long_its_first_one(quick):
    seconds = dict.fromkeys((CPU, OTHER), 0.01) | {quick: 0.001}
    assert fastest((CPU, OTHER), partial(steps_of, seconds, 0.05)) == quick


def test_a_single_device_is_taken_without_a_trial():
    def never(device: torch.device) -> Iterator[None]:
        raise AssertionError

    assert fastest((OTHER,), never) == OTHER


def test_a_trial_leaves_no_trace_in_the_training():
    config = make_config(dataset="gaussians", dataset_params={"samples": 200}, epochs=2)
    (alone, tried) = ([e for e in train_in_turns([config], devices) if e] for devices in ((CPU,), (CPU, CPU)))
    for one, other in zip(alone, tried, strict=True):
        assert (one.train_loss == other.train_loss).all()
        assert one.device == "cpu"
