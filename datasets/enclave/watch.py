"""Stands beside a computation while it runs: stops it when somebody cancels it, the grant ends, or its time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from core.errors import AccessRefused, AppError, Conflict
from core.jobs_run import JobCancelled, JobContext
from core.text import Text

_TICK_S: Final = 0.5


class Watch:
    """`asks` raises AccessRefused when the grant no longer allows it; `seconds` is the longest that all of it may take."""

    def __init__(self, ctx: JobContext, asks: Callable[[], None], seconds: float) -> None:
        self._ctx, self._asks, self._seconds = ctx, asks, seconds
        self._ends = time.monotonic() + seconds
        self._why: Exception | None = None

    def look(self) -> None:
        """Raises why it must stop: JobCancelled, AccessRefused, or Conflict when its time is over."""
        if self._why is not None:
            raise self._why
        self._ctx.raise_if_cancelled()
        self._asks()
        if time.monotonic() > self._ends:
            raise Conflict(
                Text(
                    f"计算超过 {self._seconds:g} 秒，已停止；请缩小范围或减少分组后重新提交。",
                    f"It took longer than {self._seconds:g} s and was stopped; narrow it or group less, and hand it in again.",
                )
            )

    @contextmanager
    def over(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Looks twice a second and interrupts the engine when it must stop; raises why."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_TICK_S):
                if self._why is None:
                    try:
                        self.look()
                    except (JobCancelled, AccessRefused, AppError) as why:
                        self._why = why
                if self._why is not None:
                    interrupt()

        beside = threading.Thread(target=watch, name="enclave-watch", daemon=True)
        self.look()
        beside.start()
        try:
            yield
        except Exception:
            if self._why is not None:
                raise self._why from None
            raise
        finally:
            done.set()
            beside.join()
        self.look()
