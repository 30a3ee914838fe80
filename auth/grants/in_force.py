"""When a grant is in force: from its beginning, once it is activated, until its end. Said here for every number that counts grants.

It begins with its period, or when it is activated, whichever comes later; it ends with its period, or when it was ended, whichever comes
first. While it is suspended it stands, for it has not ended, but is not in use. What else stops its use is asked at each use (`blocks`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, false, func, true
from sqlmodel import col

from auth.grants.tables import GrantRow
from auth.grants.workflow import State

_STANDING: Final = (State.ACTIVE, State.SUSPENDED)
_INSTANT: Final = timedelta(microseconds=1)


class Lived(Protocol):
    """What of a grant says when it was in force: its row, or the columns of a query."""

    @property
    def starts_at(self) -> Any: ...  # noqa: ANN401
    @property
    def ends_at(self) -> Any: ...  # noqa: ANN401
    @property
    def ended_at(self) -> Any: ...  # noqa: ANN401


def over_at(row: Lived) -> datetime:
    """When it ends, or ended: the first instant at which it is in force no more."""
    found: datetime = min(row.ended_at or row.ends_at, row.ends_at)
    return found


def until(ends: datetime, now: datetime) -> datetime:
    """The end of a span, as far as it is past: nothing is in force in a time that has not come. `now` itself counts."""
    return min(ends, now + _INSTANT)


def lived_in(row: GrantRow, begins: datetime, until: datetime) -> bool:
    """Whether it stood at some instant of the span, `until` not counted. One that ended at the instant at which it began stood then."""
    if row.activated_at is None or until <= begins:
        return False
    began = max(row.activated_at, row.starts_at)
    over = over_at(row)
    return began < until and over > begins and over >= began


def having_lived_in(begins: datetime, until: datetime) -> list[ColumnElement[bool]]:
    """The same as conditions of a query."""
    ended = func.coalesce(GrantRow.ended_at, GrantRow.ends_at)
    activated, starts, ends = col(GrantRow.activated_at), col(GrantRow.starts_at), col(GrantRow.ends_at)
    over = [last > begins for last in (ended, ends)]
    over += [last >= first for last in (ended, ends) for first in (activated, starts)]
    return [true() if until > begins else false(), activated < until, starts < until, *over]


def stood_to_the_end(row: Lived, until: datetime) -> bool:
    """Of one that stood in a span: whether it still did at the span's last instant."""
    return over_at(row) >= until


def standing(now: datetime) -> list[ColumnElement[bool]]:
    """The conditions under which a grant stands at `now`: begun and not ended, suspended or not."""
    begun = [col(GrantRow.starts_at) <= now, col(GrantRow.ends_at) > now]
    return [col(GrantRow.state).in_(_STANDING), *begun]


def in_use(now: datetime) -> list[ColumnElement[bool]]:
    """The same without those that are suspended."""
    return [col(GrantRow.state) == State.ACTIVE, *standing(now)[1:]]


def is_in_use(row: GrantRow, now: datetime) -> bool:
    """Whether a grant has begun, has not ended and is not suspended."""
    return row.state == State.ACTIVE and row.starts_at <= now < row.ends_at
