"""Taking turns so that nobody starves while many want the same thing: within this process first come first served, between processes by a file."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_LOOK_S: Final = 0.002  # how often a process that waits looks again


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


class FileTurns:
    """One process at a time, by locks on two small files that are made when first wanted. A dead process holds none.

    Why this exists: SQLite lets a writer who finds the database locked sleep up to 0.1 s before it looks again, and whoever has just written may
    write again at once. Of 16 processes some waited more than 30 s and were told that the database is locked. Here whoever waits first
    becomes the next one, and only the next one looks for the turn itself: who has just had it must queue.
    """

    def __init__(self, beside: Path) -> None:
        self._next, self._turn = (beside.with_name(f"{beside.name}-{name}") for name in ("next", "turn"))

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """A turn for the time of the block. Where none came in that time, or no file can be locked, the block runs all the same."""
        end = time.monotonic() + seconds
        held = self._taken(end)
        try:
            yield
        finally:
            if held is not None:
                os.close(held)

    def _taken(self, end: float) -> int | None:
        if (is_next := _locked(self._next, end)) is None:
            return None
        try:
            return _locked(self._turn, end)
        finally:
            os.close(is_next)


def _locked(path: Path, end: float) -> int | None:
    """An open file that nobody else has locked; None when it did not become free before `end`, or cannot be had."""
    try:
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    with suppress(OSError):
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    break
                time.sleep(_LOOK_S)
            else:
                return opened
    os.close(opened)
    return None
