"""What a script run of the Workbench costs the server: for a visitor who is there, and for a new one.

    python -m benchmarks.rerun

It starts the app, and beside it the same server with an empty page (`empty_app.py`), and talks to both over a websocket
as a browser does, in turns. A rerun is a run of the whole script with nothing changed. A visit is a new connection, the
runs until the page is whole, since its first run draws the picture alone, and its end. Either costs processor time of
the whole server process, messages and their compression included: the mean of many in a row, the median of such rounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.browser import ROOT, serve
from benchmarks.goals import header, report

ROUNDS, TIMES = 9, 40  # rounds, and runs in each
FRESH = 10  # visits that don't count: caches fill
TICKS = os.sysconf("SC_CLK_TCK")  # of the processor's clock in a second


def milliseconds(process: int) -> float:
    """Processor time that a process has taken, in steps of ten."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / TICKS * 1e3


@contextmanager
def connected(address: str) -> Iterator[ClientConnection]:
    """A visitor's connection to a server."""
    url = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    with connect(url, subprotocols=[Subprotocol("streamlit")], origin=Origin(address), max_size=None) as socket:
        yield socket


class Ended(NamedTuple):
    """A run of the whole script that has ended: its messages, and the fragment that asks to be run a moment later."""

    messages: int
    fragment: str


def run(socket: ClientConnection, fragment: str = "") -> Ended:
    """Run the whole script, or a fragment of it that runs the whole script."""
    asked = BackMsg()
    asked.rerun_script.query_string = ""
    asked.rerun_script.fragment_id = fragment
    socket.send(asked.SerializeToString())
    again = ""
    for messages in range(1, 10_000):
        message = ForwardMsg.FromString(socket.recv(decode=False))
        if message.HasField("auto_rerun"):
            again = message.auto_rerun.fragment_id
        if message.HasField("script_finished") and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY, message
            return Ended(messages, again)
    raise AssertionError("Expected the script to end, but it goes on.")


def visit(address: str) -> None:
    with connected(address) as socket:
        if first := run(socket).fragment:
            run(socket, first)


def cost(process: int, action: Callable[[], object]) -> float:
    """Milliseconds of processor time that an action costs a process, the mean of TIMES."""
    before = milliseconds(process)
    for _ in range(TIMES):
        action()
    return (milliseconds(process) - before) / TIMES


def main() -> None:
    header("streamlit", "websockets", "torch")
    with (
        TemporaryDirectory() as folder,
        serve(ROOT / "app.py", Path(folder) / "app.log") as (app, ours),
        serve(ROOT / "benchmarks/empty_app.py", Path(folder) / "empty.log") as (empty, theirs),
    ):
        reruns: tuple[list[float], list[float]] = ([], [])
        visits: tuple[list[float], list[float]] = ([], [])
        for address in (app, empty):
            for _ in range(FRESH):
                visit(address)
        for _ in range(ROUNDS):
            for side, (address, process) in enumerate(((app, ours.pid), (empty, theirs.pid))):
                with connected(address) as socket:
                    run(socket)
                    reruns[side].append(cost(process, partial(run, socket)))
                visits[side].append(cost(process, partial(visit, address)))
        with connected(app) as socket:
            run(socket)
            messages = run(socket).messages
    for name, (own, other) in (("rerun", reruns), ("visit", visits)):
        print(f"a {name}: {median(own):.1f} ms ({min(own):.1f} to {max(own):.1f}), empty page {median(other):.1f} ms")
    print()
    report("ms of processor time that a rerun of the Workbench costs the server", median(reruns[0]), 15, at_most=True)
    report("messages of a rerun", messages, 60, at_most=True)
    report("ms of processor time that a visit costs the server", median(visits[0]), 40, at_most=True)


if __name__ == "__main__":
    main()
