"""A function that is called again and again on the same tensors, on a GPU as a CUDA graph where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import repeat
from time import perf_counter

import torch

WARM_UP = 3  # calls in which libraries choose kernels and take memory, which a capture may not do
TIMED = 20  # calls of either way
SETTLED = WARM_UP + 2 * TIMED + 1  # calls after which the way is chosen

Call = Callable[[], object]


class Replayed:
    """Calls `function`, which reads and writes tensors that stay where they are and asks for none of their values.

    A step of a small stack is some forty kernels, and on a GPU launching one takes longer than running it. `capture`
    makes of the function one call that launches all of them at once. After WARM_UP calls as it is, TIMED calls are
    timed either way, `synchronize` waiting for the work of each, and the faster way is kept. A function that can't be
    captured, for which `capture` raises RuntimeError, is called as it is. Every call counts: no work is done twice.
    """

    def __init__(self, function: Call, capture: Callable[[Call], Call], synchronize: Call) -> None:
        self._capture, self._synchronize = capture, synchronize
        self._call = function
        self._choice = self._choose(function)

    def __call__(self) -> None:
        """Do the work of one call."""
        next(self._choice, None)
        self._call()

    def _choose(self, function: Call) -> Iterator[None]:
        """Goes on before each call, until the way is chosen."""
        yield from repeat(None, WARM_UP)
        as_it_is = yield from self._timed()
        try:
            self._call = self._capture(function)
        except RuntimeError:
            return
        captured = yield from self._timed()
        if captured > as_it_is:
            self._call = function

    def _timed(self) -> Generator[None, None, float]:
        """Seconds that the next TIMED calls take."""
        self._synchronize()
        start = perf_counter()
        yield from repeat(None, TIMED)
        self._synchronize()
        return perf_counter() - start


def replayed(function: Call, device: torch.device) -> Call:
    """The function itself on a CPU, on a GPU as a CUDA graph where that is faster."""
    if device.type != "cuda":
        return function
    return Replayed(function, partial(captured, device=device), partial(torch.cuda.synchronize, device))


def captured(function: Call, device: torch.device) -> Call:
    """The function as a CUDA graph of this device, not yet run; raises RuntimeError if it can't be one.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs (2026). Other threads may use the device meanwhile.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
        function()
    return graph.replay
