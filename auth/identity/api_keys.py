"""API keys for programs: `pda_<id>_<secret>`, shown once, SHA-256 at rest, at most 180 days."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity.principals import Principal, in_person, principal
from auth.identity.rules import MAX_KEY_DAYS
from auth.identity.tables import ApiKeyRow
from auth.roles import PERMISSIONS
from core.errors import InputRefused, NotFound
from core.text import Text
from core.work import Work

_SHAPE: Final = re.compile(r"pda_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


class ApiKeyCreate(SQLModel):
    """What a person asks for. `scopes`: permissions the key is limited to; empty = all of the person's own."""

    model_config = {"extra": "forbid"}
    name: str = Field(min_length=1, max_length=80)
    scopes: list[str] = []
    days: int = Field(default=90, ge=1, le=MAX_KEY_DAYS)


class ApiKeyRead(SQLModel):
    """A key as its owner sees it; the secret is not among it."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyMade(ApiKeyRead):
    """A key just made: `key` is shown this once."""

    key: str


@dataclass(frozen=True, slots=True)
class Known:
    """The owner of a good key. `is_touch_due`: its last use should be noted (at most once a minute)."""

    principal: Principal
    key_id: str
    is_touch_due: bool


def looks_like_key(text: str) -> bool:
    return text.startswith("pda_")


def create(work: Work, actor: Actor, ask: ApiKeyCreate) -> ApiKeyMade:
    """A key for the actor's own account; nobody makes one for somebody else, and a key makes no keys."""
    in_person(actor)
    if unknown := sorted(set(ask.scopes) - set(PERMISSIONS)):
        raise InputRefused(
            Text(
                f"没有这些权限：{'、'.join(unknown)}。",
                f"There are no such permissions: {', '.join(unknown)}.",
            ),
            field="scopes",
        )
    secret = secrets.token_urlsafe(32)
    row = ApiKeyRow(
        id=secrets.token_hex(8), account_id=actor.account_id, name=ask.name, secret_hash=_hash(secret),
        scopes=json.dumps(sorted(set(ask.scopes))), created_at=work.now,
        expires_at=work.now + timedelta(days=min(ask.days, MAX_KEY_DAYS)),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {"name": row.name, "scopes": sorted(set(ask.scopes)), "expires_at": row.expires_at.isoformat()}
    audit.record(work, actor, "api_key.created", subject=row.id, payload=payload)
    return ApiKeyMade.model_validate(read(row), update={"key": f"pda_{row.id}_{secret}"})


def identify(work: Work, key: str) -> Known | None:
    """Who holds this key; None when it is malformed, unknown, wrong, ended, or its owner may not act."""
    if (parts := _SHAPE.fullmatch(key)) is None:
        return None
    row = work.db.get(ApiKeyRow, parts[1])
    fits = hmac.compare_digest(row.secret_hash if row else "0" * 64, _hash(parts[2]))
    if row is None or not fits or row.revoked_at is not None or work.now >= row.expires_at:
        return None
    who = principal(work, row.account_id, "api_key", session_id=row.id, only=json.loads(row.scopes))
    if who is None:
        return None
    due = row.last_used_at is None or work.now - row.last_used_at >= timedelta(minutes=1)
    return Known(who, row.id, due)


def touch(work: Work, key_id: str) -> None:
    """Note that the key was used; not an event worth the audit record."""
    if (row := work.db.get(ApiKeyRow, key_id)) is not None:
        row.last_used_at = work.now


def own(work: Work, actor: Actor) -> list[ApiKeyRead]:
    """The actor's keys, newest first, ended ones included."""
    rows = work.db.exec(
        select(ApiKeyRow)
        .where(ApiKeyRow.account_id == actor.account_id)
        .order_by(col(ApiKeyRow.created_at).desc(), col(ApiKeyRow.id))
    )
    return [read(row) for row in rows]


def revoke(work: Work, actor: Actor, key_id: str) -> ApiKeyRead:
    """End a key: the actor's own, or anybody's for whoever administers keys. Raises NotFound otherwise."""
    row = work.db.get(ApiKeyRow, key_id)
    if row is None or not (row.account_id == actor.account_id or actor.may("auth:key:admin")):
        raise NotFound(Text("没有这把密钥。", "There is no such key."))
    if row.revoked_at is None:
        row.revoked_at = work.now
        audit.record(work, actor, "api_key.revoked", subject=row.id, payload={"owner": row.account_id})
    return read(row)


def read(row: ApiKeyRow) -> ApiKeyRead:
    return ApiKeyRead.model_validate(row, update={"scopes": json.loads(row.scopes)})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
