"""Loading Great Expectations, quietly.

Why this exists: the import takes seconds and warns about its own dependencies; it must happen once, in the process
that validates, without telemetry (no data context is ever built, so none is started) and without progress bars.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Final

SWITCH_SECONDS: Final = 0.0005
"""Proofs need the interpreter often and for a moment; by default each time waits up to 5 ms for Great Expectations' own work."""


@contextmanager
def quietly() -> Iterator[None]:
    """Great Expectations' own warnings say nothing about the data checked; ours stay audible outside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def opened() -> ModuleType:
    """The runner module, with every engine and rule registered. The first call is the slow one."""
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
    with quietly():
        from quality.gx import duck, run

        duck.warm()
    return run
