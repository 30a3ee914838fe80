"""Refresh tokens: used once, each replaced by the next of its family; a second use later revokes the whole family.

A client whose answer was lost may ask again within ten seconds and gets the same successor: it is derived from the old token
with the installation's secret, so nothing readable needs to be stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.identity.keyring import Ring
from auth.identity.principals import Principal, principal
from auth.identity.tables import AccountRow, RefreshRow
from core.settings import Settings
from core.work import Work

PREFIX: Final = "pdr_"
RETRY_WINDOW: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Renewed:
    """The account, the family (the token's `sid`) and the next refresh token."""

    who: Principal
    family_id: str
    token: str


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _successor(ring: Ring, token: str) -> str:
    return PREFIX + hmac.new(ring.secret, b"refresh" + token.encode(), hashlib.sha256).hexdigest()


def start(work: Work, actor: Actor, settings: Settings) -> tuple[str, str]:
    """A new family for a person whose password has just been proven: its id and first token."""
    account = work.db.get_one(AccountRow, actor.account_id)
    token = PREFIX + secrets.token_hex(32)
    row = RefreshRow(
        id=work.new_id(), family_id=work.new_id(), token_hash=_hash(token), account_id=account.id,
        epoch=account.epoch, created_at=work.now, expires_at=work.now + timedelta(hours=settings.refresh_hours),
    )  # fmt: skip
    work.db.add(row)
    audit.record(work, actor, "token.started", subject=row.family_id, payload={"account": account.id})
    return row.family_id, token


def renew(work: Work, ring: Ring, token: str) -> Renewed | None:
    """Swap a refresh token for its successor; None when it no longer counts.

    On reuse the family is revoked, and None returned rather than an error raised, so that the revocation is committed.
    """
    row = _row(work, token)
    if row is None or row.revoked_at is not None or work.now >= row.expires_at:
        return None
    who = principal(work, row.account_id, "token", epoch=row.epoch, session_id=row.family_id)
    if who is None:
        return None
    successor = _successor(ring, token)
    following = _row(work, successor)
    if row.used_at is not None:
        is_retry = (
            work.now - row.used_at <= RETRY_WINDOW and following is not None and following.used_at is None
        )
        if is_retry:
            return Renewed(who, row.family_id, successor)
        _revoke_family(work, row.family_id)
        audit.record(
            work, who.actor, "token.reused", subject=row.family_id, payload={"account": row.account_id}
        )
        return None
    row.used_at = work.now
    work.db.add(
        RefreshRow(
            id=work.new_id(),
            family_id=row.family_id,
            token_hash=_hash(successor),
            account_id=row.account_id,
            epoch=row.epoch,
            created_at=work.now,
            expires_at=row.expires_at,
        )
    )
    audit.record(work, who.actor, "token.renewed", subject=row.family_id)
    return Renewed(who, row.family_id, successor)


def revoke(work: Work, token: str) -> None:
    """End the family of a token; unknown tokens are no error (RFC 7009 §2.2)."""
    row = _row(work, token)
    if row is None or row.revoked_at is not None:
        return
    _revoke_family(work, row.family_id)
    if (who := principal(work, row.account_id, "token", session_id=row.family_id)) is not None:
        audit.record(work, who.actor, "token.revoked", subject=row.family_id)


def _revoke_family(work: Work, family_id: str) -> None:
    for row in work.db.exec(
        select(RefreshRow).where(RefreshRow.family_id == family_id, col(RefreshRow.revoked_at).is_(None))
    ):
        row.revoked_at = work.now


def _row(work: Work, token: str) -> RefreshRow | None:
    return work.db.exec(
        select(RefreshRow).where(RefreshRow.token_hash == _hash(token)).with_for_update()
    ).first()
