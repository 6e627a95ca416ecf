"""Stacks on a GPU: the GPU tests, their losses against float64, and their speed against the CPU and torch.func.vmap.

    python -m benchmarks.gpu                          one command, under eight minutes
    python -m benchmarks.gpu --device cpu --quick     the same on the CPU with tiny stacks, to see that it works

Needs torch 2.11 or later, NumPy, pandas, SciPy, scikit-learn and pydantic, no network and no browser; the GPU tests
also need pytest. Exits with 1 if a test fails or a loss is wrong; a goal that is missed is only said.

Data are 2,048 generated images of 8 x 8. "eager" calls a step of the stack operation by operation, "graph" replays it
as a CUDA graph. "vmap" is torch's own way to train an ensemble: torch.func.vmap over grad, one batch for all networks,
and fused Adam on the stacked parameters. A round times each side in turn.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor, nn

from benchmarks.goals import header, report
from core.data import Dataset, Split
from core.experiment.compatibility import shape_of
from core.experiment.config import RunConfig, make_config
from core.models import MODELS
from core.training.cuda_graphs import WARM_UP, Call, Replay, as_it_is, captured
from core.training.engine import Stack, without_pauses

ROOT = Path(__file__).parents[1]
SIDE, ROWS, BATCH, RATE = 8, 2048, 64, 1e-3
SIZES, GOAL_SIZE, GOAL = (1, 64, 512, 4096), 512, 3.0
TOLERANCE = 1e-4  # of losses after an epoch, relative to float64
ROUNDS, SECONDS = 3, 0.3  # and for how long each side is timed in a round
BUDGET = 450.0  # seconds; what has not begun by then is left out
MEMORY = 0.6  # the share of free memory that a stack may take
Timings = Mapping[str, float]  # seconds of a step by side


def problem(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 64) float32 and labels (N,) int64 drawn from a logistic model, so that no loss goes to 0."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, SIDE * SIDE), dtype=np.float32)
    logits = x @ rng.standard_normal(SIDE * SIDE, dtype=np.float32) / 4 - 1
    return x, (rng.random(rows) < expit(logits)).astype(np.int64)


def stack_of(
    configs: Sequence[RunConfig], x: np.ndarray, y: np.ndarray, device: torch.device, replay: Replay = as_it_is
) -> Stack:
    """A stack that trains on all rows, and has the same ones in its other parts."""
    parts = ("train", "validation", "test")
    data = Dataset("benchmark", "binary", x, y, ("negative", "positive"), image=(SIDE, SIDE))
    rows = np.arange(len(x))
    split = Split(dict.fromkeys(parts, x), dict.fromkeys(parts, y), dict.fromkeys(parts, rows))
    return Stack(configs, data, split, device, replay)


def batches(rows: int, device: torch.device) -> list[Tensor]:
    """Row numbers (B,) of an epoch, shuffled."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    return list(order.to(device).split(BATCH))


def graph_after_warm_up(function: Call, capture: Callable[[Call], Call]) -> Call:
    """The function as it is for as many calls as a capture asks for, then what `capture` makes of it."""

    def calls() -> Iterator[None]:
        for _ in range(WARM_UP):
            function()
            yield
        replayed = capture(function)
        while True:
            replayed()
            yield

    return partial(next, calls())


def ways(device: torch.device) -> dict[str, Replay]:
    """How a step can be called on a device, by name; nothing is captured on a CPU."""

    def graph(function: Call, device: torch.device) -> Call:
        capture = partial(captured, device=device) if device.type == "cuda" else lambda function: function
        return graph_after_warm_up(function, capture)

    return {"eager": as_it_is, "graph": graph}


# --- right or wrong


