"""Working days. Holidays are rows; `chinese-calendar` is the seed; unknown years fall back to Mon-Fri, visibly."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import chinese_calendar
import sqlalchemy
from sqlmodel import Field, Session, SQLModel, col, select

from core import db as _db  # noqa: F401 - constraint names must be set before any table is made
from core.recalled import recalled
from core.work import Asked, Work, fetched


class CalendarDayRow(SQLModel, table=True):
    """A day whose kind the bureau has set by hand; it overrides the seed."""

    __tablename__ = "core_calendar_day"
    day: date = Field(primary_key=True)
    is_working: bool
    note: str = Field(default="", max_length=200)


class UnknownYearWarning(UserWarning):
    """No holiday table for that year: Monday to Friday were taken as working days."""


def is_working_day(db: Session, day: date) -> bool:
    """Whether `day` counts, by the bureau's own rows first, then the national seed, then Mon-Fri with a warning."""
    if (row := db.get(CalendarDayRow, day)) is not None:
        return row.is_working
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        warnings.warn(f"no holiday table for {day.year}: Mon-Fri assumed", UnknownYearWarning, stacklevel=2)
        return day.weekday() < 5


def add_working_days(db: Session, start: date, days: int) -> date:
    """The day that lies `days` working days after `start` (start itself does not count). Raises ValueError if days < 0."""
    if days < 0:
        raise ValueError("days must not be negative")
    day, left = start, days
    while left:
        day += timedelta(days=1)
        left -= is_working_day(db, day)
    return day


_OWN: Final = sqlalchemy.select(col(CalendarDayRow.day), col(CalendarDayRow.is_working))


def question() -> Asked:
    """What `working_days_left` asks."""
    return _OWN, {}


def own_days(work: Work) -> dict[date, bool]:
    """The days whose kind the bureau has set; asked once in a transaction."""
    return recalled(
        work, CalendarDayRow, "own days", lambda: {each.day: each.is_working for each in fetched(work, _OWN)}
    )


def working_days_left(work: Work, today: date, due: date) -> int:
    """Working days after `today` up to and including `due`; negative once the due day is past."""
    sign, first, last = (1, today, due) if due >= today else (-1, due, today)
    days = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    for year in {day.year for day in days if not is_seeded(day.year)}:
        warnings.warn(f"no holiday table for {year}: Mon-Fri assumed", UnknownYearWarning, stacklevel=2)
    own = own_days(work)
    return sign * sum(own[day] if day in own else seed(day) for day in days)


def counter(db: Session) -> Callable[[date], bool]:
    """`is_working_day` for many questions: the bureau's rows are read once, the seed is remembered. Warns of nothing;
    whoever shows the result asks `is_seeded`."""
    own = {row.day: row.is_working for row in db.exec(select(CalendarDayRow))}
    return lambda day: own[day] if day in own else seed(day)


@lru_cache(maxsize=4096)
def seed(day: date) -> bool:
    """What the national table says, or Monday to Friday where it says nothing."""
    return bool(chinese_calendar.is_workday(day)) if is_seeded(day.year) else day.weekday() < 5


@lru_cache(maxsize=64)
def is_seeded(year: int) -> bool:
    """Whether the national table knows the year's holidays."""
    try:
        chinese_calendar.is_workday(date(year, 7, 1))
    except NotImplementedError:
        return False
    return True
