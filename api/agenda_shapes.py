"""What the start page is made of: piles of things that wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.text import Text

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: where it is and since when it waits."""

    title: Text
    href: str
    at: datetime
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Pile:
    """Things of one kind; `total` counts those not shown too. `tone` as in the badges."""

    label: Text
    href: str
    tone: str
    items: list[Item]
    total: int
