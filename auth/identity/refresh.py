"""Refresh tokens: used once, each replaced by the next of its family; a second use later revokes the whole family.

A client whose answer was lost may ask again within ten seconds and gets the same successor: it is derived from the old token
with the installation's secret, so nothing readable needs to be stored.

A family counts for the program that it was given to: under the name that it gave, and with the key that it proved. Brought by another, it ends.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import SQLModel, col, func, select

from auth import audit
from auth.actor import PLATFORM, Actor
from auth.identity import possession
from auth.identity.keyring import Ring
from auth.identity.principals import Principal, in_person, principal
from auth.identity.tables import AccountRow, RefreshRow
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import Role
from core.errors import NotFound, Reason, refuse_if
from core.settings import Settings
from core.text import Text
from core.work import Work

PREFIX: Final = "pdr_"
RETRY_WINDOW: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Program:
    """Who brings a token: the name that the program gives itself, the key that it proves, and the network it comes from."""

    name: str = ""
    proof: possession.Proof | None = None
    network: str = ""

    @property
    def key(self) -> str:
        return self.proof.key if self.proof is not None else ""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The account, the family (the token's `sid`) and the next refresh token."""

    who: Principal
    family_id: str
    token: str


class ProgramRead(SQLModel):
    """One of a person's own families: a program that renews its access. `key`: the thumbprint of its key, "" where it has none."""

    id: str
    client: str
    key: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


NOBODY: Final = Program()
NEEDS_KEY: Final = Reason(
    "token-needs-key",
    Text(
        "本系统只向持有密钥的程序签发令牌：请在请求头 DPoP 中附密钥持有证明（datagrant token proof），再以密码登录一次。",
        "This installation gives tokens to programs with a key alone: send a proof of possession in the header DPoP (datagrant token proof) and sign in with the password once more.",
    ),
    "RFC 9449 · DATAGRANT_TOKENS_NEED_KEY",
)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _successor(ring: Ring, token: str) -> str:
    return PREFIX + hmac.new(ring.secret, b"refresh" + token.encode(), hashlib.sha256).hexdigest()


def start(work: Work, actor: Actor, settings: Settings, program: Program = NOBODY) -> tuple[str, str]:
    """A new family for a person whose password has just been proven: its id and first token. It is bound to the program.

    Raises AccessRefused where this installation gives tokens to keys alone and the program proved none.
    """
    refuse_if(key_objections(settings, program.key))
    account = work.db.get_one(AccountRow, actor.account_id)
    token = PREFIX + secrets.token_hex(32)
    row = RefreshRow(
        id=work.new_id(), family_id=work.new_id(), token_hash=_hash(token), account_id=account.id,
        epoch=account.epoch, created_at=work.now, expires_at=work.now + timedelta(hours=settings.refresh_hours),
        client=program.name, bound_key=program.key,
    )  # fmt: skip
    work.db.add(row)
    audit.record(work, actor, "token.started", subject=row.family_id, payload={"account": account.id})
    return row.family_id, token


def key_objections(settings: Settings, key: str) -> tuple[Reason, ...]:
    """Why a program without a proven key gets no token here; () where it needs none, or has one."""
    return () if key or not settings.tokens_need_key else (NEEDS_KEY,)


def renew(work: Work, ring: Ring, token: str, program: Program = NOBODY) -> Renewed | None:
    """Swap a refresh token for its successor; None when it no longer counts.

    On reuse, or where another program brings it, the family is revoked, and None returned rather than an error raised, so that the
    revocation is committed.
    """
    row = _row(work, token)
    if row is None or row.revoked_at is not None or work.now >= row.expires_at:
        return None
    who = principal(work, row.account_id, "token", epoch=row.epoch, session_id=row.family_id)
    if who is None:
        return None
    if (row.client, row.bound_key) != (program.name, program.key):
        _revoke_family(work, row.family_id)
        told = {"account": row.account_id, "client": row.client, "by": program.name, "from": program.network}
        audit.record(work, who.actor, "token.elsewhere", subject=row.family_id, payload=told)
        _tell(work, who.actor, row, "token.elsewhere", program)
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
        _tell(work, who.actor, row, "token.reused", program)
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
            client=row.client,
            bound_key=row.bound_key,
        )
    )
    audit.record(work, who.actor, "token.renewed", subject=row.family_id)
    return Renewed(who, row.family_id, successor)


