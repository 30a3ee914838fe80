"""Taking turns within this process, first come first served, so that nobody starves while many want the same thing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """So many at a time. A turn may be given back by another thread than the one that took it."""

    def __init__(self, at_once: int) -> None:
        self._free, self._lock, self._waiting = at_once, threading.Lock(), deque[threading.Event]()

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False when none came in that time."""
        with self._lock:
            if self._free > 0 and not self._waiting:
                self._free -= 1
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(seconds):
            return True
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it came in the very moment in which the time was over

    def give(self) -> None:
        """Hand the turn to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """A turn for the time of the block. Where none came in that time the block runs all the same: order is a courtesy, no lock."""
        has_turn = self.take(seconds)
        try:
            yield
        finally:
            if has_turn:
                self.give()
