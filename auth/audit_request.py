"""The request in whose course events are recorded: set once at the edge, read where events are written.

The worker's turns, and programs that open a house themselves, have none.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Written:
    """An event that was committed: whose, of what kind, and whether it is about an application or a grant."""

    id: str
    account: str
    kind: str
    is_of_a_case: bool


@dataclass(slots=True)
class Asking:
    """One request, and the events that its transactions committed, in their order."""

    written: list[Written] = field(default_factory=list)


ASKING: Final[ContextVar[Asking | None]] = ContextVar("asking", default=None)
