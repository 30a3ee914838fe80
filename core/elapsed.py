"""How long the work at hand has taken: since its request came, or this attempt at its job began."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_BEGUN: Final[ContextVar[float | None]] = ContextVar("begun", default=None)


@contextmanager
def counted() -> Iterator[None]:
    """Count from here; what is counted within goes by its own beginning."""
    token = _BEGUN.set(time.monotonic())
    try:
        yield
    finally:
        _BEGUN.reset(token)


def milliseconds() -> int | None:
    """Whole milliseconds so far; None where nobody counts."""
    begun = _BEGUN.get()
    return None if begun is None else int((time.monotonic() - begun) * 1000)