def _tell(work: Work, owner: Actor, row: RefreshRow, kind: str, by: Program) -> None:
    """A token of this person was in other hands, or in two: he hears of it, and so do the security officers."""
    facts = {
        "client": row.client or "—",
        "by": by.name or "—",
        "network": by.network or "—",
        "username": owner.username,
    }
    tell(work, [row.account_id], kind, subject=row.family_id, href="/me", once=row.family_id, facts=facts)
    officers = [
        each for each in audience.holders(work, [Role.SECURITY_OFFICER], [PLATFORM]) if each != row.account_id
    ]
    tell(
        work,
        officers,
        f"{kind}_of",
        subject=row.family_id,
        href="/audit?kind=token",
        once=row.family_id,
        facts=facts,
    )


def note_replay(work: Work, token: str, program: Program) -> None:
    """Write down that a proof came a second time; the family goes on, since whoever holds the key may simply have sent it twice."""
    row = _row(work, token)
    if row is None or (who := principal(work, row.account_id, "token", session_id=row.family_id)) is None:
        return
    audit.record(
        work, who.actor, "token.proof_replayed", subject=row.family_id, payload={"from": program.network}
    )


def own(work: Work, actor: Actor) -> list[ProgramRead]:
    """The actor's live families, newest first: the token that was not used yet says when its family was last renewed."""
    account = work.db.get_one(AccountRow, actor.account_id)
    wanted = select(RefreshRow).where(
        RefreshRow.account_id == actor.account_id, RefreshRow.epoch == account.epoch,
        col(RefreshRow.used_at).is_(None), col(RefreshRow.revoked_at).is_(None), col(RefreshRow.expires_at) > work.now,
    )  # fmt: skip
    began = dict(
        work.db.exec(
            select(RefreshRow.family_id, func.min(RefreshRow.created_at))
            .where(RefreshRow.account_id == actor.account_id)
            .group_by(RefreshRow.family_id)
        ).all()
    )
    found = [
        ProgramRead(
            id=row.family_id, client=row.client, key=row.bound_key, created_at=began[row.family_id],
            last_used_at=row.created_at, expires_at=row.expires_at,
        )
        for row in work.db.exec(wanted)
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.last_used_at, each.created_at, each.id), reverse=True)


def end(work: Work, actor: Actor, family_id: str) -> None:
    """End one of the actor's own families. Raises NotFound for anybody else's."""
    in_person(actor)
    row = work.db.exec(
        select(RefreshRow).where(RefreshRow.family_id == family_id, RefreshRow.account_id == actor.account_id)
    ).first()
    if row is None:
        raise NotFound(Text("没有这个程序。", "There is no such program."))
    if _revoke_family(work, family_id):
        audit.record(work, actor, "token.revoked", subject=family_id)


def revoke(work: Work, token: str) -> None:
    """End the family of a token; unknown tokens are no error (RFC 7009 §2.2)."""
    row = _row(work, token)
    if row is None or row.revoked_at is not None:
        return
    _revoke_family(work, row.family_id)
    if (who := principal(work, row.account_id, "token", session_id=row.family_id)) is not None:
        audit.record(work, who.actor, "token.revoked", subject=row.family_id)


def _revoke_family(work: Work, family_id: str) -> int:
    """Take every token of the family away; how many still counted."""
    rows = work.db.exec(
        select(RefreshRow).where(RefreshRow.family_id == family_id, col(RefreshRow.revoked_at).is_(None))
    ).all()
    for row in rows:
        row.revoked_at = work.now
    return len(rows)


def _row(work: Work, token: str) -> RefreshRow | None:
    return work.db.exec(
        select(RefreshRow).where(RefreshRow.token_hash == _hash(token)).with_for_update()
    ).first()
