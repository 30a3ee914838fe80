"""Every table of every room, imported once, so that the schema is whole wherever it is made or compared."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Final

ROOMS: Final = ("core", "auth", "catalog", "quality", "datasets")
_EXTRA: Final = ("core.calendar", "core.outbox", "core.jobs", "auth.audit")


@cache
def load() -> None:
    """Import all modules named `tables` (and those that keep a table beside its functions). Looks for them once in a process."""
    for name in _EXTRA:
        importlib.import_module(name)
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if found.name.endswith(".tables"):
                importlib.import_module(found.name)
