"""The profile in force at this instant, asked where a rule depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import bindparam, event
from sqlalchemy.orm import Session, object_session
from sqlmodel import col, select

from auth.casework.tables import CaseEventRow
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy
from auth.policy.safeguards import within
from auth.profile.model import DEFAULT, Profile, shipped
from auth.profile.standing import Span, in_force
from auth.profile.stored import profile_of
from auth.profile.tables import ProfileRow
from auth.profile.workflow import State, Step
from core.work import Asked, Work, fetched

_KNOWN: Final = "auth.profile.now"
_MOST: Final = 32
_IN_FORCE: Final = (
    select(ProfileRow.number, ProfileRow.body)
    .where(ProfileRow.state == State.ACTIVE, col(ProfileRow.effective_from) <= bindparam("today"))
    .order_by(col(ProfileRow.effective_from).desc(), col(ProfileRow.number).desc())
    .limit(1)
)  # those that a later confirmation replaced are no longer ACTIVE: of the others the latest day began last (`standing.replaces`)


def profile(work: Work) -> Profile:
    """The version in force; the generic one where none was ever put in force. Asked of the database once in a transaction.

    Raises Unavailable where the one in force cannot be read: no other takes its place by itself.
    """
    today = work.now.astimezone(LOCAL).date()
    known: dict[date, Profile] = work.db.info.setdefault(_KNOWN, {})
    if today not in known:
        statement, given = question(work)
        found = fetched(work, statement, **given).first()
        known[today] = shipped()[DEFAULT] if found is None else profile_of(found.number, found.body)
    return known[today]


def question(work: Work) -> Asked:
    """What `profile` asks."""
    return _IN_FORCE, {"today": work.now.astimezone(LOCAL).date()}


def number_now(work: Work) -> int | None:
    """The number of the version in force; None where none was ever put in force."""
    asked = _IN_FORCE.with_only_columns(col(ProfileRow.number))
    return work.db.connection().execute(asked, question(work)[1]).scalar()


@event.listens_for(ProfileRow, "after_insert")
@event.listens_for(ProfileRow, "after_update")
def _ask_again(_mapper: Any, _connection: Any, row: ProfileRow) -> None:  # noqa: ANN401 - SQLAlchemy's own
    """A transaction that changes profiles sees its own change."""
    cast("Session", object_session(row)).info.pop(_KNOWN, None)


@contextmanager
def as_if(work: Work, other: Profile) -> Iterator[None]:
    """While it lasts `other` counts as the profile in force: for dry runs, which write nothing."""
    before = profile(work)
    known: dict[date, Profile] = work.db.info[_KNOWN]
    today = work.now.astimezone(LOCAL).date()
    known[today] = other
    try:
        yield
    finally:
        known[today] = before


def profiles_by_moment(work: Work) -> Callable[[datetime], Profile]:
    """Which profile was in force at an instant: from its day, not before it was confirmed, until another took its place.

    What began in the morning keeps its profile although another is confirmed in the afternoon.
    """
    confirmed = (
        select(ProfileRow, CaseEventRow.at)
        .where(CaseEventRow.case_kind == "profile", CaseEventRow.step == Step.CONFIRM)
        .where(col(CaseEventRow.case_id) == col(ProfileRow.id))
        .order_by(col(ProfileRow.number))
    )
    rows = work.db.exec(confirmed)
    known = [Span.of(row.effective_from, at, row.ended_at, (row.number, row.body)) for row, at in rows]

    def at_moment(moment: datetime) -> Profile:
        found = in_force(known, moment)
        return shipped()[DEFAULT] if found is None else profile_of(*found.what)

    return at_moment


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
