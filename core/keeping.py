"""What visitors bring, kept in memory by name until nobody has looked at it for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by name; thread-safe.

    seconds : a thing is dropped when nobody has looked at it for so long.
    most_bytes : of all together; the one that was looked at longest ago is dropped first, never the newest.
    size : bytes of a thing.
    clock : seconds that only rise.
    """

    def __init__(
        self, seconds: float, most_bytes: int, size: Callable[[T], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._most = most_bytes
        self._size = size
        self._clock = clock
        self._things: dict[str, T] = {}
        self._looked: dict[str, float] = {}  # in the order in which they were looked at
        self._for_good: set[str] = set()
        self._lock = Lock()

    def keep(self, name: str, thing: T, for_good: bool = False) -> None:
        """Keep a thing, in place of one of this name; `for_good` until it is dropped."""
        with self._lock:
            self._things[name] = thing
            self._look(name)
            if for_good:
                self._for_good.add(name)
            for oldest in [one for one in self._looked if one != name and one not in self._for_good]:
                if sum(map(self._size, self._things.values())) <= self._most:
                    break
                self._drop(oldest)

    def get(self, name: str) -> T | None:
        """The thing of a name, which counts as looking at it; None if it is gone."""
        with self._lock:
            if name in self._things:
                self._look(name)
            return self._things.get(name)

    def peek(self, name: str) -> T | None:
        """The thing of a name without looking at it, so that it is not kept longer for that; None if it is gone."""
        with self._lock:
            return self._things.get(name)

    def drop(self, name: str) -> None:
        """Drop a thing, if it is kept."""
        with self._lock:
            self._drop(name)

    def sweep(self) -> bool:
        """Drop what nobody has looked at for `seconds`; returns whether there was any."""
        with self._lock:
            due = self._clock() - self.seconds
            old = [name for name, looked in self._looked.items() if looked < due and name not in self._for_good]
            for name in old:
                self._drop(name)
            return bool(old)

    def _look(self, name: str) -> None:
        self._looked.pop(name, None)
        self._looked[name] = self._clock()

    def _drop(self, name: str) -> None:
        self._things.pop(name, None)
        self._looked.pop(name, None)
        self._for_good.discard(name)
