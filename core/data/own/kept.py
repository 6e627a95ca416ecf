"""Data sets made of tables, kept in memory under names that nobody can guess until nobody has looked for a while."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.data.dataset import Dataset, DatasetSpec
from core.errors import CutoffError
from core.keeping import Kept

PREFIX = "table:"
ID_BYTES = 16
GONE = "This table is no longer kept here. Open the file again."


@dataclass(frozen=True, eq=False)
class _Table:
    spec: DatasetSpec
    nbytes: int


class KeptTables:
    """Data sets by name; seconds, most_bytes and clock are those of `Kept`."""

    def __init__(self, seconds: float, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = Kept[_Table](seconds, most_bytes, lambda table: table.nbytes, clock)

    def add(self, spec: DatasetSpec, data: Dataset) -> None:
        """Keep a data set under its name."""
        nbytes = data.x.nbytes + data.y.nbytes + (data.table.columns.nbytes if data.table else 0)
        self._kept.keep(data.name, _Table(spec, nbytes))

    def get(self, name: str) -> DatasetSpec:
        """The entry of a name, which counts as looking at it; raises CutoffError if it is gone."""
        table = self._kept.get(name)
        if table is None:
            raise CutoffError(GONE)
        return table.spec

    def drop(self, name: str) -> None:
        """Delete a data set, if it is kept."""
        self._kept.drop(name)

    def sweep(self) -> bool:
        """Delete what nobody has looked at for a while; returns whether there was any."""
        return self._kept.sweep()


def new_name() -> str:
    """The prefix and 128 random bits in hexadecimal."""
    return f"{PREFIX}{secrets.token_hex(ID_BYTES)}"


def is_table(name: str) -> bool:
    """Whether a name is that of a table, kept or not."""
    return name.startswith(PREFIX)