def network(model: str) -> nn.Sequential:
    """The torch network of a model, for one output."""
    widths = MODELS[model].widths
    layers: list[nn.Module] = []
    if MODELS[model].takes_images:
        layers.append(nn.Unflatten(1, (1, SIDE, SIDE)))
        for channels, out in zip([1, *widths], widths, strict=False):
            layers += [nn.Conv2d(channels, out, 3, stride=2, padding=1), nn.ReLU()]
        layers.append(nn.Flatten())
        pixels = math.ceil(SIDE / 2 ** len(widths)) ** 2
        return nn.Sequential(*layers, nn.Linear(widths[-1] * pixels, 1))
    for fan_in, out in zip([SIDE * SIDE, *widths], widths, strict=False):
        layers += [nn.Linear(fan_in, out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear([SIDE * SIDE, *widths][-1], 1))


def runs_to_check(model: str) -> list[RunConfig]:
    """Runs with weights, rates and seeds of their own."""
    net: dict[str, Any] = {"model": model, "widths": MODELS[model].widths, "batch_size": BATCH}
    choices = [(1.0, RATE, 0), (9.0, 3 * RATE, 0), (0.2, 10 * RATE, 1), (1.0, 3 * RATE, 2)]
    return [
        make_config(**net, lr=rate, seed=seed, loss_params={"pos_weight": weight}) for weight, rate, seed in choices
    ]


@torch.no_grad()
def reference(stack: Stack, run: int, model: str) -> nn.Sequential:
    """A run of a stack, by its place in it, as a torch network in float64."""
    net = network(model)
    modules = [module for module in net if isinstance(module, nn.Linear | nn.Conv2d)]
    for module, layer in zip(modules, [*stack.model.hidden, *stack.model.last], strict=True):
        module.weight.copy_(layer.weight[run].T.reshape(module.weight.shape))
        assert module.bias is not None
        module.bias.copy_(layer.bias[run, 0])
    return net.double()


def losses_in_float64(model: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Losses (R,) of `runs_to_check` after an epoch of plain torch loops on the CPU, one after another."""
    cpu = torch.device("cpu")
    features, labels = torch.from_numpy(x).double(), torch.from_numpy(y).double()
    stack = stack_of(runs_to_check(model), x, y, cpu)
    losses = []
    for run, config in enumerate(stack.configs):
        net = reference(stack, run, model)
        optimizer = torch.optim.Adam(net.parameters(), lr=config.lr)
        weight = torch.tensor(float(dict(config.loss_params)["pos_weight"]))
        criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
        for rows in batches(len(x), cpu):
            optimizer.zero_grad()
            criterion(net(features[rows])[:, 0], labels[rows]).backward()
            optimizer.step()
        with torch.inference_mode():
            losses.append(criterion(net(features)[:, 0], labels).item())
    return np.array([losses[stack.order.index(i)] for i in range(len(losses))])


def losses_of_stack(model: str, x: np.ndarray, y: np.ndarray, device: torch.device, replay: Replay) -> np.ndarray:
    """The same of a stack on a device."""
    stack = stack_of(runs_to_check(model), x, y, device, replay)
    with torch.inference_mode():
        for rows in batches(len(x), device):
            stack.step(rows[None])
    return without_pauses(stack.evaluation(1)).train_loss


def check(device: torch.device) -> bool:
    """Print how far the losses of every model are from float64; whether all are within TOLERANCE."""
    x, y = problem()
    right = True
    print("\nLosses after an epoch against float64\n")
    for model in MODELS:
        exact = losses_in_float64(model, x, y)
        sides = {"CPU": (torch.device("cpu"), as_it_is)} | {
            f"{device.type.upper()} {name}": (device, replay) for name, replay in ways(device).items()
        }
        for name, (where, replay) in sides.items():
            error = np.abs(losses_of_stack(model, x, y, where, replay) / exact - 1).max()
            right &= report(f"relative error of the losses, {model}, {name}", float(error), TOLERANCE, at_most=True)
    return right


def gpu_tests(seconds: float) -> bool:
    """Run the tests that need a GPU, without the conftest, which needs Streamlit; whether none of them failed."""
    print("\nGPU tests\n", flush=True)
    if importlib.util.find_spec("pytest") is None:
        print("There is no pytest here, so the GPU tests were left out (pip install pytest).")
        return True
    files = [path for path in sorted((ROOT / "tests" / "core").rglob("test_*.py")) if "mark.gpu" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "-m", "gpu", *map(str, files)]
    try:
        return subprocess.run(command, cwd=ROOT, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"The GPU tests took longer than {seconds:.0f} s.")
        return False


# --- fast or slow


class Side(Protocol):
    """Something that trains networks."""

    def steps(self, count: int) -> None: ...


class Ours:
    """A stack of so many runs, each with its own weight and learning rate."""

    def __init__(self, model: str, size: int, device: torch.device, replay: Replay) -> None:
        x, y = problem()
        net: dict[str, Any] = {"model": model, "widths": MODELS[model].widths, "batch_size": BATCH}
        weights, rates = np.geomspace(1, 10, size), RATE * (1 + np.arange(size) / size)
        configs = [
            make_config(**net, lr=rate, loss_params={"pos_weight": weight})
            for weight, rate in zip(weights.tolist(), rates.tolist(), strict=True)
        ]
        self.stack = stack_of(configs, x, y, device, replay)
        self._rows = cycle([rows[None] for rows in batches(len(x), device)])

    @torch.inference_mode()
    def steps(self, count: int) -> None:
        for rows in islice(self._rows, count):
            self.stack.step(rows)


class Vmap:
    """So many networks trained by torch.func.vmap over grad, with one learning rate for all."""

    def __init__(self, model: str, size: int, device: torch.device) -> None:
        x, y = problem()
        self._x, self._y = torch.from_numpy(x).to(device), torch.from_numpy(y).float().to(device)
        net = network(model).to(device)
        self.parameters = {name: p.detach().expand(size, *p.shape).clone() for name, p in net.named_parameters()}
        self._optimizer = torch.optim.Adam(self.parameters.values(), lr=RATE, fused=True)
        self._rows = cycle(batches(len(x), device))

        def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return F.binary_cross_entropy_with_logits(torch.func.functional_call(net, parameters, (x,))[:, 0], y)

        self._gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))
        self._losses = torch.func.vmap(loss, in_dims=(0, None, None))

    def steps(self, count: int) -> None:
        for rows in islice(self._rows, count):
            gradients = self._gradients(self.parameters, self._x[rows], self._y[rows])
            for name, parameter in self.parameters.items():
                parameter.grad = gradients[name]
            self._optimizer.step()

    @torch.inference_mode()
    def losses(self) -> Tensor:
        """The loss of each network over all rows, (S,)."""
        return self._losses(self.parameters, self._x, self._y)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of_step(side: Side, device: torch.device, seconds: float) -> float:
    """Mean seconds of a step, over about so many seconds and one step at least."""
    count, start = 1, perf_counter()
    side.steps(1)
    synchronize(device)
    first = perf_counter() - start
    if first < seconds:
        count, start = math.ceil(seconds / first), perf_counter()
        side.steps(count)
        synchronize(device)
        return (perf_counter() - start) / count
    return first


def bytes_of(model: str, size: int) -> int:
    """Memory of a stack in training, generously: a dozen numbers a weight, and the activations of a batch."""
    shape = shape_of(make_config(model=model, widths=MODELS[model].widths), SIDE * SIDE, (SIDE, SIDE))
    return size * 4 * (16 * shape.count_weights(1) + 6 * BATCH * shape.row_floats())


def free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def timings(model: str, size: int, device: torch.device, rounds: int, seconds: float) -> tuple[Timings, float]:
    """Median seconds of a step by side, of those that memory holds, and how many times as long as the faster way of the
    stack vmap takes, NaN without them."""
    cpu = torch.device("cpu")
    builders: dict[str, tuple[torch.device, Callable[[], Side]]] = {
        "CPU": (cpu, partial(Ours, model, size, cpu, as_it_is)),
        **{name: (device, partial(Ours, model, size, device, replay)) for name, replay in ways(device).items()},
        "vmap": (device, partial(Vmap, model, size, device)),
    }
    sides: dict[str, tuple[torch.device, Side]] = {}
    for name, (where, build) in builders.items():
        if bytes_of(model, size) <= MEMORY * free_bytes(where):
            side = build()
            side.steps(2 * WARM_UP if where.type == "cuda" else 1)
            synchronize(where)
            sides[name] = (where, side)
    found = [
        {name: seconds_of_step(side, where, seconds) for name, (where, side) in sides.items()} for _ in range(rounds)
    ]
    ratios = [
        one["vmap"] / min(one["eager"], one["graph"]) for one in found if {"vmap", "eager", "graph"} <= one.keys()
    ]
    return {name: median(one[name] for one in found) for name in sides}, median(ratios) if ratios else math.nan


def compare(device: torch.device, sizes: Sequence[int], rounds: int, seconds: float, until: float) -> None:
    """Print samples/s of every model and size by side, and the goal."""
    names = ["CPU", "eager", "graph", "vmap"]
    print(f"\nsamples/s, batch {BATCH}, Adam; CPU: one thread, the others on {device}\n")
    print(f"{'':<20}" + "".join(f"{name:>16}" for name in names) + f"{'over vmap':>12}")
    goals = {}
    for size in sizes:
        for model in MODELS:
            label = f"{size} x {model}"
            if perf_counter() > until:
                print(f"{label:<20}  left out: the time is up")
                continue
            found, ratio = timings(model, size, device, rounds, seconds)
            cells = [
                f"{BATCH * size / found[name]:>16,.0f}" if name in found else f"{'too large':>16}" for name in names
            ]
            print(f"{label:<20}" + "".join(cells) + f"{ratio:>11.2f}x", flush=True)
            goals[model, size] = ratio
    print()
    size = GOAL_SIZE if GOAL_SIZE in sizes else sizes[-1]
    if ("mlp", size) in goals:
        report(f"{size} MLPs in a stack over torch.func.vmap on {device.type}", goals["mlp", size], GOAL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and return the exit status."""
    start = perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="what to check and time (default cuda)")
    parser.add_argument("--quick", action="store_true", help="tiny stacks, one short round, no tests")
    chosen = parser.parse_args(arguments)
    if chosen.device.startswith("cuda") and not torch.cuda.is_available():
        print("CUDA: torch sees no device here, so nothing was run (--device cpu --quick runs it on the CPU).")
        return 0
    device = torch.device(chosen.device)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as the app's engine thread does
    header("torch", "numpy")
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        print(f"{torch.cuda.get_device_name(device)}, {free / 2**30:.0f} of {total / 2**30:.0f} GB free")
    right = chosen.quick or gpu_tests(BUDGET / 2)
    right &= check(device)
    if chosen.quick:
        compare(device, (1, 4), 1, 0.0, math.inf)
    else:
        compare(device, SIZES, ROUNDS, SECONDS, start + BUDGET)
    print(f"\n{perf_counter() - start:.0f} s of 480")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
