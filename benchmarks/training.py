"""Training alone (`Stack.steps`, no evaluation) against the loops that people write, in one run.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.training [--repeats 15]

All sides train the same network (20-64-64-1, ReLU, BCE, or no hidden layer at all) with Adam on the same 10,000 rows in
shuffled batches, on one thread, an epoch at a time and in turns. Each draws its own weights and batches, so their
losses must agree only about: that is checked before anything is printed.

A stack is 64 such runs with two heads, two losses, as many weights and learning rates, or 256 linear ones. Training the
same number of runs one after another takes as many times as long as one of them: that one is timed. "Resident" is the
fastest plain loop: all rows as tensors, permuted once an epoch, and torch's fused Adam.

Memory is the peak of a process which trains 256 runs of each model on MNIST as the app does, all their scores kept.
"""

from __future__ import annotations

import argparse
import logging
import math
import multiprocessing
import resource
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter, sleep
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.goals import Paired, header, paired_ratio, report
from core.data import Dataset, Split
from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.models import MODELS
from core.training.engine import Stack, train_in_turns, without_pauses
from core.training.runner import Runner

ROWS, FEATURES, WIDTHS, BATCH, RATE = 10_000, 20, (64, 64), 32, 1e-3
RUNS, LINEAR_RUNS, BATCH_OF_STACK = 64, 256, 64
AGREEMENT = 0.03  # of the training losses, in nats; those of 12 seeds spread over 0.016
MLP: dict[str, Any] = {"model": "mlp", "widths": WIDTHS, "lr": RATE}
LINEAR: dict[str, Any] = {"model": "linear", "lr": RATE}
Sides = dict[str, Callable[[NDArray, NDArray, Sequence[int], int], "Side"]]  # from rows, labels, widths and batch size


class Side(Protocol):
    """Something that trains; `epoch` may return its own seconds."""

    def epoch(self) -> float | None: ...

    def loss(self) -> float: ...


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
        without_pauses(self.stack.steps())

    def loss(self) -> float:
        return float(without_pauses(self.stack.evaluation(0)).train_loss[0])


class OwnLoop:
    """What the loops written in torch have in common."""

    def __init__(self, x: NDArray, y: NDArray, widths: Sequence[int], batch: int) -> None:
        torch.manual_seed(0)
        self.x, self.y, self.batch = torch.from_numpy(x), torch.from_numpy(y).float(), batch
        layers: list[nn.Module] = []
        for fan_in, fan_out in zip([FEATURES, *widths], widths, strict=False):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.Linear([FEATURES, *widths][-1], 1))
        self.criterion = nn.BCEWithLogitsLoss()

    @torch.inference_mode()
    def loss(self) -> float:
        return self.criterion(self.model(self.x)[:, 0], self.y).item()


class Loader(OwnLoop):
    """The loop of PyTorch's tutorials: DataLoader, zero_grad, backward, step."""

    def __init__(self, x: NDArray, y: NDArray, widths: Sequence[int], batch: int) -> None:
        super().__init__(x, y, widths, batch)
        self.loader = DataLoader(TensorDataset(self.x, self.y), batch_size=batch, shuffle=True)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def epoch(self) -> None:
        for x, y in self.loader:
            self.optimizer.zero_grad()
            self.criterion(self.model(x)[:, 0], y).backward()
            self.optimizer.step()


class Resident(OwnLoop):
    """The fastest plain loop: resident tensors, one permutation an epoch, torch's fused Adam."""

    def __init__(self, x: NDArray, y: NDArray, widths: Sequence[int], batch: int) -> None:
        super().__init__(x, y, widths, batch)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, fused=True)

    def epoch(self) -> None:
        order = torch.randperm(ROWS)
        for x, y in zip(self.x[order].split(self.batch), self.y[order].split(self.batch), strict=True):
            self.optimizer.zero_grad()
            self.criterion(self.model(x)[:, 0], y).backward()
            self.optimizer.step()


class Lightning(OwnLoop):
    """A LightningModule and its Trainer with nothing to save, log or show; an epoch is timed within its loop."""

    def __init__(self, x: NDArray, y: NDArray, widths: Sequence[int], batch: int) -> None:
        import pytorch_lightning as lightning

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        super().__init__(x, y, widths, batch)
        model, criterion, clock = self.model, self.criterion, self

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def training_step(self, batch: list[Tensor], index: int) -> Tensor:
                return criterion(self.model(batch[0])[:, 0], batch[1])

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.Adam(self.parameters(), lr=RATE)

            def on_train_epoch_start(self) -> None:
                clock.started = perf_counter()

            def on_train_epoch_end(self) -> None:
                clock.seconds = perf_counter() - clock.started

        self.started = self.seconds = 0.0
        self.module = Module()
        self.loader = DataLoader(TensorDataset(self.x, self.y), batch_size=batch, shuffle=True)
        self.trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    def epoch(self) -> float:
        self.trainer.fit_loop.max_epochs = (self.trainer.fit_loop.max_epochs or 0) + 1
        self.trainer.fit(self.module, self.loader)
        return self.seconds


class ScikitLearn:
    """MLPClassifier without its L2 penalty, one pass a call, in the same float32."""

    def __init__(self, x: NDArray, y: NDArray, widths: Sequence[int], batch: int) -> None:
        self.x, self.y = x, y
        self.model = MLPClassifier(widths, alpha=0.0, batch_size=batch, learning_rate_init=RATE, random_state=0)

    def epoch(self) -> None:
        self.model.partial_fit(self.x, self.y, classes=[0, 1])

    def loss(self) -> float:
        p = self.model.predict_proba(self.x)[np.arange(ROWS), self.y]
        return float(-np.log(p).mean())


