"""API keys for programs: `pda_<id>_<secret>`, shown once, SHA-256 at rest, at most 180 days.

A key may be bound to one grant and to networks. A key of the other kind has no secret: it names public keys, and whoever holds the
private half proves himself by a signed assertion (`auth.identity.assertions`) and gets a short access token for it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Field, SQLModel, and_, col, func, not_, or_, select

from auth import audit
from auth.actor import Actor
from auth.identity.principals import Principal, in_person, principal
from auth.identity.rules import MAX_KEY_DAYS, is_within, networks_of
from auth.identity.tables import AccountRow, ApiKeyRow, PersonRow
from auth.roles import PERMISSIONS
from core.errors import AccessRefused, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Work

_SHAPE: Final = re.compile(r"pda_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOTED_EVERY: Final = timedelta(minutes=1)
SESSION: Final = "key:"  # begins the `sid` of an access token that stands for a key


class ApiKeyCreate(SQLModel):
    """What a person asks for. `scopes`: permissions the key is limited to; empty = all of the person's own.

    `networks`: addresses or networks (CIDR) that it may come from; empty = any.
    """

    model_config = {"extra": "forbid"}
    name: str = Field(min_length=1, max_length=80)
    scopes: list[str] = []
    networks: list[str] = []
    days: int = Field(default=90, ge=1, le=MAX_KEY_DAYS)


class ApiKeyRead(SQLModel):
    """A key as its owner sees it; the secret is not among it. `kids`: the public keys of one without a secret."""

    id: str
    name: str
    scopes: list[str]
    grant_id: str
    networks: list[str]
    kids: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyOf(ApiKeyRead):
    """A key as those see it who watch over all of them: with whose it is."""

    username: str
    name_zh: str
    name_en: str
    org_id: str | None


class ApiKeyMade(ApiKeyRead):
    """A key just made: `key` is shown this once; empty for one that proves itself by a private key."""

    key: str


@dataclass(frozen=True, slots=True)
class Bond:
    """What a key is bound to besides its scopes: one grant, its end, and public keys instead of a secret (checked JWKS as JSON)."""

    grant_id: str = ""
    ends_at: datetime | None = None
    jwks: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """The owner of a good key. `is_touch_due`: its last use should be noted (at most once a minute)."""

    principal: Principal
    key_id: str
    is_touch_due: bool


def looks_like_key(text: str) -> bool:
    return text.startswith("pda_")


def create(work: Work, actor: Actor, ask: ApiKeyCreate, bond: Bond | None = None) -> ApiKeyMade:
    """A key for the actor's own account; nobody makes one for somebody else, and a key makes no keys."""
    in_person(actor)
    bond = bond or Bond()
    if unknown := sorted(set(ask.scopes) - set(PERMISSIONS)):
        raise InputRefused(
            Text(
                f"没有这些权限：{'、'.join(unknown)}。",
                f"There are no such permissions: {', '.join(unknown)}.",
            ),
            field="scopes",
        )
    secret = secrets.token_urlsafe(32)
    ends = work.now + timedelta(days=min(ask.days, MAX_KEY_DAYS))
    row = ApiKeyRow(
        id=secrets.token_hex(8), account_id=actor.account_id, name=ask.name,
        secret_hash="" if bond.jwks else _hash(secret), scopes=json.dumps(sorted(set(ask.scopes))),
        grant_id=bond.grant_id, networks=json.dumps(_networks(ask.networks)), jwks=bond.jwks, created_at=work.now,
        expires_at=min(ends, bond.ends_at or ends),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    made = read(row)
    payload = {"name": row.name, "scopes": made.scopes, "expires_at": row.expires_at.isoformat()} | {
        name: value for name, value in (("networks", made.networks), ("kids", made.kids)) if value
    }
    audit.record(
        work, actor, "api_key.created", subject=row.id, grant_id=row.grant_id or None, payload=payload
    )
    shown = "" if bond.jwks else f"pda_{row.id}_{secret}"
    return ApiKeyMade.model_validate(made, update={"key": shown})


def _networks(words: Sequence[str]) -> list[str]:
    try:
        return list(networks_of(words))
    except ValueError as fault:
        said = str(fault)
        raise InputRefused(
            Text(
                f"网络地址无法识别（{said}）；请写作 203.0.113.7 或 203.0.113.0/24，至多 20 个。",
                f"The networks cannot be read ({said}); write 203.0.113.7 or 203.0.113.0/24, at most 20.",
            ),
            field="networks",
        ) from fault


def identify(work: Work, key: str, address: str = "") -> Known | None:
    """Who holds this key; None when it is malformed, unknown, wrong, ended, or its owner may not act.

    Raises AccessRefused when it is good and comes from outside its networks.
    """
    if (parts := _SHAPE.fullmatch(key)) is None:
        return None
    row = work.db.get(ApiKeyRow, parts[1])
    fits = hmac.compare_digest((row.secret_hash if row else "") or "0" * 64, _hash(parts[2]))
    if row is None or row.jwks or not fits:
        return None
    return _known(work, row, None, address)


def of_token(work: Work, session_id: str, epoch: int, address: str = "") -> Known | None:
    """The key that an access token stands for; None when key or account has ended since. AccessRefused from elsewhere."""
    row = work.db.get(ApiKeyRow, session_id.removeprefix(SESSION))
    return None if row is None or not row.jwks else _known(work, row, epoch, address)


def _known(work: Work, row: ApiKeyRow, epoch: int | None, address: str) -> Known | None:
    if (who := holder(work, row, epoch)) is None:
        return None
    demand_place(row, address)
    due = row.last_used_at is None or work.now - row.last_used_at >= _NOTED_EVERY
    return Known(who, row.id, due)


def holder(work: Work, row: ApiKeyRow, epoch: int | None = None) -> Principal | None:
    """Who acts with this key now, within its limits; None when it has ended or its owner may not act."""
    if row.revoked_at is not None or work.now >= row.expires_at:
        return None
    return principal(
        work, row.account_id, "api_key", epoch=epoch, session_id=row.id, only=json.loads(row.scopes), grant=row.grant_id
    )  # fmt: skip


def demand_place(row: ApiKeyRow, address: str) -> None:
    """Raise AccessRefused when the key is bound to networks and the address lies in none of them."""
    networks = json.loads(row.networks)
    if networks and not is_within(address, networks):
        text = Text(
            "该密钥只能从登记的网络地址使用；请从登记地址访问，或由密钥所有人另建密钥。",
            "This key works from its registered networks alone; come from there, or have its owner make another.",
        )
        raise AccessRefused(
            text, reasons=[Reason("address-not-allowed", text, "networks of a key", {"key": row.id})]
        )


def note_elsewhere(work: Work, key_id: str, origin: str) -> None:
    """Write down that a good key came from elsewhere: it may have been stolen. At most once a minute for each key."""
    row = work.db.get(ApiKeyRow, key_id)
    if row is None or (row.refused_at is not None and work.now - row.refused_at < _NOTED_EVERY):
        return
    row.refused_at = work.now
    if (who := holder(work, row)) is not None:
        audit.record(
            work, who.actor, "api_key.refused_elsewhere", subject=row.id, grant_id=row.grant_id or None,
            payload={"from": origin},
        )  # fmt: skip


def touch(work: Work, key_id: str) -> None:
    """Note that the key was used; not an event worth the audit record."""
    if (row := work.db.get(ApiKeyRow, key_id)) is not None:
        row.last_used_at = work.now


def own(work: Work, actor: Actor) -> list[ApiKeyRead]:
    """The actor's keys, newest first, ended ones included; a key bound to a grant sees itself alone."""
    wanted = select(ApiKeyRow).where(ApiKeyRow.account_id == actor.account_id)
    if actor.grant is not None:
        wanted = wanted.where(ApiKeyRow.id == actor.session_id)
    return [read(row) for row in work.db.exec(wanted.order_by(*_NEWEST))]


def everybody(
    work: Work,
    *,
    query: str = "",
    org_id: str = "",
    is_live: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[ApiKeyOf], int]:
    """Keys of all accounts, newest first, and how many there are. `query` looks in names of keys, user names and ids of keys; `is_live`: only those that still work, or only those that ended."""
    wanted = (
        select(ApiKeyRow, AccountRow, PersonRow)
        .join(AccountRow, col(AccountRow.id) == ApiKeyRow.account_id)
        .join(PersonRow, col(PersonRow.id) == AccountRow.person_id)
    )
    if part := query.strip().lower():
        fields = (func.lower(ApiKeyRow.name), col(AccountRow.username), col(ApiKeyRow.id))
        wanted = wanted.where(or_(*(each.contains(part, autoescape=True) for each in fields)))
    if org_id:
        wanted = wanted.where(AccountRow.org_id == org_id)
    if is_live is not None:
        lives = and_(col(ApiKeyRow.revoked_at).is_(None), col(ApiKeyRow.expires_at) > work.now)
        wanted = wanted.where(lives if is_live else not_(lives))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(*_NEWEST).limit(limit).offset(offset))
    return [_of(*row) for row in rows], total


