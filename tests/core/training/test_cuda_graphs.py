"""A call that is replayed: no work is lost or done twice, and of both ways the faster one stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from core.data import load_dataset, load_split
from core.experiment.config import RunConfig, make_config
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.training import cuda_graphs
from core.training.cuda_graphs import SETTLED, TIMED, WARM_UP, calls, captured, replayed
from core.training.engine import Stack

CPU = torch.device("cpu")


class Work:
    """What is done as it is and as captured, each call taking so many seconds of a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, as_it_is: float = 1.0, once_captured: float = 1.0) -> None:
        self.seconds = {"as it is": as_it_is, "captured": once_captured}
        self.done: list[str] = []
        self.now = 0.0
        monkeypatch.setattr(cuda_graphs, "perf_counter", lambda: self.now)

    def do(self, way: str) -> None:
        self.now += self.seconds[way]
        self.done.append(way)

    def capture(self, function: Callable[[], object]) -> Callable[[], object]:
        return lambda: self.do("captured")

    def called(self, count: int, pause_before: int = -1) -> list[str]:
        work = calls(lambda: self.do("as it is"), self.capture, lambda: None)
        for at in range(count):
            self.now += 1000 * (at == pause_before)
            next(work)
            assert len(self.done) == at + 1
        return self.done


@pytest.mark.parametrize(("as_it_is", "once_captured", "kept"), [(2, 1, "captured"), (1, 2, "as it is")])
def test_the_faster_way_is_kept_and_each_call_works_once(monkeypatch, as_it_is, once_captured, kept):
    done = Work(monkeypatch, as_it_is, once_captured).called(SETTLED + 10)
    assert done[: WARM_UP + TIMED] == ["as it is"] * (WARM_UP + TIMED)
    assert done[WARM_UP + TIMED : SETTLED] == ["captured"] * TIMED
    assert done[SETTLED:] == [kept] * 10


def test_what_happens_between_calls_is_not_timed(monkeypatch):
    assert Work(monkeypatch, 2, 1).called(SETTLED + 1, pause_before=WARM_UP + TIMED + 5)[-1] == "captured"


def test_what_cannot_be_captured_is_called_as_it_is(monkeypatch):
    class Refused(Work):
        def capture(self, function: Callable[[], object]) -> Callable[[], object]:
            raise RuntimeError("operation not permitted when stream is capturing")

    assert Refused(monkeypatch).called(SETTLED + 10) == ["as it is"] * (SETTLED + 10)


def test_on_a_cpu_the_function_itself_is_called():
    def function() -> None:
        raise AssertionError

    assert replayed(function, CPU) is function


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_captured_function_does_its_work_when_it_is_called():
    total, step = torch.zeros((), device="cuda"), torch.ones((), device="cuda")
    total.add_(step)
    call = captured(lambda: total.add_(step), total.device)
    assert total.item() == 1
    call()
    step.fill_(10)
    call()
    assert total.item() == 12


def combinations() -> Iterator[tuple[str, str, str]]:
    """Every loss on every head with the smallest data of every task that it serves."""
    for loss, spec in LOSSES.items():
        for head in spec.heads:
            for task in set(spec.tasks) & set(HEADS[head].tasks):
                yield loss, head, DATA[task]


DATA = {"binary": "breast_cancer", "multiclass": "iris", "multilabel": "yeast", "regression": "diabetes"}
SHAPES = (
    {"model": "linear", "optimizer": "adamw", "weight_decay": 0.1},
    {"model": "mlp", "widths": (4,), "batch_norm": True, "optimizer": "sgd", "momentum": 0.9},
)


def a_step_without_values(*runs: RunConfig) -> None:
    """Two steps on the device that knows the shapes of tensors and no values: asking for one raises, and so does
    putting a tensor of the CPU beside one of it."""
    first = runs[0]
    split = load_split(first.dataset, first.dataset_params, first.split_seed)
    stack = Stack(runs, load_dataset(first.dataset, first.dataset_params), split, torch.device("meta"))
    steps = stack.steps()
    next(steps)
    next(steps)


@pytest.mark.parametrize(("loss", "head", "dataset"), sorted(set(combinations())))
def test_a_step_asks_for_no_value_and_stays_on_its_device(loss, head, dataset):
    for shape in SHAPES:
        runs = [make_config(dataset=dataset, head=head, loss=loss, seed=seed, **shape) for seed in (0, 1)]
        a_step_without_values(*runs)


def test_a_step_of_convolutions_asks_for_no_value_and_stays_on_its_device():
    runs = [make_config(dataset="digit", model="cnn", widths=(4, 8), seed=seed) for seed in (0, 1)]
    a_step_without_values(*runs)


def test_asking_for_a_value_there_is_noticed():
    z = torch.zeros(3, device="meta")
    for ask in (lambda: z.sum().item(), lambda: z[z > 0], lambda: z + torch.ones(3)):
        with pytest.raises((RuntimeError, NotImplementedError)):
            ask()
