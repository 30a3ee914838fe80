"""In which year's disclosure money counts: its own, or, once that is disclosed, the next that is not."""

from __future__ import annotations

from typing import Final

from sqlmodel import select

from auth.supervision.tables import DisclosureRow
from core.work import Work, hold

LOCK: Final = (
    "disclosure"  # held by whoever discloses a year or enters money: no line falls between two disclosures
)


def counting_year(work: Work, year: int) -> int:
    """The first year from this one on that is not disclosed. No year is disclosed until the transaction ends."""
    hold(work, LOCK)
    told = set(work.db.exec(select(DisclosureRow.year).where(DisclosureRow.year >= year)))
    while year in told:
        year += 1
    return year
