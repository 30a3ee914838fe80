"""Sessions of browsers: an opaque cookie, its hash in a row, an idle and an absolute end."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity.principals import Principal, in_person, principal
from auth.identity.tables import AccountRow, SessionRow
from core.errors import NotFound
from core.settings import Settings
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just made. `token` goes into the cookie and is kept nowhere else."""

    session_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Found:
    """A live session. `is_touch_due`: its last use should be noted (at most once a minute)."""

    principal: Principal
    session_id: str
    csrf: str
    is_touch_due: bool


class SessionRead(SQLModel):
    """One of a person's own sessions."""

    id: str
    created_at: datetime
    last_used_at: datetime
    ip: str
    agent: str
    is_this_one: bool


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """The anti-forgery token of a session: derived, so that the database holds nothing that could forge a form."""
    return hmac.new(token.encode(), b"datagrant csrf", hashlib.sha256).hexdigest()


HALF: Final = timedelta(minutes=5)


def open_session(
    work: Work,
    actor: Actor,
    *,
    ip: str,
    agent: str,
    instead_of: str | None = None,
    awaits_factor: bool = False,
) -> Opened:
    """A fresh session for a person whose password has just been proven; `instead_of`: the cookie it replaces.

    `awaits_factor`: half a session, which opens nothing until `half_owner` is asked and the second factor is given.
    """
    if instead_of and (old := _row(work, instead_of)) is not None:
        old.ended_at = old.ended_at or work.now
    account = work.db.get_one(AccountRow, actor.account_id)
    token = secrets.token_urlsafe(32)
    row = SessionRow(
        id=work.new_id(), token_hash=_hash(token), account_id=account.id, epoch=account.epoch,
        created_at=work.now, last_used_at=work.now, ip=ip[:60], agent=agent[:200], awaits_factor=awaits_factor,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    if not awaits_factor:
        audit.record(work, actor, "session.started", subject=row.id, payload={"account": account.id})
    return Opened(row.id, token)


def half_owner(work: Work, token: str) -> Principal | None:
    """Whose half session this is, while its few minutes last; None otherwise."""
    row = _row(work, token)
    if row is None or not row.awaits_factor or row.ended_at is not None or work.now >= row.created_at + HALF:
        return None
    return principal(work, row.account_id, "session", epoch=row.epoch)


def find(work: Work, token: str, settings: Settings) -> Found | None:
    """The live session of a cookie; None when it is unknown, ended, too old, or its account no longer counts."""
    row = _row(work, token)
    if row is None or row.ended_at is not None or row.awaits_factor or not is_live(row, work.now, settings):
        return None
    who = principal(work, row.account_id, "session", epoch=row.epoch, session_id=row.id)
    if who is None:
        return None
    touch_after = min(timedelta(minutes=1), timedelta(minutes=settings.session_idle_minutes) / 4)
    return Found(who, row.id, csrf_of(token), work.now - row.last_used_at >= touch_after)


def is_live(row: SessionRow, now: datetime, settings: Settings) -> bool:
    idle_end = row.last_used_at + timedelta(minutes=settings.session_idle_minutes)
    return now < min(idle_end, row.created_at + timedelta(hours=settings.session_hours))


def touch(work: Work, session_id: str) -> None:
    """Note that the session was used; not an event worth the audit record."""
    if (row := work.db.get(SessionRow, session_id)) is not None and row.last_used_at < work.now:
        row.last_used_at = work.now


def end(work: Work, actor: Actor, session_id: str) -> None:
    """End one of the actor's own sessions. Raises NotFound for anybody else's."""
    in_person(actor)
    row = work.db.get(SessionRow, session_id)
    if row is None or row.account_id != actor.account_id:
        raise NotFound(Text("没有这个会话。", "There is no such session."))
    if row.ended_at is None:
        row.ended_at = work.now
        audit.record(work, actor, "session.ended", subject=row.id)


def end_all(work: Work, actor: Actor, account_id: str) -> None:
    """End every session, access token and refresh token of an account at once, by raising its epoch."""
    in_person(actor)
    account = work.db.get_one(AccountRow, account_id)
    account.epoch += 1
    audit.record(work, actor, "account.signed_out_everywhere", subject=account.id)


def own(work: Work, actor: Actor, settings: Settings) -> list[SessionRead]:
    """The actor's live sessions, newest first."""
    account = work.db.get_one(AccountRow, actor.account_id)
    wanted = select(SessionRow).where(
        SessionRow.account_id == actor.account_id,
        SessionRow.epoch == account.epoch,
        col(SessionRow.ended_at).is_(None),
        col(SessionRow.awaits_factor).is_(False),
    )
    return [
        SessionRead.model_validate(row, update={"is_this_one": row.id == actor.session_id})
        for row in work.db.exec(wanted.order_by(col(SessionRow.created_at).desc()))
        if is_live(row, work.now, settings)
    ]


def _row(work: Work, token: str) -> SessionRow | None:
    return work.db.exec(select(SessionRow).where(SessionRow.token_hash == _hash(token))).first()
