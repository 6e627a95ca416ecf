"""The engine: R runs on one data set with one model shape, trained together as one stack of tensors.

`train` is a generator, independent of threads, pages and storage. Runs may differ in head, loss, loss parameters,
learning rate, weight decay and seed. A run in a stack equals the same run trained alone, and runs with the same seed
have the same initial hidden weights and the same order of batches.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from core.data import Dataset, Split, load_dataset, load_split
from core.data.plane import has_plane, standardised_points
from core.errors import CutoffError
from core.evaluation.best_epoch import EpochMeasure, measures_of
from core.evaluation.scores import Scores
from core.experiment.compatibility import shape_of
from core.experiment.config import RunConfig
from core.losses import loss_tensors
from core.losses.heads import HEADS
from core.losses.objective import Objective, label_counts, resolved
from core.models import Passes, StackedNet
from core.training.batches import Rows, rows_of
from core.training.cuda_graphs import Replay, replayed
from core.training.devices import choose_devices, fastest
from core.training.optimizers import OPTIMIZERS, schedule_factor

T = TypeVar("T")
EVALUATION_BYTES = 32 << 20  # memory for activations while a split is evaluated
EVALUATION_WORK = 200_000_000  # multiplications between two pauses of an evaluation, a few hundredths of a second


@dataclass(frozen=True)
class Epoch:
    """The state of R runs after an epoch.

    Parameters
    ----------
    index : number of passes over the training rows; 0 is before training.
    train_loss, validation_loss : (R,), mean losses of the current weights over the whole split, reduced as in torch.
    validation, test : probabilities (N, C) of each run; in a regression predictions, standardised like the split's y.
    finite : (R,), False from the epoch on in which a run's losses or scores are not finite.
    stopped : (R,), True once a run has had no new best of `best_by` for `patience` epochs. That epoch is its last;
        later Epochs repeat its values.
    surface : probabilities (G, 1) of each run at `core.data.plane.points`; empty for other than 2-D binary data.
    device : the device that trains, as in torch.
    """

    index: int
    train_loss: np.ndarray
    validation_loss: np.ndarray
    validation: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    finite: np.ndarray
    stopped: np.ndarray
    surface: tuple[np.ndarray, ...] = ()
    device: str = "cpu"


def train(configs: Sequence[RunConfig], device: torch.device | None = None) -> Iterator[Epoch]:
    """Train the runs of one stack; ends early once every run has stopped or diverged.

    Parameters
    ----------
    configs : the runs.
    device : the device to train on; None chooses the fastest available one.

    Yields
    ------
    epoch : the state before the first pass over the training rows and after each one.

    Raises
    ------
    CutoffError
        If the configurations can't share a stack.
    """
    yield from (epoch for epoch in train_in_turns(configs, (device,) if device else None) if epoch is not None)


def train_in_turns(
    configs: Sequence[RunConfig], devices: Sequence[torch.device] | None = None, turn: float = 0.005
) -> Iterator[Epoch | None]:
    """Like `train`, but on the fastest of several devices, and also yields None about every `turn` seconds.

    So one thread can serve several experiments and can stop one within a turn.
    """
    data = load_dataset(configs[0].dataset, configs[0].dataset_params)
    split = load_split(configs[0].dataset, configs[0].dataset_params, configs[0].split_seed)
    build = partial(Stack, configs, data, split)
    stack = build(fastest(devices or choose_devices(), lambda device: build(device).endless_steps()))
    epoch = yield from _in_turns(stack.evaluation(0), turn)
    yield epoch
    for index in range(1, configs[0].epochs + 1):
        yield from _in_turns(stack.steps(index), turn)
        epoch = yield from _in_turns(stack.evaluation(index), turn)
        yield epoch
        if not (epoch.finite & ~epoch.stopped).any():
            return


def _in_turns(work: Generator[None, None, T], turn: float) -> Generator[None, None, T]:
    """Run a generator, but yield only about every `turn` seconds; returns its return value."""
    while True:
        with _computing():
            until = time.perf_counter() + turn
            try:
                next(work)
                while time.perf_counter() < until:
                    next(work)
            except StopIteration as done:
                return done.value
        yield


def without_pauses(work: Generator[None, None, T]) -> T:
    """Run a generator to its end; returns its return value."""
    with _computing():
        while True:
            try:
                next(work)
            except StopIteration as done:
                return done.value


@contextmanager
def _computing() -> Iterator[None]:
    """The context of steps and evaluations: no autograd, and no numpy warnings when a run diverges. Entered once for
    many steps."""
    with torch.inference_mode(), np.errstate(all="ignore"):
        yield


@dataclass(frozen=True)
class _Segment:
    """Adjacent runs with the same head, activation and loss.

    They are the rows `runs` of the stack and the rows `within` of logit block `block`. Their loss takes one target for
    each of `targets` outputs, or the unchanged labels if `targets` is 0.
    """

    objective: Objective
    targets: int
    runs: slice
    block: int
    within: slice


class Stack:
    """R runs as one model, one optimizer state and one stream of batches per seed.

    Internally runs are sorted by head and loss, so that each loss is evaluated on a slice of the logits; `evaluation`
    returns its results in the order of `configs`.

    Parameters
    ----------
    configs : the runs.
    data, split : their data.
    device : device to train on.
    replay : turns a step on a device into what is called instead, such as a CUDA graph.

    Raises
    ------
    CutoffError
        If the configurations can't share a stack.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        data: Dataset,
        split: Split,
        device: torch.device,
        replay: Replay = replayed,
    ) -> None:
        keys = {config.stack_key() for config in configs}
        if len(keys) != 1:
            raise CutoffError(
                "Expected all runs of a stack to share data, split, model, optimizer, batch size and epochs, "
                f"but got {len(keys)} kinds."
            )
        classes = len(data.class_names)
        outputs = {name: head.outputs(classes) for name, head in HEADS.items()}
        self.order = sorted(range(len(configs)), key=lambda i: (outputs[configs[i].head], *_kind(configs[i]), i))
        self.configs = [configs[i] for i in self.order]
        self.device = device
        self.replay = replay
        first = self.configs[0]
        widths = [outputs[config.head] for config in self.configs]
        seeds = [config.seed for config in self.configs]
        shape = shape_of(first, split.x["train"].shape[1], data.image)
        self.model = StackedNet(shape, widths, seeds, device)
        self.optimizer = OPTIMIZERS[first.optimizer](self.configs, self.model)
        self.segments = _segments(self.configs, widths, split.y["train"], device)
        self.rows = {part: _rows(split, part, self.segments, device) for part in split.x}
        if has_plane(data):
            self.rows["surface"] = rows_of(torch.from_numpy(standardised_points(data, split)).to(device))
        self._seeds = sorted(set(seeds))
        self._seed_of_run = [self._seeds.index(seed) for seed in seeds]
        # Separate from the generators of weights, so that batches do not depend on the number of weights drawn.
        self._generators = [torch.Generator().manual_seed(2**32 + seed) for seed in self._seeds]
        self._batches: dict[int, _Batch] = {}  # by their number of rows
        self._evaluations: dict[str, Passes] = {}  # of small splits
        self._finite = torch.ones(len(configs), dtype=torch.bool, device=device)
        self._stopping = _Stopping([config.patience for config in configs])
        self._best_by = [_measure(config) for config in configs]
        self._data, self._y_validation = data, split.y["validation"]
        self._last: Epoch | None = None

    def steps(self, epoch: int = 1) -> Generator[None, None, None]:
        """Pass number `epoch` (from 1) over the training rows; yields after each optimizer step.

        The last batch may be smaller.
        """
        self.optimizer.set_factor(schedule_factor(self.configs[0], epoch))
        for rows in self._orders():
            self.step(rows)
            yield
        if self.device.type == "cpu" and not self._keeps(self.configs[0].batch_size):
            self._batches.clear()  # frees memory for the next stack's turn

    def _orders(self) -> Iterator[Tensor]:
        """Row indices of each batch, (R, B), shuffled by seed; (1, B) if all runs have the same seed."""
        drawn = [
            torch.randperm(len(self.rows["train"].numbers), generator=g, dtype=torch.int32) for g in self._generators
        ]
        order = torch.stack([drawn[seed] for seed in self._seed_of_run] if len(drawn) > 1 else drawn).to(self.device)
        size = self.configs[0].batch_size
        steps = order.shape[1] // size
        yield from order[:, : steps * size].unflatten(1, (steps, size)).transpose(0, 1).contiguous()
        if steps * size < order.shape[1]:
            yield order[:, steps * size :].contiguous()

    def endless_steps(self) -> Iterator[None]:
        """Train without end; yields after each step."""
        while True:
            yield from _in_turns(self.steps(), turn=0)

    def step(self, rows: Tensor) -> None:
        """Make one optimizer step of every run on its training rows, indices (R, B), or (1, B) for the same rows."""
        size = rows.shape[1]
        if size not in self._batches:
            self._batches[size] = _Batch(self, rows)
        batch = self._batches[size]
        batch.gather(rows)
        batch.descend()

    def evaluation(self, index: int) -> Generator[None, None, Epoch]:
        """Evaluate all runs; yields between parts of bounded work and memory, and returns the Epoch."""
        logits = {}
        for part, of_part in self.rows.items():
            x = of_part.x
            # Allocated for all rows at once: small tensors between large ones would fragment memory.
            logits[part] = [x.new_empty(last.weight.shape[0], len(x), last.weight.shape[2]) for last in self.model.last]
            rows_at_once = self._rows_at_once()
            for start in range(0, len(x), rows_at_once):
                rows = slice(start, start + rows_at_once)
                passes = self._passes(part, rows)
                passes.forward()
                for whole, piece in zip(logits[part], passes.logits, strict=True):
                    whole[:, rows] = piece
                yield
        return self._epoch(index, logits)

    def _passes(self, part: str, rows: slice) -> Passes:
        """The forward pass on some rows of a split; cached for small splits, where building it takes longer than it
        does."""
        if part in self._evaluations:
            return self._evaluations[part]
        x = self.rows[part].x
        passes = Passes(self.model, x[rows].expand(len(self.configs), -1, -1).mT, training=False)
        if self._keeps(len(x)):
            self._evaluations[part] = passes
        return passes

    def _keeps(self, rows: int) -> bool:
        """Whether passes on so many rows are small enough to stay in memory while other stacks train."""
        return 8 * rows <= self._rows_at_once()

    def _rows_at_once(self) -> int:
        shape, runs = self.model.shape, len(self.configs)
        by_memory = EVALUATION_BYTES // (4 * runs * shape.row_floats())
        by_work = EVALUATION_WORK // (runs * shape.row_work(self.model.last[-1].weight.shape[-1]))
        return max(min(by_memory, by_work), 1)

    def _epoch(self, index: int, logits: dict[str, list[Tensor]]) -> Epoch:
        """Losses on train and validation, probabilities on validation and test, in the order of the configurations."""
        losses = {}
        for part in ("train", "validation"):
            of_segments = []
            for s in self.segments:
                y = self.rows[part].targets(s.targets)
                z = logits[part][s.block][s.within]
                of_segments.append(s.objective.mean(z, y.expand(len(z), *y.shape)))
            losses[part] = torch.cat(of_segments)
            self._finite &= losses[part].isfinite()
        scores = {}
        for part in ("validation", "test", "surface"):
            if part not in logits:
                continue
            self._finite &= torch.cat([block.isfinite().flatten(1).all(1) for block in logits[part]])
            shown = [s.objective.probabilities(logits[part][s.block][s.within]) for s in self.segments]
            scores[part] = self._in_order([run for segment in shown for run in segment.cpu().numpy()])
        epoch = Epoch(
            index=index,
            train_loss=np.array(self._in_order(losses["train"].tolist())),
            validation_loss=np.array(self._in_order(losses["validation"].tolist())),
            validation=tuple(scores["validation"]),
            test=tuple(scores["test"]),
            finite=np.array(self._in_order(self._finite.tolist())),
            stopped=self._stopping.stopped,
            surface=tuple(scores.get("surface", ())),
            device=str(self.device),
        )
        return self._with_stopped(epoch)

    def _with_stopped(self, epoch: Epoch) -> Epoch:
        """The epoch with the last values of stopped runs, and with the runs that stop now."""
        before = self._stopping.stopped
        if self._last is not None and before.any():
            epoch = _merged(epoch, self._last, before)
        now = self._stopping.after(self._minimised(epoch))
        if (new := now & ~before).any():
            self.optimizer.freeze([at for at, i in enumerate(self.order) if new[i]])
        self._last = replace(epoch, stopped=now)
        return self._last

    def _minimised(self, epoch: Epoch) -> np.ndarray:
        """What early stopping minimises, (R,): the validation loss, or minus the measure that a run goes by."""
        minimised, task = epoch.validation_loss.copy(), self._data.task
        for at, measure in enumerate(self._best_by):
            if measure and task != "regression" and epoch.finite[at] and not epoch.stopped[at]:
                scores = Scores(self._y_validation, epoch.validation[at], task, self._data.class_names)
                minimised[at] = -measure(scores)
        return minimised

    def _in_order(self, values: Sequence[T]) -> list[T]:
        """Sort values of the internal order of runs into the order of the configurations."""
        placed = dict(zip(self.order, values, strict=True))
        return [placed[i] for i in range(len(values))]


