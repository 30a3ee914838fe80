"""Means of what is stored, and which days stand for a month. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

MOST_MONTHS: Final = 36


class InForce(NamedTuple):
    """A release with what its verdict said, and from when until when it was the current one."""

    begins: datetime
    ends: datetime | None
    quality: float | None
    pass_rate: float | None


@dataclass(frozen=True, slots=True)
class Means:
    """Over the releases in force at one moment."""

    releases: int
    quality: float | None
    pass_rate: float | None


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 2) if known else None


def at(moment: datetime, releases: Sequence[InForce]) -> Means:
    """What the releases in force at a moment were worth."""
    held = [each for each in releases if each.begins <= moment and (each.ends is None or each.ends > moment)]
    return Means(len(held), mean(each.quality for each in held), mean(each.pass_rate for each in held))


def month_ends(first: date, today: date) -> list[date]:
    """The last day of each month from that of `first` on which is over by `today`, the newest `MOST_MONTHS` of them."""
    found: list[date] = []
    day = first.replace(day=1)
    while True:
        following = (day + timedelta(days=32)).replace(day=1)
        if following > today:
            return found[-MOST_MONTHS:]
        found.append(following - timedelta(days=1))
        day = following


def by_month(days: Sequence[date]) -> set[date]:
    """Of each month the last day that is known."""
    last: dict[tuple[int, int], date] = {}
    for day in days:
        held = last.get((day.year, day.month))
        last[day.year, day.month] = max(day, held) if held else day
    return set(last.values())
