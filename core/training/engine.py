"""The engine: R runs of one data set and one model shape, trained together as one stack of tensors.

It knows nothing of threads, pages or storage: `train` is a generator. Runs may differ in head, loss, loss
parameters, learning rate, weight decay and seed. A run in a stack equals the same run trained alone, and runs that
share a seed share their initial hidden weights and the order of their batches.
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
EVALUATION_BYTES = 32 << 20  # activations held while a split is evaluated
EVALUATION_WORK = 200_000_000  # multiplications between two pauses of an evaluation, some hundredths of a second


@dataclass(frozen=True)
class Epoch:
    """The state of R runs after `index` passes over the training rows; index 0 is before any training.

    `train_loss` and `validation_loss` (R,) are means over the whole split with the weights of this moment, reduced
    as torch reduces them. `validation` and `test` hold one array of probabilities (N, C) a run, as the run's head
    gives them; in a regression the predicted values, standardised as the split's y. `finite` (R,) turns False for
    good once a run's losses or scores are not finite, `stopped` (R,) True once its validation loss has had no new
    lowest value for `patience` epochs: that epoch is its last, and what is said of it stays as it was then. `surface`
    holds the probabilities (G, 1) of each run at `core.data.plane.points`, where the data has such a plane.
    `device` is where the runs train, as torch names it.
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
    """Train the runs of one stack and yield an Epoch before the first pass and after each one.

    Ends early when every run has stopped or is not finite any more. Raises CutoffError when the configurations can't
    share a stack.
    """
    yield from (epoch for epoch in train_in_turns(configs, (device,) if device else None) if epoch is not None)


def train_in_turns(
    configs: Sequence[RunConfig], devices: Sequence[torch.device] | None = None, turn: float = 0.005
) -> Iterator[Epoch | None]:
    """Like `train`, but on the fastest of some devices, and yields None whenever `turn` seconds have gone by within an
    epoch.

    One thread can so serve several experiments, and can stop one within a turn.
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
    """Do `work`, but yield only once every `turn` seconds; returns what it returns."""
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
    """Do `work` in one go; returns what it returns."""
    with _computing():
        while True:
            try:
                next(work)
            except StopIteration as done:
                return done.value


@contextmanager
def _computing() -> Iterator[None]:
    """Where steps and evaluations are done, entered once for many: no operation is recorded for autograd, and numpy
    is silent where runs diverge, as torch is."""
    with torch.inference_mode(), np.errstate(all="ignore"):
        yield


@dataclass(frozen=True)
class _Segment:
    """Neighbouring runs that share head, activation and loss: rows `runs` of the stack, rows `within` of logit block
    `block`. Their loss takes one target for each of so many outputs, or labels as they are if `targets` is 0."""

    objective: Objective
    targets: int
    runs: slice
    block: int
    within: slice


class Stack:
    """R runs as one model, one optimizer state and one stream of batches a seed.

    Inside, runs are sorted by head and loss, so that each loss is evaluated on a slice of the logits; `evaluate`
    gives its results in the order of `configs`. `replay` makes of a step on a device what is called in its place.
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
        shape = shape_of(first, data.x.shape[1], data.image)
        self.model = StackedNet(shape, widths, seeds, device)
        self.optimizer = OPTIMIZERS[first.optimizer](self.configs, self.model)
        self.segments = _segments(self.configs, widths, split.y["train"], device)
        self.rows = {part: _rows(split, part, self.segments, device) for part in split.x}
        if has_plane(data):
            self.rows["surface"] = rows_of(torch.from_numpy(standardised_points(data, split)).to(device))
        self._seeds = sorted(set(seeds))
        self._seed_of_run = [self._seeds.index(seed) for seed in seeds]
        # Not the generator of the weights: the batches must not depend on how many weights were drawn.
        self._generators = [torch.Generator().manual_seed(2**32 + seed) for seed in self._seeds]
        self._batches: dict[int, _Batch] = {}  # by their number of rows
        self._evaluations: dict[str, Passes] = {}  # of small splits
        self._finite = torch.ones(len(configs), dtype=torch.bool, device=device)
        self._stopping = _Stopping([config.patience for config in configs])
        self._last: Epoch | None = None

    def steps(self, epoch: int = 1) -> Generator[None, None, None]:
        """Pass number `epoch` over the training rows: yields after each optimizer step. The last batch may be
        smaller."""
        self.optimizer.set_factor(schedule_factor(self.configs[0], epoch))
        for rows in self._orders():
            self.step(rows)
            yield
        if self.device.type == "cpu" and not self._keeps(self.configs[0].batch_size):
            self._batches.clear()  # the next stack's turn has come

    def _orders(self) -> Iterator[Tensor]:
        """The training rows batch by batch, (R, B), in a new order for each seed; (1, B) if all runs share one."""
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
        """Pass after pass over the training rows; yields after each step."""
        while True:
            yield from _in_turns(self.steps(), turn=0)

    def step(self, rows: Tensor) -> None:
        """One optimizer step of every run on its own training rows, (R, B), or on the same for all, (1, B)."""
        size = rows.shape[1]
        if size not in self._batches:
            self._batches[size] = _Batch(self, rows)
        batch = self._batches[size]
        batch.gather(rows)
        batch.descend()

    def evaluation(self, index: int) -> Generator[None, None, Epoch]:
        """The Epoch of all runs as they are now: yields between pieces of bounded work and memory, returns it."""
        logits = {}
        for part, of_part in self.rows.items():
            x = of_part.x
            # Room for all rows at once: small tensors kept between large ones would leave memory in pieces.
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
        """The forward pass on some rows of a split; kept for small ones, where it takes longer to make than to do."""
        if part in self._evaluations:
            return self._evaluations[part]
        x = self.rows[part].x
        passes = Passes(self.model, x[rows].expand(len(self.configs), -1, -1).mT, training=False)
        if self._keeps(len(x)):
            self._evaluations[part] = passes
        return passes

    def _keeps(self, rows: int) -> bool:
        """Whether passes on so many rows are small enough to lie by while other stacks train."""
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
        """The epoch with what was last said of runs that had stopped before, and with those that stop now."""
        before = self._stopping.stopped
        if self._last is not None and before.any():
            epoch = _merged(epoch, self._last, before)
        now = self._stopping.after(epoch.validation_loss)
        if (new := now & ~before).any():
            self.optimizer.freeze([at for at, i in enumerate(self.order) if new[i]])
        self._last = replace(epoch, stopped=now)
        return self._last

    def _in_order(self, values: Sequence[T]) -> list[T]:
        """Values of the sorted runs, in the order in which the configurations were given."""
        placed = dict(zip(self.order, values, strict=True))
        return [placed[i] for i in range(len(values))]