def _of(row: ApiKeyRow, account: AccountRow, person: PersonRow) -> ApiKeyOf:
    whose = {
        "username": account.username,
        "name_zh": person.name_zh,
        "name_en": person.name_en,
        "org_id": account.org_id,
    }
    return ApiKeyOf.model_validate(read(row), update=whose)


def of_grant(work: Work, grant_id: str) -> list[tuple[ApiKeyRead, str]]:
    """The keys bound to a grant with their owners' account ids, newest first."""
    rows = work.db.exec(select(ApiKeyRow).where(ApiKeyRow.grant_id == grant_id).order_by(*_NEWEST))
    return [(read(row), row.account_id) for row in rows]


_NEWEST: Final = (col(ApiKeyRow.created_at).desc(), col(ApiKeyRow.id))


def revoke(work: Work, actor: Actor, key_id: str, *, as_keeper: bool = False) -> ApiKeyRead:
    """End a key: the actor's own, or anybody's for whoever may end keys. Raises NotFound otherwise.

    as_keeper: the caller has found that the actor answers for the grant it is bound to.
    """
    row = work.db.get(ApiKeyRow, key_id)
    is_own = row is not None and row.account_id == actor.account_id and actor.grant is None
    is_itself = actor.via == "api_key" and key_id == actor.session_id
    if row is None or not (as_keeper or is_own or is_itself or actor.may("auth:key:end")):
        raise missing()
    if row.revoked_at is None:
        row.revoked_at = work.now
        audit.record(
            work, actor, "api_key.revoked", subject=row.id, grant_id=row.grant_id or None, payload={"owner": row.account_id}
        )  # fmt: skip
    return read(row)


def missing() -> NotFound:
    return NotFound(Text("没有这把密钥。", "There is no such key."))


def read(row: ApiKeyRow) -> ApiKeyRead:
    kids = [key["kid"] for key in json.loads(row.jwks)["keys"]] if row.jwks else []
    lists = {"scopes": json.loads(row.scopes), "networks": json.loads(row.networks), "kids": kids}
    return ApiKeyRead.model_validate(row, update=lists)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
