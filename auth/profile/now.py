"""The profile in force at this instant, asked where a rule depends on it."""

from __future__ import annotations

from functools import lru_cache

from sqlmodel import col, select

from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.profile.model import DEFAULT, Profile, shipped
from auth.profile.tables import ProfileRow
from auth.profile.workflow import State
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


@lru_cache(maxsize=16)
def _limits(text: str) -> Limits:
    return Profile.model_validate_json(text).limits()


def limits_of(profile: Profile) -> Limits:
    """The limits of a profile, made once per value."""
    return _limits(profile.model_dump_json())


def limits_now(work: Work) -> Limits:
    """The limits that the profile in force makes."""
    return limits_of(profile(work))
