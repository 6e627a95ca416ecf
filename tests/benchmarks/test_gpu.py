"""benchmarks/gpu.py with the CPU as its device: all of it but what a GPU alone can do."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import gpu
from core.models import MODELS
from core.training.cuda_graphs import WARM_UP, as_it_is

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """As they were before: the benchmark rounds them to 0, as the app does."""
    yield
    torch.set_flush_denormal(False)


def test_everything_is_checked_and_timed_on_the_device_that_is_asked_for(capsys):
    assert gpu.main(["--device", "cpu", "--quick"]) == 0
    said = capsys.readouterr().out
    for model in MODELS:
        for way in ("CPU", "CPU eager", "CPU graph"):
            (line,) = [line for line in said.splitlines() if f"losses, {model}, {way}:" in line]
            assert line.startswith("goal ")
            assert line.endswith(" ok")
        assert f"\n4 x {model} " in said
    assert "too large" not in said
    assert "goal 4 MLPs in a stack over torch.func.vmap on cpu: " in said
    assert said.endswith(" s of 480\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so_and_succeeds(capsys):
    assert gpu.main([]) == 0
    assert "torch sees no device here" in capsys.readouterr().out


def test_it_imports_what_training_imports_and_no_page():
    script = """
import json, sys
import core.training.engine
before = set(sys.modules)
import benchmarks.gpu
print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    training, added = ({name.partition(".")[0] for name in names} for names in json.loads(found))
    assert added - training <= {"benchmarks", *sys.stdlib_module_names}
    assert not training & {"streamlit", "plotly", "pydantic_settings", "river", "mlxtend", "iterstrat", "pages"}


@pytest.mark.parametrize("model", MODELS)
def test_vmap_trains_the_same_network_on_the_same_batches(model):
    ours = gpu.Ours(model, 1, CPU, as_it_is)
    vmap = gpu.Vmap(model, 1, CPU)
    start = gpu.reference(ours.stack, 0, model).float().state_dict()
    for name, parameter in vmap.parameters.items():
        parameter.copy_(start[name])
    before = vmap.losses()
    for side in (ours, vmap):
        side.steps(gpu.ROWS // gpu.BATCH)
    (epoch,) = gpu.without_pauses(ours.stack.evaluation(1)).train_loss
    assert vmap.losses().item() == pytest.approx(epoch, rel=1e-5)
    assert epoch < before.item() - 0.01


def test_a_step_that_is_left_out_is_noticed():
    x, y = gpu.problem()
    exact = gpu.losses_in_float64("linear", x, y)
    errors = []
    for skipped in (None, 5):
        calls = iter(range(len(x)))

        def replay(function, device, calls=calls, skipped=skipped):
            return lambda: None if next(calls) == skipped else function()

        errors.append(np.abs(gpu.losses_of_stack("linear", x, y, CPU, replay) / exact - 1).max())
    assert errors[0] < gpu.TOLERANCE / 10
    assert errors[1] > gpu.TOLERANCE


def test_a_graph_is_captured_after_the_warm_up_and_each_call_works_once():
    done: list[str] = []

    def capture(function):
        assert done == ["as it is"] * WARM_UP
        return lambda: done.append("captured")

    call = gpu.graph_after_warm_up(lambda: done.append("as it is"), capture)
    for _ in range(WARM_UP + 4):
        call()
    assert done == ["as it is"] * WARM_UP + ["captured"] * 4


def test_a_stack_that_memory_does_not_hold_is_left_out():
    found, ratio = gpu.timings("mlp", 10**9, CPU, 1, 0.0)
    assert found == {}
    assert math.isnan(ratio)


def test_what_comes_after_the_time_is_up_is_left_out(capsys):
    gpu.compare(CPU, (1,), 1, 0.0, until=-math.inf)
    said = capsys.readouterr().out
    assert said.count("left out: the time is up") == len(MODELS)
    assert "goal" not in said


@pytest.mark.slow
def test_the_gpu_tests_are_found_and_need_no_conftest(capfd):
    assert gpu.gpu_tests(300)
    said = capfd.readouterr().out
    assert ("passed" if torch.cuda.is_available() else "skipped") in said
    assert "error" not in said
