"""A function that is called again and again on the same tensors, on a GPU as a CUDA graph where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from time import perf_counter

import torch

WARM_UP = 3  # calls in which libraries choose kernels and take memory, which a capture may not do
TIMED = 20  # calls of either way
SETTLED = WARM_UP + 2 * TIMED  # calls after which the way is chosen

Call = Callable[[], object]
Replay = Callable[[Call, torch.device], Call]  # makes of a function on a device what is called in its place


def calls(function: Call, capture: Callable[[Call], Call], synchronize: Call) -> Iterator[None]:
    """Calls `function`, which reads and writes tensors that stay where they are and asks for none of their values, once
    each time it is advanced, without end.

    A step of a small stack is some forty kernels, and on a GPU launching one takes longer than running it. `capture`
    makes of the function one call that launches all of them at once. After WARM_UP calls as it is, TIMED calls are
    timed either way, until `synchronize` says that their work is done, and the faster way is kept. A function that
    can't be captured, for which `capture` raises RuntimeError, is called as it is.
    """
    for _ in range(WARM_UP):
        function()
        yield
    kept, as_it_is = function, (yield from _timed(function, synchronize))
    try:
        graph = capture(function)
    except RuntimeError:
        pass
    else:
        if (yield from _timed(graph, synchronize)) <= as_it_is:
            kept = graph
    while True:
        kept()
        yield


def _timed(call: Call, synchronize: Call) -> Generator[None, None, float]:
    """Calls, once each time it is advanced, and returns the seconds that TIMED calls took."""
    seconds = 0.0
    for _ in range(TIMED):
        synchronize()
        start = perf_counter()
        call()
        synchronize()
        seconds += perf_counter() - start
        yield
    return seconds


def as_it_is(function: Call, device: torch.device) -> Call:
    """The function itself."""
    return function


def replayed(function: Call, device: torch.device) -> Call:
    """The function itself on a CPU, on a GPU as a CUDA graph where that is faster."""
    if device.type != "cuda":
        return function
    return partial(next, calls(function, partial(captured, device=device), partial(torch.cuda.synchronize, device)))


def captured(function: Call, device: torch.device) -> Call:
    """The function as a CUDA graph of this device, not yet run; raises RuntimeError if it can't be one.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs (2026). Other threads may use the device meanwhile.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
        function()
    return graph.replay