class _Batch:
    """Buffers for batches of one size, and `descend`, one optimizer step of every run on the gathered rows."""

    def __init__(self, stack: Stack, rows: Tensor) -> None:
        runs = len(stack.configs)
        self._all = stack.rows["train"]
        self._chosen = self._all.map(lambda of: of.new_empty(rows.numel(), *of.shape[1:]))
        batch = self._chosen.map(lambda of: of.view(*rows.shape, *of.shape[1:]).expand(runs, *[-1] * of.dim()))
        passes, optimizer = Passes(stack.model, batch.x.mT), stack.optimizer
        parts = [  # of each segment its objective, logits (R, B, K) and targets, (R, B) or (R, B, K)
            (s.objective, passes.logits[s.block][s.within], batch.targets(s.targets)[s.runs]) for s in stack.segments
        ]

        # Not a method, whose reference cycle would keep large tensors in memory until the next collection.
        def descend() -> None:
            passes.forward()
            for objective, z, y in parts:
                objective.gradient(z, y, out=z)
            passes.backward()
            optimizer.step()

        self.descend = stack.replay(descend, stack.device)

    def gather(self, rows: Tensor) -> None:
        """Load these training rows, indices (R, B) or (1, B)."""
        self._all.gather(rows.view(-1), self._chosen)