def mixed_runs(net: dict[str, Any], runs: int, batch: int) -> list[RunConfig]:
    """Half of them one logit with BCE, half two with cross-entropy, each with its own weight and rate; the first one
    is that of the other sides."""
    weights = [1.0, *np.geomspace(0.1, 10, runs // 2 - 1)]
    losses: list[dict[str, Any]] = [{"loss_params": {"pos_weight": w}} for w in weights]
    losses += [
        {"head": "softmax2", "loss": "cross_entropy", "loss_params": {"class_weight": f"1, {w}"}} for w in weights
    ]
    rates = RATE * (1 + np.arange(runs) / runs)
    return [
        make_config(**{**net, **loss, "lr": lr, "batch_size": batch}) for loss, lr in zip(losses, rates, strict=True)
    ]


def race(theirs: Side, ours: Ours, repeats: int) -> tuple[Paired, tuple[float, float]]:
    """Epoch times of both and, once both have trained equally long, their training losses."""
    theirs.epoch()
    ours.epoch()
    timing = paired_ratio(theirs.epoch, ours.epoch, repeats)
    losses = theirs.loss(), ours.loss()
    assert abs(losses[0] - losses[1]) <= AGREEMENT, f"these do not train the same model: {losses}"
    return timing, losses


def compare(net: dict[str, Any], runs: int, batch: int, sides: Sides, repeats: int) -> dict[str, float]:
    """Print each side against a stack of so many runs; how many times as long it takes for as many runs, by name."""
    x, y = problem()
    widths = net.get("widths", ())
    steps = math.ceil(ROWS / batch)
    layers = "-".join(map(str, [FEATURES, *widths, 1]))
    print(f"\n{layers}, Adam, batch {batch}, {ROWS:,} rows, {runs} run{'s' * (runs > 1)} here, {repeats} epochs each\n")
    print(f"{'':<32} {'samples/s':>12} {'us/model-step':>14} {'ratio':>8}   training loss, theirs and ours")
    ratios = {}
    for name, side in sides.items():
        configs = mixed_runs(net, runs, batch) if runs > 1 else [make_config(**net, batch_size=batch)]
        timing, losses = race(side(x, y, widths, batch), Ours(configs, x, y), repeats)
        ratios[name] = timing.ratio * runs
        print(f"{name:<32} {ROWS / timing.slow:>12,.0f} {timing.slow / steps * 1e6:>14.2f}")
        print(
            f"{'  here':<32} {ROWS * runs / timing.fast:>12,.0f} {timing.fast / steps / runs * 1e6:>14.2f}"
            f" {ratios[name]:>7.2f}x   {losses[0]:.4f} {losses[1]:.4f}"
        )
    return ratios


def mnist_memory() -> tuple[float, float]:
    """Peak memory in GB, and seconds, of a process that trains 256 runs of each model on MNIST for one epoch."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_train_on_mnist)


def _train_on_mnist() -> tuple[float, float]:
    runner = Runner(train=partial(train_in_turns, devices=[torch.device("cpu")]))
    start = perf_counter()
    for model, spec in MODELS.items():
        net = {"dataset": "mnist_5k", "model": model, "widths": spec.widths, "head": "softmax", "loss": "cross_entropy"}
        configs = [make_config(**net, lr=RATE * (1 + i), epochs=1) for i in range(LINEAR_RUNS)]
        variants = tuple(Variant(name=f"{i}", config=config) for i, config in enumerate(configs))
        job = runner.submit(Experiment(variants=variants))
        while not runner.job(job).ended:
            sleep(0.1)
        assert all(run.status == "finished" for run in runner.job(job).runs)
    seconds = perf_counter() - start
    runner.close()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15, help="epochs of each side (default 15)")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as the app's engine thread does
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    with threadpool_limits(1):
        measure(repeats)


def measure(repeats: int) -> None:
    """Print all comparisons and the lines of the goals."""
    header("torch", "scikit-learn", "pytorch-lightning", "numpy")
    everybody: Sides = {
        "DataLoader loop": Loader,
        "scikit-learn MLPClassifier": ScikitLearn,
        "PyTorch Lightning": Lightning,
    }
    loops: Sides = {"resident, fused Adam": Resident, "DataLoader loop": Loader}
    one = compare(MLP, 1, BATCH, everybody, repeats)
    few = max(3, repeats // 3)
    mlps = compare(MLP, RUNS, BATCH_OF_STACK, loops, few)
    linear = compare(LINEAR, LINEAR_RUNS, BATCH_OF_STACK, {"resident, fused Adam": Resident}, few)
    gigabytes, seconds = mnist_memory()
    print(f"\n{LINEAR_RUNS} runs each of {', '.join(MODELS)} on 5,000 images of MNIST, an epoch: {seconds:.0f} s\n")
    report("one MLP run over a DataLoader loop", one["DataLoader loop"], 6)
    report("one MLP run over MLPClassifier", one["scikit-learn MLPClassifier"], 3)
    report("one MLP run over Lightning", one["PyTorch Lightning"], 10)
    report(f"{RUNS} MLP runs over resident loops, one after another", mlps["resident, fused Adam"], 5)
    report(f"{RUNS} MLP runs over DataLoader loops, one after another", mlps["DataLoader loop"], 15)
    report(f"{LINEAR_RUNS} linear runs over resident loops, one after another", linear["resident, fused Adam"], 100)
    report("GB of memory for 256 runs on MNIST", gigabytes, 2, at_most=True)


if __name__ == "__main__":
    main()
