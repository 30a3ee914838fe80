"""Which of the confirmed versions counts, which one replaces another, and how a version stands today: pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, Generic, Self, TypeVar

from auth.policy.filters.rules import LOCAL
from auth.profile.workflow import STATE_NAMES, State
from core.text import Text

W = TypeVar("W")


class Standing(StrEnum):
    """How a version stands on a day; of what is confirmed, whether its day has come and whether another came after it."""

    PROPOSED = "PROPOSED"
    COMING = "COMING"
    IN_FORCE = "IN_FORCE"
    REJECTED = "REJECTED"
    SUPERSEDED = "SUPERSEDED"


_NAMES: Final[Mapping[Standing, Text]] = {
    Standing.PROPOSED: STATE_NAMES[State.PROPOSED],
    Standing.IN_FORCE: Text("现行", "In force"),
    Standing.REJECTED: STATE_NAMES[State.REJECTED],
    Standing.SUPERSEDED: STATE_NAMES[State.SUPERSEDED],
}


@dataclass(frozen=True, slots=True)
class Span(Generic[W]):
    """From when a confirmed version counts, and until when at most: instants with a zone; `what` is its content."""

    since: datetime
    confirmed: datetime
    until: datetime | None
    what: W

    @classmethod
    def of(cls, day: date, confirmed: datetime, until: datetime | None, what: W) -> Self:
        """From the beginning of its day, local time, and not before it was confirmed."""
        return cls(max(datetime.combine(day, time(), LOCAL), confirmed), confirmed, until, what)


def in_force(known: Iterable[Span[W]], moment: datetime) -> Span[W] | None:
    """The one that began last; of two that began together, the one confirmed last (then the last given)."""
    began = [each for each in known if each.since <= moment and (each.until is None or moment < each.until)]
    return max(reversed(began), key=lambda each: (each.since, each.confirmed), default=None)


def replaces(day: date, other: date, today: date) -> bool:
    """Whether a version of `day`, confirmed today, leaves no day to a confirmed one of the day `other`.

    One that counts at once replaces all whose day has come; one that counts later, what was to begin with it.
    """
    return other <= today if day <= today else other == day


def standing(state: State, day: date, today: date, *, counts: bool) -> Standing:
    """How a version stands today; `counts`: it is the one in force."""
    if state is not State.ACTIVE:
        return Standing(state)
    if day > today:
        return Standing.COMING
    return Standing.IN_FORCE if counts else Standing.SUPERSEDED


def words(found: Standing, day: date) -> Text:
    """How a version stands, for a reader."""
    if found is Standing.COMING:
        return Text(f"已确认，自 {day} 起", f"Confirmed, from {day}")
    return _NAMES[found]