class _Batch:
    """Room for a batch of so many rows, and `descend`, one optimizer step of every run on the rows gathered."""

    def __init__(self, stack: Stack, rows: Tensor) -> None:
        runs = len(stack.configs)
        self._all = stack.rows["train"]
        self._chosen = self._all.map(lambda of: of.new_empty(rows.numel(), *of.shape[1:]))
        batch = self._chosen.map(lambda of: of.view(*rows.shape, *of.shape[1:]).expand(runs, *[-1] * of.dim()))
        passes, optimizer = Passes(stack.model, batch.x.mT), stack.optimizer
        parts = [  # of each segment its objective, logits (R, B, K) and targets, (R, B) or (R, B, K)
            (s.objective, passes.logits[s.block][s.within], batch.targets(s.targets)[s.runs]) for s in stack.segments
        ]

        def descend() -> (
            None
        ):  # no method, which would hold its batch and with it large tensors until the next collection
            passes.forward()
            for objective, z, y in parts:
                objective.gradient(z, y, out=z)
            passes.backward()
            optimizer.step()

        self.descend = stack.replay(descend, stack.device)

    def gather(self, rows: Tensor) -> None:
        """Let the batch be these training rows, (R, B) or (1, B)."""
        self._all.gather(rows.view(-1), self._chosen)


class _Stopping:
    """Which runs have stopped, (R,): those whose validation loss had no new lowest value for `patience` epochs."""

    def __init__(self, patience: Sequence[int]) -> None:
        self._patience = np.array(patience)
        self._lowest = np.full(len(patience), np.inf)
        self._since = np.zeros(len(patience), dtype=int)
        self.stopped = np.zeros(len(patience), dtype=bool)

    def after(self, loss: np.ndarray) -> np.ndarray:
        """Those that have stopped after an epoch with these validation losses (R,)."""
        better = loss < self._lowest
        self._lowest = np.where(better, loss, self._lowest)
        self._since = np.where(better, 0, self._since + 1)
        self.stopped = self.stopped | ((self._patience > 0) & (self._since >= self._patience))
        return self.stopped


def _merged(epoch: Epoch, last: Epoch, kept: np.ndarray) -> Epoch:
    """`epoch` with what `last` says of the runs `kept` (R,)."""

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
    """What runs must share to have their losses computed together."""
    return config.head, config.activation, config.loss


def _segments(
    configs: Sequence[RunConfig], widths: Sequence[int], y: np.ndarray, device: torch.device
) -> list[_Segment]:
    """The neighbours of one kind, each with its place in the logits and its parameters as tensors."""
    kinds = [_kind(config) for config in configs]
    starts = [i for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1]]
    blocks = sorted(set(widths))
    found = []
    for start, stop in zip(starts, [*starts[1:], len(kinds)], strict=True):
        head, activation, loss = kinds[start]
        runs = [dict(config.loss_params) for config in configs[start:stop]]
        params = loss_tensors(loss, runs, label_counts(y, widths[start]), device)
        offset = widths.index(widths[start])  # where this output width's block begins
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
    """All rows of a part of a split, with their labels in every form that these segments take."""
    y = torch.from_numpy(split.y[part])
    forms = {s.targets: s.objective.targets(torch.empty(len(y), s.targets), y) for s in segments}
    labels = forms.pop(0, None)
    return rows_of(torch.from_numpy(split.x[part]), list(forms.values()), labels).map(lambda of: of.to(device))
