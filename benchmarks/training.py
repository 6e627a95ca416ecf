"""Training alone (`Stack.steps`, no evaluation) against a DataLoader loop and scikit-learn's MLPClassifier, in one run.

    python -m benchmarks.training [--repeats 15]

All sides train the same network (20-64-64-1, ReLU, BCE) with Adam on the same 10,000 rows in shuffled batches of 32,
on one thread, an epoch at a time and in turns. Each draws its own weights and batches, so their losses must agree only
about: that is checked before anything is printed. A stack is 64 such runs with two heads, two losses, as many weights
and learning rates, and is told per step of one model.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.goals import Paired, header, paired_ratio, report
from core.config import RunConfig, make_config
from core.datasets import Dataset, Split
from core.engine import Stack, without_pauses

ROWS, FEATURES, WIDTHS, BATCH, RATE, RUNS = 10_000, 20, (64, 64), 32, 1e-3, 64
STEPS = math.ceil(ROWS / BATCH)
AGREEMENT = 0.03  # of the training losses, in nats; those of 12 seeds spread over 0.016
NET: dict[str, Any] = {"model": "mlp", "widths": WIDTHS, "batch_size": BATCH, "lr": RATE}


def problem() -> tuple[NDArray, NDArray]:
    """Features (N, F) float32 and labels (N,) int64, a tenth of them wrong, so that no loss goes to 0."""
    x, y = make_classification(ROWS, FEATURES, n_informative=10, flip_y=0.2, class_sep=0.7, random_state=0)
    return StandardScaler().fit_transform(x).astype(np.float32), y.astype(np.int64)


class Ours:
    """A stack of the given runs; `loss` is that of the first one."""

    def __init__(self, configs: Sequence[RunConfig], x: NDArray, y: NDArray) -> None:
        data = Dataset("benchmark", "binary", x, y, ("negative", "positive"))
        few = slice(100)  # evaluated only by `loss`, which is not timed
        parts = {"train": slice(None), "validation": few, "test": few}
        split = Split(
            x={part: x[rows] for part, rows in parts.items()},
            y={part: y[rows] for part, rows in parts.items()},
            rows={part: np.arange(ROWS)[rows] for part, rows in parts.items()},
        )
        self.stack = Stack(configs, data, split, torch.device("cpu"))

    def epoch(self) -> None:
        for _ in self.stack.steps():
            pass

    def loss(self) -> float:
        return float(without_pauses(self.stack.evaluation(0)).train_loss[0])


class Loader:
    """The loop of PyTorch's tutorials: DataLoader, zero_grad, backward, step."""

    def __init__(self, x: NDArray, y: NDArray) -> None:
        torch.manual_seed(0)
        self.rows = TensorDataset(torch.from_numpy(x), torch.from_numpy(y).float())
        self.loader = DataLoader(self.rows, batch_size=BATCH, shuffle=True)
        wide, deep = WIDTHS
        self.model = nn.Sequential(
            nn.Linear(FEATURES, wide), nn.ReLU(), nn.Linear(wide, deep), nn.ReLU(), nn.Linear(deep, 1)
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.criterion = nn.BCEWithLogitsLoss()

    def epoch(self) -> None:
        for x, y in self.loader:
            self.optimizer.zero_grad()
            self.criterion(self.model(x)[:, 0], y).backward()
            self.optimizer.step()

    @torch.inference_mode()
    def loss(self) -> float:
        x, y = self.rows.tensors
        return self.criterion(self.model(x)[:, 0], y).item()


class ScikitLearn:
    """MLPClassifier without its L2 penalty, one pass a call, in the same float32."""

    def __init__(self, x: NDArray, y: NDArray) -> None:
        self.x, self.y = x, y
        self.model = MLPClassifier(WIDTHS, alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, random_state=0)

    def epoch(self) -> None:
        self.model.partial_fit(self.x, self.y, classes=[0, 1])

    def loss(self) -> float:
        p = self.model.predict_proba(self.x)[np.arange(ROWS), self.y]
        return float(-np.log(p).mean())


def mixed_runs() -> list[RunConfig]:
    """64 runs: half of them one logit with BCE, half two with cross-entropy, each with its own weight and rate."""
    weights = np.geomspace(0.1, 10, RUNS // 2)
    losses: list[dict[str, Any]] = [{"loss_params": {"pos_weight": w}} for w in weights]
    losses += [
        {"head": "softmax2", "loss": "cross_entropy", "loss_params": {"class_weight": f"1, {w}"}} for w in weights
    ]
    return [make_config(**{**NET, **loss, "lr": RATE * (1 + i / RUNS)}) for i, loss in enumerate(losses)]


def race(theirs: Loader | ScikitLearn, ours: Ours, repeats: int) -> tuple[Paired, tuple[float, float]]:
    """Epoch times of both and, once both have trained equally long, their training losses."""
    theirs.epoch()
    ours.epoch()
    timing = paired_ratio(theirs.epoch, ours.epoch, repeats)
    losses = theirs.loss(), ours.loss()
    assert abs(losses[0] - losses[1]) <= AGREEMENT, f"these do not train the same model: {losses}"
    return timing, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15, help="epochs of each side (default 15)")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    with threadpool_limits(1):
        compare(repeats)


def compare(repeats: int) -> None:
    """Print the three comparisons and the lines of the two goals."""
    x, y = problem()
    header("torch", "scikit-learn", "numpy")
    print(
        f"\nMLP {FEATURES}-{'-'.join(map(str, WIDTHS))}-1, Adam, batch {BATCH}, {ROWS:,} rows, {repeats} epochs each\n"
    )
    print(f"{'':<32} {'samples/s':>12} {'us/step':>9} {'ratio':>7}   training loss, theirs and ours")
    sides: dict[str, Callable[[], Loader | ScikitLearn]] = {
        "DataLoader loop": lambda: Loader(x, y),
        "scikit-learn MLPClassifier": lambda: ScikitLearn(x, y),
    }
    ratios = {}
    for name, side in sides.items():
        timing, losses = race(side(), Ours([make_config(**NET)], x, y), repeats)
        ratios[name] = timing.ratio
        print(f"{name:<32} {ROWS / timing.slow:>12,.0f} {timing.slow / STEPS * 1e6:>9.1f}")
        print(
            f"{'  one run here':<32} {ROWS / timing.fast:>12,.0f} {timing.fast / STEPS * 1e6:>9.1f}"
            f" {timing.ratio:>6.2f}x   {losses[0]:.4f} {losses[1]:.4f}"
        )
    one, stack = Ours([make_config(**NET)], x, y), Ours(mixed_runs(), x, y)
    timing = paired_ratio(stack.epoch, one.epoch, max(3, repeats // 5), times=5)
    print(
        f"{f'{RUNS} runs in one stack, in sum':<32} {ROWS * RUNS / timing.slow:>12,.0f}"
        f" {timing.slow / STEPS / RUNS * 1e6:>9.1f} {RUNS / timing.ratio:>6.2f}x   of the speed of one run alone"
    )
    print()
    report("training of one run over a DataLoader loop", ratios["DataLoader loop"], 3)
    report("training of one run over MLPClassifier", ratios["scikit-learn MLPClassifier"], 1.5)


if __name__ == "__main__":
    main()
