"""How old the newest value may be: ISO 8601 durations counted back from a moment. Pure."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, NamedTuple

from quality.kinds import Column, Kind, KindMismatch, read_moment

BY_FREQUENCY: Final = "by_frequency"
"""Instead of a duration: as old as the update frequency of the record allows."""
HOUSE_ZONE: Final = timezone(timedelta(hours=8))
_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?"
)


class Duration(NamedTuple):
    months: int
    rest: timedelta


def read_duration(text: str) -> Duration:
    """`P1M`, `P7D`, `PT6H`, `P1DT12H`; raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return Duration(
        years * 12 + months,
        timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds),
    )


def is_duration(value: object) -> bool:
    try:
        return isinstance(value, str) and read_duration(value) is not None
    except (ValueError, OverflowError):
        return False


def is_age(value: object) -> bool:
    return value == BY_FREQUENCY or is_duration(value)


def is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and read_moment(value) is not None
    except (ValueError, OverflowError):
        return False


def before(moment: datetime, age: Duration) -> datetime:
    """`moment` less `age`; a day that the earlier month does not have becomes its last."""
    years, month = divmod(moment.year * 12 + moment.month - 1 - age.months, 12)
    try:
        day = min(moment.day, calendar.monthrange(years, month + 1)[1])
        return moment.replace(year=years, month=month + 1, day=day) - age.rest
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        raise KindMismatch("max_age reaches back beyond the calendar") from None


def oldest(column: Column, max_age: str, reference: datetime) -> str:
    """The oldest newest value that is fresh, in the column's kind, ISO 8601.

    A reference with a zone meets columns without one by the clock of the house (UTC+8), in which such
    columns are written; against dates it counts by the day.
    """
    if not column.zoned:
        local = reference.astimezone(HOUSE_ZONE).replace(tzinfo=None) if reference.tzinfo else reference
    else:
        local = reference.astimezone(UTC) if reference.tzinfo else reference.replace(tzinfo=UTC)
    bound = before(local, read_duration(max_age))
    return bound.date().isoformat() if column.kind is Kind.DATE else bound.isoformat()


def days_between(first: date, last: date) -> int:
    """Days from first to last, both counted."""
    return (last - first).days + 1
