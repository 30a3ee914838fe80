"""How long a query that a suite brings may take: it is stopped by a timer, and its rule is then an error.

Nobody can tell beforehand what such a query costs, and while it runs no other check does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SECONDS: Final = 120.0
_AGAIN_S: Final = 0.05


class QueryTookTooLong(ValueError):
    """The message is for people; `quality.troubles` says it in Chinese."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the query took longer than {seconds:g} s and was stopped; make it simpler, or have DATAGRANT_QUERY_SECONDS raised"
        )


class Deadline:
    """What all asking of one query together may take: its count, its rows and their keys are asked for one by one."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._spent: dict[str, float] = {}

    @contextmanager
    def over(self, query: str, interrupt: Callable[[], None]) -> Iterator[None]:
        """Calls `interrupt` when the time of `query` is over. Raises QueryTookTooLong, at once where none is left."""
        left = self._seconds - self._spent.get(query, 0.0)
        if left <= 0:
            raise QueryTookTooLong(self._seconds)
        rung, done = threading.Event(), threading.Event()

        def ring() -> None:
            if done.wait(left):
                return
            rung.set()
            interrupt()
            while not done.wait(_AGAIN_S):  # rung before the query had begun, it would not have been heard
                interrupt()

        begun, clock = time.monotonic(), threading.Thread(target=ring, name="query-deadline", daemon=True)
        clock.start()
        try:
            yield
        except Exception as error:
            if rung.is_set():
                raise QueryTookTooLong(self._seconds) from error
            raise
        finally:
            done.set()
            clock.join()  # a clock that rings late must not stop the next query
            self._spent[query] = self._spent.get(query, 0.0) + time.monotonic() - begun
