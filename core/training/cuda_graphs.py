"""Repeated calls of a function on the same tensors, on a GPU as a CUDA graph if that is faster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from time import perf_counter

import torch

WARM_UP = 3  # calls in which libraries choose kernels and allocate memory, which is not allowed during a capture
TIMED = 20  # timed calls of each way
SETTLED = WARM_UP + 2 * TIMED  # calls after which the faster way is chosen

Call = Callable[[], object]
Replay = Callable[[Call, torch.device], Call]  # replaces a function by what is called on a device instead


def calls(function: Call, capture: Callable[[Call], Call], synchronize: Call) -> Iterator[None]:
    """Call a function once per iteration, without end, eagerly or as a captured graph, whichever is faster.

    A step of a small stack has about forty kernels, and on a GPU launching one takes longer than running it. A graph
    launches all of them at once. After WARM_UP eager calls, TIMED calls are timed each way, including the time until
    `synchronize` returns.

    Parameters
    ----------
    function : reads and writes preallocated tensors without reading their values on the CPU.
    capture : turns the function into one call that launches all its kernels; raises RuntimeError if it can't, and then
        all calls are eager.
    synchronize : waits for the device.
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
    """Call a function once per iteration, TIMED times; returns the total seconds."""
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
    """The function itself on a CPU; on a GPU a CUDA graph of it if that is faster."""
    if device.type != "cuda":
        return function
    return partial(next, calls(function, partial(captured, device=device), partial(torch.cuda.synchronize, device)))


def captured(function: Call, device: torch.device) -> Call:
    """Capture the function as a CUDA graph without running it; raises RuntimeError if it can't be captured.

    Other threads may use the device meanwhile. See
    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs (2026).
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
        function()
    return graph.replay
