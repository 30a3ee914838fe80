"""The profile in force at this instant, asked where a rule depends on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache

from sqlmodel import col, select

from auth.casework.tables import CaseEventRow
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.profile.model import DEFAULT, Profile, shipped
from auth.profile.tables import ProfileRow
from auth.profile.workflow import State, Step
from core.work import Work


def profile(work: Work) -> Profile:
    """The version in force; the generic one where none was ever put in force."""
    today = work.now.astimezone(LOCAL).date()
    wanted = (
        select(ProfileRow.body)
        .where(ProfileRow.state == State.ACTIVE, col(ProfileRow.effective_from) <= today)
        .order_by(col(ProfileRow.number).desc())
    )
    body = work.db.exec(wanted.limit(1)).first()
    return shipped()[DEFAULT] if body is None else _read(body)


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


@lru_cache(maxsize=16)
def _limits(text: str) -> Limits:
    return Profile.model_validate_json(text).limits()


def limits_of(profile: Profile) -> Limits:
    """The limits of a profile, made once per value."""
    return _limits(profile.model_dump_json())


def limits_now(work: Work) -> Limits:
    """The limits that the profile in force makes."""
    return limits_of(profile(work))
