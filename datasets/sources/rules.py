"""When a source is looked into, and how long it is tried. Pure."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Final, Literal

from core.errors import InputRefused
from core.text import Text

LOCAL: Final = timezone(timedelta(hours=8), "UTC+8")
SHORTEST: Final = timedelta(minutes=1)
FAILURES: Final = 5
"""So many failures in a row, and a source pauses itself."""
_LONGEST_PAUSE: Final = timedelta(hours=6)
_DURATION: Final = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,3})W)?(?:(\d{1,4})D)?"
    r"(?:T(?=\d)(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?"
)
_DAILY: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Kind = Literal["manual", "frequency", "every", "daily"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """`manual`: only when asked; `frequency`: as the record says; `every` an ISO 8601 duration; `daily` at a time (UTC+8)."""

    kind: Kind
    period: str = ""
    at: time | None = None

    def written(self) -> str:
        """As it is stored and typed: `manual`, `frequency`, `every PT15M`, `daily 06:30`."""
        told = self.at.strftime("%H:%M") if self.at else self.period
        return f"{self.kind} {told}".strip()


def schedule(text: str) -> Schedule:
    """Read `manual`, `frequency`, `every PT15M` or `daily 06:30`. Raises InputRefused."""
    kind, _, told = text.strip().partition(" ")
    told = told.strip()
    if kind == "manual" and not told:
        return Schedule("manual")
    if kind == "frequency" and not told:
        return Schedule("frequency")
    if kind == "every" and period(told) is not None:
        return Schedule("every", told)
    if kind == "daily" and (found := _DAILY.fullmatch(told)):
        return Schedule("daily", at=time(int(found[1]), int(found[2])))
    raise InputRefused(
        Text(
            f"看不懂的计划“{text[:60]}”；请写 manual、frequency、every PT15M（至少 1 分钟）或 daily 06:30。",
            f"“{text[:60]}” is no schedule; write manual, frequency, every PT15M (a minute at least) or daily 06:30.",
        )
    )


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A length of time by the calendar: whole months, and what is left."""

    months: int
    rest: timedelta

    def after(self, at: datetime) -> datetime:
        """One rhythm later, on the same day of the month (UTC+8) or on its last."""
        day = at.astimezone(LOCAL)
        years, month = divmod(day.month - 1 + self.months, 12)
        year, month = day.year + years, month + 1
        last = calendar.monthrange(year, month)[1]
        return day.replace(year=year, month=month, day=min(day.day, last)) + self.rest


def period(iso: str | None) -> Rhythm | None:
    """An ISO 8601 duration; None when it is none, or shorter than a minute."""
    found = _DURATION.fullmatch(iso or "")
    if not found:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    made = Rhythm(years * 12 + months, rest)
    return made if made.months or rest >= SHORTEST else None


def next_due(plan: Schedule, frequency: str | None, last: datetime | None, now: datetime) -> datetime | None:
    """The next look after `now`; None for never by itself.

    frequency: the record's own rhythm as ISO 8601 duration. last: when the former look was due; None for the first, which
    is at once. Looks that were missed are not made up for.
    """
    if plan.kind == "daily" and plan.at is not None:
        today = datetime.combine(now.astimezone(LOCAL).date(), plan.at, LOCAL)
        return (today if today > now else today + timedelta(days=1)).astimezone(UTC)
    rhythm = period(plan.period if plan.kind == "every" else frequency if plan.kind == "frequency" else None)
    if rhythm is None:
        return None
    if last is None:
        return now
    following = rhythm.after(last)
    return (following if following > now else rhythm.after(now)).astimezone(UTC)


def retry_at(failures: int, now: datetime) -> datetime:
    """The next try after so many failures in a row: 2, 4, 8 … minutes, six hours at most."""
    return now + min(timedelta(minutes=2 ** min(failures, 12)), _LONGEST_PAUSE)


def gives_up(failures: int) -> bool:
    """Whether it is time to stop trying and to tell somebody."""
    return failures >= FAILURES


def schedule_words(plan: Schedule, every: Text) -> Text:
    """The schedule as a person reads it. every: the rhythm in words, the record's own or the stated one."""
    if plan.kind == "manual":
        return Text("仅手动运行", "Only when asked")
    if plan.kind == "frequency":
        return Text(f"按更新周期（{every.zh}）", f"By the update frequency ({every.en})")
    if plan.kind == "daily" and plan.at:
        return Text(f"每日 {plan.at:%H:%M}", f"Daily at {plan.at:%H:%M}")
    return every
