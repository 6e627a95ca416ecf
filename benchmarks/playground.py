"""64 tiny runs in one stack against TensorFlow Playground's arithmetic, a sample at a time in JavaScript, in one run.

    python -m benchmarks.playground [--repeats 5]

Both sides train the same network: 2-4-2-1, tanh, batches of 10 out of 500 points (two blobs, targets -1 and +1), SGD,
no regularisation. The JavaScript (benchmarks/playground.mjs, run by node) follows nn.ts of
https://github.com/tensorflow/playground (Smilkov and Carter, 2016): one net on one thread, as in a browser tab.

What differs from Playground's classification of these points: the output is linear, as in its regression, for the
engine has no tanh there (the JavaScript saves two of its fourteen tanh a sample by it). Playground minimises half the
squared error and the engine the whole one, so the engine's learning rate is half of Playground's 0.03. JavaScript
computes in float64, the engine in float32; its batches are drawn anew each epoch, while Playground keeps their order.

Before anything is timed, all 64 nets are trained on both sides from the same weights with the same batches, and must
agree in every weight and in the loss. Only training is timed: no data set is made, no figure drawn, node not started.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.goals import header, report
from core.data import Dataset, Split
from core.experiment.config import make_config
from core.training.engine import Stack, without_pauses

ROWS, WIDTHS, BATCH, RATE, RUNS = 500, (4, 2), 10, 0.03, 64
WARM_UP, EPOCHS = 400, 2000  # of the JavaScript net, about a second
EPOCHS_OF_STACK = 100
TOLERANCE = 1e-5  # of a weight after one pass, float32 against float64
SCRIPT = Path(__file__).with_suffix(".mjs")


def blobs() -> tuple[NDArray, NDArray]:
    """Points (N, 2) float32 around (2, 2) and (-2, -2), and their targets (N,) float32, 1 and -1, in mixed order."""
    draw = np.random.default_rng(0)
    y = draw.permutation(np.repeat([1.0, -1.0], ROWS // 2))
    x = draw.normal(2 * y[:, None], 1, (ROWS, 2))
    return x.astype(np.float32), y.astype(np.float32)


class Ours:
    """64 runs in one stack, either each with its own seed or with one seed and learning rates of their own."""

    def __init__(self, x: NDArray, y: NDArray, same_seed: bool = False) -> None:
        data = Dataset("benchmark", "regression", x, y, ())
        parts = ("train", "validation", "test")
        rows = np.arange(ROWS)
        split = Split(x=dict.fromkeys(parts, x), y=dict.fromkeys(parts, y), rows=dict.fromkeys(parts, rows))
        configs = [
            make_config(
                model="mlp",
                widths=WIDTHS,
                hidden="tanh",
                head="identity",
                loss="mse",
                optimizer="sgd",
                lr=RATE / 2 * (1 - run / RUNS if same_seed else 1),
                batch_size=BATCH,
                seed=0 if same_seed else run,
            )
            for run in range(RUNS)
        ]
        self.stack = Stack(configs, data, split, torch.device("cpu"))

    def layers(self, run: int) -> list[dict[str, Any]]:
        """The weights (in, out) and biases (out,) of one net."""
        layers = [*self.stack.model.hidden, *self.stack.model.last]
        return [{"weight": one.weight[run].tolist(), "bias": one.bias[run, 0].tolist()} for one in layers]

    def train_in(self, orders: NDArray) -> None:
        """One pass of every net over its own order of the rows, (R, N)."""
        for rows in torch.from_numpy(orders).split(BATCH, 1):
            self.stack.step(rows.contiguous())

    def losses(self) -> NDArray:
        """Half the mean squared error of every net, (R,), as Playground counts it."""
        return without_pauses(self.stack.evaluation(0)).train_loss / 2

    def samples_per_second(self) -> float:
        """Of all nets together, training as `core.training.engine.train` does."""
        start = perf_counter()
        for _ in range(EPOCHS_OF_STACK):
            without_pauses(self.stack.steps())
        return RUNS * ROWS * EPOCHS_OF_STACK / (perf_counter() - start)


class JavaScript:
    """The script under node, started anew for every question."""

    def __init__(self, node: str, x: NDArray, y: NDArray) -> None:
        self.node = node
        self.problem = {"inputs": x.tolist(), "targets": y.tolist(), "batchSize": BATCH, "learningRate": RATE}

    def trained_in(self, nets: list[list[dict[str, Any]]], orders: NDArray) -> dict[str, Any]:
        """The nets after one pass over their orders of the rows, and node's version."""
        checks = [{"layers": net, "order": order.tolist()} for net, order in zip(nets, orders, strict=True)]
        return self._ask(checks=checks, timing=None)

    def timed(self, net: list[dict[str, Any]]) -> dict[str, float]:
        """Samples per second of one net that starts like this one, and its loss at the end."""
        return self._ask(checks=[], timing={"layers": net, "warmUp": WARM_UP, "epochs": EPOCHS})["timed"]

    def _ask(self, **rest: Any) -> dict[str, Any]:
        question = json.dumps({**self.problem, **rest})
        answer = subprocess.run([self.node, SCRIPT], input=question, capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)


