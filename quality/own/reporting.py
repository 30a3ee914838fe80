"""Who reported and who did not: over the table, and day by day. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from math import ceil
from typing import Any, Final

from quality.own.ages import days_between

_NAMED: Final = 20
MAX_DAYS: Final = 36_600


def report(
    wanted: Sequence[Any],
    pairs: Collection[tuple[Any, date | None]],
    span: tuple[date, date] | None,
    share: float | None,
) -> dict[str, Any]:
    """Who is missing, and on which days too few reported.

    pairs: who reported on which day (no day where days are not asked for). span: first and last day of the table.
    share: how many of the wanted must report each day, 0…1; None asks for no days.
    """
    seen = {who for who, _ in pairs}
    missing = [who for who in wanted if who not in seen]
    found: dict[str, Any] = {"reported": len(wanted) - len(missing), "of": len(wanted)}
    found |= {"missing": missing[:_NAMED], "missing_count": len(missing)}
    if share is not None:
        found |= _by_day(len(wanted), pairs, span, share)
    return found


def is_complete(found: dict[str, Any]) -> bool:
    return not found["missing_count"] and not found.get("thin_days_count") and found.get("days") != 0


def _by_day(
    wanted: int, pairs: Iterable[tuple[Any, date | None]], span: tuple[date, date] | None, share: float
) -> dict[str, Any]:
    if span is None:
        return {"days": 0, "thin_days": [], "thin_days_count": 0}
    first, last = span
    days = days_between(first, last)
    if days > MAX_DAYS:
        raise ValueError(
            f"the table spans {days} days, from {first} to {last}; a date among them must be wrong"
        )
    counts = dict.fromkeys((first + timedelta(days=past) for past in range(days)), 0)
    for _, day in pairs:
        if day is not None:
            counts[day] += 1
    needed = ceil(share * wanted - 1e-9)  # 0.7 of 10 is 7, whatever binary numbers make of it
    thin = [(day, count) for day, count in counts.items() if count < needed]
    named = [{"day": day.isoformat(), "reported": count} for day, count in thin[:_NAMED]]
    return {"days": days, "thin_days": named, "thin_days_count": len(thin)}
