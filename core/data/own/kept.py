"""Data sets made of tables, kept in memory under names that nobody can guess until nobody has looked for a while."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from core.data.dataset import Dataset, DatasetSpec
from core.errors import CutoffError

PREFIX = "table:"
ID_BYTES = 16
GONE = "This table is no longer kept here. Open the file again."


@dataclass(frozen=True, eq=False)
class _Kept:
    spec: DatasetSpec
    nbytes: int


class KeptTables:
    """Data sets by name; thread-safe.

    seconds : one is deleted when nobody has looked at it for so long.
    most_bytes : of all together; the one that was looked at longest ago is deleted first, never the newest.
    clock : seconds that only rise.
    """

    def __init__(self, seconds: float, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._most = most_bytes
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._looked: dict[str, float] = {}  # in the order in which they were looked at
        self._lock = Lock()

    def add(self, spec: DatasetSpec, data: Dataset) -> None:
        """Keep a data set under its name."""
        nbytes = data.x.nbytes + data.y.nbytes + (data.table.columns.nbytes if data.table else 0)
        with self._lock:
            self._kept[data.name] = _Kept(spec, nbytes)
            self._look(data.name)
            while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self._most:
                self._drop(next(iter(self._looked)))

    def get(self, name: str) -> DatasetSpec:
        """The entry of a name, which counts as looking at it; raises CutoffError if it is gone."""
        with self._lock:
            if name not in self._kept:
                raise CutoffError(GONE)
            self._look(name)
            return self._kept[name].spec

    def drop(self, name: str) -> None:
        """Delete a data set, if it is kept."""
        with self._lock:
            self._drop(name)

    def sweep(self) -> bool:
        """Delete what nobody has looked at for `seconds`; returns whether there was any."""
        with self._lock:
            old = [name for name, looked in self._looked.items() if self._clock() - looked > self.seconds]
            for name in old:
                self._drop(name)
            return bool(old)

    def _look(self, name: str) -> None:
        self._looked.pop(name, None)
        self._looked[name] = self._clock()

    def _drop(self, name: str) -> None:
        self._kept.pop(name, None)
        self._looked.pop(name, None)


def new_name() -> str:
    """The prefix and 128 random bits in hexadecimal."""
    return f"{PREFIX}{secrets.token_hex(ID_BYTES)}"


def is_table(name: str) -> bool:
    """Whether a name is that of a table, kept or not."""
    return name.startswith(PREFIX)