class _Stopping:
    """Early stopping: a run stops once what it minimises has had no new minimum for `patience` epochs (0: never)."""

    def __init__(self, patience: Sequence[int]) -> None:
        self._patience = np.array(patience)
        self._lowest = np.full(len(patience), np.inf)
        self._since = np.zeros(len(patience), dtype=int)
        self.stopped = np.zeros(len(patience), dtype=bool)

    def after(self, minimised: np.ndarray) -> np.ndarray:
        """Which runs have stopped, (R,), after an epoch with these values (R,)."""
        better = minimised < self._lowest
        self._lowest = np.where(better, minimised, self._lowest)
        self._since = np.where(better, 0, self._since + 1)
        self.stopped = self.stopped | ((self._patience > 0) & (self._since >= self._patience))
        return self.stopped


def _measure(config: RunConfig) -> EpochMeasure | None:
    """What early stopping maximises; None where it goes by the validation loss, or never."""
    if not config.patience or config.best_by == "loss":
        return None
    return measures_of(config)[config.best_by]


def _merged(epoch: Epoch, last: Epoch, kept: np.ndarray) -> Epoch:
    """`epoch` with the values of `last` for the runs in `kept` (R,)."""

    def runs(now: tuple[np.ndarray, ...], then: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        return tuple(b if keep else a for a, b, keep in zip(now, then, kept, strict=True))

    return replace(
        epoch,
        train_loss=np.where(kept, last.train_loss, epoch.train_loss),
        validation_loss=np.where(kept, last.validation_loss, epoch.validation_loss),
        validation=runs(epoch.validation, last.validation),
        test=runs(epoch.test, last.test),
        finite=np.where(kept, last.finite, epoch.finite),
        surface=runs(epoch.surface, last.surface) if epoch.surface else (),
    )


def _kind(config: RunConfig) -> tuple[str, str, str]:
    """The key of runs whose losses are computed together."""
    return config.head, config.activation, config.loss


def _segments(
    configs: Sequence[RunConfig], widths: Sequence[int], y: np.ndarray, device: torch.device
) -> list[_Segment]:
    """Adjacent runs of the same kind, with their place in the logits and their loss parameters as tensors."""
    kinds = [_kind(config) for config in configs]
    starts = [i for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1]]
    blocks = sorted(set(widths))
    found = []
    for start, stop in zip(starts, [*starts[1:], len(kinds)], strict=True):
        head, activation, loss = kinds[start]
        runs = [dict(config.loss_params) for config in configs[start:stop]]
        params = loss_tensors(loss, runs, label_counts(y, widths[start]), device)
        offset = widths.index(widths[start])  # first run with this output width
        objective = Objective(head, resolved(head, activation, loss), loss, params)
        found.append(
            _Segment(
                objective=objective,
                targets=0 if objective.spec.of == "row" else widths[start],
                runs=slice(start, stop),
                block=blocks.index(widths[start]),
                within=slice(start - offset, stop - offset),
            )
        )
    return found


def _rows(split: Split, part: str, segments: Sequence[_Segment], device: torch.device) -> Rows:
    """All rows of a part of a split, with their labels in each form that the segments need."""
    y = torch.from_numpy(split.y[part])
    forms = {s.targets: s.objective.targets(torch.empty(len(y), s.targets), y) for s in segments}
    labels = forms.pop(0, None)
    return rows_of(torch.from_numpy(split.x[part]), list(forms.values()), labels).map(lambda of: of.to(device))
