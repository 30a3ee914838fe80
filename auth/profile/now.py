"""The profile in force at this instant, asked where a rule depends on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import bindparam, event
from sqlalchemy.orm import object_session
from sqlmodel import col, select

from auth.casework.tables import CaseEventRow
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy
from auth.policy.safeguards import within
from auth.profile.model import DEFAULT, Profile, shipped
from auth.profile.tables import ProfileRow
from auth.profile.workflow import State, Step
from core.work import Asked, Work, fetched

_KNOWN: Final = "auth.profile.now"
_MOST: Final = 32
_IN_FORCE: Final = (
    select(ProfileRow.body)
    .where(ProfileRow.state == State.ACTIVE, col(ProfileRow.effective_from) <= bindparam("today"))
    .order_by(col(ProfileRow.number).desc())
    .limit(1)
)


def profile(work: Work) -> Profile:
    """The version in force; the generic one where none was ever put in force. Asked of the database once in a transaction."""
    today = work.now.astimezone(LOCAL).date()
    known: dict[date, Profile] = work.db.info.setdefault(_KNOWN, {})
    if today not in known:
        statement, given = question(work)
        body = fetched(work, statement, **given).scalar()
        known[today] = shipped()[DEFAULT] if body is None else _read(body)
    return known[today]


def question(work: Work) -> Asked:
    """What `profile` asks."""
    return _IN_FORCE, {"today": work.now.astimezone(LOCAL).date()}


@event.listens_for(ProfileRow, "after_insert")
@event.listens_for(ProfileRow, "after_update")
def _ask_again(_mapper: Any, _connection: Any, row: ProfileRow) -> None:  # noqa: ANN401 - SQLAlchemy's own
    """A transaction that changes profiles sees its own change."""
    if (session := object_session(row)) is not None:
        session.info.pop(_KNOWN, None)


@lru_cache(maxsize=16)
def _read(body: str) -> Profile:
    return Profile.model_validate_json(body)


def profiles_by_day(work: Work) -> Callable[[date], Profile]:
    """Which profile was in force on a day: from its day, not before it was confirmed, until another took its place."""
    confirmed = (
        select(ProfileRow, CaseEventRow.at)
        .where(CaseEventRow.case_kind == "profile", CaseEventRow.step == Step.CONFIRM)
        .where(col(CaseEventRow.case_id) == col(ProfileRow.id))
        .order_by(col(ProfileRow.number).desc())
    )
    known = [
        (max(row.effective_from, _day(at)), _day(row.ended_at) if row.ended_at else None, row.body)
        for row, at in work.db.exec(confirmed)
    ]

    def on(day: date) -> Profile:
        for since, until, body in known:
            if since <= day and (until is None or day < until):
                return _read(body)
        return shipped()[DEFAULT]

    return on


def _day(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()


_limits: Final[dict[int, tuple[Profile, Limits]]] = {}


def limits_of(profile: Profile) -> Limits:
    """The limits of a profile, made once per object: it is frozen, and kept here so that its id names no other."""
    known = _limits.get(id(profile))
    if known is None:
        if len(_limits) >= _MOST:
            _limits.clear()
        known = _limits[id(profile)] = (profile, profile.limits())
    return known[1]


def limits_now(work: Work) -> Limits:
    """The limits that the profile in force makes."""
    return limits_of(profile(work))


def limits_under(work: Work, policy: GrantPolicy) -> Limits:
    """The same where the grant is not stricter, and what the grant says where it is."""
    return within(limits_now(work), policy.safeguards)