def disagreement(ours: Ours, javascript: JavaScript) -> tuple[float, str]:
    """The largest difference of any weight or loss after one pass on both sides, and node's version.

    Raises AssertionError above 1e-5, and when training has changed less than a hundred times that.
    """
    nets = [ours.layers(run) for run in range(RUNS)]
    orders = np.random.default_rng(1).permuted(np.tile(np.arange(ROWS), (RUNS, 1)), axis=1)
    answer = javascript.trained_in(nets, orders)
    ours.train_in(orders)
    after = [_flat(ours.layers(run)) for run in range(RUNS)]
    theirs = [_flat(one["layers"]) for one in answer["checked"]]
    largest = max(_farthest(after, theirs), _farthest(ours.losses(), [one["loss"] for one in answer["checked"]]))
    assert largest <= TOLERANCE, f"these do not train the same networks: they differ by {largest:.2g}"
    assert _farthest(after, [_flat(net) for net in nets]) > 100 * TOLERANCE, "one pass has not changed a weight"
    return largest, answer["node"]


def _flat(net: list[dict[str, Any]]) -> NDArray:
    """All weights and biases of one net, (P,)."""
    return np.concatenate([np.ravel(layer[part]) for layer in net for part in ("weight", "bias")])


def _farthest(a: Any, b: Any) -> float:
    return float(np.abs(np.subtract(a, b)).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="timings of each side, in turns (default 5)")
    repeats = parser.parse_args().repeats
    node = shutil.which("node")
    if node is None:
        sys.exit("Expected the program `node` (Node.js) on the PATH to run benchmarks/playground.mjs, but found none.")
    torch.set_num_threads(1)
    compare(node, repeats)


def compare(node: str, repeats: int) -> None:
    """Check that both sides train the same networks, time them in turns, and print the line of the goal."""
    x, y = blobs()
    javascript = JavaScript(node, x, y)
    header("torch", "numpy")
    largest, version = disagreement(Ours(x, y), javascript)
    print(f"node {version}\n")
    print(f"2-{'-'.join(map(str, WIDTHS))}-1, tanh, SGD, batch {BATCH}, {ROWS} points, {repeats} timings of each side")
    print(f"{RUNS} nets after one pass on both sides: weights and losses agree to {largest:.1g}\n")
    seeds, rates = Ours(x, y), Ours(x, y, same_seed=True)
    net = seeds.layers(0)
    seeds.samples_per_second()
    rates.samples_per_second()
    theirs = []
    totals: dict[str, list[float]] = {f"{RUNS} seeds": [], f"one seed, {RUNS} rates": []}
    for _ in range(repeats):
        theirs.append(javascript.timed(net))
        for side, total in zip((seeds, rates), totals.values(), strict=True):
            total.append(side.samples_per_second())
    alone = [one["samplesPerSecond"] for one in theirs]
    print(f"{'':<42} {'samples/s':>12} {'of one run':>12} {'us/step':>9} {'ratio':>8}   loss")
    print(f"{'one net in JavaScript':<42} {_speed(alone, 1)} {1:>7}x   {theirs[-1]['loss']:.4f}")
    ratios = []
    for side, (name, total) in zip((seeds, rates), totals.items(), strict=True):
        ratios.append(median(fast / slow for fast, slow in zip(total, alone, strict=True)))
        name = f"{RUNS} runs in one stack, {name}"
        print(f"{name:<42} {_speed(total, RUNS)} {ratios[-1]:>7.2f}x   {median(side.losses()):.4f}")
    print()
    report(f"total samples/s of {RUNS} runs over a per-sample net in JavaScript", ratios[0], 4)


def _speed(samples_per_second: list[float], runs: int) -> str:
    total = median(samples_per_second)
    return f"{total:>12,.0f} {total / runs:>12,.0f} {BATCH * runs / total * 1e6:>9.1f}"


if __name__ == "__main__":
    main()
