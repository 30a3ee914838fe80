"""Moments as Solr writes them: an instant, or `NOW`, and sums upon it (`NOW-7DAYS`, `NOW/DAY+1MONTH`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

from catalog.ckan.errors import bad_query

_UNIT: Final = "YEAR|MONTH|WEEK|DAY|DATE|HOUR|MINUTE|SECOND|MILLISECOND|MILLI"
_STEP: Final = re.compile(rf"/(?P<unit>{_UNIT})S?|(?P<sum>[+-]\d{{1,6}})(?P<of>{_UNIT})S?")
_WHOLE: Final = re.compile(
    rf"(?P<start>NOW|.*?Z|[^/+]*?)(?P<steps>(?:/(?:{_UNIT})S?|[+-]\d{{1,6}}(?:{_UNIT})S?)*)"
)
_FIELDS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_NAMES: Final = {"DATE": "day", "MILLI": "microsecond", "MILLISECOND": "microsecond"}


def moment(text: str, now: datetime) -> datetime:
    """In UTC. Raises CkanError for what is no moment, or none between 1900 and 2200."""
    told = _WHOLE.fullmatch(text)
    try:
        found = _start(told["start"] if told else text, now)
        for step in _STEP.finditer(told["steps"] if told else ""):
            found = _cut(found, step["unit"]) if step["unit"] else found + _span(step["of"], int(step["sum"]))
    except (ValueError, OverflowError):
        raise bad_query(f"Invalid Date String: {text!r}") from None
    if not 1900 <= found.year <= 2200:
        raise bad_query(f"Invalid Date String: {text!r} is not of this age")
    return found


def _start(text: str, now: datetime) -> datetime:
    if text == "NOW":
        return now.astimezone(UTC)
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _cut(value: datetime, unit: str) -> datetime:
    """Down to the whole unit."""
    if unit == "WEEK":
        raise ValueError(unit)
    name = _NAMES.get(unit, unit.lower())
    if unit.startswith("MILLI"):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    below = _FIELDS[_FIELDS.index(name) + 1 :]
    cut: datetime = value + relativedelta(**{field: 1 if field in ("month", "day") else 0 for field in below})
    return cut


def _span(unit: str, many: int) -> relativedelta:
    if unit.startswith("MILLI"):
        return relativedelta(microseconds=1000 * many)
    return relativedelta(**{f"{_NAMES.get(unit, unit.lower())}s": many})
