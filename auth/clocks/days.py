"""The bureau's own calendar days: they override the national table, and fill the years that it does not know."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.clocks.models import CalendarDayRead, CalendarDaySet, CalendarYear
from core import calendar
from core.calendar import CalendarDayRow
from core.errors import InputRefused, NotFound
from core.text import Text
from core.work import Work

FIRST, LAST = 2004, 2100


def year(work: Work, number: int) -> CalendarYear:
    """The year's days that are no plain weekday or weekend. Raises InputRefused outside 2004 to 2100."""
    if not FIRST <= number <= LAST:
        raise InputRefused(
            Text(f"年份应在 {FIRST} 至 {LAST} 之间。", f"The year must be from {FIRST} to {LAST}."),
            field="year",
        )
    is_working = calendar.counter(work.db)
    days = [date(number, 1, 1) + timedelta(days=n) for n in range(366)]
    own = _own(work, number)
    set_by_hand = {row.day for row in own}
    return CalendarYear(
        year=number,
        is_known=calendar.is_seeded(number),
        own=[CalendarDayRead.model_validate(row) for row in own],
        seed=[
            CalendarDayRead(day=day, is_working=calendar.seed(day), note="")
            for day in days
            if day.year == number and day not in set_by_hand and calendar.seed(day) != (day.weekday() < 5)
        ],
        working_days=sum(is_working(day) for day in days if day.year == number),
    )


def _own(work: Work, number: int) -> list[CalendarDayRow]:
    wanted = select(CalendarDayRow).where(
        col(CalendarDayRow.day) >= date(number, 1, 1), col(CalendarDayRow.day) <= date(number, 12, 31)
    )
    return list(work.db.exec(wanted.order_by(col(CalendarDayRow.day))))


def set_day(work: Work, actor: Actor, day: date, body: CalendarDaySet) -> CalendarDayRead:
    """Say what a day is. Clocks that are due later move with it when they are next counted."""
    year(work, day.year)
    row = work.db.get(CalendarDayRow, day) or CalendarDayRow(day=day, is_working=body.is_working)
    row.is_working, row.note = body.is_working, body.note
    work.db.add(row)
    audit.record(
        work, actor, "calendar.day_set", subject=day.isoformat(), payload={"is_working": body.is_working, "note": body.note}
    )  # fmt: skip
    work.db.flush()
    return CalendarDayRead.model_validate(row)


def remove_day(work: Work, actor: Actor, day: date) -> None:
    """Go back to the national table for that day. Raises NotFound when the bureau has not set it."""
    if (row := work.db.get(CalendarDayRow, day)) is None:
        raise NotFound(Text(f"{day} 没有手工设置。", f"{day} was not set by hand."))
    work.db.delete(row)
    audit.record(work, actor, "calendar.day_removed", subject=day.isoformat(), payload={})
